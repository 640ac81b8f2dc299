"""Rows of a file as rows of galpublishedstars, by a definition."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exposures.errors import InputFileError
from exposures.published.definitions import CatalogueDefinition, Condition, Table
from exposures.published.files import OpenTable
from exposures.published.json_rows import json_texts
from exposures.published.sources import Source, found_source
from exposures.published.targets import FLUX, MAG, MAG_ERR, TARGETS
from exposures.published.values import POGSON, BoundColumn, is_met
from exposures.science.angles import wrap_ra

SHOWN = 12  # columns in a message
HOW_TO = "Write its names of columns into a TOML file (--columns; docs/catalogues.md)"
TEXTS = ("name", "var_class")
DOUBLE = ("ra", "dec", "period")
SINGLE = (*(name for name in TARGETS if name not in TEXTS + DOUBLE), "mag", "mag_err")
MOST_BEYOND = 0.01  # of the rows, whose positions are nowhere: more is no fault of single rows


@dataclass(frozen=True)
class BoundBand:
    """A band of a definition, and where a file has it; what it lacks is None."""

    place: int  # among the bands of the catalogue
    mag: BoundColumn | None
    mag_err: BoundColumn | None
    flux: BoundColumn | None
    flux_err: BoundColumn | None
    zero_point: float

    @property
    def columns(self) -> list[BoundColumn]:
        return [c for c in (self.mag, self.mag_err, self.flux, self.flux_err) if c is not None]

    def magnitudes(self, part: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """(n,) magnitudes and their errors, NaN where there are none."""
        unknown = np.full(part.num_rows, np.nan)
        if self.mag is not None and self.flux is None:
            error = unknown if self.mag_err is None else self.mag_err.numbers(part, MAG_ERR)
            return self.mag.numbers(part, MAG), error
        if self.flux is None:
            return unknown, unknown
        flux = self.flux.numbers(part, FLUX)
        error = unknown if self.flux_err is None else self.flux_err.numbers(part, FLUX)
        if self.mag is not None:
            return self.mag.numbers(part, MAG), POGSON * error / flux
        return self.zero_point - 2.5 * np.log10(flux), POGSON * error / flux


@dataclass(frozen=True)
class MappedRows:
    """Rows of a part of a file: columns of galpublishedstars, but for ids."""

    rows: pa.Table
    n_left_out: int  # without a position


@dataclass(frozen=True)
class Mapping:
    """How the rows of one file become rows of published stars."""

    path: object
    table: Table
    n_bands: int
    columns: dict[str, BoundColumn]
    bands: list[BoundBand]
    range: tuple[BoundColumn, BoundColumn] | None = None
    is_amplitude: tuple[Condition, Source] | None = None
    extras: dict[str, Source] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The columns of the file that it reads."""
        bound = [*self.columns.values(), *(c for band in self.bands for c in band.columns)]
        bound += self.range or ()
        names = {name for column in bound for name in column.names}
        names |= {name for source in self.extras.values() for name in source.names}
        if self.is_amplitude:
            names |= set(self.is_amplitude[1].names)
        return sorted(names)

    def mapped(self, part: pa.Table) -> MappedRows:
        """The rows of a part; those without a position are left out."""
        mags, mag_errs = self._magnitudes(part)
        numbers = self._numbers(part, mags, mag_errs)
        n = part.num_rows
        arrays = {name: _nullable(numbers.get(name), n, pa.float64()) for name in DOUBLE}
        arrays |= {name: _nullable(numbers.get(name), n, pa.float32()) for name in SINGLE}
        for name in TEXTS:
            column = self.columns.get(name)
            arrays[name] = column.texts(part) if column else pa.nulls(n, pa.string())
        arrays["mags"], arrays["mag_errs"] = _array_texts(mags), _array_texts(mag_errs)
        arrays["extras"] = json_texts({k: s.values(part) for k, s in self.extras.items()}, part)
        if self.table.joined:
            is_kept = pc.is_valid(arrays["name"])
        else:
            is_kept = pa.array(self._place(arrays, numbers["ra"], numbers["dec"]))
        rows = pa.table(arrays).filter(is_kept)
        return MappedRows(rows, n - rows.num_rows)

    def _numbers(self, part, mags, mag_errs):
        """(n,) numbers by the columns of galpublishedstars that hold them."""
        numbers = {
            name: column.numbers(part, TARGETS[name])
            for name, column in self.columns.items()
            if not TARGETS[name].is_text
        }
        if self.n_bands:
            numbers |= {"mag": mags[:, 0], "mag_err": mag_errs[:, 0]}
        if self.range:
            numbers["amplitude"] = self._amplitude(part)
        return numbers

    def _place(self, arrays, ra, dec):
        """(n,) whether rows have a place on the sky; right ascensions are brought to 0 to 360."""
        with np.errstate(invalid="ignore"):
            is_there = (np.abs(ra) <= 360) & (np.abs(dec) <= 90)
        known = np.isfinite(ra) & np.isfinite(dec)
        if known.any() and np.mean(is_there[known]) < 1 - MOST_BEYOND:
            k = np.flatnonzero(known & ~is_there)[0]
            problem = f"positions such as {ra[k]:g} {dec[k]:g}, which are no degrees"
            raise InputFileError(self.path, problem, HOW_TO)
        arrays["ra"] = pa.array(wrap_ra(np.where(is_there, ra, 0.0)))
        return is_there

    def _magnitudes(self, part):
        mags = np.full((part.num_rows, self.n_bands), np.nan)
        errors = mags.copy()
        for band in self.bands:
            mags[:, band.place], errors[:, band.place] = band.magnitudes(part)
        return mags, errors

    def _amplitude(self, part):
        """(n,) magnitudes from brightest to faintest."""
        brightest, faintest = (column.numbers(part, MAG) for column in self.range)
        amplitude = faintest - brightest
        if self.is_amplitude:
            amplitude = np.where(is_met(*self.is_amplitude, part), faintest, amplitude)
        return np.where(amplitude > 0, amplitude, np.nan)


def mapping_of(definition: CatalogueDefinition, table: OpenTable) -> Mapping:
    """The Mapping of a file by the first table of the definition that it can be.

    Raises InputFileError that says what each lacks.
    """
    lacks = []
    for kind in definition.tables:
        if (kind.lines and kind.lines != table.pattern) or (table.pattern and not kind.lines):
            lacks.append(f"{kind.title}: its lines are others")
            continue
        mapping = _bound(kind, definition.bands, table)
        missing = _missing(kind, mapping, table)
        if not missing:
            return mapping
        lacks.append(f"{kind.title}: no column {missing}")
    there = ", ".join(table.names[:SHOWN]) + ", ..." * (len(table.names) > SHOWN)
    problem = f"no table of {definition.name} ({'; '.join(lacks)}). There: {there}"
    raise InputFileError(table.path, problem, HOW_TO)


def _missing(kind, mapping, table):
    """What a table has to have and a file lacks, in words; "" if nothing."""
    # Those that add to stars are told apart by what they have.
    for name in kind.columns if kind.joined else ("ra", "dec"):
        if name not in mapping.columns:
            return f"for {name} ({' or '.join(kind.columns[name].columns)})"
    return next((mark for mark in kind.marked_by if not found_source([mark], table)), "")


def _bound(kind, bands, table):
    columns = {name: _column(column, table) for name, column in kind.columns.items()}
    found = [_band(band, bands.index(band.name), table) for band in kind.bands]
    extras = {name: found_source([name], table) for name in kind.extras}
    ends = is_amplitude = None
    if kind.range:
        ends = tuple(_column(c, table) for c in (kind.range.brightest, kind.range.faintest))
        condition = kind.range.is_amplitude
        source = condition and found_source(condition.columns, table)
        is_amplitude = (condition, source) if source else None
    return Mapping(
        path=table.path,
        table=kind,
        n_bands=len(bands),
        columns={name: column for name, column in columns.items() if column},
        bands=[band for band in found if band.columns],
        range=ends if ends and all(ends) else None,
        is_amplitude=is_amplitude,
        extras={name: source for name, source in extras.items() if source},
    )


def _column(column, table):
    source = column and found_source(column.columns, table)
    if not source:
        return None
    unless = column.unless and found_source(column.unless.columns, table)
    return BoundColumn(column, source, unless or None, table.path)


def _band(band, place, table):
    own = (_column(c, table) for c in (band.mag, band.mag_err, band.flux, band.flux_err))
    return BoundBand(place, *own, band.zero_point)


def _nullable(numbers, n, kind):
    """Numbers as an Arrow array, null where they are not finite; nulls where there are none."""
    if numbers is None:
        return pa.nulls(n, kind)
    with np.errstate(over="ignore"):
        numbers = numbers.astype(kind.to_pandas_dtype())
    return pa.array(numbers, kind, mask=~np.isfinite(numbers))


def _array_texts(values):
    """(n, k) numbers as PostgreSQL writes arrays, null where all are NaN."""
    if values.shape[1] == 0:
        return pa.nulls(len(values), pa.string())
    columns = (_nullable(column, len(values), pa.float32()) for column in values.T)
    texts = [pc.fill_null(pc.cast(column, pa.string()), "NULL") for column in columns]
    joined = pc.binary_join_element_wise("{", pc.binary_join_element_wise(*texts, ","), "}", "")
    is_empty = pa.array(np.all(np.isnan(values), axis=1))
    return pc.if_else(is_empty, pa.scalar(None, pa.string()), joined)

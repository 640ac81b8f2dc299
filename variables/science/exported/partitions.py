"""What LSDB's map_partitions maps over the pixels of an export: statistics and periods.

A pixel comes as a data frame of nested_pandas, and what is found goes back as one: pandas itself is
not needed here.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from exposures.science.barycentre import ObservatoryOptions, bjd_tdb
from variables.science.exported.images import CatalogueEpochs, ExportedImages
from variables.science.exported.nested_curves import catalogue_curves
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.curve_matrices import CurveMatrix
from variables.science.periodicity.search import periods_of_stars
from variables.science.variability.curves import CatalogueCurves
from variables.science.variability.options import VariabilityOptions
from variables.science.variability.statistics import NAMES, CurveStatistics, matrix_statistics

# The columns of an export that are needed, besides those that one wants to keep.
TREND_COLUMNS = tuple(f"trend_{number}" for number in range(1, 6))
OF_STATISTICS = ("source_id", "catalogue_id", "lightcurve", "nondetections", *TREND_COLUMNS)
OF_PERIODS = (*OF_STATISTICS, "filter", "object_id", "object_kind", "ra", "dec")
BLEND = 3  # of object_kind
PERIODS = ("days", "error_days", "power", "false_alarm", "n_cycles", "amplitude_mag")


def statistics_of_pixel(
    pixel: Any, images: ExportedImages, options: VariabilityOptions = VariabilityOptions()
) -> Any:
    """The statistics of the sources of a pixel, those of galvariability, as a data frame.

    ``pixel`` has the columns OF_STATISTICS, a row a source. The result has ``source_id``,
    ``catalogue_id``, the fields of ``CurveStatistics`` in their units, and again with ``measured_``
    before them those of the light curves with the trends that stars share. NaN where epochs are too
    few.
    """
    found = {name: np.full(len(pixel), np.nan, "f4") for name in _statistics_names()}
    for epochs, rows in _by_catalogue(pixel, images):
        curves = catalogue_curves(pixel, rows, epochs)
        curves = curves.put_in_flux(curves.fading(options.faint_sigma))
        measured = _statistics(curves, options)
        statistics = measured
        if len(epochs.trends):
            curves.mag[:] -= _coefficients(pixel, rows, epochs) @ epochs.trends
            statistics = _statistics(curves, options)
        for name in NAMES:
            found[f"measured_{name}"][rows] = getattr(measured, name)
            found[name][rows] = getattr(statistics, name)
    for name in ("n_epochs", "measured_n_epochs"):
        found[name] = np.nan_to_num(found[name]).astype("i2")
    return _with_ids(pixel, found)


def periods_of_pixel(
    pixel: Any,
    images: ExportedImages,
    options: PeriodOptions = PeriodOptions(),
    observatory: ObservatoryOptions = ObservatoryOptions(),
) -> Any:
    """The likeliest period of each source of a pixel, by all filters of its star, as a data frame.

    ``pixel`` has the columns OF_PERIODS, a row a source; sources of its star that lie beyond the
    pixel's border do not count. The result has ``source_id`` and PERIODS, days, probabilities and
    mag; NaN where there is none.
    """
    found = {f"period_{name}": np.full(len(pixel), np.nan) for name in PERIODS}
    curves = [
        (epochs, rows, _detrended(pixel, rows, epochs))
        for epochs, rows in _by_catalogue(pixel, images)
    ]
    members = _members(pixel)
    for own, rows, _ in curves:
        matrix = _matrix(rows, members, own, curves, observatory)
        periods = periods_of_stars(matrix, options)
        for name in PERIODS:
            found[f"period_{name}"][rows] = getattr(periods, name)[:, 0]
    return _with_ids(pixel, found)


def _with_ids(pixel: Any, found: dict[str, np.ndarray]) -> Any:
    """A data frame of the kind of ``pixel`` with columns beside what names its sources."""
    ids = {name: pixel[name] for name in ("source_id", "catalogue_id")}
    return type(pixel)(ids | found, index=pixel.index)


def _statistics(curves: CatalogueCurves, options: VariabilityOptions) -> CurveStatistics:
    return matrix_statistics(curves.mjd, curves.mag, curves.mag_err, options.min_epochs)


def _statistics_names() -> list[str]:
    return [*NAMES, *(f"measured_{name}" for name in NAMES)]


def _by_catalogue(pixel: Any, images: ExportedImages) -> Iterator[tuple[CatalogueEpochs, IntArray]]:
    """The images of each catalogue of a pixel, and the rows (n,) of its sources."""
    catalogue_id = pixel["catalogue_id"].to_numpy(dtype="i8")
    for one in np.unique(catalogue_id).tolist():
        yield images.of(one), np.flatnonzero(catalogue_id == one)


def _coefficients(pixel: Any, rows: IntArray, epochs: CatalogueEpochs) -> FloatArray:
    """(n, n_trends) how much sources follow trends; 0 where that is not known."""
    n_trends = len(epochs.trends)
    columns = [
        pixel[name].to_numpy(dtype="f4", na_value=0)[rows] for name in TREND_COLUMNS[:n_trends]
    ]
    if not columns:
        return np.zeros((len(rows), 0), "f4")
    return np.nan_to_num(np.column_stack(columns))


def _detrended(pixel: Any, rows: IntArray, epochs: CatalogueEpochs) -> CatalogueCurves:
    curves = catalogue_curves(pixel, rows, epochs)
    curves.mag[:] -= _coefficients(pixel, rows, epochs) @ epochs.trends
    return curves


def _members(pixel: Any) -> dict[int, dict[str, int]]:
    """{row of a source: {filter: row}} of its star's nearest sources in other filters."""
    object_id = pixel["object_id"].to_numpy(dtype="i8", na_value=-1)
    kind = pixel["object_kind"].to_numpy(dtype="i2", na_value=BLEND)
    filters = pixel["filter"].to_numpy(dtype=object)
    ra, dec = (pixel[name].to_numpy(dtype="f8") for name in ("ra", "dec"))
    stars: dict[int, list[int]] = {}
    for row in np.flatnonzero((object_id >= 0) & (kind != BLEND)).tolist():
        stars.setdefault(int(object_id[row]), []).append(row)
    members: dict[int, dict[str, int]] = {}
    for rows in stars.values():
        for own in rows:
            offset = (ra[rows] - ra[own]) * np.cos(np.radians(dec[own])), dec[rows] - dec[own]
            by_distance = np.argsort(np.hypot(*offset), kind="stable")[::-1]
            others = [rows[k] for k in by_distance.tolist() if filters[rows[k]] != filters[own]]
            members[own] = {filters[row]: row for row in others}
    return members


def _matrix(
    rows: IntArray,
    members: dict[int, dict[str, int]],
    own: CatalogueEpochs,
    curves: list[tuple[CatalogueEpochs, IntArray, CatalogueCurves]],
    observatory: ObservatoryOptions,
) -> CurveMatrix:
    """The CurveMatrix of the stars of some sources, in all filters, at times at the barycentre."""
    filters = sorted({epochs.filter for epochs, _, _ in curves})
    parts = []
    for epochs, of, catalogue in curves:
        place = {row: k for k, row in enumerate(of.tolist())}
        # Its own source, or the member in this catalogue's filter.
        pairs = [
            (star, place[member])
            for star, row in enumerate(rows.tolist())
            for member in (row, *members.get(row, {}).values())
            if member in place
        ]
        if not pairs:
            continue
        mag = np.full((len(rows), len(epochs.image_id)), np.nan, "f4")
        mag_err = mag.copy()
        star, source = np.array(pairs).T
        mag[star], mag_err[star] = catalogue.mag[source], catalogue.mag_err[source]
        band = np.full(len(epochs.image_id), filters.index(epochs.filter))
        parts.append((epochs.mjd, band, mag, mag_err))
    mjd, band, mag, mag_err = (
        np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)
    )
    days = bjd_tdb(mjd, *own.direction, observatory)
    known = np.flatnonzero(np.isfinite(days))
    order = known[np.argsort(mjd[known], kind="stable")]
    _, band = np.unique(band[order], return_inverse=True)
    return CurveMatrix(days[order], band, mag[:, order], mag_err[:, order])

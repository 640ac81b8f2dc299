"""Reference catalogues on disk: HEALPix tiles in a folder, or one FITS table."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy_healpix import HEALPix

from exposures.errors import InputFileError
from exposures.fits.files import open_table
from exposures.science.motion import moved, separation_degrees, years_after
from exposures.science.quantities import Arcseconds, Milliarcseconds, Motion, Options, Sigma, Year

# Columns that stand in for a band, best first. A column called mag_<band> comes before them all.
# They are APPROXIMATE: Gaia's G, BP and RP differ from these bands by up to a magnitude with
# colour, so a zero point from them says how deep an image is, not how bright a star.
GAIA_G, GAIA_BP, GAIA_RP = (f"phot_{band}_mean_mag" for band in ("g", "bp", "rp"))
BAND_COLUMNS = {
    **dict.fromkeys(("u", "U", "B", "g"), (GAIA_BP, "mag_bt", "mag_vt")),
    **dict.fromkeys(("V", "VR", "r", "R", "Clear"), (GAIA_G, "mag_vt")),
    **dict.fromkeys(("i", "I", "z", "Y"), (GAIA_RP, "mag_vt")),
}
FAINTEST = 50.0  # magnitude, of anything: beyond stands for no measurement
DEGREES = ("", "deg", "degree", "degrees")
MOST_BEYOND = 0.01  # of the entries whose positions are nowhere: single ones are a fault of theirs
SHOWN = 10  # columns in a message
ANY_BAND = (GAIA_G, "mag_vt")  # narrow bands


@dataclass(frozen=True)
class CatalogueStars:
    """Stars at an epoch; arrays of (n,), NaN where the catalogue doesn't say."""

    ra: np.ndarray  # ICRS degrees
    dec: np.ndarray  # ICRS degrees
    ra_error: np.ndarray  # mas, times cos(dec), at the epoch
    dec_error: np.ndarray  # mas, at the epoch
    pm_ra: np.ndarray  # mas/yr, times cos(dec)
    pm_dec: np.ndarray  # mas/yr
    pm_ra_error: np.ndarray  # mas/yr
    pm_dec_error: np.ndarray  # mas/yr
    magnitudes: np.ndarray
    magnitude_errors: np.ndarray
    colours: np.ndarray  # mag, Gaia's BP - RP

    def __len__(self):
        return len(self.ra)


@dataclass(frozen=True)
class CatalogueCuts(Options):
    """Cuts that select well-measured stars of a catalogue, and the use of proper motions."""

    max_excess_noise: Milliarcseconds = 3.0
    """Largest astrometric_excess_noise of a star in Gaia, its scatter about a single moving star;
    binaries and blends have more."""
    min_excess_noise_significance: Sigma = 2.0
    """Significance of astrometric_excess_noise from which on it counts:
    astrometric_excess_noise_sig, as Gaia's documentation advises."""
    unknown_motion: Motion = 5.0
    """Error that is assumed of a proper motion that was not measured."""
    default_epoch: Year = 2016.0
    """Epoch of positions where ref_epoch is absent."""
    margin_arcsec: Arcseconds = 10.0
    """Margin round a cone in which entries are read: stars move between the catalogue's epoch and
    the image's."""

    @property
    def margin_degrees(self):
        return self.margin_arcsec / 3600


DEFAULT_CUTS = CatalogueCuts()


@dataclass(frozen=True)
class Cone:
    """A circle on the sky."""

    ra: float  # ICRS degrees
    dec: float  # ICRS degrees
    radius_degrees: float

    def holds(self, ra, dec, margin_degrees=0.0):
        """Which of the positions (n,), degrees, lie in it, or not further out than the margin."""
        return separation_degrees(ra, dec, self.ra, self.dec) < self.radius_degrees + margin_degrees

    def grown(self, margin_degrees: float) -> "Cone":
        """A cone with a margin round it."""
        return Cone(self.ra, self.dec, self.radius_degrees + margin_degrees)


class FileCatalogue:
    """A catalogue on disk."""

    stars_read = ()  # of a database

    def __init__(self, cuts: CatalogueCuts):
        self.cuts = cuts
        self.files_read: set[Path] = set()

    def covers(self, cone: Cone) -> bool:
        """Whether nothing is known to be missing of its stars in a cone."""
        return True

    def sources(self, cone: Cone):
        """The catalogues that are asked for stars in a cone, until one has any."""
        return (self,)


class TableCatalogue(FileCatalogue):
    """One FITS table with columns ra, dec and a magnitude; Gaia's names for the rest."""

    def __init__(self, path: Path, cuts: CatalogueCuts = DEFAULT_CUTS):
        super().__init__(cuts)
        self.path = Path(path)

    def stars(self, ra, dec, radius_degrees, mjd, band: str) -> CatalogueStars:
        """Stars within a radius of ``ra, dec`` (degrees) where they are at ``mjd``."""
        self.files_read.add(self.path)
        stars = _read_stars(self.path, Cone(ra, dec, radius_degrees), mjd, band, self.cuts)
        if len(stars) == 0 and len(positions_of(self.path)[0]) == 0:
            raise InputFileError(self.path, "the table has no rows", _HOW_TO)
        return stars

    def extent(self) -> str:
        """The sky it covers in words, for an error about an image outside it."""
        ra, dec = positions_of(self.path)
        return f"the {len(ra)} of {self.path.name} are at {_range(ra, dec)}"


class TileCatalogue(FileCatalogue):
    """A folder of HEALPix tiles, RING order, ``chunk-NNNNN.fits``; one that is absent is empty.

    Tiles are of Gaia's columns, DR2 or later, and those alone within reach of a cone are read.
    """

    def __init__(
        self,
        folder: Path,
        nside: int = 32,
        cuts: CatalogueCuts = DEFAULT_CUTS,
    ):
        super().__init__(cuts)
        self.folder, self.nside = Path(folder), nside
        if not self.folder.is_dir():
            raise InputFileError(self.folder, "there is no such folder", _HOW_TO)
        if next(self.folder.glob("chunk-*.fits"), None) is None:
            raise InputFileError(self.folder, "no tile chunk-NNNNN.fits in it", _HOW_TO)

    def stars(self, ra, dec, radius_degrees, mjd, band: str) -> CatalogueStars:
        """Stars within a radius of ``ra, dec`` (degrees) where they are at ``mjd``."""
        cone = Cone(ra, dec, radius_degrees)
        paths = map(self._path, self.tiles_of(cone.grown(self.cuts.margin_degrees)))
        tiles = [path for path in paths if path.is_file()]
        self.files_read.update(tiles)
        return _concatenated([_read_stars(tile, cone, mjd, band, self.cuts) for tile in tiles])

    def covers(self, cone: Cone) -> bool:
        """Whether there are all tiles that a cone touches."""
        return all(self._path(tile).is_file() for tile in self.tiles_of(cone))

    def extent(self) -> str:
        """The sky its tiles cover in words, for an error about an image outside it."""
        names = (path.stem.removeprefix("chunk-") for path in self.folder.glob("chunk-*.fits"))
        pixels = HEALPix(self.nside, order="ring")
        tiles = [int(name) for name in names if name.isdecimal() and int(name) < pixels.npix]
        if not tiles:
            return f"no tile of {self.folder.name} has a number that there is"
        ra, dec = (angle.deg for angle in pixels.healpix_to_lonlat(tiles))
        return f"tiles in {self.folder.name}: {len(tiles)}, around {_range(ra, dec)}"

    def _path(self, tile):
        return self.folder / f"chunk-{tile:05d}.fits"

    def tiles_of(self, cone: Cone) -> list[int]:
        """Numbers of all tiles that a cone touches."""
        found = HEALPix(self.nside, order="ring").cone_search_lonlat(
            cone.ra * u.deg, cone.dec * u.deg, cone.radius_degrees * u.deg
        )
        return sorted(found)


def open_catalogue(path: Path, cuts: CatalogueCuts = DEFAULT_CUTS):
    """Open a catalogue: tiles if ``path`` is a folder, else one FITS table."""
    path = Path(path)
    if path.is_file():
        return TableCatalogue(path, cuts)
    return TileCatalogue(path, cuts=cuts)


_HOW_TO = (
    "Name a folder of HEALPix tiles (nside 32, RING: chunk-NNNNN.fits) or one FITS table, "
    "or leave the catalogue out"
)


@dataclass(frozen=True)
class Rows:
    """Selected rows of a table."""

    path: Path
    records: np.ndarray
    names: dict[str, str]  # of its columns, by their names in lower case
    numbers: np.ndarray

    def column(self, name, default=np.nan):
        """The values of a column, or the default if the table lacks it."""
        if name not in self.names:
            return np.full(len(self.numbers), default)
        return _numbers(self.path, name, self.records[self.names[name]][self.numbers])


def _read_stars(path, cone, mjd, band, cuts):
    """Stars of one table within the cone at the epoch."""
    with open_table(path) as records:
        columns = _columns(path, records)
        is_near = cone.holds(*_positions(path, records, columns), cuts.margin_degrees)
        near = Rows(path, records, columns, np.flatnonzero(is_near))
        good = Rows(path, records, columns, near.numbers[_is_good(near.column, cuts)])
        magnitude = _magnitude_columns(records.names, columns, band)
        stars = _at_epoch(good.column, mjd, cuts, magnitude)
    return _concatenated([stars], cone.holds(stars.ra, stars.dec))


def positions_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Right ascensions and declinations, degrees, of all entries of a table that have both."""
    with open_table(path) as records:
        ra, dec = _positions(path, records, _columns(path, records))
    known = np.isfinite(ra) & np.isfinite(dec)
    return ra[known], dec[known]


def _columns(path, records):
    """Names of the columns by their names in lower case; ra and dec are among them."""
    columns = {name.lower(): name for name in records.names}
    if not {"ra", "dec"} <= set(columns):
        there = ", ".join(records.names[:SHOWN]) + ", ..." * (len(records.names) > SHOWN)
        raise InputFileError(path, f"no columns ra and dec; there: {there}", _HOW_TO)
    return columns


def _range(ra, dec):
    """The range of positions in words, with a guess at units other than degrees."""
    words = f"RA {ra.min():.4g} to {ra.max():.4g}, Dec {dec.min():.4g} to {dec.max():.4g} degrees"
    if ra.max() <= 2 * np.pi and np.abs(dec).max() <= np.pi / 2:
        return f"{words} (such values may be radians)"
    return f"{words} (such right ascensions may be hours)" if ra.max() <= 24 else words


def _is_good(column, cuts):
    """Whether entries are neither duplicates nor of uncertain position."""
    noisy = (column("astrometric_excess_noise", 0) > cuts.max_excess_noise) & (
        column("astrometric_excess_noise_sig", 0) > cuts.min_excess_noise_significance
    )
    return ~noisy & ~column("duplicated_source", 0).astype(bool)


def _at_epoch(column, mjd, cuts, magnitude_columns):
    """CatalogueStars moved to ``mjd``; those without proper motion stay, with larger errors."""
    epoch = column("ref_epoch", cuts.default_epoch)
    years = years_after(np.where(np.isfinite(epoch), epoch, cuts.default_epoch), mjd)
    pm_ra, pm_dec = column("pmra"), column("pmdec")
    is_known = np.isfinite(pm_ra) & np.isfinite(pm_dec)
    ra, dec = moved(
        column("ra"),
        column("dec"),
        np.where(is_known, pm_ra, 0),
        np.where(is_known, pm_dec, 0),
        years,
    )

    def position_error(position, motion):
        motion = np.where(is_known, np.nan_to_num(column(motion)), cuts.unknown_motion)
        return np.hypot(column(position), motion * years)

    magnitude, relative_error = magnitude_columns
    return CatalogueStars(
        ra,
        dec,
        position_error("ra_error", "pmra_error"),
        position_error("dec_error", "pmdec_error"),
        *(np.where(is_known, values, np.nan) for values in (pm_ra, pm_dec)),
        *(np.where(is_known, column(name), np.nan) for name in ("pmra_error", "pmdec_error")),
        *_magnitudes(column(magnitude), column(relative_error)),
        _known_magnitudes(column(GAIA_BP)) - _known_magnitudes(column(GAIA_RP)),
    )


def _magnitudes(magnitudes, flux_over_error):
    """Magnitudes and their errors; NaN where not measured, which some tiles write as 0."""
    magnitudes = _known_magnitudes(magnitudes)
    with np.errstate(divide="ignore"):
        errors = 2.5 / np.log(10) / flux_over_error
    return magnitudes, np.where(np.isfinite(errors), errors, np.nan)


def _known_magnitudes(magnitudes):
    """Magnitudes, NaN where not measured."""
    known = (magnitudes != 0) & (np.abs(magnitudes) <= FAINTEST)  # as NaN isn't
    return np.where(known, magnitudes, np.nan)


def _magnitude_columns(names, columns, band):
    """Lower-case names of the columns with a band's magnitude and its flux / error."""
    if f"mag_{band}" in names:  # case matters: r is not R
        return f"mag_{band}".lower(), ""
    candidates = BAND_COLUMNS.get(band, ANY_BAND)
    magnitude = next((name for name in candidates if name in columns), "")
    return magnitude, magnitude.replace("_mean_mag", "_mean_flux_over_error")


def _positions(path, records, columns):
    """Right ascensions and declinations of all entries, checked for the range of degrees."""
    ra, dec = (_numbers(path, name, records[columns[name]]) for name in ("ra", "dec"))
    for name in ("ra", "dec"):
        unit = records.columns[columns[name]].unit or "deg"
        if unit.strip().lower() not in DEGREES:
            problem = f"the unit of column {name} is {unit!r}, not degrees"
            raise InputFileError(path, problem, "Write positions in degrees, ICRS")
    for name, values, most in (("ra", ra, 360), ("dec", dec, 90)):
        known = np.isfinite(values)
        if len(values) and not known.any():
            raise InputFileError(path, f"column {name} has no value that is a number", _HOW_TO)
        beyond = known & (np.abs(values) > most)
        if np.mean(beyond) > MOST_BEYOND:
            problem = f"column {name} has values such as {values[beyond][0]:g}, no degrees"
            raise InputFileError(path, problem, "Write positions in degrees, ICRS")
    if len(ra) and not np.any(np.isfinite(ra) & np.isfinite(dec)):
        raise InputFileError(path, "no row has both ra and dec", _HOW_TO)
    return ra, dec


def _numbers(path, name, values):
    """A column as numbers, one a row; raises InputFileError if it isn't numeric."""
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind == "c":
        raise InputFileError(path, f"column {name} has no single number a row", _HOW_TO)
    if values.dtype.kind == "b":
        return values
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        example = next((str(v) for v in values.ravel() if not _is_number(v)), "")
        problem = f"column {name} holds text such as {example[:40]!r} where numbers belong"
        raise InputFileError(path, problem, "Write the column as numbers") from error


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _concatenated(parts, chosen=slice(None)):
    """Several CatalogueStars as one."""
    arrays = (
        np.concatenate([np.zeros(0), *(getattr(part, field.name) for part in parts)])[chosen]
        for field in fields(CatalogueStars)
    )
    return CatalogueStars(*arrays)

"""A simulated night: one reference exposure, several search exposures, and the truth."""

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from astropy.table import Table

from exposures.chip import Amplifier
from exposures.errors import GalprojectError
from exposures.fits.boundary import reading
from exposures.fits.plain_files import open_plain
from exposures.science.angles import wrap_ra
from exposures.science.motion import moved
from exposures.simulation.aureole import FAINTEST_MAG, aureoles
from exposures.simulation.catalogue import write_catalogue
from exposures.simulation.detector import SimulatedExposure, add_artifacts, expose
from exposures.simulation.instcal import (
    PRODUCTS,
    ExposureCards,
    chip_header,
    file_name,
    write_triplet,
)
from exposures.simulation.mosaic import PIXEL_DEGREES, Pointing, detectors
from exposures.simulation.nebulae import seen_nebulae
from exposures.simulation.optics import Optics, render_stars
from exposures.simulation.options import SimulationOptions
from exposures.simulation.published import FOLDER as PUBLISHED
from exposures.simulation.published import published_files, write_published
from exposures.simulation.stars import magnitudes_at, make_stars, positions_at
from exposures.simulation.truth import ORDER, Truth, surface, surface_image, write_truth

FIRST_EXPNUM = 600_000
NOTE = "simulation.json"  # of the options a folder was made with
MAX_NOTE = 1 << 20  # bytes of it
POLAR_DEGREES = 80.0  # from here on east and north are taken along great circles
# A star's light is followed to where it is this small a part of the sky's noise.
FAINTEST_PART = 0.05


@dataclass(frozen=True)
class SimulatedNight:
    """The paths of a simulated night."""

    reference: Path  # of the image; its siblings lie beside it
    searches: tuple[Path, ...]
    catalogue: Path  # folder of tiles
    truth: Path

    @property
    def published(self) -> dict[str, tuple[Path, ...]]:
        """Files of published catalogues, by their names."""
        return published_files(self.truth.parent, self.catalogue)


@dataclass(frozen=True)
class _Exposure:
    """One exposure before it is taken."""

    index: int  # 0 is the reference
    expnum: int
    start_mjd: float
    fwhm: float
    zero_point: float
    truth: Pointing
    header: Pointing

    def middle(self, options):
        return self.start_mjd + options.exposure_seconds / 2 / 86400

    def cards(self, options):
        return ExposureCards(
            self.expnum,
            self.start_mjd,
            options.filter,
            options.exposure_seconds,
            self.header,
            self.zero_point,
        )


def simulate_night(folder, options=None, progress=None) -> SimulatedNight:
    """Write a night into ``folder``, unless the same night is there already.

    ``progress`` is told of each chip, by ``update(1)``. Raises GalprojectError if the folder
    holds another simulation.
    """
    options, folder = options or SimulationOptions(), Path(folder)
    night = find_night(folder, options)
    if night is None:
        with _storage_errors(folder):
            night = _make_night(folder, options, progress)
    return night


def find_night(folder, options=None) -> SimulatedNight | None:
    """The night of these options, if it is complete in ``folder``.

    Raises GalprojectError if the folder holds another simulation.
    """
    options, folder = options or SimulationOptions(), Path(folder)
    note = folder / NOTE
    if not note.exists():
        return None
    with reading(note, advice="Choose another folder"), open_plain(note) as file:
        is_other = file.read(MAX_NOTE).decode() != _note(options)
    if is_other:
        raise GalprojectError(
            f"{folder} holds a simulation with other options (see {NOTE}). "
            "Choose another folder, or remove this one"
        )
    exposures = _schedule(options)
    night = _paths(folder, exposures, options)
    names = [
        file_name(exposure.cards(options), product, options.compress)
        for exposure in exposures
        for product in PRODUCTS
    ]
    wanted = [night.truth, night.catalogue, folder / PUBLISHED, *(folder / n for n in names)]
    return night if all(path.exists() for path in wanted) else None


def _note(options):
    return json.dumps(asdict(options), indent=1, sort_keys=True)


@contextmanager
def _storage_errors(folder):
    """A folder that can't be written, or a disk that is full, is the user's to mend."""
    try:
        yield
    except OSError as error:
        raise GalprojectError(
            f"{error.filename or folder}: {error.strerror or error}. "
            "Choose a folder that you may write to, with room for the night"
        ) from error


def _make_night(folder, options, progress):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NOTE).write_text(_note(options))
    exposures = _schedule(options)
    night = _paths(folder, exposures, options)
    stars = make_stars(options, [e.middle(options) for e in exposures])
    write_catalogue(night.catalogue, stars, options)
    write_published(folder, stars, options.seed)
    artifacts, chips = [], []
    for exposure in exposures:
        exposed = []
        for detector in detectors(options.n_chips):
            header, images, row, placed = _expose_chip(exposure, detector, stars, options)
            exposed.append((header, images))
            chips.append(row)
            artifacts += placed
            if progress is not None:
                progress.update(1)
        write_triplet(folder, exposure.cards(options), exposed, options.compress)
    write_truth(night.truth, _truth(stars, artifacts, exposures, chips, options))
    return night


def _paths(folder, exposures, options):
    paths = [folder / file_name(e.cards(options), "i", options.compress) for e in exposures]
    return SimulatedNight(paths[0], tuple(paths[1:]), folder / "catalogue", folder / "truth.fits")


def _schedule(options):
    """The reference and the search exposures, some days apart."""
    rng = np.random.default_rng([options.seed, 2])
    mjd, exposures = options.first_mjd, []
    for index in range(options.n_epochs + 1):
        dither = 0 if index == 0 else options.dither_pixels * PIXEL_DEGREES
        d_ra, d_dec = rng.uniform(-1, 1, 2) * dither
        truth = Pointing(*_offset(options.ra, options.dec, d_ra, d_dec))
        exposures.append(
            _Exposure(
                index=index,
                expnum=FIRST_EXPNUM + index,
                start_mjd=round(mjd, 6),
                fwhm=options.reference_fwhm if index == 0 else rng.uniform(*options.fwhm_range),
                zero_point=options.zero_point + rng.normal(0, options.zero_point_scatter),
                truth=truth,
                header=_with_error(truth, options.wcs_error_mas, rng),
            )
        )
        mjd += rng.uniform(0.8, 3.0)
    return exposures


def _with_error(pointing, error_mas, rng):
    """The pointing of the header, with small errors in position, rotation and scale."""
    d_ra, d_dec = rng.normal(0, error_mas / 3.6e6, 2)
    return Pointing(
        *_offset(pointing.ra, pointing.dec, d_ra, d_dec),
        rotation_radians=rng.normal(0, 2e-5),
        scale=1 + rng.normal(0, 2e-5),
    )


def _offset(ra, dec, d_ra, d_dec):
    """A position in degrees moved a little to the east and the north, at the poles too."""
    if abs(dec) < POLAR_DEGREES:
        return wrap_ra(ra + d_ra / np.cos(np.radians(dec))), dec + d_dec
    ra, dec = moved(ra, dec, 3.6e6 * d_ra, 3.6e6 * d_dec, years=1)
    return float(ra), float(dec)


def _expose_chip(exposure, detector, stars, options):
    """Expose one chip: header, images, row of the truth, and the artifacts placed."""
    rng = np.random.default_rng([options.seed, 3, exposure.index, detector.ccdnum])
    shape = options.chip_shape
    truth = _chip_truth(exposure, detector, options, rng)
    pixels = _pixels(exposure, detector, stars, options, truth)
    optics = Optics.of(exposure.fwhm, rng)
    sky = _sky_image(exposure, detector, truth, options)
    faintest = FAINTEST_PART * np.sqrt(options.sky_adu / 4)
    light = render_stars(*pixels, optics, shape, faintest) + sky
    if options.n_bright_stars:
        bright = pixels[2] > 10 ** (-0.4 * (FAINTEST_MAG - exposure.zero_point))
        light = light + aureoles(*(column[bright] for column in pixels), shape)
    placed = []
    if exposure.index == 0:
        found = add_artifacts(light, pixels, options.n_reference_artifacts, optics, rng)
        wcs = exposure.truth.wcs(detector, shape)
        placed = [(detector.ccdnum, a, *wcs.all_pix2world(a.x, a.y, 0)) for a in found]
    exposed = expose(light, detector, options.cosmic_rays_per_megapixel, rng)
    header = chip_header(exposure.cards(options), detector, shape, exposed, exposure.fwhm)
    return header, exposed, truth, placed


def _chip_truth(exposure, detector, options, rng):
    return {
        "expnum": exposure.expnum,
        "ccdnum": detector.ccdnum,
        "name": detector.name,
        "ny": options.chip_shape[0],
        "nx": options.chip_shape[1],
        "flat": _smooth(options.flat_amplitude, rng),
        "sky": _sky(options, rng),
    }


def _smooth(amplitude, rng):
    """Coefficients of a smooth surface without a constant, of a given range over the chip."""
    i, j = np.mgrid[: ORDER + 1, : ORDER + 1]
    coefficients = rng.normal(0, 1, i.shape) * (i + j > 0) * (i + j <= ORDER) / (1 + i + j)
    coefficients *= amplitude / np.ptp(surface_image(coefficients, (65, 33)))
    return coefficients.ravel()


def _sky(options, rng):
    """Coefficients of a tilted plane."""
    coefficients = np.zeros((ORDER + 1, ORDER + 1))
    tilt = options.sky_adu * options.sky_gradient / 2
    coefficients[0, 0] = options.sky_adu * rng.uniform(0.9, 1.1)
    coefficients[1, 0], coefficients[0, 1] = rng.uniform(-tilt, tilt, 2)
    return coefficients.ravel()


def _sky_image(exposure, detector, truth, options):
    """(ny, nx) ADU of the sky, with nebulae that stay where they are from exposure to exposure."""
    shape = options.chip_shape
    sky = surface_image(truth["sky"], shape)
    if not options.nebulosity:
        return sky
    still = Pointing(options.ra, options.dec).wcs(detector, shape)
    light = seen_nebulae(
        options.nebulosity,
        exposure.truth.wcs(detector, shape),
        still,
        shape,
        exposure.fwhm,
        np.random.default_rng([options.seed, 8, detector.ccdnum]),
    )
    return sky + options.sky_adu * light


def _pixels(exposure, detector, stars, options, truth):
    """x, y and flux in ADU of the stars whose light reaches the chip."""
    mjd, shape = exposure.middle(options), options.chip_shape
    x, y = exposure.truth.wcs(detector, shape).all_world2pix(*positions_at(stars, mjd), 0)
    near = (x > -300) & (x < shape[1] + 300) & (y > -300) & (y < shape[0] + 300)
    x, y, mag = x[near], y[near], magnitudes_at(stars[near], mjd)
    # Off the chip the flat field means nothing; the edge's value does.
    flat = surface(truth["flat"], np.clip(x, 0, shape[1]), np.clip(y, 0, shape[0]), shape)
    return x, y, 10 ** (-0.4 * (mag + flat - exposure.zero_point))


def _truth(stars, artifacts, exposures, chips, options):
    table = Table(stars)
    table["epoch_mag"] = np.column_stack(
        [magnitudes_at(stars, e.middle(options)) for e in exposures]
    )
    spots = Table(
        rows=[(c, a.kind, a.x, a.y, float(ra), float(dec), a.flux) for c, a, ra, dec in artifacts],
        names=("ccdnum", "kind", "x", "y", "ra", "dec", "flux"),
        dtype=("i4", "U12", "f8", "f8", "f8", "f8", "f8"),
    )
    taken = Table(
        rows=[
            (e.expnum, e.middle(options), e.index == 0, e.fwhm, e.zero_point, e.truth.ra,
             e.truth.dec)
            for e in exposures
        ],
        names=("expnum", "mjd", "is_reference", "fwhm", "zero_point", "ra", "dec"),
    )  # fmt: skip
    parts = (table, spots, taken, Table(chips))
    return Truth(*(np.asarray(part.as_array()) for part in parts))


@dataclass(frozen=True)
class SimulatedChip:
    """One chip in memory, with its truth."""

    exposed: SimulatedExposure
    amplifiers: tuple[Amplifier, ...]
    sky: np.ndarray  # (ny, nx) ADU
    x: np.ndarray  # (n,) pixels, of the stars whose light reaches the chip
    y: np.ndarray
    flux: np.ndarray  # ADU


def simulate_chip(options=None) -> SimulatedChip:
    """The first chip of a night's reference, without artifacts and without a file."""
    options = replace(options or SimulationOptions(), n_reference_artifacts=0)
    exposure, detector = _schedule(options)[0], detectors(1)[0]
    stars = make_stars(options, [exposure.middle(options)])
    _, exposed, truth, _ = _expose_chip(exposure, detector, stars, options)
    return SimulatedChip(
        exposed,
        detector.amplifiers(options.chip_shape),
        _sky_image(exposure, detector, truth, options),
        *_pixels(exposure, detector, stars, options, truth),
    )

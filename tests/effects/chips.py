"""Results of pixels: small simulated chips read, reduced, measured and stacked."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace

import numpy as np

from exposures.errors import GalprojectError
from exposures.fits import read_chip, read_exposure
from exposures.science.astrometry import PixelCorrection
from exposures.science.orientation import Orientation
from exposures.simulation import SimulationOptions, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.stacking import plan_stack
from photometry.reduction.displacements import measured_displacements
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.search import measure_search
from photometry.reduction.stack import StackInput, StackSettings, stack_chip
from photometry.references.left_over import left_over_stars
from photometry.references.reference import measure_reference, measure_reference_errors
from photometry.science.detection.peak_fit import Residual
from photometry.science.detection.peak_image import ListedStars
from photometry.science.detection.residual_peaks import find_new_stars
from photometry.science.psf.seeing import estimate_fwhm
from variables.new_sources.detection import find_new_detections
from variables.pictures.frames import Epoch, frame_of
from variables.pictures.pixels import ChipPixels
from variables.pictures.render import bright_stars

NIGHT = SimulationOptions(
    seed=4,
    n_epochs=2,
    n_chips=1,
    chip_shape=(260, 240),
    stars_per_chip=30_000,
    n_reference_artifacts=2,
    wcs_error_mas=300.0,
    compress=False,
)
AS_IT_IS = Orientation(((1, 0), (0, 1)))
N_UNLISTED = 12  # of the bright stars, which the search image then has anew


@cache
def night():
    return simulate_night(Path(mkdtemp(prefix="galproject-effects-")), NIGHT)


@cache
def chip_of(path):
    """The facts of an exposure, and its chip."""
    facts = read_exposure(path)
    return facts, read_chip(facts, facts.chips[0])


def reduced(path, options, detection):
    facts, chip = chip_of(path)
    catalogue = replace(options, catalogue=str(night().catalogue)).opened_catalogue()
    return reduce_chip(chip, facts, catalogue, detection, options.reduction)


def facts_of(reduction):
    """What a reduction gives, but for the pixels."""
    found, sky = reduction.detections, reduction.sky
    return (
        *(getattr(found, name) for name in ("x", "y", "flux", "flux_err", "quality", "fracflux")),
        *(sky.tile_level, sky.image[::20, ::20], found.psf.fwhm, found.psf.e1, found.psf.beta),
        *(found.psf.core, reduction.wcs.correction.as_json(), vars(reduction.zero_point)),
        reduction.notes,
    )


def reference(options):
    """A reference chip reduced, and its catalogue."""
    reduction = reduced(night().reference, options, options.reduction.reference_detection)
    return facts_of(reduction), measure_reference(reduction, options.reduction)


@cache
def base_reduction(kind):
    """The reference or the search chip reduced with the defaults."""
    options = PipelineOptions()
    if kind == "reference":
        return reduced(night().reference, options, options.reduction.reference_detection)
    return reduced(night().searches[0], options, options.reduction.search_detection)


@cache
def _measured_reference():
    return measure_reference_errors(base_reduction("reference"), PipelineOptions().reduction)


def left_over(options):
    """What the fit of the reference chip left over."""
    measured = _measured_reference()
    return left_over_stars(base_reduction("reference"), measured, options.reduction)


@cache
def base_sources():
    sources = measure_reference(base_reduction("reference"), PipelineOptions().reduction)
    sources["galimage_id"] = 1
    sources["refsource_id"] = np.arange(len(sources))
    return sources


def seeing(options):
    """The width of the bright peaks of a chip."""
    chip = base_reduction("reference")
    noise = chip.sky.noise
    return estimate_fwhm(chip.data, chip.chip.weight, noise, options.reduction.psf)


def without_catalogue(options):
    """A reference chip reduced with the catalogue that the options name, if they do."""
    facts, chip = chip_of(night().reference)
    opened, reduction = options.opened_catalogue(), options.reduction
    return facts_of(reduce_chip(chip, facts, opened, reduction.search_detection, reduction))


def poor(options):
    """A chip with three faint stars, which don't tell the seeing, and no zero point."""
    facts, chip = chip_of(night().reference)
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:120, :120]
    data = 500 + rng.normal(0, 10, x.shape)
    for column, row in ((30, 40), (80, 30), (60, 90)):
        data += 150 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 1.8**2))
    weight = np.full(x.shape, 0.01, "f4")
    mask = np.zeros(x.shape, "u1")
    chip = replace(chip, data=data.astype("f4"), weight=weight, mask=mask)
    chip = replace(chip, fwhm_pixels=np.nan, zero_point=np.nan)
    reduction = options.reduction
    found = reduce_chip(chip, facts, None, reduction.reference_detection, reduction)
    return facts_of(found)


def search(options):
    """A search chip reduced, and the reference's sources measured on it."""
    reduction = reduced(night().searches[0], options, options.reduction.search_detection)
    return facts_of(reduction), *_of_measurement(measured_search(reduction, options))


def forced(options):
    """The reference's sources measured on a search chip that was reduced with the defaults."""
    return _of_measurement(measured_search(base_reduction("search"), options))


def displacements(options):
    """The bright stars of a search chip that have a displacement."""
    reduction = base_reduction("search")
    measurement = measured_search(reduction, options)
    return measured_displacements(reduction, measurement, options.reduction).refsource_id


def with_trail(options):
    """The same where a satellite has crossed the chip since."""
    reduction = base_reduction("search")
    chip = reduction.chip
    y, x = np.indices(chip.shape)
    light = 300 * np.exp(-(((y - 0.7 * x - 20) / 4) ** 2)).astype("f4")
    crossed = replace(reduction, chip=replace(chip, data=chip.data + light))
    return measured_search(crossed, options).fit.flags


def measured_search(reduction, options):
    return measure_search(reduction, base_sources(), options.reduction)


def _of_measurement(m):
    fit = (m.fit.flux, m.fit.flux_err, m.fit.flags, m.fit.quality, m.fit.shift)
    calibration = m.correction.as_json(), m.error_scale, m.registration.as_json()
    return (*fit, m.mag, m.mag_err, calibration, m.errors.as_json(), m.notes)


@cache
def _without_some():
    """A search chip measured with a list that lacks some bright stars."""
    sources = base_sources()
    unlisted = np.argsort(-sources["flux"])[4 : 4 + N_UNLISTED]
    options = PipelineOptions().reduction
    return measure_search(base_reduction("search"), np.delete(sources, unlisted), options)


def unlisted(options):
    """What a search chip has that its reference has not."""
    ny, nx = base_reduction("reference").chip.shape
    reference = SimpleNamespace(pk=1, width=nx, height=ny)
    found = find_new_detections(
        base_reduction("search"), _without_some(), [reference], options.reduction
    )
    names = ("x", "y", "flux", "significance", "rchi2", "flags", "failed_cuts")
    return [[getattr(one, name) for name in names] for one in found]


def hidden(options):
    """How many new stars a search chip has of which one lies on the slope of another."""
    reduction = base_reduction("search")
    psf, shape = reduction.detections.psf, reduction.chip.shape
    x, y = np.array([100.0, 104.2]), np.array([100.0, 101.0])
    data = np.zeros(shape)
    for star, stamp in zip((0, 1), psf.stamps(x, y, 41), strict=True):
        column, row = round(x[star]) - 20, round(y[star]) - 20
        data[row : row + 41, column : column + 41] += (3000.0, 1200.0)[star] * stamp
    residual = Residual(data, np.full(shape, 0.01), np.zeros(shape, int), np.zeros(shape))
    nothing = ListedStars(*np.zeros((3, 0)))
    return len(find_new_stars(residual, psf, nothing, options.reduction.residual))


@cache
def _two_pixels():
    """ChipPixels of the reference and of a search chip."""
    registration = measured_search(base_reduction("search"), PipelineOptions()).registration
    nothing = PixelCorrection(base_reduction("reference").chip.shape, -1)
    return [
        ChipPixels(r.chip.data, r.chip.weight, r.fwhm_pixels, r.wcs, of)
        for r, of in (
            (base_reduction("reference"), nothing),
            (base_reduction("search"), registration),
        )
    ]


def pictures(options):
    """The cutouts of two candidates: search and difference."""
    reference, search_chip = _two_pixels()
    epoch = Epoch(reference, search_chip, bright_stars(base_sources(), options), options)
    places = [SimpleNamespace(x=70.0, y=90.0), SimpleNamespace(x=150.0, y=160.0)]
    drawn = epoch.drawn([frame_of(reference, place, AS_IT_IS) for place in places])
    return [(one.search, one.difference) for one in drawn]


def stack_inputs(options):
    """How many chips are to be stacked, of exposures that share most of the sky."""
    night_ = night()
    plan = plan_stack([night_.reference, *night_.searches], mkdtemp(), options)
    return {number: len(inputs) for number, inputs in plan.chips.items()}


def stacked(options):
    """The chips of the night stacked."""
    paths = [night().reference, *night().searches]
    inputs = [StackInput(chip_of(path)[0], chip_of(path)[0].chips[0]) for path in paths]
    settings = StackSettings(options.input, options.reduction, options.stack, None)
    try:
        stack = stack_chip(inputs, settings)
    except GalprojectError as error:
        return type(error)
    return stack.stack.data, stack.stack.clipped, stack.n_homogenised, stack.notes

"""Stacking of one chip of several exposures, on the grid and scale of the first."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.chip import ChipEntry, ExposureFacts, MaskBit
from exposures.errors import GalprojectError, InputFileError
from exposures.fits import InputOptions, read_chip
from exposures.science.astrometry import fit_pixel_correction, header_pixels
from exposures.science.registration import register_on_image
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction, reduce_chip
from photometry.reduction.stack_stars import (
    StarsOnFrame,
    homogenise_variables,
    measure_stars,
    scale_stars,
)
from photometry.science.calibration.calibration import fit_magnitude_correction
from photometry.science.sky.clipping import find_outliers
from photometry.science.stacking.resampling import SmoothMap, resample_to_grid
from photometry.science.stacking.stacking import (
    Stack,
    StackFrame,
    StackOptions,
    average,
    expected_gain,
)

PSF_PIXELS = 63  # side of the stamps with which PSFs are matched


@dataclass(frozen=True)
class StackInput:
    """One chip of one exposure."""

    facts: ExposureFacts
    entry: ChipEntry

    @property
    def label(self) -> str:
        """File and chip, as messages name them."""
        return f"{self.facts.image_path.name}[{self.entry.name}]"


@dataclass(frozen=True)
class PlacedFrame:
    """A StackFrame with the registration and scale that brought it onto the grid."""

    source: StackInput
    frame: StackFrame
    scale: float  # its fluxes times this are the first frame's, in the middle
    stars: StarsOnFrame  # the first frame's, with fluxes on its scale
    saturation: float  # ADU above the sky, on the scale of the first


@dataclass(frozen=True)
class ChipStack:
    """A stacked chip and its inputs."""

    stack: Stack
    first: Reduction
    placed: tuple[PlacedFrame, ...]
    n_homogenised: int  # variable stars that were given one brightness
    notes: tuple[str, ...]  # inputs that were left out and why; what looks wrong

    @property
    def frames(self):
        """The frames as they were stacked, the first one first."""
        return [placed.frame for placed in self.placed]

    @property
    def weights(self):
        """(n,) the weight of each frame in the average, where all have pixels."""
        weights = np.array([frame.weight for frame in self.frames])
        return weights / weights.sum()

    @property
    def gain_in_depth(self) -> float:
        """The gain in limiting magnitude over the first frame, by the weights."""
        return expected_gain(self.frames)

    @property
    def clipped_fraction(self) -> float:
        """The fraction of pixels clipped in any frame."""
        return float(np.mean(self.stack.clipped != 0))

    @property
    def filled_fraction(self) -> float:
        """The fraction of pixels unusable on the first frame that others fill."""
        return float(np.mean((self.stack.weight > 0) & ~self.frames[0].usable))

    @property
    def unusable_fraction(self) -> float:
        """Of the pixels, those that no frame fills."""
        return float(np.mean(self.stack.weight == 0))


@dataclass(frozen=True)
class StackSettings:
    """Options of every step, and the catalogue, which may be None."""

    input: InputOptions
    reduction: ReductionOptions
    stack: StackOptions
    catalogue: object


def stack_chip(inputs, settings):
    """Stack StackInputs; the first gives the grid, the flux scale and the zero point.

    Another that can't be used is left out, and the notes say why. Raises InputFileError if the
    first can't be used, or fewer than ``min_frames`` exposures are left.
    """
    first = _reduce(inputs[0], settings, is_first=True)
    placed, notes = [_first_frame(inputs[0], first, settings)], []
    for source in inputs[1:]:
        try:
            placed.append(_place(source, _reduce(source, settings), placed[0], first, settings))
        except GalprojectError as error:
            notes.append(f"left out: {error}")
    _check_number(placed, inputs[0], notes, settings.stack)
    frames, stars = [p.frame for p in placed], [p.stars for p in placed]
    found = first.detections
    changed, n_homogenised = homogenise_variables(frames, stars, found.x, found.y, settings.stack)
    clipped = find_outliers(frames, settings.stack)
    bright = found.bright(settings.stack.bright_sigma, settings.reduction.clean)
    notes += note_on_clips(clipped, found.x[bright], found.y[bright], settings.stack)
    stack = average(frames, clipped)
    stack = replace(stack, clipped=clipped | changed)
    return ChipStack(stack, first, tuple(placed), n_homogenised, tuple(notes))


def note_on_clips(clipped, x, y, options):
    """A note if the cores of many bright stars, at ``x, y`` (n,), were clipped; else "".

    Faults of few pixels do no such thing.
    """
    row, column = (np.rint(c).astype(int) for c in (y, x))
    part = np.mean(clipped[row, column] != 0) if len(x) else 0.0
    if part > options.doubtful_fraction:
        yield (
            f"{part:.0%} of the bright stars are clipped in a frame: look at the map of clips "
            "before you use it, and whether all exposures are of this field"
        )


def _reduce(source, settings, is_first=False):
    """Reduce a frame only as deep as calibration needs; faint sources are found on the stack.

    On the first frame, whose stars are measured on all, blends are parted as on a reference.
    """
    chip = read_chip(source.facts, source.entry, settings.input)
    options = settings.reduction
    detection = options.search_detection
    if is_first:
        detection = replace(options.reference_detection, threshold=detection.threshold)
    return reduce_chip(chip, source.facts, settings.catalogue, detection, options)


def _check_number(placed, source, notes, options):
    n_exposures = len({p.source.facts.image_path for p in placed})
    if n_exposures < options.min_frames:
        raise InputFileError(
            source.facts.image_path,
            f"{n_exposures} of the {options.min_frames} exposures that a stack needs can be used"
            + "".join(f"; {note}" for note in notes),
            "Give more exposures of this field and filter, or leave this chip out with --ccds",
            hdu=source.entry.name,
        )


def _first_frame(source, reduction, settings):
    """The first frame without resampling, so that its noise stays white."""
    chip, found = reduction.chip, reduction.detections
    usable = chip.weight > 0
    frame = _frame(
        reduction, _GridPixels(_filled(reduction), usable, chip.mask), 1.0, found.psf.stamps
    )
    stars = measure_stars(reduction, found.x, found.y, reduction, settings)
    return PlacedFrame(source, frame, 1.0, stars, _saturation(reduction))


def _filled(reduction):
    """(ny, nx) ADU without the sky, with masked pixels filled by the model of the stars."""
    usable = reduction.chip.weight > 0
    return np.where(usable, reduction.data, reduction.detections.model).astype(np.float32)


def _saturation(reduction):
    return reduction.chip.saturation - reduction.sky.level


@dataclass(frozen=True)
class _GridPixels:
    """Pixels of a frame on the grid, in the first frame's scale; all (ny, nx)."""

    data: np.ndarray  # ADU of the first frame
    usable: np.ndarray  # bool
    mask: np.ndarray  # MaskBit


def _frame(reduction, pixels, scale, stamps):
    """Make a StackFrame of _GridPixels; ``stamps`` gives the PSF at pixels of the grid."""
    chip = reduction.chip
    gain = float(np.mean(chip.gain_map()))
    noise = reduction.sky.noise**2
    read = min(float(np.mean((chip.read_noise_map() / chip.gain_map()) ** 2)), 0.99 * noise)
    return StackFrame(
        data=pixels.data,
        usable=pixels.usable,
        mask=pixels.mask,
        sky_variance=scale**2 * (noise - read),
        read_variance=scale**2 * read,
        gain=gain / scale,
        fwhm_pixels=reduction.fwhm_pixels,
        psf=lambda x, y: stamps([round(x)], [round(y)], PSF_PIXELS)[0],
    )


def _place(source, reduction, first_placed, first, settings):
    """Register a frame to the first by common stars, scale and resample it."""
    to_frame = _registration(source, reduction, first, settings.reduction)
    shape, found = first.chip.shape, first.detections
    on_frame = to_frame(found.x, found.y)
    stars = measure_stars(reduction, *on_frame, first, settings)
    scale_at = _scale(source, first_placed.stars, stars, found, shape, settings)
    to_x = SmoothMap.of(lambda x, y: to_frame(x, y)[0], shape)
    to_y = SmoothMap.of(lambda x, y: to_frame(x, y)[1], shape)
    own_usable = reduction.chip.weight > 0
    data, usable, nearest = resample_to_grid(
        _filled(reduction), own_usable, to_x, to_y, shape, settings.stack
    )
    data *= SmoothMap.of(scale_at, shape).rows(0, shape[0], shape[1])
    mask = np.where(nearest >= 0, reduction.chip.mask.ravel()[nearest], np.uint8(MaskBit.NO_VALUE))
    at_stars = scale_at(found.x, found.y)
    scale = float(np.median(at_stars))
    psf = reduction.detections.psf

    def stamps(x, y, size):
        """The PSF in the middle of a pixel: chips of a field are not turned to each other."""
        on_x, on_y = to_frame(np.asarray(x, float), np.asarray(y, float))
        return psf.stamps(np.rint(on_x), np.rint(on_y), size)

    frame = _frame(reduction, _GridPixels(data, usable, mask), scale, stamps)
    return PlacedFrame(source, frame, scale, stars.scaled(at_stars), scale * _saturation(reduction))


def _scale(source, ours, theirs, found, shape, settings):
    """The factor, a function of x, y on the grid, from a frame's fluxes to the first's scale."""
    stars = scale_stars(ours, theirs, found.x, found.y, settings.reduction)
    if len(stars) < settings.stack.min_stars:
        raise _left_out(
            source,
            f"{len(stars)} stars in common with the first exposure, "
            f"{settings.stack.min_stars} wanted",
        )
    correction = fit_magnitude_correction(stars, shape, settings.reduction.calibration)
    return lambda x, y: 10 ** (-0.4 * correction.at(x, y, np.zeros(len(x), int)))


def _registration(source, reduction, first, options):
    """The map, a function of x, y, from pixels of the grid to those of the frame.

    By both headers and a polynomial through the stars that both have: to the catalogue each is
    only as good as its stars there.
    """
    found, fit = reduction.detections, options.registration
    ours = first.detections.bright(options.min_significance, options.clean)
    # Not the reductions: the function lives as long as the frame, and they are large.
    wcs, own_wcs = first.chip.wcs, reduction.chip.wcs
    x, y = _by_headers(wcs, own_wcs, first.detections.x[ours], first.detections.y[ours])
    theirs = found.bright(options.min_significance, options.clean)
    shape = reduction.chip.shape
    near = fit_pixel_correction(x, y, found.x[theirs], found.y[theirs], shape, fit)
    expected = first.detections.as_stars(options.min_significance, options.clean)
    expected = replace(
        expected, **dict(zip("xy", _by_headers(wcs, own_wcs, expected.x, expected.y), strict=True))
    )
    correction, _ = register_on_image(
        near,
        expected,
        found.as_stars(options.min_significance, options.clean),
        reduction.chip.weight > 0,
        fit.search_arcsec / reduction.scale_arcsec,
        fit,
    )
    if correction.order < 0:
        raise _left_out(source, "no stars in common with the first exposure")

    def to_frame(x, y):
        return correction.apply(*_by_headers(wcs, own_wcs, x, y))

    return to_frame


def _by_headers(wcs, own_wcs, x, y):
    return header_pixels(own_wcs, *wcs.all_pix2world(x, y, 0))


def _left_out(source, problem):
    return InputFileError(
        source.facts.image_path,
        problem,
        "Look whether it is of this field and its WCS is right",
        hdu=source.entry.name,
    )

"""The fit of sources that were added to a reference after it was measured.

Those that the reference had from the start were measured on it without them: what an added star
gave to its neighbours there, it still gives. So the others are fitted first, as they were on the
reference, and the added ones to what is left over, each at its place with the fluxes of its
neighbours free once more. Nothing that was measured before changes by it.
"""

from dataclasses import replace

import numpy as np

from photometry.science.detection.peak_fit import PeakFit, Residual
from photometry.science.detection.residual_peaks import fit_at
from photometry.science.forced.forced import (
    FITTED,
    SHARP,
    ForcedFit,
    ForcedStars,
    fit_fluxes,
    stamp_half_widths,
)
from photometry.science.forced.forced_quality import core_flags
from photometry.science.forced.forced_sky import light_of
from photometry.science.forced.forced_system import place_stars
from photometry.science.pixel_positions import PixelPositions

# Set in the flags of a reference's sources, beside those of MaskBit, SHARP, IN_WINGS and EXTENDED,
# of sources that were added to it.
ADDED = 1024


def is_added(sources: np.ndarray) -> np.ndarray:
    """(n,) whether rows of references are of sources that were added to them."""
    return (sources["flags"] & ADDED) != 0


def fit_with_added(image, psf, stars, added, options) -> ForcedFit:
    """The ForcedFit of ``stars`` on an image, in their order, of which some were ``added``.

    ``image`` is a WeightedImage, ``psf`` a ChipPsf, ``stars`` are ForcedStars (n,), ``added`` is
    (n,) bool, ``options`` are ReductionOptions. The model has the added stars, but not what their
    neighbours change by.
    """
    if not added.any() or added.all():
        return fit_fluxes(image, psf, stars, options.forced, free_shift=True)
    before = fit_fluxes(image, psf, _chosen(stars, ~added), options.forced, free_shift=True)
    x, y = stars.x + before.shift[0], stars.y + before.shift[1]
    residual = Residual(image.data - before.model, image.weight, image.mask, before.model)
    on_image = added & _is_on(x, y, image.data.shape)
    if not on_image.any():
        return _joined(before, None, added, on_image)
    fit = fit_at(
        residual,
        psf,
        PixelPositions(x[~added], y[~added]),
        PixelPositions(x[on_image], y[on_image]),
        options.residual,
        options.forced,
    )
    joined = _joined(before, fit, added, on_image)
    joined.flags[on_image] = core_flags(image.mask, x[on_image], y[on_image]) | np.where(
        fit.is_sharp, SHARP, 0
    )
    light = _light(image, psf, (x[on_image], y[on_image]), fit, options)
    return replace(joined, model=before.model + light)


def _chosen(stars, chosen):
    columns = (stars.x, stars.y, stars.share, stars.catalogue)
    return ForcedStars(*(column[chosen] for column in columns))


def _is_on(x, y, shape):
    return (x > -0.5) & (x < shape[1] - 0.5) & (y > -0.5) & (y < shape[0] - 0.5)


def _joined(before: ForcedFit, fit: PeakFit | None, added, fitted) -> ForcedFit:
    """A ForcedFit of all stars; of those off the image that were added nothing is known."""
    columns = {}
    for name in FITTED:
        column = np.full(len(added), 0.0 if name == "quality" else np.nan)
        column[~added] = getattr(before, name)
        if fit is not None:
            column[fitted] = getattr(fit, name)
        columns[name] = column
    flags = np.zeros(len(added), before.flags.dtype)
    flags[~added] = before.flags
    return replace(before, flags=flags, **columns)


def _light(image, psf, place, fit, options):
    """(ny, nx) float32 ADU of fitted stars."""
    flux = np.nan_to_num(fit.flux)
    share = np.maximum(flux, 1e-3)
    half = stamp_half_widths(*place, share, psf, image, options.forced)
    placed = place_stars(*place, half, psf)
    return light_of(placed, flux[placed.order], image.data.shape)

"""Robust mean magnitudes on a set of images, and the images at fault."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.quantities import Count, Fraction, MagnitudeError, Options, Sigma
from photometry.science.calibration.calibration import MAG_PER_LN

# Bits of what a set says of a source.
PRIMARY_AT_FAULT, PRIMARY_UNUSABLE, DISAGREE, MEMBER_OUTLYING = 1, 2, 4, 8
PRIMARY = 0  # the column of the primary


@dataclass(frozen=True)
class ReferenceSetOptions(Options):
    """Options of averaging a source over the images of a reference set."""

    min_quality: Fraction = 0.75
    """Least share of the PSF on usable pixels for an image to say how bright a source is."""
    agree_sigma: Sigma = 5.0
    """Difference of magnitudes, in their uncertainty, beyond which images don't agree."""
    agree_mag: MagnitudeError = 0.02
    """Difference of magnitudes that images which agree may have besides their uncertainties."""
    fault_sigma: Sigma = 15.0
    """Deviation of a primary's magnitude beyond which it is at fault: that of
    selection.threshold_sigma, or what is taken from the other images would not be a change on the
    primary either."""
    min_witnesses: Count = 2
    """Least number of members that agree with each other and not with an outlying one,
    for it to be left out."""
    error_floor: MagnitudeError = 0.01
    """Least uncertainty of the mean magnitude of a reference set."""


@dataclass(frozen=True)
class ReferenceMeans:
    """The mean of each source over a set; arrays (n,)."""

    mag: np.ndarray
    mag_err: np.ndarray
    scatter: np.ndarray  # mag, of the images about the mean; NaN where there is no light
    n_images: np.ndarray  # that were asked: measured there, on usable pixels
    n_used: np.ndarray  # of these, that make the mean
    outlying: np.ndarray  # column of the image that differs most from those that agree; -1: none
    flags: np.ndarray  # bits: PRIMARY_AT_FAULT, PRIMARY_UNUSABLE, DISAGREE, MEMBER_OUTLYING


def reference_means(
    flux: FloatArray,
    flux_err: FloatArray,
    usable: BoolArray,
    zero_point: float,
    options: ReferenceSetOptions = ReferenceSetOptions(),
) -> ReferenceMeans:
    """ReferenceMeans of ``flux`` (n, m) on m images, the primary first, all of one zero point.

    ``flux_err`` and ``usable`` are (n, m), too; fluxes are in the unit of which ``zero_point`` is
    the magnitude of 1. In flux, as a source that only the primary has is zero on the others, or
    less. Images are taken out one by one, each time the one that differs most from the mean of the
    others, until those that are left agree within ``agree_sigma``; they must be the majority, and
    two of them must speak against each that was taken out. Then their weighted mean is the
    reference. Where no majority agrees, as of a star that varies, the primary's own value stands:
    it defines the system, and nothing that varied against it is lost.
    """
    width = np.hypot(flux_err, options.agree_mag / MAG_PER_LN * np.maximum(flux, 0))
    kept = majority(flux, width, usable, options.agree_sigma)
    removed = usable & ~kept
    agrees = _is_constant(flux, width, kept, options.agree_sigma)
    agrees &= _is_witnessed(flux, width, kept, removed, options)
    mean, mean_err = _mean_of(flux, flux_err, kept, options.error_floor)
    own, own_err = flux[:, PRIMARY], flux_err[:, PRIMARY]
    is_off = agrees & removed[:, PRIMARY]
    at_fault = is_off & (difference(own, own_err, mean, mean_err) > options.fault_sigma)
    stands = ~agrees | (is_off & ~at_fault)
    outlying = np.where(agrees, _most_outlying(flux, width, mean, removed), -1)
    outlying = np.select([at_fault, stands], [PRIMARY, -1], outlying)
    mag, mag_err = magnitude_or_limit(
        np.where(stands, own, mean), np.where(stands, own_err, mean_err), zero_point
    )
    return ReferenceMeans(
        mag=mag,
        mag_err=mag_err,
        scatter=_scatter(flux, np.where(stands[:, None], usable, kept)),
        n_images=usable.sum(axis=1),
        n_used=np.where(stands, 1, kept.sum(axis=1)),
        outlying=outlying,
        flags=PRIMARY_AT_FAULT * at_fault
        + PRIMARY_UNUSABLE * ~usable[:, PRIMARY]
        + DISAGREE * stands
        + MEMBER_OUTLYING * (outlying > PRIMARY),
    )


def majority(flux: FloatArray, width: FloatArray, usable: BoolArray, n_sigma: float) -> BoolArray:
    """(n, m) whether images are kept after removal of those that differ from the others.

    ``flux`` and ``width``, its error, are (n, m) in any unit, ``usable`` (n, m) bool: n sources on
    m images. One differs by more than ``n_sigma`` from the weighted mean of the others that are
    left; never are half of the usable images of a source taken out.
    """
    kept = usable.copy()
    spare = (usable.sum(axis=1) - 1) // 2  # more than these are no minority
    rows = np.arange(len(flux))
    for n_removed in range(spare.max(initial=0)):
        residual = _residuals(flux, width, kept)
        worst = residual.argmax(axis=1)
        goes = (residual[rows, worst] > n_sigma) & (n_removed < spare)
        if not goes.any():
            break
        kept[rows[goes], worst[goes]] = False
    return kept


def _residuals(flux: FloatArray, width: FloatArray, kept: BoolArray) -> FloatArray:
    """(n, m) of each image against the weighted mean of the others, sigma; -1 where not kept."""
    weight = kept / width**2
    others = weight.sum(axis=1, keepdims=True) - weight
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = ((weight * flux).sum(axis=1, keepdims=True) - weight * flux) / others
        residual = np.abs(flux - mean) / np.sqrt(width**2 + 1 / others)
    return np.where(kept & (kept.sum(axis=1, keepdims=True) > 1), residual, -1.0)


def _is_constant(flux: FloatArray, width: FloatArray, kept: BoolArray, n_sigma: float) -> BoolArray:
    """(n,) whether each of the images kept agrees with the mean of the others kept."""
    return (kept.sum(axis=1) > 0) & (_residuals(flux, width, kept).max(axis=1) <= n_sigma)


def _is_witnessed(
    flux: FloatArray,
    width: FloatArray,
    kept: BoolArray,
    removed: BoolArray,
    options: ReferenceSetOptions,
) -> BoolArray:
    """(n,) whether enough images contradict each removed one."""
    witnessed = np.ones(len(flux), bool)
    for column in np.flatnonzero(removed.any(axis=0)):
        limit = options.agree_sigma * np.hypot(width, width[:, [column]])
        apart = np.abs(flux - flux[:, [column]]) > limit
        witnessed &= ~removed[:, column] | ((apart & kept).sum(axis=1) >= options.min_witnesses)
    return witnessed


def _mean_of(
    flux: FloatArray, flux_err: FloatArray, kept: BoolArray, floor: float
) -> tuple[FloatArray, FloatArray]:
    """(n,) weighted means of the images kept, and their uncertainties with the floor."""
    weight = kept / flux_err**2
    total = np.maximum(weight.sum(axis=1), np.finfo(float).tiny)
    mean = (weight * np.where(kept, flux, 0)).sum(axis=1) / total
    return mean, np.maximum(1 / np.sqrt(total), floor / MAG_PER_LN * np.maximum(mean, 0))


def difference(
    flux: FloatArray, flux_err: FloatArray, mean: FloatArray, mean_err: FloatArray
) -> FloatArray:
    """(n,) the difference of fluxes in sigma, in flux or in magnitude, whichever is larger.

    ``flux`` and ``mean`` with their errors are (n,), all in one unit, any.
    """
    mag, mag_err = magnitude_or_limit(flux, flux_err, 0.0)
    mean_mag, mean_mag_err = magnitude_or_limit(mean, mean_err, 0.0)
    return np.maximum(
        np.abs(flux - mean) / np.hypot(flux_err, mean_err),
        np.abs(mag - mean_mag) / np.hypot(mag_err, mean_mag_err),
    )


def magnitude_or_limit(
    flux: FloatArray, flux_err: FloatArray, zero_point: float
) -> tuple[FloatArray, FloatArray]:
    """(n,) magnitudes and uncertainties; those of the error for a flux below its error.

    ``flux`` and ``flux_err`` (n,) are in the unit of which ``zero_point`` is the magnitude of 1.
    """
    at_least = np.maximum(flux, flux_err)
    return zero_point - 2.5 * np.log10(at_least), MAG_PER_LN * flux_err / at_least


def _most_outlying(
    flux: FloatArray, width: FloatArray, mean: FloatArray, removed: BoolArray
) -> IntArray:
    """(n,) column of the removed image that is furthest from the mean; -1 where none is."""
    away = np.where(removed, np.abs(flux - mean[:, None]) / width, -1.0)
    return np.where(removed.any(axis=1), away.argmax(axis=1), -1)


def _scatter(flux: FloatArray, chosen: BoolArray) -> FloatArray:
    """(n,) standard deviation of the chosen about their mean, mag; NaN of fewer than two."""
    n = chosen.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(chosen, flux, 0).sum(axis=1) / n
        square = np.where(chosen, (flux - mean[:, None]) ** 2, 0).sum(axis=1) / (n - 1)
        scatter = MAG_PER_LN * np.sqrt(square) / mean
    return np.where((n > 1) & (mean > 0), scatter, np.nan)

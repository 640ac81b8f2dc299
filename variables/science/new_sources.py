"""The search for sources missing on the reference, and what is believed of their detections."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.quantities import (
    Arcseconds,
    Count,
    Days,
    Fraction,
    InFwhm,
    Options,
    Ratio,
    Sigma,
    Switch,
)

ZERO_POINT = 25.0  # mag, of the unit in which fluxes of new sources are compared
A_MOMENT = 1e-6  # days, by which times that are equal may differ


@dataclass(frozen=True)
class NewSourceOptions(Options):
    """Options of the search for stars in residuals, and of their association into sources.

    Something that moves is not within ``radius_arcsec`` of itself after ``min_days``: in an hour
    the slowest bodies of the solar system move by more than an arcsecond, but for some days
    round a stationary point.
    """

    search: Switch = True
    """Whether search images are searched for new sources, and references for what they left
    over."""
    radius_arcsec: Arcseconds = 0.5
    """Largest distance between detections that are taken for one new source."""
    follow_arcsec: Arcseconds = 0.3
    """Largest distance between a new source and the source that replaces it when a reference is
    made again: new sources lie at least 0.45 of the seeing from others."""
    min_days: Days = 0.04
    """Least time between the first and the last detection of a new source; in less time a moving
    object looks alike."""
    min_brightest: Sigma = 6.0
    """Least significance of the most significant detection of a source that is believed; fainter
    ones tell that it was there again."""
    bright_sigma: Sigma = 100.0
    """Significance from which on a single detection is a new source, for as long as no later image
    takes it back."""
    bright_days: Days = 3.0
    """Time after a single bright detection in which an image that doesn't show it takes it back,
    as a body that moves, or a flash."""
    left_over_arcsec: Arcseconds = 0.7
    """Distance from a new source up to which light that the reference left over counts as what the
    reference had of it."""
    left_over_fwhm: InFwhm = 0.6
    """That distance in FWHM of the reference, where it is larger."""
    min_excess: Sigma = 6.0
    """Least significance of the difference between a new source and what the reference left over
    in its place, as a peak and in a fit that is held there."""
    min_seen: Fraction = 0.3
    """Least share of the images between its first and last detection on which a new source is
    detected: what bright stars leave over comes and goes."""
    sure_excess: Sigma = 13.0
    """Significance of the difference from which on a new source may come and go, as dwarf novae
    do."""
    add: Switch = True
    """Whether stars that the reference missed are added to its sources."""
    min_left_over: Fraction = 0.5
    """Least share of a star's light that the reference left over in its place, from which on the
    star is one that the reference missed."""
    min_left_over_sigma: Sigma = 4.0
    """Least significance of that light."""
    steady_epochs: Count = 5
    """Least number of detections of a star that is added to a reference of which nothing is
    known of what it left over."""
    steady_share: Fraction = 0.8
    """Least share of the images on which such a star is detected."""
    max_steady_chi2: Ratio = 3.0
    """Largest chi2 per degree of freedom of such a star's fluxes about their mean."""


@dataclass(frozen=True)
class Detected:
    """Detections of n sources that pass all cuts; arrays (m,)."""

    source: IntArray  # 0 to n - 1
    mjd: FloatArray
    flux: FloatArray  # in units of the reference image
    significance: FloatArray


@dataclass(frozen=True)
class Mean:
    """What the detections of sources are together; arrays (n,), NaN or 0 without any."""

    flux: FloatArray  # mean by inverse variance, in units of the reference image
    flux_err: FloatArray
    chi2_nu: FloatArray  # of the fluxes about it; NaN with one
    n: IntArray
    days: FloatArray  # between the first and the last
    last: FloatArray  # MJD
    brightest: FloatArray  # the largest significance

    @classmethod
    def of(cls, seen: Detected, n: int) -> "Mean":
        """The Mean of each of ``n`` sources."""
        at, number = seen.source, np.bincount(seen.source, minlength=n)
        weight = (seen.significance / seen.flux) ** 2
        total = np.bincount(at, weight, n)
        with np.errstate(divide="ignore", invalid="ignore"):
            flux = np.bincount(at, weight * seen.flux, n) / total
            chi2 = np.bincount(at, weight * (seen.flux - flux[at]) ** 2, n) / (number - 1)
            flux_err = 1 / np.sqrt(total)
        first, last, brightest = np.full(n, np.inf), np.full(n, -np.inf), np.zeros(n)
        np.minimum.at(first, at, seen.mjd)
        np.maximum.at(last, at, seen.mjd)
        np.maximum.at(brightest, at, seen.significance)
        days = np.where(number > 0, last - first, np.nan)
        chi2_nu = np.where(number > 1, chi2, np.nan)
        return cls(flux, flux_err, chi2_nu, number, days, last, brightest)


@dataclass(frozen=True)
class LeftOver:
    """The light that a reference left over in the places of n sources; arrays (n,)."""

    flux: FloatArray  # in units of the reference image; 0 where there is none
    flux_err: FloatArray

    def at_least(self, flux: FloatArray, flux_err: FloatArray) -> "LeftOver":
        """The same where it is more than ``flux`` (n,), which is measured in the places, else that.

        ``flux_err`` (n,) is its error; both are NaN where nothing was measured. A place that is
        darker than the sky has no light.
        """
        is_known, measured = np.isfinite(flux) & np.isfinite(flux_err), np.maximum(flux, 0)
        is_more = is_known & (measured >= self.flux)
        errors = np.where(is_more, flux_err, np.fmax(self.flux_err, flux_err))
        return LeftOver(
            np.where(is_more, measured, self.flux), np.where(is_known, errors, self.flux_err)
        )


@dataclass(frozen=True)
class Judgement:
    """What is believed of n sources; arrays (n,)."""

    stands: BoolArray  # surely seen, and again after some time, or bright and not yet looked for
    is_new: BoolArray  # a star that the reference does not have
    is_missed: BoolArray  # a star that the reference has, but not among its sources
    excess: FloatArray  # sigma, over what the reference left over; NaN where that is not known


def judge(
    mean: Mean, left: LeftOver | None, epochs: FloatArray, options: NewSourceOptions
) -> Judgement:
    """Judge n sources by the Mean of their detections and what the reference left over.

    ``epochs`` are the MJD of all images that were measured with the reference. Where it is not
    known what that ``left``, whatever stands is new, but what is steady on nearly all images,
    which was missed.
    """
    epochs = np.sort(epochs)
    returns = (mean.days >= options.min_days) & (mean.brightest >= options.min_brightest)
    stands = returns | _is_bright(mean, epochs, options)
    if left is None:
        often = mean.n >= max(options.steady_epochs, options.steady_share * len(epochs))
        steady = returns & often & (mean.chi2_nu <= options.max_steady_chi2)
        return Judgement(stands, stands & ~steady, steady, np.full(len(stands), np.nan))
    with np.errstate(invalid="ignore"):
        excess = (mean.flux - left.flux) / np.hypot(mean.flux_err, left.flux_err)
        has_light = left.flux >= options.min_left_over * mean.flux
    has_light &= left.flux >= options.min_left_over_sigma * left.flux_err
    first = np.searchsorted(epochs, mean.last - mean.days - A_MOMENT)
    n_between = np.searchsorted(epochs, mean.last + A_MOMENT) - first
    is_lasting = mean.n >= options.min_seen * n_between
    is_new = stands & (excess >= np.where(is_lasting, options.min_excess, options.sure_excess))
    return Judgement(stands, is_new, returns & ~is_new & has_light, excess)


def _is_bright(mean: Mean, epochs: FloatArray, options: NewSourceOptions) -> BoolArray:
    """(n,) whether sources are bright, and no image soon afterwards fails to show them.

    ``epochs`` are in order.
    """
    after, until = mean.last + options.min_days, mean.last + options.bright_days
    n_later = np.searchsorted(epochs, until, "right") - np.searchsorted(epochs, after)
    return (mean.brightest >= options.bright_sigma) & (n_later <= 0)

"""All that a catalogue's light curves say of each star's variability, step by step."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from variables.science.variability.blends import Neighbours, PairSums, in_haloes, pair_sums
from variables.science.variability.curves import CatalogueCurves
from variables.science.variability.evidence import Circumstances, Evidence, evidence_of
from variables.science.variability.false_alarms import (
    ARTIFICIAL_MEASUREMENTS,
    ARTIFICIAL_STARS,
    DONOR_SIGMA,
    MOST_TIMES,
    Calibration,
    Kind,
    artificial_curves,
    combined,
    larger_of_two,
    standard_deviates,
)
from variables.science.variability.options import VariabilityOptions
from variables.science.variability.statistics import CurveStatistics, matrix_statistics
from variables.science.variability.trends import (
    Trends,
    detrended,
    find_trends,
    star_coefficients,
)

FRACFLUX_EDGES = (0.5, 0.8)  # between classes of crowding
INCOMPLETE = 0.8  # of the images, below which a star is compared with others that lack some
HALO, PAIRED, SUM, LACKING = 3, 4, 5, 10  # of the numbers of crowding, after those by fracflux


@dataclass(frozen=True)
class Surroundings:
    """Where stars are, and how their images were taken."""

    x: np.ndarray  # (n_stars,) pixels on the reference; NaN where it lacks the star
    y: np.ndarray  # (n_stars,) pixels on the reference
    mag: np.ndarray  # (n_stars,) on the reference, of saturated stars too
    fracflux: np.ndarray  # (n_stars,) share of the light in the stamp, on the reference
    fwhm_pixels: float  # median of the images; NaN where unknown
    circumstances: Circumstances
    width: float = np.nan  # of the reference, pixels; NaN where unknown
    height: float = np.nan  # of the reference, pixels; NaN where unknown

    def at_edge(self, margin: float) -> BoolArray:
        """(n_stars,) whether a star is nearer to the reference's edge than ``margin`` pixels.

        Its place was fitted to a part of its light, so that it is off on all images.
        """
        with np.errstate(invalid="ignore"):
            is_inside = np.ones(len(self.x), bool)
            for place, size in ((self.x, self.width), (self.y, self.height)):
                is_near = (place < margin) | (place > size - 1 - margin)
                is_inside &= ~is_near | np.isnan(size)
        return ~is_inside


@dataclass(frozen=True)
class Assessment:
    """What a catalogue's curves say; arrays (n_stars,) where nothing else is said."""

    statistics: CurveStatistics  # without trends
    measured: CurveStatistics  # as measured
    trends: Trends
    coefficients: np.ndarray  # (n_stars, n) of the n trends, without a unit
    fades: np.ndarray  # bool: statistics are of fluxes
    neighbours: Neighbours
    followed: np.ndarray  # share of the scatter that follows the conditions
    follows: np.ndarray  # bool: that is so much that they make it
    correlation: np.ndarray  # with the neighbours' light, a ratio; NaN without neighbours
    false_alarm: np.ndarray  # probability that a constant star has such statistics


def assess(
    curves: CatalogueCurves,
    surroundings: Surroundings,
    options: VariabilityOptions = VariabilityOptions(),
) -> Assessment:
    """The Assessment of CatalogueCurves; probabilities and shares, NaN of stars with few epochs.

    Arrays are (n_stars,). Statistics are in magnitudes, of stars that fade in fluxes (see
    ``CatalogueCurves.linear``), and of the curves without the trends that stars share. A star's
    false-alarm probability tells how many constant ones of its magnitude, crowding and number of
    epochs look as variable; where it has close neighbours, the larger one counts of its own and
    that of the sum of their light. It is NaN at the edge of the reference, too, where places of
    stars are off.
    """
    fades = curves.fading(options.faint_sigma)
    whole = curves.in_flux(fades)
    measured = matrix_statistics(curves.mjd, whole.mag, whole.mag_err, options.min_epochs)
    radius = options.pair_fwhm * surroundings.fwhm_pixels
    neighbours = Neighbours.within(surroundings.x, surroundings.y, radius)
    is_single = np.ones(len(curves), bool)
    is_single[neighbours.star] = False
    trends = find_trends(curves, measured, is_single, options)
    coefficients = star_coefficients(whole, measured, trends)
    clean, statistics = whole, measured
    if len(trends):
        clean = detrended(whole, trends, coefficients)
        statistics = matrix_statistics(curves.mjd, clean.mag, clean.mag_err, options.min_epochs)
    crowding = crowding_of(surroundings, neighbours, statistics.n_epochs, curves.n_images)
    centre = statistics.robust_mag.astype("f8")
    stars = _Stars(
        curves=clean,
        statistics=statistics,
        kind=Kind(np.where(surroundings.at_edge(options.edge_pixels), np.nan, centre), crowding),
        least_share=least_shares(surroundings.fracflux, options),
        circumstances=surroundings.circumstances,
        min_epochs=options.min_epochs,
    )
    evidence = stars.evidence(clean.mag)
    sums = pair_sums(neighbours, clean.mag, clean.mag_err, centre, fades)
    correlation = np.full(len(curves), np.nan, "f4")
    correlation[neighbours.star] = sums.correlation
    of_sums = stars.evidence_of_sums(neighbours.star, sums)
    return Assessment(
        statistics=statistics,
        measured=measured,
        trends=trends,
        coefficients=coefficients,
        fades=fades,
        neighbours=neighbours,
        followed=evidence.followed,
        follows=evidence.follows,
        correlation=correlation,
        false_alarm=stars.false_alarms(evidence, of_sums, neighbours.star),
    )


def least_shares(fracflux: FloatArray, options: VariabilityOptions) -> FloatArray:
    """(n_stars,) shares of the scatter that follow conditions, from which on these make it.

    ``fracflux`` (n_stars,) is the share of the light that is a star's own; NaN is not isolated.
    """
    isolated = fracflux >= options.isolated_fracflux
    return np.where(isolated, options.isolated_follows_share, options.follows_share)


def crowding_of(
    surroundings: Surroundings, neighbours: Neighbours, n_epochs: IntArray, n_images: int
) -> IntArray:
    """(n_stars,) numbers of classes of crowding, without a unit, those alike next to each other.

    ``n_epochs`` (n_stars,) are numbers of measurements.
    """
    share = np.nan_to_num(surroundings.fracflux, nan=0.0)
    crowding = len(FRACFLUX_EDGES) - np.digitize(share, FRACFLUX_EDGES)
    places = surroundings.x, surroundings.y, surroundings.mag
    crowding[in_haloes(*places, surroundings.fwhm_pixels)] = HALO
    crowding[neighbours.star] = PAIRED
    return crowding + LACKING * (n_epochs < INCOMPLETE * n_images)


@dataclass(frozen=True)
class _Stars:
    """The light curves that are judged, with what they are compared by."""

    curves: CatalogueCurves
    statistics: CurveStatistics
    kind: Kind
    least_share: np.ndarray  # (n_stars,)
    circumstances: Circumstances
    min_epochs: int

    def evidence(self, mag: FloatArray) -> Evidence:
        """That of other magnitudes (n_stars, n_images) with the same errors."""
        mag_err = self.curves.mag_err
        return evidence_of(self.circumstances, mag, mag_err, self.least_share, self.min_epochs)

    def evidence_of_sums(self, paired: IntArray, sums: PairSums) -> Evidence:
        """That of the PairSums of ``paired`` stars (n,)."""
        least_share = self.least_share[paired]
        return evidence_of(self.circumstances, sums.mag, sums.mag_err, least_share, self.min_epochs)

    def false_alarms(self, evidence: Evidence, of_sums: Evidence, paired: IntArray) -> FloatArray:
        """(n_stars,) false-alarm probabilities."""
        n = len(self.curves)
        of_pairs = SUM + LACKING * (self.kind.crowding[paired] >= LACKING)
        both = Kind(
            np.append(self.kind.mag, self.kind.mag[paired]),
            np.append(self.kind.crowding, of_pairs),
        )
        standard = standard_deviates(evidence.and_of(of_sums), both)
        with np.errstate(invalid="ignore"):
            is_constant = np.all(standard[:, :n] < DONOR_SIGMA, axis=0)
        chance = self._calibration(is_constant).probability(combined(standard))
        own = chance[:n]
        own[paired] = larger_of_two(own[paired], chance[n:])
        return own

    def _calibration(self, is_constant: BoolArray) -> Calibration:
        """From artificial constant stars, as many as there are, and more where there are few."""
        curves, rng = self.curves, np.random.default_rng(len(self.curves))
        pulls = _pulls(curves, self.statistics.mean_mag)
        wanted = np.clip(ARTIFICIAL_MEASUREMENTS // max(curves.n_images, 1), *ARTIFICIAL_STARS)
        n_times = min(-(-int(wanted) // max(len(curves), 1)), MOST_TIMES) * is_constant.any()
        found: list[FloatArray] = [np.zeros(0)]
        for _ in range(n_times):
            made = artificial_curves(pulls, self.kind, is_constant, rng)
            made *= curves.mag_err
            found.append(combined(standard_deviates(self.evidence(made), self.kind)))
        return Calibration.of(np.concatenate(found))


def _pulls(curves: CatalogueCurves, mean_mag: FloatArray) -> FloatArray:
    """(n_stars, n_images) float32 deviations from weighted means, in sigma of these deviations."""
    # The mean has followed each measurement by its share of the weight.
    weight = np.nan_to_num(curves.mag_err**-2.0)
    left = 1 - weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-30)
    pulls = curves.mag - mean_mag[:, None]
    pulls /= curves.mag_err * np.sqrt(np.maximum(left, 0.01))
    return pulls

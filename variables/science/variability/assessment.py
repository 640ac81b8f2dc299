"""All that a catalogue's light curves say of each star's variability, step by step."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from variables.science.variability.blends import Neighbours, in_haloes, pair_sums
from variables.science.variability.curves import CatalogueCurves, blocks
from variables.science.variability.evidence import Circumstances, Evidence, evidence_of
from variables.science.variability.false_alarms import (
    ARTIFICIAL_MEASUREMENTS,
    ARTIFICIAL_STARS,
    DONOR_SIGMA,
    MOST_TIMES,
    Calibration,
    Kind,
    artificial_pulls,
    combined,
    groups,
    larger_of_two,
    standard_deviates,
)
from variables.science.variability.options import VariabilityOptions
from variables.science.variability.statistics import CurveStatistics, matrix_statistics
from variables.science.variability.trends import (
    Trends,
    find_trends,
    star_coefficients,
    take_trends,
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
    colours: np.ndarray | None = None  # (n_stars,) mag, published; NaN where unknown

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
    return assess_in_place(curves.copy(), surroundings, options)


def assess_in_place(
    curves: CatalogueCurves,
    surroundings: Surroundings,
    options: VariabilityOptions = VariabilityOptions(),
) -> Assessment:
    """As ``assess``, in hardly more memory: the matrices of the curves become those without trends.

    Units are as there.
    """
    fades = curves.fading(options.faint_sigma)
    curves = curves.put_in_flux(fades)
    measured = matrix_statistics(curves.mjd, curves.mag, curves.mag_err, options.min_epochs)
    radius = options.pair_fwhm * surroundings.fwhm_pixels
    neighbours = Neighbours.within(surroundings.x, surroundings.y, radius)
    is_steady = ~fades
    is_steady[neighbours.star] = False
    colours = surroundings.colours
    trends = find_trends(curves, measured, is_steady, options, colours)
    coefficients = star_coefficients(curves, measured, trends, colours)
    statistics = measured
    if len(trends):
        take_trends(curves, trends, coefficients)
        statistics = matrix_statistics(curves.mjd, curves.mag, curves.mag_err, options.min_epochs)
    crowding = crowding_of(surroundings, neighbours, statistics.n_epochs, curves.n_images)
    centre = statistics.robust_mag.astype("f8")
    stars = _Stars(
        curves=curves,
        statistics=statistics,
        kind=Kind(np.where(surroundings.at_edge(options.edge_pixels), np.nan, centre), crowding),
        least_share=least_shares(surroundings.fracflux, options),
        circumstances=surroundings.circumstances,
        min_epochs=options.min_epochs,
    )
    evidence = stars.evidence_of(slice(None), curves.mag, curves.mag_err)
    of_sums, correlation = stars.sums(neighbours, centre, fades)
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

    def evidence_of(self, star: IntArray | slice, mag: FloatArray, mag_err: FloatArray) -> Evidence:
        """That of light curves (n, n_images) in place of those of some stars."""
        least_share = self.least_share[star]
        return evidence_of(self.circumstances, mag, mag_err, least_share, self.min_epochs)

    def sums(
        self, neighbours: Neighbours, centre: FloatArray, fades: BoolArray
    ) -> tuple[Evidence, FloatArray]:
        """Evidence of stars with their ``neighbours``; (n_stars,) correlations with these."""
        correlation = np.full(len(self.curves), np.nan, "f4")
        found = []
        for part in blocks(len(neighbours.star), self.curves.n_images):
            some = neighbours.select(part)
            sums = pair_sums(some, self.curves.mag, self.curves.mag_err, centre, fades)
            correlation[some.star] = sums.correlation
            found.append(self.evidence_of(some.star, sums.mag, sums.mag_err))
        return Evidence.joined(found), correlation

    def false_alarms(self, evidence: Evidence, of_sums: Evidence, paired: IntArray) -> FloatArray:
        """(n_stars,) false-alarm probabilities."""
        n = len(self.curves)
        of_pairs = SUM + LACKING * (self.kind.crowding[paired] >= LACKING)
        both = Kind(
            np.append(self.kind.mag, self.kind.mag[paired]),
            np.append(self.kind.crowding, of_pairs),
        )
        standard = standard_deviates(Evidence.joined([evidence, of_sums]), both)
        with np.errstate(invalid="ignore"):
            is_constant = np.all(standard[:, :n] < DONOR_SIGMA, axis=0)
        chance = self._calibration(is_constant).probability(combined(standard))
        own = chance[:n]
        own[paired] = larger_of_two(own[paired], chance[n:])
        return own

    def _calibration(self, is_constant: BoolArray) -> Calibration:
        """From artificial constant stars, as many as there are, and more where there are few."""
        n_stars, rng = len(self.curves), np.random.default_rng(len(self.curves))
        wanted = np.clip(ARTIFICIAL_MEASUREMENTS // max(self.curves.n_images, 1), *ARTIFICIAL_STARS)
        n_times = min(-(-int(wanted) // max(n_stars, 1)), MOST_TIMES) * is_constant.any()
        found = [self._artificial(is_constant, rng) for _ in range(n_times)]
        return Calibration.of(np.concatenate([np.zeros(0), *found]))

    def _artificial(self, is_constant: BoolArray, rng: np.random.Generator) -> FloatArray:
        """(n,) natural logarithms of probabilities of artificial stars, one for each."""
        parts, found = list(groups(self.kind)), []
        for part in parts:
            mag_err = self.curves.mag_err[part]
            pulls = _pulls(self.curves.mag[part], mag_err, self.statistics.mean_mag[part])
            made = artificial_pulls(pulls, is_constant[part], rng) * mag_err
            found.append(self.evidence_of(part, made, mag_err))
        star = np.concatenate(parts)
        kind = Kind(self.kind.mag[star], self.kind.crowding[star])
        return combined(standard_deviates(Evidence.joined(found), kind))


def _pulls(mag: FloatArray, mag_err: FloatArray, mean_mag: FloatArray) -> FloatArray:
    """(n_stars, n_images) float32 deviations from weighted means, in sigma of these deviations."""
    # The mean has followed each measurement by its share of the weight.
    weight = np.nan_to_num(mag_err**-2.0)
    left = 1 - weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-30)
    pulls: FloatArray = mag - mean_mag[:, None]
    pulls /= mag_err * np.sqrt(np.maximum(left, 0.01))
    return pulls

"""What limits the changes that are found: their significance with one effect more at each step.

Up to the step ``sky`` fluxes are of the light of two epochs without noise. Their errors are those
that photons leave, and from ``sources`` on what constant stars as bright and as crowded are off,
too: light that is taken otherwise at another seeing is an error like any other.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy.stats import mad_std
from scipy.spatial import cKDTree

from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.science.weighted_image import WeightedImage

from .ideal_fit import HALF_FWHM, EpochLight, LocalFit, change_variance
from .truth import MATCH_PIXELS

THRESHOLD = 15.0  # sigma of a change that is found
STEPS = {
    "alone": "errors of photons, as if a star had no neighbours",
    "steady": "neighbours of unknown flux, the same on both images; true PSF, sky and places",
    "free": "their flux is unknown on either image: the bound of Cramer and Rao",
    "sources": "stars that the reference does not list, and places that it has wrong",
    "psf": "the PSF that was fitted, and the pipeline's forced fit",
    "sky": "the sky that was measured",
    "noise": "the images themselves: noise, registration, zero points",
    "errors": "the errors that the pipeline says",
    "found": "the pipeline's cuts",
}
ALONE, STEADY, FREE, SOURCES, PSF, SKY, NOISE, ERRORS, FOUND = STEPS
N_ALIKE = 40  # constant stars that tell by how much a star's difference is off
N_LOCAL = 200  # constant stars that are fitted one by one
CROWDING_SCALE = 0.3  # of fracflux, that makes stars as different as a factor e of S/N
WELL_KNOWN = 50.0  # S/N of sources that align places and fluxes of two images, or of truth


@dataclass(frozen=True)
class Measured:
    """What the pipeline has of a reference and a search image; sources (n,) on both."""

    reductions: tuple  # of the reference, and of the search image
    search: object  # SearchMeasurement
    significance: np.ndarray  # (n,) of each source's change
    failed_cuts: np.ndarray  # (n,) bits

    @property
    def sources(self):
        """Rows of the reference."""
        return self.search.sources

    @property
    def places(self):
        """x and y of the sources on both images."""
        names = ("x", "y")
        return [[self.sources[n].astype("f8") for n in names], [self.search.x, self.search.y]]

    @property
    def fluxes(self):
        """ADU of the sources on both images, by the reference."""
        return self.sources["flux"].astype("f8"), self.search.expected_flux

    @property
    def signal(self):
        return self.sources["flux"] / self.sources["flux_err"]

    @property
    def kind(self):
        """(n, 2) brightness and crowding; sources at a distance well below 1 are alike."""
        return np.column_stack([np.log(self.signal), self.sources["fracflux"] / CROWDING_SCALE])


@dataclass(frozen=True)
class Difference:
    """Differences of fluxes between two images, and the errors that photons leave; (n,) each."""

    change: np.ndarray
    error: np.ndarray

    @classmethod
    def between(cls, fluxes, variances, scales):
        """Of fluxes and variances on two images, ADU, with ``scales`` in ADU for a flux of 1."""
        before, after = (np.divide(f, s) for f, s in zip(fluxes, scales, strict=True))
        variance = sum(np.divide(v, s**2) for v, s in zip(variances, scales, strict=True))
        # A star loses at most all its light: what is below zero is not the star's.
        return cls(np.maximum(after, 0) - before, np.sqrt(variance))

    @property
    def pulls(self):
        return self.change / self.error


def spread_of_alike(kind, known_kind, pulls):
    """(n,) sigma of the ``pulls`` (m,) of constant stars of the same kind: (n, 2) and (m, 2)."""
    if len(pulls) < N_ALIKE:
        return np.full(len(kind), mad_std(pulls) if len(pulls) else 0.0)
    return mad_std(pulls[cKDTree(known_kind).query(kind, k=N_ALIKE)[1]], axis=1)


class Limits:
    """The significances of true changes between two epochs at each of STEPS."""

    def __init__(self, changes, measured, n_local=N_LOCAL):
        self.changes, self.measured, self.n_local = changes, measured, n_local
        self.truths = changes.reference, changes.search
        amplifiers = changes.reference.night.amplifiers
        self.lights = [EpochLight(truth.epoch, amplifiers) for truth in self.truths]
        self.halves = [int(np.ceil(HALF_FWHM * t.epoch.psf.fwhm_pixels)) for t in self.truths]

    def significances(self, chosen):
        """Significances (k,) by step of the ``chosen`` stars, a bool array; ``found`` is bool."""
        index = np.flatnonzero(chosen)
        source = self._source_of(index)
        has = source >= 0
        steps = {ALONE: self.changes.sigmas[index]}
        steps[STEADY], steps[FREE] = self._ideal(self.truths[0].index[index])
        for name, values in self._by_source(source[has]).items():
            steps[name] = np.zeros(len(index))
            steps[name][has] = np.nan_to_num(values)
        measured = self.measured
        accepted = (measured.failed_cuts == 0) & (measured.significance > THRESHOLD)
        x, y = (column[accepted] for column in measured.places[0])
        return {**steps, FOUND: self.changes.found(chosen, x, y)}

    def _source_of(self, index):
        """(k,) the source of each of the reference's stars, -1 for none."""
        reference = self.truths[0]
        at = np.column_stack([reference.x[index], reference.y[index]])
        distance, nearest = self._source_tree.query(at)
        return np.where(distance < MATCH_PIXELS, nearest, -1)

    def _by_source(self, source):
        """Significances of k sources at the steps that ask for one."""
        measured = self.measured
        significances = {SOURCES: self._listed(source)}
        for name, difference in self._differences.items():
            spread = self._spread(measured.kind[source], np.flatnonzero(self._constant), difference)
            # What was measured scatters by its noise, too.
            honest = spread if name == NOISE else np.hypot(1, spread)
            significances[name] = np.abs(difference.pulls[source]) / honest
        return {**significances, ERRORS: measured.significance[source]}

    def _spread(self, kind, constant, difference):
        pulls = difference.pulls[constant]
        known = np.isfinite(pulls)
        return spread_of_alike(kind, self.measured.kind[constant[known]], pulls[known])

    @cached_property
    def scales(self):
        """(2, n) ADU of all the night's stars for what they send: air, telescope and detector."""
        stars, scales = self.truths[0].night.stars, []
        for epoch in (truth.epoch for truth in self.truths):
            own = 10 ** (-0.4 * stars.mag) * stars.factor[:, epoch.index]
            with np.errstate(invalid="ignore"):
                scales.append(_filled(epoch.x, epoch.y, epoch.flux / own))
        return np.array(scales)

    @cached_property
    def _matched(self):
        """(n,) the brightest star at a source, -1 for none, and whether all light there is steady.

        The star is an index into all of the night's.
        """
        star, own = zip(
            *(t.sources_of(*p) for t, p in zip(self.truths, self.measured.places, strict=True)),
            strict=True,
        )
        is_steady = (star[0] >= 0) & (star[1] >= 0) & np.isclose(*own, rtol=1e-6, atol=0)
        return np.where(star[0] >= 0, self.truths[0].index[star[0]], -1), is_steady

    @property
    def _constant(self):
        """(n,) whether a source is a constant star, well measured on both images."""
        search, sources = self.measured.search, self.measured.sources
        clean = (search.fit.flags == 0) & (sources["flags"] == 0) & (search.fit.quality > 0.75)
        return self._matched[1] & clean & np.isfinite(self.measured.kind).all(axis=1)

    def _ideal(self, stars):
        """(2, k) significances of stars with neighbours that are constant, and that are free."""
        found = np.zeros((2, len(stars)))
        for k, star in enumerate(stars):
            members = self._stars_round(star)
            fits = [self._fit(number, members) for number in (0, 1)]
            scales = self.scales[:, star]
            fluxes = [truth.epoch.flux[star] for truth in self.truths]
            free = Difference.between(fluxes, [fit.variance for fit in fits], scales)
            steady = np.sqrt(change_variance(*fits, scales))
            found[:, k] = np.abs(free.change) / [steady, free.error]
        return found

    def _listed(self, source):
        """(k,) significances where the sources are fitted to the light of all stars."""
        kind, (constant, pulls) = self.measured.kind, self._listed_constant
        spread = spread_of_alike(kind[source], kind[constant], pulls)
        return np.abs(self._listed_pulls(source)) / np.hypot(1, spread)

    @cached_property
    def _listed_constant(self):
        """At most n_local sources that are constant stars, and their pulls as of ``_listed``."""
        constant = np.random.default_rng(1).permutation(np.flatnonzero(self._constant))
        chosen = constant[: self.n_local]
        return chosen, self._listed_pulls(chosen)

    def _listed_pulls(self, source):
        pairs = [[self._fit_listed(number, s) for number in (0, 1)] for s in source]
        fluxes, variances = (
            np.array([[getattr(fit, name) for fit in pair] for pair in pairs]).reshape(-1, 2).T
            for name in ("flux", "variance")
        )
        return Difference.between(fluxes, variances, self.scales[:, self._matched[0][source]]).pulls

    @cached_property
    def _star_tree(self):
        """All of the night's stars on the reference."""
        epoch = self.truths[0].epoch
        return cKDTree(np.column_stack([epoch.x, epoch.y]))

    @cached_property
    def _source_tree(self):
        return cKDTree(np.column_stack(self.measured.places[0]))

    def _stars_round(self, star):
        """Indices of the stars in the window round one of the night's, itself first."""
        return _round(self._star_tree, star, self.halves[0])

    def _window(self, number, star):
        epoch = self.truths[number].epoch
        return self.lights[number].window(epoch.x[star], epoch.y[star], self.halves[number])

    def _fit(self, number, members):
        """The LocalFit of stars, of which the first is asked for, on one of the two epochs."""
        light, epoch = self.lights[number], self.truths[number].epoch
        window = self._window(number, members[0])
        flux = epoch.flux[members]
        stamps = light.stamps(window, epoch.x[members], epoch.y[members], flux)
        before = self.truths[0].epoch.flux[members]
        usual = before * self.scales[number, members] / self.scales[0, members]
        return LocalFit.of(stamps, flux @ stamps, light.weight[window].ravel(), usual)

    def _fit_listed(self, number, source):
        """The LocalFit of a source and those round it to the light of the stars there."""
        light, epoch = self.lights[number], self.truths[number].epoch
        star = self._matched[0][source]
        window, stars = self._window(number, star), self._stars_round(star)
        flux = epoch.flux[stars]
        image = flux @ light.stamps(window, epoch.x[stars], epoch.y[stars], flux)
        near = _round(self._source_tree, source, self.halves[0])
        x, y = (column[near] for column in self._aligned[number])
        usual = self.measured.fluxes[number][near]
        stamps = light.stamps(window, x, y, usual)
        return LocalFit.of(stamps, image, light.weight[window].ravel(), usual)

    @cached_property
    def _aligned(self):
        """Places of the sources on both images, where the middle of the PSF is that of the truth's.

        A PSF with coma has no middle of its own: where it lies may change slowly over the chip.
        """
        star, aligned = self._matched[0], []
        bright = np.flatnonzero(self._constant & (self.measured.signal > WELL_KNOWN))
        for truth, (x, y) in zip(self.truths, self.measured.places, strict=True):
            terms = np.column_stack([np.ones(len(x)), x, y])
            true = truth.epoch.x[star], truth.epoch.y[star]
            aligned.append(
                [
                    at + terms @ _robust_fit(terms[bright], (there - at)[bright])
                    for at, there in zip((x, y), true, strict=True)
                ]
            )
        return aligned

    @cached_property
    def _differences(self):
        """Difference of all sources by step, of steps with the pipeline's own fit."""
        measured, search = self.measured, self.measured.search
        found = {name: self._noise_free(name) for name in (PSF, SKY)}
        expected = search.expected_flux
        errors = search.fit.flux_err, expected / measured.signal
        found[NOISE] = Difference(np.maximum(search.fit.flux, 0) - expected, np.hypot(*errors))
        return found

    def _noise_free(self, step):
        """The Difference of forced fits to the light without noise."""
        fits = [self._forced(number, step) for number in (0, 1)]
        scales = self.scales[:, self._matched[0]]
        before, after = (fit.flux / scale for fit, scale in zip(fits, scales, strict=True))
        known = self._constant & (self.measured.signal > WELL_KNOWN)
        # A PSF that is too wide makes all stars of its image brighter, which calibration undoes.
        scales = np.array([scales[0], scales[1] * np.nanmedian((after / before)[known])])
        return Difference.between(
            [fit.flux for fit in fits], [fit.flux_err**2 for fit in fits], scales
        )

    def _forced(self, number, step):
        """The ForcedFit of the sources to the light without noise on one of the epochs."""
        light, reduction = self.lights[number], self.measured.reductions[number]
        data = light.stars
        if step == SKY:
            data = data + light.epoch.sky - reduction.sky.image
        image = WeightedImage(data, light.weight, reduction.chip.mask)
        x, y = self.measured.places[number]
        stars = ForcedStars(x, y, self.measured.fluxes[number], np.zeros(len(x), int))
        return fit_fluxes(image, reduction.detections.psf, stars)


def _round(tree, first, half):
    """Indices of the positions that may lie in a window of ``half`` round one, that one first."""
    near = np.array(tree.query_ball_point(tree.data[first], np.sqrt(2) * half, return_sorted=True))
    return np.concatenate([[first], near[near != first]])


def _robust_fit(terms, values):
    """Coefficients of a linear fit, once more without what is 3 sigma off; zeros of few."""
    if len(values) < 3 * terms.shape[1]:
        return np.zeros(terms.shape[1])
    residual = values - np.median(values)
    for _ in range(3):
        kept = np.abs(residual) < 3 * mad_std(residual) + 1e-9
        fitted = np.linalg.lstsq(terms[kept], values[kept], rcond=None)[0]
        residual = values - terms @ fitted
    return fitted


def _filled(x, y, values):
    """``values`` (n,) with that of the nearest star where there is none."""
    known = np.isfinite(values) & (values > 0)
    place = np.column_stack([x, y])
    filled = values.copy()
    filled[~known] = values[known][cKDTree(place[known]).query(place[~known])[1]]
    return filled

"""What a perfect measurement of a SkyNight could know: photon errors, true changes, true sums."""

from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

MATCH_PIXELS = 1.5  # within which light is one source's
EDGE_PIXELS = 10  # stars nearer to the edge are not asked for
FAINTEST_MAG = 24.5  # of stars that are compared with anything
FLOOR_MAG = 0.014  # beside the photon error, of changes that have to be found
SIGNIFICANCE = 20.0  # of these changes
VANISHED_SIGNAL = (30.0, 100.0)  # S/N on the reference of stars whose vanishing has to be found
FAST_MAS = 20.0  # a year, of stars whose motion shows
# A change beside a star that varies is that star's: near it if it varies at all, else if much.
VARIES, VARIES_MUCH = 3.0, 100.0  # sigma of the photon error
NEAR_FWHM, FAR_PIXELS = 1.5, 12.0
KNOTS = 500  # of the error by brightness, which is off by less than 1e-4 between them


class EpochTruth:
    """The stars of one epoch down to FAINTEST_MAG; (n,) arrays are in the order of ``index``."""

    def __init__(self, night, number):
        self.night, self.epoch = night, night.epochs[number]
        self.index = np.flatnonzero(night.stars.mag < FAINTEST_MAG)
        self.x, self.y = self.epoch.x[self.index], self.epoch.y[self.index]
        self.flux = self.epoch.flux[self.index]
        # By the star alone: neither air nor detector have a part in it.
        own = 10 ** (-0.4 * night.stars.mag) * night.stars.factor[:, number]
        self.own_flux = own[self.index]

    @cached_property
    def tree(self):
        return cKDTree(np.column_stack([self.x, self.y]))

    @cached_property
    def is_inside(self):
        """Stars whose pixel, and those round it, are on the chip and not masked."""
        ny, nx = self.night.options.shape
        inside = (self.x > EDGE_PIXELS) & (self.x < nx - 1 - EDGE_PIXELS)
        inside &= (self.y > EDGE_PIXELS) & (self.y < ny - 1 - EDGE_PIXELS)
        column, row = (np.where(inside, np.round(z), 1).astype(int) for z in (self.x, self.y))
        for j in (-1, 0, 1):
            for i in (-1, 0, 1):
                inside &= self.epoch.exposed.quality[row + j, column + i] == 0
        return inside

    @cached_property
    def is_brightest(self):
        """Stars with no brighter one within MATCH_PIXELS."""
        is_brightest = np.ones(len(self.x), bool)
        pairs = self.tree.query_pairs(MATCH_PIXELS, output_type="ndarray")
        if len(pairs):
            first, second = pairs.T
            fainter = np.where(self.flux[first] < self.flux[second], first, second)
            is_brightest[fainter] = False
        return is_brightest

    @cached_property
    def flux_error(self):
        """ADU: photons of star and sky and read noise, fitted with the PSF, without neighbours."""
        ny, nx = self.night.options.shape
        column = np.clip(np.round(self.x), 0, nx - 1).astype(int)
        row = np.clip(np.round(self.y), 0, ny - 1).astype(int)
        sky = self.epoch.sky[row, column]
        gain, noise = np.empty(len(column)), np.empty(len(column))
        for amplifier in self.night.amplifiers:
            here = (column >= amplifier.x_start) & (column < amplifier.x_stop)
            gain[here], noise[here] = amplifier.gain, amplifier.read_noise
        profile = self.epoch.psf.middle_stamp(12).ravel()
        return _fit_error(profile, self.flux, sky, gain, noise)

    def sources_of(self, x, y):
        """The brightest star within MATCH_PIXELS of positions, -1 for none, and its own flux.

        The flux is that of all stars so near: what can't be told apart is measured together.
        """
        near = self.tree.query_ball_point(np.column_stack([x, y]), MATCH_PIXELS)
        star = [max(n, key=self.flux.__getitem__) if n else -1 for n in near]
        return np.array(star, int), np.array([self.own_flux[n].sum() for n in near])


def _fit_error(profile, flux, sky, gain, noise):
    """(n,) ADU: ``1 / sqrt(sum(P^2 / V))``, with ``V = (flux P + sky) / gain + (noise / gain)^2``.

    But for its unit it is a function of the ratio of star and background, known at KNOTS of them.
    """
    background = sky + noise**2 / gain
    knots = np.expm1(np.linspace(0, np.log1p(np.max(flux / background, initial=1)), KNOTS))
    sums = [(profile**2 / (1 + ratio * profile)).sum() for ratio in knots]
    information = np.interp(np.log1p(flux / background), np.log1p(knots), np.log(sums))
    return np.sqrt(background / gain / np.exp(information))


class Changes:
    """True changes between the reference and a search epoch."""

    def __init__(self, reference, search):
        self.reference, self.search = reference, search
        with np.errstate(divide="ignore", invalid="ignore"):
            self.mag = -2.5 * np.log10(search.own_flux / reference.own_flux)
            self.error = 1.0857 * np.hypot(
                reference.flux_error / reference.flux, search.flux_error / search.flux
            )
            scale = reference.flux / reference.own_flux
        change = np.abs(search.own_flux - reference.own_flux) * scale
        self.sigmas = change / np.hypot(reference.flux_error, search.flux_error)
        self.is_measurable = reference.is_inside & search.is_inside & reference.is_brightest

    @property
    def expected(self):
        """Stars whose change has to be found."""
        enough = np.abs(self.mag) > SIGNIFICANCE * np.hypot(self.error, FLOOR_MAG)
        return self.is_measurable & enough & np.isfinite(self.mag)

    @property
    def vanished(self):
        """Stars of S/N 30 to 100 on the reference with no light on the search image."""
        signal = self.reference.flux / self.reference.flux_error
        low, high = VANISHED_SIGNAL
        gone = self.search.own_flux == 0
        return self.is_measurable & gone & (signal > low) & (signal < high)

    @property
    def moving(self):
        """Fast stars of constant light, alone and of S/N 30 and more: they don't change."""
        reference, stars = self.reference, self.reference.night.stars
        fast = np.hypot(stars.pmra, stars.pmdec)[reference.index] >= FAST_MAS
        signal = reference.flux / reference.flux_error
        is_constant = self.search.own_flux == reference.own_flux
        return self.is_measurable & fast & is_constant & (signal > VANISHED_SIGNAL[0])

    def found(self, stars, x, y):
        """(n,) whether a change at x, y (pixels of the reference) is at each of the stars."""
        if len(x) == 0:
            return np.zeros(int(stars.sum()), bool)
        at = np.column_stack([self.reference.x[stars], self.reference.y[stars]])
        return cKDTree(np.column_stack([x, y])).query(at)[0] < MATCH_PIXELS

    def is_true(self, x, y):
        """(n,) whether changes at x, y (pixels of the reference) have a star that did change."""
        fwhm = max(self.reference.epoch.psf.fwhm_pixels, self.search.epoch.psf.fwhm_pixels)
        return self._is_near(VARIES, NEAR_FWHM * fwhm, x, y) | self._is_near(
            VARIES_MUCH, FAR_PIXELS, x, y
        )

    def _is_near(self, sigmas, radius, x, y):
        stars = self.sigmas > sigmas
        if not stars.any() or len(x) == 0:
            return np.zeros(len(x), bool)
        at = np.column_stack([self.reference.x[stars], self.reference.y[stars]])
        return cKDTree(at).query(np.column_stack([x, y]))[0] < radius

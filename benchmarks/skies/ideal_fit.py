"""How well a change of one star can be known where its neighbours are fitted with it.

The light round a star is a sum of PSFs at known places, the noise that of its photons. Then the
inverse of the Fisher matrix of all the fluxes bounds the variance of each (Cramer & Rao; Kay 1993,
Fundamentals of Statistical Signal Processing I, chapter 3). Of a neighbour is known beforehand that
it is about as bright as it is (van Trees 1968, section 2.4): what is far below the noise takes
nothing from the others, however many there are of it.
"""

from dataclasses import dataclass

import numpy as np

from .placing import place_stars, stamps_in

HALF_FWHM = 3.0  # half the side of the window in which a star is fitted
FAINTEST_ADU = 1.0  # a star that vanished has the PSF of one of this flux


class EpochLight:
    """The light of an epoch without noise, and the inverse variance that its photons leave."""

    def __init__(self, epoch, amplifiers):

        self.epoch, self.shape = epoch, epoch.sky.shape
        self.stars = np.zeros(self.shape)
        place_stars(self.stars, epoch.x, epoch.y, epoch.flux, epoch.psf)
        gain, noise = np.empty(self.shape[1]), np.empty(self.shape[1])
        for amplifier in amplifiers:
            here = slice(amplifier.x_start, amplifier.x_stop)
            gain[here], noise[here] = amplifier.gain, amplifier.read_noise
        variance = np.maximum(self.stars + epoch.sky, 0) / gain + (noise / gain) ** 2
        self.weight = np.where(epoch.exposed.quality == 0, 1 / variance, 0)

    def window(self, x, y, half):
        """Slices of the pixels within ``half`` of a place, and on the image."""
        return tuple(
            slice(max(round(z) - half, 0), min(round(z) + half + 1, side))
            for z, side in zip((float(y), float(x)), self.shape, strict=True)
        )

    def stamps(self, window, x, y, flux):
        """(n, pixels) PSFs of stars in a window, by the epoch's true PSF."""
        bright = np.maximum(flux, FAINTEST_ADU)
        return stamps_in(window, x, y, bright, self.epoch.psf, self.shape).reshape(len(x), -1)


@dataclass(frozen=True)
class LocalFit:
    """The normal equations of the stars in a window, the first of which is asked for; ADU."""

    information: np.ndarray  # (k, k) Fisher matrix
    signal: np.ndarray  # (k,) weighted sums of the light with each PSF
    usual: np.ndarray  # (k,) what each star's flux is expected to be

    @classmethod
    def of(cls, stamps, light, weight, usual):
        """Of PSFs (k, pixels), and light and weight (pixels,)."""
        weighted = stamps * weight
        return cls(weighted @ stamps.T, weighted @ light, usual)

    @property
    def prior(self):
        """(k,) inverse variances of what is known of the neighbours beforehand."""
        inverse = 1 / np.maximum(self.usual, FAINTEST_ADU) ** 2
        inverse[0] = 1e-12 * self.information[0, 0]
        return inverse

    @property
    def flux(self):
        """The first star's."""
        known = self.signal + self.prior * self.usual
        return np.linalg.solve(self.information + np.diag(self.prior), known)[0]

    @property
    def variance(self):
        """Of the first star's flux, with the neighbours' fluxes free; infinite without a pixel."""
        if self.information[0, 0] <= 0:
            return np.inf
        first = np.eye(1, len(self.usual))[0]
        return np.linalg.solve(self.information + np.diag(self.prior), first)[0]


def change_variance(reference, search, scales):
    """Variance of the first star's change where all others are the same on both images.

    ``reference`` and ``search`` are LocalFits of the same stars, ``scales`` the ADU on each for
    a flux of 1, in whose square the variance is.
    """
    before, after = (
        fit.information * s**2 for fit, s in zip((reference, search), scales, strict=True)
    )
    prior = reference.prior * scales[0] ** 2
    both = np.linalg.inv(before + after + np.diag(prior))
    information = after[0, 0] - after[0] @ both @ after[0]
    return 1 / information if information > 0 else np.inf

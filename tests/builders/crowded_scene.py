"""A crowded field with known truth, rendered with a PSF of the tests' own."""

from dataclasses import dataclass

import numpy as np

from photometry.science.psf.psf import ChipPsf
from photometry.science.weighted_image import WeightedImage

GAIN, READ_NOISE, SKY, SATURATION = 4.0, 10.0, 300.0, 40_000.0  # e-/ADU, e-, ADU, ADU


@dataclass(frozen=True)
class Scene:
    """Sky-subtracted pixels in ADU and the stars behind them."""

    data: np.ndarray
    weight: np.ndarray
    mask: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    psf: ChipPsf

    @property
    def image(self):
        return WeightedImage(self.data, self.weight, self.mask)


def varying_psf(fwhm=4.0):
    """Wider to the right, elongated differently at the top."""
    return ChipPsf(
        np.array([fwhm, 0.3, -0.2]), np.array([0.05, 0.03, 0.0]), np.array([-0.02, 0.0, 0.03]), 2.6
    )


def star_list(n, shape, seed, brightest=13.0, faintest=20.0):
    """Positions and fluxes of a luminosity function that rises 0.3 dex a magnitude."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, shape[1] - 1, n), rng.uniform(0, shape[0] - 1, n)
    mag = np.clip(faintest - rng.exponential(1 / 0.69, n), brightest, faintest)
    return x, y, 10 ** (-0.4 * (mag - 28))


def render(x, y, flux, psf, shape, size=61):
    """The noiseless image of stars; stamps of the bright reach further."""
    margin = 150
    image = np.zeros((shape[0] + 2 * margin, shape[1] + 2 * margin))
    for bright, side in ((flux < 1e5, size), (flux >= 1e5, 201)):
        chosen, half = np.flatnonzero(bright), side // 2
        for part in np.array_split(chosen, max(1, len(chosen) // 200)):
            for stamp, i in zip(psf.stamps(x[part], y[part], side), part, strict=True):
                column, row = round(x[i]) + margin, round(y[i]) + margin
                image[row - half : row + half + 1, column - half : column + half + 1] += (
                    flux[i] * stamp
                )
    return image[margin:-margin, margin:-margin]


def observe(stars, psf, shape, seed):
    """A Scene with photon and read noise, and masked cores where it saturates."""
    x, y, flux = stars
    truth = render(x, y, flux, psf, shape)
    rng = np.random.default_rng(seed)
    variance = (truth + SKY) / GAIN + (READ_NOISE / GAIN) ** 2
    data = truth + rng.normal(size=shape) * np.sqrt(variance)
    mask = np.where(data > SATURATION, 4, 0).astype("u1")
    weight = np.where(mask > 0, 0, 1 / variance)
    return Scene(data, weight, mask, x, y, flux, psf)


def apart(x, y, distance):
    """True for stars with no other within ``distance`` pixels."""
    separation = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(len(x))
    return separation.min(axis=1) > distance

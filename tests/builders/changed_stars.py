"""Differences of images in which one star changed, with all noise that they have."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve

from variables.science.change_stamps import ChangeStamp
from variables.science.changed_star import NearbyStars

HALF, PSF_HALF = 18, 10
NOISE = 3.0  # ADU, of a pixel of either image
FWHM = 4.2  # pixels, of the wider image
SHARP_FWHM = 3.2
BETA = 3.0
V, U = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1]


def moffat(x, y, fwhm=FWHM, half=HALF):
    """A star of unit flux, pixels from the middle of a stamp."""
    v, u = np.mgrid[-half : half + 1, -half : half + 1]
    inverse = 4 * (2 ** (1 / BETA) - 1) / fwhm**2
    r2 = (u - x) ** 2 + (v - y) ** 2
    return (BETA - 1) / np.pi * inverse * (1 + r2 * inverse) ** -BETA


def kernel():
    """That which makes the sharp PSF about as wide as the other."""
    sigma = np.sqrt(FWHM**2 - SHARP_FWHM**2) / 2.3548
    v, u = np.mgrid[-9:10, -9:10]
    values = np.exp(-0.5 * (u**2 + v**2) / sigma**2)
    return values / values.sum()


FLUX_ERR = 1.3 * NOISE / np.sqrt(np.sum(moffat(0, 0) ** 2))  # ADU, about, of a change


@dataclass(frozen=True)
class Scene:
    """Stars near a place, and the fluxes by which they change on each image."""

    x: np.ndarray  # (n_stars,) pixels from the middle
    y: np.ndarray
    flux: np.ndarray  # (n_stars,) ADU
    changes: np.ndarray  # (n_stars, n_epochs) ADU
    is_reference_sharper: bool = True

    def stars(self, error_pixels=0.0, rng=None):
        """NearbyStars as a list has them, with places that are wrong by an error."""
        off = rng.normal(0, error_pixels, (2, len(self.x))) if rng is not None else np.zeros(2)
        off = np.broadcast_to(off.reshape(2, -1), (2, len(self.x)))
        err = self.flux * error_pixels / (0.6 * FWHM)
        return NearbyStars(self.x + off[0], self.y + off[1], self.flux, err)

    def stamps(self, rng):
        """ChangeStamps of all images, with the reference's noise in each of them."""
        shape, side = (HALF * 2 + 1,) * 2, HALF * 2 + 1
        light = sum(f * moffat(*xy) for *xy, f in zip(self.x, self.y, self.flux, strict=True))
        variance = NOISE**2 + light / 4
        wide = 9  # pixels more, which the kernel reaches
        full = np.pad(variance, wide, mode="edge")
        reference = rng.normal(0, np.sqrt(full))
        stamps = []
        for changes in self.changes.T:
            search = rng.normal(0, np.sqrt(full))
            sharp, other = (
                (-reference, search) if self.is_reference_sharper else (search, -reference)
            )
            noise = fftconvolve(sharp, kernel(), mode="same") + other
            change = sum(c * moffat(*xy) for *xy, c in zip(self.x, self.y, changes, strict=True))
            difference = change + noise[wide : wide + side, wide : wide + side]
            assert difference.shape == shape
            stamps.append(
                ChangeStamp(
                    difference,
                    variance,
                    variance,
                    kernel(),
                    self.is_reference_sharper,
                    moffat(0, 0, half=PSF_HALF),
                    FWHM,
                )
            )
        return stamps


def pair_of_stars(rng, separation_fwhm, sigma, n_epochs=1, contrast=1.0):
    """A Scene of a candidate and a neighbour of ``contrast`` times its flux; which of them changed.

    Fluxes change by about ``sigma`` times their error.
    """
    angle = rng.uniform(0, 2 * np.pi)
    x, y = rng.uniform(-0.5, 0.5, 2)
    apart = separation_fwhm * FWHM
    xs, ys = np.array([x, x + apart * np.cos(angle)]), np.array([y, y + apart * np.sin(angle)])
    flux = np.array([6000.0, 6000.0 * contrast])
    changed = int(rng.integers(2))
    changes = np.zeros((2, n_epochs))
    noise = np.sqrt(NOISE**2 + flux.max() * 0.5 * moffat(0, 0).max() / 4) / NOISE
    changes[changed] = sigma * FLUX_ERR * noise * rng.uniform(0.7, 1.0, n_epochs)
    return Scene(xs, ys, flux, changes, bool(rng.integers(2))), changed

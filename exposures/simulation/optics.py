"""The simulated PSF, and stars rendered with it.

The profiles are those of the light that a pixel collects, as a function of the distance between
its centre and the star: nothing is left to integrate over the pixel.
"""

from dataclasses import dataclass

import numpy as np

WING_FRACTION = 0.15  # of the light, in a Moffat profile twice as wide
CORE_BETA, WING_BETA, WING_WIDTH = 3.5, 2.5, 2.0
LARGEST = 250  # half width of a stamp in pixels
MARGIN = 2 * LARGEST + 1  # pixels rendered around the chip, so that stamps need no cutting
BATCH = 2_000_000  # pixels of stamps rendered at once


@dataclass(frozen=True)
class Optics:
    """Width in pixels and ellipticities, each linear in ``u, v`` of -1 to 1 over the chip."""

    fwhm: tuple[float, float, float]  # constant, u, v
    e1: tuple[float, float, float]
    e2: tuple[float, float, float]

    @classmethod
    def of(cls, fwhm, rng):
        """A PSF of a seeing, with a tilt and an astigmatism of its own."""
        return cls(
            (fwhm, *(fwhm * rng.uniform(-0.05, 0.05, 2))),
            tuple(rng.uniform(-0.05, 0.05, 3)),
            tuple(rng.uniform(-0.05, 0.05, 3)),
        )

    def at(self, x, y, shape):
        """fwhm, e1, e2 at pixel positions."""
        terms = np.array([np.ones(len(x)), 2 * x / shape[1] - 1, 2 * y / shape[0] - 1])
        return tuple(np.asarray(c) @ terms for c in (self.fwhm, self.e1, self.e2))


def _moffat(r2, beta):
    return (beta - 1) / np.pi * (1 + r2) ** -beta


def stamps(dx, dy, shape_parameters, size):
    """(n, size, size) profiles of unit integral at exact offsets ``dx, dy`` from the middle."""
    fwhm, e1, e2 = (p[:, None, None].astype("f4") for p in shape_parameters)
    axis = np.arange(size, dtype="f4") - size // 2
    u, v = axis[None, None, :] - dx[:, None, None], axis[None, :, None] - dy[:, None, None]
    r2 = ((1 + e1) * u**2 + (1 - e1) * v**2 + 2 * e2 * u * v).astype("f4")
    area = np.sqrt(1 - e1**2 - e2**2)
    out = np.zeros(r2.shape, "f4")
    for fraction, beta, width in (
        (1 - WING_FRACTION, CORE_BETA, 1.0),
        (WING_FRACTION, WING_BETA, WING_WIDTH),
    ):
        alpha2 = (width * fwhm / 2) ** 2 / np.float32(2 ** (1 / beta) - 1)
        out += fraction * area / alpha2 * _moffat(r2 / alpha2, np.float32(beta))
    return out


def stamp_half_width(flux, fwhm, faintest_adu):
    """(n,) radius in pixels at which a star's wing falls below a level; 10 to 250."""
    alpha2 = (WING_WIDTH * fwhm / 2) ** 2 / (2 ** (1 / WING_BETA) - 1)
    centre = flux * WING_FRACTION * (WING_BETA - 1) / np.pi / alpha2
    reach2 = alpha2 * (np.maximum(centre / faintest_adu, 1) ** (1 / WING_BETA) - 1)
    return np.clip(np.ceil(np.sqrt(reach2)), 10, LARGEST).astype(int)


def render_stars(x, y, flux, optics, shape, faintest_adu):
    """The noiseless (ny, nx) image of stars at pixel positions, some of them off the chip."""
    parameters = optics.at(x, y, shape)
    half = stamp_half_width(flux, parameters[0], faintest_adu)
    # A few sizes rather than one for each star: stars of a size are rendered together.
    sizes = np.array([10, 14, 20, 30, 45, 70, 110, 170, LARGEST])
    half = sizes[np.searchsorted(sizes, half)]
    reach = (x > -half) & (x < shape[1] + half) & (y > -half) & (y < shape[0] + half)
    image = np.zeros((shape[0] + 2 * MARGIN, shape[1] + 2 * MARGIN), "f4")
    for width in np.unique(half[reach]):
        chosen = np.flatnonzero(reach & (half == width))
        size = 2 * width + 1
        for part in np.array_split(chosen, max(1, len(chosen) * size**2 // BATCH)):
            _add(image, x[part], y[part], flux[part], [p[part] for p in parameters], size)
    return image[MARGIN:-MARGIN, MARGIN:-MARGIN]


def _add(image, x, y, flux, parameters, size):
    column, row = np.round(x).astype(int), np.round(y).astype(int)
    profiles = (
        stamps((x - column).astype("f4"), (y - row).astype("f4"), parameters, size)
        * flux.astype("f4")[:, None, None]
    )
    for profile, i, j in zip(
        profiles, column + MARGIN - size // 2, row + MARGIN - size // 2, strict=True
    ):
        image[j : j + size, i : i + size] += profile

"""Made-up pixels: stars as round Gaussians on a noisy sky, in stamps and on chips."""

import numpy as np

NOISE = np.random.default_rng(17).normal(0, 1, 1 << 20).astype("f4")


def star_stamps(x, y, flux, fwhm_pixels, size):
    """(n_stamps, size, size) light of stars in stamps, brightest pixel of a star of flux 1: 1.

    ``x`` and ``y`` (n_stars,) are pixels from the corner, the same in all stamps; ``flux``
    (n_stamps, n_stars); ``fwhm_pixels`` (n_stamps,).
    """
    sigma = np.asarray(fwhm_pixels, "f4")[:, None, None] / 2.3548
    pixels = np.arange(size, dtype="f4")[:, None]
    across = np.exp(-0.5 * ((pixels - np.asarray(x, "f4")) / sigma) ** 2)  # stamp, pixel, star
    along = np.exp(-0.5 * ((pixels - np.asarray(y, "f4")) / sigma) ** 2)
    return np.matmul(along * np.asarray(flux, "f4")[:, None, :], across.transpose(0, 2, 1))


def noise_like(shape, rng):
    """Gaussian noise of a shape, cut from a fixed pool because drawing it takes most time."""
    n, start = int(np.prod(shape)), int(rng.integers(0, len(NOISE)))
    return np.resize(np.roll(NOISE, -start)[:n], n).reshape(shape)

"""How wrong the PSFs of bright stars are on an image, by the residual beside them."""

import numpy as np

from exposures.science.arrays import FloatArray
from photometry.science.compiled import compiled
from photometry.science.pixel_positions import PixelPositions

INNER, OUTER = 0.5, 3.0  # FWHM from a star between which its pixels are looked at
# A pixel tells of a star by which at least this part of the assumed variance is.
PART = 0.5
# Squared residual over the assumed variance that counts at most: what is more is something else.
MOST = 4.0
# Pixels from which on they tell of a star, and of all of an image.
N_OF_STAR, N_OF_IMAGE = 20, 200


def shares_of_errors(
    images: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    positions: PixelPositions,
    flux: FloatArray,
    table: FloatArray,
    fwhm: float,
    least: float,
) -> FloatArray:
    """(n,) shares, from ``least`` to 1, of the assumed errors that the PSFs of n stars have.

    ``images`` are four, (ny, nx) each: the ``signal`` and ``information`` that ``filtered`` gives,
    the inverse variance of the pixels in ADU^-2, and the variance of flux in ADU^2 that is assumed
    for the errors of all PSFs. ``positions`` are pixels, ``flux`` (n,) is in ADU, NaN where it is
    not known, and ``table`` (side, side) has, ``side`` odd, the assumed variance round a star of
    flux 1; ``fwhm`` is in pixels.

    What a PSF has too much makes pixels beside its star darker than the model, which no star that
    is not listed does. So of those from 0.5 to 3 FWHM off, in which the error of this star is most
    of what is assumed and above the noise, the share squared is the mean of the residual squared
    over the assumed variance, without the noise. All stars together are the least for each, as a
    star with too few of such pixels has no figure of its own.
    """
    shares = np.ones(len(flux))
    column, row = (np.rint(c).astype(np.int64) for c in positions)
    squares = np.nan_to_num(flux).astype("f8") ** 2
    ny, nx = images[0].shape
    # Of others no pixel would tell, whatever its noise; and nothing is assumed beyond the edges.
    is_loud = squares * table.max() * float(images[1].max()) >= 1
    loud = np.flatnonzero(is_loud & (column >= 0) & (column < nx) & (row >= 0) & (row < ny))
    stars = row[loud], column[loud], squares[loud]
    sums = _sums_beside(stars, images, table.astype("f8"), (INNER * fwhm) ** 2, (OUTER * fwhm) ** 2)
    counts, excess = sums.T
    if counts.sum() < N_OF_IMAGE:
        return shares
    together = np.clip(np.sqrt(max(excess.sum(), 0.0) / counts.sum()), least, 1.0)
    shares[:] = together
    telling = counts >= N_OF_STAR
    own = np.sqrt(np.maximum(excess[telling], 0.0) / counts[telling])
    shares[loud[telling]] = np.clip(own, together, 1.0)
    return shares


@compiled
def _sums_beside(
    stars: tuple[FloatArray, FloatArray, FloatArray],
    images: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    table: FloatArray,
    inner: float,
    outer: float,
) -> FloatArray:
    """(n, 2): how many pixels tell of a star, and the sum of what they have above the noise.

    ``stars`` are rows, columns and squared fluxes (n,), ``inner`` and ``outer`` pixels squared.
    """
    rows, columns, squares = stars
    signal, information, weight, assumed = images
    ny, nx = signal.shape
    half = len(table) // 2
    reach = min(int(np.ceil(np.sqrt(outer))), half)
    sums = np.zeros((len(rows), 2))
    for k in range(len(rows)):
        for j in range(max(rows[k] - reach, 0), min(rows[k] + reach + 1, ny)):
            down = j - rows[k]
            for i in range(max(columns[k] - reach, 0), min(columns[k] + reach + 1, nx)):
                right = i - columns[k]
                distance = down * down + right * right
                if distance < inner or distance > outer or signal[j, i] >= 0 or weight[j, i] <= 0:
                    continue
                own, all_stars = squares[k] * table[half + down, half + right], assumed[j, i]
                if own * information[j, i] < 1 or own < PART * all_stars or all_stars <= 0:
                    continue
                noise = 1 / information[j, i]
                sums[k, 0] += 1
                sums[k, 1] += min((signal[j, i] * noise) ** 2 / all_stars, MOST) - noise / all_stars
    return sums

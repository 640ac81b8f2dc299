"""Light on an image that no listed star explains."""

from exposures.science.arrays import Float, FloatArray
from photometry.science.compiled import compiled

# Significance of a pixel by itself: others are not looked at, which are nearly all.
PIXEL_SIGMA = 2.5


@compiled
def add_unlisted(model: FloatArray, left: FloatArray, weight: FloatArray, n_sigma: Float) -> None:
    """Add to ``model`` what is left beyond doubt, where it is, in place; or take it off.

    ``model`` and ``left``, what it leaves of an image, are (ny, nx) in ADU, ``weight`` (ny, nx) is
    the inverse variance. That is the mean of the usable ones of 3 x 3 pixels where it is more than
    ``n_sigma`` from zero: a star that has changed, or one that was not there before. Elsewhere the
    model keeps its own values, so that it doesn't follow the noise.
    """
    ny, nx = model.shape
    for j in range(1, ny - 1):
        for i in range(1, nx - 1):
            if left[j, i] ** 2 * weight[j, i] < PIXEL_SIGMA**2:
                continue
            total, variance, n = 0.0, 0.0, 0
            for y in range(j - 1, j + 2):
                for x in range(i - 1, i + 2):
                    if weight[y, x] > 0:
                        total += left[y, x]
                        variance += 1 / weight[y, x]
                        n += 1
            if total * total > n_sigma * n_sigma * variance:
                model[j, i] += total / n

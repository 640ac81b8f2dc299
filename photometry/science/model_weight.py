"""Weights of pixels with the photon noise of a model, in place of that of the data."""

import numpy as np

from exposures.science.arrays import FloatArray
from photometry.science.compiled import compiled

SMALLEST_VARIANCE = 1e-12  # ADU^2


def model_weight(
    data: FloatArray, weight: FloatArray, model: FloatArray, sky: FloatArray, noise: FloatArray
) -> FloatArray:
    """(ny, nx) float32 inverse variance with the photon noise of the model, ADU^-2.

    ``data`` (ny, nx) ADU is without its ``sky`` (ny, nx), and ``model`` (ny, nx) is the stars'
    light in it; ``noise`` (2, nx) are gain in e-/ADU and read noise in e- by column. A ``weight``
    (ny, nx) that holds each pixel's own noise weighs low pixels up, and biases fluxes low: the part
    ``data / gain`` of its variance is replaced by ``model / gain``. The variance is at least half
    of that of the sky; 0 where the weight is.
    """
    data, weight = np.ascontiguousarray(data, np.float32), np.ascontiguousarray(weight, np.float32)
    model, sky = np.ascontiguousarray(model, np.float32), np.ascontiguousarray(sky, np.float32)
    # Made here: numpy takes large pages for an image, compiled code small ones.
    changed = np.empty(data.shape, np.float32)
    _model_weight(data, weight, model, sky, np.asarray(noise, float), changed)
    return changed


@compiled
def _model_weight(
    data: FloatArray,
    weight: FloatArray,
    model: FloatArray,
    sky: FloatArray,
    noise: FloatArray,
    changed: FloatArray,
) -> None:
    ny, nx = data.shape
    one, zero, half = np.float32(1), np.float32(0), np.float32(0.5)
    smallest = np.float32(SMALLEST_VARIANCE)
    per_electron = (1 / noise[0]).astype(np.float32)
    read_variance = ((noise[1] / noise[0]) ** 2).astype(np.float32)
    for j in range(ny):
        for i in range(nx):
            own = weight[j, i]
            variance = one / (own if own > 0 else one)
            variance += (model[j, i] - data[j, i]) * per_electron[i]
            floor = half * (max(sky[j, i], zero) * per_electron[i] + read_variance[i])
            variance = max(variance, max(floor, smallest))
            changed[j, i] = one / variance if own > 0 else zero

"""Weights from the noise that a file gives beside its image: errors, variances or weights."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.fits.conventions import ExtensionKind

BRIGHT_SIGMA = 30.0  # pixels by which it is told whether the noise of stars' photons is in it
MIN_BRIGHT = 20  # such pixels; with fewer it is taken to be in, as the pipelines have it
LARGER = 1.15  # variance of bright pixels over that of the sky, where it is in
# Weights whose sky differs by more from the noise of the pixels are relative ones.
RELATIVE = 10.0


@dataclass(frozen=True)
class SkyLevel:
    """The sky of an image, as its pixels have it."""

    level: float  # ADU, their median
    noise: float  # ADU, of a pixel, from differences between neighbours


def given_weights(science, data, noise, sky, detector):
    """(ny, nx) inverse variance, the NoiseProperties that fit it, and notes.

    ``data`` (ny, nx) ADU are NaN where a pixel is not usable, ``noise`` (ny, nx) is of the science
    image's kind, ``sky`` is a SkyLevel. What is 0, negative or undefined has weight 0. Weights in
    proportion (exposure times, maps between 0 and 1) are brought to the noise of the sky. Where
    bright pixels have no more noise than the sky, the photons of the stars are added. None if the
    noise says nothing.
    """
    label, level = science.noise.label, sky.level
    with np.errstate(all="ignore"):
        weight = {
            ExtensionKind.ERROR: lambda: 1 / np.square(noise.astype(np.float64)),
            ExtensionKind.VARIANCE: lambda: 1 / noise.astype(np.float64),
            ExtensionKind.WEIGHT: lambda: noise.astype(np.float64),
        }[science.noise_kind]()
        good = np.isfinite(weight) & (weight > 0) & (noise > 0)
    weight[~good] = 0
    known = good & np.isfinite(data)
    if not known.any():
        return None, detector, [f"weights: {label} says nothing, made from the noise instead"]
    notes = []
    is_sky = known & (np.abs(data - level) < 3 * sky.noise)
    typical = np.median(weight[is_sky if is_sky.any() else known])
    ratio = typical * sky.noise**2
    if science.noise_kind == ExtensionKind.WEIGHT and not 1 / RELATIVE < ratio < RELATIVE:
        weight, typical = weight / ratio, typical / ratio
        notes.append(f"weights: {label} is relative, brought to the noise of the sky")
    bright = known & (data > level + BRIGHT_SIGMA * sky.noise)
    gain = detector.gain
    if np.count_nonzero(bright) >= MIN_BRIGHT:
        light, variance = data[bright] - level, 1 / weight[bright]
        if np.median(variance) * typical > LARGER:
            gain = float(np.median(light / np.maximum(variance - 1 / typical, 1e-3 / typical)))
        else:
            light = np.where(known, np.maximum(data - level, 0), 0) / gain
            weight = np.where(known, 1 / (1 / np.where(known, weight, 1) + light), weight)
            notes.append(f"weights: the photons of stars are not in {label}, added")
    # The sky's noise, by the gain; whatever was taken off the pixels.
    pedestal = level - gain / typical
    detector = replace(detector, gain=gain, read_noise=0.0, pedestal=pedestal)
    return weight.astype(np.float32), detector, notes

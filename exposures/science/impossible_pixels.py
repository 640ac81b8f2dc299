"""Detection of pixel values that neither detector nor optics can produce.

A converter that skips, a lost packet or a division by nought leaves values that no photon made.
One of them is enough to spoil the sky's noise, the PSF and the fit of a chip. They are told by
three things that hold in any unit and for any zero level: no detector has a range of more than a
few million times its noise, no light is below the darkest sky, and no star's edge is sharper than
its PSF.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.quantities import Options, Ratio, Sigma

LARGEST = 1e15  # squares and their sums stay within single precision
BOX_PIXELS, STEP_PIXELS = 64, 3  # boxes that the darkest sky is looked for in, and their sampling
MIN_BOX_FRACTION = 0.5  # of a box's pixels: with fewer usable ones it isn't looked at
LOW_QUANTILE, LOW_SIGMAS = 0.25, 0.6745  # a quantile of a box, and where a Gaussian has it
# A noise that is a smaller part of the level or of the range wasn't measured: the image has none.
SMALLEST_NOISE = 1e-5, 1e-6
NEIGHBOURS = [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1) if (j, i) != (0, 0)]


@dataclass(frozen=True)
class PixelLimits(Options):
    """Limits beyond which a pixel or its weight can't be true and is masked, in the sky's noise."""

    range_sigma: Sigma = 1e7
    """Largest distance of a pixel from the sky, either way: no detector has such a range."""
    dark_sigma: Sigma = 100.0
    """Largest distance of a pixel below the darkest part of the sky: there is no negative light."""
    sharp_sigma: Sigma = 1000.0
    """Height above the sky from which on a group of pixels may be too sharp for any PSF."""
    sharp_ratio: Ratio = 100.0
    """Largest ratio of the faintest pixel of a group that is too sharp to the brightest pixel round
    it."""
    saturation_ratio: Ratio = 2.0
    """Largest ratio of a DECam pixel that isn't masked to its saturation level."""
    weight_ratio: Ratio = 1000.0
    """Largest ratio of a weight to the image's median weight."""


def impossible_pixels(
    data: FloatArray, usable: BoolArray, noise: float, limits: PixelLimits = PixelLimits()
) -> BoolArray:
    """(ny, nx) bool, whether pixels have impossible values.

    ``data`` (ny, nx) in any unit, may be undefined in places; ``usable`` (ny, nx) are those that
    are believed so far; ``noise`` is that of the sky in a pixel; ``limits`` are PixelLimits. Pixels
    that are not usable are only judged by the range, which what they hold must not leave either.
    Where the image has no noise that could be measured, only values count that would overflow.
    """
    extremes = float(data.min()), float(data.max())  # NaN where any pixel is
    impossible = _farther(data, 0.0, LARGEST, extremes)
    usable = usable & np.isfinite(data)
    usable &= ~impossible
    sample = data[::STEP_PIXELS, ::STEP_PIXELS][usable[::STEP_PIXELS, ::STEP_PIXELS]]
    if len(sample) == 0:
        return impossible
    level = float(np.median(sample))
    if not _is_measured(noise, level, sample):
        return impossible
    reach = limits.range_sigma * noise
    impossible |= _farther(data, level, reach, extremes)
    usable &= ~impossible
    darkest = _darkest(data, usable, noise, limits.dark_sigma)
    if not extremes[0] >= darkest:
        impossible |= usable & (data < darkest)
    y, x = _too_sharp(data, usable & ~impossible, level, noise, limits)
    impossible[y, x] = True
    return impossible


def _farther(
    data: FloatArray, level: float, reach: float, extremes: tuple[float, float]
) -> BoolArray:
    """(ny, nx) whether pixels are farther than ``reach`` from a level; mostly none of them is.

    ``extremes`` are the lowest and the highest, NaN where any is undefined.
    """
    if all(abs(extreme - level) <= 0.999 * reach for extreme in extremes):
        return np.zeros(data.shape, bool)
    with np.errstate(invalid="ignore"):
        return np.abs(data - np.float32(level)) > reach


def _is_measured(noise: float, level: float, sample: FloatArray) -> bool:
    low, high = np.percentile(sample, [0.5, 99.5])
    part_of_level, part_of_range = SMALLEST_NOISE
    return bool(noise > max(part_of_level * abs(level), part_of_range * (high - low), 0))


def _darkest(data: FloatArray, usable: BoolArray, noise: float, dark_sigma: float) -> float:
    """The lowest plausible value: the level of the darkest box less some sigma."""
    medians, spreads = [], []
    n_rows, n_columns = (max(side // BOX_PIXELS, 1) for side in data.shape)
    thin = slice(None, None, STEP_PIXELS)
    bands = (np.array_split(pixels, n_rows) for pixels in (data, usable))
    for rows, usable_rows in zip(*bands, strict=True):
        boxes = (np.array_split(p[thin], n_columns, axis=1) for p in (rows, usable_rows))
        for box, usable_box in zip(*boxes, strict=True):
            chosen = usable_box[:, thin]
            pixels = np.sort(box[:, thin][chosen])
            n = len(pixels)
            if n >= MIN_BOX_FRACTION * chosen.size:
                medians.append(pixels[n // 2])
                spreads.append((pixels[n // 2] - pixels[int(LOW_QUANTILE * n)]) / LOW_SIGMAS)
    if not medians:
        return -np.inf
    return float(min(medians)) - dark_sigma * max(noise, float(np.median(spreads)))


def _too_sharp(
    data: FloatArray, usable: BoolArray, level: float, noise: float, limits: PixelLimits
) -> IntArray:
    """y, x of pixels in groups that rise more sharply than any star does.

    Groups are what hangs together above a threshold, which rises in steps of ten. However sharp
    the PSF, the brightest pixel round a group is not much fainter than the faintest of it; round
    what no light made there is sky. A group without a usable neighbour is left alone.
    """
    threshold, found = limits.sharp_sigma * noise, np.zeros((2, 0), int)
    # Of the flattened image: numpy looks for places in two dimensions pixel by pixel.
    bright = np.flatnonzero(usable & (data > level + threshold))
    y, x = np.divmod(bright, data.shape[1])
    while len(y) > 0:
        light = data[y, x].astype(float) - level
        group, brightest_round = _groups(data, usable, level, y, x)
        faintest = np.full(len(brightest_round), np.inf)
        np.minimum.at(faintest, group, light)
        is_sharp = np.isfinite(brightest_round) & (
            faintest > limits.sharp_ratio * np.maximum(brightest_round, 0)
        )
        found = np.concatenate([found, np.array([y, x])[:, is_sharp[group]]], axis=1)
        threshold *= 10
        y, x = y[light > threshold], x[light > threshold]
    return found


def _groups(
    data: FloatArray, usable: BoolArray, level: float, y: IntArray, x: IntArray
) -> tuple[IntArray, FloatArray]:
    """(n,) group of each pixel; for each group the brightest pixel round it, above the level.

    The latter is minus infinity where none is usable.
    """
    number = np.full(np.array(data.shape) + 2, -1, np.int32)  # with a rim, so that all have eight
    number[y + 1, x + 1] = np.arange(len(y))
    pairs, outside = [], []
    for j, i in NEIGHBOURS:
        other = number[y + 1 + j, x + 1 + i]
        pairs.append(np.array([np.flatnonzero(other >= 0), other[other >= 0]]))
        row, column = y + j, x + i
        is_out = (other < 0) & (row >= 0) & (column >= 0)
        is_out &= (row < data.shape[0]) & (column < data.shape[1])
        here = np.flatnonzero(is_out)
        row, column = row[here], column[here]
        light = np.where(usable[row, column], data[row, column].astype(float) - level, -np.inf)
        outside.append((here, light))
    links = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(links.shape[1]), links), shape=(len(y), len(y)))
    n_groups, group = connected_components(graph, directed=False)
    brightest = np.full(n_groups, -np.inf)
    for here, light in outside:
        np.maximum.at(brightest, group[here], light)
    return group, brightest

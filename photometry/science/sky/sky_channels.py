"""The sky of a detector whose read-out channels differ in level."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from astropy.stats import mad_std

from exposures.science.arrays import Float, FloatArray
from photometry.science.scatter import MEDIAN_ERROR
from photometry.science.sky.sky import Sky, fit_sky
from photometry.science.sky.sky_tiles import SkyOptions


def fit_sky_by_channel(
    data: FloatArray,
    weight: FloatArray,
    gain: FloatArray,
    read_noise: FloatArray,
    columns: Iterable[int],
    options: SkyOptions = SkyOptions(),
) -> Sky:
    """Sky of an image, (ny, nx) ADU, split where the level has a step between channels.

    ``columns`` are the first pixels of the channels but the first; the other arguments and the
    errors raised are those of ``fit_sky``, which fits a smooth surface on either side.
    """
    steps = [c for c in columns if 0 < c < data.shape[1] and _has_step(data, weight, c, options)]
    bounds = [0, *steps, data.shape[1]]
    parts = [slice(*pair) for pair in itertools.pairwise(bounds)]
    # What is masked all over has no sky of its own.
    if not steps or not all(np.any(weight[:, part] > 0) for part in parts):
        return fit_sky(data, weight, gain, read_noise, options)
    skies = [fit_sky(data[:, p], weight[:, p], gain[p], read_noise[p], options) for p in parts]
    return _connected(skies, steps)


def channel_columns(
    data: FloatArray, weight: FloatArray, known: Sequence[int], options: SkyOptions = SkyOptions()
) -> tuple[int, ...]:
    """The first column of each read-out channel but the first, pixels.

    ``data`` (ny, nx) is in ADU, ``weight`` (ny, nx) its inverse variance. Those that are ``known``;
    else, as of a cutout or of an image whose header doesn't tell, the middle of the image and where
    the level of the sky jumps in most rows.
    """
    if known:
        return tuple(known)
    nx = data.shape[1]
    jump = _jump(data, weight, options)
    if jump is None:
        return (nx // 2,)
    # What is seen to be there is not taken to be in the middle as well.
    is_middle = abs(jump - nx // 2) < options.step_strip_pixels
    return (jump,) if is_middle else tuple(sorted((jump, nx // 2)))


def _jump(data: FloatArray, weight: FloatArray, options: SkyOptions) -> int | None:
    """The column of the largest significant step in the sky's level, or None."""
    width, nx = options.step_strip_pixels, data.shape[1]
    if nx < 8 * width:
        return None
    usable = (weight > 0) & np.isfinite(data)
    use = np.count_nonzero(usable, axis=0) > data.shape[0] / 2
    level = np.full(nx, np.nan)
    level[use] = np.nanmedian(np.where(usable, data, np.nan)[:, use], axis=0)
    strip = np.array([_median(level[i : i + width]) for i in range(nx - width + 1)])
    before, left, right, beyond = (strip[i * width :][: nx - 4 * width] for i in range(4))
    change = right - left - (left - before + beyond - right) / 2
    if not np.isfinite(change).any():
        return None
    place = int(np.nanargmax(np.abs(change)))
    if abs(change[place]) <= options.jump_sigma * mad_std(change[np.isfinite(change)]):
        return None
    column = _steepest(level, place + 2 * width, width // 2)
    return column if _has_step(data, weight, column, options) else None


def _steepest(level: FloatArray, column: int, reach: int) -> int:
    """The column within ``reach`` of one whose level differs most from that before it."""
    first = column - reach
    differences = np.abs(np.diff(level[first - 1 : column + reach + 1]))
    return first + int(np.nanargmax(differences)) if np.isfinite(differences).any() else column


def _has_step(data: FloatArray, weight: FloatArray, column: int, options: SkyOptions) -> bool:
    """Whether the level changes more at a column than on either side of it.

    Medians of blocks of rows in four strips, two on either side: a gradient changes as much from
    one strip to the next everywhere.
    """
    width = options.step_strip_pixels
    strips = [slice(column + i * width, column + (i + 1) * width) for i in range(-2, 2)]
    if strips[0].start < 0 or strips[-1].stop > data.shape[1]:
        return False
    rows = np.array_split(np.arange(len(data)), min(options.step_blocks, len(data)))
    first, beside = strips[0].start, slice(strips[0].start, strips[-1].stop)
    data, weight = data[:, beside], weight[:, beside]
    usable = np.where((weight > 0) & np.isfinite(data), data, np.nan)
    parts = [slice(strip.start - first, strip.stop - first) for strip in strips]
    blocks = np.array(
        [[_median(usable[own[0] : own[-1] + 1, part]) for part in parts] for own in rows]
    )
    left, at_edge, right = np.diff(blocks, axis=1).T
    step = at_edge - (left + right) / 2
    step = step[np.isfinite(step)]
    if len(step) < 3:
        return False
    error = MEDIAN_ERROR * mad_std(step) / np.sqrt(len(step))
    return bool(abs(np.median(step)) > options.step_sigma * error > 0)


def _median(pixels: FloatArray) -> Float:
    pixels = pixels[np.isfinite(pixels)]
    return np.median(pixels) if pixels.size else np.nan


def _connected(skies: list[Sky], steps: list[int]) -> Sky:
    """The channels' skies side by side as one Sky, with tiles in one row."""
    where = ", ".join(map(str, steps))
    notes = dict.fromkeys(filter(None, (sky.fallback for sky in skies)))
    levels = [sky.tile_level.ravel() for sky in skies]
    noises = [sky.tile_noise.ravel() for sky in skies]
    scales = [sky.tile_scale.ravel() for sky in skies]
    return Sky(
        image=np.hstack([sky.image for sky in skies]),
        tile_level=np.concatenate(levels)[None],
        tile_noise=np.concatenate(noises)[None],
        tile_scale=np.concatenate(scales)[None],
        level=float(np.nanmedian(np.concatenate(levels))),
        noise=float(np.nanmedian(np.concatenate(noises))),
        n_rejected=sum(sky.n_rejected for sky in skies),
        fallback="; ".join([f"a step at column {where}: fitted on either side of it", *notes]),
    )

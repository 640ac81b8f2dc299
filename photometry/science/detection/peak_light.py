"""The light of a star in the square round a peak, and how it changes as the star moves, in numba.

A square of ``2 half + 1`` pixels a side is flattened; positions are pixels from its centre.
"""

from typing import Any, NamedTuple

import numpy as np

from exposures.science.arrays import Float, FloatArray
from photometry.science.compiled import compiled_with, inlined
from photometry.science.psf import stamps
from photometry.science.psf.stamps import (
    AMPLITUDE,
    CORE_SCALE,
    DX,
    DY,
    PADDING,
    SPLINE_REACH,
    TERMS,
    U2,
    UV,
    V2,
    WING,
    WING_WIDTH,
    CoreWorkspace,
    bspline_weights,
    convolve,
    inverse_power,
    moffat,
    new_workspace,
)


class Renderer(NamedTuple):
    """What is the same of the PSF of all stars, and arrays to render one in; all float32."""

    beta: Any  # the exponent of its profile
    core_side: int  # pixels; 0 without a core
    star: np.ndarray  # (TERMS + n_terms,) a row of Profiles.parameters
    stamp: np.ndarray  # (3, n_pixels)
    workspace: CoreWorkspace
    steep: np.ndarray  # (p^2,) slope along y of the core, of which p is the padded side
    slopes: np.ndarray  # (2, 5) of the weights of coefficients: in x and in y


class _Patch(NamedTuple):
    """Where the core of a star lies on the square, in pixels."""

    top: int  # row of its first pixel, which may be off the square
    left: int
    low: int  # the first of its rows that is on the square, and that after the last
    high: int
    offset_x: np.float32  # of the star from the middle of the patch
    offset_y: np.float32


@compiled_with(stamps, forceinline=True)
def new_renderer(core: FloatArray, beta: Float, n_pixels: int) -> Renderer:
    """A Renderer for squares of ``n_pixels`` and a PSF with the coefficients ``core``."""
    workspace = new_workspace(core)
    return Renderer(
        beta,
        core.shape[1],
        np.empty(TERMS + len(core), np.float32),
        np.empty((3, n_pixels), np.float32),
        workspace,
        np.zeros(workspace.padded.shape[1], np.float32),
        np.zeros((2, 5), np.float32),
    )


@compiled_with(stamps, forceinline=True)
def fill_light(
    term: FloatArray, half: int, x: float, y: float, parameters: FloatArray, renderer: Renderer
) -> None:
    """Fill ``term`` (n_pixels,) with the PSF of a star at ``x, y``, of sum 1 in all.

    ``parameters`` are a row of Profiles.parameters, whose own position doesn't count.
    """
    star, stamp = renderer.star, renderer.stamp[0]
    star[: len(parameters)] = parameters
    star[DX], star[DY] = x, y
    moffat(stamp, 2 * half + 1, star, renderer.beta)
    for pixel in range(len(term)):
        term[pixel] = stamp[pixel]
    patch = _patch_of(star, half, renderer.core_side)
    if renderer.core_side > 0 and patch.low < patch.high:
        moved = _moved_along_y(star, patch, renderer)
        weights_x = renderer.workspace.weights_x
        bspline_weights(patch.offset_x, weights_x)
        _add_moved_along_x(term, half, moved, weights_x, patch, renderer)


@compiled_with(stamps, forceinline=True)
def fill_light_and_slopes(
    terms: FloatArray, half: int, x: float, y: float, parameters: FloatArray, renderer: Renderer
) -> None:
    """Fill ``terms`` (3, n_pixels) with the PSF of a star at ``x, y`` and its slopes.

    These are by how much a pixel changes as the star moves along x, and along y, 1/pixels. All else
    is as in ``fill_light``.
    """
    star = renderer.star
    star[: len(parameters)] = parameters
    star[DX], star[DY] = x, y
    _profile_and_slopes(terms, 2 * half + 1, star, renderer.beta, renderer.stamp)
    patch = _patch_of(star, half, renderer.core_side)
    if renderer.core_side > 0 and patch.low < patch.high:
        moved = _moved_along_y(star, patch, renderer)
        weights_x, slopes_x = renderer.workspace.weights_x, renderer.slopes[0]
        bspline_weights(patch.offset_x, weights_x)
        _bspline_slopes(patch.offset_x, slopes_x)
        _add_moved_along_x(terms[0], half, moved, weights_x, patch, renderer)
        _add_moved_along_x(terms[1], half, moved, slopes_x, patch, renderer)
        steep = _slope_along_y(star, patch, renderer)
        _add_moved_along_x(terms[2], half, steep, weights_x, patch, renderer)


@compiled_with(stamps, forceinline=True)
def _profile_and_slopes(
    terms: FloatArray, size: int, star: FloatArray, beta: Float, work: FloatArray
) -> None:
    """Fill ``terms`` with the profile of ``star`` and its slopes; its position is in the row."""
    one, two, half = np.float32(1), np.float32(2), np.float32(size // 2)
    u2, uv, v2, amplitude = star[U2], star[UV], star[V2], star[AMPLITUDE]
    wing, width = star[WING], star[WING_WIDTH]
    base, along, down = work[0], work[1], work[2]
    for row in range(size):
        v = np.float32(row) - half - star[DY]
        for column in range(size):
            u, pixel = np.float32(column) - half - star[DX], row * size + column
            base[pixel] = one + v2 * v * v + u * (uv * v + u * u2)
            along[pixel] = two * u2 * u + uv * v
            down[pixel] = two * v2 * v + uv * u
    light, slope_x, slope_y = terms[0], terms[1], terms[2]
    for pixel in range(size * size):
        steep = one + width * (base[pixel] - one)
        narrow, wide = amplitude * inverse_power(base[pixel], beta), wing / (steep * steep)
        fall = beta * narrow / base[pixel] + two * width * wide / steep
        light[pixel] = narrow + wide
        slope_x[pixel] = fall * along[pixel]
        slope_y[pixel] = fall * down[pixel]


@inlined
def _patch_of(star: FloatArray, half: int, core_side: int) -> _Patch:
    right, down = np.floor(star[DX] + np.float32(0.5)), np.floor(star[DY] + np.float32(0.5))
    reach = core_side // 2 + SPLINE_REACH
    top, left = half + int(down) - reach, half + int(right) - reach
    low, high = max(-top, 0), min(2 * reach + 1, 2 * half + 1 - top)
    return _Patch(top, left, low, high, star[DX] - right, star[DY] - down)


@compiled_with(stamps, forceinline=True)
def _moved_along_y(star: FloatArray, patch: _Patch, renderer: Renderer) -> FloatArray:
    """The rows of the core's terms together, as the weights in y have them, flattened.

    As ``add_core`` has them; their sum without weights stays in the first row of ``work``.
    """
    padded, total = renderer.workspace.padded, renderer.workspace.work[0]
    wide = renderer.core_side + 2 * PADDING
    part = total[patch.low * wide : (patch.high + 4) * wide]
    part[:] = 0
    for term in range(len(padded)):
        weight, own = star[TERMS + term], padded[term, patch.low * wide :]
        for i in range(len(part)):
            part[i] += weight * own[i]
    weights_y, moved = renderer.workspace.weights_y, renderer.workspace.work[1]
    bspline_weights(patch.offset_y, weights_y)
    weights_y *= star[CORE_SCALE]
    convolve(total, patch.low * wide, wide, weights_y, moved[patch.low * wide : patch.high * wide])
    return moved


@compiled_with(stamps, forceinline=True)
def _slope_along_y(star: FloatArray, patch: _Patch, renderer: Renderer) -> FloatArray:
    """The slopes along y of what ``_moved_along_y`` made last."""
    total, steep, slopes_y = renderer.workspace.work[0], renderer.steep, renderer.slopes[1]
    wide = renderer.core_side + 2 * PADDING
    _bspline_slopes(patch.offset_y, slopes_y)
    slopes_y *= star[CORE_SCALE]
    convolve(total, patch.low * wide, wide, slopes_y, steep[patch.low * wide : patch.high * wide])
    return steep


@compiled_with(stamps, forceinline=True)
def _add_moved_along_x(
    term: FloatArray,
    half: int,
    rows: FloatArray,
    weights: FloatArray,
    patch: _Patch,
    renderer: Renderer,
) -> None:
    """Add ``rows`` of a core to ``term``, moved along x by ``weights`` (5,)."""
    wide, side = renderer.core_side + 2 * PADDING, 2 * half + 1
    shifted = renderer.workspace.work[2]
    # Where a row ends this mixes it with the next: those pixels are not used.
    convolve(rows, patch.low * wide, 1, weights, shifted[patch.low * wide : patch.high * wide - 4])
    first, last = max(patch.left, 0), min(patch.left + wide - 4, side)
    for j in range(patch.low, patch.high):
        line, own = term[(patch.top + j) * side + first :], shifted[j * wide + first - patch.left :]
        for i in range(last - first):
            line[i] += own[i]


@inlined
def _bspline_slopes(offset: Float, slopes: FloatArray) -> None:
    """Fill ``slopes`` (5,) with the changes of ``bspline_weights`` by a pixel of the offset."""
    for k in range(5):
        t = np.float32(k - 2) + offset
        size = abs(t)
        if size < 1:
            slopes[k] = t * (np.float32(1.5) * size - np.float32(2))
        else:
            rest = max(np.float32(2) - size, np.float32(0))
            slopes[k] = -np.sign(t) * rest * rest / np.float32(2)

"""Stars put on an image by interpolation between oversampled PSFs on a grid over the chip."""

import numba
import numpy as np

OVERSAMPLING = 4  # samples of the PSFs a pixel
CORE_HALF = 24  # pixels from the star to the edge of an oversampled PSF
FAINT_ADU = 250.0  # below, at the limit, the nearest PSF of the grid will do
SMALLEST_SWELLING = 1e-5  # of the width, that is worth its time


@numba.njit(cache=True, fastmath=True)
def _cubic(t, weights):
    """The four weights of cubic convolution for a sample ``t`` of the way from the second."""
    weights[0] = -0.5 * t * (1 - t) ** 2
    weights[1] = 1 - 2.5 * t**2 + 1.5 * t**3
    weights[2] = t * (0.5 + 2 * t - 1.5 * t**2)
    weights[3] = -0.5 * t**2 * (1 - t)


@numba.njit(cache=True, fastmath=True)
def _add_core(image, table, star, half):
    """Add a star with one PSF; ``star`` is x, y and flux."""
    x, y, flux = star
    column, row = int(np.round(x)), int(np.round(y))
    wx, wy = np.empty(4), np.empty(4)
    middle = table.shape[0] // 2
    at_x, at_y = middle - OVERSAMPLING * (x - column), middle - OVERSAMPLING * (y - row)
    first_x, first_y = int(np.floor(at_x)), int(np.floor(at_y))
    _cubic(at_x - first_x, wx)
    _cubic(at_y - first_y, wy)
    for j in range(max(-half, -row), min(half + 1, image.shape[0] - row)):
        v = first_y + OVERSAMPLING * j - 1
        for i in range(max(-half, -column), min(half + 1, image.shape[1] - column)):
            u = first_x + OVERSAMPLING * i - 1
            value = 0.0
            for b in range(4):
                value += wy[b] * (
                    wx[0] * table[v + b, u]
                    + wx[1] * table[v + b, u + 1]
                    + wx[2] * table[v + b, u + 2]
                    + wx[3] * table[v + b, u + 3]
                )
            image[row + j, column + i] += flux * value


@numba.njit(cache=True, fastmath=True)
def _add_wing(image, wing, star, half):
    """Add what lies outside the core; ``wing`` has a sample a pixel."""
    x, y, flux = star
    column, row = int(np.round(x)), int(np.round(y))
    fx, fy = x - column, y - row
    middle = wing.shape[0] // 2
    # The star lies fx, fy beyond its pixel: neighbours on the other side weigh in.
    step_x, step_y = (-1 if fx > 0 else 1), (-1 if fy > 0 else 1)
    ax, ay = abs(fx), abs(fy)
    for j in range(max(-half, -row), min(half + 1, image.shape[0] - row)):
        v = middle + j
        for i in range(max(-half, -column), min(half + 1, image.shape[1] - column)):
            if abs(i) <= CORE_HALF - 1 and abs(j) <= CORE_HALF - 1:
                continue
            u = middle + i
            value = (1 - ay) * ((1 - ax) * wing[v, u] + ax * wing[v, u + step_x])
            value += ay * ((1 - ax) * wing[v + step_y, u] + ax * wing[v + step_y, u + step_x])
            image[row + j, column + i] += flux * value


@numba.njit(cache=True, fastmath=True)
def _blend(cores, growth, node, swelling, region):
    """The PSF between four of the grid, wider by ``swelling``; ``node`` is column, row.

    ``region`` is the table to fill, and half the side of its part that is needed.
    """
    out, half = region
    i, j = int(node[0]), int(node[1])
    fu, fv = node[0] - i, node[1] - j
    middle = out.shape[0] // 2
    first, end = middle - half, middle + half + 1
    out[first:end, first:end] = 0
    for dj in range(2):
        for di in range(2):
            weight = (fv if dj else 1 - fv) * (fu if di else 1 - fu)
            core, grown = cores[j + dj, i + di], growth[j + dj, i + di]
            for b in range(first, end):
                for a in range(first, end):
                    out[b, a] += weight * core[b, a]
            if swelling > SMALLEST_SWELLING:
                for b in range(first, end):
                    for a in range(first, end):
                        out[b, a] += weight * swelling * grown[b, a]


@numba.njit(cache=True, fastmath=True)
def _add_stars(image, stars, halves, nodes, psf):
    cores, growth, wing = psf
    table = np.empty(cores.shape[2:], cores.dtype)
    n_rows, n_columns = cores.shape[:2]
    for s in range(len(stars)):
        star = (stars[s, 0], stars[s, 1], stars[s, 2])
        half = min(halves[s], CORE_HALF - 1)
        if star[2] < FAINT_ADU:
            i = min(int(np.round(nodes[s, 0])), n_columns - 1)
            j = min(int(np.round(nodes[s, 1])), n_rows - 1)
            _add_core(image, cores[j, i], star, half)
            continue
        region = (table, OVERSAMPLING * (half + 1))
        _blend(cores, growth, nodes[s], stars[s, 3], region)
        _add_core(image, table, star, half)
        if halves[s] >= CORE_HALF:
            _add_wing(image, wing, star, halves[s])


def place_stars(image, x, y, flux, psf):
    """Add stars at pixel positions with ``flux`` (ADU) to ``image`` in place; EpochPsf ``psf``."""
    swelling = psf.swelling(flux)
    stars = np.column_stack([x, y, flux, swelling]).astype("f8")
    nodes = psf.nodes_at(x, y, image.shape)
    halves = psf.half_widths(flux).astype("i8")
    reach = halves + 1
    near = (x > -reach) & (x < image.shape[1] + reach) & (flux > 0)
    near &= (y > -reach) & (y < image.shape[0] + reach)
    tables = psf.cores, psf.growth, psf.wing
    _add_stars(image, stars[near], halves[near], nodes[near], tables)


@numba.njit(cache=True, fastmath=True)
def _add_each(images, stars, halves, nodes, psf):
    for s in range(len(stars)):
        one = slice(s, s + 1)
        _add_stars(images[s], stars[one], halves[one], nodes[one], psf)


def stamps_in(window, x, y, flux, psf, shape):
    """(n, ny, nx) the PSF of each star in a window of an image of ``shape``, of unit flux.

    ``window`` are slices of rows and columns; a star of ``flux`` (n,) ADU, which are positive, has
    the width and the extent that place_stars gives it.
    """
    rows, columns = window
    images = np.zeros((len(x), rows.stop - rows.start, columns.stop - columns.start))
    place = x - columns.start, y - rows.start
    stars = np.column_stack([*place, np.asarray(flux, "f8"), psf.swelling(flux)])
    halves, nodes = psf.half_widths(flux).astype("i8"), psf.nodes_at(x, y, shape)
    _add_each(images, stars, halves, nodes, (psf.cores, psf.growth, psf.wing))
    return images / stars[:, 2][:, None, None]

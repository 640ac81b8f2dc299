"""The linear system of a forced fit: overlaps of neighbouring stamps, its solution and errors.

With A the stamps, one column a star, W the pixels' inverse variance and d the data, the fluxes f
solve A'WA f = A'W d. Everything is kept in units of each star's own error s, 1 / sqrt of the
diagonal: the matrix C = s A'WA s has ones on its diagonal, and the unknowns are f / s.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from photometry.science.compiled import compiled, inlined
from photometry.science.forced.forced_errors import RIDGE, error_inflation, strongest_overlaps
from photometry.science.forced.sparse_solution import SparseMatrix, multiplied, solve
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.stamps import Profiles, fill_stamps

CELL = 16  # pixels, side of the cells by which stars are sorted
CHUNK = 1024  # stars whose stamps are evaluated at once
PAIRS_A_STAR = 16  # of overlapping stamps; where there are more they are looked for twice


@dataclass(frozen=True)
class PlacedStars:
    """Stars sorted by cell, so that neighbours on the image are neighbours in memory."""

    row: np.ndarray  # (n,) int, nearest pixel; may lie off the image
    column: np.ndarray  # (n,) int
    half: np.ndarray  # (n,) int, stamps have sides of 2 half + 1
    profiles: Profiles
    order: np.ndarray  # (n,) index of each star in the order that the caller has

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def squares(self) -> IntArray:
        """(n, 3) int pixels: row, column and half width."""
        return np.column_stack([self.row, self.column, self.half])


def place_stars(x: FloatArray, y: FloatArray, half: IntArray, psf: ChipPsf) -> PlacedStars:
    """PlacedStars at ``x, y`` (n,) pixels with stamps of half widths ``half`` (n,) pixels."""
    row, column = np.round(y).astype(int), np.round(x).astype(int)
    order = np.lexsort((column // CELL, row // CELL))
    return PlacedStars(
        row[order], column[order], half[order], psf.profiles(x[order], y[order]), order
    )


class _Stamps(NamedTuple):
    """Stamps of stars, one after the other."""

    values: np.ndarray  # float32
    start: np.ndarray  # (n,) where the stamp of each star begins


class _Pairs(NamedTuple):
    """Earlier stars that each star's stamp overlaps, in compressed rows."""

    first: np.ndarray  # (n + 1,)
    other: np.ndarray  # (n_pairs,) int32


class _Image(NamedTuple):
    """What the stars are fitted to; both (ny, nx) float32."""

    data: np.ndarray  # ADU
    weight: np.ndarray  # ADU^-2


class _Products(NamedTuple):
    """Sums of products over pixels, to be filled."""

    own: np.ndarray  # (n, 5) of a stamp with itself, the data and the sky: level and slopes
    pairs: np.ndarray  # (n_pairs,) float32, of the stamps of a pair


class _Cells(NamedTuple):
    """Stars by cells, row by row."""

    first: np.ndarray  # (n_cells + 1,) the first star of each cell
    row0: int  # of the first cell, in cells
    column0: int
    n_columns: int


@dataclass(frozen=True)
class NormalEquations:
    """The system of n stars; its matrix is symmetric and has ones on its diagonal."""

    # Of the matrix, below the diagonal, in compressed rows.
    first: np.ndarray  # (n + 1,)
    other: np.ndarray  # (n_pairs,) int32
    value: np.ndarray  # (n_pairs,) float32
    error: np.ndarray  # (n,) of a star's flux were it alone, infinite where no pixel has weight
    right: np.ndarray  # (n,) right-hand side
    # (n, 3) what a sky of 1 adds to the right-hand side, and one that rises by 1 a pixel along
    # x, or y, and is 0 at the star's pixel.
    sky_response: np.ndarray

    @property
    def _matrix(self) -> SparseMatrix:
        return SparseMatrix(self.first, self.other, self.value)

    def without_sky(
        self, level: FloatArray, slope_x: FloatArray, slope_y: FloatArray
    ) -> "NormalEquations":
        """The equations after subtraction of a sky given at each star's pixel.

        ``level`` (n,) is in ADU, ``slope_x`` and ``slope_y`` (n,) in ADU a pixel.
        """
        sky = np.column_stack([level, slope_x, slope_y])
        return replace(self, right=self.right - (self.sky_response * sky).sum(axis=1))

    def of_sky(self) -> "NormalEquations":
        """The equations of stars' fluxes in ADU on a sky of 1 ADU without noise."""
        return replace(self, right=np.ascontiguousarray(self.sky_response[:, 0]))

    def solve(
        self, start: FloatArray, tolerance: float = 1e-4, max_iterations: int = 500
    ) -> FloatArray:
        """(n,) fluxes in ADU by conjugate gradients from ``start`` (n,); 0 without weight.

        Ends when the root mean square of the residual, see ``sparse_solution.solve``, is below
        ``tolerance`` sigma, or after ``max_iterations``.
        """
        error = np.where(np.isfinite(self.error), self.error, 0)
        scaled = np.divide(start, error, out=np.zeros(len(error)), where=error > 0)
        solve(self._matrix, self.right, scaled, tolerance, max_iterations)
        return scaled * error

    def scaled_to(self, share: FloatArray) -> FloatArray:
        """(n,) fluxes in ADU in proportion to ``share`` (n,), any unit, that fit best; or zeros.

        A start for ``solve``: half of its steps would be to find what the stars have in common.
        """
        known = np.where(np.isfinite(self.error), share / self.error, 0)
        square = known @ multiplied(self._matrix, known)
        return share * (known @ self.right / square) if square > 0 else np.zeros(len(share))

    def marginal_errors(self, n_neighbours: int) -> FloatArray:
        """(n,) errors of fluxes in ADU with neighbours' fluxes free; infinite without weight.

        Each is the root of a diagonal element of the inverse of A'WA. What counts are the
        ``n_neighbours`` that overlap most: the inverse is that of the block of a star and these.
        """
        near, _ = strongest_overlaps(self.first, self.other, self.value, n_neighbours)
        return self.error * error_inflation(self.first, self.other, self.value, near, RIDGE)


def normal_equations(stars: PlacedStars, data: FloatArray, weight: FloatArray) -> NormalEquations:
    """NormalEquations of PlacedStars on ``data``, with inverse variance ``weight``.

    Both (ny, nx) float32, in ADU and ADU^-2. Memory is bounded: stamps are evaluated as they come
    in the order of the stars, and kept as long as later stars overlap with them.
    """
    first, other = _neighbours(stars)
    n, size = len(stars), 2 * stars.half + 1
    start = np.concatenate([[0], np.cumsum(size**2)])
    needed = _oldest_needed(first, other)
    sums, value = np.zeros((n, 5)), np.empty(len(other), np.float32)
    chunks = [(k, min(k + CHUNK, n)) for k in range(0, n, CHUNK)]
    buffer = np.empty(2 * max(start[b] - start[needed[a]] for a, b in chunks), np.float32)
    base = 0
    for a, b in chunks:
        if start[b] - base > len(buffer):
            kept = buffer[start[needed[a]] - base : start[a] - base].copy()
            base = start[needed[a]]
            buffer[: len(kept)] = kept
        fill_stamps(buffer, start[a:b] - base, size[a:b], stars.profiles[a:b])
        _overlaps(
            (a, b),
            _Stamps(buffer, start - base),
            stars.squares,
            _Pairs(first, other),
            _Image(data, weight),
            _Products(sums, value),
        )
    return _scaled(first, other, value, sums)


def _scaled(
    first: IntArray, other: IntArray, value: FloatArray, sums: FloatArray
) -> NormalEquations:
    """NormalEquations from the sums of products of stamps, data and sky."""
    with np.errstate(divide="ignore"):
        error = np.where(sums[:, 0] > 0, 1 / np.sqrt(sums[:, 0]), np.inf)
    scale = np.where(np.isfinite(error), error, 0)
    owner = np.repeat(np.arange(len(error)), np.diff(first))
    value *= scale[owner].astype("f4")
    value *= scale[other].astype("f4")
    return NormalEquations(
        first, other, value, error, sums[:, 1] * scale, sums[:, 2:] * scale[:, None]
    )


def _oldest_needed(first: IntArray, other: IntArray) -> IntArray:
    """(n,) the first star overlapped by the stamp of a star or of a later one."""
    oldest = np.arange(len(first) - 1)
    some = np.diff(first) > 0
    oldest[some] = np.minimum.reduceat(other, first[:-1][some])
    return np.minimum.accumulate(oldest[::-1])[::-1]


def _neighbours(stars: PlacedStars) -> tuple[IntArray, IntArray]:
    """Compressed rows of the earlier stars whose stamps overlap with each star's."""
    row0, column0 = stars.row.min() // CELL, stars.column.min() // CELL
    cell_row, cell_column = stars.row // CELL - row0, stars.column // CELL - column0
    n_columns = cell_column.max() + 1
    cell = cell_row * n_columns + cell_column
    of_cells = np.searchsorted(cell, np.arange((cell_row.max() + 1) * n_columns + 1))
    cells = _Cells(of_cells, row0, column0, n_columns)
    pairs = np.empty((2, PAIRS_A_STAR * len(stars)), np.int32)
    n_pairs = _pairs(stars.squares, cells, pairs)
    if n_pairs > pairs.shape[1]:
        pairs = np.empty((2, n_pairs), np.int32)
        _pairs(stars.squares, cells, pairs)
    pairs = pairs[:, :n_pairs]
    first = np.concatenate([[0], np.cumsum(np.bincount(pairs[0], minlength=len(stars)))])
    return first, _earlier_by_later(pairs, first.copy())


@compiled
def _pairs(squares: IntArray, cells: _Cells, pairs: IntArray) -> int:
    """Find each pair of overlapping stamps, from the larger of the two; how many they are.

    ``pairs`` (2, n) are filled with the later and the earlier star of those that there is room for.
    """
    n = 0
    row0, column0, n_columns = cells.row0, cells.column0, cells.n_columns
    n_rows = (len(cells.first) - 1) // n_columns
    for i in range(len(squares)):
        row, column, half = squares[i]
        top = max((row - 2 * half) // CELL - row0, 0)
        bottom = min((row + 2 * half) // CELL - row0, n_rows - 1)
        left = max((column - 2 * half) // CELL - column0, 0)
        right = min((column + 2 * half) // CELL - column0, n_columns - 1)
        for cell_row in range(top, bottom + 1):
            start = cells.first[cell_row * n_columns + left]
            for j in range(start, cells.first[cell_row * n_columns + right + 1]):
                smaller = squares[j, 2] < half or (squares[j, 2] == half and j < i)
                reach, down, along = (
                    half + squares[j, 2],
                    squares[j, 0] - row,
                    squares[j, 1] - column,
                )
                # Round: in the corners of stamps neither star has light that matters.
                if smaller and down * down + along * along <= reach * reach:
                    if n < pairs.shape[1]:
                        pairs[0, n], pairs[1, n] = max(i, j), min(i, j)
                    n += 1
    return n


@compiled
def _earlier_by_later(pairs: IntArray, position: IntArray) -> IntArray:
    """(n,) the earlier stars of pairs (2, n) by the later ones, whose begin at a ``position``."""
    other = np.empty(pairs.shape[1], np.int32)
    for k in range(pairs.shape[1]):
        later = pairs[0, k]
        other[position[later]] = pairs[1, k]
        position[later] += 1
    return other


@compiled
def _overlaps(
    chunk: tuple[int, int],
    stamps: _Stamps,
    squares: IntArray,
    pairs: _Pairs,
    image: _Image,
    products: _Products,
) -> None:
    """Products of the stamps of a chunk of stars with the data, the sky and earlier stamps."""
    largest = 2 * np.max(squares[chunk[0] : chunk[1], 2]) + 1
    weighted = np.empty(largest * largest, np.float32)
    for i in range(chunk[0], chunk[1]):
        size = 2 * squares[i, 2] + 1
        stamp = stamps.values[stamps.start[i] : stamps.start[i] + size * size]
        _weigh(stamp, squares[i], image, weighted, products.own[i])
        for pair in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.other[pair]
            products.pairs[pair] = _overlap(
                weighted, squares[i], stamps.values, stamps.start[j], squares[j]
            )


@inlined
def _weigh(
    stamp: FloatArray,
    place: IntArray,
    image: _Image,
    weighted: FloatArray,
    sums: FloatArray,
) -> None:
    """Write the stamp times the weight, 0 off the image; and its sums with stamp, data and sky."""
    data, weight = image.data, image.weight
    row, column, half = place
    ny, nx = data.shape
    size = 2 * half + 1
    top, bottom = max(0, half - row), min(size, ny - row + half)
    left, right = max(0, half - column), min(size, nx - column + half)
    if top > 0 or bottom < size or left > 0 or right < size:
        weighted[: size * size] = 0
    if left >= right:
        return
    squares = signal = total = along = down = np.float32(0)
    for j in range(top, bottom):
        pixels, weights = data[row + j - half], weight[row + j - half]
        # Unsigned, or each index would be looked at for whether it counts from the end.
        here, there = np.uint64(j * size + left), np.uint64(left + column - half)
        in_line = np.float32(0)
        for i in range(np.uint64(right - left)):
            p = stamp[here + i]
            w = weights[there + i] * p
            weighted[here + i] = w
            squares += w * p
            signal += w * pixels[there + i] if w != 0 else np.float32(0)
            in_line += w
            along += w * np.float32(i)
        total += in_line
        down += in_line * np.float32(j - half)
    sums[0], sums[1], sums[2] = squares, signal, total
    sums[3], sums[4] = along + total * np.float32(left - half), down


@inlined
def _overlap(
    weighted: FloatArray,
    place: IntArray,
    stamps: FloatArray,
    start: int,
    other: IntArray,
) -> Float:
    """The product of a weighted stamp and another stamp, which starts at ``start``."""
    row, column, half = place
    other_row, other_column, other_half = other
    size, other_size = 2 * half + 1, 2 * other_half + 1
    left = max(column - half, other_column - other_half)
    right = min(column + half, other_column + other_half) + 1
    top, bottom = max(row - half, other_row - other_half), min(row + half, other_row + other_half)
    a = (top - row + half) * size + left - column + half
    b = start + (top - other_row + other_half) * other_size + left - other_column + other_half
    total = np.float32(0)
    for _ in range(top, bottom + 1):
        here, there = np.uint64(a), np.uint64(b)
        for i in range(np.uint64(right - left)):
            total += weighted[here + i] * stamps[there + i]
        a += size
        b += other_size
    return total

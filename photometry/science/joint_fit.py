"""Fluxes and small shifts of all stars of an image, fitted together star by star in numba.

Images are indexed ``[y, x]``, positions are pixels from 0, fluxes are in the units of the image.
"""

from dataclasses import dataclass

import numpy as np

from photometry.science.compiled import compiled, inlined
from photometry.science.stamps import fill_stamps

MIDDLE = 19  # pixels, side of the part of a stamp that tells how well a star is fitted


@dataclass(frozen=True)
class Stamps:
    """The PSF at every star, on square stamps of several sizes, one after the other.

    The outermost pixels only serve the slopes of those within.
    """

    values: np.ndarray  # (sum of size^2,) float32
    first: np.ndarray  # (n,) index of each star's first pixel in ``values``
    size: np.ndarray  # (n,) pixels, odd
    column: np.ndarray  # (n,) of the image, where the stamp's first pixel lies; may be off it
    row: np.ndarray  # (n,)

    @classmethod
    def render(cls, psf, x, y, half):
        """Those of a ChipPsf for stars at ``x, y`` (n,) that reach ``half`` (n,) pixels."""
        size = 2 * np.asarray(half, np.int64) + 3
        first = np.cumsum(size**2) - size**2
        values = np.empty(int(np.sum(size**2)), np.float32)
        fill_stamps(values, first, size, psf.profiles(x, y))
        column, row = (np.round(c).astype(np.int64) - size // 2 for c in (x, y))
        return cls(values, first, size, column, row)

    def __len__(self):
        return len(self.size)

    @property
    def arrays(self):
        """What the compiled functions take."""
        return self.values, self.first, self.size, self.column, self.row


@dataclass(frozen=True)
class JointFit:
    """Best amplitudes of the PSF and its derivatives; the model is linear in them."""

    flux: np.ndarray  # (n,)
    dx: np.ndarray  # (n,) pixels, by which the flux lies off the position; 0 if not fitted
    dy: np.ndarray  # (n,)
    residual: np.ndarray  # (ny, nx) float32, the image without the model

    def models(self, stamps, chosen):
        """(k, size - 2, size - 2) models of ``chosen`` stars from their (k, size, size) PSF."""
        flux, dx, dy = (c[chosen, None, None] for c in (self.flux, self.dx, self.dy))
        slope_x = (stamps[:, 1:-1, :-2] - stamps[:, 1:-1, 2:]) / 2
        slope_y = (stamps[:, :-2, 1:-1] - stamps[:, 2:, 1:-1]) / 2
        return flux * (stamps[:, 1:-1, 1:-1] + dx * slope_x + dy * slope_y)


@dataclass(frozen=True)
class FitQuality:
    """How well each star is fitted; PSF-weighted means over the middle of its stamp."""

    flux_err: np.ndarray  # (n,) ignores neighbours; infinite where no pixel is usable
    rchi2: np.ndarray  # (n,) reduced chi2
    fracflux: np.ndarray  # (n,) share of the light that is the star's own
    quality: np.ndarray  # (n,) share of the PSF on usable pixels


def fit_jointly(data, weight, stamps, guess, n_sweeps, shifts=True):
    """Least-squares fluxes, and shifts to first order, of all stars of an image together.

    ``data``, ``weight`` (ny, nx) float32, the inverse variance; ``guess`` (n,) fluxes to start
    from. Each star's 3 x 3 normal equations are solved in turn on what all others leave: block
    Gauss-Seidel (Saad 2003, Iterative methods for sparse linear systems, section 4.1), which
    needs no matrix. A sweep over the stars is enough for isolated ones; the amplitudes of pairs
    converge by the square of their overlap a sweep.
    """
    blocks = _normal_blocks(weight, *stamps.arrays)
    amplitudes = np.zeros((len(stamps), 3), np.float32)
    amplitudes[:, 0] = guess
    residual = np.array(data, np.float32)
    _subtract(residual, amplitudes, *stamps.arrays)
    for _ in range(n_sweeps):
        _sweep(residual, weight, amplitudes, blocks, shifts, *stamps.arrays)
    flux = amplitudes[:, 0].astype(float)
    shift = amplitudes[:, 1:] / np.where(flux == 0, 1, flux)[:, None]
    return JointFit(flux, shift[:, 0], shift[:, 1], residual)


def fit_quality(data, weight, stamps, fit):
    """The FitQuality of a JointFit; ``data`` (ny, nx) holds all stars."""
    figures = _quality(data, weight, fit.residual, fit.flux, *stamps.arrays)
    return FitQuality(*figures.T)


def cut_out(image, x, y, size):
    """(n, size, size) of an image around positions, 0 beyond its edges."""
    half = size // 2
    padded = np.pad(image, half)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    return windows[np.round(y).astype(int), np.round(x).astype(int)]


@inlined
def _bounds(start, size, length):
    """The part of a stamp that lies on the image, a pixel within so that slopes exist."""
    return max(1, -start), min(size - 1, length - start)


@compiled
def _normal_blocks(weight, values, first, size, column, row):
    """(n, 6) weighted sums pp, px, py, xx, xy, yy of the PSF p and minus its slopes."""
    blocks = np.zeros((len(size), 6), np.float32)
    for k in range(len(size)):
        side = size[k]
        stamp = values[first[k] : first[k] + side * side].reshape(side, side)
        j0, j1 = _bounds(row[k], side, weight.shape[0])
        i0, i1 = _bounds(column[k], side, weight.shape[1])
        pp = px = py = xx = xy = yy = np.float32(0)
        for j in range(j0, j1):
            for i in range(i0, i1):
                w, p = weight[row[k] + j, column[k] + i], stamp[j, i]
                sx = np.float32(0.5) * (stamp[j, i - 1] - stamp[j, i + 1])
                sy = np.float32(0.5) * (stamp[j - 1, i] - stamp[j + 1, i])
                pp += w * p * p
                px += w * p * sx
                py += w * p * sy
                xx += w * sx * sx
                xy += w * sx * sy
                yy += w * sy * sy
        blocks[k] = (pp, px, py, xx, xy, yy)
    return blocks


@compiled
def _subtract(image, amplitudes, values, first, size, column, row):
    for k in range(len(size)):
        side = size[k]
        stamp = values[first[k] : first[k] + side * side].reshape(side, side)
        j0, j1 = _bounds(row[k], side, image.shape[0])
        i0, i1 = _bounds(column[k], side, image.shape[1])
        flux = amplitudes[k, 0]
        for j in range(j0, j1):
            for i in range(i0, i1):
                image[row[k] + j, column[k] + i] -= flux * stamp[j, i]


@compiled
def _sweep(residual, weight, amplitudes, blocks, shifts, values, first, size, column, row):
    """Solve each star on the residual of all, and take the change out of it at once."""
    for k in range(len(size)):
        if blocks[k, 0] <= 0:
            continue
        side = size[k]
        stamp = values[first[k] : first[k] + side * side].reshape(side, side)
        j0, j1 = _bounds(row[k], side, residual.shape[0])
        i0, i1 = _bounds(column[k], side, residual.shape[1])
        gp = gx = gy = np.float32(0)
        for j in range(j0, j1):
            for i in range(i0, i1):
                wr = weight[row[k] + j, column[k] + i] * residual[row[k] + j, column[k] + i]
                gp += wr * stamp[j, i]
                gx += wr * (stamp[j, i - 1] - stamp[j, i + 1])
                gy += wr * (stamp[j - 1, i] - stamp[j + 1, i])
        if shifts:
            step = _solve(blocks[k], gp, np.float32(0.5) * gx, np.float32(0.5) * gy)
        else:
            step = (gp / blocks[k, 0], np.float32(0), np.float32(0))
        for m in range(3):
            amplitudes[k, m] += step[m]
        a, b, c = step[0], np.float32(0.5) * step[1], np.float32(0.5) * step[2]
        for j in range(j0, j1):
            for i in range(i0, i1):
                residual[row[k] + j, column[k] + i] -= (
                    a * stamp[j, i]
                    + b * (stamp[j, i - 1] - stamp[j, i + 1])
                    + c * (stamp[j - 1, i] - stamp[j + 1, i])
                )


@inlined
def _solve(block, gp, gx, gy):
    """Solution of symmetric 3 x 3 equations by elimination; a slope without signal gets none."""
    pp, px, py, xx, xy, yy = block
    xx, yy = xx - px * px / pp, yy - py * py / pp
    xy, gx, gy = xy - px * py / pp, gx - px * gp / pp, gy - py * gp / pp
    determinant = xx * yy - xy * xy
    if determinant <= 1e-3 * xx * yy or xx <= 0:
        return gp / pp, np.float32(0), np.float32(0)
    dx, dy = (yy * gx - xy * gy) / determinant, (xx * gy - xy * gx) / determinant
    return (gp - px * dx - py * dy) / pp, dx, dy


@compiled
def _quality(data, weight, residual, flux, values, first, size, column, row):
    """(n, 4) columns of FitQuality."""
    figures = np.zeros((len(size), 4))
    for k in range(len(size)):
        side = size[k]
        stamp = values[first[k] : first[k] + side * side].reshape(side, side)
        cut = max(0, (side - MIDDLE) // 2)
        j0, j1 = max(cut, -row[k]), min(side - cut, data.shape[0] - row[k])
        i0, i1 = max(cut, -column[k]), min(side - cut, data.shape[1] - column[k])
        norm = information = chi2 = covered = own = light = 0.0
        for j in range(cut, side - cut):
            for i in range(cut, side - cut):
                norm += stamp[j, i]
        for j in range(j0, j1):
            for i in range(i0, i1):
                y, x, p = row[k] + j, column[k] + i, stamp[j, i] / norm
                w, r = weight[y, x], residual[y, x]
                if w > 0:
                    chi2 += w * r * r * p
                    covered += p
                    own += p * (r + flux[k] * stamp[j, i])
                    light += p * data[y, x]
        # Of a saturated star the wings tell the flux: all of the stamp counts here.
        j0, j1 = _bounds(row[k], side, data.shape[0])
        i0, i1 = _bounds(column[k], side, data.shape[1])
        for j in range(j0, j1):
            for i in range(i0, i1):
                information += weight[row[k] + j, column[k] + i] * stamp[j, i] ** 2
        figures[k, 0] = information**-0.5 if information > 0 else np.inf
        figures[k, 1] = chi2 / covered if covered > 0 else np.nan
        figures[k, 2] = own / light if light != 0 else 0.0
        figures[k, 3] = covered
    return figures

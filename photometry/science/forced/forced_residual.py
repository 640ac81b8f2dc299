"""The remaining sky and the common shift in the residual of a forced fit."""

import numpy as np
from scipy.ndimage import distance_transform_edt

from exposures.science.arrays import Float, FloatArray, IntArray, Shape
from photometry.science.box_medians import box_medians
from photometry.science.boxes import between_boxes
from photometry.science.compiled import compiled


def left_over_sky(
    residual: FloatArray, weight: FloatArray, box_pixels: int, min_pixels: int = 1, step: int = 1
) -> FloatArray:
    """(ny, nx) float32: medians of ``residual`` in boxes, interpolated between their centres.

    ``residual`` (ny, nx) is in ADU, and so is the result; ``weight`` (ny, nx) is its inverse
    variance, ``box_pixels`` the side of a box. Pixels without weight don't count; a box of fewer
    than ``min_pixels`` has the value of the next, and the sky is 0 where all have fewer. Every
    ``step``-th row and column is looked at.
    """
    rows, columns = _edges(residual.shape, box_pixels)
    grid = box_medians(residual, weight, (rows, columns), min_pixels, step)
    return _filled(grid, rows, columns)


def box_means(image: FloatArray, weight: FloatArray, box_pixels: int) -> FloatArray:
    """(ny, nx) float32: means of ``image`` in boxes, interpolated between their centres.

    All as in ``left_over_sky``.
    """
    rows, columns = _edges(image.shape, box_pixels)
    grid = _means(image, weight, rows, columns)
    return _filled(grid, rows, columns)


def _edges(shape: Shape, box_pixels: int) -> tuple[IntArray, IntArray]:
    """Edges of boxes in rows and in columns."""
    rows, columns = (
        np.linspace(0, side, max(round(side / box_pixels), 1) + 1).astype(int) for side in shape
    )
    return rows, columns


def _filled(grid: FloatArray, rows: IntArray, columns: IntArray) -> FloatArray:
    """(ny, nx) float32 values of boxes, NaN where unknown, interpolated between their centres."""
    if np.isnan(grid).all():
        return np.zeros((rows[-1], columns[-1]), np.float32)
    nearest = distance_transform_edt(np.isnan(grid), return_distances=False, return_indices=True)
    return between_boxes(grid[tuple(nearest)], rows, columns)


@compiled
def _means(image: FloatArray, weight: FloatArray, rows: IntArray, columns: IntArray) -> FloatArray:
    means = np.full((len(rows) - 1, len(columns) - 1), np.nan)
    zero = np.float32(0)
    for j in range(len(rows) - 1):
        for i in range(len(columns) - 1):
            total: Float = 0.0
            n = 0
            for y in range(rows[j], rows[j + 1]):
                values = image[y, columns[i] : columns[i + 1]]
                weights = weight[y, columns[i] : columns[i + 1]]
                in_row = zero
                for x in range(len(values)):
                    in_row += values[x] if weights[x] > zero else zero
                    n += weights[x] > zero
                total += in_row
            if n > 0:
                means[j, i] = total / n
    return means


def rigid_shift(
    residual: FloatArray,
    weight: FloatArray,
    model: FloatArray,
    model_error: float,
    outlier_sigma: float,
) -> tuple[float, float]:
    """The shift in x and y, pixels, that the stars of ``model`` need; zeros without weight.

    To first order a shift leaves minus its product with the gradient of the model: a linear fit to
    the ``residual`` of all pixels. It and the model are (ny, nx) float32 in ADU, ``weight`` (ny,
    nx) is the inverse variance. A part ``model_error`` of a pixel's model is added to its noise;
    pixels further off than ``outlier_sigma`` don't count.
    """
    xx, xy, yy, xr, yr = _gradient_products(
        residual, weight, model, model_error**2, outlier_sigma**2
    )
    determinant = xx * yy - xy * xy
    if not determinant > 1e-9 * xx * yy:
        return 0.0, 0.0
    return (xy * yr - yy * xr) / determinant, (xy * xr - xx * yr) / determinant


@compiled
def _gradient_products(
    residual: FloatArray,
    weight: FloatArray,
    model: FloatArray,
    model_variance: float,
    outlier: float,
) -> FloatArray:
    """Weighted sums of the products of the gradient's x, y and the residual."""
    ny, nx = model.shape
    a, b = np.float32(2 / 3), np.float32(-1 / 12)  # derivative of fourth order
    one, relative, limit = np.float32(1), np.float32(model_variance), np.float32(outlier)
    sums = np.zeros(5)
    for j in range(2, ny - 2):
        # Slices, or each index would be looked at for whether it counts from the end.
        up, low, line = model[j - 2, 2:], model[j - 1, 2:], model[j]
        high, top = model[j + 1, 2:], model[j + 2, 2:]
        here, after, next_after, before = line[2:], line[3:], line[4:], line[1:]
        noise, left = weight[j, 2:], residual[j, 2:]
        xx = xy = yy = xr = yr = np.float32(0)
        for i in range(nx - 4):
            gx = a * (after[i] - before[i]) + b * (next_after[i] - line[i])
            gy = a * (high[i] - low[i]) + b * (top[i] - up[i])
            w = noise[i] / (one + noise[i] * relative * here[i] * here[i])
            r = left[i] if w > 0 else np.float32(0)
            w = w if w * r * r < limit else np.float32(0)
            xx += w * gx * gx
            xy += w * gx * gy
            yy += w * gy * gy
            xr += w * gx * r
            yr += w * gy * r
        sums[0] += xx
        sums[1] += xy
        sums[2] += yy
        sums[3] += xr
        sums[4] += yr
    return sums

"""Stars told from nebulae: peaks that look like the PSF, on a sky that is curved."""

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray
from photometry.science.detection.peaks import PeakImage
from photometry.science.psf.psf import ChipPsf

HALF_FWHM = 1.5  # half the side of a peak's stamp, in FWHM
TERMS = 6  # of a polynomial of second order in x and y
LEAST_COVERED = 0.9  # share of the pixels of a peak's stamp that have to be usable
AT_ONCE = 2000  # peaks, whose stamps are in memory together
TINY = 1e-12


def is_curved_sky(
    image: PeakImage, psf: ChipPsf, x: FloatArray, y: FloatArray, least_share: float
) -> BoolArray:
    """(n,) whether peaks at ``x, y`` (n,) pixels of a PeakImage are ridges or slopes of its sky.

    A star's flux is the same whether it is fitted alone or with a sky of second order in x and y.
    That of a filament is not: beside such a sky it is less than ``least_share`` of the flux alone,
    by one sigma. Peaks with pixels that are not usable are never called sky.
    """
    starts = range(0, len(x), AT_ONCE)
    parts = [slice(start, start + AT_ONCE) for start in starts]
    found = [_is_curved_sky(image, psf, x[part], y[part], least_share) for part in parts]
    return np.concatenate([np.zeros(0, bool), *found])


def _is_curved_sky(
    image: PeakImage, psf: ChipPsf, x: FloatArray, y: FloatArray, least_share: float
) -> BoolArray:
    half = int(np.ceil(HALF_FWHM * psf.fwhm[0]))
    data, weight, sky = _stamps_and_sky(image, x, y, half)
    star = psf.stamps(x, y, 2 * half + 1).reshape(len(x), -1).astype("f8")
    weighted = weight * star
    light, information = np.sum(weighted * data, axis=1), np.sum(weighted * star, axis=1)
    normal = np.einsum("ap,bp,np->nab", sky, sky, weight) + TINY * np.eye(TERMS)
    # What a sky takes away from the normal equations of the star.
    across = np.einsum("ap,np->na", sky, weighted)
    taken = np.linalg.solve(normal, across[..., None])[..., 0]
    rest = np.sum(taken * np.einsum("ap,np->na", sky, weight * data), axis=1)
    left = np.maximum(information - np.sum(taken * across, axis=1), TINY)
    alone, beside = light / np.maximum(information, TINY), (light - rest) / left
    is_sky = beside < least_share * alone - 1 / np.sqrt(left)
    inside = np.hypot(*_offsets(half)).ravel() <= half
    return is_sky & (np.sum(weight > 0, axis=1) >= LEAST_COVERED * inside.sum())


def _offsets(half: int) -> tuple[FloatArray, FloatArray]:
    """y and x (side, side) of a stamp's pixels from its middle."""
    v, u = np.mgrid[-half : half + 1, -half : half + 1].astype("f8")
    return v, u


def _stamps_and_sky(
    image: PeakImage, x: FloatArray, y: FloatArray, half: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Data and weight (n, n_pixels) within ``half`` of peaks, and sky's terms (6, n_pixels)."""
    v, u = _offsets(half)
    rows = np.round(y).astype(int)[:, None] + v.ravel().astype(int)
    columns = np.round(x).astype(int)[:, None] + u.ravel().astype(int)
    ny, nx = image.residual.shape
    inside = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
    inside &= np.hypot(v, u).ravel() <= half
    at = np.clip(rows, 0, ny - 1), np.clip(columns, 0, nx - 1)
    weight = np.where(inside, image.weight[at], 0).astype("f8")
    u, v = u.ravel() / half, v.ravel() / half
    sky = np.array([np.ones(u.size), u, v, u * u, u * v, v * v])
    return image.residual[at].astype("f8"), weight, sky

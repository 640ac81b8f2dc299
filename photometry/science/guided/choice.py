"""The choice of the stars that tell an image's PSF, and of the neighbours that disturb them."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, Index, IntArray, Shape
from photometry.science.detection.detection import DetectionOptions
from photometry.science.guided.options import GuidedOptions
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.psf_stars import brightest_everywhere, stamp_side
from photometry.science.weighted_image import WeightedImage

FAINTEST = 5  # percentile of the chosen stars' fluxes from which on neighbours are fitted as well
CANDIDATES_A_STAR = 5  # bright stars of the chip, of which those of each part are chosen


@dataclass(frozen=True)
class ReferenceStars:
    """The stars of a reference, where an image should have them; arrays (n,)."""

    x: np.ndarray  # pixels of the image, finite; may be off it
    y: np.ndarray
    flux: np.ndarray  # positive, in the reference's unit
    is_good: np.ndarray  # bool, which are clean on the reference

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Index) -> "ReferenceStars":
        """The ReferenceStars of an index: indices (k,), or a mask (n,) of bool."""
        columns = (self.x, self.y, self.flux, self.is_good)
        return ReferenceStars(*(column[index] for column in columns))


@dataclass(frozen=True)
class ChosenStars:
    """Listed stars by the part that they take; indices into the n ReferenceStars."""

    own: np.ndarray  # (k,) the PSF may be fitted to them
    free: np.ndarray  # (m,) whose fluxes are fitted: those, and neighbours as bright
    fixed: np.ndarray  # other neighbours, as bright as the reference predicts
    half: np.ndarray  # (n,) int pixels, half widths of the stamps of all
    scale: float  # ADU for one unit of the reference's flux, roughly


def choose_stars(
    image: WeightedImage,
    noise: float,
    listed: ReferenceStars,
    psf: ChipPsf,
    guided: GuidedOptions = GuidedOptions(),
    detection: DetectionOptions = DetectionOptions(),
) -> ChosenStars:
    """The ChosenStars of ReferenceStars on an image, by their places and fluxes.

    ``image`` is a WeightedImage (ny, nx) in ADU, ``noise`` the sigma of its pixels in ADU, ``psf``
    a first guess. Own are the brightest of each part of the chip that are clean on the reference
    and lie whole on usable pixels here. Without any all are empty, and the scale NaN.
    """
    shape = image.data.shape
    side = stamp_side(psf.fwhm_at(listed.x[:1], listed.y[:1]))
    row, column, on_image = _pixels(listed, shape)
    is_usable = on_image & (image.weight[row, column] > 0)
    own = _own_stars(listed, is_usable & _is_inside(listed, shape, side // 2), shape, guided)
    centre = psf.stamps(shape[1] / 2, shape[0] / 2, 1)[0, 0, 0]
    heights = image.data[row[own], column[own]]
    scale = float(np.median(heights / listed.flux[own]) / centre) if len(own) else np.nan
    half = _half_widths(listed, scale, psf, noise, detection)
    half[on_image & ~is_usable] = detection.max_half_pixels
    near = _reach(listed, own, half, side // 2, shape)
    is_bright = listed.flux >= np.percentile(listed.flux[own], FAINTEST) if len(own) else near
    # Of a star off the image only wings are seen, which would take up any light there without end.
    is_free = near & is_bright & on_image
    is_free[own] = True
    return ChosenStars(
        own=own,
        free=np.flatnonzero(is_free),
        fixed=np.flatnonzero(near & ~is_free),
        half=half,
        scale=scale,
    )


def _pixels(listed: ReferenceStars, shape: Shape) -> tuple[IntArray, IntArray, BoolArray]:
    """Rows and columns (n,) of the stars' pixels, 0 off the image; and which are on it."""
    row, column = np.rint(listed.y).astype(int), np.rint(listed.x).astype(int)
    on_image = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    return np.where(on_image, row, 0), np.where(on_image, column, 0), on_image


def _is_inside(listed: ReferenceStars, shape: Shape, margin: int) -> BoolArray:
    """(n,) whether stars are farther than ``margin`` pixels from the edges."""
    ny, nx = shape
    inside = (listed.x > margin) & (listed.x < nx - 1 - margin)
    return inside & (listed.y > margin) & (listed.y < ny - 1 - margin)


def _own_stars(
    listed: ReferenceStars, is_possible: BoolArray, shape: Shape, guided: GuidedOptions
) -> IntArray:
    possible = np.flatnonzero(is_possible & listed.is_good)
    bright = possible[np.argsort(-listed.flux[possible], kind="stable")]
    bright = bright[: CANDIDATES_A_STAR * guided.n_stars]
    order = brightest_everywhere(listed.x[bright], listed.y[bright], listed.flux[bright], shape)
    return bright[order[: guided.n_stars]]


def _half_widths(
    listed: ReferenceStars, scale: float, psf: ChipPsf, noise: float, detection: DetectionOptions
) -> IntArray:
    """(n,) half widths of stamps that are as large as the stars' wings matter."""
    level = detection.wing_sigma * noise / np.maximum(scale * listed.flux, noise)
    reach = psf.reach(listed.x, listed.y, level)
    half = np.maximum(np.ceil(reach), detection.min_half_pixels)
    return np.minimum(half, detection.max_half_pixels).astype(int)


def _reach(
    listed: ReferenceStars, own: IntArray, half: IntArray, stamp_half: int, shape: Shape
) -> BoolArray:
    """(n,) which stars have light on the stamps that the PSF is fitted to."""
    if len(own) == 0:
        return np.zeros(len(listed), bool)
    usual = int(np.median(half))
    row, column, _ = _pixels(listed, shape)
    ny, nx = shape
    covered = np.zeros(shape, bool)
    wide = stamp_half + usual
    for j, i in zip(row[own].tolist(), column[own].tolist(), strict=True):
        covered[max(j - wide, 0) : j + wide + 1, max(i - wide, 0) : i + wide + 1] = True
    # What is just off the image is looked up at its edge.
    edge = np.clip(np.rint(listed.y), 0, ny - 1), np.clip(np.rint(listed.x), 0, nx - 1)
    near = covered[edge[0].astype(int), edge[1].astype(int)]
    large = np.flatnonzero((half > usual) & ~near)
    tree = cKDTree(np.column_stack([listed.x[own], listed.y[own]]))
    distance, _ = tree.query(np.column_stack([listed.x[large], listed.y[large]]), p=np.inf)
    near[large[distance <= stamp_half + half[large]]] = True
    near[own] = True
    return near

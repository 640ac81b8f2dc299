"""What a reference has beside its sources, as a search image sees it: nebulae, and faint stars.

A forced fit follows the sky in boxes, and can't tell light as small as the PSF from stars. What it
leaves of a reference is on each image of the field, through that image's seeing. So it is brought
there with the ratio of both PSFs (Phillips & Davis 1995, ASPC 77, 297) and subtracted: what is
fitted then is the reference's own fluxes, and what changed.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from astropy.stats import mad_std
from scipy import fft

from exposures.science.arrays import BoolArray, FloatArray, Shape
from exposures.science.astrometry import PixelCorrection
from exposures.science.quantities import Options, Ratio, Switch
from photometry.science.psf.psf import ChipPsf
from photometry.science.stacking.resampling import SmoothMap, resample_to_grid
from photometry.science.stacking.stacking import StackOptions

BOX_FWHM = 1.5  # side of the boxes in which structure is looked for: stars leave none as large
LEAST_USABLE = 0.9  # share of a box's pixels
MARGIN = 64  # pixels beyond the reference on which the light of its edge goes on
TILE = 512  # pixels, side of parts of an image with one PSF each
REACH_FWHM = 5.0  # of the wider PSF, beyond which the other's light is not followed
# Least response of the reference's PSF that is divided by (Wiener 1949). What is far below it no
# PSF of a search image shows: 0.02 to 0.2 make no difference.
LEAST_RESPONSE = 0.1
NONE_BAD = StackOptions()  # which say what becomes of bad pixels, and there are none
MOST_TURNED = 0.1  # of the map of pixels: beyond, the PSF of one image is turned on the other


@dataclass(frozen=True)
class ReferenceSkyOptions(Options):
    """Options of the sky that a reference has beside its sources."""

    subtract: Switch = True
    """Whether what a reference has beside its sources is kept with it, and subtracted from search
    images at their seeing, where it is more than noise: nebulae."""
    least_structure: Ratio = 2.0
    """Least scatter of what a reference has beside its sources, in that of noise, to be kept: 1.1
    to 1.4 by stars too faint to be listed, 1.5 by fringes, which are not the sky's, 2.4 by nebulae
    that scatter by 15 % of the sky."""


class Seen(NamedTuple):
    """Light of a reference on another image; both (ny, nx)."""

    light: np.ndarray  # float32 ADU of the reference
    covered: np.ndarray  # bool, whether the reference has the pixel


@dataclass(frozen=True)
class ReferenceSky:
    """What a reference has beside its sources."""

    light: np.ndarray  # (ny, nx) float32 ADU; on masked pixels that of the smooth sky
    psf: ChipPsf  # of the reference
    structure: float  # scatter of the light over that of noise, 1 where it is noise; NaN if unknown

    def is_kept(self, options: ReferenceSkyOptions) -> bool:
        """Whether it has structure enough to be subtracted from search images."""
        return options.subtract and self.structure >= options.least_structure

    def seen_on(self, to_reference: PixelCorrection, psf: ChipPsf, shape: Shape) -> Seen:
        """The light as an image of ``shape`` (ny, nx) and with a ChipPsf has it, as Seen.

        ``to_reference`` takes pixels of that image to those of the reference. Beyond MARGIN from
        the reference there is no light.
        """
        to_x = SmoothMap.of(lambda x, y: to_reference.apply(x, y)[0] + MARGIN, shape)
        to_y = SmoothMap.of(lambda x, y: to_reference.apply(x, y)[1] + MARGIN, shape)
        light = np.pad(self.light, MARGIN, mode="edge")
        usable = np.ones(light.shape, bool)
        resampled = resample_to_grid(light, usable, to_x, to_y, shape, NONE_BAD)
        # Row and column on the reference with its margin.
        y, x = np.divmod(resampled.nearest, light.shape[1])
        ny, nx = self.light.shape
        covered = (x >= MARGIN) & (x < MARGIN + nx) & (y >= MARGIN) & (y < MARGIN + ny)
        return Seen(self._at_seeing(np.nan_to_num(resampled.data), to_reference, psf), covered)

    def _at_seeing(
        self, light: FloatArray, to_reference: PixelCorrection, psf: ChipPsf
    ) -> FloatArray:
        """``light`` (ny, nx), resampled, at the seeing of the image; part by part."""
        ny, nx = light.shape
        reach = _reach(self.psf, psf)
        padded = np.pad(light, reach, mode="edge")
        seen = np.empty(light.shape, np.float32)
        for top in range(0, ny, TILE):
            for left in range(0, nx, TILE):
                bottom, right = min(top + TILE, ny), min(left + TILE, nx)
                x, y = np.array([(left + right) // 2]), np.array([(top + bottom) // 2])
                wanted = psf.stamps(x, y, 2 * reach + 1)[0]
                own = self._stamp_at(*to_reference.apply(x, y), 2 * reach + 1)
                around = padded[top : bottom + 2 * reach, left : right + 2 * reach]
                part = convolved_by_ratio(around, wanted, own)
                seen[top:bottom, left:right] = part[reach:-reach, reach:-reach]
        return seen

    def _stamp_at(self, x: FloatArray, y: FloatArray, side: int) -> FloatArray:
        """(side, side) PSF in the middle of a pixel, of the next one that is on the reference."""
        ny, nx = self.light.shape
        column, row = (np.clip(np.round(at), 0, n - 1) for at, n in ((x, nx), (y, ny)))
        return self.psf.stamps(column, row, side)[0]


def _reach(*psfs: ChipPsf) -> int:
    """Pixels from a place from which the light there is followed."""
    return int(np.ceil(REACH_FWHM * max(float(psf.fwhm[0]) for psf in psfs)))


def convolved_by_ratio(light: FloatArray, wanted: FloatArray, own: FloatArray) -> FloatArray:
    """``light`` (ny, nx), ADU, of the PSF ``own`` with the PSF ``wanted``; both (m, m), a stamp.

    The light of a part of the sky stays what it is. Where ``wanted`` is the sharper one, no
    frequency is raised by more than half of 1 / LEAST_RESPONSE. Light from beyond one edge comes
    in at the other, as far as a stamp reaches.
    """
    size = [fft.next_fast_len(side, real=True) for side in light.shape]
    after, before = (fft.rfft2(stamp / stamp.sum(), size) for stamp in (wanted, own))
    floor = LEAST_RESPONSE**2
    ratio = (1 + floor) * after * before.conj() / (np.abs(before) ** 2 + floor)
    ny, nx = light.shape
    return fft.irfft2(fft.rfft2(light, size) * ratio, size)[:ny, :nx]


def structure_of(residual: FloatArray, weight: FloatArray, fwhm_pixels: float) -> float:
    """The scatter of sums of ``residual`` over small boxes in that of noise: a number, 1 for noise.

    ``residual`` (ny, nx) is in ADU, ``weight`` (ny, nx) its inverse variance; the boxes have sides
    of BOX_FWHM. By the median deviation, as stars too faint to be listed, galaxies and wings are
    in some boxes only, and nebulae in most. NaN where no box has pixels enough.
    """
    side = max(round(BOX_FWHM * fwhm_pixels), 1)
    usable = weight > 0
    variance = np.where(usable, 1 / np.where(usable, weight, 1), 0)
    in_boxes = (np.where(usable, residual, 0), variance, usable)
    total, noise, n = (_sums(image, side) for image in in_boxes)
    enough = (n >= LEAST_USABLE * side**2) & (noise > 0)
    if not enough.any():
        return float("nan")
    return float(mad_std(total[enough] / np.sqrt(noise[enough])))


def _sums(image: FloatArray | BoolArray, side: int) -> FloatArray:
    """Sums over whole boxes."""
    ny, nx = (n // side for n in image.shape)
    boxes = image[: ny * side, : nx * side].reshape(ny, side, nx, side)
    return boxes.sum(axis=(1, 3), dtype="f8")


def is_turned(to_reference: PixelCorrection) -> bool:
    """Whether pixels are turned to those of the reference, mirrored, or of another size."""
    ny, nx = to_reference.shape
    x, y = np.array([0, nx - 1, 0]), np.array([0, 0, ny - 1])
    dx, dy = to_reference.displacement(x, y)
    slopes = [(d[k] - d[0]) / (n - 1) for d in (dx, dy) for k, n in ((1, nx), (2, ny))]
    return bool(np.abs(slopes).max() > MOST_TURNED)

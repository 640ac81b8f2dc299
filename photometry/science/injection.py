"""Artificial stars: free positions, and their light added to a chip's pixels."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.ndimage import minimum_filter

from exposures.chip import MaskBit
from exposures.science.arrays import BoolArray, Float, FloatArray, IntArray, Shape
from photometry.science.forced.forced import ForcedOptions, ForcedStars, fit_fluxes
from photometry.science.psf.psf import ChipPsf
from photometry.science.weighted_image import WeightedImage

# Stamps in which a star's light is rendered: the smallest that reaches far enough.
SIZES = (31, 61, 121, 301)
# Wings are followed to where they are this small a part of the sky's noise.
FAINTEST_PART = 0.05
BATCH = 2000  # stars rendered at once


class ColumnDetector(NamedTuple):
    """What the readout does to light, by column of a chip; both (nx,)."""

    gain: np.ndarray  # e-/ADU
    saturation: np.ndarray  # ADU


@dataclass(frozen=True)
class Stars:
    """Artificial stars on a chip."""

    x: np.ndarray  # (n,) pixels from 0
    y: np.ndarray  # (n,)
    flux: np.ndarray  # (n,) ADU

    def __len__(self) -> int:
        return len(self.x)

    def with_others(self, others: "Stars") -> "Stars":
        """These stars, then ``others``."""
        columns = ((getattr(self, n), getattr(others, n)) for n in ("x", "y", "flux"))
        return Stars(*(np.concatenate(pair) for pair in columns))


def free_positions(
    usable: BoolArray, n: int, clear_pixels: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Up to ``n`` positions, x and y in pixels, clear of pixels that are not ``usable`` (ny, nx).

    One in each cell of a grid of about ``n`` cells, at random in the middle half of the cell, so
    that no two are nearer than half a cell. No pixel within ``clear_pixels`` of one, nor the
    chip's edge, is unusable; cells without such a place stay empty.
    """
    ny, nx = usable.shape
    rows = max(1, round(np.sqrt(n * ny / nx)))
    columns = max(1, -(-n // rows))
    row, column = (i.ravel() for i in np.mgrid[:rows, :columns])
    offset_x, offset_y = rng.uniform(0.25, 0.75, (2, len(row)))
    x, y = (column + offset_x) * nx / columns - 0.5, (row + offset_y) * ny / rows - 0.5
    side = 2 * int(np.ceil(clear_pixels)) + 1
    clear = minimum_filter(usable.astype("u1"), size=side, mode="constant", cval=0)
    good = np.flatnonzero(clear[np.round(y).astype(int), np.round(x).astype(int)])
    chosen = np.sort(rng.permutation(good)[:n])
    return x[chosen], y[chosen]


def unsaturated_flux(psf: ChipPsf, shape: Shape, headroom: float) -> float:
    """The flux in ADU whose peak, centred on a pixel in mid-chip, is ``headroom`` ADU high.

    A number, for a chip of ``shape`` (ny, nx).
    """
    y, x = shape[0] // 2, shape[1] // 2
    return float(headroom / psf.stamps([x], [y], 1)[0, 0, 0])


def light_of(psf: ChipPsf, stars: Stars, shape: Shape, faintest_adu: Float) -> FloatArray:
    """(ny, nx) float32, ADU: the light of ``stars`` without noise.

    Each star is followed to where the profile falls below ``faintest_adu``, within SIZES.
    """
    image = np.zeros(shape, "f4")
    sizes = _stamp_sizes(psf, stars.flux, shape, faintest_adu)
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        n_parts = -(-len(chosen) * size**2 // (BATCH * SIZES[0] ** 2))
        for part in np.array_split(chosen, n_parts):
            stamps = psf.stamps(stars.x[part], stars.y[part], size)
            stamps = np.maximum(stamps * stars.flux[part, None, None].astype("f4"), 0)
            for stamp, i in zip(stamps, part, strict=True):
                _add(image, stamp, round(float(stars.x[i])), round(float(stars.y[i])))
    return image


def _stamp_sizes(psf: ChipPsf, flux: FloatArray, shape: Shape, faintest_adu: Float) -> IntArray:
    """(n,) the smallest of SIZES outside of which a star is fainter than a level."""
    stamp = psf.stamps([shape[1] // 2], [shape[0] // 2], SIZES[-1])[0]
    middle = SIZES[-1] // 2
    # Along a row, a column: where a square stamp of each size would end.
    edge = np.array(
        [max(stamp[middle, middle + s // 2], stamp[middle + s // 2, middle]) for s in SIZES[:-1]]
    )
    enough = flux[:, None] * edge < faintest_adu
    return np.array(SIZES)[np.where(enough.any(axis=1), enough.argmax(axis=1), len(SIZES) - 1)]


def _add(image: FloatArray, stamp: FloatArray, x: int, y: int) -> None:
    """Add the part on the image of a stamp centred on pixel ``x, y``."""
    half = stamp.shape[0] // 2
    low_y, low_x = max(y - half, 0), max(x - half, 0)
    high_y, high_x = min(y + half + 1, image.shape[0]), min(x + half + 1, image.shape[1])
    if low_y < high_y and low_x < high_x:
        image[low_y:high_y, low_x:high_x] += stamp[
            low_y - y + half : high_y - y + half, low_x - x + half : high_x - x + half
        ]


def add_artificial_stars(
    pixels: WeightedImage,
    psf: ChipPsf,
    stars: Stars,
    detector: ColumnDetector,
    rng: np.random.Generator,
) -> WeightedImage:
    """Add the light of ``stars`` to a WeightedImage, with its photon noise.

    The images are (ny, nx), in ADU. The light has the Poisson noise of its electrons, which is
    added to the variance in the weight: InstCal's weight is
    ``1 / (data / gain + (read noise / gain)^2)`` of the pixel as it is. What rises above
    saturation stays there, gets weight 0 and the bit SATURATED; unusable pixels stay as they are.
    """
    gain, saturation = (np.broadcast_to(values, pixels.data.shape) for values in detector)
    usable = pixels.weight > 0
    noise = 1 / np.sqrt(np.median(pixels.weight[usable]))
    light = light_of(psf, stars, pixels.data.shape, FAINTEST_PART * noise)
    lit = np.nonzero(usable & (light > 0))
    added = rng.poisson(light[lit] * gain[lit].astype("f8")) / gain[lit]
    data, weight, mask = (a.copy() for a in (pixels.data, pixels.weight, pixels.mask))
    data[lit] += added
    weight[lit] = 1 / (1 / weight[lit] + added / gain[lit])
    full = np.zeros(data.shape, bool)
    full[lit] = (data[lit] >= saturation[lit]) & (added > 0)
    data[full], weight[full] = saturation[full], 0
    mask[full] |= np.uint8(MaskBit.SATURATED)
    return WeightedImage(data, weight, mask)


@dataclass(frozen=True)
class ExpectedErrors:
    """The errors and crowding that a forced fit will give artificial stars; arrays (n,)."""

    flux_err: np.ndarray  # ADU, of the fit; infinite on unusable pixels
    fracflux: np.ndarray  # share of the light in the stamp that is the star's own


def expected_errors(
    image: WeightedImage,
    psf: ChipPsf,
    stars: Stars,
    others: Stars,
    gain: FloatArray,
    options: ForcedOptions = ForcedOptions(),
) -> ExpectedErrors:
    """Errors and crowding to expect of ``stars`` among ``others``, before they are added.

    ``image`` is a WeightedImage of (ny, nx) pixels in ADU: the light that is there already, without
    noise, and its inverse variance. ``gain`` (nx,) is in e-/ADU. All stars are fitted together as
    they will be, with the variance of the added light's photons. Without a usable pixel fracflux
    is NaN.
    """
    usable = image.weight > 0
    if len(stars) == 0 or not usable.any():
        return ExpectedErrors(np.full(len(stars), np.inf), np.full(len(stars), np.nan))
    noise = 1 / np.sqrt(np.median(image.weight[usable]))
    light = light_of(psf, stars, image.data.shape, FAINTEST_PART * noise)
    variance = 1 / np.where(usable, image.weight, 1) + light / gain
    together = WeightedImage(image.data + light, np.where(usable, 1 / variance, 0), image.mask)
    both = stars.with_others(others)
    place = ForcedStars(both.x, both.y, both.flux, np.zeros(len(both), int))
    # One round: without noise there is no sky left over to find.
    fit = fit_fluxes(together, psf, place, replace(options, n_rounds=1))
    fit = fit.select(np.arange(len(stars)))
    return ExpectedErrors(np.nan_to_num(fit.flux_err, nan=np.inf), fit.fracflux)

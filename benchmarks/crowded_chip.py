"""A chip of the bulge with known truth, made in memory: what the benchmarks of pixels work on."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

# One core, so that figures say what a worker costs.
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
from scipy.spatial import cKDTree  # noqa: E402

from exposures.chip import MaskBit  # noqa: E402
from exposures.simulation.mosaic import FULL_SHAPE  # noqa: E402
from photometry.science.forced.forced import merge_groups  # noqa: E402
from photometry.science.psf.psf import ChipPsf  # noqa: E402
from photometry.science.psf.stamps import add_profiles  # noqa: E402
from photometry.science.weighted_image import WeightedImage  # noqa: E402

QUICK_SHAPE = (1024, 1024)
SKY, GAIN, READ_NOISE, SATURATION = 500.0, 4.0, 10.0, 45_000.0  # ADU, e-/ADU, e-, ADU
ZERO_POINT, BRIGHTEST, FAINTEST = 30.0, 13.5, 24.0  # mag; a star alone is 5 sigma at 23.5
SLOPE = 0.3  # of log10 counts a magnitude, as towards the bulge
FAINTEST_ADU = 0.01  # of a wing, where it is cut
LARGEST = 250  # half width of a stamp in pixels


@dataclass(frozen=True)
class CrowdedChip:
    """Sky-subtracted pixels in ADU and the stars behind them, brightest first."""

    data: np.ndarray  # (ny, nx) float32
    weight: np.ndarray  # (ny, nx) float32, inverse of the true variance; 0 where masked
    mask: np.ndarray  # (ny, nx) uint8, bits of MaskBit: saturated cores
    x: np.ndarray  # (n,) pixels, all on the chip
    y: np.ndarray  # (n,)
    flux: np.ndarray  # (n,) ADU
    psf: ChipPsf
    sky: float = SKY  # ADU, what was subtracted
    gain: float = GAIN  # e-/ADU
    read_noise: float = READ_NOISE  # e-

    @property
    def image(self):
        return WeightedImage(self.data, self.weight, self.mask)


def bulge_psf():
    """Seeing of 1 arcsecond that varies across the chip, with a core that no Moffat profile has."""
    axis = np.arange(15) - 7
    u, v = axis[None, :], axis[:, None]
    bump = np.exp(-(u**2 + v**2) / 8)
    core = 1e-3 * np.array([bump * (3 - u + 0.5 * v), 0.4 * bump * u, -0.3 * bump * v])
    fwhm, e1, e2 = np.array([3.8, 0.1, -0.05]), np.array([0.04, -0.02, 0.01]), 0.02 * np.ones(3)
    return ChipPsf(fwhm, e1, e2, 3.0, core)


def crowded_chip(n_stars, shape=FULL_SHAPE, seed=1):
    """A CrowdedChip with ``n_stars`` on it, down to 0.5 mag below the limit of a star alone."""
    rng = np.random.default_rng([seed, n_stars])
    ny, nx = shape
    x, y = rng.uniform(-0.4, nx - 0.6, n_stars), rng.uniform(-0.4, ny - 0.6, n_stars)
    low, high = (10 ** (SLOPE * m) for m in (BRIGHTEST, FAINTEST))
    mag = np.sort(np.log10(rng.uniform(low, high, n_stars)) / SLOPE)
    flux = 10 ** (-0.4 * (mag - ZERO_POINT))
    psf = bulge_psf()
    light = render(x, y, flux, psf, shape)
    noise = rng.normal(0, READ_NOISE, shape)
    data = ((rng.poisson((light + SKY) * GAIN) + noise) / GAIN).astype("f4")
    saturated = data > SATURATION
    variance = (light + SKY) / GAIN + (READ_NOISE / GAIN) ** 2
    return CrowdedChip(
        data=np.minimum(data, SATURATION) - np.float32(SKY),
        weight=np.where(saturated, 0, 1 / variance).astype("f4"),
        mask=np.where(saturated, MaskBit.SATURATED, 0).astype("u1"),
        x=x,
        y=y,
        flux=flux,
        psf=psf,
    )


def render(x, y, flux, psf, shape):
    """The noiseless (ny, nx) image of stars, with wings as far as they matter."""
    half = np.ceil(np.minimum(psf.reach(x, y, FAINTEST_ADU / flux), LARGEST))
    places = np.column_stack([np.round(y), np.round(x), half]).astype(int)
    image = np.zeros(shape, np.float32)
    add_profiles(image, places, flux.astype("f4"), psf.profiles(x, y))
    return image


def cut_out(chip, side):
    """The square of ``side`` pixels at the origin of a CrowdedChip, and the stars on it.

    Stars beyond its edge have light on it and are not in the list.
    """
    square = slice(0, side), slice(0, side)
    on_it = (chip.x < side - 0.6) & (chip.y < side - 0.6)
    return replace(
        chip,
        **{name: getattr(chip, name)[square].copy() for name in ("data", "weight", "mask")},
        **{name: getattr(chip, name)[on_it] for name in ("x", "y", "flux")},
    )


def found_sources(chip, significance=5.0, blend_pixels=3.5):
    """x, y, flux of what a search finds of the stars, brightest first, without searching.

    Stars that are not significant above the noise of all light are lost. One with a brighter one
    that is found within ``blend_pixels`` is part of it: the flux is the sum, the position the mean
    weighted by flux. No two are closer than a pixel.
    """
    x, y, flux = chip.x, chip.y, chip.flux
    column, row = np.round(x).astype(int), np.round(y).astype(int)
    weight = np.where(chip.weight > 0, chip.weight, 1 / SATURATION)[row, column]
    per_flux = np.sqrt((chip.psf.stamps(x, y, 15) ** 2).sum(axis=(1, 2)) * weight)
    seen = flux * per_flux > significance
    group = _blends(x[seen], y[seen], blend_pixels)
    x, y, flux = _merged(x[seen], y[seen], flux[seen], group)
    while np.ptp(group := merge_groups(x, y, 1.0)) + 1 < len(x):
        x, y, flux = _merged(x, y, flux, group)
    order = np.argsort(-flux)
    return x[order], y[order], flux[order]


def _blends(x, y, radius):
    """(n,) the number of the brighter star that each of the stars, brightest first, is part of."""
    owner = np.arange(len(x))
    tree = cKDTree(np.column_stack([x, y]))
    pairs = np.sort(tree.query_pairs(radius, output_type="ndarray"), axis=1)
    # In the order of the fainter star: whether the brighter one is itself part of another is known.
    for bright, faint in pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))].tolist():
        if owner[faint] == faint and owner[bright] == bright:
            owner[faint] = bright
    return np.unique(owner, return_inverse=True)[1]


def _merged(x, y, flux, group):
    """x, y, flux of groups of stars."""
    total = np.bincount(group, flux)
    return np.bincount(group, x * flux) / total, np.bincount(group, y * flux) / total, total

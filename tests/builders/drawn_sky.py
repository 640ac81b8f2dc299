"""Skies whose PSF no Moffat profile drew: the atmosphere's, the telescope's or both, by FFT."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

GRID = 128  # pixels, side of the square on which a star is drawn; its wings wrap round beyond
FINER = 8  # points a pixel along each axis, on which stars lie
GAIN, READ_NOISE = 4.0, 3.0  # electrons/ADU, ADU


@dataclass(frozen=True)
class DrawnSky:
    """An image without its sky, and the stars in it; x, y in pixels, flux in ADU."""

    data: np.ndarray  # (ny, nx) ADU
    weight: np.ndarray  # (ny, nx) inverse variance
    mask: np.ndarray  # (ny, nx) bits
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray


def transfer(seeing_pixels=0.0, diffraction_pixels=0.0, axis_ratio=1.0):
    """(FINER GRID)^2 optical transfer of pixels and of PSFs of two FWHM in pixels; 0: left out.

    Kolmogorov's atmosphere, exp(-3.44 (lambda f / r0)^(5/3)), with a FWHM of 0.976 lambda / r0
    (Fried 1966, JOSA 56, 1372), and a circular aperture, of 1.029 lambda / D. An ``axis_ratio``
    above 1 makes them wider along x.
    """
    f = np.fft.fftfreq(FINER * GRID, 1 / FINER)
    fx, fy = f[None, :] * np.sqrt(axis_ratio), f[:, None] / np.sqrt(axis_ratio)
    frequency = np.hypot(fx, fy)
    result = np.sinc(f)[None, :] * np.sinc(f)[:, None]
    if seeing_pixels > 0:
        result = result * np.exp(-3.44 * (frequency * seeing_pixels / 0.976) ** (5 / 3))
    if diffraction_pixels > 0:
        nu = np.minimum(frequency * diffraction_pixels / 1.029, 1)
        result = result * 2 / np.pi * (np.arccos(nu) - nu * np.sqrt(1 - nu**2))
    return result


def stamp(otf, dx=0.0, dy=0.0):
    """(GRID, GRID) a star of flux 1, ``dx, dy`` up to half a pixel off the middle pixel."""
    return _stamp(_fine_profile(otf), dx, dy)


def _fine_profile(otf):
    """The PSF on FINER points a pixel, with half a pixel more on each side."""
    fine = FINER**2 * np.fft.fftshift(np.fft.ifft2(otf).real)
    return np.pad(fine, FINER // 2, mode="wrap")


def _stamp(fine, dx, dy):
    row, column = (FINER // 2 - round(FINER * d) for d in (dy, dx))
    return fine[row::FINER, column::FINER][:GRID, :GRID]


def draw(otf, shape, stars, sky=100.0, seed=0):
    """A DrawnSky of ``stars``, x, y and flux (n,), with the noise of ``sky`` ADU a pixel.

    They are moved to the nearest eighth of a pixel.
    """
    ny, nx = shape
    half, fine = GRID // 2, _fine_profile(otf)
    x, y = (np.round(FINER * c) / FINER for c in stars[:2])
    light = np.zeros((ny + 2 * half, nx + 2 * half))
    for x_star, y_star, flux in zip(x, y, stars[2], strict=True):
        column, row = round(x_star), round(y_star)
        near = slice(row, row + GRID), slice(column, column + GRID)
        light[near] += flux * _stamp(fine, x_star - column, y_star - row)
    light = np.maximum(light[half:-half, half:-half], 0)
    variance = (light + sky) / GAIN + READ_NOISE**2
    noise = np.random.default_rng(seed).normal(size=shape) * np.sqrt(variance)
    data = (light + noise).astype("f4")
    return DrawnSky(data, 1 / variance.astype("f4"), np.zeros(shape, "u1"), x, y, stars[2])


def random_stars(n, shape, seed, faintest=500.0, slope=0.75, brightest=1e6):
    """x, y and flux (n,) of stars whose numbers fall with flux by a power of ``-slope``."""
    rng = np.random.default_rng(seed)
    ny, nx = shape
    flux = np.minimum(faintest * rng.uniform(size=n) ** (-1 / slope), brightest)
    return rng.uniform(0, nx - 1, n), rng.uniform(0, ny - 1, n), flux


def nebula(shape, seed, level=100.0, scale_pixels=12.0):
    """(ny, nx) ADU of filaments of ``level``, about ``scale_pixels`` from each other."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), scale_pixels)
    return (level * np.exp(-0.5 * (field / (0.3 * field.std())) ** 2)).astype("f4")


def saturated(sky, level, is_masked):
    """A DrawnSky whose pixels end at ``level`` ADU, whether the mask says so or not."""
    over = sky.data > level
    data = np.minimum(sky.data, np.float32(level))
    if not is_masked:
        return replace(sky, data=data)
    mask = np.where(over, 4, sky.mask).astype("u1")
    return replace(sky, data=data, mask=mask, weight=np.where(over, 0, sky.weight))


def with_holes(sky):
    """A DrawnSky of which blocks of 11 x 7 pixels, one in six, have no value."""
    y, x = np.indices(sky.data.shape)
    hole = (y // 7 + x // 11) % 6 == 0
    empty = (np.where(hole, 0, image).astype("f4") for image in (sky.data, sky.weight))
    data, weight = empty
    return replace(sky, data=data, weight=weight, mask=np.where(hole, 2, sky.mask).astype("u1"))


def width(profile):
    """FWHM of a Gaussian with as many pixels of light, 1 / sum(p^2), within three widths."""
    axis = np.arange(len(profile)) - len(profile) // 2
    radius, inner = np.hypot(axis[:, None], axis), len(profile) / 2
    for _ in range(10):
        part = profile * (radius < inner)
        result = np.sqrt(np.sum(part) ** 2 / np.sum(part**2) * 2 * np.log(2) / np.pi)
        inner = 1.5 * result
    return result

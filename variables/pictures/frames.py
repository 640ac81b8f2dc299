"""The surroundings of a candidate on its reference, and the same on search images."""

from dataclasses import dataclass

import numpy as np

from variables.pictures.sprite import TILE
from variables.pictures.stretch import difference_grey, grey, sky_of, white_of
from variables.science.difference import match
from variables.science.resampling import cut, middle, resample

REGION = 127  # pixels round a candidate by which the images are matched


@dataclass(frozen=True)
class Frame:
    """Where a candidate's cutouts are, and how they are shaded."""

    x: int  # the pixel in their middle, on the reference image
    y: int
    sky: float  # ADU
    noise: float  # sigma of the sky, ADU
    white: float  # the height above the sky that is white, ADU
    tile: np.ndarray  # (TILE, TILE) u1 of the reference

    def shaded(self, pixels, sky):
        """(TILE, TILE) u1 of a region; the highest row is at the top."""
        return grey(middle(pixels, TILE), sky, self.noise, self.white)[::-1]


def frame_of(reference, candidate) -> Frame:
    """The Frame of a candidate on its reference's ChipPixels."""
    x, y = round(candidate.x), round(candidate.y)
    data, weight = region(reference, x, y)
    usable = np.where(weight > 0, data, np.nan)
    sky, noise = sky_of(usable)
    white = white_of(middle(usable, TILE), sky, noise)
    frame = Frame(x, y, sky, noise, white, np.zeros((TILE, TILE), "u1"))
    frame.tile[:] = frame.shaded(data, sky)
    return frame


def region(reference, x, y):
    """(REGION, REGION) pixels and weights of a reference; NaN and 0 beyond its edge."""
    return cut(reference.data, x, y, REGION, np.nan), cut(reference.weight, x, y, REGION)


def maps(reference, search, frames):
    """(n, 2) y, x of the middles of frames on a search image; (n, 2, 2) how they change there."""
    half = REGION // 2
    x, y = (np.array([getattr(f, axis) for f in frames])[:, None] for axis in "xy")
    x, y = x + np.array([0, 0, 0, -half, half]), y + np.array([0, -half, half, 0, 0])
    to_x, to_y = search.to_pixels(*reference.wcs.to_sky(x.ravel(), y.ravel()))
    place = np.stack([to_y.reshape(y.shape), to_x.reshape(x.shape)], axis=1)  # frame, axis, point
    along_y = (place[..., 2] - place[..., 1]) / (2 * half)
    along_x = (place[..., 4] - place[..., 3]) / (2 * half)
    return place[..., 0], np.stack([along_y, along_x], axis=-1)


def tiles_on(search, reference, frame, place, matrix):
    """The search and the difference tile of a frame, (TILE, TILE) u1 each."""
    if not np.isfinite(place).all() or not np.isfinite(matrix).all():
        nothing = np.full((REGION, REGION), np.nan)
        return frame.shaded(nothing, 0), _difference(nothing, 1.0)
    own, own_weight = region(reference, frame.x, frame.y)
    data, weight = resample(search.data, search.weight, place, matrix, REGION)
    # Seeing in pixels of the reference, which the other's may differ from.
    fwhm = search.fwhm_pixels / np.sqrt(abs(np.linalg.det(matrix)))
    matched = match(own, data, (own_weight, weight), (reference.fwhm_pixels, fwhm))
    if matched is None:
        sky, _ = sky_of(np.where(weight > 0, data, np.nan))
        return frame.shaded(data, sky), _difference(np.full_like(data, np.nan), 1.0)
    return frame.shaded(matched.search, frame.sky), _difference(matched.difference, matched.noise)


def _difference(pixels, noise):
    return difference_grey(middle(pixels, TILE), noise)[::-1]

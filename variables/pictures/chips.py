"""A small picture of a whole chip."""

import io

import numpy as np
from PIL import Image

from variables.pictures.places import picture_path, write_whole
from variables.pictures.stretch import grey, sky_of, white_of

MAX_HEIGHT = 1024  # pixels


def draw_chip(data, weight) -> bytes:
    """PNG of a chip, (ny, nx) ADU and inverse variance; the highest row is at its top."""
    step = max(1, -(-data.shape[0] // MAX_HEIGHT))
    binned = _binned(np.where(weight > 0, data, np.nan), step)
    sky, noise = sky_of(binned)
    shades = grey(binned, sky, noise, white_of(binned, sky, noise))
    out = io.BytesIO()
    Image.fromarray(shades[::-1]).save(out, "png", compress_level=4)
    return out.getvalue()


def _binned(pixels, step):
    """Means of squares of pixels, NaN left out; at the far edges of what is left."""
    ny, nx = (-(-side // step) * step for side in pixels.shape)
    padded = np.full((ny, nx), np.nan, "f4")
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    blocks = padded.reshape(ny // step, step, nx // step, step)
    n = np.isfinite(blocks).sum(axis=(1, 3))
    total = np.nansum(blocks, axis=(1, 3))
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def write_chip_picture(image, data, weight):
    """Render the picture of a GalImage from its pixels. Raises OSError where it can't be kept."""
    write_whole(picture_path(image.pk), draw_chip(data, weight))

"""A small picture of a whole chip."""

import io

import numpy as np
from PIL import Image

from exposures.models import GalCheckpoint
from exposures.steps import LogStep
from variables.pictures.paths import picture_path, write_whole
from variables.pictures.stretch import grey, sky_of, white_of

MAX_HEIGHT = 1024  # pixels


def draw_chip(data, weight) -> bytes:
    """Draw a chip, (ny, nx) ADU and inverse variance, as PNG with the highest row at the top.

    Squares of pixels are averaged; masked ones are shown as they are, but set no level.
    """
    step = max(1, -(-data.shape[0] // MAX_HEIGHT))
    seen = _binned(data, step)
    usable = np.where(_binned(weight > 0, step) > 0, seen, np.nan)
    sky, noise = sky_of(usable)
    shades = grey(seen, sky, noise, white_of(usable, sky, noise))
    out = io.BytesIO()
    Image.fromarray(shades[::-1]).save(out, "png", compress_level=4)
    return out.getvalue()


def _binned(pixels, step):
    """Means of squares of pixels, smaller ones at the far edges."""
    rows = np.arange(0, pixels.shape[0], step)
    columns = np.arange(0, pixels.shape[1], step)
    total = np.add.reduceat(pixels, rows, axis=0, dtype="f4")
    total = np.add.reduceat(total, columns, axis=1)
    n_rows, n_columns = np.diff([*rows, pixels.shape[0]]), np.diff([*columns, pixels.shape[1]])
    return total / (n_rows[:, None] * n_columns).astype("f4")


def write_chip_picture(image, data, weight):
    """Render the picture of a GalImage from its pixels. Raises OSError if it can't be written."""
    write_whole(picture_path(image.pk), draw_chip(data, weight))


def keep_chip_picture(image, chip):
    """Render the picture of a GalImage; a failure is logged and leaves the results valid."""
    try:
        write_chip_picture(image, chip.data, chip.weight)
    except OSError as error:
        level = GalCheckpoint.Level.WARNING
        GalCheckpoint.objects.note(image, LogStep.PICTURES, f"no picture: {error}", level=level)

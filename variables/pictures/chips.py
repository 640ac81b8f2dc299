"""Pictures of whole chips: one for a page of its own, and a small one for lists."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from exposures.models import GalCheckpoint
from exposures.steps import LogStep
from variables.pictures.paths import picture_path, small_picture_path, write_whole
from variables.pictures.stretch import WHITE_SIGMA, grey, sky_of, stretch_tables, white_of

MAX_HEIGHT = 1024  # pixels
SMALL_HEIGHT = 160
WHITE = "white_sigma"  # the name of what is written into a picture, beside its pixels


@dataclass(frozen=True)
class ChipPicture:
    """Greys of a chip by the asinh of the height above the sky."""

    shades: np.ndarray  # (ny, nx) u1, the highest row at the top
    white_sigma: float  # the height that is white, over the noise of the sky

    def png(self, max_height=MAX_HEIGHT) -> bytes:
        """The picture as PNG, with ``white_sigma`` in it; made smaller by means of greys."""
        facts, out = PngInfo(), io.BytesIO()
        facts.add_text(WHITE, f"{self.white_sigma:.4g}")
        picture = Image.fromarray(self.shades)
        if picture.height > max_height:
            width = max(1, round(picture.width * max_height / picture.height))
            picture = picture.resize((width, max_height), Image.Resampling.BOX)
        picture.save(out, "png", compress_level=4, pnginfo=facts)
        return out.getvalue()


def draw_chip(data, weight) -> ChipPicture:
    """Draw a chip, (ny, nx) ADU and inverse variance, with the highest row at the top.

    Squares of pixels are averaged; masked ones are shown as they are, but set no level.
    """
    step = max(1, -(-data.shape[0] // MAX_HEIGHT))
    seen = _binned(data, step)
    usable = np.where(_binned(weight > 0, step) > 0, seen, np.nan)
    sky, noise = sky_of(usable)
    white = white_of(usable, sky, noise)
    return ChipPicture(grey(seen, sky, noise, white)[::-1], white / noise)


def _binned(pixels, step):
    """Means of squares of pixels, smaller ones at the far edges."""
    n_rows, n_columns = (np.diff([*range(0, side, step), side]) for side in pixels.shape)
    # Rows and columns by turns: numpy's reduceat goes from pixel to pixel.
    by_rows = np.zeros((len(n_rows), pixels.shape[1]), "f4")
    for first in range(step):
        part = pixels[first::step]
        by_rows[: len(part)] += part
    total = np.zeros((len(n_rows), len(n_columns)), "f4")
    for first in range(step):
        part = by_rows[:, first::step]
        total[:, : part.shape[1]] += part
    return total / (n_rows[:, None] * n_columns).astype("f4")


def write_chip_picture(image, data, weight):
    """Render the picture of a GalImage from its pixels. Raises OSError if it can't be written."""
    write_pictures(image.pk, draw_chip(data, weight))


def write_pictures(image_id, picture):
    """Write a ChipPicture, and a small one for lists. Raises OSError if they can't be written."""
    write_whole(small_picture_path(image_id), picture.png(SMALL_HEIGHT))
    # Last, as it is what tells that both are there.
    write_whole(picture_path(image_id), picture.png())


def white_sigma_of(image_id) -> float | None:
    """The height that is white in the picture of a chip, over the noise of its sky.

    None where there is no picture, or one of a version that did not write that down.
    """
    try:
        with Image.open(picture_path(image_id)) as picture:
            return float(picture.text[WHITE])
    except (FileNotFoundError, UnidentifiedImageError, AttributeError, KeyError, ValueError):
        return None


def stretch_filters(white_sigma: float | None) -> dict[str, str]:
    """{name of a stretch: its table for SVG's filters}, for greys of ``draw_chip``."""
    tables = stretch_tables(WHITE_SIGMA if white_sigma is None else white_sigma)
    return {name: " ".join(f"{v:.3f}" for v in table) for name, table in tables.items()}


def has_pictures(image_id) -> bool:
    """Whether a chip has its pictures as they are drawn now; older ones are drawn anew."""
    return small_picture_path(image_id).exists() and white_sigma_of(image_id) is not None


def keep_chip_picture(image, chip):
    """Render the picture of a GalImage; a failure is logged and leaves the results valid."""
    try:
        write_chip_picture(image, chip.data, chip.weight)
    except OSError as error:
        level = GalCheckpoint.Level.WARNING
        GalCheckpoint.objects.note(image, LogStep.PICTURES, f"no picture: {error}", level=level)

"""Sprites: one picture of a reference tile, then a column of two tiles for each epoch."""

import io
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

from exposures.errors import InputFileError
from exposures.fits.boundary import reading
from exposures.fits.plain_files import open_plain
from variables.pictures.paths import cutouts_path, write_whole

TILE = 63  # pixels
# Raised when tiles are drawn otherwise: older files are drawn anew.
VERSION = "5"


@dataclass(frozen=True)
class CutoutLayout:
    """The meaning of each tile of a sprite."""

    image_ids: tuple[int, ...]  # of the columns after the first, in order of time
    tile: int = TILE  # pixels

    @property
    def n_columns(self) -> int:
        return 1 + len(self.image_ids)


@dataclass(frozen=True)
class Sprite:
    """Tiles (TILE, TILE) u1."""

    reference: np.ndarray
    image_ids: tuple[int, ...]
    search: tuple[np.ndarray, ...]
    difference: tuple[np.ndarray, ...]


def read_sprite(refsource_id) -> Sprite | None:
    """Read a candidate's tiles; None if the file is missing, damaged or of an old format."""
    try:
        with _picture(refsource_id) as picture:
            if picture.text.get("version") != VERSION:
                return None
            ids = _ids(picture)
            pixels = np.asarray(picture)
    except InputFileError:
        return None
    if pixels.shape != (2 * TILE, (1 + len(ids)) * TILE):
        return None
    columns = [pixels[:, k * TILE : (k + 1) * TILE] for k in range(len(ids) + 1)]
    search, difference = (
        [c[part] for c in columns[1:]] for part in (slice(TILE), slice(TILE, None))
    )
    return Sprite(columns[0][:TILE], ids, tuple(search), tuple(difference))


def image_ids_in(refsource_id) -> tuple[int, ...] | None:
    """Ids of the images in a candidate's file; None if it has to be drawn again."""
    try:
        with _picture(refsource_id) as picture:
            return _ids(picture) if picture.text.get("version") == VERSION else None
    except InputFileError:
        return None


def write_sprite(refsource_id, sprite):
    """Write a candidate's file atomically."""
    pixels = np.zeros((2 * TILE, (1 + len(sprite.image_ids)) * TILE), "u1")
    pixels[:TILE, :TILE] = sprite.reference
    for k, (search, difference) in enumerate(zip(sprite.search, sprite.difference, strict=True), 1):
        pixels[:TILE, k * TILE : (k + 1) * TILE] = search
        pixels[TILE:, k * TILE : (k + 1) * TILE] = difference
    facts = PngImagePlugin.PngInfo()
    facts.add_text("version", VERSION)
    facts.add_text("images", " ".join(map(str, sprite.image_ids)))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png", pnginfo=facts, compress_level=4)
    write_whole(cutouts_path(refsource_id), out.getvalue())


def cutout_layout(refsource_id) -> CutoutLayout | None:
    """The CutoutLayout of a candidate's file; None if there is none of the current format."""
    try:
        # Only the head of the file is read.
        with _picture(refsource_id) as picture:
            return CutoutLayout(_ids(picture)) if picture.text.get("version") == VERSION else None
    except InputFileError:
        return None


@contextmanager
def _picture(refsource_id):
    """Open a candidate's file; raises InputFileError if it is missing or damaged."""
    path = cutouts_path(refsource_id)
    with reading(path), open_plain(path) as file, Image.open(file, formats=["PNG"]) as picture:
        yield picture


def _ids(picture):
    return tuple(int(word) for word in picture.text.get("images", "").split())

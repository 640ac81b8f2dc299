"""Strips of contact sheets: reference, search and difference of one epoch, side by side."""

import io
import os
from contextlib import suppress

import numpy as np
from PIL import Image

from variables.pictures.paths import cutouts_path, strip_path, write_whole
from variables.pictures.sprite import TILE, read_sprite

N_TILES = 3
WIDTH, HEIGHT = N_TILES * TILE, TILE  # pixels


def strip_png(refsource_id, image_id) -> bytes | None:
    """A strip as PNG, (HEIGHT, WIDTH) greys; None if the cutouts lack the epoch.

    Cut from the file of all epochs, which may be large, and kept for as long as that stays.
    """
    path = strip_path(refsource_id, image_id)
    try:
        made_from = cutouts_path(refsource_id).stat().st_mtime_ns
        if path.is_file() and path.stat().st_mtime_ns == made_from:
            return path.read_bytes()
    except OSError:
        return None
    content = _cut(refsource_id, image_id)
    if content is not None:
        # Without room on the disk it is cut anew each time.
        with suppress(OSError):
            write_whole(path, content)
            os.utime(path, ns=(made_from, made_from))
    return content


def _cut(refsource_id, image_id):
    sprite = read_sprite(refsource_id)
    if sprite is None or image_id not in sprite.image_ids:
        return None
    column = sprite.image_ids.index(image_id)
    tiles = sprite.reference, sprite.search[column], sprite.difference[column]
    out = io.BytesIO()
    Image.fromarray(np.hstack(tiles)).save(out, "png", compress_level=6)
    return out.getvalue()

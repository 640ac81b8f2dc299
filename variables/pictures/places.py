"""Where pictures lie on disk, and the addresses they are served at."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings
from django.urls import reverse

from photometry.querysets.sources import RANK_BITS, catalogue_of

RANK_MASK = (1 << RANK_BITS) - 1


def cutouts_folder(catalogue_id) -> Path:
    """Where the cutouts of the candidates of a catalogue are."""
    return Path(settings.GALPROJECT_PICTURES) / "cutouts" / str(catalogue_id)


def cutouts_path(refsource_id) -> Path:
    """The file of the cutouts of one candidate."""
    return cutouts_folder(catalogue_of(refsource_id)) / f"{refsource_id & RANK_MASK}.png"


def strip_path(refsource_id, image_id) -> Path:
    """The file that a candidate's strip of an epoch is kept in once it was asked for."""
    folder = cutouts_folder(catalogue_of(refsource_id)) / "strips"
    return folder / f"{refsource_id & RANK_MASK}-{image_id}.png"


def picture_path(image_id) -> Path:
    """The file of the picture of a chip; a thousand in a folder."""
    return Path(settings.GALPROJECT_PICTURES) / "images" / str(image_id // 1000) / f"{image_id}.png"


def cutouts_url(refsource_id) -> str | None:
    """The address of a candidate's cutouts; None where there are none yet."""
    return _versioned(cutouts_path(refsource_id), "cutouts", refsource_id)


def strip_url(refsource_id, image_id) -> str | None:
    """The address of a strip of one epoch; None where the candidate has no cutouts."""
    version = version_of(cutouts_path(refsource_id))
    return version and f"{reverse('strip', args=[refsource_id, image_id])}?v={version}"


def picture_url(image) -> str | None:
    """The address of the picture of a GalImage; None where there is none yet."""
    return _versioned(picture_path(image.pk), "image_picture", image.pk)


def version_of(path) -> str | None:
    """What tells a picture from those that were there before it; None where there is none."""
    try:
        return f"{path.stat().st_mtime_ns // 1_000_000:x}"
    except FileNotFoundError:
        return None


def _versioned(path, name, pk):
    # Browsers keep a picture for good: another one has another address.
    version = version_of(path)
    return version and f"{reverse(name, args=[pk])}?v={version}"


def write_whole(path, content):
    """Write bytes to a file at once: readers see what was there before, or all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as part:
        try:
            part.write(content)
            part.close()
            os.chmod(part.name, 0o644)
            os.replace(part.name, path)
        except OSError:
            os.unlink(part.name)
            raise


def remove_cutouts(catalogue_id):
    """Remove the cutouts of a catalogue's candidates."""
    # Where they can't be removed now, --clean of render_pictures says so.
    shutil.rmtree(cutouts_folder(catalogue_id), ignore_errors=True)


def remove_picture(image_id):
    """Remove the picture of a chip."""
    with suppress(OSError):
        picture_path(image_id).unlink()

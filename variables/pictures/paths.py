"""Paths of pictures on disk, and their URLs."""

import shutil
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from exposures.source_ids import catalogue_of, rank_of
from exposures.whole_files import whole_file

SMALL = "-small"  # after the id of a chip, in the name of its small picture


def cutouts_folder(catalogue_id) -> Path:
    """The folder of the cutouts of a catalogue's candidates."""
    return Path(settings.GALPROJECT_PICTURES) / "cutouts" / str(catalogue_id)


def cutouts_path(refsource_id) -> Path:
    """The path of a candidate's cutouts."""
    return cutouts_folder(catalogue_of(refsource_id)) / f"{rank_of(refsource_id)}.png"


def change_path(refsource_id) -> Path:
    """The path of the differences of a candidate's greatest changes."""
    return cutouts_folder(catalogue_of(refsource_id)) / f"{rank_of(refsource_id)}.npy"


def strip_path(refsource_id, image_id) -> Path:
    """The path at which a candidate's strip of one epoch is cached."""
    folder = cutouts_folder(catalogue_of(refsource_id)) / "strips"
    return folder / f"{rank_of(refsource_id)}-{image_id}.png"


def picture_path(image_id) -> Path:
    """The path of the picture of a chip, with a thousand in a folder."""
    return Path(settings.GALPROJECT_PICTURES) / "images" / str(image_id // 1000) / f"{image_id}.png"


def small_picture_path(image_id) -> Path:
    """The path of the small picture of a chip, for lists."""
    return picture_path(image_id).with_name(f"{image_id}{SMALL}.png")


def cutouts_url(refsource_id) -> str | None:
    """The URL of a candidate's cutouts; None if not rendered yet."""
    return _versioned(cutouts_path(refsource_id), "cutouts", refsource_id)


def strip_url(refsource_id, image_id) -> str | None:
    """The URL of a strip of one epoch; None if the candidate has no cutouts."""
    version = version_of(cutouts_path(refsource_id))
    return version and f"{reverse('strip', args=[refsource_id, image_id])}?v={version}"


def picture_url(image) -> str | None:
    """The URL of the picture of a GalImage; None if not rendered yet."""
    return _versioned(picture_path(image.pk), "image_picture", image.pk)


def small_picture_url(image) -> str | None:
    """The URL of the small picture of a GalImage; None if not rendered yet."""
    return _versioned(small_picture_path(image.pk), "small_picture", image.pk)


def version_of(path) -> str | None:
    """A version that tells a picture from earlier ones at its path; None without a file."""
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
    with whole_file(path) as partial:
        partial.write_bytes(content)
        partial.chmod(0o644)


def remove_cutouts(catalogue_id):
    """Remove the cutouts of a catalogue's candidates."""
    # Where they can't be removed now, --clean of render_pictures says so.
    shutil.rmtree(cutouts_folder(catalogue_id), ignore_errors=True)


def remove_picture(image_id):
    """Remove the pictures of a chip."""
    for path in (picture_path(image_id), small_picture_path(image_id)):
        with suppress(OSError):
            path.unlink()

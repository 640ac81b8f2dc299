"""Which files and published stars a stored result was made of, and whether they are the same."""

from dataclasses import asdict
from functools import cache
from pathlib import Path

from exposures.catalogues import Cone
from exposures.errors import InputFileError
from exposures.fits.source_files import archive_version, chip_digest, file_stamp, source_paths
from exposures.models import GalImage
from exposures.published.astrometric import has_same_stars, id_in_use

CATALOGUE = "catalogue"  # files of one
PUBLISHED = "published"  # one that is in the database


def describe_files(image: GalImage) -> dict:
    """The files of a chip as they are now, for ``GalImage.files``.

    By kind (image, weight, mask): path, size, times, and a digest of what the chip has in it.
    Raises InputFileError if one is missing or can't be read.
    """
    paths = source_paths(Path(image.path))
    return {kind: _describe(path, image.chip_name) for kind, path in paths.items()}


def describe_catalogue(catalogue) -> dict:
    """What was read of catalogues, or of None, likewise; by kind and name.

    Of those in the database the version, and digests of the stars in each cone that was read.
    """
    if catalogue is None:
        return {}
    paths = sorted(catalogue.files_read)
    files = {f"{CATALOGUE} {path.name}": _describe(path.absolute(), "") for path in paths}
    published: dict[str, dict] = {}
    for read in catalogue.stars_read:
        version = {"version": read.version, "id": read.catalogue_id, "loaded_at": read.loaded_at}
        # Of a version that was replaced between two cones the first is told: it is the one that
        # is no longer in use, so that the other's stars are compared with those of both.
        known = published.setdefault(f"{PUBLISHED} {read.name}", version | {"stars": []})
        known["stars"].append(asdict(read.cone) | {"digest": read.digest})
    return files | published


def placed_by(files: dict) -> list[str]:
    """The catalogues whose stars a chip was placed by, in words; none if it wasn't."""
    return [
        f"{kind.removeprefix(f'{PUBLISHED} ')} {known['version']}"
        for kind, known in files.items()
        if is_published(kind)
    ] or [Path(known["path"]).name for kind, known in files.items() if _is_of_catalogue(kind)]


def is_published(kind: str) -> bool:
    """Whether what a result was made of is a published catalogue in the database."""
    return kind.startswith(f"{PUBLISHED} ")


def _is_of_catalogue(kind):
    return kind.startswith(f"{CATALOGUE} ")


def data_version(facts) -> str:
    """Version of the pipeline that calibrated an exposure and the archive's: "V4.8.2a v1"."""
    versions = facts.pipeline_version, archive_version(facts.image_path)
    return " ".join(filter(None, versions))


def check_are_as_before(files: dict):
    """Raise InputFileError if a file has changed since it was described."""
    for known in files.values():
        path = Path(known["path"])
        if _stamp(path) != {name: known[name] for name in ("size", "mtime_ns", "ctime_ns")}:
            raise InputFileError(
                path, "it changed while it was read", "Process it again once it is whole"
            )


class Looks:
    """What files and published stars there are, each looked for once however many chips ask."""

    def __init__(self):
        self.stamps = cache(_image_stamps)
        self.stamp = cache(_stamp_if_there)
        self.id_in_use = cache(id_in_use)


def has_same_files(image: GalImage, remember=False, looks: Looks | None = None) -> bool:
    """Whether the files of a chip are those that its result was made of.

    Files that were moved or copied are the same as long as they hold the same: they are read
    only where path, size or times differ, and with ``remember`` not again. So are published
    catalogues of another version, as long as it has the same stars there. Where one is not
    there now, or not known, nothing speaks against the result. ``looks`` are for many chips in
    turn, while nothing changes.
    """
    looks = looks or Looks()
    stamps = looks.stamps(image.path)
    if stamps is None:
        return True
    known, moved = image.files or {}, {}
    stamps = stamps | _catalogue_stamps(known, looks)
    for kind, stamp in stamps.items():
        before = known.get(kind)
        if before is None or _is_as_before(before, stamp):
            continue
        if not _holds_the_same(before, stamp, image.chip_name):
            return False
        moved[kind] = before | stamp
    published = [kind for kind in known if is_published(kind)]
    if not all(_has_same_stars(kind, known[kind], looks) for kind in published):
        return False
    if remember and moved:
        image.files = known | moved
        GalImage.objects.filter(pk=image.pk).update(files=image.files)
    return True


def _image_stamps(path):
    """The stamps of the files of an image, by kind; None where one is missing."""
    try:
        return {
            kind: {"path": str(one), **file_stamp(one)}
            for kind, one in source_paths(Path(path)).items()
        }
    except (InputFileError, OSError):
        return None


def _stamp_if_there(path):
    try:
        return {"path": path, **file_stamp(path)}
    except OSError:
        return None


def _catalogue_stamps(known, looks):
    """The stamps of those files of a catalogue that still exist."""
    stamps = {
        kind: looks.stamp(before["path"])
        for kind, before in known.items()
        if _is_of_catalogue(kind)
    }
    return {kind: stamp for kind, stamp in stamps.items() if stamp is not None}


def _has_same_stars(kind, known, looks):
    """Whether the published catalogue that a result was made of has the same stars there now."""
    name = kind.removeprefix(f"{PUBLISHED} ")
    if looks.id_in_use(name) in (None, known["id"]):
        return True
    cones = [
        (Cone(**{name: one[name] for name in ("ra", "dec", "radius_degrees")}), one["digest"])
        for one in known["stars"]
    ]
    return has_same_stars(name, known["id"], cones)


def replacement_text(image: GalImage) -> str:
    """The file that a result was made of and its replacement, in words."""
    made_of = Path(image.files["image"]["path"]).name
    version = f" ({image.data_version})" if image.data_version else ""
    now = Path(image.path).name
    return f"made of {made_of}{version}, where now " + (
        f"{now} is" if now != made_of else "the files or the catalogue hold something else"
    )


def _describe(path, name):
    stamp = _stamp(path)
    return {"path": str(path), **stamp, "digest": chip_digest(path, name)}


def _stamp(path):
    try:
        return file_stamp(path)
    except OSError as error:
        raise InputFileError(
            path, f"can't be read ({error.strerror})", "Check the path and its permissions"
        ) from error


def _is_as_before(before, stamp):
    return all(before.get(name) == value for name, value in stamp.items())


def _holds_the_same(before, stamp, name):
    """Whether another file holds the same contents that a chip was made of."""
    if "digest" not in before:  # made before files were described: the name is all that is known
        return Path(before["path"]).name == Path(stamp["path"]).name
    try:
        return chip_digest(Path(stamp["path"]), name) == before["digest"]
    except InputFileError:
        return False

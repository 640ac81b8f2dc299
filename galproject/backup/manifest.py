"""The manifest of a backup: versions, rows of tables, and a digest of every file."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from exposures.errors import GalprojectError

NAME = "manifest.json"
FORMAT = 2  # of the folder; a later one is refused
# The parts of a backup.
DATABASE, PICTURES, OPTIONS, KEY = "database", "pictures.tar", "options.toml", "secret_key"


@dataclass(frozen=True)
class Manifest:
    """The contents of a backup."""

    format: int
    made: str  # UTC, ISO 8601: when the database was as it is here
    seconds: float  # that making it took
    database: str  # its name
    database_bytes: int  # of the tables, with indices, on the server's disk
    version: str
    code_version: str
    results_version: int
    postgresql: int  # major version of the server
    dumped_by: int  # major version of pg_dump
    q3c: str
    migrations: list  # (application, name), as applied
    rows: dict  # of each table
    folders: dict  # of the exposures' files, which are not in it: number of chips of each
    catalogues: list  # astrometric catalogues that were used, which are not in it either
    # Published catalogues whose stars are not in it; format 1 had none.
    published: list = field(default_factory=list)
    files: dict = field(default_factory=dict)  # path within the folder: size and sha256

    @property
    def n_bytes(self) -> int:
        """The size of all files in bytes."""
        return sum(entry["size"] for entry in self.files.values())


def write_manifest(folder: Path, manifest: Manifest):
    """Write the manifest beside the files."""
    (folder / NAME).write_text(json.dumps(asdict(manifest), indent=1) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Read a manifest. Raises GalprojectError if there is none, or of an unknown format."""
    path = folder / NAME
    try:
        facts = json.loads(path.read_text())
        if facts["format"] > FORMAT:
            raise GalprojectError(
                f"{folder} was made by {facts['version']}, whose backups are of another form "
                "than this version knows. Update galproject first"
            )
        manifest = Manifest(**facts)
        _check_names(folder, manifest)
    except OSError as error:
        raise GalprojectError(f"{folder} is no backup: {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise GalprojectError(f"{path} is damaged: {error!r:.200}. Take another backup") from error
    return manifest


def _check_names(folder, manifest):
    for name in manifest.files:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(f"{name} leads out of {folder}")


def digests_of(folder: Path, progress) -> dict:
    """Size and sha256 of every file in a folder, by its path there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": digest_of(path, progress),
        }
        for path in paths
    }


def digest_of(path: Path, progress) -> str:
    """The sha256 of a file; ``progress`` is updated by its bytes."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    progress.update(path.stat().st_size)
    return digest


def check_files(folder: Path, manifest: Manifest, progress):
    """Raise GalprojectError naming the first file that differs from the manifest."""
    for name, entry in manifest.files.items():
        path = folder / name
        try:
            is_as_made = path.stat().st_size == entry["size"] and (
                digest_of(path, progress) == entry["sha256"]
            )
        except OSError as error:
            raise GalprojectError(
                f"{path}: {error.strerror}. The backup is not whole: take another"
            ) from error
        if not is_as_made:
            raise GalprojectError(
                f"{path} is not what it was when the backup was made. Take another backup"
            )

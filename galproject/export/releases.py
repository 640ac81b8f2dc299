"""A release: an export as it is now, frozen under a name, with checksums and a description."""

import errno
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from astropy.time import Time

from exposures.archive.partial import size_text
from exposures.errors import GalprojectError
from galproject.backup.making import draft_of, put_in_place
from galproject.backup.manifest import digests_of
from galproject.export.collection import HATS_VERSION
from galproject.export.folders import LOCK, RELEASES, alone_in, check_name
from galproject.export.provenance import PROVENANCE

MANIFEST, CHECKSUMS, DATACITE = "manifest.json", "SHA256SUMS", "datacite.json"
NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}  # of some file systems


@dataclass(frozen=True)
class ReleaseText:
    """What people say of a release; the rest of its description is known."""

    title: str
    creators: tuple[str, ...]
    publisher: str
    rights: str  # under which it may be used


def make_release(folder: Path, name: str, text: ReleaseText, progress) -> Path:
    """Freeze the collection in a folder as it is now; the new folder.

    Its files are links to those of the export, which are never changed but replaced, so that it
    takes no room until they are. Raises GalprojectError where the name is taken or nothing was
    exported.
    """
    check_name(name, "a release")
    release = folder / RELEASES / name
    with alone_in(folder):
        if not _has_catalogues(folder):
            raise GalprojectError(f"{folder}: no sources are exported there: no release of them")
        release.parent.mkdir(exist_ok=True)
        with draft_of(release) as draft:
            _link_all(folder, draft)
            facts = json.loads((draft / PROVENANCE).read_text())
            (draft / DATACITE).write_text(_json(_datacite(draft, name, text, facts)))
            _write_manifest(draft, name, progress)
            for path in draft.rglob("*"):
                path.chmod(0o755 if path.is_dir() else 0o444)
            draft.chmod(0o755)
            put_in_place(draft, release)
    return release


def _has_catalogues(folder: Path) -> bool:
    made_of = folder / PROVENANCE
    return made_of.is_file() and bool(json.loads(made_of.read_text())["catalogues"])


def _link_all(folder: Path, draft: Path) -> None:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[0] not in (RELEASES, LOCK):
            target = draft.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(path, target)


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        shutil.copy2(path, target)


def _write_manifest(draft: Path, name: str, progress) -> None:
    n_bytes = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file())
    with progress("checksums", n_bytes, "B") as bar:
        files = digests_of(draft, bar)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    sums = "".join(f"{entry['sha256']}  {path}\n" for path, entry in files.items())
    (draft / MANIFEST).write_text(_json({"release": name, "made": made, "files": files}))
    (draft / CHECKSUMS).write_text(sums)


def _datacite(draft: Path, name: str, text: ReleaseText, facts: dict) -> dict:
    """The description that DataCite takes (its metadata schema 4.5), all but the DOI."""
    now = datetime.now(UTC)
    paths = [path for path in draft.rglob("*") if path.is_file()]
    n_bytes = sum(path.stat().st_size for path in paths)
    mjds = [p[key] for p in facts["proposals"] for key in ("first_mjd", "last_mjd")]
    collected = "/".join(Time([min(mjds), max(mjds)], format="mjd").strftime("%Y-%m-%d"))
    filters = sorted({one["filter"] for one in facts["catalogues"]})
    return {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "creators": [{"name": creator} for creator in text.creators],
        "titles": [{"title": text.title}],
        "publisher": {"name": text.publisher},
        "publicationYear": now.year,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "HATS catalogue"},
        "subjects": [{"subject": word} for word in ("variable stars", "light curves", *filters)],
        "dates": [
            {"date": now.date().isoformat(), "dateType": "Created"},
            {"date": collected, "dateType": "Collected"},
        ],
        "language": "en",
        "version": name,
        "sizes": [size_text(n_bytes), f"{facts['n_measurements']} measurements"],
        "formats": ["application/vnd.apache.parquet", f"HATS {HATS_VERSION}"],
        "rightsList": [{"rights": text.rights}],
        "descriptions": [
            {
                "description": f"Light curves, statistics and periods of all sources in "
                f"{len(facts['catalogues'])} reference catalogues, filters {', '.join(filters)}, "
                f"of {facts['n_exposures']} exposures, made by galproject "
                f"{facts['code_version']}.",
                "descriptionType": "Abstract",
            }
        ],
        "relatedIdentifiers": [
            {
                "relatedIdentifier": one["source_url"],
                "relatedIdentifierType": "URL",
                "relationType": "References",
            }
            for one in facts["published"]
            if one["source_url"]
        ],
    }


def _json(facts: dict) -> str:
    return json.dumps(facts, indent=1) + "\n"

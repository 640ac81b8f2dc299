"""A published catalogue loaded from files: begun, gone on with, finished and put into use.

Each file is one transaction, so that a load that is killed goes on with the next file. The rows are
in a table of their own, which nobody reads, until all are there.
"""

import zlib
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.db import transaction
from django.utils import timezone

from exposures.errors import GalprojectError
from exposures.locks import Claimed, check_claimed, claim
from exposures.models import GalPublishedCatalogue
from exposures.published import stored
from exposures.published.coverage import measure_coverage
from exposures.published.definitions import CatalogueDefinition
from exposures.published.files import expanded, open_table_file
from exposures.published.mapping import mapping_of


@dataclass(frozen=True)
class LoadOptions:
    """Options of a load."""

    version: str = ""  # "": that of the definition, else the day of the newest file
    again: bool = False  # also where these files are in use, or a load of them can go on
    footprint: object = None  # as GalPublishedCatalogue has it; None: the definition's
    depth: float | None = None  # mag; None: the definition's


@dataclass(frozen=True)
class LoadReport:
    """What a load did."""

    catalogue: GalPublishedCatalogue
    was_in_use: bool = False  # and nothing had to be done
    n_files_before: int = 0  # that an interrupted load had read
    n_removed: int = 0  # rows that were there twice
    n_alike: int = 0  # rows that share a name with another
    n_joined: int = 0  # rows of tables that add to stars
    replaced: tuple[str, ...] = ()  # versions whose rows went


def load_catalogue(
    definition: CatalogueDefinition,
    paths: list[Path],
    options: LoadOptions = LoadOptions(),
    progress: Callable[[int], object] = int,
) -> LoadReport:
    """Load the files of a published catalogue, and put them into use in place of what was.

    ``paths`` are files, or folders of them. ``progress`` is called with the bytes of each file, in
    parts. Raises GalprojectError; what was read of whole files is kept, and the same call goes on.
    """
    files = expanded(paths)
    with _claimed(definition.name) as digest:
        stamps = [_stamp(path) for path in files]
        version = options.version or definition.version or _newest(files)
        used = _in_use(definition, version, stamps)
        if used and not options.again:
            _tell_photometry(used, definition)
            return LoadReport(used, was_in_use=True)
        catalogue = _begun(definition, version, stamps, options)
        n_before = len(catalogue.files)
        for path, stamp in zip(files, stamps, strict=True):
            if stamp["path"] in {file["path"] for file in catalogue.files}:
                progress(stamp["bytes"])
            else:
                _load_file(catalogue, definition, path, stamp, progress)
        check_claimed(Claimed.PUBLISHED, digest)
        return _finished(catalogue, definition, n_before)


def remove_catalogue(name: str) -> list[GalPublishedCatalogue]:
    """Remove all that is loaded of a published catalogue; returns what that was."""
    with _claimed(name):
        found = list(GalPublishedCatalogue.objects.filter(name=name))
        for catalogue in found:
            stored.drop_catalogue(catalogue)
    return found


@contextmanager
def _claimed(name):
    """Hold the claim on a catalogue, of whatever version; yields its number."""
    digest = zlib.crc32(name.encode()) & 0x7FFFFFFF
    with claim(Claimed.PUBLISHED, digest) as is_free:
        if not is_free:
            raise GalprojectError(
                f"{name} is being loaded by another process. Wait until it has ended"
            )
        yield digest


def _in_use(definition, version, stamps):
    """The catalogue in use if it was loaded of these files in this way; else None."""
    used = GalPublishedCatalogue.objects.in_use().filter(
        name=definition.name, version=version, columns=definition.reading
    )
    return next((c for c in used if _stamps_of(c) == stamps), None)


def _begun(definition, version, stamps, options):
    """The catalogue to load into: one whose load was interrupted, or a new one.

    What other loads of its name have left, and can't go on, is dropped.
    """
    own = None
    for left in GalPublishedCatalogue.objects.filter(name=definition.name, in_use=False):
        may_go_on = (
            not options.again
            and left.loaded_at is None
            and left.version == version
            and left.columns == definition.reading
            and all(stamp in stamps for stamp in _stamps_of(left))
        )
        if may_go_on:
            own = left
        else:
            stored.drop_catalogue(left)
    if own is None:
        own = _created(definition, version)
    own.photometry = _photometry(definition)
    own.depth = definition.depth if options.depth is None else options.depth
    own.footprint = options.footprint or _footprint(definition)
    return own


def _tell_photometry(catalogue, definition):
    """Store what a definition says of magnitudes, for which no file has to be read again."""
    if catalogue.photometry != _photometry(definition):
        catalogue.photometry = _photometry(definition)
        catalogue.save(update_fields=["photometry"])


def _photometry(definition):
    return definition.photometry.model_dump(mode="json")


def _created(definition, version):
    with transaction.atomic():
        catalogue = GalPublishedCatalogue.objects.create(
            name=definition.name,
            version=version,
            kind=definition.kind,
            title=definition.title,
            source_url=definition.url,
            epoch=definition.epoch,
            position_err=definition.position_err,
            bands=definition.bands,
            columns=definition.reading,
        )
        stored.create_table(catalogue)
    return catalogue


def _load_file(catalogue, definition, path, stamp, progress):
    """Append the rows of a file, all of them or none."""
    patterns = [table.lines for table in definition.tables if table.lines]
    n_rows = n_left_out = n_parsed = n_told = 0
    # Also of rows that were there twice and are gone.
    next_id = catalogue.id_range[0] + sum(file["rows"] for file in catalogue.files)
    with transaction.atomic(), open_table_file(path, patterns) as table:
        mapping = mapping_of(definition, table)
        place = definition.tables.index(mapping.table)
        for part in table.parts(mapping.names):
            mapped = mapping.mapped(part)
            if mapping.table.joined:
                rows = mapped.rows.select(stored.JOINED)
                _copy(stored.joined_table(catalogue), rows, place=(place, pa.int16()))
            else:
                ids = next_id + n_rows + np.arange(mapped.rows.num_rows)
                rows = mapped.rows.append_column("id", pa.array(ids))
                _copy(catalogue.partition, rows, catalogue_id=(catalogue.pk, pa.int16()))
                n_rows += mapped.rows.num_rows
                n_left_out += mapped.n_left_out
            told, n_told = n_told, table.n_bytes_read(n_parsed := n_parsed + part.num_rows)
            progress(n_told - told)
        catalogue.n_rows += n_rows
        catalogue.n_left_out += n_left_out
        catalogue.files = [*catalogue.files, {**stamp, "rows": n_rows, "left_out": n_left_out}]
        catalogue.save()
    progress(stamp["bytes"] - n_told)


def _copy(table, rows, **constant):
    """COPY rows with columns besides that are the same in all, by name: (value, type)."""
    for name, (value, kind) in constant.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(value, kind), rows.num_rows))
    stored.copy_rows(table, rows)


def _finished(catalogue, definition, n_before):
    """Complete a catalogue whose files are all read, and put it into use."""
    if catalogue.n_rows == 0:
        stored.drop_catalogue(catalogue)
        raise GalprojectError(
            f"{catalogue}: none of {catalogue.n_left_out} rows has a position. Name other files"
        )
    n_joined = stored.add_joined(catalogue, len(definition.tables))
    with transaction.atomic():
        n_removed, n_alike = stored.remove_repeated(catalogue)
        catalogue.n_rows -= n_removed
        catalogue.save()
    is_scattered = measure_coverage(catalogue)
    stored.index_rows(catalogue, is_scattered)
    replaced = list(GalPublishedCatalogue.objects.in_use().filter(name=catalogue.name))
    with transaction.atomic():
        GalPublishedCatalogue.objects.filter(pk__in=[c.pk for c in replaced]).update(in_use=False)
        stored.execute(f"DROP TABLE {stored.joined_table(catalogue)}")
        stored.attach(catalogue)
        catalogue.in_use, catalogue.loaded_at = True, timezone.now()
        catalogue.save()
    # From here on the new one is in use; what waits for readers of the old one holds up nobody.
    for old in replaced:
        stored.drop_catalogue(old)
    versions = tuple(old.version for old in replaced)
    return LoadReport(catalogue, False, n_before, n_removed, n_alike, n_joined, versions)


def _footprint(definition):
    footprint = definition.footprint
    return footprint if footprint is None or isinstance(footprint, str) else footprint.model_dump()


def _stamp(path):
    status = path.stat()
    return {"path": str(path), "bytes": status.st_size, "mtime": status.st_mtime_ns // 10**9}


def _stamps_of(catalogue):
    return [{name: file[name] for name in ("path", "bytes", "mtime")} for file in catalogue.files]


def _newest(files):
    newest = max(path.stat().st_mtime for path in files)
    return datetime.fromtimestamp(newest, UTC).date().isoformat()

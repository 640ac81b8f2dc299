"""An export of the survey: what changed since the last one is written anew, pixel by pixel."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg2
from django.db import ProgrammingError, connection

from exposures.archive.partial import free_bytes, size_text
from exposures.errors import GalprojectError
from exposures.science.healpix_tiles import Tile, Tiling, bounded_tiles
from exposures.streams import at_one_moment
from galproject.configuration.loading import load_options
from galproject.export.collection import write_catalogue_files, write_collection_file
from galproject.export.digests import catalogue_digest, pixel_digest
from galproject.export.folders import alone_in, check_name
from galproject.export.measurements import Epochs, MeasurementReader
from galproject.export.pixel_files import PixelFile, pixel_path, tiles_in, write_pixel
from galproject.export.positions import (
    CatalogueCells,
    KnownPositions,
    Positions,
    TileMembers,
    images_by_catalogue,
    members_of_tiles,
)
from galproject.export.provenance import (
    IMAGES,
    PROVENANCE,
    TRENDS,
    write_images,
    write_provenance,
    write_trends,
)
from photometry.models import GalReference

FINEST_TILES = 12  # order of the smallest pixels, 52 arcsec wide
BYTES_A_ROW = 20.0  # of a measurement in a file, about
Progress = Callable[[str, int, str], AbstractContextManager]


@dataclass(frozen=True)
class ExportOptions:
    """How an export is cut."""

    name: str = "galproject"  # of the collection and its catalogue
    margin_arcsec: float = 5.0  # within which a pixel's margin has sources of others; 0: none
    max_rows: int = 4_000_000  # measurements in a pixel


@dataclass(frozen=True)
class Part:
    """A file to be: a pixel of the catalogue, or of its margin cache."""

    folder: Path
    tile: Tile
    is_margin: bool
    catalogue_ids: tuple[int, ...]  # that have sources in it
    digest: str

    @property
    def path(self) -> Path:
        return pixel_path(self.folder, self.tile)

    @property
    def is_up_to_date(self) -> bool:
        """Whether its file has what the database has."""
        there = PixelFile.read(self.path)
        return there is not None and there.digest == self.digest


@dataclass(frozen=True)
class Plan:
    """What an export would have, and which of it is to be written."""

    catalogues: dict[int, GalReference]
    rows: dict[int, int]  # measurements that a source of each catalogue may have
    tiling: Tiling
    parts: tuple[Part, ...]
    to_write: tuple[Part, ...]
    left_over: tuple[Path, ...]  # files of pixels that there are no more
    n_rows: int  # measurements to be written, at most


@dataclass(frozen=True)
class Exported:
    """What an export did."""

    n_pixels: int  # of the catalogue
    n_written: int  # of these, written anew
    n_sources: int
    n_measurements: int
    n_bytes: int


def export(folder: Path, options: ExportOptions, progress: Progress) -> Exported:
    """Bring the collection in a folder up to date with the survey.

    What is whole there and has not changed is left. Raises GalprojectError where another export
    writes there, or where the disk is full; what was finished is kept, and the next one goes on.
    """
    check_name(options.name, "a catalogue")
    with alone_in(folder):
        known = KnownPositions()
        plan = planned_export(folder, options, known, progress)
        _check_room(folder, plan)
        with progress("pixels", len(plan.to_write), "pixel") as bar:
            for part in plan.to_write:
                _write(part, plan, options, known)
                bar.update(1)
        _write_what_tells(folder, options, plan)
        for path in plan.left_over:
            path.unlink(missing_ok=True)
        for other in set(folder.glob(f"{options.name}_*arcs")) - set(_folders(folder, options)):
            shutil.rmtree(other)  # of another width
        return _exported(plan)


def plan_of(folder: Path, options: ExportOptions, progress: Progress) -> Plan:
    """The Plan of an export to a folder, of which nothing is written."""
    return planned_export(folder, options, KnownPositions(), progress)


def planned_export(
    folder: Path, options: ExportOptions, known: KnownPositions, progress: Progress
) -> Plan:
    """The Plan of an export, by what the folder has."""
    catalogues = {
        one.pk: one
        for one in GalReference.objects.filter(active=True)
        .select_related("image__exposure")
        .order_by("pk")
    }
    rows = images_by_catalogue(list(catalogues.values()))
    primary = folder / options.name
    with progress("positions", 2 * len(catalogues), "catalogue") as bar:
        tiling = _tiling(_counted(catalogues.values(), bar), known, rows, options, primary)
        members = members_of_tiles(
            list(_counted(catalogues.values(), bar)), known, tiling, options.margin_arcsec
        )
    parts = _parts(folder, options, catalogues, members, progress)
    to_write = tuple(part for part in parts if not part.is_up_to_date)
    there = {pixel_path(at, tile) for at in _folders(folder, options) for tile in tiles_in(at)}
    return Plan(
        catalogues=catalogues,
        rows=rows,
        tiling=tiling,
        parts=parts,
        to_write=to_write,
        left_over=tuple(sorted(there - {part.path for part in parts})),
        n_rows=_expected_rows(to_write, known, catalogues, rows),
    )


def _counted(catalogues, bar) -> Iterator[GalReference]:
    for catalogue in catalogues:
        yield catalogue
        bar.update(1)


def _tiling(catalogues, known, rows, options, primary) -> Tiling:
    """Tiles with bounded numbers of measurements, as they were before where that still holds."""
    cells = [(rows[one.pk], CatalogueCells.of(known.of(one), FINEST_TILES)) for one in catalogues]
    pixels = np.concatenate([np.zeros(0, "i8"), *(cell.pixel for _, cell in cells)])
    weights = np.concatenate([np.zeros(0), *(n * cell.n_sources for n, cell in cells)])
    return bounded_tiles(pixels, weights, FINEST_TILES, options.max_rows, tiles_in(primary))


def _folders(folder: Path, options: ExportOptions) -> list[Path]:
    """Of the catalogue, and of its margin cache where it has one."""
    return [folder / options.name, *margin_folders(folder, options)]


def margin_folders(folder: Path, options: ExportOptions) -> list[Path]:
    """The folder of the margin cache; none without a margin."""
    if not options.margin_arcsec:
        return []
    return [folder / f"{options.name}_{options.margin_arcsec:g}arcs"]


def _parts(
    folder: Path,
    options: ExportOptions,
    catalogues: Mapping[int, GalReference],
    members: TileMembers,
    progress: Progress,
) -> tuple[Part, ...]:
    used = load_options().variability
    digests = {}
    with progress("digests", len(catalogues), "catalogue") as bar:
        for catalogue in _counted(catalogues.values(), bar):
            digests[catalogue.pk] = catalogue_digest(catalogue, used)
    margins = margin_folders(folder, options)
    parts = []
    for tile, within in members.within.items():
        for at, is_margin, ids in (
            (folder / options.name, False, within),
            *((margin, True, members.in_margin[tile]) for margin in margins),
        ):
            if ids:
                digest = pixel_digest(digests[pk] for pk in ids)
                parts.append(Part(at, tile, is_margin, tuple(ids), digest))
    return tuple(parts)


def _expected_rows(parts, known, catalogues, rows) -> int:
    """Measurements in parts, at most; of margins, which have few, none are counted."""
    ids = {pk for part in parts if not part.is_margin for pk in part.catalogue_ids}
    counts = {}
    for pk in sorted(ids):
        cells = known.of(catalogues[pk]).cell
        counts[pk] = np.sort(cells)
    total = 0
    for part in parts:
        if not part.is_margin:
            for pk in part.catalogue_ids:
                first, end = np.searchsorted(counts[pk], part.tile.cells)
                total += int(end - first) * rows[pk]
    return total


def _write(part: Part, plan: Plan, options: ExportOptions, known: KnownPositions) -> None:
    """Write a pixel's file, as all of it is at one moment."""
    catalogues = {pk: plan.catalogues[pk] for pk in part.catalogue_ids}
    positions = [_positions(part, one, plan, options, known) for one in catalogues.values()]
    try:
        with at_one_moment():
            # A lock takes no snapshot: what is read begins after it, and no partition goes.
            partitions = ", ".join(one.partition for one in catalogues.values())
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {partitions} IN ACCESS SHARE MODE")
            epochs = Epochs.of(list(catalogues.values()))
            reader = MeasurementReader(catalogues, epochs, load_options().variability)
            write_pixel(part.path, _joined(positions), reader, plan.rows, part.digest)
    except ProgrammingError as error:
        if not isinstance(error.__cause__, psycopg2.errors.UndefinedTable):
            raise
        raise GalprojectError(
            "a reference catalogue was replaced meanwhile. Run the same command again: pixels "
            "that are finished stay"
        ) from error


def _positions(
    part: Part,
    catalogue: GalReference,
    plan: Plan,
    options: ExportOptions,
    known: KnownPositions,
) -> Positions:
    """A catalogue's sources in a pixel, or in its margin."""
    if not part.is_margin:
        return known.of(catalogue).in_tile(part.tile)
    source, tile = known.margin_of(catalogue, plan.tiling, options.margin_arcsec)
    (place,) = plan.tiling.index_of(np.array([part.tile.cells[0]]))
    return known.of(catalogue).at(source[tile == place])


def _joined(parts: Sequence[Positions]) -> Positions:
    columns = ("refsource_id", "ra", "dec", "cell")
    return Positions(*(np.concatenate([getattr(p, name) for p in parts]) for name in columns))


def _write_what_tells(folder: Path, options: ExportOptions, plan: Plan) -> None:
    """Write the files that tell what is in the collection; margins before what names them."""
    catalogues, used = list(plan.catalogues.values()), load_options()
    write_images(folder / IMAGES, catalogues, used.reduction.limit_sigma)
    write_trends(folder / TRENDS, catalogues)
    margins = []
    for at in margin_folders(folder, options):
        if files := _files(plan, at):
            said = {
                "dataproduct_type": "margin",
                "hats_primary_table_url": options.name,
                "hats_margin_threshold": options.margin_arcsec,
            }
            write_catalogue_files(at, files, said)
            margins.append(at.name)
    files = _files(plan, folder / options.name)
    write_catalogue_files(folder / options.name, files, {"dataproduct_type": "object"})
    write_collection_file(folder, options.name, margins)
    n_measurements = sum(one.n_measurements for one in files.values())
    more = {"n_measurements": n_measurements, "margin_arcsec": options.margin_arcsec}
    write_provenance(folder / PROVENANCE, catalogues, used, more)


def _files(plan: Plan, at: Path) -> dict[Tile, PixelFile]:
    found = {part.tile: PixelFile.read(part.path) for part in plan.parts if part.folder == at}
    return {tile: one for tile, one in found.items() if one is not None}


def _exported(plan: Plan) -> Exported:
    pixels = [part for part in plan.parts if not part.is_margin]
    files = [one for part in pixels if (one := PixelFile.read(part.path))]
    return Exported(
        n_pixels=len(pixels),
        n_written=sum(not part.is_margin for part in plan.to_write),
        n_sources=sum(one.n_sources for one in files),
        n_measurements=sum(one.n_measurements for one in files),
        n_bytes=sum(part.path.stat().st_size for part in plan.parts),
    )


def _check_room(folder: Path, plan: Plan) -> None:
    needed, free = plan.n_rows * BYTES_A_ROW, free_bytes(folder)
    if free < needed:
        raise GalprojectError(
            f"{folder}: {size_text(free)} are free, and what is to be written takes up to "
            f"{size_text(needed)}. Free some, or choose another folder"
        )

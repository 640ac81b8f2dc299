"""Cutouts of the candidates of a catalogue, rendered ahead: reference, search and difference."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim
from exposures.models import GalCheckpoint, GalImage
from exposures.options_in_force import options_in_force
from exposures.science.footprints import contains
from exposures.steps import LogStep
from photometry.models import GalCoverage
from photometry.science.detection.clean import is_clean
from photometry.storage.storage import catalogue_sources
from variables.models import GalCandidate
from variables.pictures.change_files import read_changes, write_changes
from variables.pictures.change_positions import (
    StarsOfCatalogue,
    position_of,
    positions_to_fit_again,
    replace_positions,
)
from variables.pictures.change_shapes import (
    candidates_without_shapes,
    changed_images,
    replace_shapes,
    shape_row,
    shapes_at,
)
from variables.pictures.frames import CutoutFrame, Epoch, frame_of
from variables.pictures.paths import cutouts_folder
from variables.pictures.pixels import ChipPixels, pixels_of_image
from variables.pictures.sprite import TILE, Sprite, image_ids_in, read_sprite, write_sprite
from variables.science.changed_star import most_significant

TILE_BYTES = 200_000_000  # of new tiles that are kept until their files are written
BRIGHT_EVERY = 3  # of the brightest stars, so that not all of those chosen are nearly saturated


@dataclass(frozen=True)
class Rendered:
    """Counts of what was rendered for one or several catalogues."""

    n_candidates: int = 0  # whose file was written
    n_tiles: int = 0  # search and difference count as one
    problems: tuple[str, ...] = ()

    def __str__(self):
        return f"Cutouts of {self.n_candidates:,} candidates, {self.n_tiles:,} epochs in all."


@dataclass(frozen=True)
class _Work:
    """The cutouts of a catalogue that have to be drawn."""

    reference: ChipPixels
    stars: np.ndarray  # (2, n) x, y on the reference of those that say how the images differ
    frames: dict[
        int, CutoutFrame
    ]  # of the candidates whose file is not as it should be, by their ids
    candidates: dict[int, GalCandidate]  # the same
    columns: dict[int, list[int]]  # ids of the images that each should have, in order of time
    missing: dict[int, list[int]]  # ids of the candidates that each image has to be drawn for
    all_stars: StarsOfCatalogue
    options: Any  # all of the pipeline


def render_catalogue(catalogue, progress=None, everything=False) -> Rendered:
    """Update the cutouts of a catalogue's candidates, unless another process is doing so.

    Of those that are ``to_be_seen``: most others fail the cuts on every image, and are many; with
    ``everything`` of all. Epochs that a file has are left as they are; each image is read once. One
    that can't be read costs its own column, and leaves a line in its exposure's log.
    """
    with claim(Claimed.PICTURES, catalogue.pk) as is_claimed:
        if not is_claimed:
            return Rendered(problems=(f"{catalogue}: its cutouts are being rendered elsewhere",))
        parts, seen = [], None
        # Who stored an epoch meanwhile has found the catalogue claimed, and left it to us.
        while (epochs := _epochs(catalogue)) != seen:
            parts += _render_epochs(catalogue, epochs, progress, everything)
            progress, seen = None, epochs
    return Rendered(
        max((part.n_candidates for part in parts), default=0),
        sum(part.n_tiles for part in parts),
        tuple(dict.fromkeys(problem for part in parts for problem in part.problems)),
    )


def catalogues_of(job) -> list[int]:
    """Ids of the catalogues with which the images of a job were measured."""
    covered = GalCoverage.objects.filter(image__job=job, catalogue__active=True)
    return sorted(set(covered.values_list("catalogue_id", flat=True)))


def _epochs(catalogue):
    """The search images on which a catalogue was measured, oldest first."""
    covered = GalCoverage.objects.filter(catalogue=catalogue).values("image")
    images = GalImage.objects.filter(pk__in=covered).select_related("exposure")
    return list(images.order_by("exposure__mjd", "pk"))


def _render_epochs(catalogue, epochs, progress, everything):
    """Yield Rendered counts, with as many epochs at a time as fit into memory."""
    candidates = GalCandidate.objects.filter(catalogue=catalogue)
    columns = _columns(candidates if everything else candidates.to_be_seen(), epochs)
    there = {pk: image_ids_in(pk) for pk in columns}
    outdated = positions_to_fit_again(catalogue)
    outdated |= set(candidates_without_shapes(catalogue).values_list("pk", flat=True))
    stale = [pk for pk, wanted in columns.items() if there[pk] != tuple(wanted) or pk in outdated]
    missing = {image.pk: [] for image in epochs}
    for pk in stale:
        for image_id in set(columns[pk]) - set(there[pk] or ()):
            missing[image_id].append(pk)
    if not stale:
        return
    try:
        reference = pixels_of_image(catalogue.image)
    except GalprojectError as error:
        yield Rendered(problems=(_note(catalogue.image, error),))
        return
    places = GalCandidate.objects.in_bulk(stale)
    orientation, options = catalogue.image.orientation, options_in_force()
    frames = {pk: frame_of(reference, places[pk], orientation) for pk in stale}
    sources = catalogue_sources(catalogue)
    work = _Work(
        reference,
        bright_stars(sources, options),
        frames,
        places,
        columns,
        missing,
        StarsOfCatalogue(sources),
        options,
    )
    n_batch = max(1, TILE_BYTES // (2 * TILE**2 * len(stale)))
    for k in range(0, max(len(epochs), 1), n_batch):
        yield _render_batch(catalogue, epochs[k : k + n_batch], work, progress)
    _measure_shapes(catalogue, work)


def _columns(candidates, epochs):
    """{candidate: ids of the images on which it lies, by time}."""
    rows = list(candidates.order_by("pk").values_list("pk", "ra", "dec"))
    rows = np.array(rows, dtype="i8,f8,f8")
    columns = {pk: [] for pk in rows["f0"].tolist()}
    for image in epochs:
        if image.footprint:
            on_image = contains(image.footprint, rows["f1"], rows["f2"])
            for pk in rows["f0"][on_image].tolist():
                columns[pk].append(image.pk)
    return columns


def _render_batch(catalogue, epochs, work, progress):
    tiles, changes, problems = {}, {}, []
    for image in epochs:
        if ids := work.missing[image.pk]:
            try:
                for pk, drawn in zip(ids, _drawn(image, ids, work), strict=True):
                    tiles.setdefault(pk, {})[image.pk] = drawn.search, drawn.difference
                    if drawn.change is not None:
                        changes.setdefault(pk, {})[image.pk] = drawn.change
            except GalprojectError as error:
                problems.append(_note(image, error))
        if progress is not None:
            progress.update(1)
    try:
        n_written = sum(_write(pk, tiles.get(pk, {}), work) for pk in work.frames)
        _fit_positions(catalogue, changes, work)
    except OSError as error:
        folder = cutouts_folder(catalogue.pk)
        problem = f"{folder} can't be written to ({error.strerror}): free space, or mend its rights"
        return Rendered(problems=(*problems, problem))
    return Rendered(n_written, sum(map(len, tiles.values())), tuple(problems))


def _drawn(image, ids, work):
    """What is Drawn of candidates with some ids on an image, one by one."""
    pixels = pixels_of_image(image)
    epoch = Epoch(work.reference, pixels, work.stars, work.options)
    return epoch.drawn([work.frames[pk] for pk in ids])


def _fit_positions(catalogue, new, work):
    """Fit the places of candidates' changes with the ``new`` ones, of {candidate: {image: it}}."""
    outdated = positions_to_fit_again(catalogue)
    rows, without = [], []
    for pk, frame in work.frames.items():
        before = read_changes(pk)
        wanted = {i: one for i, one in before.items() if i in work.columns[pk]}
        stamps = most_significant(wanted | new.get(pk, {}), work.options.changed_star)
        is_same = stamps.keys() == before.keys() and not new.get(pk)
        if is_same and pk not in outdated:
            continue
        # As they are kept, so that fitting them again gives the same.
        stamps = write_changes(pk, stamps)
        if stamps:
            place = work.candidates[pk], frame, stamps
            to_sky = work.reference.wcs.to_sky
            rows.append(position_of(*place, work.all_stars, to_sky, work.options.changed_star))
        else:
            without.append(pk)
    replace_positions(catalogue, rows, without)


def _measure_shapes(catalogue, work):
    """Measure the shapes of candidates' changes, by the differences that are kept."""
    changed = changed_images(catalogue)
    most = work.options.changed_star.max_epochs
    rows = []
    for pk, candidate in work.candidates.items():
        if candidate.n_changes:
            looked_at = set(changed.get(pk, ())).intersection(image_ids_in(pk) or ())
            kept = read_changes(pk)
            found = [shapes_at(candidate, kept[one]) for one in kept if one in looked_at]
            rows.append(shape_row(candidate, found, min(len(looked_at), most)))
    replace_shapes(catalogue, rows)


def bright_stars(stars, options):
    """(2, n) x and y of a reference's bright stars that are isolated and fully measured."""
    is_alone = stars["fracflux"] > options.pictures.star_fracflux
    stars = stars[is_clean(stars, options.reduction.clean) & is_alone]
    n_brightest = options.pictures.n_stars * BRIGHT_EVERY
    brightest = np.argsort(-stars["flux"], kind="stable")[:n_brightest:BRIGHT_EVERY]
    return np.array([stars["x"][brightest], stars["y"][brightest]])


def _note(image, error):
    problem = f"{image}: no cutouts: {error}"
    GalCheckpoint.objects.note(image, LogStep.PICTURES, problem, level=GalCheckpoint.Level.WARNING)
    return problem


def _write(refsource_id, new, work):
    """Merge new tiles into a candidate's file, and drop those it should no longer have."""
    sprite = read_sprite(refsource_id)
    tiles = {}
    if sprite is not None:
        columns = zip(sprite.image_ids, sprite.search, sprite.difference, strict=True)
        tiles = {image_id: (search, difference) for image_id, search, difference in columns}
    tiles |= new
    ids = tuple(i for i in work.columns[refsource_id] if i in tiles)
    if sprite is not None and ids == sprite.image_ids:
        return False
    search, difference = (tuple(tiles[i][k] for i in ids) for k in (0, 1))
    reference = work.frames[refsource_id].tile
    write_sprite(refsource_id, Sprite(reference, ids, search, difference))
    return True

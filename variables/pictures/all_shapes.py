"""Shapes of the changes of all candidates, for which no cutouts need be drawn."""

from dataclasses import dataclass
from typing import NamedTuple

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim
from exposures.models import GalImage
from exposures.options_in_force import options_in_force
from photometry.models import GalReference
from photometry.storage.storage import catalogue_sources
from variables.models import GalCandidate, GalChangeShape
from variables.pictures.change_shapes import (
    candidates_without_shapes,
    changed_images,
    replace_shapes,
    shape_row,
    shapes_at,
)
from variables.pictures.frames import Epoch
from variables.pictures.pixels import pixels_of_image
from variables.pictures.render import bright_stars


@dataclass(frozen=True)
class MeasuredShapes:
    """What was measured of a catalogue."""

    n_candidates: int = 0
    n_differences: int = 0
    problems: tuple[str, ...] = ()


class _Pixel(NamedTuple):
    """A pixel of the reference, about which images are compared."""

    x: int
    y: int


def catalogues_to_measure() -> list[GalReference]:
    """Catalogues in use that have candidates, in the order of their ids."""
    ids = GalCandidate.objects.order_by().values("catalogue")
    catalogues = GalReference.objects.filter(active=True, pk__in=ids)
    return list(catalogues.select_related("image__exposure").order_by("pk"))


def measure_shapes(catalogue: GalReference) -> MeasuredShapes:
    """Measure the changes of those of a catalogue's candidates that have no shapes yet.

    Those that are there stay, so that it goes on where it was interrupted, catalogue by catalogue.
    An image that can't be read is left out; a candidate of which none can be read is tried again
    the next time. Nothing is done where another process is at the catalogue's cutouts.
    """
    with claim(Claimed.PICTURES, catalogue.pk) as is_claimed:
        if not is_claimed:
            return MeasuredShapes(problems=(f"{catalogue}: its cutouts are being rendered",))
        untold = GalChangeShape.objects.in_catalogue(catalogue.pk).filter(n_images=0)
        untold.delete()
        candidates = {one.pk: one for one in candidates_without_shapes(catalogue)}
        try:
            return _measure(catalogue, candidates) if candidates else MeasuredShapes()
        except GalprojectError as error:
            return MeasuredShapes(problems=(f"{catalogue.image}: no shapes: {error}",))


def _measure(catalogue: GalReference, candidates: dict[int, GalCandidate]) -> MeasuredShapes:
    options = options_in_force()
    on_image = _by_image(catalogue, candidates, options.changed_star.max_epochs)
    # Nothing is read for those that changed on their reference alone.
    reference = pixels_of_image(catalogue.image) if on_image else None
    stars = bright_stars(catalogue_sources(catalogue), options)
    shapes: dict[int, list] = {pk: [] for pk in candidates}
    n_images = dict.fromkeys(candidates, 0)
    problems = []
    images = GalImage.objects.select_related("exposure").filter(pk__in=list(on_image))
    for image in images.order_by("pk"):
        asked = [candidates[pk] for pk in on_image[image.pk]]
        try:
            epoch = Epoch(reference, pixels_of_image(image), stars, options)
        except GalprojectError as error:
            problems.append(f"{image}: no shapes: {error}")
            continue
        places = [_Pixel(round(one.x), round(one.y)) for one in asked]
        for one, change in zip(asked, epoch.changes(places), strict=True):
            n_images[one.pk] += 1
            if change is not None:
                shapes[one.pk].append(shapes_at(one, change))
    rows = [shape_row(one, shapes[pk], n_images[pk]) for pk, one in candidates.items()]
    replace_shapes(catalogue, rows)
    return MeasuredShapes(len(rows), sum(n_images.values()), tuple(problems))


def _by_image(
    catalogue: GalReference, candidates: dict[int, GalCandidate], max_images: int
) -> dict[int, list[int]]:
    """{image: ids of the candidates that are to be measured on it}."""
    on_image: dict[int, list[int]] = {}
    for pk, image_ids in changed_images(catalogue).items():
        if pk in candidates:
            for image_id in image_ids[:max_images]:
                on_image.setdefault(image_id, []).append(pk)
    return on_image

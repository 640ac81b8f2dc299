"""References of overlapping fields tied to each other by their common published stars."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exposures.models import GalPublishedCatalogue
from exposures.science.footprints import MAX_DEGREES
from photometry.absolute.bands import Band
from photometry.absolute.matched_stars import read_stars
from photometry.crossmatch.crossmatching import fields_of
from photometry.crossmatch.neighbours import touching
from photometry.models import GalZeroPoint
from photometry.science.absolute.options import AbsoluteOptions
from photometry.science.absolute.ties import (
    Differences,
    SharedStars,
    differences,
    sampled,
    solve_ties,
)
from photometry.storage.reference_values import reference_values

N_SAMPLED = 2000  # stars of a chip, which take 24 KB
# What a zero point is at least uncertain by beside its error: flat fields, the sky, the PSF.
CHIP_ERROR = FIELD_ERROR = 0.005  # mag
STORE = """
UPDATE galzeropoints z SET zero_point = z.zero_point - z.tie + new.tie, tie = new.tie
FROM unnest(%s::bigint[], %s::float8[]) AS new (id, tie) WHERE z.id = new.id
"""


@dataclass(frozen=True)
class Tied:
    """What ties between fields did."""

    n_fields: int
    n_overlaps: int  # of two chips
    before: float  # mag, median of the absolute differences
    after: float  # mag

    def __str__(self):
        return (
            f"{self.n_fields} fields tied by {self.n_overlaps} overlaps of chips, which differed "
            f"by {self.before:.4f} mag and differ by {self.after:.4f}"
        )


def tie_fields(
    image_ids: list[int],
    published: GalPublishedCatalogue,
    band: Band,
    filter_name: str,
    options: AbsoluteOptions,
) -> Tied | None:
    """Tie the references of a field to those of all fields that it hangs together with.

    By what they have in common of stars of a published catalogue, in one filter; their zero points
    have to be known. None where no other field overlaps. Done again, or for another of the fields,
    it leaves what it left before.
    """
    zero_points = _calibrated(published, filter_name)
    field = _field_numbers([one.reference.image_id for one in zero_points])
    pairs = overlaps(zero_points, field)
    wanted = {k for k, one in enumerate(zero_points) if one.reference.image_id in set(image_ids)}
    chosen = _connected(pairs, field, wanted)
    pairs = pairs[np.isin(pairs[:, 0], chosen)]
    if not len(pairs):
        return None
    stars = _shared_stars(zero_points, pairs, published, band, options)
    between = differences(stars, pairs, options.min_stars)
    offsets = _offsets(zero_points, field, between)
    _store([zero_points[k] for k in chosen], offsets[chosen])
    if not len(between):
        return None
    sizes = [float(np.median(np.abs(left))) for left in (between.mag, between.left(offsets))]
    ends = np.concatenate([between.first, between.second])
    return Tied(len(np.unique(field[ends])), len(between), *sizes)


def _calibrated(published, filter_name) -> list[GalZeroPoint]:
    """Known zero points of references in use."""
    known = GalZeroPoint.objects.known().filter(
        published=published,
        reference__active=True,
        reference__image__exposure__filter=filter_name,
        reference__image__footprint__isnull=False,
    )
    return list(known.select_related("reference__image").order_by("reference"))


def _field_numbers(image_ids) -> np.ndarray:
    """(n,) numbers of the fields of images; one that was withdrawn just now is its own."""
    numbers = {pk: number for number, field in enumerate(fields_of()) for pk in field}
    found = np.array([numbers.get(pk, -pk) for pk in image_ids], int)
    return np.unique(found, return_inverse=True)[1]


def overlaps(zero_points, field) -> np.ndarray:
    """(n, 2) numbers of zero points whose images overlap and are of different fields.

    By the circles round them, which were read already: of a whole survey PostgreSQL would compare
    each with all others.
    """
    images = [one.reference.image for one in zero_points]
    possible = [k for k, image in enumerate(images) if image.radius <= MAX_DEGREES]
    order = np.array(sorted(possible, key=lambda k: images[k].pk), int)
    first, second = touching([images[k] for k in order.tolist()])
    pairs = order[np.column_stack([first, second])]
    return pairs[field[pairs[:, 0]] != field[pairs[:, 1]]]


def _connected(pairs, field, wanted) -> np.ndarray:
    """Numbers of the zero points of all fields that hang together with those wanted."""
    n_fields = field.max() + 1 if len(field) else 0
    ends = field[pairs]
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n_fields, n_fields))
    label = connected_components(graph, directed=False)[1] if n_fields else np.zeros(0, int)
    own = {int(label[field[k]]) for k in wanted}
    return np.flatnonzero(np.isin(label[field], list(own)))


def _shared_stars(zero_points, pairs, published, band, options) -> list[SharedStars]:
    """SharedStars of each zero point that is in a pair, by its own fit; of others none."""
    none = SharedStars(np.zeros(0, np.int64), np.zeros(0, np.float32))
    found = [none] * len(zero_points)
    for number in np.unique(pairs):
        zero_point = zero_points[number]
        stars = read_stars(zero_point.reference, published, band, options)
        fitted = zero_point.fitted
        mag = reference_values(stars).mag.astype(float) + fitted.zero_point - zero_point.tie
        if fitted.colour_terms:
            # Others have not their own colour, and chips differ in what it would do.
            mag += fitted.colour_correction(stars["blue"].astype(float) - stars["red"])
        found[number] = sampled(stars["star_id"], mag, N_SAMPLED)
    return found


def _offsets(zero_points, field, between: Differences) -> np.ndarray:
    """(n,) mag to add to zero points as they were fitted."""
    error = np.array([one.error for one in zero_points], float)
    systematic = np.array([one.systematic or 0.0 for one in zero_points], float)
    chip_error = np.hypot(error, CHIP_ERROR)
    n_fields = field.max() + 1
    own = np.hypot(error, np.maximum(systematic, FIELD_ERROR))
    field_error = np.array([np.median(own[field == number]) for number in range(n_fields)])
    return solve_ties(between, field, field_error, chip_error)


def _store(zero_points, offsets):
    with connection.cursor() as cursor:
        cursor.execute(STORE, [[one.pk for one in zero_points], offsets.tolist()])

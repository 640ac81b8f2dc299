"""Overlaps of images with references: read by one query for many, and tested in numpy.

Some ten thousand pairs of chips are near each other round the chips of one exposure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.db import connection

from exposures.science.angles import to_sky
from exposures.science.footprints import MAX_DEGREES, unit_vectors
from exposures.science.shared_sky import ChipPlaces, pairs_sharing_sky
from galproject.home.fields import group_pointings

SAME_FIELD_DEGREES = 0.3
CORNERS = ", ".join(f"i.footprint[{number}]" for number in range(1, 9))
PLACE = f"i.id, i.exposure_id, e.filter, i.ra, i.dec, i.radius, {CORNERS}"
ON_THE_SKY = "cardinality(i.footprint) = 8"
NAMED = f"""
SELECT {PLACE} FROM galimages i JOIN galexposures e ON e.id = i.exposure_id
WHERE i.id = ANY(%(ids)s) AND {ON_THE_SKY}
"""
# Images that a catalogue in use of these references was measured on.
DEPENDING = f"""
SELECT {PLACE} FROM galimages i JOIN galexposures e ON e.id = i.exposure_id
WHERE i.id IN (
    SELECT c.image_id FROM galcoverages c JOIN galreferences r ON r.id = c.catalogue_id
    WHERE r.active AND r.image_id = ANY(%(ids)s)
)
"""


def _near(condition: str) -> str:
    """The query of images in circles on the sky, in the circle's filter.

    q3c_join uses the index of the columns that come last; OFFSET keeps the planner from reading all
    exposures of the filter first.
    """
    return f"""
SELECT DISTINCT ON (i.id) {PLACE}
FROM unnest(%(ra)s::float[], %(dec)s::float[], %(radius)s::float[], %(filter)s::text[])
    AS near (ra, dec, radius, filter)
CROSS JOIN (SELECT max(radius) AS radius FROM galimages WHERE radius <= {MAX_DEGREES}) AS widest
CROSS JOIN LATERAL (
    SELECT * FROM galimages
    WHERE q3c_join(near.ra, near.dec, ra, dec, near.radius + widest.radius) AND {condition}
    OFFSET 0
) AS i
JOIN galexposures e ON e.id = i.exposure_id AND e.filter = near.filter
WHERE {ON_THE_SKY}
"""


NEAR = _near("true")
NEAR_REFERENCES = _near("is_reference AND status <> 'failed'")


@dataclass(frozen=True)
class _Chips:
    """Images with their places; arrays (n,)."""

    id: np.ndarray
    exposure: np.ndarray
    filter: np.ndarray
    radius: np.ndarray  # of the circle round the chip, degrees
    places: ChipPlaces

    def at(self, chosen):
        columns = (self.id, self.exposure, self.filter, self.radius)
        return _Chips(*(column[chosen] for column in columns), self.places.at(chosen))


def ids_overlapping(image_ids: Iterable[int]) -> set[int]:
    """Ids of the images in the same filter that share sky with any of these."""
    with connection.cursor() as cursor:
        images = _read(cursor, NAMED, {"ids": list(image_ids)})
        others = _read(cursor, NEAR, _circles(images))
    one, other = _pairs(images, others)
    is_other = images.id[one] != others.id[other]
    return set(others.id[other[is_other]].tolist())


def count_stranded(withdrawn_ids: Iterable[int], chosen_ids: Iterable[int] = ()) -> int:
    """Count the search images that would be left without a reference.

    Images in ``chosen`` already count as references.
    """
    withdrawn, chosen = list(withdrawn_ids), list(chosen_ids)
    with connection.cursor() as cursor:
        images = _read(cursor, DEPENDING, {"ids": withdrawn})
        images = images.at(~np.isin(images.id, chosen))
        left = [_read(cursor, NEAR_REFERENCES, _circles(images))]
        left += [_read(cursor, NAMED, {"ids": chosen})] if chosen else []
    held = np.zeros(len(images.id), bool)
    for references in left:
        references = references.at(~np.isin(references.id, withdrawn))
        one, other = _pairs(images, references)
        held[one[images.id[one] != references.id[other]]] = True
    return len(held) - int(held.sum())


def _read(cursor, query, values):
    cursor.execute(query, values)
    rows = cursor.fetchall()
    numbers = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    places = np.array([row[3:] for row in rows], float).reshape(-1, 11)  # NULL is NaN
    return _Chips(
        id=numbers[:, 0],
        exposure=numbers[:, 1],
        filter=np.array([row[2] for row in rows], object),
        radius=places[:, 2],
        places=ChipPlaces(places[:, 0], places[:, 1], places[:, 3:]),
    )


def _circles(images):
    """A circle round the chips of each field: of exposures in one filter that point alike."""
    circles = {"ra": [], "dec": [], "radius": [], "filter": []}
    usable = images.at((images.radius > 0) & (images.radius <= MAX_DEGREES))
    if not len(usable.id):
        return circles
    vectors = unit_vectors(np.column_stack([usable.places.ra, usable.places.dec]))
    of = np.unique(usable.exposure, return_inverse=True)[1]
    pointings = np.column_stack([np.bincount(of, column) for column in vectors.T])
    pointings /= np.linalg.norm(pointings, axis=1)[:, None]
    field = group_pointings(pointings, SAME_FIELD_DEGREES)[of]
    for name, number in sorted(set(zip(usable.filter, field.tolist(), strict=True))):
        chosen = (usable.filter == name) & (field == number)
        centre = vectors[chosen].mean(axis=0)
        away = np.arccos(np.clip(vectors[chosen] @ centre / np.linalg.norm(centre), -1, 1))
        ra, dec = to_sky(centre)
        circles["ra"].append(float(ra))
        circles["dec"].append(float(dec))
        circles["radius"].append(float((np.degrees(away) + usable.radius[chosen]).max()) * 1.05)
        circles["filter"].append(name)
    return circles


def _pairs(images, others):
    """Numbers of images and of others that share sky in the same filter, two arrays (k,)."""
    pairs = pairs_sharing_sky(images.places, others.places)
    chosen = pairs.shares & (images.filter[pairs.chip] == others.filter[pairs.other])
    return pairs.chip[chosen], pairs.other[chosen]

"""The catalogues in use whose sources a cross-match looks at."""

from dataclasses import dataclass, field
from functools import lru_cache

from django.db import connection

from exposures.models import GalImage
from exposures.science.footprints import fault_of

# Beyond the images: objects that reach as far are made anew, and what lies round those is read.
WRITTEN_ARCSEC, READ_ARCSEC = 10.0, 20.0
DEFAULT_FWHM_ARCSEC = 1.0  # of images whose seeing is not known

# Each image's circle is looked up in the index by itself: joined, PostgreSQL would compare each
# with all references of the survey.
AROUND = """
WITH near AS MATERIALIZED (
    SELECT DISTINCT i.id FROM galimages own CROSS JOIN LATERAL (
        SELECT id FROM galimages
        WHERE is_reference AND q3c_join(own.ra, own.dec, ra, dec, own.radius + %(reach)s)
            AND q3c_dist(own.ra, own.dec, ra, dec) < own.radius + radius + %(margin)s
        OFFSET 0
    ) AS i
    WHERE own.id = ANY(%(images)s)
)
SELECT c.id, i.id, i.exposure_id, c.filter, i.fwhm_arcsec, ARRAY[i.ra, i.dec, i.radius],
    i.footprint, c.n_sources
FROM near JOIN galimages i USING (id) JOIN galreferences c ON c.image_id = i.id AND c.active
WHERE i.footprint IS NOT NULL ORDER BY c.id
"""


@dataclass(frozen=True)
class CatalogueArea:
    """A catalogue in use, with the footprint of its image."""

    catalogue: int
    image: int
    exposure: int
    filter: str
    fwhm: float  # arcsec
    ra: float  # ICRS degrees
    dec: float
    radius: float  # degrees
    footprint: tuple[float, ...]
    n_sources: int = field(compare=False)  # about


def catalogues_around(image_ids) -> list[CatalogueArea]:
    """The catalogues in use that share sky with images, or lie within READ_ARCSEC of them."""
    margin = READ_ARCSEC / 3600
    reach = GalImage.objects.widest() + margin
    values = {"images": list(image_ids), "reach": reach, "margin": margin}
    with connection.cursor() as cursor:
        cursor.execute(AROUND, values)
        rows = cursor.fetchall()
    found = [
        CatalogueArea(*own, fwhm or DEFAULT_FWHM_ARCSEC, *circle, tuple(footprint), n_sources)
        for *own, fwhm, circle, footprint, n_sources in rows
    ]
    return [one for one in found if is_possible(one.footprint)]


def possible_footprints(image_ids) -> dict[int, tuple[float, ...]]:
    """The footprints of images by their ids, of those that have one that can be a chip's."""
    images = GalImage.objects.filter(pk__in=image_ids).exclude(footprint=None)
    rows = [(pk, tuple(footprint)) for pk, footprint in images.values_list("pk", "footprint")]
    return {pk: footprint for pk, footprint in rows if is_possible(footprint)}


@lru_cache(maxsize=20_000)
def is_possible(footprint: tuple[float, ...]) -> bool:
    """Whether a footprint can be a chip's; filters and passes ask for the same ones."""
    return not fault_of(footprint)

"""Published stars in the database, matched with sources of references."""

from django.db import connection
from django.utils import timezone

from exposures.models import GalPublishedCatalogue, GalPublishedStar
from exposures.published.definitions import known_definitions
from photometry.models import GalMatch, GalMatchRun
from photometry.science.matching.states import MatchState

MATCHED_WITH = {
    "digest": "",
    "n_stars": 1,
    "n_matched": 1,
    "n_cant_be_told": 0,
    "n_no_counterpart": 0,
    "n_not_covered": 0,
    "east": 0.0,
    "north": 0.0,
    "position_scale": 1.0,
    "mag_offset": 0.0,
    "mag_scatter": 0.0,
}


def make_published(name="decaps2", kind="photometric", bands=("g", "r", "i", "z", "Y")):
    """A published catalogue in use, with a partition and no stars.

    Its magnitudes are what the definition of its name says, if there is one with its bands.
    """
    known = known_definitions().get(name)
    is_known = known is not None and set(known.bands) == set(bands)
    published = GalPublishedCatalogue.objects.create(
        name=name,
        version="1",
        kind=kind,
        title="",
        epoch=2016,
        position_err=0.1,
        bands=list(bands),
        photometry=known.photometry.model_dump(mode="json") if is_known else {},
        in_use=True,
        loaded_at=timezone.now(),
    )
    first, last = published.id_range
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {published.partition} PARTITION OF galpublishedstars"
            " FOR VALUES FROM (%s) TO (%s)",
            [first, last + 1],
        )
    return published


def add_stars(published, ra, dec, mags, mag_err=0.01, names=None):
    """Ids of new stars at positions in degrees, with a list of magnitudes by band for each."""
    first = published.id_range[0]
    stars = [
        GalPublishedStar(
            id=first + number,
            catalogue_id=published.pk,
            name=names[number] if names else None,
            ra=ra[number],
            dec=dec[number],
            mag=next((mag for mag in mags[number] if mag is not None), None),
            mags=mags[number],
            mag_errs=[None if mag is None else mag_err for mag in mags[number]],
        )
        for number in range(len(ra))
    ]
    GalPublishedStar.objects.bulk_create(stars)
    return [star.pk for star in stars]


def match(catalogue, published, refsource_ids, star_ids, **columns):
    """Matches of the sources of a reference catalogue with published stars, in this order.

    ``columns`` are those that are to be others than of a sure match.
    """
    GalMatchRun.objects.get_or_create(
        reference=catalogue, published=published, defaults=MATCHED_WITH
    )
    sure = {"rank": 1, "separation": 0.05, "probability": 0.99, "n_possible": 1}
    sure |= {"state": MatchState.MATCHED, "catalogue_id": published.pk} | columns
    GalMatch.objects.bulk_create(
        GalMatch(refsource_id=pk, star_id=star_id, **sure)
        for pk, star_id in zip(refsource_ids, star_ids, strict=True)
    )

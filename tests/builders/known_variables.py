"""Candidates matched with variable stars that others published."""

from exposures.models import GalPublishedStar
from exposures.published.footprints import ALL_SKY
from photometry.models import GalMatch, GalMatchRun
from photometry.science.matching.states import MatchState
from tests.builders.published_stars import MATCHED_WITH, add_stars, make_published

VARIABLES = {"kind": "variables", "bands": ("I",)}


def make_variables(name="ogle_ocvs", depth=20.0):
    """A published catalogue of variables in use, of all the sky, without stars."""
    published = make_published(name, **VARIABLES)
    published.footprint, published.depth = ALL_SKY, depth
    published.save()
    return published


def publish(published, candidate, name="OGLE-BLG-RRLYR-00001", **columns):
    """The id of a new star of a published catalogue where a candidate is."""
    taken = GalPublishedStar.objects.filter(catalogue_id=published.pk).count()
    if taken:
        first = published.id_range[0]
        star = GalPublishedStar.objects.create(
            id=first + taken,
            catalogue_id=published.pk,
            name=name,
            ra=candidate.ra,
            dec=candidate.dec,
        )
        star_id = star.pk
    else:
        (star_id,) = add_stars(published, [candidate.ra], [candidate.dec], [[17.0]], names=[name])
    GalPublishedStar.objects.filter(pk=star_id).update(**columns)
    return star_id


def say(candidate, published, state=MatchState.MATCHED, star_id=None, **columns):
    """A match of a candidate with a published catalogue, or that it has none."""
    run = {"reference": candidate.catalogue, "published": published}
    GalMatchRun.objects.get_or_create(**run, defaults=MATCHED_WITH)
    of_star = {"separation": 0.12, "probability": 0.98} if star_id else {}
    values = {"rank": 1, "n_possible": int(star_id is not None), **of_star, **columns}
    row = GalMatch(
        refsource_id=candidate.pk,
        catalogue_id=published.pk,
        star_id=star_id,
        state=state,
        **values,
    )
    GalMatch.objects.bulk_create([row])


def make_known(candidate, published, name="OGLE-BLG-RRLYR-00001", **columns):
    """A candidate that is matched with a new star of a published catalogue; the star's id."""
    star_id = publish(published, candidate, name, **columns)
    say(candidate, published, star_id=star_id)
    return star_id

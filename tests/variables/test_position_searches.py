"""Searches by position look at what lies there, whatever was counted of the rows.

Where nothing was counted, q3c's condition beside one of another index misleads the planner, and
where a table was counted when it was empty, its size does: it looks at each pair.
"""

import numpy as np
import pytest
from django.db import connection

from exposures.locks import Claimed, lock_to_end
from tests.builders.candidates import add_epoch, make_candidate, make_catalogue
from tests.builders.many_candidates import make_many_candidates
from tests.builders.new_detections import make_detection
from tests.builders.people import make_person
from tests.builders.query_work import looked_at
from variables.models import GalLostSource, GalNewSource
from variables.new_sources.association import replace_new_detections
from variables.new_sources.replacements import follow_new_sources
from variables.uploads.lines import Entry
from variables.uploads.matching import keep_list

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counted")]

N = 400
RA, DEC = 266.0, -29.0
TABLES = "galnewdetections", "galnewsources", "gallostsources", "galcandidates"


def places(n=N):
    """Positions some arcseconds apart, in degrees."""
    k = np.arange(n)
    return zip((RA + k % 20 / 500).tolist(), (DEC + k // 20 / 500).tolist(), strict=True)


@pytest.fixture(params=["never", "empty"])
def counted(request):
    """Leave the tables without counts, or with those of a time when nothing was in them."""
    if request.param == "empty":
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"ANALYZE {table}")


def test_new_detections_are_compared_with_those_near_them_alone():
    catalogue = make_catalogue(30, ra=RA, dec=DEC)
    lock_to_end(Claimed.NEW_SOURCES, [catalogue.pk])
    for mjd in (60001.0, 60002.0, 60003.0):
        found = [make_detection(catalogue, ra=ra, dec=dec) for ra, dec in places()]
        with looked_at() as n_rows:
            replace_new_detections(add_epoch(catalogue, mjd), found)
        # In no order: ways that begin with all rows once are as good.
        assert n_rows and max(n_rows) < 60 * N, mjd
    assert GalNewSource.objects.count() == N


def test_annotated_new_sources_are_compared_with_those_near_them_alone():
    old, new = (make_catalogue(30, ra=RA, dec=DEC, seed=seed) for seed in (1, 2))
    new.image = old.image
    first, _ = new.id_range
    rows = [
        GalNewSource(
            refsource_id=first + 1000 + k, catalogue=new, ra=ra, dec=dec, x=1.0, y=1.0, state="new"
        )
        for k, (ra, dec) in enumerate(places())
    ]
    GalNewSource.objects.bulk_create(rows)
    GalLostSource.objects.bulk_create(
        GalLostSource(refsource_id=(10_000 << 20) + k, ra=ra, dec=dec, filter="i")
        for k, (ra, dec) in enumerate(places())
    )
    with looked_at() as n_rows:
        follow_new_sources(new)
    assert not GalLostSource.objects.exists()
    assert len(n_rows) == 2 and max(n_rows) < 30 * N


def test_lines_of_a_list_are_compared_with_candidates_near_them_alone():
    candidate = make_candidate(2)
    make_many_candidates(N)
    first = candidate.pk + 1000
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE galcandidates SET ra = %s + refsource_id %% 20 / 500.0,"
            " dec = %s + (refsource_id %% 400) / 20 / 500.0 WHERE refsource_id > %s",
            [RA, DEC, first],
        )
    entries = [Entry(k, "", place=place) for k, place in enumerate(places())]
    with looked_at() as n_rows:
        kept = keep_list(make_person("alice"), "mine", entries, 1.0)
    assert kept.n_matched == N
    assert len(n_rows) == 1 and n_rows[0] < 30 * N

"""Proper motions of published stars that sources are matched with, stored and used."""

import numpy as np
import pytest
from django.core.management import call_command

from exposures.models import GalImage, GalPublishedCatalogue, GalPublishedStar
from exposures.published.stored import drop_catalogue
from exposures.science.motion import DAYS_A_YEAR
from galproject.queue.tasks import match_catalogues
from galproject.references.motions import overdue_catalogues
from galproject.references.tasks import measure_motions, renew_motions
from photometry.matching.storage import delete_published_matches
from photometry.models import GalMatch, GalMatchRun, GalMotion
from photometry.science.matching.states import MatchState
from photometry.science.motions import MotionOptions, Motions, usable_motions
from photometry.storage import storage
from photometry.storage.motions import SourceMotions, source_positions_at
from tests.builders.candidates import add_epoch, make_catalogue
from tests.builders.published_stars import add_stars, make_published, match
from tests.builders.queue_messages import kept_messages
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate
from variables.models.candidates import Cause

FAST, SLOW, BLEND, UNTOLD, UNLIKELY, UNSURE = range(6)
PM = 80.0  # mas/yr to the east


@pytest.fixture
def reference(db):
    catalogue = make_catalogue(9)
    catalogue.refresh_from_db()
    return catalogue


@pytest.fixture
def published(reference):
    """Gaia, of which six sources have stars of 80 mas/yr, but for the second, which stands."""
    gaia = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
    rows = storage.catalogue_sources(reference)[:6]
    stars = add_stars(gaia, rows["ra"].tolist(), rows["dec"].tolist(), [[15.0, 16.0, 14.0]] * 6)
    errors = {"pmra_err": 0.1, "pmdec_err": 0.1}
    moving = GalPublishedStar.objects.filter(pk__in=stars)
    moving.update(pmra=PM, pmdec=0.0, **errors)
    moving.filter(pk=stars[SLOW]).update(pmra=0.0)
    moving.filter(pk=stars[UNSURE]).update(pmra_err=9.0)
    ids = rows["refsource_id"].tolist()
    for k in (FAST, SLOW, BLEND, UNSURE):
        match(reference, gaia, [ids[k]], [stars[k]])
    match(reference, gaia, [ids[UNTOLD]], [stars[UNTOLD]], state=MatchState.CANT_BE_TOLD)
    match(reference, gaia, [ids[UNLIKELY]], [stars[UNLIKELY]], probability=0.91)
    match(reference, gaia, [ids[BLEND]], [stars[FAST]], probability=0.6, rank=2)
    return gaia


@pytest.fixture
def messages(monkeypatch):
    return kept_messages(monkeypatch)


def stored():
    return {m.refsource_id: m for m in GalMotion.objects.all()}


def test_sources_have_the_motion_of_the_one_star_they_certainly_are(reference, published, capsys):
    call_command("measure_motions")
    assert "2 have that of a published star" in capsys.readouterr().out
    first = reference.id_range[0]
    found = stored()
    assert sorted(found) == [first + FAST, first + SLOW]
    fast = found[first + FAST]
    assert (fast.pm_ra, fast.pm_dec, fast.n_images) == (PM, 0.0, 0)
    assert fast.pm_ra_err == pytest.approx(0.1)
    assert fast.star_id == published.id_range[0] + FAST


def test_a_fast_star_is_looked_for_where_it_has_moved_to(reference, published):
    sources, mjd = storage.catalogue_sources(reference), reference.mjd + 10 * DAYS_A_YEAR
    before = source_positions_at(sources, mjd, MotionOptions())
    measure_motions()
    ra, dec = source_positions_at(sources, mjd, MotionOptions())
    east = (ra - before[0]) * np.cos(np.radians(dec)) * 3.6e6
    assert east[FAST] == pytest.approx(10 * PM, rel=1e-3)
    assert np.delete(east, FAST) == pytest.approx(np.zeros(8), abs=1e-3)


def test_a_star_that_left_its_place_before_its_motion_was_known_says_so(reference, published):
    GalImage.objects.filter(pk=reference.image_id).update(fwhm_arcsec=1.1)
    for years in (9, 10):
        add_epoch(reference, reference.mjd + DAYS_A_YEAR * years, {FAST: 0.5, SLOW: 0.5})
    refresh_candidates()
    assert {c.cause for c in GalCandidate.objects.all()} == {Cause.REAL}
    measure_motions()
    causes = [c.cause for c in GalCandidate.objects.order_by("pk")]
    assert causes == [Cause.MOTION, Cause.REAL]


def test_each_day_motions_are_stored_where_matches_are_new(reference, published):
    stored_now, nothing = {"catalogues": [reference.pk]}, {"catalogues": []}
    assert measure_motions() == stored_now
    assert measure_motions() == nothing
    GalMatch.objects.filter(rank=1, refsource_id=reference.id_range[0] + FAST).delete()
    GalMatchRun.objects.update(has_motions=False)  # as a new run is
    assert measure_motions() == stored_now
    assert list(stored()) == [reference.id_range[0] + SLOW]


def test_motions_are_renewed_where_their_published_stars_are_gone(
    reference, published, messages, django_capture_on_commit_callbacks
):
    measure_motions()
    with django_capture_on_commit_callbacks(execute=True):
        drop_catalogue(published)
    assert messages == [("renew_motions", (reference.pk,))]
    assert sorted(stored()) and measure_motions() == {"catalogues": [reference.pk]}
    assert not stored()
    assert renew_motions(reference.pk) == measure_motions() == {"catalogues": []}


def test_motions_are_those_of_a_new_version_once_that_is_matched(
    reference, published, messages, django_capture_on_commit_callbacks
):
    measure_motions()
    with django_capture_on_commit_callbacks(execute=True):
        GalPublishedCatalogue.objects.update(in_use=False)
        newer = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
        drop_catalogue(published)
    assert messages == [
        ("match_catalogues", (reference.pk, False)),
        ("renew_motions", (reference.pk,)),
    ]
    # The match comes first, whichever message does.
    assert renew_motions(reference.pk) == {"catalogues": []} and stored()
    messages.clear()
    assert match_catalogues(reference.pk, False)["catalogues"] == 1
    assert ("renew_motions", (reference.pk,)) in messages
    assert renew_motions(reference.pk) == {"catalogues": [reference.pk]}
    assert not stored() and GalMatchRun.objects.get(published=newer).has_motions


def test_stars_that_go_while_motions_are_measured_are_noticed(reference, published, monkeypatch):
    def measured_late(run, _):
        delete_published_matches(run.published)
        return SourceMotions.of_no_star(np.zeros(0, "i8"), Motions.unknown(0))

    monkeypatch.setattr("photometry.references.motions.published_motions", measured_late)
    assert measure_motions() == {"catalogues": [reference.pk]}
    assert overdue_catalogues() == [reference]


def test_catalogues_without_motions_and_out_of_use_give_none(reference, published):
    GalPublishedCatalogue.objects.update(kind="photometric")
    assert measure_motions() == {"catalogues": []}
    GalPublishedCatalogue.objects.update(kind="astrometric", in_use=False)
    assert measure_motions() == {"catalogues": []}
    call_command("measure_motions")
    assert not stored()


def test_a_motion_that_is_a_tile_s_stays_and_comes_first(reference, published):
    fast = reference.id_range[0] + FAST
    own = {"pm_ra": 70.0, "pm_dec": 1.0, "pm_ra_err": 0.2, "pm_dec_err": 0.2, "n_images": 0}
    GalMotion.objects.create(refsource_id=fast, **own)
    measure_motions()
    assert stored()[fast].pm_ra == 70.0 and len(stored()) == 2


def test_motions_are_usable_that_are_known_and_whose_match_is_sure():
    errors = np.array([0.1, np.nan, 0.1, 5.0])
    listed = Motions(np.full(4, 9.0), np.zeros(4), errors, errors, np.zeros(4, int))
    usable = usable_motions(listed, np.array([0.99, 0.99, 0.9, 0.99]))
    assert usable.tolist() == [True, False, False, False]

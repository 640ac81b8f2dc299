"""Candidates are what the tables say, after every change of the tables."""

import threading
from io import StringIO

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.forms.models import model_to_dict

from exposures.models import GalImage
from photometry.models import GalSource
from photometry.science.motions import Motions
from photometry.storage import storage
from photometry.storage.motions import SourceMotions, store_motions
from photometry.storage.storage import catalogue_sources
from tests.builders.candidates import add_epoch, make_candidate, make_catalogue, make_change
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate, GalFlag, GalVarObj, TaxonomyClass
from variables.models.causes import Cause
from variables.vetting.decisions import DecisionInput, decide

pytestmark = pytest.mark.django_db


def slow_columns(refsource_id):
    """What a candidate's columns should be, one number after the other."""
    changes = list(GalVarObj.objects.filter(refsource_id=refsource_id))
    accepted = [c for c in changes if not c.failed_cuts and not c.is_flagged]
    shown = accepted or changes
    mjds = [c.image.exposure.mjd for c in shown]
    deltas = [c.delta_mag for c in shown if c.delta_mag is not None]
    rows = list(GalSource.objects.light_curve(refsource_id))
    mag, weight = np.array([r.mag for r in rows]), np.array([r.mag_err for r in rows]) ** -2
    off = mag - mag.mean()
    return {
        "n_changes": len(changes),
        "n_detections": len(accepted),
        "n_epochs": len(rows),
        "first_mjd": min(mjds),
        "last_mjd": max(mjds),
        "max_delta_mag": max(deltas, key=abs),
        "mean_delta_mag": np.mean(deltas),
        "max_significance": max(c.significance for c in shown),
        "mean_mag": np.average(mag, weights=weight),
        "rms_mag": mag.std(ddof=1),
        "amplitude_mag": np.subtract(*np.percentile(mag, [95, 5])),
        "chi2_nu": (weight * (mag - np.average(mag, weights=weight)) ** 2).sum() / (len(mag) - 1),
        "von_neumann": (np.diff(mag) ** 2).sum() / (len(mag) - 1) / mag.var(ddof=1),
        "skewness": (off**3).mean() / (off**2).mean() ** 1.5,
        "reference_mag": next(r.mag for r in rows if r.is_reference),
    }


def test_epochs_are_all_on_which_a_candidate_was_looked_for():
    catalogue = make_catalogue(4)
    rows = catalogue_sources(catalogue)
    for epoch in range(6):
        image = add_epoch(catalogue, 60001.0 + epoch)
        image.zero_point = 30.0
        gone = rows[1:3].copy()
        gone["flux"], gone["mag"], gone["mag_err"] = -2.0, np.nan, np.nan
        gone["flux_err"] = 20.0
        if epoch == 5:
            gone["quality"][0] = 0.01  # a masked star is not looked at
        storage.replace_measurements(image, rows[[0, 3]], gone)
        if epoch < 5:
            make_change(image, rows[1], 0.0, kind="vanished", delta_mag_err=None)
    GalVarObj.objects.update(delta_mag=None)
    refresh_candidates()
    candidate = GalCandidate.objects.get()
    assert (candidate.n_detections, candidate.n_epochs, candidate.n_non_detections) == (5, 6, 5)


def test_an_epoch_of_which_only_the_change_was_kept_counts():
    catalogue = make_catalogue(4)
    image = add_epoch(catalogue, 60001.0)
    rows = catalogue_sources(catalogue)
    storage.replace_measurements(image, rows[[0, 2, 3]])
    make_change(image, rows[1], 0.0, kind="vanished")
    refresh_candidates()
    candidate = GalCandidate.objects.get()
    assert (candidate.n_detections, candidate.n_epochs, candidate.n_non_detections) == (1, 2, 1)


def test_columns_are_what_one_finds_going_through_the_rows_one_by_one():
    catalogue = make_catalogue(12)
    add_epoch(catalogue, 60003.0, {1: 0.7, 4: -0.6})
    add_epoch(catalogue, 60001.0, {1: 0.9, 5: 0.4})
    add_epoch(catalogue, 60002.0, {4: -1.2}, failed_cuts=8)
    add_epoch(catalogue, 60004.0)
    assert refresh_candidates([catalogue.pk]) == 3
    first = catalogue.id_range[0]
    assert {c.pk - first for c in GalCandidate.objects.all()} == {1, 4, 5}
    for candidate in GalCandidate.objects.all():
        for name, value in slow_columns(candidate.pk).items():
            assert getattr(candidate, name) == pytest.approx(value, rel=1e-5), name
    doubtful = GalCandidate.objects.get(pk=first + 4)
    assert (doubtful.n_changes, doubtful.n_detections, doubtful.failed_cuts) == (2, 1, 8)


def test_a_candidate_without_accepted_changes_shows_the_others():
    catalogue = make_catalogue(5)
    add_epoch(catalogue, 60001.0, {1: 0.7}, failed_cuts=4)
    refresh_candidates()
    candidate = GalCandidate.objects.get()
    assert (candidate.n_detections, candidate.first_mjd) == (0, 60001.0)
    assert candidate.cause == Cause.SHAPE


def test_doing_it_twice_changes_nothing_and_what_people_said_stays():
    candidate = make_candidate(2, n_votes=3, is_disputed=True)
    before = model_to_dict(candidate)
    refresh_candidates()
    assert model_to_dict(GalCandidate.objects.get()) == before


def test_a_candidate_that_comes_again_has_its_votes():
    candidate = make_candidate(2)
    choice = TaxonomyClass.objects.get(slug="rr-lyrae")
    decide(User.objects.create_user("annie"), DecisionInput(candidate.pk, choice="rr-lyrae"))
    change = GalVarObj.objects.first()
    GalVarObj.objects.all().delete()
    refresh_candidates()
    assert not GalCandidate.objects.exists()
    change.save(force_insert=True)
    refresh_candidates()
    again = GalCandidate.objects.get(pk=candidate.pk)
    assert (again.consensus, again.n_votes) == (choice, 1)


def test_candidates_go_with_their_last_change():
    candidate = make_candidate(1)
    GalVarObj.objects.all().delete()
    refresh_candidates(refsource_ids=[candidate.pk])
    assert not GalCandidate.objects.exists()


def test_of_some_sources_only_these_are_refreshed():
    catalogue = make_catalogue(9)
    add_epoch(catalogue, 60001.0, {1: 0.7, 4: -0.6})
    refresh_candidates()
    GalVarObj.objects.update(is_flagged=True)
    assert refresh_candidates(refsource_ids=[catalogue.id_range[0] + 4]) == 1
    flagged = GalCandidate.objects.filter(is_flagged=True)
    assert [c.pk for c in flagged] == [catalogue.id_range[0] + 4]


def test_a_source_that_vanished_has_no_size_of_change():
    catalogue = make_catalogue(5)
    image = add_epoch(catalogue, 60001.0)
    make_change(image, catalogue_sources(catalogue)[3], 1.0)
    GalVarObj.objects.update(kind="vanished", delta_mag=None, delta_mag_err=None)
    refresh_candidates()
    candidate = GalCandidate.objects.get()
    assert candidate.has_vanished and candidate.max_delta_mag is None


@pytest.mark.parametrize("flag", ["source", "region", "chip"])
def test_flags_hide_and_show_candidates(flag):
    candidate = make_candidate(2)
    x, y = candidate.x, candidate.y
    where = {
        "source": {"refsource_id": candidate.pk},
        "region": {"image": candidate.image, "region": [x - 5, y - 5, x + 5, y - 5, x, y + 5]},
        "chip": {"image": candidate.image},
    }[flag]
    made = GalFlag.objects.create(artifact="ghost", **where)
    refresh_candidates()
    assert not GalCandidate.objects.visible().exists()
    made.state = GalFlag.State.UNDONE
    made.save()
    refresh_candidates()
    assert GalCandidate.objects.visible().exists()


def test_what_changed_on_every_image_alike_is_the_reference_s_fault():
    catalogue = make_catalogue(9)
    for epoch in range(6):
        add_epoch(catalogue, 60001.0 + epoch, {2: 0.8, 5: 0.5 + 0.4 * epoch})
    refresh_candidates()
    causes = [c.cause for c in GalCandidate.objects.order_by("pk")]
    assert causes == [Cause.REFERENCE, Cause.REAL]


def test_a_star_that_fades_as_it_moves_off_has_a_high_proper_motion():
    catalogue = make_catalogue(9)
    catalogue.refresh_from_db()
    first = catalogue.id_range[0]
    pm = np.array([60.0, 60.0, 5.0])
    still, error = np.zeros(3), np.full(3, 0.5)
    motions = Motions(pm, still, error, error, n_images=np.zeros(3, int))
    store_motions(SourceMotions.of_no_star(first + np.array([2, 5, 7]), motions))
    GalImage.objects.filter(pk=catalogue.image_id).update(fwhm_arcsec=1.1)
    for years in (9, 10):
        add_epoch(catalogue, catalogue.mjd + 365.25 * years, {2: 0.4, 5: -0.4, 7: 0.4})
    refresh_candidates()
    causes = [c.cause for c in GalCandidate.objects.order_by("pk")]
    assert causes == [Cause.MOTION, Cause.REAL, Cause.REAL]


def test_a_dropped_catalogue_takes_its_candidates_along():
    candidate = make_candidate(2)
    storage.drop_catalogue(candidate.catalogue)
    assert not GalCandidate.objects.exists()


def test_the_command_names_what_is_not_there():
    candidate = make_candidate(2)
    out = StringIO()
    call_command("refresh_candidates", stdout=out)
    assert out.getvalue() == "1 sources that changed, of 1 catalogues.\n"
    with pytest.raises(CommandError, match="no catalogue 999"):
        call_command("refresh_candidates", "--catalogue", str(candidate.catalogue_id), "999")


@pytest.mark.django_db(transaction=True)
def test_two_images_stored_at_once_are_both_counted():
    catalogue = make_catalogue(5)
    barrier = threading.Barrier(2)

    def store(mjd):
        try:
            with transaction.atomic():
                image = add_epoch(catalogue, mjd, {2: 0.8})
                barrier.wait()
                refresh_candidates([catalogue.pk])
                assert image.pk
        finally:
            connection.close()

    threads = [threading.Thread(target=store, args=[mjd]) for mjd in (60001.0, 60002.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert GalCandidate.objects.get().n_detections == 2

"""Stars that vary over all epochs are candidates, whether one image shows it or not."""

import pytest
from django.core.management import call_command

from photometry.storage import storage
from tests.builders.campaigns import candidate, make_taxonomy, make_voter, vote
from tests.builders.candidates import add_epoch, make_catalogue
from tests.builders.varying_stars import make_varying
from variables.candidates.filters import CandidateFilter
from variables.candidates.repeat_detections import count_repeat_detections, count_varying
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_source
from variables.models import GalCandidate, GalVarObj
from variables.models.causes import Cause
from variables.vetting.contents import CARD, SHEET, contents_of

pytestmark = pytest.mark.django_db
N_EPOCHS = 6


@pytest.fixture
def catalogue(db):
    """A catalogue on several images, of which the first two change one star."""
    catalogue = make_catalogue(12)
    for epoch in range(N_EPOCHS):
        add_epoch(catalogue, 60001.0 + epoch, {3: 0.8} if epoch < 2 else {})
    return catalogue


def source(catalogue, rank):
    return catalogue.id_range[0] + rank


def kinds():
    return dict(GalCandidate.objects.values_list("pk", "kind"))


def test_a_star_that_varies_without_a_change_is_a_candidate_of_its_own_kind(catalogue):
    make_varying(catalogue, {5: 1e-7, 6: 0.4})
    assert refresh_candidates([catalogue.pk]) == 2
    assert kinds() == {source(catalogue, 3): "changed", source(catalogue, 5): "varies"}
    star = candidate(source(catalogue, 5))
    assert star.varies and star.false_alarm == pytest.approx(1e-7)
    assert (star.n_changes, star.n_detections, star.n_epochs) == (0, 0, N_EPOCHS + 1)
    assert (star.first_mjd, star.last_mjd) == (60000.0, 60000.0 + N_EPOCHS)
    assert star.max_delta_mag is None and star.cause == Cause.REAL


def test_a_star_that_changed_stays_of_its_kind_and_says_that_it_varies(catalogue):
    make_varying(catalogue, {3: 1e-9})
    refresh_candidates([catalogue.pk])
    star = candidate(source(catalogue, 3))
    assert (star.kind, star.varies, star.n_detections) == ("changed", True, 2)


def test_a_star_whose_changes_all_fail_a_cut_varies_by_its_light_curve(catalogue):
    GalVarObj.objects.update(failed_cuts=4)
    make_varying(catalogue, {3: 1e-9})
    refresh_candidates([catalogue.pk])
    star = candidate(source(catalogue, 3))
    assert (star.kind, star.n_changes, star.n_detections) == ("varies", 2, 0)
    assert GalCandidate.objects.accepted().get() == star


def test_what_does_not_vary_any_more_is_no_candidate_unless_somebody_voted_on_it(catalogue):
    make_taxonomy()
    make_varying(catalogue, {5: 1e-7, 6: 1e-7})
    refresh_candidates([catalogue.pk])
    vote(make_voter(), source(catalogue, 6))
    make_varying(catalogue, {5: 0.2, 6: 0.2})
    refresh_candidates([catalogue.pk])
    assert set(kinds()) == {source(catalogue, 3), source(catalogue, 6)}
    kept = candidate(source(catalogue, 6))
    assert not kept.varies and kept.consensus.slug == "rr-lyrae"
    assert kept not in GalCandidate.objects.accepted()
    assert kept in GalCandidate.objects.to_be_seen()


def test_lists_show_it_and_counts_of_detections_tell_it_apart(catalogue, capsys):
    make_varying(catalogue, {5: 1e-7, 6: 1e-8})
    refresh_candidates([catalogue.pk])
    assert {one.pk for one in CandidateFilter().qs} == {source(catalogue, k) for k in (3, 5, 6)}
    of_kind = CandidateFilter({"kind": "varies", "alarm_max": "5e-8"}).qs
    assert [one.pk for one in of_kind] == [source(catalogue, 6)]
    assert count_repeat_detections() == [(2, 1)] and count_varying() == 2
    call_command("repeat_detections")
    assert "beside these, 2 over all epochs alone" in capsys.readouterr().out


def test_it_is_vetted_on_a_card_as_no_single_epoch_shows_it(catalogue):
    make_varying(catalogue, {5: 1e-7})
    refresh_candidates([catalogue.pk])
    contents = contents_of("kind=varies")
    assert (contents.n_in([CARD]), contents.n_in([SHEET])) == (1, 0)


def test_the_first_page_counts_it(catalogue, client):
    make_varying(catalogue, {5: 1e-7})
    refresh_candidates([catalogue.pk])
    client.force_login(make_voter())
    assert "vary over all epochs alone" in client.get("/").text
    page = client.get(f"/candidates/{source(catalogue, 5)}/").text
    assert "constant stars in a million" in page and "varies" in page


def test_a_flag_on_the_star_hides_it(catalogue):
    make_varying(catalogue, {5: 1e-7})
    refresh_candidates([catalogue.pk])
    flag_source(source(catalogue, 5), "reference", "", make_voter())
    assert source(catalogue, 5) not in {one.pk for one in GalCandidate.objects.accepted()}


def test_it_goes_with_its_catalogue(catalogue):
    make_varying(catalogue, {5: 1e-7})
    refresh_candidates([catalogue.pk])
    storage.drop_catalogue(catalogue)
    assert kinds() == {}

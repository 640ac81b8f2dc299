"""A star is one candidate, however many references and filters show it."""

from threading import Thread

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.http import QueryDict
from django.test import RequestFactory

from photometry.models import GalObjectSource
from photometry.storage import storage
from tests.builders.campaigns import make_campaign, make_voter, vote
from tests.builders.candidates import add_epoch, crossmatch_all, make_change
from tests.builders.people import make_person
from tests.builders.reference_catalogues import make_reference
from variables.candidates.listing import listing
from variables.candidates.repeat_detections import Counting, count_repeat_detections, repeated
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_source
from variables.models import GalCandidate

pytestmark = pytest.mark.django_db
PER_SOURCE = Counting(per_source=True)


@pytest.fixture
def overlapping(django_capture_on_commit_callbacks):
    """Two references in i that share two of three stars, and one in r; detections of each.

    The star at 20 arcsec is on all three: two images measure it with both in i, one in r alone.
    The star at 0 is on the first alone, that at 40 on both in i.
    """
    with django_capture_on_commit_callbacks(execute=True):
        first = make_reference("i1", "i", [0.0, 20.0, 40.0], [0.0, 0.0, 0.0])
        second = make_reference("i2", "i", [20.01, 40.01], [0.0, 0.0])
        red = make_reference("r", "r", [20.02], [0.0])
        crossmatch_all()
        for mjd in (60001.0, 60002.0):
            shared = add_epoch(first, mjd, {0: 0.5, 1: 0.5})
            measure_also(second, shared, {0: 0.5})
        add_epoch(second, 60003.0, {1: 0.7})
        add_epoch(red, 60004.0, {0: 0.6})
        refresh_candidates()
    return first, second, red


def measure_also(catalogue, image, changes):
    """Have an image measured with another catalogue, too."""
    before = storage.catalogue_sources(image.coverages.get().catalogue)
    rows = storage.catalogue_sources(catalogue)
    storage.replace_measurements(image, np.concatenate([before, rows]))
    for rank, delta in changes.items():
        make_change(image, rows[rank], delta)


def listed(address, user=None):
    request = RequestFactory().get("/")
    request.user = user or User.objects.create_user(f"reader {address}")
    return listing(QueryDict(address), request)


def test_a_star_on_two_references_is_counted_once(overlapping):
    # Detected: at 0 on two images, at 20 on two in i and one in r, at 40 on one.
    assert count_repeat_detections() == [(1, 1), (2, 1), (3, 1)]
    assert count_repeat_detections(Counting("i")) == [(1, 1), (2, 2)]
    assert count_repeat_detections(Counting("r")) == [(1, 1)]
    assert count_repeat_detections(PER_SOURCE) == [(1, 2), (2, 3)]


def test_each_line_of_the_table_leads_to_as_many_candidates(overlapping):
    for counting in (
        Counting(),
        Counting("i"),
        PER_SOURCE,
        Counting(accepted_only=False),
        Counting("i", accepted_only=False, per_source=True),
    ):
        for row in repeated(counting).rows:
            assert listed(row.query, User.objects.first()).count.n == row.count


def test_lists_sort_by_and_show_the_star_s_detections(overlapping):
    shown = listed("")
    columns = [c.name for c in shown.columns]
    assert "star_detections" in columns and "n_detections" not in columns
    assert [row.candidate.star_detections for row in shown.rows] == [3, 2, 1]
    per_source = listed("per=source")
    assert [row.candidate.n_detections for row in per_source.rows] == [2, 2, 2, 1, 1]


def test_a_star_is_listed_by_whatever_of_its_sources_the_conditions_fit(overlapping):
    _, second, red = overlapping
    GalCandidate.objects.filter(catalogue=second).update(ccdnum=7)
    GalCandidate.objects.filter(catalogue=red).update(ccdnum=8)
    assert listed("chip=7").count.n == 2
    assert [r.candidate.catalogue_id for r in listed("chip=8").rows] == [red.pk]


def test_those_of_one_object_are_shown_each_by_itself(overlapping):
    _first, _second, red = overlapping
    star = GalObjectSource.objects.get(pk=red.id_range[0]).object_id
    assert listed(f"object={star}").count.n == 3


def test_an_artifact_on_one_reference_leaves_the_star_to_the_other(
    overlapping, django_capture_on_commit_callbacks
):
    first, second, _ = overlapping
    with django_capture_on_commit_callbacks(execute=True):
        flag_source(
            first.id_range[0] + 1, "ghost", "a ghost", User.objects.create_superuser("root")
        )
    assert count_repeat_detections(Counting("i")) == [(1, 1), (2, 2)]
    shown = {row.candidate.pk for row in listed("filter=i").rows}
    assert second.id_range[0] in shown and first.id_range[0] + 1 not in shown


def test_the_sources_of_a_blend_that_one_catalogue_has_are_different_stars(
    django_capture_on_commit_callbacks,
):
    with django_capture_on_commit_callbacks(execute=True):
        sharp = make_reference("i1", "i", [0.0, 0.5], [0.0, 0.0])
        soft = make_reference("i2", "i", [0.2], [0.0])
        crossmatch_all()
        add_epoch(sharp, 60001.0, {0: 0.5, 1: 0.5})
        add_epoch(soft, 60002.0, {0: 0.5})
        refresh_candidates()
    assert len(set(GalCandidate.objects.values_list("object_id", flat=True))) == 1
    assert count_repeat_detections() == [(1, 1), (2, 1)]


def test_stars_follow_a_cross_match_that_comes_after_the_detections(
    django_capture_on_commit_callbacks,
):
    with django_capture_on_commit_callbacks(execute=True):
        first = make_reference("i1", "i", [0.0], [0.0])
        second = make_reference("i2", "i", [0.01], [0.0])
        add_epoch(first, 60001.0, {0: 0.5})
        add_epoch(second, 60002.0, {0: 0.5})
        refresh_candidates()
    assert count_repeat_detections() == [(1, 2)]
    with django_capture_on_commit_callbacks(execute=True):
        crossmatch_all()
    assert count_repeat_detections() == [(2, 1)]


def test_the_command_says_stars_or_sources(overlapping, capsys):
    call_command("repeat_detections")
    assert capsys.readouterr().out.splitlines()[0].endswith("Number of Objects")
    call_command("repeat_detections", "--per-source")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("Number of Sources")
    assert [line.split() for line in lines[1:]] == [["1", "2"], ["2", "3"]]


def test_the_api_lists_stars_and_on_request_sources(overlapping, client):
    client.force_login(make_person("reader"))
    stars = client.get("/api/candidates/").json()["results"]
    assert sorted(star["star_detections"] for star in stars) == [1, 2, 3]
    assert len(client.get("/api/candidates/?per=source").json()["results"]) == 5


def test_a_campaign_asks_for_each_star_once(overlapping):
    assert make_campaign(candidates=3).objects_in.count() == 3


def test_a_vote_on_one_source_of_a_star_is_one_on_the_star(overlapping):
    first, _, red = overlapping
    voter = make_voter()
    vote(voter, first.id_range[0] + 1)
    for address in ("vetted=nobody", "vetted=not-me", "cls=none"):
        assert listed(address, voter).count.n == 2
        assert red.id_range[0] not in {r.candidate.pk for r in listed(address, voter).rows}
    assert listed("vetted=nobody&per=source", voter).count.n == 4
    assert listed("vetted=me", voter).count.n == 1


@pytest.mark.django_db(transaction=True)
def test_two_catalogues_refreshed_at_once_agree_on_their_star():
    first = make_reference("i1", "i", [0.0], [0.0])
    second = make_reference("i2", "i", [0.01], [0.0])
    crossmatch_all()
    add_epoch(first, 60001.0, {0: 0.5})
    add_epoch(second, 60002.0, {0: 0.5})

    def refresh_second():
        refresh_candidates([second.pk])
        connection.close()

    with transaction.atomic():
        refresh_candidates([first.pk])
        # It neither waits for the transaction here nor sees what that does.
        other = Thread(target=refresh_second)
        other.start()
        other.join(20)
        assert not other.is_alive()
    assert [c.star_detections for c in GalCandidate.objects.order_by("pk")] == [2, 2]


def asked(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_what_is_as_it_should_be_is_not_written_again(
    overlapping, django_capture_on_commit_callbacks
):
    places = "SELECT refsource_id, ctid::text FROM galcandidates ORDER BY 1"
    before = asked(places)
    with django_capture_on_commit_callbacks(execute=True):
        refresh_candidates()
        refresh_candidates([catalogue.pk for catalogue in overlapping])
    assert asked(places) == before and len(before) > 4


def test_what_differs_is_written_once_with_what_is_known_and_its_star(
    overlapping, django_capture_on_commit_callbacks
):
    expected = list(GalCandidate.objects.order_by("pk").values())
    written = "SELECT pg_stat_get_xact_tuples_updated('galcandidates'::regclass)"
    GalCandidate.objects.update(n_epochs=99, known_name="V1", star_sources=7, star_detections=0)
    ((before,),) = asked(written)
    with django_capture_on_commit_callbacks(execute=True):
        refresh_candidates()
    ((after,),) = asked(written)
    assert after - before == len(expected)
    for row, old in zip(GalCandidate.objects.order_by("pk").values(), expected, strict=True):
        assert row | {"refreshed": old["refreshed"]} == old

"""Objects in the hands of operators and users: the command, the hooks of the pipeline, the API."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command

from exposures.models import GalCheckpoint, GalImage, GalJob
from galproject.processing import crossmatch
from galproject.queue import jobs, recovery, tasks
from galproject.references import changes
from galproject.references.tasks import crossmatch_withdrawn
from photometry.crossmatch import crossmatching as passes
from photometry.models import GalObject, GalObjectSource, GalSource
from photometry.querysets.objects import MatchKind
from photometry.storage import storage
from tests.builders.candidates import add_epoch, crossmatch_all
from tests.builders.people import make_person, token_header
from tests.builders.reference_catalogues import add_catalogue, everything, ids_at, make_reference
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import flag_source
from variables.models import GalFlag

pytestmark = pytest.mark.django_db
X, Y = [0.0, 20.0, 40.0, 40.5], [0.0, 0.0, 0.0, 0.0]


@pytest.fixture
def pair():
    """Catalogues in g and r: a star in both, one in g alone, and two in g that are one in r."""
    return make_reference("g1", "g", X, Y), make_reference("r1", "r", [0.02, 40.2], [0.0, 0.0])


def command(**options):
    output = StringIO()
    call_command("crossmatch_filters", stdout=output, **options)
    return output.getvalue()


def test_the_command_says_a_line_a_field_and_a_dry_run_stores_nothing(pair):
    make_reference("far", "g", [0.0], [0.0], ra=280.0)
    counts = "1 one-to-one, 0 perhaps blends, 1 blends, 1 in one filter; {}new 3"
    told = command(dry_run=True).splitlines()
    assert len(told) == 2 and told[0].startswith("field 1: 6 sources of 2 catalogues: ")
    assert counts.format("would be ") in told[0]
    assert not GalObject.objects.exists()
    assert counts.format("") in command() and GalObject.objects.count() == 4
    assert "new 0, changed 0, removed 0" in command()


def test_the_command_matches_the_references_that_are_named(pair):
    make_reference("far", "g", [0.0], [0.0], ra=280.0)
    assert "field 1: 1 sources of 1 catalogues" in command(exposure=["far"])
    assert GalObject.objects.count() == 1
    assert len(command(exposure=["g1", "far"]).splitlines()) == 2


def test_a_larger_radius_matches_what_lies_further_apart():
    make_reference("g", "g", [0.0], [0.0], error=0.3)
    make_reference("r", "r", [1.2], [0.0], error=0.3)
    assert "0 one-to-one" in command()
    assert "1 one-to-one" in command(max_radius=1.3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"exposure": ["nowhere"]}, "nowhere: there is no such exposure"),
        ({"max_radius": 0.0}, "give 0.5 to 5 arcsec"),
        ({"max_radius": 60.0}, "--max-radius 60"),
        ({"max_radius": float("nan")}, "--max-radius nan"),
    ],
)
def test_what_can_t_be_matched_is_told(pair, options, told):
    with pytest.raises(CommandError, match=told):
        command(**options)
    assert not GalObject.objects.exists()


def test_without_a_catalogue_the_command_says_so():
    assert command() == "No reference catalogue is in use.\n"


def test_catalogues_that_never_stand_still_are_an_error_and_change_nothing(pair, monkeypatch):
    crossmatch_all()
    before, job = everything(), make_job(pair[0])
    seen = iter(range(100))
    real = passes.catalogues_around
    monkeypatch.setattr(passes, "catalogues_around", lambda ids: real(ids)[next(seen) % 2 :])
    with pytest.raises(CommandError, match=r"changed each time.*Do so again when"):
        command()
    crossmatch.crossmatch_job(job)
    assert everything() == before
    line = GalCheckpoint.objects.get(step="cross-matched")
    assert line.level == GalCheckpoint.Level.WARNING and "changed each time" in line.note


def make_job(catalogue, queued=True):
    """A job that has processed the image of a catalogue."""
    exposure = catalogue.image.exposure
    job = GalJob.objects.create(exposure=exposure, requested_by="somebody", queued=queued)
    GalImage.objects.filter(pk=catalogue.image_id).update(job=job)
    return job


def test_the_end_of_a_job_matches_its_references_and_is_in_the_log(pair, sent):
    g, _r = pair
    tasks.close_job(make_job(g).pk)
    line = GalCheckpoint.objects.get(step="cross-matched")
    assert (line.exposure, line.value) == (g.image.exposure, 6)
    assert line.note == "1 stars in several filters, 1 blends"
    assert set(GalObject.objects.values_list("kind", flat=True)) == {1, 2, 3}


@pytest.mark.parametrize("queued", [True, False])
def test_a_job_ends_alike_whoever_ends_it(pair, monkeypatch, queued):
    """The worker of its last chip, a sweep after that one was killed, or the command itself."""
    messages = []
    monkeypatch.setattr(jobs, "send_tasks", lambda task, found, **_: messages.append((task, found)))
    monkeypatch.setattr(jobs, "process_chip", lambda *_: "a result")
    steps = []
    for end in (jobs.work, lambda *_: recovery.recover_lost_work()) if queued else (jobs.work,):
        GalCheckpoint.objects.all().delete()
        GalObject.objects.all().delete()
        messages.clear()
        job = make_job(pair[0], queued)
        end(pair[0].image_id, job.pk)
        recovery.recover_lost_work()  # nor does another make it twice
        told = [message for task, found in messages if task == "close_job" for message in found]
        assert told == [(job.pk,)] * queued
        for message in told:
            tasks.close_job(*message)
        assert GalObject.objects.exists()
        steps.append(list(GalCheckpoint.objects.order_by("pk").values_list("step", flat=True)))
    assert steps == [["closed", "cross-matched"]] * len(steps)


def test_the_end_of_a_job_of_search_images_alone_matches_nothing(pair, sent):
    image = add_epoch(pair[0], 60001.0)
    job = GalJob.objects.create(exposure=image.exposure)
    GalImage.objects.filter(pk=image.pk).update(job=job)
    tasks.close_job(job.pk)
    assert not GalObject.objects.exists()
    assert not GalCheckpoint.objects.filter(step="cross-matched").exists()


def test_a_reference_processed_again_keeps_objects_and_what_people_said_of_them(pair, sent):
    g, _ = pair
    crossmatch_all()
    (old,) = ids_at(g, [20.0], [0.0])
    before = dict(GalObjectSource.objects.values_list("pk", "object_id"))
    flag = flag_source(old, "ghost", "of a bright star", User.objects.create_user("curator"))
    again = add_catalogue(g.image, [x + 0.01 for x in X], Y)
    tasks.close_job(make_job(again).pk)
    (new,) = ids_at(again, [20.01], [0.0])
    flag.refresh_from_db()
    assert flag.refsource_id == new and GalFlag.objects.count() == 1
    after = dict(GalObjectSource.objects.values_list("pk", "object_id"))
    assert after[new] == before[old] and set(after.values()) == set(before.values())
    assert old not in after


def test_a_withdrawn_reference_leaves_objects_of_the_other_filters(
    pair, monkeypatch, django_capture_on_commit_callbacks
):
    _g, r = pair
    crossmatch_all()
    monkeypatch.setattr(changes, "async_task", lambda task, ids, **_: crossmatch_withdrawn(ids))
    with django_capture_on_commit_callbacks(execute=True):
        changes.change_reference([], [r.image_id], "curator", "cloudy")
    kinds = GalObject.objects.values_list("kind", "n_filters", "n_sources")
    assert list(kinds) == [(MatchKind.SINGLE, 1, 1)] * 4
    assert not GalObjectSource.objects.current().filter(pk__range=r.id_range).exists()


@pytest.fixture
def headers():
    cache.clear()
    return token_header(make_person("annie"))


def test_objects_come_with_their_sources_by_the_api(pair, client, headers):
    crossmatch_all()
    _g, r = pair
    for kind, n_sources in ((MatchKind.SINGLE, 1), (MatchKind.ONE_TO_ONE, 2), (MatchKind.BLEND, 3)):
        own = GalObject.objects.get(kind=kind)
        shown = client.get(f"/api/objects/{own.pk}/", headers=headers).json()
        assert {name: shown[name] for name in ("id", "kind", "n_sources", "ra", "dec")} == {
            "id": own.pk, "kind": kind, "n_sources": n_sources, "ra": own.ra, "dec": own.dec,
        }  # fmt: skip
        assert len(shown["sources"]) == n_sources
    assert [s["filter"] for s in shown["sources"]] == ["g", "g", "r"]
    assert shown["sources"][2]["refsource_id"] == ids_at(r, [40.2], [0.0])[0]
    assert shown["sources"][0]["mag"] == 18
    # Sources that wait for who takes their place are not there.
    storage.retire_catalogue(r.image)
    shown = client.get(f"/api/objects/{own.pk}/", headers=headers).json()
    assert [s["filter"] for s in shown["sources"]] == ["g", "g"]
    assert client.get("/api/objects/999/", headers=headers).status_code == 404
    assert client.get(f"/api/objects/{own.pk}/").status_code == 401


def test_light_curves_of_objects_come_in_all_filters_by_the_api(pair, client, headers):
    crossmatch_all()
    for catalogue in pair:
        add_epoch(catalogue, 60001.0)
    own = GalObject.objects.get(kind=MatchKind.ONE_TO_ONE)
    rows = client.get(f"/api/objects/{own.pk}/light-curve/", headers=headers).json()
    assert [(row["filter"], row["mjd"]) for row in rows] == [
        (name, mjd) for name in "gr" for mjd in (60000.0, 60001.0)
    ]
    stored = GalSource.objects.of_object(own.pk).values_list("mag", flat=True)
    assert [row["mag"] for row in rows] == list(stored)


def test_candidates_name_their_object_by_the_api(pair, client, headers):
    g, _ = pair
    star, alone = (pk - g.id_range[0] for pk in ids_at(g, [0.0, 20.0], [0.0, 0.0]))
    add_epoch(g, 60001.0, {star: 0.6, alone: 0.6})
    refresh_candidates([g.pk])
    rows = client.get("/api/candidates/", headers=headers).json()["results"]
    assert [row["object_id"] for row in rows] == [None, None]
    crossmatch_all()
    rows = client.get("/api/candidates/", headers=headers).json()["results"]
    for row in rows:
        own = GalObjectSource.objects.get(pk=row["refsource_id"])
        assert row["object_id"] == own.object_id
    found = client.get(f"/api/candidates/?object={own.object_id}", headers=headers).json()
    assert [row["refsource_id"] for row in found["results"]] == [own.pk]

"""The first page: the survey in numbers, on the sky, and where to go on."""

import re
from functools import partial

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from exposures.models import GalExposure, Status
from galproject.demo.seeding import SurveyPlan, seed_survey
from galproject.home import survey_state
from galproject.home.fields import ObservedField, observed_fields
from galproject.home.sky_map import sky_map
from tests.builders.exposures_in_work import make_exposure, make_job
from tests.builders.people import make_person
from tests.builders.queries import n_queries_of
from variables.models import Campaign, CampaignObject, GalDecision, Taxonomy


def field(longitude=0.0, latitude=0.0, n_exposures=1, radius=1.1):
    return ObservedField("here", 266.0, -29.0, longitude, latitude, radius, n_exposures, ())


def place(fields, index):
    """The mark of a field on the map."""
    return next(mark for mark in sky_map(fields).marks if mark.field is fields[index])


def test_longitude_grows_to_the_left_and_latitude_upwards():
    fields = [field(5, 3), field(355, -3)]
    east, west = place(fields, 0), place(fields, 1)
    assert east.x < west.x and east.y < west.y


def test_a_map_across_longitude_zero_is_not_torn():
    wide = sky_map([field(358), field(3)])
    assert wide.centre and all(0 < mark.x < wide.width for mark in wide.marks)
    assert {line.label for line in wide.meridians} > {"358°", "0°", "2°"}


@pytest.mark.parametrize("longitudes", [(0, 180), (10,), (0, 90, 180, 270), (359.9, 0.1)])
@pytest.mark.parametrize("latitude", [0, -45, 89.5, -90])
def test_every_field_is_on_the_map(longitudes, latitude):
    drawn = sky_map([field(longitude, latitude) for longitude in longitudes])
    assert all(0 <= mark.x <= drawn.width and 0 <= mark.y <= drawn.height for mark in drawn.marks)
    assert drawn.height <= drawn.width


def test_a_field_far_from_the_plane_is_shown_without_it():
    assert sky_map([field(120, 60)]).plane_y is None
    assert sky_map([field(120, 5)]).plane_y is not None


def test_what_was_observed_more_often_is_of_another_colour():
    levels = [place([field(n_exposures=n)], 0).level for n in (1, 5, 10, 20, 1000)]
    assert levels == [1, 2, 3, 4, 5]
    assert len(sky_map([field()]).level_labels) == 5


@pytest.mark.django_db
def test_dithered_exposures_are_one_field_and_others_are_not():
    for name, filter, ra in (("1", "g", 359.99), ("2", "i", 0.01), ("3", "i", 3.0)):
        make_exposure(name, filter=filter, ra=ra)
    first, second = observed_fields()
    assert first.n_exposures == 2 and first.filters == (("g", 1), ("i", 1))
    assert min(first.ra, 360 - first.ra) < 0.01 and second.ra == pytest.approx(3.0)


@pytest.fixture
def survey(db):
    seed_survey(SurveyPlan(300, 5000))


@pytest.fixture
def visitor(client, db):
    client.force_login(make_person("visitor"))
    return client


def text(response):
    """A page with one blank wherever a browser shows one."""
    return " ".join(response.content.decode().split())


def test_an_empty_survey_says_how_to_begin(visitor):
    page = text(visitor.get(reverse("home")))
    assert "process_exposure" in page and "seed_demo" in page


def test_the_page_says_what_there_is(visitor, survey):
    page = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", text(visitor.get(reverse("home")))))
    n_exposures = GalExposure.objects.count()
    assert f"{n_exposures} exposures" in page and "9 references" in page
    assert f"{survey_state.images().n_measurements:,} measurements" in page
    assert "Baade&#x27;s window" in page


def test_what_runs_and_what_failed_is_told(visitor):
    exposure = make_exposure("610792", [Status.DONE, Status.FAILED, Status.WORKING])
    page = text(visitor.get(reverse("home")))
    assert "decam 610792 i N2" in page and "cut short" in page
    assert "decam 610792 i N3" in page and "measuring" in page
    assert reverse("exposure", args=[exposure.pk]) in page
    make_job(exposure, exposure.ingested)
    exposure.images.update(status=Status.DONE)
    assert "cut short" not in text(visitor.get(reverse("home")))


@pytest.fixture
def campaign(db):
    curator = make_person("curator")
    taxonomy = Taxonomy.objects.create(version=99)
    made = Campaign.objects.create(name="One-offs", taxonomy=taxonomy, created_by=curator)
    CampaignObject.objects.bulk_create(
        CampaignObject(campaign=made, refsource_id=i, rank=i, n_votes=i % 2) for i in range(1, 11)
    )
    return made


def test_a_campaign_is_for_its_members_alone(campaign):
    one, other = (make_person(name) for name in ("one", "other"))
    assert [p.campaign for p in survey_state.campaigns_of(other)] == [campaign]
    campaign.members.add(one)
    assert survey_state.campaigns_of(other) == []
    (progress,) = survey_state.campaigns_of(one)
    assert (progress.n_objects, progress.n_done, progress.is_begun) == (10, 5, False)


def test_the_campaign_where_one_left_comes_first(campaign):
    user = make_person("one")
    Campaign.objects.create(name="Later", taxonomy=campaign.taxonomy, created_by=user)
    assert survey_state.campaigns_of(user)[0].campaign != campaign
    GalDecision.objects.create(
        refsource_id=1, ra=1, dec=1, filter="i", user=user, campaign=campaign, action="skip"
    )
    first, _ = survey_state.campaigns_of(user)
    assert first.campaign == campaign and first.is_begun


def test_only_who_may_vote_is_asked_to_go_on(client, campaign):
    make_exposure("610792", [Status.DONE])
    reader, vetter = (make_person(name) for name in ("one", "other"))
    vetter.user_permissions.add(Permission.objects.get(codename="add_galdecision"))
    client.force_login(reader)
    page = text(client.get(reverse("home")))
    assert "One-offs" in page and ">Begin<" not in page
    client.force_login(vetter)
    assert ">Begin<" in text(client.get(reverse("home")))


def test_the_page_takes_few_queries_and_nothing_inline(visitor, survey, campaign):
    n_queries = []
    for numbers in (range(1), range(1, 12)):
        for n in numbers:
            make_exposure(f"{610792 + n}", [Status.DONE, Status.FAILED, Status.WORKING])
        n_queries.append(n_queries_of(partial(visitor.get, reverse("home"))))
    assert n_queries[1] == n_queries[0] <= 18
    page = text(visitor.get(reverse("home")))
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page)

"""Pages ask the database as often, however large the survey is."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exposures.models import GalCheckpoint
from tests.builders.candidates import crossmatch_all, make_candidate
from tests.builders.exposures_in_work import make_exposure, make_line
from tests.galproject.addresses import make_things
from variables.models import CampaignObject, GalFlag

pytestmark = pytest.mark.django_db
LISTS = ("exposure", "image", "reference", "candidate", "flag", "vote", "comment")
OF_A_THING = (
    *(
        "exposure",
        "focal_plane",
        "image",
        "references_preview",
        "candidate",
        "campaign",
        "star_list",
        "upload",
    ),
    "candidate_data",
)
PAGES = (
    *(
        "home",
        "repeat_detections",
        "working_status",
        "candidates",
        "flags",
        "vetting",
        "plane",
        "tags",
        "notices",
        "watches",
        "nights",
        "uploads",
    ),
    *("help", "field_guide"),
    *("references", "quality", "coverage", "coverage_exposures"),
    *("diagrams", "diagram_points", "gallery", "completeness"),
)
WITH_QUERIES = (
    "/find/?q=e",
    "/nights/2023-02-25/",
    "/references/?position=266+-29&filter=i&radius=1",
    "/working-status/?state=failed&state=queued&state=interrupted&doubted=on",
    "/diagrams/points/?diagram=period-luminosity&by=model",
    "/coverage/chips/?ra=266&dec=-29&radius=2",
    "/candidates/?filter=i&sort=-rms_mag",
    "/candidates/repeated/?filter=i&accepted=no",
)


def grow(campaign_id, first, last):
    """More of everything that pages list."""
    for number in range(first, last):
        exposure = make_exposure(f"e{number}", ("done", "failed", "queued"))
        make_line(exposure, 1, level=GalCheckpoint.Level.ERROR)
        candidate = make_candidate(1 + number % 3, ra=266.0 + 0.01 * number)
        CampaignObject.objects.create(
            campaign_id=campaign_id, refsource_id=candidate.pk, rank=2 + number
        )
        GalFlag.objects.create(refsource_id=candidate.pk, artifact="ghost", state="proposed")
    crossmatch_all()


def urls(things):
    yield from (reverse(name) for name in PAGES)
    places = {
        "references_preview": "exposure",
        "focal_plane": "exposure",
        "candidate_data": "candidate",
    }
    yield from (reverse(name, args=[things[places.get(name, name)]]) for name in OF_A_THING)
    yield from WITH_QUERIES
    yield f"/references/blink/?a={things['exposure']}&b={things['exposure']}"
    yield from (reverse(f"api-{name}-list") for name in LISTS)
    for model in admin.site._registry:
        yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def n_queries_by_url(client, asked):
    numbers = {}
    for url in asked:
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        numbers[url] = len(queries)
    return numbers


def test_the_number_of_queries_is_the_same_at_two_sizes_of_the_survey(client):
    user = User.objects.create_superuser("root")
    client.force_login(user)
    things = make_things()
    grow(things["campaign"], 0, 3)
    asked = list(urls(things))
    for url in asked:  # for what is looked up once
        assert client.get(url).status_code == 200, url
    numbers = [n_queries_by_url(client, asked)]
    grow(things["campaign"], 3, 7)
    numbers.append(n_queries_by_url(client, asked))
    more = {url: (n, numbers[1][url]) for url, n in numbers[0].items() if n != numbers[1][url]}
    assert more == {}
    assert len(numbers[0]) > 50

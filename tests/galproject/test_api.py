"""The API: tables in three formats, light curves, votes and flags, by token."""

import io

import pyarrow.parquet
import pytest
from astropy.io import ascii
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.urls import reverse
from rest_framework.authtoken.models import Token

from photometry.models import GalSource
from tests.variables.candidates import make_candidate, make_candidates
from variables.models import Campaign, CampaignObject, GalCandidate, GalDecision, Taxonomy

pytestmark = pytest.mark.django_db


def person(name, group="readers"):
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=group))
    return user


@pytest.fixture
def headers():
    cache.clear()
    return {"Authorization": f"Token {Token.objects.create(user=person('annie')).key}"}


def test_a_token_opens_the_tables(client, headers):
    candidate = make_candidate(3)
    rows = client.get("/api/candidates/", headers=headers).json()["results"]
    assert [row["refsource_id"] for row in rows] == [candidate.pk]
    one = client.get(f"/api/candidates/{candidate.pk}/", headers=headers).json()
    assert one["n_detections"] == 3 and one["ra"] == candidate.ra
    for thing, n in (
        ("exposures", 4),
        ("images", 4),
        ("references", 1),
        ("flags", 0),
        ("votes", 0),
    ):
        assert len(client.get(f"/api/{thing}/", headers=headers).json()["results"]) == n
    assert client.get("/api/candidates/", headers={"Authorization": "Token no"}).status_code == 401


def test_lists_are_filtered_as_on_the_page_and_paged(client, headers):
    make_candidates(9)
    get = lambda **asked: client.get("/api/candidates/", asked, headers=headers).json()  # noqa: E731
    assert len(get(detections_min=3)["results"]) == 3
    first = get(page_size=5)
    second = client.get(first["next"], headers=headers).json()
    ids = [row["refsource_id"] for row in first["results"] + second["results"]]
    assert ids == list(GalCandidate.objects.order_by("pk").values_list("pk", flat=True))
    assert second["next"] is None
    refused = client.get("/api/candidates/", {"position": "nowhere"}, headers=headers)
    assert refused.status_code == 400 and "is no position" in refused.json()["position"][0]


def test_tables_come_as_csv_and_parquet(client, headers):
    make_candidates(4)
    ids = list(GalCandidate.objects.order_by("pk").values_list("pk", flat=True))
    text = client.get("/api/candidates/?format=csv", headers=headers)
    assert ascii.read(text.content.decode(), format="csv")["refsource_id"].tolist() == ids
    parquet = {**headers, "Accept": "application/vnd.apache.parquet"}
    table = client.get("/api/candidates/", headers=parquet)
    read = pyarrow.parquet.read_table(io.BytesIO(table.content))
    assert read["refsource_id"].to_pylist() == ids


def test_light_curves_come_by_id_and_by_cone(client, headers):
    candidate = make_candidate(3)
    expected = list(GalSource.objects.light_curve(candidate.pk).values_list("mjd", "mag"))
    by_id = client.get(f"/api/sources/{candidate.pk}/light-curve/", headers=headers).json()
    assert [(row["mjd"], row["mag"]) for row in by_id] == expected
    also = client.get(f"/api/candidates/{candidate.pk}/light-curve/", headers=headers).json()
    assert also == by_id and by_id[0]["rchi2"] is None
    place = {"ra": candidate.ra, "dec": candidate.dec, "radius_arcsec": 0.5}
    in_cone = client.get("/api/cone/", place, headers=headers).json()
    assert {row.pop("distance_arcsec") for row in in_cone} == {0.0} and in_cone == by_id
    table = client.get("/api/cone/", {**place, "format": "csv"}, headers=headers)
    assert len(ascii.read(table.content.decode(), format="csv")) == 4


@pytest.mark.parametrize(
    "asked", [{"ra": 1}, {"ra": 400, "dec": 0}, {"ra": 1, "dec": 1, "radius_arcsec": 90}]
)
def test_what_is_no_cone_is_told(client, headers, asked):
    response = client.get("/api/cone/", asked, headers=headers)
    assert response.status_code == 400 and response.json()


def test_votes_are_cast_and_stay_blind(client):
    candidate = make_candidate(2)
    annie, henrietta = person("annie", "vetters"), person("henrietta", "vetters")
    campaign = Campaign.objects.create(
        name="c", taxonomy=Taxonomy.objects.get(is_current=True), created_by=annie, votes_wanted=2
    )
    CampaignObject.objects.create(campaign=campaign, refsource_id=candidate.pk, rank=1)
    vote = {"refsource_id": candidate.pk, "choice": "rr-lyrae"}
    client.force_login(henrietta)
    assert client.post("/api/votes/", vote, content_type="application/json").status_code == 201
    client.force_login(annie)
    own = f"/api/votes/?refsource_id={candidate.pk}"
    assert client.get(own).json()["results"] == []
    assert client.get("/api/votes/").json()["results"] == []
    client.post("/api/votes/", vote, content_type="application/json")
    assert {row["user"] for row in client.get(own).json()["results"]} == {"annie", "henrietta"}
    assert GalDecision.objects.filter(how="api").count() == 2


def test_what_can_t_be_done_is_told(client):
    client.force_login(person("curator", "curators"))
    for url, said in (
        ("/api/votes/", {"refsource_id": 77, "choice": "rr-lyrae"}),
        ("/api/flags/", {"refsource_id": 77, "artifact": "ghost"}),
    ):
        response = client.post(url, said, content_type="application/json")
        assert response.status_code == 409 and "77" in response.json()["detail"]
    wrong = client.post("/api/flags/", {"artifact": "dragon"}, content_type="application/json")
    assert wrong.status_code == 400 and set(wrong.json()) == {"artifact", "refsource_id"}


def test_one_s_token_is_shown_once_and_revoked(client):
    user = person("annie")
    client.force_login(user)
    client.post(reverse("make_token"))
    key = Token.objects.get().key
    assert key in client.get(reverse("api_documentation")).content.decode()
    assert key not in client.get(reverse("api_documentation")).content.decode()
    client.post(reverse("revoke_token"))
    assert not Token.objects.exists()


def test_the_schema_is_whole_and_described(client, headers):
    page = client.get("/api/", headers={}).url
    assert page.startswith("/login/")
    client.force_login(User.objects.get())
    text = client.get("/api/").content.decode()
    for path in ("/api/cone/", "/api/votes/", "/api/sources/{refsource_id}/light-curve/"):
        assert path in text
    schema = client.get("/api/schema/", headers=headers)
    assert schema.status_code == 200 and b"openapi: 3" in schema.content

"""The API: tables in three formats, light curves, votes and flags, by token."""

import csv
import io
import json
from datetime import datetime

import numpy as np
import pyarrow.parquet
import pytest
from astropy.io import ascii
from django.contrib.auth.models import User
from django.core.cache import cache
from requests.utils import parse_header_links

from exposures.models import GalExposure, GalImage
from exposures.science.barycentre import ObservatoryOptions, bjd_tdb
from galproject.api.views import Cone, ExposureViewSet
from photometry.models import GalObjectSource, GalSource
from photometry.storage import storage
from photometry.storage.light_curves import light_curve
from photometry.storage.storage import catalogue_sources
from tests.builders.candidates import crossmatch_all, make_candidate, make_candidates
from tests.builders.people import make_person as person
from tests.builders.people import token_header
from tests.builders.survey_rows import make_image
from variables.models import Campaign, CampaignObject, GalCandidate, GalDecision, Taxonomy

pytestmark = pytest.mark.django_db


@pytest.fixture
def headers():
    cache.clear()
    return token_header(person("annie"))


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


def parquet_of(response):
    return pyarrow.parquet.read_table(io.BytesIO(response.getvalue()))


def many_exposures(n, **columns):
    GalExposure.objects.bulk_create(
        GalExposure(
            instrument="decam",
            identifier=str(k),
            filter="i",
            mjd=60000 + k / 7,
            **{"exposure_seconds": 30, "ra": 266.1 + k / 9, "dec": -29.1} | columns,
        )
        for k in range(n)
    )


def test_tables_have_all_rows_however_many(rf, headers):
    many_exposures(122)
    ids = list(GalExposure.objects.order_by("pk").values_list("pk", flat=True))
    for first_rows in (200, 50):
        numbers = {"first_rows": first_rows, "rows_at_once": 30}
        view = ExposureViewSet.as_view({"get": "list"}, **numbers)
        text = view(rf.get("/api/exposures/?format=csv", headers=headers))
        assert text.streaming == (first_rows < len(ids))
        rows = list(csv.DictReader(io.StringIO(text.getvalue().decode())))
        table = parquet_of(view(rf.get("/api/exposures/?format=parquet", headers=headers)))
        assert [int(row["id"]) for row in rows] == table["id"].to_pylist() == ids
        # Every digit, and moments with their zone.
        exposures = list(GalExposure.objects.order_by("pk"))
        assert [float(row["mjd"]) for row in rows] == [e.mjd for e in exposures]
        assert table["ra"].to_pylist() == [e.ra for e in exposures]
        assert table["ingested"].to_pylist() == [e.ingested for e in exposures]
        assert datetime.fromisoformat(rows[0]["ingested"]) == exposures[0].ingested


def test_pages_of_tables_say_where_the_others_are_and_how_many_there_are(client, headers):
    many_exposures(12)
    url, seen = "/api/exposures/?format=csv&page_size=5", []
    while url:
        page = client.get(url, headers=headers)
        assert page["X-Total-Count"] == "12"
        seen += [row["id"] for row in csv.DictReader(io.StringIO(page.content.decode()))]
        links = {link["rel"]: link["url"] for link in parse_header_links(page["Link"])}
        assert "first" in links and ("prev" in links) == (len(seen) > 5)
        url = links.get("next")
    assert len(set(seen)) == 12
    assert 'rel="next"' in client.get("/api/exposures/?page_size=5", headers=headers)["Link"]


def test_a_table_has_the_same_types_whatever_is_in_it(client, headers):
    things = ("exposures", "images", "references", "candidates", "flags", "votes")

    def schema_of(thing):
        return parquet_of(client.get(f"/api/{thing}/?format=parquet", headers=headers)).schema

    empty = {thing: schema_of(thing) for thing in things}
    make_candidate(3)
    GalImage.objects.filter(pk=GalImage.objects.first().pk).update(fwhm_arcsec=1.5, n_sources=3)
    for thing, schema in empty.items():
        assert schema_of(thing).equals(schema, check_metadata=True)
        assert "null" not in map(str, schema.types)
    assert str(empty["candidates"].field("ra").type) == "double"
    assert empty["candidates"].field("ra").metadata[b"unit"] == b"deg"


def test_no_cell_of_a_table_is_a_formula(client, headers):
    many_exposures(1, object_name="=HYPERLINK(1)", dec=-29.5)
    (row,) = csv.DictReader(
        io.StringIO(client.get("/api/exposures/?format=csv", headers=headers).content.decode())
    )
    assert row["object_name"] == "'=HYPERLINK(1)" and row["dec"] == "-29.5"
    table = parquet_of(client.get("/api/exposures/?format=parquet", headers=headers))
    assert table["object_name"].to_pylist() == ["=HYPERLINK(1)"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_errors_are_json_whatever_was_asked_for(client, headers, kind):
    for url in ("/api/exposures/77/", "/api/cone/", "/api/exposures/?cursor=nonsense"):
        join = "&" if "?" in url else "?"
        response = client.get(f"{url}{join}format={kind}", headers=headers)
        assert response.status_code in (400, 404) and response.json()
        assert response["Content-Type"] == "application/json"


def test_one_row_is_a_table_too(client, headers):
    candidate = make_candidate(2)
    table = parquet_of(
        client.get(f"/api/candidates/{candidate.pk}/?format=parquet", headers=headers)
    )
    assert table.to_pylist()[0]["refsource_id"] == candidate.pk
    whole = parquet_of(client.get("/api/candidates/?format=parquet", headers=headers))
    assert table.schema.equals(whole.schema)


def test_a_star_in_all_filters_is_a_row_with_its_sources_as_json(client, headers):
    candidate = make_candidate(2)
    crossmatch_all()
    star = GalObjectSource.objects.get(pk=candidate.pk).object
    url = f"/api/objects/{star.pk}/?format="
    table = parquet_of(client.get(url + "parquet", headers=headers))
    assert [str(table.schema.field(name).type) for name in ("ra", "kind")] == ["double", "int64"]
    (row,) = table.to_pylist()
    text = client.get(url + "csv", headers=headers).content.decode()
    (line,) = csv.DictReader(io.StringIO(text))
    whole = client.get(url + "json", headers=headers).json()
    assert json.loads(row["sources"]) == json.loads(line["sources"]) == whole["sources"]
    assert (row["kind"], float(line["ra"])) == (whole["kind"], star.ra)


def test_measurements_keep_the_digits_of_single_precision(client, headers):
    candidate = make_candidate(2)
    url = f"/api/sources/{candidate.pk}/light-curve/?format="
    rows = list(
        csv.DictReader(io.StringIO(client.get(url + "csv", headers=headers).content.decode()))
    )
    table = parquet_of(client.get(url + "parquet", headers=headers))
    stored = light_curve(candidate.pk)
    assert str(table.schema.field("mag").type) == "float"
    assert table["mag"].to_pylist() == stored["mag"].tolist()
    assert np.array_equal(np.array([row["mag"] for row in rows], "f4"), stored["mag"])
    assert all(len(row["mag"]) < 10 for row in rows) and rows[0]["rchi2"] == ""


def test_light_curves_say_where_a_star_was_not_detected(client, headers):
    candidate = make_candidate(3)
    gone = catalogue_sources(candidate.catalogue)[2:3]
    gone["flux"], gone["flux_err"], gone["mag"], gone["mag_err"] = -2, 20, np.nan, np.nan
    image = make_image("gone", mjd=60000.5, zero_point=30.0)
    storage.replace_measurements(image, gone[:0], gone)
    place = {"ra": candidate.ra, "dec": candidate.dec, "radius_arcsec": 0.5}
    curve = client.get(f"/api/sources/{candidate.pk}/light-curve/", headers=headers).json()
    for url in (f"/api/candidates/{candidate.pk}/light-curve/", "/api/cone/"):
        answer = client.get(url, place, headers=headers).json()
        assert [{k: row[k] for k in curve[0]} for row in answer] == curve
    assert [row["kind"] for row in curve] == ["detection", "non-detection"] + ["detection"] * 3
    assert [row["limit_mag"] for row in curve[2:]] == [None] * 3
    missed = curve[1]
    assert (missed["mag"], missed["flux"], missed["flux_err"]) == (None, -2, 20)
    assert missed["limit_mag"] == pytest.approx(30 - 2.5 * np.log10(100), abs=1e-4)
    assert missed["filter"] == "i" and missed["galimage_id"] == image.pk
    url = f"/api/sources/{candidate.pk}/light-curve/?format=parquet"
    table = parquet_of(client.get(url, headers=headers))
    assert table["kind"].to_pylist() == [row["kind"] for row in curve]
    assert str(table.schema.field("limit_mag").type) == "float"


def test_json_of_a_cone_is_never_cut_short_silently(rf, headers):
    candidate = make_candidate(3)
    place = {"ra": candidate.ra, "dec": candidate.dec, "radius_arcsec": 0.5}
    cone = Cone.as_view(max_measurements=3)
    refused = cone(rf.get("/api/cone/", place, headers=headers))
    assert refused.status_code == 400 and "smaller radius_arcsec" in refused.data[0]
    assert Cone.as_view(max_measurements=4)(rf.get("/api/cone/", place, headers=headers)).data
    whole = cone(rf.get("/api/cone/", {**place, "format": "csv"}, headers=headers))
    assert len(whole.content.decode().splitlines()) == 5


def test_light_curves_come_by_id_and_by_cone(client, headers):
    candidate = make_candidate(3)
    expected = list(GalSource.objects.light_curve(candidate.pk).values_list("mjd", "mag"))
    by_id = client.get(f"/api/sources/{candidate.pk}/light-curve/", headers=headers).json()
    assert [(row["mjd"], row["mag"]) for row in by_id] == expected
    times = bjd_tdb(
        [row["mjd"] for row in by_id], candidate.ra, candidate.dec, ObservatoryOptions()
    )
    assert [row["bjd_tdb"] for row in by_id] == pytest.approx(times, abs=1e-9)
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


def test_the_schema_is_whole_and_described(client, headers):
    page = client.get("/api/", headers={}).url
    assert page.startswith("/login/")
    client.force_login(User.objects.get())
    text = client.get("/api/").content.decode()
    for path in ("/api/cone/", "/api/votes/", "/api/sources/{refsource_id}/light-curve/"):
        assert path in text
    schema = client.get("/api/schema/", headers=headers)
    assert schema.status_code == 200 and b"openapi: 3" in schema.content

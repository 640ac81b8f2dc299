"""Services of the Virtual Observatory, as pyvo and the validator of astropy see them."""

import base64
import io
import shutil
import subprocess
from functools import partial
from itertools import chain

import numpy as np
import pytest
import pyvo
import requests
from astropy.io.votable import parse, validate
from astropy.io.votable.ucd import parse_ucd
from django.core.cache import cache
from pyvo.io.vosi import parse_availability, parse_capabilities, parse_tables

from galproject.api.columns import UCDS
from galproject.export.columns import FLAT, NESTED
from galproject.virtual_observatory import cone_columns, cone_query
from photometry.models import GalSource
from tests.builders.candidates import crossmatch_all, make_candidate, make_candidates
from tests.builders.django_adapter import DjangoAdapter
from tests.builders.people import make_person, token_header
from tests.builders.queries import n_queries_of
from variables.models import Campaign, CampaignObject, GalDecision, Taxonomy
from variables.vetting.decisions import DecisionInput, decide

pytestmark = pytest.mark.django_db
NAMES = ("sources", "objects", "candidates")


@pytest.fixture
def headers():
    cache.clear()
    return token_header(make_person("annie"))


@pytest.fixture
def cone(client, headers):
    """Ask a cone search of pyvo: cone(name, candidate, radius_degrees, ...)."""
    session = requests.Session()
    session.headers.update(headers)
    session.mount("http://localhost", DjangoAdapter(client))

    def ask(name, star, radius=0.01, **asked):
        service = pyvo.dal.SCSService(f"http://localhost/vo/{name}/search?", session=session)
        return service.search(pos=(star.ra, star.dec), radius=radius, **asked)

    return ask


def place(star, **asked):
    return {"RA": star.ra, "DEC": star.dec, "SR": 0.01} | asked


def assert_valid(content):
    report = io.StringIO()
    assert validate(io.BytesIO(content), output=report), report.getvalue()


def infos_of(document):
    return {info.name: info.value for info in document.resources[0].infos}


def test_pyvo_finds_what_is_near_the_nearest_first(cone):
    star = make_candidate(3)
    crossmatch_all()
    sources, objects, candidates = (cone(name, star, 0.1) for name in NAMES)
    expected = list(GalSource.objects.cone(star.ra, star.dec, 360).values_list("pk", flat=True))
    assert [int(row.id) for row in sources] == [refsource_id for refsource_id, _ in expected]
    assert [int(row.id) for row in candidates] == [star.pk]
    assert (candidates[0].pos.ra.deg, candidates[0].pos.dec.deg) == (star.ra, star.dec)
    assert objects[0]["mag_i"] == pytest.approx(star.reference_mag, abs=1e-4)
    assert len(objects) == len(sources) > 1
    assert sources[0]["object_id"] == int(objects[0].id)
    assert np.all(np.diff(sources["distance_arcsec"]) >= 0)


def test_light_curves_that_rows_lead_to_say_frames_of_time_and_are_valid(cone, client, headers):
    star = make_candidate(3)
    address = cone("candidates", star)[0]["light_curve"]
    answer = client.get(address, headers=headers)
    assert_valid(answer.content)
    document = parse(io.BytesIO(answer.content))
    systems = {system.ID: system for system in document.resources[0].time_systems}
    fields = {field.name: field for field in document.get_first_table().fields}
    at = systems[fields["bjd_tdb"].ref]
    assert (at.timescale, at.refposition) == ("TDB", "BARYCENTER")
    assert systems[fields["mjd"].ref].timescale == "UTC"
    assert fields["mag"].ucd == "phot.mag;meta.main" and str(fields["mag"].unit) == "mag"
    assert len(document.get_first_table().array) == 4


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_valid_with_and_without_rows_at_each_verbosity(client, headers, name):
    star = make_candidate(3)
    crossmatch_all()
    n_columns = []
    for verbosity in (1, 2, 3):
        for asked in ({}, {"SR": 0}, {"MAXREC": 0}, {"DEC": 80}):
            query = place(star, VERB=verbosity) | asked
            answer = client.get(f"/vo/{name}/search", query, headers=headers)
            assert answer["Content-Type"] == "text/xml;content=x-votable"
            assert_valid(answer.content)
            table = parse(io.BytesIO(answer.content)).get_first_table()
            assert bool(len(table.array)) == (asked == {})
        n_columns.append(len(table.fields))
    assert n_columns == sorted(n_columns) and n_columns[0] < n_columns[1]
    ucds = [field.ucd for field in table.fields]
    assert all(ucds.count(f"POS_EQ_{one}_MAIN") == 1 for one in ("RA", "DEC"))
    assert [field.datatype for field in table.fields if field.ucd == "ID_MAIN"] == ["char"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"RA": ""}, "RA is missing"),
        ({"DEC": "91"}, "DEC: the number has to be from -90 to 90"),
        ({"SR": "a"}, "SR: 'a' is not a number"),
        ({"SR": "0.2"}, "SR: the number has to be from 0 to 0.1"),
        ({"VERB": "4"}, "VERB"),
        ({"MAXREC": "-1"}, "MAXREC"),
    ],
)
def test_what_is_no_cone_is_told_in_a_votable(client, headers, cone, asked, told):
    query = {"RA": "266", "DEC": "-29", "SR": "0.01"} | asked
    answer = client.get("/vo/sources/search", query, headers=headers)
    assert_valid(answer.content)
    infos = infos_of(parse(io.BytesIO(answer.content)))
    assert infos["QUERY_STATUS"] == "ERROR" and told in infos["Error"]


def test_rows_are_bounded_and_what_is_left_out_is_told(cone, monkeypatch):
    star = make_candidate(3)
    cut = cone("sources", star, 0.1, maxrec=1)
    assert infos_of(cut.votable)["QUERY_STATUS"] == "OVERFLOW" and [int(row.id) for row in cut] == [
        star.pk
    ]
    whole = cone("sources", star, 0.1, maxrec=9)
    assert infos_of(whole.votable)["QUERY_STATUS"] == "OK" and len(whole) > 1
    monkeypatch.setattr(cone_query, "MAX_ROWS", 1)
    cut = cone("sources", star, 0.1)
    assert infos_of(cut.votable)["QUERY_STATUS"] == "OVERFLOW" and len(cut) == 1
    with pytest.raises(pyvo.dal.DALQueryError, match=r"SR: the number has to be from 0 to 0\.1"):
        cone("sources", star, 0.2)


def test_a_cone_asks_as_many_queries_whatever_is_in_it(client, headers):
    star = make_candidates(30)[4]
    crossmatch_all()
    for name in NAMES:
        ask = partial(client.get, f"/vo/{name}/search", headers=headers)
        few = n_queries_of(partial(ask, place(star, MAXREC=1)))
        assert few == n_queries_of(partial(ask, place(star, SR=0.1)))


def test_a_token_is_needed_and_may_be_given_as_a_password(client, headers):
    star = make_candidate(3)
    refused = client.get("/vo/sources/search", place(star))
    assert refused.status_code == 401 and refused["WWW-Authenticate"].startswith("Basic realm=")
    key = headers["Authorization"].partition(" ")[2]
    for password, status in ((key, 200), ("gal_wrong", 401), ("secret", 401)):
        written = base64.b64encode(f"annie:{password}".encode()).decode()
        for said in (f"Basic {written}", f"basic {written}"):
            answer = client.get("/vo/sources/search", place(star), headers={"Authorization": said})
            assert answer.status_code == status
    broken = client.get("/vo/sources/search", headers={"Authorization": "Basic ***"})
    assert broken.status_code == 401


def test_nothing_that_people_said_is_in_a_cone_search(client, headers):
    star = make_candidate(3)
    before = client.get("/vo/candidates/search", place(star, VERB=3), headers=headers).content
    voter = make_person("bo", "vetters")
    taxonomy = Taxonomy.objects.get(is_current=True)
    campaign = Campaign.objects.create(name="c", taxonomy=taxonomy, created_by=voter)
    CampaignObject.objects.create(campaign=campaign, refsource_id=star.pk, rank=1)
    decide(voter, DecisionInput(star.pk, "rr-lyrae", how=GalDecision.How.API))
    after = client.get("/vo/candidates/search", place(star, VERB=3), headers=headers).content
    assert before == after and b"rr-lyrae" not in after


@pytest.mark.filterwarnings(
    "ignore:Unknown xsi", "ignore::pyvo.utils.xml.exceptions.UnknownElementWarning"
)
@pytest.mark.parametrize("name", NAMES)
def test_registries_read_what_a_service_does_without_a_token(client, name):
    answer = client.get(f"/vo/{name}/capabilities")
    found = {one.standardid: one for one in parse_capabilities(io.BytesIO(answer.content).read)}
    search = found["ivo://ivoa.net/std/ConeSearch"]
    assert search.interfaces[0].accessurls[0].content == f"http://testserver/vo/{name}/search?"
    page = found["ivo://ivoa.net/std/VOSI#availability"].interfaces[0].accessurls[0].content
    assert parse_availability(io.BytesIO(client.get(page).content).read).available
    assert client.get("/vo/stars/capabilities").status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_tables_tell_the_columns_of_answers_without_a_token_or_what_the_survey_has(
    client, headers, name
):
    star = make_candidate(3)
    crossmatch_all()
    query = place(star, VERB=3, SR=0)
    answer = client.get(f"/vo/{name}/search", query, headers=headers)
    fields = parse(io.BytesIO(answer.content)).get_first_table().fields
    told = io.BytesIO(client.get(f"/vo/{name}/tables").content)
    ((table,),) = parse_tables(told.read, pedantic=True).tableset
    assert table.name == name
    columns = {(c.name, c.datatype.content, c.datatype.arraysize) for c in table.columns}
    given = {(f.name, f.datatype, f.arraysize or "1") for f in fields}
    assert {name for name, *_ in given - columns} == ({"mag_i"} if name == "objects" else set())
    assert columns <= given
    assert {c.name: (c.ucd, c.unit or "") for c in table.columns}.items() <= {
        f.name: (f.ucd, str(f.unit or "")) for f in fields
    }.items()


def test_every_ucd_of_tables_and_exports_is_of_the_vocabulary():
    own = [*FLAT, *chain(*NESTED.values()), *cone_columns.SOURCES, *cone_columns.CANDIDATES]
    ucds = {column.ucd for column in own} | set(UCDS.values())
    for ucd in ucds - {"ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"}:
        parse_ucd(ucd, check_controlled_vocabulary=True)


def test_votlint_finds_nothing_wrong(client, headers, tmp_path):
    stilts = shutil.which("stilts")
    if stilts is None:
        pytest.skip("stilts is not installed")
    star = make_candidate(3)
    crossmatch_all()
    checks = []
    for address, asked in (
        ("/vo/objects/search", place(star, VERB=3)),
        (f"/api/sources/{star.pk}/light-curve/", {"format": "votable"}),
    ):
        path = tmp_path / f"{len(checks)}.vot"
        path.write_bytes(client.get(address, asked, headers=headers).content)
        to = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        checks.append(subprocess.Popen([stilts, "votlint", str(path)], **to))
    assert [check.communicate()[0] for check in checks] == [b"", b""]

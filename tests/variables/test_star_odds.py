"""Which star changes, with its odds, in exports and the API."""

import csv
import json
from io import BytesIO, StringIO

import pyarrow.parquet
import pytest

from exposures.keyset import KeysetOrder
from tests.builders.candidates import make_candidate
from tests.builders.change_positions import make_position
from tests.builders.people import make_person, token_header
from variables.candidates.export import export
from variables.candidates.search import CandidateSearch
from variables.candidates.star_odds import MEANINGS
from variables.models import GalCandidate
from variables.science.changed_star import Doubt

pytestmark = pytest.mark.django_db
NAMES = ("likeliest_star", "likeliest_star_odds", "own_odds", "odds_of_no_star")


@pytest.fixture
def three():
    """A candidate whose neighbour changes; one of which a second star is doubted; one unknown."""
    blend, doubted, unknown = (make_candidate(2, ra=266.0 + 0.1 * k) for k in range(3))
    make_position(blend, {blend.pk: 0.02, blend.pk + 1: 0.97}, Doubt.ONE_EPOCH)
    make_position(doubted, {doubted.pk: 0.3}, Doubt.SECOND | Doubt.ONE_EPOCH)
    return blend, doubted, unknown


def exported(name):
    search = CandidateSearch(GalCandidate.objects.all(), KeysetOrder("pk"))
    pieces = export(search, name, make_person(name))
    return b"".join(p if isinstance(p, bytes) else p.encode() for p in pieces)


def test_exports_have_the_odds_of_each_star_and_whether_they_are_trusted(three):
    blend, doubted, unknown = csv.DictReader(StringIO(exported("csv").decode()))
    own = three[0].pk
    assert [float(blend[name]) for name in NAMES] == [own + 1, 0.97, 0.02, 0.01]
    assert json.loads(blend["star_odds"]) == [[own, 0.02, 12.0], [own + 1, 0.97, 9.0]]
    assert blend["star_doubts"] == "one image" and blend["are_odds_trusted"] == "True"
    assert [doubted[name] for name in NAMES] == ["", "0.7", "0.3", "0.7"]
    assert doubted["star_doubts"] == "one image, another change"
    assert doubted["are_odds_trusted"] == "False"
    assert all(unknown[name] == "" for name in MEANINGS)


def test_files_say_what_each_column_of_them_means(three):
    votable = " ".join(exported("votable").decode().split())
    assert "that it is none of the sources listed" in votable
    schema = pyarrow.parquet.read_schema(BytesIO(exported("parquet")))
    for name, meaning in MEANINGS.items():
        assert schema.field(name).metadata[b"description"].decode() == meaning


def test_the_api_has_them_of_one_of_a_page_and_of_a_table(client, three):
    headers = token_header(make_person("annie"))
    rows = client.get("/api/candidates/", headers=headers).json()["results"]
    by_id = {row["refsource_id"]: row for row in rows}
    blend, doubted, unknown = (by_id[one.pk] for one in three)
    own = three[0].pk
    assert [blend[name] for name in NAMES] == [own + 1, 0.97, 0.02, 0.01]
    assert blend["star_odds"] == [[own, 0.02, 12.0], [own + 1, 0.97, 9.0]]
    assert [one["are_odds_trusted"] for one in (blend, doubted, unknown)] == [True, False, None]
    assert all(unknown[name] is None for name in MEANINGS)
    one = client.get(f"/api/candidates/{own}/", headers=headers).json()
    assert {name: one[name] for name in MEANINGS} == {name: blend[name] for name in MEANINGS}
    text = client.get("/api/candidates/?format=csv", headers=headers).getvalue().decode()
    table = {int(row["refsource_id"]): row for row in csv.DictReader(StringIO(text))}
    assert json.loads(table[own]["star_odds"]) == blend["star_odds"]
    schema = client.get("/api/schema/?format=json", headers=headers).json()
    fields = schema["components"]["schemas"]["Candidate"]["properties"]
    assert all(fields[name]["description"] == meaning for name, meaning in MEANINGS.items())

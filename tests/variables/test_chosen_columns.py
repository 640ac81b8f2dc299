"""The columns of the list of candidates that somebody chose, and small pictures in its rows."""

import re

import pytest
from django.urls import reverse

from tests.builders.campaigns import make_campaign, make_voter, vote
from tests.builders.candidates import crossmatch_all, make_candidate
from tests.builders.people import make_person
from variables.candidates.chosen_columns import THERE_ARE, USUAL
from variables.models import GalCandidate, ListColumns

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client):
    client.force_login(make_person("annie"))
    return client


def labels(client, query=""):
    """The labels of the cells of the first row."""
    page = client.get(f"{reverse('candidates')}?{query}").content.decode()
    row = page[page.index("<tbody>") : page.index("</tr>", page.index("<tbody>"))]
    return re.findall(r'data-label="([^"]*)"', row)


def test_a_list_has_the_usual_columns_until_somebody_chooses_others(reader):
    make_candidate(3)
    usual = labels(reader)
    assert usual[2:] == [THERE_ARE[key].heading for key in USUAL]
    query = "detections_min=2&columns=kind"
    chosen = {"columns": ["n_epochs", "skewness", "no such"], "query": query}
    answer = reader.post(reverse("choose_columns"), chosen)
    assert answer.url == f"{reverse('candidates')}?detections_min=2"
    assert labels(reader)[2:] == ["epochs", "skewness"]
    # An address that names some shows those, to whoever opens it.
    assert labels(reader, "columns=x,filter")[2:] == ["filter", "x"]
    reader.post(reverse("choose_columns"), {"usual": "1", "columns": ["x"]})
    assert labels(reader) == usual and not ListColumns.objects.exists()


def test_columns_are_kept_for_each_user_alone(reader, client):
    make_candidate(3)
    reader.post(reverse("choose_columns"), {"columns": ["x"]})
    client.force_login(make_person("bob"))
    assert len(labels(client)[2:]) == len(USUAL)


def test_every_column_can_be_shown(reader):
    make_candidate(3, failed_cuts=12, has_vanished=True, agreed_period_days=2.5)
    crossmatch_all()
    shown = labels(reader, f"columns={','.join(THERE_ARE)}")
    expected = [column.heading for column in THERE_ARE.values()]
    pictures = expected[:2]
    assert shown == [*pictures, "position", "l, b (°)", *expected[2:]]


def test_what_others_said_is_in_no_column_before_one_s_own_vote(client):
    candidates = [make_candidate(3), make_candidate(4)]
    campaign = make_campaign(candidates="those", query="")
    user = make_voter("carl")
    client.force_login(user)
    address = f"{reverse('candidates')}?columns=is_disputed,agreed_period_days,n_votes,consensus"

    def table():
        page = client.get(address).content.decode()
        return page[page.index("<tbody>") : page.index("</tbody>")]

    before = table()
    vote(make_voter("bob"), candidates[0].pk, "flare", campaign)
    GalCandidate.objects.update(is_disputed=True, agreed_period_days=2.5)
    assert table() == before
    vote(user, candidates[0].pk, "flare", campaign)
    assert table() != before


def test_rows_ask_for_their_pictures_only_where_these_are_chosen(reader):
    candidate = make_candidate(3)
    assert "data-thumbnails" not in reader.get(reverse("candidates")).content.decode()
    page = reader.get(f"{reverse('candidates')}?columns=cutouts,curve,filter").content.decode()
    assert f'data-id="{candidate.pk}"' in page
    found = reader.get(f"{reverse('candidate_thumbnails')}?id={candidate.pk}&id=7").json()
    assert list(found) == [str(candidate.pk)]
    ((name, points),) = found[str(candidate.pk)]["curves"]
    assert name == "i" and len(points) == 4 and found[str(candidate.pk)]["cutouts"] is None


def test_pictures_are_given_for_a_page_of_candidates_at_most(reader):
    asked = "&".join(f"id={number}" for number in range(61))
    assert reader.get(f"{reverse('candidate_thumbnails')}?{asked}").status_code == 400

"""The box in the head of each page finds things by what people call them."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from exposures.models import GalField
from galproject.finding.found import MAX_FOUND, find
from photometry.models import GalSource
from tests.builders.candidates import crossmatch_all, make_candidate, make_catalogue
from tests.builders.exposures_in_work import make_exposure
from variables.models import GalCandidate, GalSuccession, SavedSearch

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return User.objects.create_superuser("maria")


def kinds(text, person):
    return [one.kind for one in find(text, person)]


@pytest.mark.parametrize(
    "text", ["266.4168 -29.0078", "17:45:40.03 -29:00:28.1", "17h45m40.03s -29d00m28.1s"]
)
def test_a_position_in_any_notation_leads_to_the_candidates_around_it(client, person, text):
    client.force_login(person)
    answer = client.get(reverse("find"), {"q": text})
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer.url).query)
    ra, dec = map(float, query["position"][0].split())
    assert (ra, dec) == pytest.approx((266.4168, -29.0078), abs=1e-4)
    assert client.get(answer.url).status_code == 200


def test_an_id_leads_to_the_candidate_even_after_it_was_replaced(client, person):
    candidate = make_candidate()
    crossmatch_all()
    GalSuccession.objects.create(old_refsource_id=77 << 20, new_refsource_id=candidate.pk)
    client.force_login(person)
    page = reverse("candidate", args=[candidate.pk])
    assert client.get(reverse("find"), {"q": f" {candidate.pk} "}).url == page
    assert client.get(reverse("find"), {"q": str(77 << 20)}).url == page


def test_a_source_that_is_no_candidate_leads_to_those_around_it(person):
    catalogue = make_catalogue()
    source = GalSource.objects.in_catalogues([catalogue.pk]).reference().first()
    (found,) = find(str(source.refsource_id), person)
    assert found.kind == "source"
    assert f"{source.mag:.2f} mag, no candidate" in found.detail


def test_an_object_leads_to_its_candidates_in_all_filters(client, person):
    make_candidate()
    crossmatch_all()
    object_id = GalCandidate.objects.get().object_id
    found = [one for one in find(str(object_id), person) if one.kind == "object"]
    client.force_login(person)
    page = reverse("candidate", args=[GalCandidate.objects.get().pk])
    assert page in client.get(found[0].url).content.decode()


def test_of_exposures_one_named_exactly_so_comes_alone(person):
    make_exposure("6012")
    make_exposure("60123")
    assert [one.name for one in find("6012", person)] == ["Exposure 6012"]
    assert {one.name for one in find("601", person)} == {"Exposure 6012", "Exposure 60123"}


def test_a_known_variable_is_found_by_the_beginning_of_its_name_in_any_case(person):
    candidate = make_candidate()
    GalCandidate.objects.filter(pk=candidate.pk).update(known_name="OGLE-BLG-RRLYR-00123")
    assert kinds("ogle-blg-rr", person) == ["known variable"]
    assert kinds("rrlyr", person) == []
    assert kinds("OGLE_BLG%", person) == []


def test_fields_and_searches_are_found_by_a_part_of_their_names(person):
    other = User.objects.create_user("other")
    GalField.objects.create(name="Baade's window", ra=270.9, dec=-30.0)
    SavedSearch.objects.create(user=person, name="Windows of mine", query="filter=i")
    SavedSearch.objects.create(user=other, name="Windows of another", query="filter=g")
    assert kinds("window", person) == ["field", "saved search"]


def test_so_many_of_a_kind_are_shown_at_most(person):
    for number in range(MAX_FOUND + 3):
        make_exposure(f"seven-{number}")
    assert len(find("seven", person)) == MAX_FOUND


@pytest.mark.parametrize("text", ["", "no such thing", "9" * 60, "%", "\\", "'"])
def test_who_finds_nothing_reads_what_can_be_typed(client, person, text):
    client.force_login(person)
    answer = client.get(reverse("find"), {"q": text})
    assert answer.status_code == 200
    assert b"Type a position" in answer.content


def test_the_box_keeps_what_was_typed(client, person):
    client.force_login(person)
    assert (
        b'value="no &lt;b&gt; thing"' in client.get(reverse("find"), {"q": "no <b> thing"}).content
    )

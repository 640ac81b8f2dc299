"""What a card says: neighbours on its cutouts and in words, catalogues, dates of its epochs."""

import pytest
from django.db import connection
from django.urls import reverse

from photometry.models import GalSource
from tests.builders.campaigns import ids_of, make_campaign, make_voter
from tests.builders.candidates import make_candidate
from tests.builders.known_variables import make_known, make_variables
from tests.variables.test_vetting_sheets import draw_changes
from variables.candidates.page import STATISTICS
from variables.models import GalCandidate
from variables.vetting.cards import cards_of
from variables.vetting.surroundings import surroundings_of

pytestmark = pytest.mark.django_db
MOVE = "UPDATE galsources SET ra = %s, dec = %s, mag = %s WHERE refsource_id = %s"


def place_beside(candidate, rank, east_arcsec, north_arcsec, mag):
    """Move another source of a candidate's catalogue beside it."""
    others = GalSource.objects.filter(refsource_id__gt=candidate.pk - 3, is_reference=True)
    ids = sorted(set(others.values_list("refsource_id", flat=True)) - {candidate.pk})
    ra = candidate.ra + east_arcsec / 3600 / 0.8746197  # cosine of -29 degrees
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [ra, candidate.dec + north_arcsec / 3600, mag, ids[rank]])


def around(candidate):
    candidate = GalCandidate.objects.select_related("catalogue__image").get(pk=candidate.pk)
    return surroundings_of({candidate.pk: candidate})[candidate.pk]


@pytest.fixture
def candidate():
    return make_candidate(2, ra=266.0, dec=-29.0)


def test_a_brighter_star_within_two_arcseconds_is_told_in_words(candidate):
    mag = candidate.reference_mag
    place_beside(candidate, 0, 0.0, 1.2, mag - 2)
    place_beside(candidate, 1, -1.0, 0.0, mag + 1)
    said = around(candidate)
    assert said["brighter"].startswith(f"a brighter star, i {mag - 2:.2f}, 2.0 mag brighter, 1.2″")
    assert said["brighter"].endswith("to the north")
    assert [distance for _, distance, _, _ in said["neighbours"]] == [1.0, 1.2]


def test_a_fainter_one_and_one_further_off_are_no_warning(candidate):
    place_beside(candidate, 0, 0.0, 1.2, candidate.reference_mag + 0.5)
    place_beside(candidate, 1, 3.0, 0.0, candidate.reference_mag - 3)
    assert around(candidate)["brighter"] == ""


def test_neighbours_lie_on_the_cutout_where_they_lie_on_the_sky(candidate):
    place_beside(candidate, 0, 0.0, 3.0, 17.0)
    place_beside(candidate, 1, 4.0, 0.0, 17.0)
    image = candidate.catalogue.image
    north, east = around(candidate)["neighbours"]
    if image.orientation.north is None:
        pytest.fail("the image of the test has no footprint")
    # To the upper edge of the picture, and to its left.
    assert north[3] < 45 and abs(north[2] - 50) < 3
    assert east[2] < 45 and abs(east[3] - 50) < 3


def test_each_cutout_has_its_date_and_its_point_on_the_curve(client, settings, tmp_path):
    settings.GALPROJECT_PICTURES = str(tmp_path)
    campaign = make_campaign(1)
    draw_changes(campaign)
    client.force_login(make_voter())
    (card,) = client.get(reverse("vet_next", args=[campaign.pk])).json()["objects"]
    own = card["light_curves"]["filters"][0]
    times = dict(zip(own["image_id"], own["mjd"], strict=True))
    epochs = card["cutouts"]["epochs"]
    assert epochs
    for epoch in epochs:
        assert abs(epoch["mjd"] - times[epoch["image_id"]]) < 0.01


def test_no_statistic_is_said_twice():
    campaign = make_campaign(1)
    (card,) = cards_of(campaign.objects_in.all())
    names = [name for name, _, _ in card["statistics"]]
    assert 0 < len(names) < len(STATISTICS)
    assert not {"largest change", "significance"} & set(names)


def test_a_card_names_the_published_variable_that_it_is(candidate):
    make_known(candidate, make_variables(), var_class="RRab", period=0.5432)
    (card,) = cards_of(make_campaign(candidates="those").objects_in.all())
    (line,) = [text for text in card["published"] if "RRab" in text]
    assert "0.5432 d" in line and line.endswith("″")


def test_the_diagram_of_a_field_is_there_for_whoever_sees_the_survey(client, candidate):
    address = reverse("candidate_published", args=[candidate.pk])
    client.force_login(make_voter())
    assert client.get(address).json() == {"published": None}
    assert ids_of(make_campaign(candidates="those")) == [candidate.pk]

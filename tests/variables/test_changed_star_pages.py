"""Which star changes, as people are shown it, and votes that are moved to it."""

from threading import Thread

import pytest
from django.db import connection, transaction
from django.urls import reverse

from tests.builders.campaigns import candidate, ids_of, make_campaign, make_voter, post_json, vote
from tests.builders.candidates import make_candidate, make_candidates
from tests.builders.change_positions import make_position
from variables.candidates.changed_star import changed_stars_of, percent
from variables.models import GalDecision
from variables.science.changed_star import Doubt
from variables.vetting.decisions import DecisionInput, VettingError, decide, undo_decisions
from variables.vetting.moves import MoveError
from variables.votes.blindness import note_shown

pytestmark = pytest.mark.django_db


def facts_of(one):
    return changed_stars_of({one.pk: one})[one.pk]


def test_the_likeliest_star_is_told_in_a_sentence_with_its_odds():
    one = make_candidate()
    make_position(one, {one.pk: 0.02, one.pk + 1: 0.97})
    facts = facts_of(one)
    assert facts.sentence.startswith("Most likely the star ") and "97.0 %, not" in facts.sentence
    assert facts.move_to == one.pk + 1
    assert [star.refsource_id for star in facts.stars] == [one.pk + 1, one.pk]
    assert facts.stars[0].towards and not facts.stars[1].towards
    assert not facts.stars[0].is_candidate and facts.stars[1].is_candidate


def test_a_change_of_the_candidate_itself_or_of_none_of_the_list_says_so():
    own, none, faint = make_candidate(), make_candidate(), make_candidate()
    make_position(own, {own.pk: 0.9996}, doubts=Doubt.ONE_EPOCH | Doubt.SECOND)
    make_position(none, {none.pk: 0.1})
    nowhere = dict.fromkeys(("ra", "dec", "x", "y", "x_err", "y_err", "error_arcsec"))
    make_position(faint, {faint.pk: 0.95}, Doubt.FAINT, **nowhere)
    assert facts_of(own).sentence == "Most likely this star itself, > 99.9 %."
    assert facts_of(own).doubts == (
        "a single image tells",
        "another star nearby changes as well, or what changes is no star",
    )
    assert facts_of(none).sentence.startswith("Most likely none of the stars listed")
    assert "too faint" in facts_of(faint).sentence and facts_of(faint).mark is None
    assert [facts_of(one).move_to for one in (own, none, faint)] == [None] * 3
    assert changed_stars_of({1: own}) == {}


@pytest.mark.parametrize(
    ("odds", "text"),
    [(0.9999, "> 99.9 %"), (0.97, "97.0 %"), (0.5, "50 %"), (0.02, "2.0 %"), (1e-5, "< 0.1 %")],
)
def test_odds_are_never_certain(odds, text):
    assert percent(odds) == text


def test_the_place_is_marked_on_cutouts_with_the_ellipse_of_its_error():
    one = make_candidate()
    row = make_position(one, {one.pk: 1.0})
    mark = facts_of(one).mark
    turn = one.image.orientation.turn
    right = (row.x - round(one.x)) * turn[0][0] + (row.y - round(one.y)) * turn[0][1]
    assert mark.x == pytest.approx(50 + 100 * right / 63, abs=0.01)
    assert mark.radius_x >= mark.radius_y > 0


def blended(**columns):
    """A campaign of one candidate, whose change is most likely that of a source beside it."""
    pk = make_candidate().pk
    make_position(candidate(pk), {pk: 0.02, pk + 1: 0.97})
    return make_campaign(candidates="all", **columns), pk


def test_the_page_and_the_card_show_which_star_changes(client):
    campaign, pk = blended()
    one, ann = candidate(pk), make_voter()
    client.force_login(ann)
    page = client.get(one.get_absolute_url()).content.decode()
    assert "Which star changes" in page and "Most likely the star" in page
    assert f'name="moved_to"\n    value="{one.pk + 1}"' in page
    (card,) = client.get(reverse("vet_next", args=[campaign.pk])).json()["objects"]
    assert card["changed_star"]["move_to"] == str(one.pk + 1)
    assert card["changed_star"]["sentence"] in page.replace("&#x27;", "'")


def moved(pk, choice="rr-lyrae", **said):
    return DecisionInput(pk, choice=choice, moved_to=pk + 1, **said)


def said_of(pk):
    rows = GalDecision.objects.votes_standing().filter(refsource_id=pk)
    return [row.choice.slug for row in rows.select_related("choice")]


def test_a_vote_is_moved_to_the_neighbour_and_the_candidate_is_called_a_blend():
    campaign, pk = blended()
    decide(make_voter(), moved(pk, key="k1", period_days=0.5), campaign)
    assert said_of(pk) == ["artifact-blend"] and said_of(pk + 1) == ["rr-lyrae"]
    of_neighbour = GalDecision.objects.get(refsource_id=pk + 1)
    assert of_neighbour.filter == candidate(pk).filter and of_neighbour.period_days == 0.5
    assert (of_neighbour.ra, of_neighbour.dec) != (candidate(pk).ra, candidate(pk).dec)
    assert candidate(pk).consensus.slug == "artifact-blend"
    assert campaign.objects_in.get().n_votes == 1


@pytest.mark.parametrize("keys", [["k1"], []])
def test_a_moved_vote_is_saved_once_and_taken_back_as_a_whole(keys):
    (campaign, pk), ann = blended(), make_voter()
    for _ in range(2):
        decide(ann, moved(pk, key="k1"), campaign)
    assert GalDecision.objects.count() == 2
    assert set(undo_decisions(ann, campaign, keys)) == {pk, pk + 1}
    assert said_of(pk) == said_of(pk + 1) == []
    assert campaign.objects_in.get().n_votes == 0 and candidate(pk).consensus is None


def test_votes_are_moved_to_neighbours_alone():
    (campaign, pk), ann = blended(), make_voter()
    far = DecisionInput(pk, choice="flare", moved_to=pk + 2)
    unfitted = make_candidates(1)[0].pk
    for wrong in (far, DecisionInput(unfitted, choice="flare", moved_to=unfitted + 1)):
        with pytest.raises(MoveError, match="no neighbour of candidate"):
            decide(ann, wrong, campaign)
    assert not GalDecision.objects.exists()


def test_who_has_seen_others_votes_on_the_neighbour_moves_none_there():
    campaign, bob, ann = make_campaign(2), make_voter(), make_voter()
    pk, neighbour = ids_of(campaign)
    make_position(candidate(pk), {pk: 0.02, neighbour: 0.97})
    for user in (bob, ann):
        vote(user, neighbour, "flare", campaign)
    note_shown(ann, [neighbour])
    with pytest.raises(VettingError, match="seen what others said"):
        decide(ann, DecisionInput(pk, choice="qso", moved_to=neighbour), campaign)
    assert said_of(pk) == []


def test_a_browser_moves_a_vote_by_the_key_of_the_card_or_a_box_on_the_page(client):
    (campaign, pk), ann = blended(), make_voter()
    client.force_login(ann)
    one = {"refsource_id": str(pk), "choice": "flare", "how": "key", "key": "a"}
    wrong = post_json(client, "vet_decide", campaign, decisions=[one | {"moved_to": "x"}])
    assert wrong.status_code == 400 and "moved_to" in wrong.json()["error"]
    sent = post_json(client, "vet_decide", campaign, decisions=[one | {"moved_to": str(pk + 1)}])
    assert sent.json() == {"saved": 2}
    client.post(reverse("vote", args=[pk]), {"choice": "qso", "moved_to": str(pk + 1)})
    assert said_of(pk + 1) == ["flare", "qso"]


@pytest.mark.django_db(transaction=True)
def test_two_people_who_move_votes_at_once_both_count():
    (campaign, pk), ann, bob = blended(votes_wanted=2), make_voter(), make_voter()

    def other_connection():
        try:
            decide(bob, moved(pk), campaign)
        finally:
            connection.close()

    other = Thread(target=other_connection)
    with transaction.atomic():
        decide(ann, moved(pk), campaign)
        other.start()
        other.join(timeout=0.3)
        assert other.is_alive()  # it waits, so that it sees what it has to count
    other.join(timeout=10)
    assert said_of(pk + 1) == ["rr-lyrae"] * 2 and candidate(pk).n_votes == 2


def test_lists_have_those_of_which_another_star_changes_or_the_others(client):
    blend, own, unfitted = make_candidate(), make_candidate(), make_candidate()
    make_position(blend, {blend.pk: 0.02, blend.pk + 1: 0.97})
    make_position(own, {own.pk: 0.99})
    client.force_login(make_voter())
    for value, expected in (("another", {blend}), ("own", {own, unfitted})):
        text = client.get(reverse("candidates"), {"changed_star": value}).content.decode()
        shown = {one for one in (blend, own, unfitted) if f"/candidates/{one.pk}/" in text}
        assert shown == expected

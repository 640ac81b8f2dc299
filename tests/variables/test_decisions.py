"""Decisions: added, taken back, seen when it is time; leases that keep people apart."""

from datetime import timedelta
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from tests.builders.campaigns import candidate, ids_of, make_campaign, make_voter, vote
from tests.builders.candidates import make_candidates
from variables.models import CampaignObject, GalDecision
from variables.vetting.decisions import (
    DecisionInput,
    VettingError,
    decide,
    decide_all,
    undo_decisions,
    votes_visible_to,
)
from variables.vetting.leases import lease_next, release_leases, renew
from variables.votes.consensus import update_consensus

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change", ["UPDATE galdecisions SET how = 'api'", "DELETE FROM galdecisions"]
)
def test_the_database_refuses_to_change_or_delete_a_decision(change):
    vote(make_voter(), make_candidates(1)[0].pk)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change)
    assert GalDecision.objects.count() == 1


@pytest.mark.parametrize(
    "tables",
    [
        "galdecisions",
        "galflags CASCADE",
        "galflagdecisions",
        "galqualitydecisions",
        "galsuccessions",
        "galcampaigns CASCADE",
        "galclasses CASCADE",
        "galcheckpoints",
        "auth_user CASCADE",
        "galexposures CASCADE",
        "ONLY galdecisions RESTART IDENTITY",
    ],
)
def test_the_database_refuses_to_empty_what_people_decided_and_logs(tables):
    vote(make_voter(), make_candidates(1)[0].pk)
    connection.check_constraints()  # as at the end of a transaction
    with pytest.raises(DatabaseError, match="it is not emptied"), transaction.atomic():
        connection.cursor().execute(f"TRUNCATE {tables}")
    assert GalDecision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_table_that_a_test_emptied_is_guarded_again():
    """Django empties all tables after a test like this one."""
    with pytest.raises(DatabaseError, match="it is not emptied"):
        connection.cursor().execute("TRUNCATE galdecisions")
    call_command("flush", interactive=False, verbosity=0)
    with pytest.raises(DatabaseError, match="it is not emptied"):
        connection.cursor().execute("TRUNCATE galdecisions")


def test_a_vote_makes_the_consensus_and_its_undoing_takes_it_back():
    campaign, voter = make_campaign(2), make_voter()
    first = ids_of(campaign)[0]
    vote(voter, first, "artifact/artifact-edge", campaign)
    assert candidate(first).consensus.slug == "artifact-edge"
    assert undo_decisions(voter, campaign) == [first]
    assert candidate(first).consensus is None and candidate(first).n_votes == 0
    assert campaign.objects_in.get(refsource_id=first).n_votes == 0
    assert undo_decisions(voter, campaign) == []
    assert GalDecision.objects.count() == 2


def test_undo_takes_back_the_last_decision_of_ones_own():
    campaign, ann, bob = make_campaign(2), make_voter(), make_voter()
    one, two = ids_of(campaign)
    vote(ann, one, campaign=campaign)
    decide(ann, DecisionInput(two, action="skip"), campaign)
    vote(bob, two, campaign=campaign)
    assert undo_decisions(ann, campaign) == [two]
    assert undo_decisions(ann, campaign) == [one]
    assert candidate(two).n_votes == 1


def test_a_later_vote_replaces_an_earlier_one_until_it_is_taken_back():
    campaign, voter = make_campaign(1), make_voter()
    (only,) = ids_of(campaign)
    for choice in ("flare", "cepheid"):
        vote(voter, only, choice, campaign)
    assert candidate(only).consensus.slug == "cepheid" and candidate(only).n_votes == 1
    undo_decisions(voter, campaign)
    assert candidate(only).consensus.slug == "flare"


def test_what_is_sent_twice_is_saved_once_and_taken_back_once():
    campaign, voter = make_campaign(2), make_voter()
    one, two = ids_of(campaign)
    for _ in range(2):
        decide_all(voter, [DecisionInput(one, choice="flare", key="k1")], campaign)
    vote(voter, two, campaign=campaign, key="k2")
    assert GalDecision.objects.count() == 2
    for _ in range(2):
        assert undo_decisions(voter, campaign, ["k1"]) == [one]
    assert (candidate(one).n_votes, candidate(two).n_votes) == (0, 1)


def test_a_batch_is_one_insert_and_is_taken_back_as_a_whole(django_assert_num_queries):
    campaign, voter = make_campaign(30, lane="sheet"), make_voter()
    ids = ids_of(campaign)
    vote(voter, ids[0], campaign=campaign)
    batch = [
        DecisionInput(pk, choice="artifact", how="bulk", shown={"batch": "s"}, key=f"s{pk}")
        for pk in ids[1:]
    ]
    with django_assert_num_queries(7 + 2):  # and a savepoint
        decide_all(voter, batch, campaign)
    assert campaign.decisions.filter(how="bulk").count() == 29
    assert candidate(ids[7]).consensus.slug == "artifact"
    assert len(undo_decisions(voter, campaign)) == 29
    assert candidate(ids[0]).n_votes == 1 and candidate(ids[7]).n_votes == 0


@pytest.mark.parametrize("choice", ["no-such-class", "artifact-edge", None])
def test_a_class_that_is_not_there_is_refused_and_nothing_is_saved(choice):
    campaign, voter = make_campaign(2), make_voter()
    one, two = ids_of(campaign)
    with pytest.raises(VettingError, match="There is no class"):
        decide_all(
            voter, [DecisionInput(one, choice="flare"), DecisionInput(two, choice=choice)], campaign
        )
    assert not GalDecision.objects.exists()


def test_only_what_is_in_the_campaign_is_decided_there():
    campaign, others = make_campaign(1), make_candidates(1)
    with pytest.raises(VettingError, match="not in the campaign"):
        vote(make_voter(), others[0].pk, campaign=campaign)


def test_nobody_votes_in_a_closed_campaign_or_one_of_others():
    voter = make_voter()
    campaign = make_campaign(1, members=(make_voter(),))
    with pytest.raises(VettingError, match="not yours"):
        vote(voter, ids_of(campaign)[0], campaign=campaign)
    campaign = make_campaign(1)
    campaign.closed = timezone.now()
    with pytest.raises(VettingError, match="is closed"):
        vote(voter, ids_of(campaign)[0], campaign=campaign)


def test_a_comment_is_no_vote():
    campaign, voter = make_campaign(1), make_voter()
    (only,) = ids_of(campaign)
    lease_next(campaign, voter, 1)
    decide(voter, DecisionInput(only, action="comment", comment="a ghost?"), campaign)
    assert candidate(only).n_votes == 0
    assert campaign.objects_in.get().leased_to == voter


def test_people_who_disagree_make_a_dispute_and_a_third_settles_it():
    campaign = make_campaign(1, votes_wanted=2)
    (only,) = ids_of(campaign)
    vote(make_voter(), only, "flare", campaign)
    assert candidate(only).consensus is None and not candidate(only).is_disputed
    vote(make_voter(), only, "cepheid", campaign)
    assert candidate(only).is_disputed
    vote(make_voter(), only, "cepheid", campaign)
    assert candidate(only).consensus.slug == "cepheid" and not candidate(only).is_disputed


def test_the_consensus_is_derived_anew_from_decisions_alone():
    ids = [one.pk for one in make_candidates(3)]
    voter = make_voter()
    for pk in ids:
        vote(voter, pk, "qso")
    type(candidate(ids[0])).objects.update(consensus=None, n_votes=9, is_disputed=True)
    update_consensus(ids)
    assert {(candidate(pk).consensus.slug, candidate(pk).n_votes) for pk in ids} == {("qso", 1)}


def test_votes_and_comments_of_others_are_seen_after_ones_own():
    ann, bob = make_voter(), make_voter()
    (only,) = [one.pk for one in make_candidates(1)]
    decide(ann, DecisionInput(only, action="comment", comment="sharp rise"))
    vote(ann, only, "flare")
    vote(ann, only, "cepheid")
    assert votes_visible_to(bob, only) == []
    decide(bob, DecisionInput(only, action="comment", comment="hm"))
    assert [said.user for said in votes_visible_to(bob, only)] == [bob]
    vote(bob, only, "flare")
    seen = votes_visible_to(bob, only)
    assert sorted(said.choice.slug for said in seen if said.choice) == ["cepheid", "flare"]
    assert "sharp rise" in {said.comment for said in seen}


def test_leases_go_on_in_order_and_never_to_two_people():
    campaign, ann, bob = make_campaign(6), make_voter(), make_voter()
    ids = ids_of(campaign)
    assert [o.refsource_id for o in lease_next(campaign, ann, 2)] == ids[:2]
    assert [o.refsource_id for o in lease_next(campaign, bob, 2)] == ids[2:4]
    assert [o.refsource_id for o in lease_next(campaign, ann, 2, after=2)] == ids[4:]
    assert lease_next(campaign, bob, 2, after=4) == []


def test_leases_end_are_renewed_and_are_given_back():
    campaign, ann, bob = make_campaign(1), make_voter(), make_voter()
    lease_next(campaign, ann, 1)
    late = timezone.now() - timedelta(seconds=1)
    assert renew(campaign, ann) == 1
    assert campaign.objects_in.get().leased_until > timezone.now() + timedelta(minutes=14)
    campaign.objects_in.update(leased_until=late)
    assert renew(campaign, ann) == 0
    assert len(lease_next(campaign, bob, 1)) == 1
    assert lease_next(campaign, ann, 1) == []
    assert release_leases(campaign, bob) == 1
    assert len(lease_next(campaign, ann, 1)) == 1


def test_nobody_is_given_what_they_have_decided_or_what_has_its_votes():
    campaign, ann, bob, eve = (
        make_campaign(3, votes_wanted=2),
        make_voter(),
        make_voter(),
        make_voter(),
    )
    ids = ids_of(campaign)
    vote(ann, ids[0], campaign=campaign)
    decide(ann, DecisionInput(ids[1], action="skip"), campaign)
    assert [o.refsource_id for o in lease_next(campaign, ann, 9)] == ids[2:]
    assert [o.refsource_id for o in lease_next(campaign, ann, 9, skipped=True)] == ids[1:]
    release_leases(campaign, ann)
    vote(bob, ids[0], campaign=campaign)
    assert [o.refsource_id for o in lease_next(campaign, eve, 9)] == ids[1:]


def test_gold_objects_are_given_to_everybody():
    pk = make_candidates(1)[0].pk
    campaign = make_campaign(candidates="those", gold=((pk, "flare"),))
    for voter in (make_voter(), make_voter()):
        assert [o.refsource_id for o in lease_next(campaign, voter, 1)] == [pk]
        vote(voter, pk, "flare", campaign)
        assert lease_next(campaign, voter, 1) == []


def test_what_is_gone_is_not_given():
    campaign = make_campaign(2)
    one, two = ids_of(campaign)
    candidate(one).delete()
    assert [o.refsource_id for o in lease_next(campaign, make_voter(), 9)] == [two]


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_get_different_objects_and_neither_waits():
    campaign, ann, bob = make_campaign(4), make_voter(), make_voter()
    got = []

    def other_connection():
        try:
            got.extend(o.refsource_id for o in lease_next(campaign, bob, 2))
        finally:
            connection.close()

    with transaction.atomic():
        mine = [o.refsource_id for o in lease_next(campaign, ann, 2)]
        other = Thread(target=other_connection)
        other.start()
        other.join(timeout=10)
        assert len(got) == 2
    assert sorted(mine + got) == sorted(ids_of(campaign))
    assert CampaignObject.objects.filter(leased_to=bob).count() == 2


@pytest.mark.django_db(transaction=True)
def test_votes_of_two_people_at_once_both_count():
    campaign, ann, bob = make_campaign(1, votes_wanted=2), make_voter(), make_voter()
    (only,) = ids_of(campaign)

    def other_connection():
        try:
            vote(bob, only, "flare", campaign)
        finally:
            connection.close()

    other = Thread(target=other_connection)
    with transaction.atomic():
        vote(ann, only, "flare", campaign)
        other.start()
        other.join(timeout=0.3)
        assert other.is_alive()  # it waits, so that it sees what it has to count
    other.join(timeout=10)
    assert candidate(only).n_votes == 2 and candidate(only).consensus.slug == "flare"
    assert campaign.objects_in.get().n_votes == 2

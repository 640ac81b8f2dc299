"""Campaigns: frozen lists, gold objects, progress, agreement, their end and what follows."""

import numpy as np
import pytest

from tests.builders.campaigns import (
    RUNS,
    candidate,
    copy_candidates,
    ids_of,
    make_campaign,
    make_user,
    make_voter,
    vote,
)
from tests.builders.candidates import make_candidates
from tests.builders.many_candidates import make_many_candidates
from tests.builders.query_work import looked_at
from variables.models import Campaign, CampaignObject, GalCandidate, GalFlag
from variables.vetting.campaigns import (
    CampaignError,
    NewCampaign,
    close,
    create_campaigns,
    disputed,
    flag_agreed,
    follow_up,
    personal_campaigns,
    rename,
    reopen,
)
from variables.vetting.decisions import undo_decisions
from variables.vetting.progress import agreement_of, outcome_of, progress_of

pytestmark = pytest.mark.django_db


def test_a_list_is_frozen_as_it_is_now():
    candidates = make_candidates(9)
    often = [one.pk for one in candidates if one.n_detections >= 3]
    (campaign,) = create_campaigns(NewCampaign("three", "detections_min=3"), make_user())
    assert sorted(ids_of(campaign)) == often
    GalCandidate.objects.update(n_detections=9)
    assert sorted(ids_of(campaign)) == often


def test_up_to_two_detections_go_to_a_sheet_and_more_to_cards():
    make_candidates(9)
    for query, lane in (("detections_min=3", "card"), ("detections_max=2", "sheet")):
        (campaign,) = create_campaigns(NewCampaign(query, query), make_user())
        assert campaign.lane == lane


def test_a_list_of_both_is_split_and_each_lane_fits_all_that_it_holds():
    candidates = make_candidates(9)
    once = [one.pk for one in candidates if one.star_detections <= 2]
    sheet, cards = create_campaigns(NewCampaign("x" * 80), make_user())
    assert (sheet.lane, cards.lane) == ("sheet", "card")
    assert sheet.name.endswith(": detected once or twice") and len(sheet.name) == 80
    assert cards.name.endswith(": detected more often")
    assert sorted(ids_of(sheet)) == once
    assert sorted(ids_of(sheet) + ids_of(cards)) == [one.pk for one in candidates]
    (alone,) = create_campaigns(NewCampaign("a sheet", lane="sheet"), make_user())
    assert sorted(ids_of(alone)) == once
    with pytest.raises(CampaignError, match="Nothing in that list was detected only once or twice"):
        create_campaigns(NewCampaign("none", "detections_min=3", "sheet"), make_user())


def test_gold_objects_are_in_the_lane_that_fits_them():
    candidates = make_candidates(9)
    once, often = (next(c.pk for c in candidates if (c.n_detections > 2) == b) for b in (0, 1))
    gold = ((once, "flare"), (often, "qso"))
    for part in create_campaigns(NewCampaign("gold", gold=gold), make_user()):
        (one,) = part.objects_in.exclude(gold=None)
        assert one.refsource_id == (once if part.lane == "sheet" else often)
    with pytest.raises(CampaignError, match=f"{often} was not detected once or twice"):
        create_campaigns(NewCampaign("another", lane="sheet", gold=gold), make_user())
    for pk in (c.pk for c in candidates if c.n_detections > 2):
        vote(make_voter(), pk, "flare")
    new = NewCampaign("agreed", "detections_max=1", "sheet", n_gold=3)
    (sheet,) = create_campaigns(new, make_user())
    assert not sheet.objects_in.exclude(gold=None)


def test_a_sheet_is_ordered_by_cause_and_exposure_and_cards_by_detections():
    copy_candidates_of_causes()
    sheet = make_campaign(lane="sheet", candidates="those")
    groups = list(sheet.objects_in.order_by("rank").values_list("group", flat=True))
    assert groups == sorted(groups, key=groups.index) and len(set(groups)) > 1
    card = make_campaign(lane="card", candidates="those")
    n_detections = [candidate(pk).n_detections for pk in ids_of(card)]
    assert n_detections == sorted(n_detections, reverse=True)


def copy_candidates_of_causes():
    make_candidates(3)
    for cause in ("edge", "crowd"):
        copy_candidates(4, cause=cause)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (NewCampaign("empty", "detections_min=99"), "no candidate in that list"),
        (NewCampaign("gold", gold=((1, "flare"),)), "no candidate 1"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_and_leaves_nothing(new, message):
    make_candidates(2)
    with pytest.raises(CampaignError, match=message):
        create_campaigns(new, make_user())
    assert not Campaign.objects.exists()


def test_a_name_is_used_once_and_a_class_of_gold_is_one_of_the_taxonomy():
    pk = make_candidates(2)[0].pk
    create_campaigns(NewCampaign("one"), make_user())
    with pytest.raises(CampaignError, match="already"):
        create_campaigns(NewCampaign("one"), make_user())
    with pytest.raises(CampaignError, match="no class “nova”"):
        create_campaigns(NewCampaign("two", gold=((pk, "nova"),)), make_user())


@pytest.mark.parametrize("n", [5, 5000])
def test_candidates_are_frozen_in_few_queries_however_many(n, django_assert_num_queries):
    make_candidates(1)
    copy_candidates(n - 1)
    user = make_user()
    with django_assert_num_queries(10):
        (campaign,) = create_campaigns(NewCampaign("many", lane="card"), user)
    assert campaign.objects_in.count() == n
    assert sorted(ids_of(campaign)) == sorted(GalCandidate.objects.values_list("pk", flat=True))


def test_gold_is_chosen_from_what_people_agree_on_outside_of_the_list():
    candidates = make_candidates(9)
    known = [one.pk for one in candidates if one.n_detections == 1]
    for pk in known:
        vote(make_voter(), pk, "flare")
    new = NewCampaign("gold", "detections_min=2", "card", n_gold=2)
    (campaign,) = create_campaigns(new, make_user())
    gold = campaign.objects_in.exclude(gold=None)
    assert set(gold.values_list("refsource_id", flat=True)) <= set(known)
    assert list(gold.values_list("gold__slug", flat=True)) == ["flare"] * 2


def test_voters_are_judged_by_gold_objects_and_subtypes_are_right_for_their_class():
    one, two = make_candidates(2)
    answers = ((one.pk, "flare"), (two.pk, "artifact/artifact-edge"))
    campaign = make_campaign(candidates="those", gold=answers)
    ann = make_voter("ann")
    vote(ann, one.pk, "cepheid", campaign)
    vote(ann, two.pk, "artifact", campaign)
    (voter,) = agreement_of(campaign).voters
    assert (voter.name, voter.n_votes, voter.n_gold, voter.n_gold_right) == ("ann", 2, 2, 1)


def test_progress_counts_the_votes_that_are_wanted_and_tells_the_end():
    campaign, ann, bob, eve = make_campaign(4, votes_wanted=2), *(make_voter() for _ in range(3))
    assert progress_of(campaign).end is None
    one, two, *_ = ids_of(campaign)
    for voter in (ann, bob, eve):
        vote(voter, one, campaign=campaign)
    vote(ann, two, campaign=campaign)
    vote(ann, two, "flare", campaign)
    progress = progress_of(campaign)
    assert (progress.n_objects, progress.n_done) == (4, 1)
    assert (progress.n_votes, progress.n_votes_wanted) == (3, 8)
    assert progress.end is not None and progress.percent == 37.5
    listed = Campaign.objects.with_progress(ann).get(pk=campaign.pk)
    assert (listed.n_objects, listed.n_votes, listed.n_by_user) == (4, 3, 2)


def test_people_who_agree_have_a_kappa_of_one():
    campaign, ann, bob = make_campaign(4, votes_wanted=2), make_voter("ann"), make_voter("bob")
    assert np.isnan(agreement_of(campaign).kappa)
    for pk, choice in zip(ids_of(campaign), ["flare", "qso"] * 2, strict=True):
        for voter in (ann, bob):
            vote(voter, pk, choice, campaign)
    agreement = agreement_of(campaign)
    assert agreement.kappa == pytest.approx(1)
    assert agreement.pairs == (("ann", "bob", 4, 1.0, pytest.approx(1)),)
    assert [(found.choice.slug, found.n) for found in outcome_of(campaign).found] == [
        ("flare", 2),
        ("qso", 2),
    ]


def test_what_came_of_a_campaign_is_read_of_its_own_candidates_alone():
    campaign, voter = make_campaign(5), make_voter()
    for pk in ids_of(campaign):
        vote(voter, pk, "qso", campaign)
    close(campaign)
    read = []
    for n in (200, 800):
        make_many_candidates(n)
        with looked_at("galcandidates") as n_rows:
            outcome = outcome_of(campaign)
        assert [(one.choice.slug, one.n) for one in outcome.found] == [("qso", 5)]
        read.append(n_rows)
    assert len(read[0]) == 1 and read[0] == read[1] and read[0][0] <= 4 * 5


def test_candidates_vetted_again_in_two_campaigns_are_counted_once_and_left_out():
    campaign, voter = make_campaign(3), make_voter()
    for pk in ids_of(campaign):
        vote(voter, pk, "qso", campaign)
    close(campaign)
    for name in ("again", "once more"):
        other = Campaign.objects.create(
            name=name, taxonomy=campaign.taxonomy, created_by=campaign.created_by
        )
        CampaignObject.objects.create(campaign=other, refsource_id=ids_of(campaign)[0], rank=1)
    outcome = outcome_of(campaign)
    assert (outcome.n_vetted_again, outcome.found[0].n, outcome.n_disputed) == (1, 2, 0)


def test_a_closed_campaign_has_what_people_agree_on_and_goes_on_when_reopened():
    campaign, voter = make_campaign(3), make_voter()
    for pk in ids_of(campaign):
        vote(voter, pk, "qso", campaign)
    GalCandidate.objects.update(consensus=None)
    CampaignObject.objects.update(leased_to=voter)
    close(campaign)
    assert campaign.closed and not campaign.objects_in.exclude(leased_to=None).exists()
    assert {candidate(pk).consensus.slug for pk in ids_of(campaign)} == {"qso"}
    reopen(campaign)
    assert campaign.closed is None


def test_disagreements_get_a_lane_of_their_own_where_one_vote_more_settles_them():
    campaign, ann, bob, eve = make_campaign(3, votes_wanted=2), *(make_voter() for _ in range(3))
    one, two, _ = ids_of(campaign)
    for voter, choice in ((ann, "flare"), (bob, "qso")):
        vote(voter, one, choice, campaign)
        vote(voter, two, "flare", campaign)
    close(campaign)
    assert [c.pk for c in disputed(campaign)] == [one]
    again = follow_up(campaign, ann)
    assert again.lane == "disputed" and ids_of(again) == [one]
    assert follow_up(campaign, ann) == again
    vote(eve, one, "qso", again)
    assert candidate(one).consensus.slug == "qso"
    close(again)
    with pytest.raises(CampaignError, match="no candidate"):
        follow_up(campaign, ann)


def test_agreed_artifacts_are_flagged_only_when_somebody_says_so():
    campaign, ann = make_campaign(3), make_voter()
    one, two, three = ids_of(campaign)
    choices = ("artifact/artifact-edge", "artifact", "flare")
    for pk, choice in zip((one, two, three), choices, strict=True):
        vote(ann, pk, choice, campaign)
    close(campaign)
    assert not GalFlag.objects.exists()
    assert flag_agreed(campaign, ann) == 2
    flags = GalFlag.objects.standing().filter(made_by=ann)
    assert dict(flags.values_list("refsource_id", "artifact")) == {one: "edge", two: "other"}
    assert candidate(one).is_flagged and not candidate(three).is_flagged
    assert flag_agreed(campaign, ann) == 0


def test_a_personal_campaign_is_open_to_nobody_else():
    make_candidates(3)
    ann, bob = make_voter(), make_voter()
    (campaign,) = personal_campaigns("detections_min=3", ann)
    assert campaign.is_open_to(ann) and not campaign.is_open_to(bob)


def test_who_made_a_campaign_may_close_and_rename_it_while_nobody_has_voted():
    make_candidates(3)
    ann, bob = make_voter(), make_voter()
    (campaign,) = personal_campaigns("detections_min=3", ann)
    assert campaign.is_run_by(ann) and campaign.is_run_by(make_user(*RUNS))
    assert not campaign.is_run_by(bob)
    decision = vote(ann, ids_of(campaign)[0], campaign=campaign)
    assert not campaign.is_run_by(ann) and campaign.is_run_by(make_user(*RUNS))
    with pytest.raises(CampaignError, match="Somebody has voted meanwhile"):
        close(campaign, only_without_votes=True)
    undo_decisions(ann, campaign, [decision.key] if decision.key else ())
    assert campaign.is_run_by(ann)
    close(campaign, only_without_votes=True)
    assert campaign.closed


def test_a_campaign_gets_a_name_that_no_other_has():
    one, two = make_campaign(2), make_campaign(candidates="those")
    rename(one, "  another \n name ")
    assert Campaign.objects.get(pk=one.pk).name == "another name"
    rename(one, "another name")
    for name, why in (("another name", "already"), (" ", "one to 80"), ("x" * 81, "one to 80")):
        with pytest.raises(CampaignError, match=why):
            rename(two, name)


def test_a_list_is_begun_again_after_an_earlier_campaign_got_another_name():
    make_candidates(3)
    ann, names = make_voter("a" * 70), []
    for _ in range(12):
        begun = personal_campaigns("", ann)
        names += [one.name for one in begun]
        rename(begun[0], f"mine {len(names)}")
    assert len(set(names)) == 24 and max(map(len, names)) <= Campaign.NAME_LENGTH

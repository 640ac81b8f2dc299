"""Flags: what they cover, who says so, and that everything comes back."""

from functools import partial

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User

from tests.builders.flagged_field import SIDE, make_change, make_field, make_search
from tests.builders.queries import n_queries_of
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import (
    FlagError,
    accept,
    accept_all,
    covering,
    decline,
    flag_image,
    flag_source,
    mark_changes,
    undo_flag,
)
from variables.models import Artifact, GalCandidate, GalFlag, GalFlagDecision, GalVarObj
from variables.regions.coverage import RegionError, check_region, covered_by
from variables.regions.positions import chip_map_of, placed_changes
from variables.science.chip_map import fit_chip_map

pytestmark = pytest.mark.django_db

# A U with arms from x 400 to 500 and 700 to 800, and a floor from y 400 to 500.
U = [400, 400, 800, 400, 800, 900, 700, 900, 700, 500, 500, 500, 500, 900, 400, 900]
IN_ARM, IN_GAP, FAR = 0, 1, 2


@pytest.fixture
def field():
    """Three changed sources: in an arm of the U, in the gap between its arms, and far away."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, SIDE, (2, 200))
    x[:3], y[:3] = [445, 595, 1500], [700, 700, 1500]
    field = make_field(x, y, changed=range(3))
    refresh_candidates(refsource_ids=field.ids)
    return field


@pytest.fixture
def curator():
    user = User.objects.create_user("curator")
    user.user_permissions.add(Permission.objects.get(codename="add_galflag"))
    return user


def hidden_changes():
    return set(GalVarObj.objects.filter(is_flagged=True).values_list("refsource_id", flat=True))


def hidden_candidates():
    return set(GalCandidate.objects.filter(is_flagged=True).values_list("pk", flat=True))


def test_a_region_covers_what_lies_in_it_on_that_image_and_not_between_its_arms(field, curator):
    flag = flag_image(field.search, Artifact.BLEED, "trail", curator, U)
    assert hidden_changes() == {field.ids[IN_ARM]} == hidden_candidates()
    assert covering(field.search) == [flag]
    # On the reference its pixels are others: the search image is shifted by five.
    edge = [445.0 - 2, 690, 445 + 2, 690, 445 + 2, 710, 445 - 2, 710]
    flag_image(field.search, Artifact.OTHER, "", curator, edge)
    undo_flag(flag, curator)
    assert hidden_changes() == set()


def test_a_whole_search_image_hides_its_changes_and_no_others(field, curator):
    other = make_field([445], [700], changed=[0], name="2")
    refresh_candidates(refsource_ids=other.ids)
    flag_image(field.search, Artifact.QUALITY, "trailed", curator)
    assert hidden_changes() == set(field.ids[:3]) == hidden_candidates()


def test_a_source_that_changed_elsewhere_too_is_still_seen(field, curator):
    second = make_search(field.reference, field.rows, changed=[FAR], name="3", mjd=60002.0)
    refresh_candidates(refsource_ids=field.ids)
    flag_image(field.search, Artifact.QUALITY, "", curator)
    assert field.ids[FAR] not in hidden_candidates()
    assert GalCandidate.objects.get(pk=field.ids[FAR]).n_detections == 1
    flag_image(second, Artifact.QUALITY, "", curator)
    assert field.ids[FAR] in hidden_candidates()


def test_a_region_of_the_reference_hides_the_sources_themselves(field, curator):
    flag = flag_image(field.reference, Artifact.BLEED, "trail", curator, U)
    assert hidden_candidates() == {field.ids[IN_ARM]} and hidden_changes() == set()
    undo_flag(flag, curator)
    assert hidden_candidates() == set()
    flag_image(field.reference, Artifact.QUALITY, "", curator)
    assert hidden_candidates() == set(field.ids[:3])


def test_a_flagged_source_is_hidden_on_all_images(field, curator):
    flag = flag_source(field.ids[FAR], Artifact.COSMIC, "", curator)
    assert hidden_candidates() == {field.ids[FAR]}
    undo_flag(flag, curator)
    assert hidden_candidates() == set()


def test_what_vanished_has_no_measured_position_and_is_covered_all_the_same(curator):
    x, y = np.random.default_rng(2).uniform(0, SIDE, (2, 100))
    x[0], y[0] = 445, 700
    field = make_field(x, y, vanished=[0])
    changes = placed_changes(field.search)
    assert (changes.x[0], changes.y[0]) == pytest.approx((450, 700), abs=0.05)
    refresh_candidates(refsource_ids=field.ids)
    flag_image(field.search, Artifact.BLEED, "", curator, U)
    assert hidden_changes() == {field.ids[0]}


def test_who_when_and_why_are_kept_and_nothing_is_deleted(field, curator):
    other = User.objects.create_user("other")
    flag = flag_image(field.search, Artifact.BLEED, "trail", curator, U)
    undo_flag(flag, other, "no, a star")
    flag.refresh_from_db()
    assert (flag.made_by, flag.reason, flag.decided_by) == (curator, "trail", other)
    assert flag.decision_reason == "no, a star" and flag.decided > flag.made
    again = flag_image(field.search, Artifact.BLEED, "it is", curator, U)
    assert again != flag and GalFlag.objects.count() == 2


def test_said_twice_is_said_once(field, curator):
    for _ in range(2):
        flag_image(field.search, Artifact.BLEED, "", curator, U)
        flag_image(field.search, Artifact.QUALITY, "", curator)
        flag_source(field.ids[0], Artifact.OTHER, "", curator)
    assert GalFlag.objects.count() == 3
    flag = GalFlag.objects.first()
    assert [undo_flag(flag, curator).state for _ in range(2)] == ["undone", "undone"]
    assert GalFlagDecision.objects.count() == 1


def test_flags_that_overlap_hide_until_the_last_is_undone(field, curator):
    region = flag_image(field.search, Artifact.BLEED, "", curator, U)
    whole = flag_image(field.search, Artifact.QUALITY, "", curator)
    undo_flag(whole, curator)
    assert hidden_changes() == {field.ids[IN_ARM]}
    undo_flag(region, curator)
    assert hidden_changes() == set() == hidden_candidates()


def propose(field, region=None, **columns):
    return GalFlag.objects.create(
        image=field.search, region=region, artifact="bleed", state="proposed", **columns
    )


def test_proposals_hide_nothing_until_accepted(field, curator):
    flag = propose(field, U)
    mark_changes(field.search)
    assert hidden_changes() == set()
    accept(flag, curator)
    assert hidden_changes() == {field.ids[IN_ARM]}
    undo_flag(flag, curator, "wrong")
    assert [d.state for d in flag.decisions.all()] == ["standing", "undone"]
    assert {d.user for d in flag.decisions.all()} == {curator}


def test_declined_proposals_hide_nothing_and_stay_so(field, curator):
    flag = decline(propose(field, U), curator)
    assert flag.state == "declined" and hidden_changes() == set()
    for decide in (accept, undo_flag):
        with pytest.raises(FlagError, match="is declined by curator"):
            decide(flag, curator)


def test_flagging_what_is_proposed_accepts_it(field, curator):
    flag = propose(field)
    assert flag_image(field.search, Artifact.BLEED, "yes", curator) == flag
    flag.refresh_from_db()
    assert flag.state == "standing" and flag.decided_by == curator


def test_many_are_accepted_together_or_none(field, curator):
    flags = [propose(field, U), propose(field, [0, 0, 9, 0, 9, 9]), propose(field)]
    decline(flags[2], curator)
    with pytest.raises(FlagError):
        accept_all([flag.pk for flag in flags], curator)
    assert GalFlag.objects.proposed().count() == 2 and hidden_changes() == set()
    accept_all([flag.pk for flag in flags[:2]], curator)
    assert GalFlag.objects.standing().count() == 2


def test_a_failure_in_the_middle_leaves_no_flag(field, curator, monkeypatch):
    def fail(**_):
        raise RuntimeError

    monkeypatch.setattr("variables.flags.marking.refresh_candidates", fail)
    with pytest.raises(RuntimeError):
        flag_image(field.search, Artifact.BLEED, "", curator, U)
    assert not GalFlag.objects.exists() and hidden_changes() == set()


def test_changes_found_anew_are_marked_again(field, curator):
    flag_image(field.search, Artifact.BLEED, "", curator, U)
    GalVarObj.objects.all().delete()
    for row in field.rows[:3]:
        make_change(field.search, row)
    assert mark_changes(field.search) == {field.ids[IN_ARM]} == hidden_changes()
    assert mark_changes(field.search) == set()


@pytest.mark.parametrize(
    "region",
    [[0, 0, 1, 1], [0, 0, 9, 0, 9], [0, 0, 9, 9, 18, 18], [0, 0, 9, 0, float("nan"), 9], "here"]
    + [[-90, -90, -9, -90, -9, -9]],
)
def test_a_region_that_encloses_nothing_is_refused(field, curator, region):
    with pytest.raises(RegionError):
        flag_image(field.search, Artifact.BLEED, "", curator, region)


def test_a_region_ends_at_the_edge_of_the_chip(field):
    assert check_region([-9, -9, 99, -9, 99, 9000], field.search) == [
        *(-0.5, -0.5, 99.0, -0.5, 99.0, SIDE - 0.5),
    ]


def test_a_source_of_no_catalogue_is_refused(curator):
    with pytest.raises(FlagError, match="no source 5"):
        flag_source(5, Artifact.OTHER, "", curator)


def test_what_a_region_covers_is_counted_before_it_is_saved(field):
    inside = (field.rows["x"] > 1400) & (field.rows["y"] > 1400)
    corner = [1400, 1400, 2000, 1400, 2000, 2000, 1400, 2000]
    covered = covered_by(field.reference, corner)
    assert (covered.n_sources, covered.n_changes) == (inside.sum(), 1)
    assert not covered.is_estimate
    shifted = (np.reshape(corner, (-1, 2)) + [field.shift, 0]).ravel().tolist()
    covered = covered_by(field.search, shifted)
    assert (covered.n_sources, covered.n_changes, covered.n_accepted) == (inside.sum(), 1, 1)
    assert covered_by(field.search, None).n_sources == 200
    large = covered_by(field.search, [0, 0, 1000, 0, 1000, 2000, 0, 2000])
    assert large.is_estimate and large.n_sources == 100


def test_counting_what_a_region_covers_takes_as_many_queries_for_many_sources():
    n_queries = []
    for n_sources in (5, 60):
        x, y = np.random.default_rng(1).uniform(500, 800, (2, n_sources))
        field = make_field(x, y, changed=range(n_sources), name=str(n_sources))
        count = partial(covered_by, field.search, [400, 400, 900, 400, 900, 900, 400, 900])
        assert count().n_changes == n_sources
        n_queries.append(n_queries_of(count))
    assert n_queries == [7, 7]


def test_a_chip_is_mapped_to_the_sky_and_back(field):
    chip_map = chip_map_of(field.search)
    rows = field.rows
    x, y = chip_map.to_pixel(rows["ra"], rows["dec"])
    assert np.abs(x - rows["x"] - field.shift).max() < 0.02
    ra, dec = chip_map.to_sky(x, y)
    assert np.abs(ra - rows["ra"]).max() < 1e-6 and np.abs(dec - rows["dec"]).max() < 1e-6


def test_two_stars_make_no_map():
    assert fit_chip_map(*np.ones((4, 2))) is None

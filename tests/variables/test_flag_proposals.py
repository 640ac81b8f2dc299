"""Artifacts proposed by the pipeline, against made-up truth."""

from io import StringIO

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exposures.models import GalExposure, GalImage
from photometry.models import GalReference
from tests.builders.flagged_field import SIDE, make_change, make_field, make_search, sky
from variables.flags.marking import accept_all, decline_all, undo_flag
from variables.flags.proposals import propose
from variables.models import Cut, GalFlag, GalVarObj
from variables.science.artifacts import (
    ArtifactOptions,
    Points,
    box,
    chips_to_look_at,
    edge_regions,
    in_polygon,
    is_reference_at_fault,
    saturated_regions,
)
from variables.science.defects import GroupedChanges, defects, frames_wanted, suspect_groups

SHAPE = (4096, 2046)


def points(positions, saturated=(), accepted=None):
    x, y = np.array(positions, float).T
    is_saturated = np.isin(np.arange(len(x)), list(saturated))
    return Points(x, y, is_saturated, ~is_saturated if accepted is None else accepted)


def scattered(n, seed=1, margin=60):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(margin, s - margin, n) for s in SHAPE[::-1]])


def test_changes_round_a_saturated_star_are_within_its_region_and_others_are_not():
    angle = np.arange(8) * np.pi / 4
    ring = [900, 2000] + 12 * np.column_stack([np.cos(angle), np.sin(angle)])
    at = np.concatenate([ring, scattered(40)])
    (region,) = saturated_regions(points(at, saturated=range(6)))
    assert region.kind == "saturated" and region.n_passing_cuts == 2
    assert in_polygon(*at.T, region.corners)[:8].all() and region.n_changes == 8
    assert in_polygon([900], [2000 + 12 + 8], region.corners).all()


def test_a_trail_is_told_from_a_star_by_its_length():
    trail = np.column_stack([np.full(12, 500.0), 1000 + 12 * np.arange(12)])
    (region,) = saturated_regions(points(trail, saturated={*range(12)} - {5}))
    assert region.kind == "bleed" and region.n_passing_cuts == 1
    assert np.ptp(region.corners[:, 1]) == 11 * 12 + 2 * ArtifactOptions().margin_pixels


def test_cuts_that_hide_all_already_need_no_flag():
    at = [[500, 500], [505, 500], [500, 508]]
    assert saturated_regions(points(at, saturated=range(3))) == []
    assert saturated_regions(points(at, saturated=range(1))) == []
    assert saturated_regions(points(scattered(300))) == []


def test_a_crowded_edge_is_told_and_an_even_chip_is_not():
    rng = np.random.default_rng(2)
    even = np.column_stack([rng.uniform(0, s - 1, 3000) for s in SHAPE[::-1]])
    assert edge_regions(points(even), SHAPE) == []
    edge = np.column_stack([rng.uniform(0, 20, 8), rng.uniform(0, 4095, 8)])
    (region,) = edge_regions(points(np.concatenate([edge, scattered(60)])), SHAPE)
    assert region.where == "the left edge" and region.n_changes == 8


def vectors(n, step_pixels):
    """Places on the sky in a row, some pixels apart."""
    return np.column_stack([step_pixels * np.arange(n), np.zeros(n), np.full(n, 2e5)])


def test_a_defect_is_a_place_on_many_exposures_that_different_stars_come_to():
    rng = np.random.default_rng(3)
    hot = [700, 800] + rng.normal(0, 0.5, (9, 2))
    at = np.concatenate([hot, scattered(500)])
    frame = np.concatenate([np.arange(9), rng.integers(0, 9, 500)])
    sky = np.concatenate([vectors(9, 40), vectors(500, 60) + [0, 900, 0]])
    (defect,) = defects(at, frame, sky, frames_wanted(len(at), 9, SHAPE))
    assert (defect.x, defect.y) == pytest.approx((700, 800), abs=1)
    assert set(range(9)) <= set(defect.members.tolist())
    assert (defect.n_exposures, defect.n_stars) == (9, 9)


def test_one_star_that_always_falls_on_the_same_pixel_is_no_defect():
    at = [700, 800] + np.random.default_rng(4).normal(0, 0.3, (9, 2))
    assert defects(at, np.arange(9), vectors(9, 0.1), frames_wanted(9, 9, SHAPE)) == []


def test_suspect_groups_hold_every_defect_of_every_window():
    rng = np.random.default_rng(9)
    at = np.concatenate([[700, 800] + rng.normal(0, 1, (30, 2)), rng.uniform(0, 400, (3000, 2))])
    mjd = 60000 + np.sort(rng.uniform(0, 300, 60))
    frame, sky = np.sort(rng.integers(0, 60, len(at))), vectors(len(at), 50)
    at = at[rng.permutation(len(at))]
    groups = suspect_groups(at, frame, mjd[frame], ArtifactOptions())
    suspects, n_found = GroupedChanges.of(groups, frame), 0

    def found(rows):
        return [d.members.tolist() for d in defects(at[rows], frame[rows], sky[rows], 4)]

    for first, end in [(first, first + 12) for first in range(48)]:
        own = np.flatnonzero((frame >= first) & (frame < end) & (mjd[frame] < mjd[first] + 60))
        expected = [own[members].tolist() for members in found(own)]
        chosen = suspects.on_frames(first, int(frame[own].max()) + 1, 4)
        assert [chosen[members].tolist() for members in found(chosen)] == expected
        n_found += len(expected)
    assert n_found > 10 and (groups >= 0).mean() < 0.5
    assert len(suspect_groups(at[:0], frame[:0], mjd[:0])) == 0
    nothing = GroupedChanges.of(np.full(5, -1), np.arange(5))
    assert len(nothing.on_frames(0, 5, 4)) == 0


def test_chips_that_are_not_looked_at_have_no_region_of_a_saturated_star_or_an_edge():
    rng = np.random.default_rng(10)
    n_chips, n = 300, 6000
    chip, shapes = np.sort(rng.integers(0, n_chips, n)), np.tile([400, 300], (n_chips, 1))
    shapes[:20] = 0
    positions = rng.uniform([0, 0], [300, 400], (n, 2))
    positions[rng.random(n) < 0.01] = np.nan
    positions[(chip % 7 == 0) & (rng.random(n) < 0.4), 0] /= 20
    is_saturated = rng.random(n) < 0.06 * (chip % 3)
    of_all = points(positions, np.flatnonzero(is_saturated), rng.random(n) < 0.6)
    looked_at = chips_to_look_at(chip, of_all, shapes)
    n_found = 0
    for one in range(n_chips):
        own = of_all.part((chip == one) & np.isfinite(positions[:, 0]))
        found = saturated_regions(own)
        if shapes[one].all():
            found += edge_regions(own, tuple(shapes[one].tolist()))
        assert looked_at[one] or not found
        n_found += bool(found)
    assert 30 < n_found <= looked_at.sum() < 2 * n_found


def test_where_changes_are_dense_chance_meetings_are_no_defects():
    rng = np.random.default_rng(5)
    at = np.column_stack([rng.uniform(0, s, 4000) for s in (300, 300)])
    wanted = frames_wanted(4000, 400, (300, 300))
    assert defects(at, rng.integers(0, 400, 4000), vectors(4000, 50), wanted) == []


def test_a_steady_change_on_all_images_is_the_reference_s_and_a_varying_one_the_star_s():
    columns = np.array(
        [
            # images, changes, vanished, median, scatter
            [20, 19, 0, -0.5, 0.03],
            [20, 19, 0, -0.5, 0.40],
            [20, 10, 0, -0.5, 0.03],
            [20, 20, 20, np.nan, np.nan],
            [3, 3, 0, -0.5, 0.01],
        ]
    ).T
    wrong = is_reference_at_fault(*columns, ArtifactOptions())
    assert wrong.tolist() == [True, False, False, True, False]


db = pytest.mark.django_db


@pytest.fixture
def curator():
    return User.objects.create_user("curator")


@pytest.fixture
def starry():
    """A field whose search image has a saturated star with changes round it."""
    angle = np.arange(6) * np.pi / 3
    x, y = np.random.default_rng(6).uniform(100, SIDE - 100, (2, 80))
    x[:6], y[:6] = 600 + 9 * np.cos(angle), 1200 + 9 * np.sin(angle)
    field = make_field(x, y, changed=range(7))
    near = GalVarObj.objects.filter(refsource_id__in=field.ids[:4])
    near.update(failed_cuts=Cut.NEAR_SATURATED)
    return field


def proposals(**columns):
    return list(GalFlag.objects.proposed().filter(**columns))


@db
def test_a_saturated_star_is_proposed_once_and_hides_nothing_until_accepted(starry, curator):
    assert propose([starry.search.exposure]) == 2 and propose([starry.search.exposure]) == 0
    (on_search,) = proposals(image=starry.search)
    assert on_search.artifact == "saturated" and on_search.made_by is None
    assert "6 changes" in on_search.reason and "2 of them accepted" in on_search.reason
    assert str(starry.search.exposure) in on_search.group
    assert not GalVarObj.objects.filter(is_flagged=True).exists()
    accept_all([on_search.pk], curator)
    flagged = GalVarObj.objects.filter(is_flagged=True)
    assert set(flagged.values_list("refsource_id", flat=True)) == set(starry.ids[:6])
    assert propose([starry.search.exposure]) == 0


@db
def test_what_was_declined_or_undone_is_not_proposed_again(starry, curator):
    propose([starry.search.exposure])
    first, second = proposals()
    decline_all([first.pk], curator)
    undo_flag(accept_all([second.pk], curator)[0], curator)
    # Found anew, a little beside where they were.
    GalVarObj.objects.filter(refsource_id=starry.ids[0]).update(x=615)
    assert propose([starry.search.exposure]) == 0 and proposals() == []


@db
def test_what_is_seen_on_nearly_every_image_is_the_reference_s_fault(curator):
    field = make_field([500, 900, 1300], [500, 900, 1300])
    for night in range(7):
        columns = {"mjd": 60002.0 + night, "ccdnum": 1}
        image = make_search(field.reference, field.rows, name=f"n{night}", **columns)
        make_change(image, field.rows[0], delta_mag=0.5 + 0.01 * night)
        make_change(image, field.rows[1], delta_mag=0.3 * night - 0.7)
    propose([image.exposure])
    (flag,) = proposals()
    assert flag.refsource_id == field.ids[0] and flag.artifact == "reference"
    assert flag.reason == "fainter by 0.53 mag on 7 of 8 images, always by as much"


@db
def test_a_defect_is_proposed_on_each_exposure_where_it_made_a_change(curator):
    # A place of the detector at (400, 400); the telescope moves by 50 pixels each time.
    x = np.array([400 - 50.0 * night for night in range(5)])
    field = make_field(x, np.full(5, 400.0))
    for night in range(5):
        shift = 50.0 * night
        image = make_search(field.reference, field.rows, name=f"n{night}", shift=shift)
        make_change(image, field.rows[night], x=400.3, y=400)
    assert propose([image.exposure]) == 5
    assert {flag.artifact for flag in proposals()} == {"detector"}
    (group,) = {flag.group for flag in proposals()}
    assert group == "defect of the detector, made up N4 near x 400, y 400"
    accept_all([flag.pk for flag in proposals()], curator)
    assert GalVarObj.objects.filter(is_flagged=True).count() == 5
    assert propose([GalExposure.objects.get(identifier="n0")]) == 0


def summary(flags):
    return {(flag.image_id, flag.refsource_id, flag.artifact, flag.group) for flag in flags}


@db
def test_of_many_exposures_at_once_the_flags_are_those_of_one_after_the_other(starry):
    for night in range(5):
        columns = {"mjd": 60002.0 + night, "ccdnum": 7}
        image = make_search(starry.reference, starry.rows, name=f"m{night}", **columns)
        make_change(image, starry.rows[20 + night], x=400.3, y=400)
        make_change(image, starry.rows[30], delta_mag=0.4)
        make_change(image, starry.rows[40], delta_mag=0.4)
    exposures = list(GalExposure.objects.order_by("mjd"))
    one_by_one = sum(propose([exposure]) for exposure in exposures)
    expected = summary(proposals())
    GalFlag.objects.all().delete()
    with CaptureQueriesContext(connection) as queries:
        assert propose(exposures) == one_by_one == len(expected) >= 7
    assert summary(proposals()) == expected
    assert len(queries) < 25 * len(exposures)


@db
def test_an_exposure_without_changes_proposes_nothing():
    field = make_field([500, 900], [500, 900])
    assert propose([field.search.exposure]) == propose([field.reference.exposure]) == 0
    GalImage.objects.update(width=None)
    assert propose([field.search.exposure]) == 0
    assert GalReference.objects.count() == 1


@db
def test_the_command_proposes_and_says_how_many(starry):
    out = StringIO()
    call_command("propose_flags", exposure=["1s"], stdout=out)
    assert out.getvalue() == "2 new proposals, from 1 exposures\n"
    with pytest.raises(CommandError, match="77: there is no such exposure"):
        call_command("propose_flags", exposure=["77"])


def test_boxes_hold_what_is_between_their_corners():
    corners = box(np.array([0, 0]), np.array([4, 2]))
    assert in_polygon([1, 5, 1], [1, 1, 3], corners).tolist() == [True, False, False]
    assert len(sky([1], [1])) == 2

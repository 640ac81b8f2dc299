"""Places of changes on a simulated night: fitted with cutouts, replaced and gone with them."""

import json

import numpy as np
import pytest
from django.core.management import call_command

from exposures.errors import GalprojectError
from exposures.models import GalImage
from photometry.storage.storage import delete_image_results
from variables.models import GalCandidate, GalChangePosition, GalChangeShape, GalVarObj
from variables.pictures import all_shapes, render
from variables.pictures.all_shapes import measure_shapes
from variables.pictures.change_files import read_changes
from variables.pictures.paths import change_path
from variables.pictures.pixels import pixels_of_image
from variables.pictures.render import render_catalogue
from variables.science.change_shapes import SHAPES
from variables.science.changed_star import Doubt

pytestmark = pytest.mark.django_db
MEASURED = ("n_images", "shown_share", *SHAPES)


@pytest.fixture(autouse=True)
def own_pictures(processed, settings, tmp_path):
    """No picture from the pipeline: each test has a folder of its own."""
    settings.GALPROJECT_PICTURES = str(tmp_path / "pictures")


def rendered_catalogue():
    candidate = GalCandidate.objects.order_by("-n_detections", "-max_significance").first()
    render_catalogue(candidate.catalogue)
    return candidate.catalogue


def rows_of(catalogue):
    """{candidate: all that a row says, but for the time}, as can be compared."""
    rows = GalChangePosition.objects.in_catalogue(catalogue.pk).values()
    without = [{k: v for k, v in row.items() if k != "fitted"} for row in rows]
    return {row["refsource_id"]: json.dumps(row, sort_keys=True) for row in without}


def test_changes_that_are_to_be_trusted_are_the_candidates_own_and_lie_where_they_are():
    candidates, trusted = {}, []
    for catalogue in {one.catalogue for one in GalCandidate.objects.all()}:
        render_catalogue(catalogue)
        candidates |= {one.pk: one for one in catalogue.candidates.all()}
        rows = GalChangePosition.objects.in_catalogue(catalogue.pk)
        assert set(rows.values_list("pk", flat=True)) <= set(candidates)
        trusted += [row for row in rows if not row.doubted & ~Doubt.ONE_EPOCH]
    assert len(trusted) >= 8
    assert all(row.own_odds > 0.9 for row in trusted)
    for row in trusted:
        odds = {pk: share for pk, share, _ in row.neighbours}
        assert sum(odds.values()) + row.odds_of_none == pytest.approx(1, abs=1e-4)
        assert odds[row.pk] == pytest.approx(row.own_odds, abs=1e-6)
        assert row.is_of_another == (row.likeliest_id not in (row.pk, None))
    off = [
        np.hypot(row.x - candidates[row.pk].x, row.y - candidates[row.pk].y)
        / np.hypot(row.x_err, row.y_err)
        for row in trusted
    ]
    assert np.median(off) < 1.5
    assert all(0 < row.error_arcsec < 1 for row in trusted)


def test_an_image_that_comes_later_leaves_what_all_at_once_leave():
    catalogue = rendered_catalogue()
    before = rows_of(catalogue)
    one = next(iter(before))
    image_id = GalChangePosition.objects.get(pk=one).image_ids[0]
    late = catalogue.coverages.get(image=image_id)
    late.delete()
    render_catalogue(catalogue)
    for row in GalChangePosition.objects.in_catalogue(catalogue.pk):
        assert image_id not in row.image_ids
    assert set(read_changes(one)).isdisjoint({image_id})
    late.save(force_insert=True)
    render_catalogue(catalogue)
    assert rows_of(catalogue) == before


def test_places_by_another_version_are_fitted_again_from_what_is_kept():
    catalogue = rendered_catalogue()
    before = rows_of(catalogue)
    GalChangePosition.objects.update(version=0, own_odds=0)
    render_catalogue(catalogue)
    assert rows_of(catalogue) == before


def test_a_damaged_file_of_differences_costs_its_own_images_alone():
    catalogue = rendered_catalogue()
    one = next(iter(rows_of(catalogue)))
    for damage in (b"", b"\x93NUMPY\x01\x00v\x00nonsense"):
        change_path(one).write_bytes(damage)
        assert read_changes(one) == {}


def test_places_go_with_their_catalogue():
    catalogue = rendered_catalogue()
    assert rows_of(catalogue) and shapes_of(catalogue)
    delete_image_results(GalImage.objects.get(pk=catalogue.image_id))
    assert not rows_of(catalogue) and not shapes_of(catalogue)


def shapes_of(catalogue):
    """{candidate: all that is said of the shape of its changes}."""
    rows = GalChangeShape.objects.in_catalogue(catalogue.pk)
    return {row.pk: [getattr(row, name) for name in MEASURED] for row in rows}


def test_shapes_are_measured_with_cutouts_and_are_the_same_without():
    catalogue = rendered_catalogue()
    with_cutouts = shapes_of(catalogue)
    seen = catalogue.candidates.to_be_seen().filter(n_changes__gt=0)
    assert set(with_cutouts) == set(seen.values_list("pk", flat=True))
    shown = [pk for pk, (_, share, *_) in with_cutouts.items() if share > 0]
    assert len(shown) >= 3
    correlation = MEASURED.index("correlation")
    assert np.median([with_cutouts[pk][correlation] for pk in shown]) > 0.6
    # All others are measured by the command, which draws nothing, and nothing twice.
    assert measure_shapes(catalogue).n_candidates == len(catalogue.candidates.all()) - len(seen)
    assert measure_shapes(catalogue).n_candidates == 0
    GalChangeShape.objects.all().delete()
    call_command("measure_shapes")
    measured = shapes_of(catalogue)
    for pk, row in with_cutouts.items():
        np.testing.assert_allclose(measured[pk], row, rtol=1e-4)


def test_shapes_are_measured_again_where_a_candidate_has_more_changes():
    catalogue = rendered_catalogue()
    before = shapes_of(catalogue)
    one, other = list(before)[:2]
    GalChangeShape.objects.filter(pk=one).update(n_changes=0, sigma=0)
    GalChangeShape.objects.filter(pk=other).update(version=0, sigma=0)
    render_catalogue(catalogue)
    assert shapes_of(catalogue) == before


def test_a_change_of_the_reference_alone_has_no_shape_and_is_not_looked_at_every_night(monkeypatch):
    catalogue = rendered_catalogue()
    one = catalogue.candidates.to_be_seen().filter(n_changes__gt=0).first()
    GalVarObj.objects.filter(refsource_id=one.pk).exclude(image=catalogue.image_id).delete()
    GalChangeShape.objects.filter(pk=one.pk).delete()
    render_catalogue(catalogue)
    assert GalChangeShape.objects.get(pk=one.pk).n_images == 0
    measure_shapes(catalogue)  # of what fails the cuts everywhere and was not drawn
    read = []
    monkeypatch.setattr(render, "pixels_of_image", read.append)
    monkeypatch.setattr(all_shapes, "pixels_of_image", read.append)
    render_catalogue(catalogue)
    measure_shapes(catalogue)
    assert read == []


def test_a_candidate_whose_images_cannot_be_read_is_measured_when_they_can(monkeypatch):
    catalogue = GalCandidate.objects.order_by("-n_detections").first().catalogue
    GalChangeShape.objects.all().delete()

    def gone(image):
        if image.pk != catalogue.image_id:
            raise GalprojectError("it is gone")
        return pixels_of_image(image)

    with monkeypatch.context() as patch:
        patch.setattr(all_shapes, "pixels_of_image", gone)
        measured = measure_shapes(catalogue)
    assert measured.n_differences == 0 and "it is gone" in measured.problems[0]
    assert all(np.isnan(row[2:]).all() and row[0] == 0 for row in shapes_of(catalogue).values())
    assert measure_shapes(catalogue).n_differences > 0

"""Light curves as pages draw them, against the tables they come from."""

import json

import numpy as np
import pytest
from django.db import connection

from exposures.science.barycentre import ObservatoryOptions, bjd_tdb
from exposures.source_ids import catalogue_of
from photometry.models import GalReference
from photometry.storage import storage
from photometry.storage.storage import catalogue_sources
from tests.builders.candidates import (
    add_epoch,
    crossmatch_all,
    make_candidate,
    make_candidates,
    make_catalogue,
    make_change,
)
from tests.builders.reference_catalogues import make_reference
from variables.derived.refresh import refresh_candidates
from variables.light_curves.light_curve_data import light_curve_data, light_curves_data
from variables.models import GalCandidate, GalVarObj

pytestmark = pytest.mark.django_db
LISTS = ("mag", "mag_err", "is_detection", "is_reference", "significance", "image_id", "image")


def curves(candidate):
    """{filter: light curve}, of what may be sent to browsers."""
    data = light_curve_data(candidate.pk)
    json.dumps(data, allow_nan=False)
    assert data["refsource_id"] == candidate.pk
    return {curve["filter"]: curve for curve in data["filters"]}


def two_filters(offset_arcsec=0.0):
    """A candidate in i whose star has a source in g, so far to the north."""
    in_i, in_g = (
        make_catalogue(30, name, dec=dec, seed=4)
        for name, dec in (("i", -29.0), ("g", -29.0 + offset_arcsec / 3600))
    )
    for k in range(4):
        add_epoch(in_i, 60001.0 + k, {3: 0.6} if k < 2 else {})
        add_epoch(in_g, 60001.5 + k)
    refresh_candidates()
    crossmatch_all()
    return GalCandidate.objects.get(catalogue=in_i)


def update_sources(candidate, assignment):
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE galsources SET {assignment} WHERE refsource_id = %s AND NOT is_reference",
            [candidate.pk],
        )


def test_every_list_has_an_entry_an_epoch_in_order_of_time():
    candidate = two_filters()
    found = curves(candidate)
    assert list(found) == ["i", "g"]  # the candidate's own first
    for curve in found.values():
        assert curve["mjd"] == sorted(curve["mjd"]) and len(curve["mjd"]) == 5
        assert all(len(curve[name]) == 5 for name in LISTS)
        assert curve["is_reference"] == [True, False, False, False, False]
        times = bjd_tdb(curve["mjd"], candidate.ra, candidate.dec, ObservatoryOptions())
        assert curve["bjd_tdb"] == pytest.approx(times, abs=1e-5)  # each source's own position
    rows = {s["refsource_id"]: s for s in catalogue_sources(candidate.catalogue)}
    assert found["i"]["mag"][0] == pytest.approx(rows[candidate.pk]["mag"], abs=1e-4)
    assert found["i"]["image"][0].endswith(" N4")


def test_detections_are_marked_and_are_of_their_filter():
    found = curves(two_filters())
    assert found["i"]["is_detection"] == [False, True, True, False, False]
    assert found["i"]["significance"] == [None, 20.0, 20.0, None, None]
    assert not any(found["g"]["is_detection"])


@pytest.mark.parametrize("why", [{"failed_cuts": 16}, {"is_flagged": True}])
def test_what_is_not_accepted_is_no_detection_and_keeps_its_significance(why):
    candidate = make_candidate(2)
    GalVarObj.objects.update(**why)
    found = curves(candidate)["i"]
    assert not any(found["is_detection"]) and sum(s is not None for s in found["significance"]) == 2


def test_a_source_of_another_filter_is_of_the_same_star_as_far_as_their_errors_allow():
    assert set(curves(two_filters(0.15))) == {"i", "g"}


def test_and_no_further():
    assert set(curves(two_filters(0.6))) == {"i"}


def test_each_source_of_a_blend_has_its_light_curve_and_says_so():
    candidate = two_filters(0.1)
    row = next(
        s for s in catalogue_sources(candidate.catalogue) if s["refsource_id"] == candidate.pk
    )
    star = {"ra": float(row["ra"]), "dec": float(row["dec"])}
    make_reference("r", "r", [-0.2, 0.3], [0.0, 0.0], float(row["mag"]), **star)
    crossmatch_all()
    drawn = light_curve_data(candidate.pk)["filters"]
    assert [curve["filter"] for curve in drawn] == ["i", "g", "r", "r"]
    assert all(curve["is_blend"] for curve in drawn)


def test_the_nearest_of_two_matches_is_taken():
    candidate = two_filters(0.15)
    make_catalogue(30, "g", seed=4, dec=-29.0 - 0.1 / 3600)
    crossmatch_all()
    nearest = curves(candidate)["g"]
    assert catalogue_of(nearest["refsource_id"]) == GalReference.objects.latest("pk").pk


def test_epochs_at_which_it_vanished_have_a_time_and_no_magnitude():
    catalogue = make_catalogue(4)
    add_epoch(catalogue, 60001.0, {1: 0.8})
    image = add_epoch(catalogue, 60002.0)
    row = catalogue_sources(catalogue)[1]
    unknown = {"kind": "vanished", "delta_mag_err": None, "significance": 30}
    change = make_change(image, row, 0.0, **unknown)
    GalVarObj.objects.filter(pk=change.pk).update(delta_mag=None)
    refresh_candidates()
    candidate = GalCandidate.objects.get()
    # Barely positive, so measured all the same: it is shown once.
    assert curves(candidate)["i"]["vanished_mjd"] == []
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM galsources WHERE galimage_id = %s", [image.pk])
    found = curves(candidate)["i"]
    assert found["vanished_mjd"] == [60002.0] and 60002.0 not in found["mjd"]
    GalVarObj.objects.filter(pk=change.pk).update(failed_cuts=4)
    assert curves(candidate)["i"]["vanished_mjd"] == []


def test_epochs_without_a_detection_have_the_star_s_own_limits():
    catalogue = make_catalogue(4)
    add_epoch(catalogue, 60001.0, {1: 0.8})
    image = add_epoch(catalogue, 60002.0)
    rows = catalogue_sources(catalogue)
    gone = rows[:3].copy()
    gone["flux"], gone["mag"], gone["flux_err"] = -2.0, np.nan, [10.0, 20.0, 40.0]
    gone["quality"][2] = 0.01
    image.zero_point = 30.0
    storage.replace_measurements(image, rows[3:], gone)
    unknown = {"kind": "vanished", "delta_mag_err": None, "significance": 30}
    change = make_change(image, rows[1], 0.0, **unknown)
    refresh_candidates()
    missed = curves(GalCandidate.objects.get())["i"]["non_detections"]
    assert missed["limit_mag"] == [pytest.approx(30 - 2.5 * np.log10(100), abs=1e-4)]
    assert (missed["mjd"], missed["flux"], missed["flux_err"]) == ([60002.0], [-2.0], [20.0])
    assert missed["is_detection"] == [True] and missed["image"][0].endswith(" N4")
    GalVarObj.objects.filter(pk=change.pk).update(failed_cuts=4)
    found = curves(GalCandidate.objects.get())["i"]
    assert found["vanished_mjd"] == [] and found["non_detections"]["is_detection"] == [False]
    # Nothing is told where its pixels were not usable.
    make_change(image, rows[2], 0.5)
    refresh_candidates()
    unusable = light_curve_data(int(rows["refsource_id"][2]))["filters"][0]
    assert unusable["non_detections"]["mjd"] == []


def test_what_is_not_a_number_is_not_sent():
    candidate = make_candidate(2)
    update_sources(candidate, "mag_err = 'NaN'")
    found = curves(candidate)["i"]
    assert found["mag_err"][1:] == [None, None] and len(found["mag"]) == 3
    update_sources(candidate, "mag = 'Infinity'")
    assert len(curves(candidate)["i"]["mag"]) == 1


def test_a_candidate_of_a_catalogue_that_was_replaced_keeps_its_light_curve():
    candidate = make_candidate(2)
    storage.retire_catalogue(candidate.catalogue.image)
    assert len(curves(candidate)["i"]["mjd"]) == 3


def test_only_the_reference_is_a_light_curve_of_one_epoch():
    candidate = make_candidate(1)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM galsources WHERE NOT is_reference")
    found = curves(candidate)["i"]
    assert found["is_reference"] == [True] and len(found["mjd"]) == 1


def test_many_light_curves_take_as_few_queries_as_one(django_assert_num_queries):
    ids = [c.pk for c in make_candidates(8)]
    with django_assert_num_queries(4):
        many = light_curves_data(ids)
    assert many == {i: light_curve_data(i) for i in ids}


def test_no_candidate_is_no_light_curve():
    assert light_curves_data([]) == {}

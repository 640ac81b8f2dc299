"""Votes on new sources of former references follow as the pipeline processes chips."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from exposures.simulation import read_truth
from galproject.processing import measuring, pipeline
from galproject.queue.runs import prepare
from photometry.models import GalReference
from photometry.storage import storage
from tests.builders.campaigns import make_voter, vote
from tests.builders.candidates import make_catalogue
from tests.variables.test_new_sources import detection, see
from variables.models import GalDecision, GalLostSource, GalNewSource

pytestmark = pytest.mark.django_db


def process(night, path, is_reference=False):
    """One chip of an exposure, new sources searched."""
    options = replace(night.options, new_sources=replace(night.options.new_sources, search=True))
    plan = prepare([path], options, is_reference=is_reference, ccds={35})
    for image_id in plan.image_ids:
        result = pipeline.process_chip(image_id, options)
        assert not result.failed, result.error


def rows_of_reference(night):
    """Those of the night's reference, processed now."""
    process(night, night.reference, is_reference=True)
    return storage.catalogue_sources(GalReference.objects.get())


def vote_on_new_of_former(ra, dec):
    """A vote on what was new at a place against a reference that is gone."""
    place = {"ra": float(ra), "dec": float(dec)}
    former = make_catalogue(30, **place)
    for mjd in (60101.0, 60102.0):
        see(former, mjd, detection(former, **place))
    vote(make_voter(), GalNewSource.objects.get().pk)
    storage.delete_image_results(former.image)
    former.image.exposure.delete()
    assert GalLostSource.objects.get().pk == voted_on()
    return place


def voted_on():
    return GalDecision.objects.votes_standing().get().refsource_id


def test_they_follow_to_a_star_of_the_reference_that_is_made(night):
    truth = read_truth(night.truth)
    index, x, y = truth.star_pixels(600000, 35)
    index = index[(np.abs(x - 200) < 100) & (np.abs(y - 210) < 100)]
    star = index[np.argmin(np.abs(truth.stars["mag"][index] - 17.5))]  # bright, not saturated
    ra, dec = (column[star] for column in truth.positions(600000))
    vote_on_new_of_former(ra, dec)
    rows = rows_of_reference(night)
    nearest = np.argmin(np.hypot(rows["ra"] - ra, rows["dec"] - dec))
    assert voted_on() == rows["refsource_id"][nearest]


def test_they_follow_to_what_is_new_again_on_a_search_image(night, monkeypatch):
    rows = rows_of_reference(night)
    # Half way between the loneliest source and its nearest, no other is near.
    places = np.column_stack([rows["x"], rows["y"]])
    distance, nearest = cKDTree(places).query(places, k=2)
    pair = nearest[np.argmax(distance[:, 1])]
    place = vote_on_new_of_former(rows["ra"][pair].mean(), rows["dec"][pair].mean())
    reference = GalReference.objects.get()
    see(reference, 60103.0, detection(reference, **place))
    found = [detection(reference, **place)]
    monkeypatch.setattr(measuring, "find_new_detections", lambda *_: found)
    process(night, night.searches[0])
    assert voted_on() == GalNewSource.objects.get().pk

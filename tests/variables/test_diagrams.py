"""Diagrams of variables, and the gallery of folded curves: what is drawn, and who may know it."""

import json
import re

import numpy as np
import pytest
from django.urls import reverse

from tests.builders.campaigns import make_campaign, make_voter, vote
from tests.builders.candidates import add_epoch, make_catalogue
from tests.builders.queries import n_queries_of
from variables.derived.refresh import refresh_candidates
from variables.diagrams.background import _summed
from variables.models import (
    CampaignObject,
    GalCandidate,
    GalScore,
    GalUnblinding,
    LearntModel,
    Taxonomy,
)
from variables.votes.consensus import update_consensus

pytestmark = pytest.mark.django_db
PERIOD = 0.6


@pytest.fixture
def voter(client):
    voter = make_voter()
    client.force_login(voter)
    return voter


@pytest.fixture
def stars():
    """Ids of four candidates of one catalogue with a period, that people call RR Lyrae stars."""
    catalogue = make_catalogue(8)
    for mjd in (60001.0, 60002.1, 60003.3):
        add_epoch(catalogue, mjd, dict.fromkeys(range(4), 0.8))
    refresh_candidates([catalogue.pk])
    GalCandidate.objects.update(period_days=PERIOD, amplitude_mag=0.8)
    ids = list(GalCandidate.objects.order_by("pk").values_list("pk", flat=True))
    for pk in ids:
        vote(make_voter(), pk, "rr-lyrae")
    update_consensus(ids)
    return ids


def points(client, **asked):
    query = {"diagram": "period-amplitude"} | asked
    return client.get(reverse("diagram_points"), query).json()


def drawn(found):
    return {group["label"]: len(group["points"]) for group in found["groups"]}


def test_points_are_candidates_with_both_quantities_by_class(client, voter, stars):
    GalCandidate.objects.filter(pk=stars[0]).update(amplitude_mag=None)
    found = points(client)
    assert drawn(found) == {"RR Lyrae": 3} and found["n"] == 3
    assert found["groups"][0]["points"][0] == [stars[1], PERIOD, 0.8]
    assert drawn(points(client, mag_max=1)) == {}


def test_what_is_blind_is_on_no_diagram_until_one_has_voted(client, voter, stars):
    campaign = make_campaign(candidates="all")
    assert CampaignObject.objects.count() == 4
    found = points(client)
    assert drawn(found) == {} and found["n"] == 0
    assert "RR Lyrae</strong>" not in client.get(reverse("gallery")).content.decode()
    vote(voter, stars[0], "rr-lyrae", campaign)
    found = points(client)
    assert [point[0] for group in found["groups"] for point in group["points"]] == [stars[0]]
    assert GalUnblinding.objects.filter(user=voter).count() == 1  # it is noted what was shown


def score_as_cepheids(ids):
    """Have a model in use take candidates for Cepheids."""
    taxonomy = Taxonomy.objects.get(is_current=True)
    said = {key: {} for key in ("options", "features", "classes", "trained_on", "figures")}
    model = LearntModel.objects.create(
        taxonomy=taxonomy, is_current=True, example_ids=[], n_agreed=0, data=b"", **said
    )
    cepheid = taxonomy.classes.get(slug="cepheid").pk
    for pk in ids:
        chances = {"probability_1": 0.9, "probability_2": 0.0, "probability_3": 0.0}
        classes = {"class_1": cepheid, "class_2": 0, "class_3": 0}
        GalScore.objects.create(refsource_id=pk, model_id=model.pk, real=0.95, **classes, **chances)


def test_classes_by_the_model_are_those_that_one_may_know(client, voter, stars):
    score_as_cepheids(stars)
    GalCandidate.objects.update(consensus=None, n_votes=0)
    assert drawn(points(client, by="model")) == {"Cepheid": 4}
    assert drawn(points(client)) == {}
    make_campaign(candidates="all")
    assert drawn(points(client, by="model")) == {}


def test_of_many_the_first_in_the_order_of_the_list_are_drawn(client, voter, stars, monkeypatch):
    monkeypatch.setattr("variables.diagrams.points.MOST", 2)
    found = points(client)
    assert found["n_looked_at"] == 2 and found["n"] == 4 and drawn(found) == {"RR Lyrae": 2}


def test_a_diagram_that_there_is_not_is_refused(client, voter):
    assert client.get(reverse("diagrams"), {"diagram": "none"}).status_code == 400
    assert client.get(reverse("diagram_points"), {"mag_min": "faint"}).status_code == 400


def test_densities_of_references_are_summed_where_their_stars_are():
    one = {"x_range": [0, 1], "y_range": [10, 20], "n_cells": 2, "cells": [0, 3], "counts": [5, 7]}
    found = _summed([one, one | {"x_range": [2, 3]}])
    assert found["n_stars"] == 24 and found["x_range"] == [0, 3] and len(found["cells"]) == 4
    rows, columns = np.divmod(found["cells"], found["n_cells"])
    x = 3 * (columns + 0.5) / found["n_cells"]
    y = 10 + 10 * (rows + 0.5) / found["n_cells"]
    assert sorted(x) == pytest.approx([0.25, 0.75, 2.25, 2.75], abs=0.03)
    assert sorted(y) == pytest.approx([12.5, 12.5, 17.5, 17.5], abs=0.1)


def test_the_gallery_folds_barycentric_times_by_the_period(client, voter, stars):
    text = client.get(reverse("gallery")).content.decode()
    assert text.count('class="card fold"') == 4 and text.count("RR Lyrae</strong>") == 4
    assert text.count(f'data-period="{PERIOD}"') == 4
    curves = json.loads(re.search(r'data-curves="([^"]*)"', text)[1].replace("&quot;", '"'))
    ((filter, measured),) = curves
    shifts = [time - mjd for (time, *_), mjd in zip(measured, MJDS, strict=True)]
    assert filter == "i" and all(0 < abs(shift) < 0.0072 for shift in shifts)


MJDS = (60000.0, 60001.0, 60002.1, 60003.3)


def test_pages_of_the_gallery_take_as_many_queries_however_many_there_are(client, voter, stars):
    few = n_queries_of(lambda: client.get(reverse("gallery"), {"mag_min": 100}))
    many = n_queries_of(lambda: client.get(reverse("gallery")))
    assert many <= few + 8
    assert client.get(reverse("gallery"), {"cls": "flare"}).content.count(b"card fold") == 0

"""Completeness by artificial stars: the shares that are kept of a run, and their charts."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from galproject.completeness.charts import HEIGHT, charts_of
from galproject.validation.injection.comparison import REFERENCE_DTYPE, SEARCH_DTYPE, Comparison
from galproject.validation.injection.options import InjectionOptions
from galproject.validation.injection.stored import keep_summary
from galproject.validation.injection.summary import summarise

pytestmark = pytest.mark.django_db
REFERENCE = SimpleNamespace(identifier="610792", filter="i")


@pytest.fixture
def visitor(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


def injected(n=40):
    """Stars of which those fainter than 20.5 are not found, and of whose changes every other is."""
    stars, epochs = np.zeros(n, REFERENCE_DTYPE), np.zeros(n, SEARCH_DTYPE)
    stars["mag"] = epochs["mag"] = np.linspace(18, 22.9, n)
    stars["refsource_id"] = stars["mag"] < 20.5
    stars["fracflux"] = epochs["reference_fracflux"] = np.where(np.arange(n) % 2, 0.95, 0.7)
    epochs["amplitude"] = np.where(np.arange(n) % 4 < 2, 0.1, 1.0)
    epochs["is_found"] = stars["refsource_id"] > 0
    epochs["expected_sigma"], epochs["mag_err"], epochs["measured_err"] = 22, 0.02, 0.02
    stars["measured_err"] = 0.02
    epochs["is_changed"] = np.arange(n) % 2
    epochs["exposure"] = "610801"
    return Comparison(stars, epochs, np.zeros(0, "f4"), np.zeros(0, bool))


def keep():
    comparison = injected()
    return keep_summary(summarise(comparison), comparison, InjectionOptions(), REFERENCE)


def test_what_is_kept_of_a_run_is_read_back_as_shares_with_intervals():
    run = keep()
    run.refresh_from_db()
    assert (run.n_stars, run.n_searches, run.half_complete_mag) == (40, 1, pytest.approx(20.5, 0.1))
    stars, by_amplitude, by_sigma, _ = charts_of(run)
    assert [one.label for one in stars.series] == ["all", "isolated", "crowded"]
    assert [one.label for one in by_amplitude.series] == ["0.1 mag", "1 mag"]
    assert [text for _, text in stars.bins] == [f"{m}–{m + 1}" for m in range(18, 23)]
    assert [text for _, text in by_sigma.bins] == ["20–30"]
    shares = [1 - mark.y / HEIGHT for mark in stars.series[0].marks]
    assert shares[:2] == [1, 1] and 0 < shares[2] < 1 and shares[3:] == pytest.approx([0, 0])
    for chart in (stars, by_amplitude, by_sigma):
        for mark in (mark for one in chart.series for mark in one.marks):
            assert 0 <= mark.high <= mark.y <= mark.low <= HEIGHT and mark.high < mark.low


def test_the_page_draws_the_last_run_and_leads_to_those_before(visitor):
    first, last = keep(), keep()
    text = visitor.get(reverse("completeness")).content.decode()
    assert text.count("<polyline") == 9 and "610792" in text
    assert reverse("completeness_of", args=[first.pk]) in text
    assert reverse("completeness_of", args=[last.pk]) not in text
    assert re.search(r"100 % \(\d+ to 100\) of \d", text)
    assert visitor.get(reverse("completeness_of", args=[first.pk])).status_code == 200


def test_without_artificial_stars_the_page_says_how_to_put_them_in(visitor):
    text = visitor.get(reverse("completeness")).content.decode()
    assert "manage.py inject" in text and "<polyline" not in text
    assert visitor.get(reverse("completeness_of", args=[5])).status_code == 404

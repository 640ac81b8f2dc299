"""The periodogram of one star, as its page draws it."""

import numpy as np
import pytest
from django.urls import reverse

from exposures.models import GalImage
from tests.builders.campaigns import make_voter
from tests.builders.candidates import make_candidate
from tests.variables.test_stored_periods import PERIOD, SEARCH, pulsating_star
from variables.models import GalCandidate, GalPeriod, PeriodAlias
from variables.periods import single_star
from variables.periods.finding import find_periods
from variables.periods.periodogram import ALIASES, N_BINS, periodogram_data
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.frequencies import FrequencyGrid, frequency_grid
from variables.science.periodicity.highest_in_bins import highest_in_bins


def test_no_peak_is_lost_in_bins_and_its_frequency_is_that_between_samples():
    grid = frequency_grid(3000.0, PeriodOptions())
    frequency = grid.frequency
    rng = np.random.default_rng(1)
    power = rng.uniform(0, 0.1, grid.n).astype("f4")
    true = frequency[[1000, 40_000, 250_000]] + 0.3 * grid.step
    for one in true:
        power += (0.8 * np.sinc((frequency - one) * 3000.0) ** 2).astype("f4")
    found = highest_in_bins(grid, power, 2000)
    assert len(found.power) <= 2000 and np.all(np.diff(found.frequency) > 0)
    strongest = np.sort(found.frequency[np.argsort(-found.power)[:3]])
    assert np.abs(strongest - true).max() < grid.step
    assert found.power.max() >= power.max()


def test_a_parabola_tells_where_between_samples_a_maximum_is():
    grid = FrequencyGrid(0.01, 1, 200)
    power = 0.9 - 0.02 * (np.arange(200) - 120.4) ** 2
    found = highest_in_bins(grid, power, 10)
    k = found.power.argmax()
    assert found.frequency[k] == pytest.approx(0.01 * 121.4) and found.power[k] == pytest.approx(
        0.9
    )


def test_fewer_frequencies_than_bins_are_given_once_each():
    grid = FrequencyGrid(0.1, 2, 7)
    found = highest_in_bins(grid, np.arange(7.0), 500)
    assert found.frequency == pytest.approx(grid.frequency)
    assert found.power == pytest.approx(np.arange(7.0))
    single = highest_in_bins(FrequencyGrid(0.1, 2, 1), np.array([0.5]), 500)
    assert single.power.tolist() == [0.5]


@pytest.mark.django_db
def test_the_peak_is_where_the_period_is(client):
    i, _ = pulsating_star(48, "ig")
    find_periods(i, SEARCH)
    star = GalCandidate.objects.get(catalogue=i)
    client.force_login(make_voter())
    data = client.get(reverse("candidate_periodogram", args=[star.pk])).json()
    assert (data["n_epochs"], data["n_filters"], data["note"]) == (50, 2, "")
    frequency, power = np.array(data["frequency"]), np.array(data["power"])
    first = data["periods"][0]
    # Aliases of the day have nearly as much power; the one beside the period has what a peak has.
    beside = np.abs(frequency - 1 / PERIOD) < 0.5 / 60
    assert power[beside].max() == pytest.approx(power.max(), abs=0.05) and power.max() > 0.8
    highest = frequency[beside][power[beside].argmax()]
    assert 1 / highest == pytest.approx(PERIOD, rel=2e-3)
    assert first["days"] == pytest.approx(PERIOD, rel=2e-3) and first["power"] > 0.8
    assert first["alias"] == "" and len(frequency) <= N_BINS
    stored = GalPeriod.objects.in_catalogue(i.pk).order_by("rank")
    told = [(one.rank, one.days, ALIASES[PeriodAlias(one.alias)]) for one in stored]
    shown = [(one["rank"], one["days"], one["alias"]) for one in data["periods"]]
    assert shown == told and any(alias for *_, alias in told)
    assert set(ALIASES) == set(PeriodAlias)


@pytest.mark.django_db
def test_a_star_with_too_few_epochs_has_none_and_says_so():
    data = periodogram_data(make_candidate(2), SEARCH)
    assert data["frequency"] == [] and data["power"] == [] and data["periods"] == []
    assert "Too few epochs for a periodogram: 3 good ones" in data["note"]


@pytest.mark.django_db
def test_a_period_shorter_than_what_can_be_computed_is_told_without_power(monkeypatch):
    (i,) = pulsating_star(20, "i")
    find_periods(i, SEARCH)
    star = GalCandidate.objects.get(catalogue=i)
    monkeypatch.setattr(single_star, "MOST_FREQUENCIES", 100)
    data = periodogram_data(star, SEARCH)
    assert max(data["frequency"]) < 0.5 and len(data["frequency"]) <= 100
    short = [one for one in data["periods"] if 1 / one["days"] > 0.5]
    assert short and all(one["power"] is None for one in short)


@pytest.mark.django_db
def test_images_in_doubt_do_not_count():
    (i,) = pulsating_star(20, "i")
    star = GalCandidate.objects.get(catalogue=i)
    assert periodogram_data(star, SEARCH)["n_epochs"] == 21
    GalImage.objects.update(is_doubted=True)
    data = periodogram_data(star, SEARCH)
    assert data["n_epochs"] == 0 and "Too few epochs" in data["note"]

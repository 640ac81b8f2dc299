"""The periods of a catalogue's stars, from table to table."""

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from exposures.locks import Claimed
from exposures.models import GalImage
from exposures.science.barycentre import ObservatoryOptions, bjd_tdb
from photometry.models import GalReference
from photometry.storage.storage import drop_catalogue, retire_catalogue
from tests.builders.campaigns import make_campaign, make_voter
from tests.builders.candidates import add_epoch, crossmatch_all, make_catalogue
from tests.builders.exposures_in_work import held_elsewhere
from variables.candidates.filters import CandidateFilter
from variables.derived.refresh import refresh_candidates
from variables.models import (
    GalCandidate,
    GalPeriod,
    GalPeriodRun,
    GalTrend,
    GalTrendStar,
    PeriodAlias,
)
from variables.periods.curves import read_star_curves
from variables.periods.finding import candidate_sources, find_periods, find_periods_of
from variables.periods.options import PeriodSearch
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.aliases import Alias
from variables.science.variability.options import VariabilityOptions
from variables.vetting.cards import cards_of

pytestmark = pytest.mark.django_db
PERIOD, AMPLITUDE, PULSATING = 0.6173, 0.4, 1
SEARCH = PeriodSearch(PeriodOptions(min_days=0.2), VariabilityOptions(), ObservatoryOptions())


def pulsating_star(n_epochs, filters, seed=3):
    """A field in which the second of three stars pulsates, in filters in turn; their catalogues."""
    rng = np.random.default_rng(seed)
    catalogues = [make_catalogue(3, name, seed=4) for name in filters]
    for k, mjd in enumerate(60001 + np.sort(rng.uniform(0, 60, n_epochs))):
        phase = (bjd_tdb(np.array([mjd]), 266.0, -29.0, SEARCH.observatory) / PERIOD) % 1
        change = AMPLITUDE * np.sin(2 * np.pi * phase[0])
        add_epoch(catalogues[k % len(filters)], float(mjd), {PULSATING: float(change)})
    refresh_candidates()
    crossmatch_all()
    for catalogue in catalogues:
        catalogue.refresh_from_db()
    return catalogues


def test_a_star_has_one_period_from_all_filters_together():
    i, g = pulsating_star(48, "ig")
    found = find_periods(i, SEARCH)
    assert (found.n_stars, found.n_periodic) == (1, 1)
    rows = list(GalPeriod.objects.in_catalogue(i.pk).order_by("rank"))
    assert [row.rank for row in rows] == [1, 2, 3, 4, 5]
    first = rows[0]
    assert first.refsource_id == GalCandidate.objects.get(catalogue=i).pk
    assert abs(first.days - PERIOD) < 4 * first.error_days < 2e-3
    assert first.amplitude_mag == pytest.approx(AMPLITUDE, rel=0.1)
    assert first.n_filters == 2 and first.n_epochs == 50
    assert first.false_alarm < 0.01 and first.power > 0.9 and first.alias == PeriodAlias.NONE
    # The catalogue of the other filter has its own rows, of the same light curves.
    assert not GalPeriod.objects.in_catalogue(g.pk).exists()
    find_periods(g, SEARCH)
    other = GalPeriod.objects.in_catalogue(g.pk).get(rank=1)
    assert other.days == pytest.approx(first.days, rel=1e-6) and other.n_epochs == 50


def test_the_candidate_shows_its_certain_period_wherever_candidates_are_shown(client):
    (i,) = pulsating_star(40, "i")
    find_periods(i, SEARCH)
    star = GalCandidate.objects.get(catalogue=i)
    first = GalPeriod.objects.get(refsource_id=star.pk, rank=1)
    assert (star.period_days, star.period_err) == (first.days, first.error_days)
    client.force_login(make_voter())
    page = client.get(f"/candidates/{star.pk}/").text
    assert page.count("data-days=") == 5 and "data-certain" in page
    assert f'data-days="{first.days}"' in page
    (card,) = cards_of(make_campaign(candidates=[star]).objects_in.all())
    assert card["is_periodic"] and card["periods"][0] == {"days": first.days, "alias": ""}
    near = {"period_min": f"{0.99 * PERIOD}", "period_max": f"{1.01 * PERIOD}"}
    assert list(CandidateFilter(near).qs) == [star]
    assert not CandidateFilter({"period_max": "0.3"}).qs.exists()
    assert client.get(f"/api/candidates/{star.pk}/").json()["period_days"] == first.days


def test_a_candidate_without_a_certain_period_is_not_folded_by_itself(client):
    (i,) = pulsating_star(40, "i")
    find_periods(i, SEARCH)
    GalPeriod.objects.update(false_alarm=0.3)
    refresh_candidates([i.pk])
    star = GalCandidate.objects.get(catalogue=i)
    assert star.period_days is None
    client.force_login(make_voter())
    page = client.get(f"/candidates/{star.pk}/").text
    assert "No period is certain; tried" in page and "data-certain" not in page


def test_kinds_of_aliases_are_those_of_the_search():
    assert {kind.name: kind.value for kind in PeriodAlias} == {kind.name: kind for kind in Alias}


def test_a_search_is_not_repeated_until_something_changes():
    (catalogue,) = pulsating_star(12, "i")
    assert find_periods(catalogue, SEARCH) is not None
    stored = list(GalPeriod.objects.values_list("pk", "days"))
    assert find_periods(catalogue, SEARCH) is None
    assert find_periods(catalogue, SEARCH, again=True) is not None
    assert list(GalPeriod.objects.values_list("pk", "days")) == stored
    other = PeriodSearch(PeriodOptions(n_periods=2), SEARCH.variability, SEARCH.observatory)
    assert find_periods(catalogue, other).n_stars == 1 and GalPeriod.objects.count() == 2
    add_epoch(catalogue, 60070.0)
    assert find_periods(catalogue, other) is not None
    assert GalPeriodRun.objects.get().n_stars == 1


def test_periods_of_some_sources_leave_those_of_others():
    (catalogue,) = pulsating_star(12, "i")
    find_periods(catalogue, SEARCH)
    before = list(GalPeriod.objects.order_by("pk").values_list("pk", "days"))
    constant = catalogue.id_range[0]
    assert find_periods_of([constant, constant], SEARCH).n_stars == 1
    mine = GalPeriod.objects.filter(refsource_id=constant)
    assert mine.exists()
    others = GalPeriod.objects.exclude(refsource_id=constant).order_by("pk")
    assert list(others.values_list("pk", "days")) == before
    find_periods(catalogue, SEARCH, again=True)  # replaces those of the catalogue whole
    assert not mine.exists()
    assert find_periods_of([7 << 40], SEARCH).n_stars == 0


def test_light_curves_are_those_measured_well_without_trends():
    (catalogue,) = pulsating_star(10, "i")
    ids = [catalogue.id_range[0] + k for k in range(3)]
    curves = read_star_curves(ids, (266.0, -29.0), SEARCH)
    assert curves.mag.shape == (3, 11) and np.isfinite(curves.mag).all()
    assert np.all(np.diff(curves.days) > 0) and curves.days[0] > 2_400_000
    image = GalImage.objects.order_by("exposure__mjd")[4]
    trend = GalTrend.objects.create(
        catalogue_id=catalogue.pk, number=1, galimage_id=image.pk, mag=0.1
    )
    zeros = {f"coefficient_{k}": 0.0 for k in range(2, 6)}
    GalTrendStar.objects.create(refsource_id=ids[2], coefficient_1=2.0, **zeros)
    without = read_star_curves(ids, (266.0, -29.0), SEARCH)
    expected = np.zeros((3, 11))
    expected[2, 4] = 2 * trend.mag
    np.testing.assert_allclose(curves.mag - without.mag, expected, atol=1e-5)
    GalImage.objects.filter(pk=image.pk).update(is_doubted=True)
    assert read_star_curves(ids, (266.0, -29.0), SEARCH).mag.shape == (3, 10)


def test_periods_go_with_their_catalogue():
    (catalogue,) = pulsating_star(9, "i")
    find_periods(catalogue, SEARCH)
    assert GalPeriod.objects.exists()
    drop_catalogue(catalogue)
    assert not GalPeriod.objects.exists() and not GalPeriodRun.objects.exists()


def test_a_catalogue_without_varying_stars_has_none():
    catalogue = make_catalogue(3)
    assert candidate_sources(catalogue) == []
    assert find_periods(GalReference.objects.get(pk=catalogue.pk), SEARCH).n_stars == 0
    assert not GalPeriod.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_finds_a_catalogue_claimed_leaves_it():
    catalogue = make_catalogue(3)
    with held_elsewhere(Claimed.PERIODS, catalogue.pk):
        assert find_periods(catalogue, SEARCH) is None
        assert find_periods_of([catalogue.id_range[0]], SEARCH).n_stars == 0
    assert not GalPeriodRun.objects.exists()


def test_the_command_tells_what_it_found_and_what_is_as_it_was(capsys):
    (catalogue,) = pulsating_star(9, "i")
    call_command("find_periods")
    assert "of 1 stars that vary are periodic" in capsys.readouterr().out
    call_command("find_periods", catalogue=[catalogue.pk])
    assert "1 catalogues are as they were" in capsys.readouterr().out
    call_command("find_periods", source=[catalogue.id_range[0]])
    assert "of 1 stars are periodic" in capsys.readouterr().out
    retire_catalogue(catalogue.image)
    with pytest.raises(CommandError, match="no catalogue"):
        call_command("find_periods", catalogue=[catalogue.pk])

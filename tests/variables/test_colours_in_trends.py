"""Trends by colour: with the published stars that sources are, from table to table."""

import numpy as np
import pytest
from django.db import transaction

from exposures.models import GalPublishedStar
from photometry.models import GalMatchRun, GalSource
from photometry.storage import storage
from tests.builders.published_stars import add_stars, make_published, match
from tests.builders.survey_rows import make_image, make_sources
from variables.models import GalTrend, GalTrendStar, GalVariability
from variables.science.variability.options import VariabilityOptions
from variables.variability.measuring import is_measured, measure_variability

pytestmark = pytest.mark.django_db
N, N_IMAGES, PER_MAG = 400, 30, 0.02
OPTIONS = VariabilityOptions()


@pytest.fixture(scope="module")
def field(django_db_setup, django_db_blocker):
    """A catalogue on thirty images through one to two airmasses, and its stars' colours."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield measured_field()
        transaction.set_rollback(True)


def measured_field():
    rng = np.random.default_rng(4)
    colours = 1.5 + rng.gamma(2, 0.6, N)
    image = make_image("reference", is_reference=True, mjd=60000.0)
    rows = make_sources(N)
    # Apart, so that none trades flux with another.
    rows["x"], rows["y"] = (100.0 * c.ravel()[:N] for c in np.indices((20, 20)))
    catalogue = storage.create_catalogue(image, rows, {}, "test")
    catalogue.refresh_from_db()
    sources = storage.catalogue_sources(catalogue)
    for day, airmass in enumerate(rng.uniform(1, 2, N_IMAGES - 1), 1):
        rows = sources.copy()
        rows["mag"] += rng.normal(0, 0.02, N) + PER_MAG * (colours - 2.7) * (airmass - 1.5)
        rows["mag_err"] = 0.02
        search = make_image(f"search {day}", mjd=60000.0 + day, correction={"error_scale": 1.0})
        storage.replace_measurements(search, rows, rows[:0])
    return catalogue, sources, colours


def matched(field):
    """The sources matched with Gaia's stars of their colours."""
    catalogue, sources, colours = field
    gaia = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
    mags = [[16.0, 16.0 + colour, 16.0] for colour in colours.tolist()]
    stars = add_stars(gaia, sources["ra"].tolist(), sources["dec"].tolist(), mags)
    match(catalogue, gaia, sources["refsource_id"].tolist(), stars)
    return gaia


def chi2_of(sources, chosen):
    """The mean chi2/nu of stars."""
    rows = GalVariability.objects.filter(pk__in=sources["refsource_id"][chosen].tolist())
    return np.mean(rows.values_list("chi2_nu", flat=True))


def test_a_match_with_colours_has_trends_looked_for_again_and_red_stars_scatter_less(field):
    catalogue, sources, colours = field
    red = colours > np.quantile(colours, 0.9)
    measure_variability(catalogue)
    before, n_rows = chi2_of(sources, red), GalSource.objects.count()
    assert is_measured(catalogue, OPTIONS) and not GalTrend.objects.exists()
    matched(field)
    assert not is_measured(catalogue, OPTIONS)
    measure_variability(catalogue)
    assert is_measured(catalogue, OPTIONS)
    assert set(GalTrend.objects.values_list("number", flat=True)) == {1}
    ids = sources["refsource_id"].tolist()
    stored = dict(GalTrendStar.objects.values_list("refsource_id", "coefficient_1"))
    coefficients = np.array([stored[i] for i in ids])
    assert np.corrcoef(coefficients, colours)[0, 1] > 0.99
    after = chi2_of(sources, red)
    assert before > 1.15 * after and after == pytest.approx(chi2_of(sources, ~red), rel=0.05)
    assert GalSource.objects.count() == n_rows


def test_what_is_measured_stays_where_colours_can_change_nothing(field):
    catalogue, _, _ = field
    few = VariabilityOptions(min_trend_epochs=N_IMAGES + 1)
    measure_variability(catalogue, few)
    gaia = matched(field)
    assert is_measured(catalogue, few)
    measure_variability(catalogue)
    GalMatchRun.objects.update(digest="of other options")
    assert not is_measured(catalogue, OPTIONS)
    GalMatchRun.objects.all().delete()
    measure_variability(catalogue)
    GalPublishedStar.objects.filter(catalogue_id=gaia.pk).delete()
    assert is_measured(catalogue, OPTIONS)

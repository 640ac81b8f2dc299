"""Statistics and periods of an export's pixels, by LSDB on Dask, are those of the database."""

from functools import partial

import numpy as np
import pytest

from galproject.backup.bars import bar
from galproject.configuration.loading import load_options
from galproject.export.exporting import ExportOptions, export
from galproject.processing.variability import measure_catalogue
from photometry.storage import storage
from tests.builders.candidates import crossmatch_all
from tests.builders.survey_rows import make_image, make_sources
from variables.models import GalPeriod, GalTrend, GalVariability
from variables.periods.finding import find_periods_of
from variables.periods.options import PeriodSearch
from variables.science.exported.images import ExportedImages
from variables.science.exported.partitions import (
    OF_PERIODS,
    OF_STATISTICS,
    periods_of_pixel,
    statistics_of_pixel,
)

lsdb = pytest.importorskip("lsdb", reason="needs requirements-bulk.txt")
N, N_EPOCHS, N_PERIODIC, PERIOD_DAYS = 240, 30, 6, 2.7
STATISTICS = ["mean_mag", "robust_mag", "sigma_mad", "iqr_mag", "range_mag", "slope_mag"]
SHAPES = ["chi2_nu", "excess_mag", "deviation_sigma", "skewness", "stetson_k", "von_neumann"]
MEASURED = ["measured_sigma_mad", "measured_range_mag", "measured_chi2_nu", "measured_excess_mag"]


def make_filter(filter, seed):
    """A catalogue with a trend, some periodic stars, and some that are not always detected."""
    reference = make_image(f"{filter} reference", filter=filter, is_reference=True, zero_point=30)
    sources = make_sources(N)
    sources["mag"] = np.linspace(15, 21, N)
    sources["x"], sources["y"] = np.random.default_rng(1).uniform(50, 1900, (2, N))
    catalogue = storage.create_catalogue(reference, sources, {}, "test")
    rng, trend = np.random.default_rng(seed), np.random.default_rng(seed).normal(0, 0.03, N_EPOCHS)
    for epoch in range(1, N_EPOCHS):
        mjd = 60000 + 1.37 * epoch
        rows = storage.catalogue_sources(catalogue)
        rows["mag_err"] = 0.01
        rows["mag"] += rng.normal(0, 0.01, N) + trend[epoch] * np.linspace(0.5, 1.5, N)
        rows["mag"][:N_PERIODIC] += 0.3 * np.sin(2 * np.pi * mjd / PERIOD_DAYS)
        rows["flags"] = np.where(rng.random(N) < 0.03, 4, 0)
        missed = np.arange(N) >= N - 5 * (epoch % 3 == 0)
        rows["flux"][missed] = -10
        image = make_image(f"{filter} {epoch}", filter=filter, mjd=mjd, zero_point=30)
        storage.replace_measurements(image, rows[~missed], rows[missed])
    measure_catalogue(catalogue.pk)
    return catalogue


@pytest.fixture
def folder(db, tmp_path):
    """An export of two filters with all that the database knows of them."""
    catalogues = [make_filter("g", 1), make_filter("i", 2)]
    crossmatch_all()
    search = PeriodSearch.of(load_options())
    for one in catalogues:
        find_periods_of(range(one.id_range[0], one.id_range[0] + N_PERIODIC), search)
    export(tmp_path, ExportOptions(max_rows=5000), bar)
    return tmp_path


def periods_of_first_stars(pixel, images):
    ranks = pixel["source_id"].to_numpy() & ((1 << 20) - 1)
    return periods_of_pixel(pixel[ranks < N_PERIODIC], images)


def test_statistics_and_periods_on_a_cluster_are_those_of_the_database(folder):
    from dask.distributed import Client

    assert GalTrend.objects.exists()
    images = ExportedImages.read(folder)
    with Client(n_workers=1, threads_per_worker=1, dashboard_address=":0", processes=False):
        survey = lsdb.open_catalog(folder, columns=list(OF_STATISTICS))
        found = survey.map_partitions(partial(statistics_of_pixel, images=images)).compute()
        survey = lsdb.open_catalog(folder, columns=list(OF_PERIODS))
        periods = survey.map_partitions(periods_of_first_stars, images=images).compute()

    found = found.set_index("source_id")
    stored = GalVariability.objects.order_by("pk")
    assert stored.count() == 2 * N == len(found)
    assert stored.filter(flags__gt=0).count() >= 10
    for name in (*STATISTICS, *SHAPES, *MEASURED, "n_epochs"):
        ids, expected = zip(*stored.values_list("pk", name), strict=True)
        values = found.loc[list(ids), name].to_numpy(dtype="f8")
        exact = name in MEASURED
        np.testing.assert_allclose(
            values, np.array(expected), rtol=1e-6 if exact else 3e-4, atol=0 if exact else 3e-6
        )
    periods = periods.set_index("source_id")["period_days"]
    likeliest = GalPeriod.objects.filter(rank=1, refsource_id__in=periods.index.tolist())
    days = dict(likeliest.values_list("refsource_id", "days"))
    assert len(days) == 2 * N_PERIODIC
    for pk, expected in days.items():
        assert periods[pk] == pytest.approx(expected, rel=1e-5)

"""Made-up statistics of all stars of a catalogue, without the measurements that they are of."""

import numpy as np

from exposures.binary_copy import copy_in
from photometry.models import GalReference
from tests.builders.survey_rows import make_image
from variables.models import GalVariability, GalVariabilityRun
from variables.variability.binned_statistics import replace_bins
from variables.variability.storage import VARIABILITY_DTYPE, delete_variability


def make_statistics(n_stars, name="statistics", filter="i", seed=1, variable=0.01):
    """A catalogue of so many sources, without a partition, whose statistics are stored.

    A share ``variable`` of its stars varies by more than errors, which grow toward the faint. All
    but every tenth have an excess scatter.
    """
    catalogue = GalReference.objects.create(
        image=make_image(name, filter=filter, is_reference=True),
        options={},
        code_version="made up",
        n_sources=n_stars,
    )
    catalogue.refresh_from_db()
    ids = catalogue.id_range[0] + np.arange(n_stars)
    store_statistics(catalogue, statistics_rows(ids, seed, variable))
    return catalogue


def store_statistics(catalogue, rows):
    """Replace the statistics of a catalogue's stars by rows of galvariability."""
    delete_variability(catalogue)
    copy_in(GalVariability._meta.db_table, rows)
    replace_bins(catalogue, rows)
    GalVariabilityRun.objects.update_or_create(
        catalogue=catalogue, defaults={"digest": "", "n_images": 40, "n_sources": len(rows)}
    )


def statistics_rows(refsource_ids, seed=1, variable=0.01):
    """Rows of galvariability of sources by their ids (n,)."""
    rng, n = np.random.default_rng(seed), len(refsource_ids)
    rows = np.zeros(n, VARIABILITY_DTYPE)
    rows["refsource_id"], rows["n_epochs"] = refsource_ids, rng.integers(5, 60, n)
    mag = 22 - rng.exponential(1.6, n)
    error = np.hypot(0.004, 0.02 * 10 ** (0.3 * (mag - 20)))
    varies = rng.random(n) < variable
    scatter = np.where(varies, 10 ** rng.uniform(-1.7, 0, n), 0)
    total = np.hypot(error, scatter) * rng.normal(1, 0.1, n).clip(0.6, 1.6)
    rows["robust_mag"] = rows["mean_mag"] = mag
    rows["sigma_mad"], rows["iqr_mag"], rows["range_mag"] = total, 1.35 * total, 3.3 * total
    rows["chi2_nu"] = (total / error) ** 2
    excess = np.sqrt(np.maximum(total**2 - error**2, (0.1 * error) ** 2))
    rows["excess_mag"] = np.where(np.arange(n) % 10 == 9, np.nan, excess)
    rows["excess_err"] = 0.1 * error
    rows["deviation_sigma"] = 2.5 * total / error
    rows["deviation_mag"] = rng.choice([-1, 1], n) * 2.5 * total
    rows["false_alarm"] = 10 ** np.where(varies, rng.uniform(-12, -4, n), rng.uniform(-3, 0, n))
    rows["followed_share"] = rng.uniform(0, 0.3, n)
    rows["neighbour_correlation"] = rng.uniform(-0.5, 0.5, n)
    rows["skewness"], rows["stetson_k"] = rng.normal(0, 0.4, n), rng.normal(0.8, 0.05, n)
    rows["stetson_j"] = rows["chi2_nu"] - 1 + rng.normal(0, 0.2, n)
    rows["von_neumann"] = np.where(varies, rng.uniform(0.3, 2, n), rng.normal(2, 0.3, n))
    rows["slope_mag"], rows["slope_err"] = rng.normal(0, error), error
    return rows

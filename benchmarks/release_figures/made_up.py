"""A made-up survey of a few chips with long light curves, as noisy as real ones."""

import sys

import numpy as np
from tqdm import tqdm

from exposures.binary_copy import copy_in
from photometry.models import GalCoverage
from photometry.storage import storage
from tests.builders.survey_rows import make_image, make_sources

FIRST_RA, SEPARATION = 240.0, 2.0  # degrees between chips: each is a field of its own


def make_chips(n_chips, n_sources, n_epochs):
    """Catalogues with so many sources each, measured on so many images, in key order."""
    catalogues = []
    for number in tqdm(range(n_chips), unit="chip", desc="storing", file=sys.stderr):
        ra = FIRST_RA + SEPARATION * number
        image = make_image(f"reference {number}", ra, is_reference=True)
        sources = make_sources(n_sources, ra, seed=number)
        catalogues.append(storage.create_catalogue(image, sources, {}, "benchmark"))
        _add_epochs(catalogues[-1], ra, n_epochs - 1)
    return catalogues


def add_epoch(catalogue):
    """Measure the first chip's sources on another image, as the pipeline stores it."""
    rows = measured(storage.catalogue_sources(catalogue), np.random.default_rng(1))
    storage.replace_measurements(make_image("one more", FIRST_RA, mjd=60500.0), rows)


def _add_epochs(catalogue, ra, n_epochs):
    """Measurements on n images, straight into the partition."""
    days = 60001.0 + np.arange(n_epochs)
    images = [make_image(f"{catalogue.pk} {day:.0f}", ra, mjd=day) for day in days.tolist()]
    sources = storage.catalogue_sources(catalogue)
    rows = measured(np.repeat(sources, n_epochs), np.random.default_rng(catalogue.pk))
    rows["galimage_id"] = np.tile([image.pk for image in images], len(sources))
    rows["mjd"] = np.tile(days, len(sources))
    rows["is_reference"] = False
    copy_in(catalogue.partition, rows)
    GalCoverage.objects.bulk_create(
        GalCoverage(image=image, catalogue=catalogue, n_sources=len(sources)) for image in images
    )


def measured(rows, rng):
    """Rows of sources as an image measures them, with noise of their light and of the sky."""
    n, expected = len(rows), 10 ** (-0.4 * (rows["mag"].astype("f8") - 30))
    rows["flux_err"] = np.sqrt(expected + 400) * rng.normal(1, 0.05, n)
    rows["flux"] = np.maximum(rng.normal(expected, rows["flux_err"]), 1)
    rows["mag"] = 30 - 2.5 * np.log10(rows["flux"])
    rows["mag_err"] = np.hypot(0.01, 1.0857 * rows["flux_err"] / rows["flux"])
    rows["flags"] = np.where(rng.random(n) < 0.02, 4, 0)
    rows["quality"] = np.minimum(rng.normal(0.99, 0.01, n), 1)
    # Off the edge, which is judged by the pixels of the reference, of unknown size here.
    rows["x"] = rng.normal(1000, 1, n)
    rows["y"] = rng.normal(2000, 1, n)
    return rows

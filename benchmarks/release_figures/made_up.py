"""A made-up survey of a few chips with long light curves, as noisy as real ones."""

import sys

import numpy as np
from tqdm import tqdm

from photometry.storage import storage
from photometry.storage.clustering import rewrite
from tests.builders.survey_rows import make_image, make_sources

SEPARATION = 2.0  # degrees between chips: each is a field of its own


def make_chips(n_chips, n_sources, n_epochs):
    """Catalogues with so many sources each, measured on so many images, in key order."""
    catalogues = []
    for number in range(n_chips):
        ra = 240 + SEPARATION * number
        image = make_image(f"reference {number}", ra, is_reference=True)
        sources = make_sources(n_sources, ra, seed=number)
        catalogues.append(storage.create_catalogue(image, sources, {}, "benchmark"))
    for epoch in tqdm(range(1, n_epochs), unit="epoch", desc="storing", file=sys.stderr):
        for number, catalogue in enumerate(catalogues):
            add_epoch(catalogue, 240 + SEPARATION * number, f"{number} {epoch}", epoch)
    for catalogue in catalogues:
        rewrite(catalogue)
    return catalogues


def add_epoch(catalogue, ra, name, day):
    """Measure a catalogue's sources on another image."""
    rng = np.random.default_rng(1000 * catalogue.pk + day)
    rows = storage.catalogue_sources(catalogue)
    n, true_mag = len(rows), rows["mag"].astype("f8")
    expected = 10 ** (-0.4 * (true_mag - 30))
    rows["flux_err"] = np.sqrt(expected + 400) * rng.normal(1, 0.05, n)
    rows["flux"] = np.maximum(rng.normal(expected, rows["flux_err"]), 1)
    rows["mag"] = 30 - 2.5 * np.log10(rows["flux"])
    rows["mag_err"] = np.hypot(0.01, 1.0857 * rows["flux_err"] / rows["flux"])
    rows["x"] += rng.normal(0, 0.1, n)
    rows["flags"] = np.where(rng.random(n) < 0.02, 4, 0)
    rows["quality"] = np.minimum(rng.normal(0.99, 0.01, n), 1)
    storage.replace_measurements(make_image(name, ra, mjd=60001.0 + day), rows)

"""Candidates made up through the tables they are derived from."""

from itertools import count

import numpy as np

from exposures.models import GalImage
from photometry.crossmatch.crossmatching import crossmatch_filters, fields_of
from photometry.storage import storage
from tests.builders.survey_rows import make_image, make_sources
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate, GalVarObj

numbers = count(1)


def make_catalogue(n_sources=20, filter="i", ra=266.0, dec=-29.0, seed=1):
    """A reference image with a catalogue; its name is made up, too."""
    image = make_image(
        f"ref{next(numbers)}",
        ra,
        dec,
        filter,
        is_reference=True,
        n_sources=n_sources,
        width=2000,
        height=4000,
    )
    rows = make_sources(n_sources, ra, dec, seed)
    rng = np.random.default_rng(seed)
    rows["x"], rows["y"] = rng.uniform(100, 1900, n_sources), rng.uniform(100, 3900, n_sources)
    return storage.create_catalogue(image, rows, {}, "test")


def crossmatch_all():
    """Join the sources of all catalogues in use, as the pipeline does."""
    for images in fields_of():
        crossmatch_filters(images)


def add_epoch(catalogue, mjd, changes=None, **columns):
    """An image on which the catalogue was measured; ``changes`` are {rank: delta_mag}."""
    changes = changes or {}
    reference = GalImage.objects.select_related("exposure").get(pk=catalogue.image_id)
    image = make_image(
        f"s{next(numbers)}",
        reference.ra,
        reference.dec,
        reference.exposure.filter,
        mjd,
        reference=reference,
        width=2000,
        height=4000,
    )
    rows = storage.catalogue_sources(catalogue)
    rng = np.random.default_rng(int(1000 * mjd) % 2**31)
    rows["mag"] += rng.normal(0, 0.02, len(rows))
    for rank, delta in changes.items():
        rows["mag"][rank] += delta
    storage.replace_measurements(image, rows)
    for rank, delta in changes.items():
        make_change(image, rows[rank], delta, **columns)
    return image


def make_change(image, row, delta_mag, **columns):
    values = {
        "refsource_id": int(row["refsource_id"]),
        "ra": row["ra"],
        "dec": row["dec"],
        "x": row["x"],
        "y": row["y"],
        "reference_mag": row["mag"] - delta_mag,
        "kind": "fainter" if delta_mag > 0 else "brighter",
        "delta_mag": delta_mag,
        "delta_mag_err": 0.03,
        "significance": abs(delta_mag) / 0.03,
        "flux": row["flux"],
        "flux_err": row["flux_err"],
    }
    python = {k: v.item() if hasattr(v, "item") else v for k, v in values.items()}
    return GalVarObj.objects.create(image=image, **python | columns)


def make_candidate(n_detections=3, filter="i", n_epochs=None, delta_mag=0.8, **columns):
    """A candidate that was detected so often, in a catalogue of its own.

    Other ``columns`` of the candidate are set as they are given, whatever its measurements say.
    """
    place = {name: columns[name] for name in ("ra", "dec") if name in columns}
    catalogue = make_catalogue(5, filter, **place)
    for epoch in range(max(n_epochs or 0, n_detections)):
        changes = {2: delta_mag * (1 + 0.1 * epoch)} if epoch < n_detections else {}
        add_epoch(catalogue, 60001.0 + epoch, changes)
    refresh_candidates([catalogue.pk])
    candidate = GalCandidate.objects.get(catalogue=catalogue)
    if columns:
        GalCandidate.objects.filter(pk=candidate.pk).update(**columns)
        candidate.refresh_from_db()
    return candidate


def make_candidates(n, **columns):
    """Many candidates of one catalogue, each detected once or more; faster than one by one."""
    catalogue = make_catalogue(n, **columns)
    for epoch in range(3):
        deltas = {rank: 0.5 + 0.01 * rank for rank in range(n) if rank % 3 >= epoch}
        add_epoch(catalogue, 60001.0 + epoch, deltas)
    refresh_candidates([catalogue.pk])
    return list(GalCandidate.objects.filter(catalogue=catalogue).order_by("pk"))

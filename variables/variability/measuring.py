"""Statistics of every star of a catalogue from all its epochs, from table to table."""

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np
from django.db import transaction

from exposures.locks import Claimed, claim
from exposures.science.arrays import IntArray
from photometry.models import GalReference
from photometry.storage.storage import lock_against_drop
from variables.models import GalVariabilityRun, VariabilityFlag
from variables.science.variability.curves import CatalogueCurves
from variables.science.variability.options import VariabilityOptions
from variables.science.variability.statistics import curve_statistics
from variables.variability.curves import CatalogueImages, read_curves
from variables.variability.storage import replace_variability, variability_rows

VERSION = 1  # of the numbers; with another than now all are measured anew


@dataclass(frozen=True)
class MeasuredVariability:
    """What was measured of a catalogue."""

    n_images: int
    n_sources: int  # with statistics


def is_measured(catalogue: GalReference, options: VariabilityOptions) -> bool:
    """Whether statistics are of the catalogue's images as they are, and of these options."""
    runs = GalVariabilityRun.objects.filter(catalogue=catalogue)
    stored = runs.values_list("digest", flat=True).first()
    return stored is not None and stored == _digest(catalogue, options)


def measure_variability(
    catalogue: GalReference,
    options: VariabilityOptions = VariabilityOptions(),
    again: bool = False,
) -> MeasuredVariability | None:
    """Measure all sources of a catalogue, and store the statistics in place of earlier ones.

    None where there is nothing to do: its images are those of the last time (unless ``again``),
    another process is at it, or the catalogue is gone.
    """
    with claim(Claimed.VARIABILITY, catalogue.pk) as is_claimed:
        if not is_claimed or (not again and is_measured(catalogue, options)):
            return None
        measured = _measure(catalogue, options)
        # Whoever stored an image meanwhile found the claim taken.
        while measured and not is_measured(catalogue, options):
            measured = _measure(catalogue, options)
    return measured


def _measure(catalogue: GalReference, options: VariabilityOptions) -> MeasuredVariability | None:
    # Before the rows are read: an image that comes meanwhile makes another digest.
    digest = _digest(catalogue, options)
    with transaction.atomic():  # so that the partition stays in its place while it is read
        if not lock_against_drop(catalogue):
            return None
        curves = read_curves(catalogue, options)
    statistics = curve_statistics(curves, options)
    rows = variability_rows(curves.refsource_id, statistics, _flags(curves, options))
    run = GalVariabilityRun(
        catalogue=catalogue, digest=digest, n_images=curves.n_images, n_sources=len(rows)
    )
    if not replace_variability(catalogue, rows, run):
        return None
    return MeasuredVariability(curves.n_images, len(rows))


def _flags(curves: CatalogueCurves, options: VariabilityOptions) -> IntArray:
    """(n_stars,) bits of VariabilityFlag."""
    fading = curves.fading(options.faint_sigma)
    return np.where(fading, int(VariabilityFlag.FADING), 0).astype("i2")


def _digest(catalogue: GalReference, options: VariabilityOptions) -> str:
    """Of what statistics would be measured now."""
    images = CatalogueImages.of(catalogue).images
    processed = [(image.pk, str(image.finished)) for image in images]
    made_of = [VERSION, processed, asdict(options)]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()

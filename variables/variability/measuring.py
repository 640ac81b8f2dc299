"""Statistics of every star of a catalogue from all its epochs, from table to table."""

import hashlib
import json
from dataclasses import asdict, dataclass

from django.db import transaction

from exposures.locks import Claimed, claim
from photometry.matching.colours import colours_digest
from photometry.models import GalReference
from photometry.storage.storage import lock_against_drop
from variables.models import GalVariabilityRun
from variables.science.variability.assessment import assess_in_place
from variables.science.variability.options import VariabilityOptions
from variables.variability.curves import CatalogueImages, read_curves
from variables.variability.storage import clear_variability, replace_variability
from variables.variability.surroundings import read_surroundings

VERSION = 4  # of the numbers; with another than now all are measured anew


@dataclass(frozen=True)
class MeasuredVariability:
    """What was measured of a catalogue."""

    n_images: int
    n_sources: int  # with statistics


def is_measured(catalogue: GalReference, options: VariabilityOptions) -> bool:
    """Whether statistics are of the catalogue's images as they are, and of these options."""
    runs = GalVariabilityRun.objects.filter(catalogue=catalogue)
    stored = runs.values_list("digest", flat=True).first()
    epochs = CatalogueImages.of(catalogue)
    return stored is not None and stored == _digest(catalogue, epochs, options)


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
    # Before rows are read: an image or a match that comes meanwhile makes another digest.
    epochs = CatalogueImages.of(catalogue)
    n_images = len(epochs.images)
    digest = _digest(catalogue, epochs, options)
    run = GalVariabilityRun(catalogue=catalogue, digest=digest, n_images=n_images)
    if n_images < options.min_epochs:
        return MeasuredVariability(n_images, 0) if clear_variability(catalogue, run) else None
    with transaction.atomic():  # so that the partition stays in its place while it is read
        if not lock_against_drop(catalogue):
            return None
        curves = read_curves(catalogue, options, epochs)
        surroundings = read_surroundings(catalogue, epochs, len(curves))
    found = assess_in_place(curves, surroundings, options)
    n_sources = replace_variability(catalogue, curves, found, run)
    return None if n_sources is None else MeasuredVariability(n_images, n_sources)


def _digest(catalogue: GalReference, epochs: CatalogueImages, options: VariabilityOptions) -> str:
    """Of what statistics would be measured now."""
    processed = [(image.pk, str(image.finished)) for image in epochs.images]
    used = asdict(options)
    used.pop("max_false_per_million")  # which is of candidates, derived from the statistics
    made_of = [VERSION, processed, used]
    if len(processed) >= options.min_trend_epochs and (colours := colours_digest(catalogue.pk)):
        made_of.append(colours)  # by which trends are looked for
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()

"""Proper motions of references' sources, measured on the images of years."""

from collections.abc import Iterable, Iterator

from exposures.models import GalExposure
from galproject.configuration.loading import load_options
from photometry.models import GalReference
from photometry.references.motions import MeasuredMotions, measure_motions
from variables.derived.refresh import refresh_candidates


def catalogues_of(exposures: Iterable[GalExposure] | None = None) -> list[GalReference]:
    """Catalogues in use, with their images: all, or those made from some exposures."""
    catalogues = GalReference.objects.filter(active=True).select_related("image__exposure")
    if exposures is not None:
        catalogues = catalogues.filter(image__exposure__in=list(exposures))
    return list(catalogues.order_by("pk"))


def measure_motions_of(
    catalogues: Iterable[GalReference],
) -> Iterator[tuple[GalReference, MeasuredMotions]]:
    """Measure the motions of catalogues' sources, and judge their candidates by them."""
    options = load_options().reduction.motions
    for catalogue in catalogues:
        measured = measure_motions(catalogue, options)
        refresh_candidates([catalogue.pk])
        yield catalogue, measured

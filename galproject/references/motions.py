"""Proper motions of references' sources, measured on the images of years."""

from collections.abc import Iterable, Iterator

from django.db.models import Count, F

from exposures.models import GalExposure
from galproject.configuration.loading import load_options
from photometry.models import GalReference
from photometry.references.motions import MeasuredMotions, measure_motions
from variables.derived.refresh import refresh_candidates

GROWTH = 0.1  # more images than at the last time, as a share of them, are worth a measurement


def catalogues_of(exposures: Iterable[GalExposure] | None = None) -> list[GalReference]:
    """Catalogues in use, with their images: all, or those made from some exposures."""
    catalogues = GalReference.objects.filter(active=True).select_related("image__exposure")
    if exposures is not None:
        catalogues = catalogues.filter(image__exposure__in=list(exposures))
    return list(catalogues.order_by("pk"))


def overdue_catalogues() -> list[GalReference]:
    """Catalogues in use with many more images than their motions were measured on."""
    catalogues = GalReference.objects.filter(active=True).select_related("image__exposure")
    catalogues = catalogues.annotate(n_images=Count("coverages__displacements"))
    catalogues = catalogues.annotate(n_new=F("n_images") - F("n_motion_images"))
    enough = load_options().reduction.motions.min_images
    growth = GROWTH * F("n_motion_images")
    grown = catalogues.filter(n_images__gte=enough, n_new__gte=1).filter(n_new__gte=growth)
    return list(grown.order_by("pk"))


def measure_motions_of(
    catalogues: Iterable[GalReference],
) -> Iterator[tuple[GalReference, MeasuredMotions]]:
    """Measure the motions of catalogues' sources, and judge their candidates by them."""
    options = load_options().reduction.motions
    for catalogue in catalogues:
        measured = measure_motions(catalogue, options)
        refresh_candidates([catalogue.pk])
        yield catalogue, measured

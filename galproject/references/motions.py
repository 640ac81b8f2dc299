"""Proper motions of references' sources, of published stars and of the images of years."""

from collections.abc import Iterable, Iterator

from django.db.models import Count, F, Q

from exposures.models import GalExposure
from galproject.configuration.loading import load_options
from galproject.processing.matches import unmatched_references
from photometry.models import GalReference
from photometry.references.motions import StoredMotions, astrometric_runs, measure_motions
from variables.derived.refresh import refresh_candidates

GROWTH = 0.1  # more images than at the last time, as a share of them, are worth a measurement


def catalogues_of(exposures: Iterable[GalExposure] | None = None) -> list[GalReference]:
    """Catalogues in use, with their images: all, or those made from some exposures."""
    catalogues = GalReference.objects.filter(active=True).select_related("image__exposure")
    if exposures is not None:
        catalogues = catalogues.filter(image__exposure__in=list(exposures))
    return list(catalogues.order_by("pk"))


def overdue_catalogues() -> list[GalReference]:
    """Catalogues in use whose sources may have other motions than are stored.

    With many more images than these were measured on, or matched with published stars since, or
    with motions of stars that are gone.
    """
    catalogues = GalReference.objects.filter(active=True).select_related("image__exposure")
    catalogues = catalogues.annotate(n_images=Count("coverages__displacements"))
    catalogues = catalogues.annotate(n_new=F("n_images") - F("n_motion_images"))
    enough = load_options().reduction.motions.min_images
    growth = GROWTH * F("n_motion_images")
    has_grown = Q(n_images__gte=enough, n_new__gte=1) & Q(n_new__gte=growth)
    matched = astrometric_runs().filter(has_motions=False).order_by().values("reference")
    is_overdue = has_grown | Q(pk__in=matched) | Q(lost_motions=True)
    return list(catalogues.filter(is_overdue).order_by("pk"))


def renewable_catalogues(reference_ids: Iterable[int]) -> list[GalReference]:
    """Those of references whose motions are overdue by published stars that are others than before.

    What is to be matched first is left out: it follows.
    """
    of_these = GalReference.objects.filter(pk__in=list(reference_ids), active=True)
    matched = astrometric_runs().filter(has_motions=False).order_by().values("reference")
    changed = of_these.filter(Q(pk__in=matched) | Q(lost_motions=True))
    changed = changed.select_related("image__exposure").order_by("pk")
    to_be_matched = {reference.pk for reference in unmatched_references(changed)}
    return [reference for reference in changed if reference.pk not in to_be_matched]


def measure_motions_of(
    catalogues: Iterable[GalReference],
) -> Iterator[tuple[GalReference, StoredMotions]]:
    """Store the motions of catalogues' sources, and judge their candidates by them."""
    options = load_options().reduction.motions
    for catalogue in catalogues:
        measured = measure_motions(catalogue, options)
        refresh_candidates([catalogue.pk])
        yield catalogue, measured

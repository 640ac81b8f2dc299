"""Statistics of stars over all their epochs, measured where images changed."""

import logging
from collections.abc import Iterable, Iterator

from django.db.models import Q

from exposures.models import GalExposure, GalImage, GalImageQuerySet, GalJob
from galproject.configuration.loading import load_options
from photometry.models import GalReference
from variables.derived.refresh import refresh_candidates
from variables.new_sources.standing import add_missed
from variables.periods.finding import find_periods, is_followed_up
from variables.periods.options import PeriodSearch
from variables.variability.measuring import MeasuredVariability, is_measured, measure_variability

logger = logging.getLogger(__name__)


def catalogues_with_epochs(exposures: Iterable[GalExposure] | None = None) -> list[GalReference]:
    """Catalogues in use, with their images: all, or those measured on some exposures."""
    catalogues = GalReference.objects.filter(active=True).select_related("image__exposure")
    if exposures is not None:
        images = GalImage.objects.filter(exposure__in=list(exposures))
        on_them = Q(image__in=images) | Q(coverages__image__in=images)
        catalogues = catalogues.filter(on_them).distinct()
    return list(catalogues.order_by("pk"))


def unmeasured_catalogues(catalogues: Iterable[GalReference]) -> list[GalReference]:
    """Those catalogues of which images, or the options, changed since they were measured last."""
    options = load_options().variability
    return [catalogue for catalogue in catalogues if not is_measured(catalogue, options)]


def changed_catalogues(job: GalJob) -> list[GalReference]:
    """Catalogues in use that were measured, or made, on the images of a closed job.

    None where images of the same sky are still to be processed: the job of the last of them will
    have its turn.
    """
    if images_to_come(job.exposure).exists():
        return []
    return unmeasured_catalogues(catalogues_with_epochs([job.exposure]))


def images_to_come(exposure: GalExposure) -> GalImageQuerySet:
    """Images of an exposure's sky and filter that are still to be processed."""
    reach = load_options().fields.reach_degrees
    images: GalImageQuerySet = GalImage.objects.open().of_exposures_near(exposure, reach)
    return images


def overdue_catalogues() -> list[GalReference]:
    """Catalogues in use that are to be measured, though no job to come will have it done.

    Their images, or the options, changed since they were measured last, or periods were not looked
    for since: the message was lost, or its worker died.
    """
    catalogues = catalogues_with_epochs()
    unmeasured = {catalogue.pk for catalogue in unmeasured_catalogues(catalogues)}
    return [
        catalogue
        for catalogue in catalogues
        if (catalogue.pk in unmeasured or not is_followed_up(catalogue))
        and not images_to_come(catalogue.image.exposure).exists()
    ]


def measure_catalogue(catalogue_id: int, again: bool = False) -> MeasuredVariability | None:
    """Measure a catalogue's sources, derive its candidates and find their periods again.

    Stars that its reference missed are added to the sources before.

    None where nothing is measured: it is gone, another process is at it, or it was measured since
    its images changed, unless ``again``. What a worker that died then left to do is done.
    """
    catalogue = GalReference.objects.filter(pk=catalogue_id, active=True).first()
    if catalogue is None:
        return None
    options = load_options()
    add_missed(catalogue, options.new_sources)
    measured = measure_variability(catalogue, options.variability, again)
    if measured is not None or not is_followed_up(catalogue):
        refresh_candidates([catalogue.pk])
        find_periods(catalogue, PeriodSearch.of(options), again)
    return measured


def measure_catalogues(
    catalogues: Iterable[GalReference], again: bool = False
) -> Iterator[tuple[GalReference, MeasuredVariability | None]]:
    """Measure the sources of catalogues, one after the other, as ``measure_catalogue``."""
    for catalogue in catalogues:
        yield catalogue, measure_catalogue(catalogue.pk, again)

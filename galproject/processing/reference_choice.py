"""Updates of reference sets, and new selection of variables, without a new fit."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from tqdm import tqdm

from exposures.models import GalImage, GalImageQuerySet
from galproject.configuration.loading import options_from_json
from galproject.configuration.stored import options_of
from galproject.processing.version import code_version
from photometry.models import GalCoverage, GalReference, GalReferenceSet
from photometry.references.measured import Measured, StoredMeasurements, measured_on_primary
from photometry.references.reference_sets import active_catalogue, lock_catalogues, renew_means
from variables.changes.detection import (
    count_variables,
    find_changes,
    replace_variables,
    wider_fwhm,
)
from variables.derived.refresh import refresh_candidates
from variables.flags.marking import mark_changes
from variables.flags.proposals import renew_reference_proposals
from variables.science.selection import SelectionOptions


@dataclass(frozen=True)
class Renewal:
    """The outcome of updating a reference set."""

    n_sources: int  # with a mean of several images
    n_at_fault: int  # of these, wrong on the primary
    n_images: int  # whose variables were selected anew; 0 where no mean differs from before


def lock_sets_of(images: Iterable[GalImage]) -> None:
    """Lock the catalogues concerned by the sets of images until the transaction ends."""
    sets = [s for image in images for s in _sets_of(image)]
    lock_catalogues({i for s in sets for i in _concerned(active_catalogue(s.image))})


def renew_sets_of(image: GalImage) -> None:
    """Update the sets of which an image is a member from its stored measurements."""
    for reference_set in _sets_of(image):
        renew_set(reference_set)
        image.refresh_from_db(fields=["n_variables"])


def _sets_of(image: GalImage) -> QuerySet[GalReferenceSet]:
    sets = GalReferenceSet.objects.filter(members__image=image)
    return sets.select_related("image").order_by("pk")


def _concerned(catalogue: GalReference | None) -> set[int]:
    """Ids of the catalogues measured on the same images as one."""
    if catalogue is None:
        return set()
    images = GalCoverage.objects.filter(catalogue=catalogue).values("image")
    others = GalCoverage.objects.filter(image__in=images, catalogue__active=True)
    return {catalogue.pk, *others.values_list("catalogue_id", flat=True)}


@transaction.atomic
def renew_set(reference_set: GalReferenceSet, progress: tqdm | None = None) -> Renewal:
    """Compute a set's means again and, if any changed, select all variables again.

    ``progress.update(1)`` is called for each image. It is one transaction, so that readers see the
    set either before or after.
    """
    catalogue = active_catalogue(reference_set.image)
    concerned = _concerned(catalogue)
    lock_catalogues(concerned)
    options = options_from_json({"reference_sets": reference_set.options or {}}).reference_sets
    n_images = 0
    if renew_means(reference_set, options, code_version()) and catalogue is not None:
        n_images = select_anew(catalogue, progress)
        refresh_candidates(concerned)
        renew_reference_proposals(catalogue)
    reference_set.refresh_from_db()
    return Renewal(reference_set.n_sources, reference_set.n_at_fault, n_images)


def images_under(catalogue: GalReference) -> GalImageQuerySet:
    """The images whose variables depend on a catalogue: those measured with it."""
    return GalImage.objects.filter(coverages__catalogue=catalogue)


def select_anew(catalogue: GalReference, progress: tqdm | None = None) -> int:
    """Select the variables of a catalogue's images again; returns how many images."""
    stored = StoredMeasurements()
    primary = GalImage.objects.get(pk=catalogue.image_id)
    images = list(images_under(catalogue).select_related("reference").order_by("pk"))
    for image in images:
        _select(image, stored.of(image), image.reference or primary)
        if progress is not None:
            progress.update(1)
    _select(primary, measured_on_primary(primary, stored.sources_of(catalogue)), primary)
    return len(images)


def _select(image: GalImage, measured: Measured, reference: GalImage) -> None:
    shape, reference_shape = (image.height, image.width), (reference.height, reference.width)
    options, fwhm = _selection_options(image), wider_fwhm(image, reference)
    changes = find_changes(measured, shape, reference_shape, options, fwhm)
    replace_variables(image, measured, changes, _without_measurement(image, measured))
    mark_changes(image)
    if not image.is_reference:
        GalImage.objects.filter(pk=image.pk).update(n_variables=count_variables(image))


def _selection_options(image: GalImage) -> SelectionOptions:
    """The options with which an image's variables were selected."""
    return options_of(image).selection


def _without_measurement(image: GalImage, measured: Measured) -> list[int]:
    """Changes of sources without a stored measurement, as older code left them."""
    known = set(measured.rows["refsource_id"].tolist())
    changes = image.variables.of_reference().values_list("pk", "refsource_id")
    return [pk for pk, refsource_id in changes if refsource_id not in known]

"""Deletion of exposures with all their results."""

from contextlib import ExitStack
from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim
from exposures.models import GalExposure, GalImage
from galproject.processing.storing import delete_results
from photometry.models import GalCoverage, GalReference, GalSource
from variables.models import GalVarObj
from variables.new_sources.ids import new_ids


@dataclass(frozen=True)
class Removal:
    """What is deleted with an exposure."""

    exposure: GalExposure
    n_images: int
    n_sources: int  # rows of galsources on it
    n_variables: int  # rows of galvarobjs on it
    n_catalogues: int  # reference catalogues made from it
    n_dependents: int  # search images of other exposures that were measured with these
    n_dependent_sources: int  # what these have of them in galsources
    n_dependent_variables: int  # and in galvarobjs


def plan_removal(exposure: GalExposure) -> Removal:
    """Plan what would be deleted with an exposure."""
    images = exposure.images.all()
    catalogues = GalReference.objects.filter(image__in=images)
    others = GalCoverage.objects.filter(catalogue__in=catalogues).exclude(image__in=images)
    of_them = [catalogue.id_range for catalogue in catalogues]
    changes = GalVarObj.objects.exclude(image__in=images)
    return Removal(
        exposure=exposure,
        n_images=len(images),
        n_sources=(images.aggregate(total=Sum("n_sources"))["total"] or 0) + _n_new(images),
        n_variables=GalVarObj.objects.filter(image__in=images).count(),
        n_catalogues=len(catalogues),
        n_dependents=others.values("image").distinct().count(),
        n_dependent_sources=others.aggregate(total=Sum("n_sources"))["total"] or 0,
        n_dependent_variables=sum(
            changes.filter(refsource_id__range=id_range).count() for id_range in of_them
        ),
    )


def _n_new(images: QuerySet[GalImage]) -> int:
    """The number of rows on images of sources that are new or were added to a reference."""
    ids = [image.pk for image in images]
    under = Q(image__in=ids) | Q(coverages__image__in=ids)
    return sum(
        GalSource.objects.filter(refsource_id__range=new_ids(one), galimage_id__in=ids).count()
        for one in GalReference.objects.filter(under).distinct()
    )


def remove(exposure: GalExposure, cascade: bool = False) -> None:
    """Delete an exposure, its measurements, and the catalogues made from it.

    Search images measured with its catalogues lose those measurements and have to be processed
    again, which needs ``cascade``. An interrupted removal is completed by the next one. Raises
    GalprojectError if a chip is being processed, or images depend on it.
    """
    removal = plan_removal(exposure)
    if removal.n_dependents and not cascade:
        raise GalprojectError(
            f"{exposure} is the reference of {removal.n_dependents} search images. Process them "
            "against another first, or remove what they have of it too (--cascade)"
        )
    images = list(exposure.images.select_related("exposure"))
    with ExitStack() as claims:
        for image in images:
            if not claims.enter_context(claim(Claimed.CHIP, image.pk)):
                raise GalprojectError(
                    f"{image} is being worked on, on {image.host}. Wait until it has ended"
                )
        for image in images:
            delete_results(image, with_retired=True)
        exposure.delete()

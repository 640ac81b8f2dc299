"""Results made over with other options, and exposures removed with all that was made of them."""

from contextlib import ExitStack
from dataclasses import dataclass, replace

from django.db.models import Sum

from exposures.claims import Claimed, claim
from exposures.errors import GalprojectError
from exposures.made_from import has_same_files
from exposures.models import GalExposure, GalImage
from galproject import jobs
from galproject.configuration.loading import options_from_json
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.pipeline import forget, is_made_alike
from photometry.models import GalCoverage, GalReference
from variables.models import GalVarObj


@dataclass(frozen=True)
class Reprocessing:
    """What would be made over: ids of galimages by the options to do it with."""

    references: dict[PipelineOptions, list[int]]
    searches: dict[PipelineOptions, list[int]]
    n_standing: int  # made as they would be now, and left as they are
    n_references_kept: int  # made otherwise, and left as they are
    n_other_files: int = 0  # of all that was made otherwise: of files that are others now

    @property
    def n_references(self) -> int:
        return sum(map(len, self.references.values()))

    @property
    def n_searches(self) -> int:
        return sum(map(len, self.searches.values()))

    def ask(self, queued=True, asked_by=""):
        """Ask for it, references first: the jobs."""
        asked = []
        for groups in (self.references, self.searches):
            for options, image_ids in groups.items():
                images = GalImage.objects.filter(pk__in=image_ids)
                asked += jobs.ask(images, options, True, queued=queued, asked_by=asked_by)
        return asked


@dataclass(frozen=True)
class Removal:
    """What goes with an exposure."""

    exposure: GalExposure
    n_images: int
    n_sources: int  # rows of galsources measured on it
    n_variables: int  # rows of galvarobjs on it
    n_catalogues: int  # reference catalogues made from it
    n_dependents: int  # search images of other exposures that were measured with these
    n_dependent_sources: int  # what these have of them in galsources
    n_dependent_variables: int  # and in galvarobjs


def find_exposures(identifiers) -> list[GalExposure]:
    """Exposures by their identifiers, EXPNUM or file stem; raises GalprojectError."""
    found = []
    for identifier in identifiers:
        alike = list(GalExposure.objects.filter(identifier=identifier))
        if not alike:
            raise GalprojectError(
                f"{identifier}: there is no such exposure. manage.py working_status lists them"
            )
        found += alike
    return found


def plan_reprocessing(images, options, with_references=False) -> Reprocessing:
    """What of the chips was made otherwise than it would be now: see ``is_made_alike``.

    The options that describe files (``input``, ``catalogue``) stay as each chip was made with.
    References are made over only ``with_references``, as that gives their sources new ids; the
    search images that were measured with them are then made over too.
    """
    references, searches, n_standing, n_other_files = {}, {}, 0, 0
    for image in images.exclude(options=None).select_related("exposure"):
        wanted = for_its_files(image, options)
        if is_made_alike(image, wanted):
            n_standing += 1
        else:
            kind = references if image.is_reference else searches
            kind.setdefault(wanted, []).append(image.pk)
            n_other_files += not has_same_files(image)
    n_otherwise = sum(map(len, references.values()))
    if not with_references:
        return Reprocessing({}, searches, n_standing, n_otherwise, n_other_files)
    chosen = {pk for ids in searches.values() for pk in ids}
    made_over = [pk for ids in references.values() for pk in ids]
    for image in dependents(made_over).exclude(pk__in=chosen):
        searches.setdefault(for_its_files(image, options), []).append(image.pk)
    return Reprocessing(references, searches, n_standing, 0, n_other_files)


def for_its_files(image, options) -> PipelineOptions:
    """Options, but for those that describe an image's files: as it was made with, if it was."""
    if image.options is None:
        return options
    before = options_from_json(image.options)
    return replace(options, input=before.input, catalogue=before.catalogue)


def dependents(image_ids):
    """Search images that were measured with the active catalogues of reference images."""
    catalogues = GalReference.objects.filter(image__in=image_ids, active=True)
    return GalImage.objects.filter(coverages__catalogue__in=catalogues).distinct()


def plan_removal(exposure) -> Removal:
    """What would go with an exposure."""
    images = exposure.images.all()
    catalogues = GalReference.objects.filter(image__in=images)
    others = GalCoverage.objects.filter(catalogue__in=catalogues).exclude(image__in=images)
    of_them = [catalogue.id_range for catalogue in catalogues]
    changes = GalVarObj.objects.exclude(image__in=images)
    return Removal(
        exposure=exposure,
        n_images=len(images),
        n_sources=images.aggregate(total=Sum("n_sources"))["total"] or 0,
        n_variables=GalVarObj.objects.filter(image__in=images).count(),
        n_catalogues=len(catalogues),
        n_dependents=others.values("image").distinct().count(),
        n_dependent_sources=others.aggregate(total=Sum("n_sources"))["total"] or 0,
        n_dependent_variables=sum(
            changes.filter(refsource_id__range=id_range).count() for id_range in of_them
        ),
    )


def remove(exposure, cascade=False):
    """Remove an exposure, what was measured on it, and the catalogues made from it.

    Search images that depend on these lose what they have of them and are to be processed again:
    only with ``cascade``. A removal that is interrupted is finished by another. Raises
    GalprojectError where a chip is being worked on, or images depend on it.
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
            forget(image, with_retired=True)
        exposure.delete()

"""Reprocessing of results with other options."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from uuid import UUID

from exposures.made_from import Looks, has_same_files
from exposures.models import GalImage, GalImageQuerySet, GalJob
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.configuration.stored import options_of_set
from galproject.processing.pipeline import (
    has_same_options,
    is_by_database,
    is_of_this_code,
    measured_with,
)
from galproject.processing.sky_geometry import catalogues_under_each
from galproject.queue.asking import ask, enqueue
from photometry.models import GalReference

# The columns of an image by which it is told whether it would be the same now.
COMPARED = (
    *("status", "results_version", "option_set", "is_reference", "files", "correction"),
    *("path", "chip_name"),
)
CHIPS_AT_ONCE = 2000


@dataclass(frozen=True)
class Reprocessing:
    """What would be reprocessed: ids of galimages by the options to use."""

    references: dict[PipelineOptions, list[int]]
    searches: dict[PipelineOptions, list[int]]
    n_up_to_date: int  # made as they would be now, and left as they are
    n_references_kept: int  # made otherwise, and left as they are
    n_other_files: int = 0  # of these: of files or published stars that are others now

    @property
    def n_references(self) -> int:
        """The number of reference images to be processed again."""
        return sum(map(len, self.references.values()))

    @property
    def n_searches(self) -> int:
        """The number of search images to be processed again."""
        return sum(map(len, self.searches.values()))

    def enqueue(self, queued: bool = True, requested_by: str = "") -> list[GalJob]:
        """Ask the workers for the chips, or open jobs for this process; returns the jobs."""
        jobs = []
        for groups in (self.references, self.searches):
            for options, image_ids in groups.items():
                images = GalImage.objects.filter(pk__in=image_ids)
                if queued:
                    jobs += ask(images, options, again=True, requested_by=requested_by)
                else:
                    jobs += enqueue(images, options, True, False, requested_by)
        return jobs


def plan_reprocessing(
    images: GalImageQuerySet, options: PipelineOptions, with_references: bool = False
) -> Reprocessing:
    """Plan to reprocess chips whose results would differ now; see ``has_same_provenance``.

    Options that describe files (``input``, ``catalogue``) stay as each chip was made with.
    References are processed again only ``with_references``, as that gives their sources new ids;
    search images measured with them then are, too.
    """
    otherwise: dict[tuple[bool, UUID], list[int]] = defaultdict(list)
    n_up_to_date = n_other_files = 0
    made = images.exclude(option_set=None)
    looks = Looks()
    under = catalogues_under_each(made.searches().done().values_list("pk", flat=True).iterator())
    has_options = cache(partial(_has_options, options))
    for image in made.only(*COMPARED).iterator(CHIPS_AT_ONCE):
        of = image.option_set_id, image.is_reference, is_by_database(image)
        has_files = has_same_files(image, looks=looks)
        is_alike = has_files and is_of_this_code(image) and has_options(*of)
        if is_alike and (image.is_reference or under.are(image, measured_with(image))):
            n_up_to_date += 1
        else:
            otherwise[image.is_reference, image.option_set_id].append(image.pk)
            n_other_files += not has_files
    references, searches = (_by_options(otherwise, kind, options) for kind in (True, False))
    n_otherwise = sum(len(ids) for ids in references.values())
    if not with_references:
        return Reprocessing({}, searches, n_up_to_date, n_otherwise, n_other_files)
    chosen = {pk for ids in searches.values() for pk in ids}
    made_over = [pk for ids in references.values() for pk in ids]
    for image in dependents(made_over).exclude(pk__in=chosen):
        searches.setdefault(for_its_files(image, options), []).append(image.pk)
    return Reprocessing(references, searches, n_up_to_date, 0, n_other_files)


def _has_options(
    options: PipelineOptions, option_set_id: UUID, is_reference: bool, by_database: bool
) -> bool:
    wanted = _for_files_of(option_set_id, options)
    return has_same_options(option_set_id, wanted, is_reference, by_database)


def _by_options(
    otherwise: dict[tuple[bool, UUID], list[int]], is_reference: bool, options: PipelineOptions
) -> dict[PipelineOptions, list[int]]:
    """Ids of images by the options to process them with, of those by the set that they have."""
    found: dict[PipelineOptions, list[int]] = {}
    for (of_reference, option_set_id), ids in otherwise.items():
        if of_reference == is_reference:
            found.setdefault(_for_files_of(option_set_id, options), []).extend(ids)
    return found


def for_its_files(image: GalImage, options: PipelineOptions) -> PipelineOptions:
    """Options, with those that describe an image's files as it was processed with."""
    if image.option_set_id is None:
        return options
    return _for_files_of(image.option_set_id, options)


@lru_cache(maxsize=256)
def _for_files_of(option_set_id: UUID, options: PipelineOptions) -> PipelineOptions:
    before = options_of_set(option_set_id)
    return replace(options, input=before.input, catalogue=before.catalogue)


def dependents(image_ids: Collection[int]) -> GalImageQuerySet:
    """Search images measured with the active catalogues of reference images."""
    catalogues = GalReference.objects.filter(image__in=image_ids, active=True)
    return GalImage.objects.filter(coverages__catalogue__in=catalogues).distinct()

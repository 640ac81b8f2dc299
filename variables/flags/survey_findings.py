"""Everything to propose flags for on exposures, on each image, catalogue and detector once."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

import numpy as np

from exposures.models import GalExposure, GalImage
from exposures.source_ids import block_of
from photometry.models import GalCoverage, GalReference
from variables.flags.chips import search_chips
from variables.flags.defects import on_detector, on_many_chips
from variables.flags.findings import Proposal, on_references, on_search_images
from variables.regions.positions import changes_on, place_changes
from variables.science.artifacts import ArtifactOptions

EXPOSURES_AT_ONCE = 16  # of which all changes are in memory

Part = Callable[[], list[Proposal]]


def findings(exposures: Sequence[GalExposure], options: ArtifactOptions) -> list[Part]:
    """What there is to look at once exposures were processed, each to be called for its flags.

    Exposures, some together; the catalogues that are made of one or measured on one, by blocks of
    partitions; and each detector.
    """
    some = [
        exposures[first : first + EXPOSURES_AT_ONCE]
        for first in range(0, len(exposures), EXPOSURES_AT_ONCE)
    ]
    blocks = [list(ids) for _, ids in groupby(_catalogues(exposures), block_of)]
    return [
        *(partial(_on_exposures, together, options) for together in some),
        *(partial(_on_catalogues, block, options) for block in blocks),
        *_on_detectors(exposures, options),
    ]


def _on_exposures(exposures, options):
    chips = search_chips(exposure.pk for exposure in exposures)
    rows = changes_on(chips["image_id"].tolist())
    order = np.argsort(chips["image_id"])
    chip = order[np.searchsorted(chips["image_id"][order], rows["image_id"])]
    of = chips["exposure_id"][chip]
    many = []
    for exposure in exposures:
        own = chips[chips["exposure_id"] == exposure.pk]
        many += on_many_chips(exposure, own, rows[of == exposure.pk], options)
    place_changes(rows)
    return on_search_images(chips, rows, options) + many


def _catalogues(exposures) -> list[int]:
    """Ids, in order, of catalogues that were made from images of exposures, or measured on them."""
    images = GalImage.objects.done().filter(exposure__in=[exposure.pk for exposure in exposures])
    own = GalReference.objects.filter(image__in=images).values_list("pk", flat=True)
    measured = GalCoverage.objects.filter(image__in=images).order_by()
    return sorted({*own, *measured.values_list("catalogue_id", flat=True).distinct()})


def _on_catalogues(ids, options):
    active = GalReference.objects.filter(pk__in=ids, active=True).select_related("image__exposure")
    catalogues = list(active.order_by("pk"))
    return on_references(catalogues, options) if catalogues else []


def _on_detectors(exposures, options) -> Iterator[Part]:
    """For each detector, an instrument's number of a chip, on which exposures have search images.

    With those of some weeks before and after.
    """
    for instrument in sorted({exposure.instrument for exposure in exposures}):
        own = [exposure for exposure in exposures if exposure.instrument == instrument]
        times = [exposure.mjd for exposure in own]
        near = min(times) - options.defect_days, max(times) + options.defect_days
        about = GalExposure.objects.filter(instrument=instrument, mjd__range=near)
        chips = search_chips(about.order_by("pk").values_list("pk", flat=True))
        chosen = {exposure.pk for exposure in own}
        is_own = np.isin(chips["exposure_id"], list(chosen))
        for ccdnum in np.unique(chips["ccdnum"][is_own]).tolist():
            yield partial(on_detector, chips[chips["ccdnum"] == ccdnum], chosen, options)

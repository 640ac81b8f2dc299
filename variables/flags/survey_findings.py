"""Everything to propose flags for on exposures, on each image, catalogue and detector once."""

from collections.abc import Callable, Sequence
from functools import partial

from exposures.models import GalExposure, GalImage
from photometry.models import GalReference
from variables.flags.defects import CHIP_COLUMNS, detectors_of, on_detector, on_many_chips
from variables.flags.findings import Proposal, on_reference, on_search_images
from variables.science.artifacts import ArtifactOptions

Part = Callable[[], list[Proposal]]


def findings(exposures: Sequence[GalExposure], options: ArtifactOptions) -> list[Part]:
    """What there is to look at once exposures were processed, each to be called for its flags.

    Each exposure's own, those of each catalogue that is made of one or measured on one, and those
    of each detector.
    """
    own = [partial(_on_exposure, exposure, options) for exposure in exposures]
    references = [partial(on_reference, c, options) for c in _catalogues(exposures)]
    detectors = [partial(on_detector, d, exposures, options) for d in detectors_of(exposures)]
    return [*own, *references, *detectors]


def _on_exposure(exposure, options):
    searches = list(exposure.images.searches().done().only(*CHIP_COLUMNS).order_by("ccdnum"))
    for image in searches:
        image.exposure = exposure
    return on_search_images(searches, options) + on_many_chips(exposure, searches, options)


def _catalogues(exposures):
    """The catalogues that were made from images of exposures, or measured on them."""
    images = GalImage.objects.done().filter(exposure__in=[exposure.pk for exposure in exposures])
    active = GalReference.objects.filter(active=True).select_related("image__exposure")
    own = active.filter(image__in=images)
    measured = active.filter(coverages__image__in=images).distinct()
    return sorted({*own, *measured}, key=lambda catalogue: catalogue.pk)

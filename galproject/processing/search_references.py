"""The references under a search image, which may change once it is registered."""

from dataclasses import replace

from exposures.chip import Chip
from exposures.errors import InputFileError
from exposures.models import GalImage
from exposures.science.astrometry import PixelCorrection, RefinedWcs, RegisteredWcs
from galproject.processing.sky_geometry import fill_sky_geometry, references_under
from photometry.matching.colours import gaia_colours
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction
from photometry.reduction.refraction import SourcesAtEpoch
from photometry.reduction.search import SearchMeasurement, measure_search
from photometry.science.reference_sky import ReferenceSky
from photometry.storage import storage
from photometry.storage.image_calibration import channel_edges
from photometry.storage.motions import source_positions_at
from photometry.storage.reference_skies import reference_skies_of, without_reference_sky


def check_is_covered(image: GalImage, chip: Chip) -> None:
    """Raise InputFileError if no reference lies here by the header's WCS.

    Called before the expensive steps.
    """
    fill_sky_geometry(image, chip, RefinedWcs(chip.wcs, PixelCorrection(chip.shape, -1)))
    if not references_under(image):
        raise _no_reference(image, chip)


def _no_reference(image: GalImage, chip: Chip) -> InputFileError:
    return InputFileError(
        chip.path,
        f"no reference in filter {image.exposure.filter} overlaps this chip",
        "Process one first: manage.py process_exposure --reference",
        hdu=chip.name,
    )


def measure_on_references(
    image: GalImage, reduction: Reduction, options: ReductionOptions
) -> tuple[list[GalImage], SearchMeasurement]:
    """Measure an image on the references under it; returns both.

    An image whose WCS proves to be far off gets its true position, where it may lie on other
    references. Raises InputFileError if there are none.
    """
    references = references_under(image)
    measurement = _measure_on(references, image, reduction, options)
    if measurement.is_far_off(options):
        wcs = RegisteredWcs(reduction.wcs, measurement.registration)
        fill_sky_geometry(image, reduction.chip, wcs)
        others = references_under(image)
        if {r.pk for r in others} != {r.pk for r in references}:
            references = others
            measurement = _measure_on(references, image, reduction, options)
    return references, measurement


def _measure_on(
    references: list[GalImage], image: GalImage, reduction: Reduction, options: ReductionOptions
) -> SearchMeasurement:
    if not references:
        raise _no_reference(image, reduction.chip)
    sources = storage.reference_sources_in(references)
    edges = channel_edges(references)
    positions = source_positions_at(sources, image.exposure.mjd, options.motions)
    at_epoch = SourcesAtEpoch(*positions, gaia_colours(sources["refsource_id"]))
    skies, notes = _skies(references, options)
    measurement: SearchMeasurement = measure_search(
        reduction, sources, options, edges, at_epoch, skies
    )
    return replace(measurement, notes=(*measurement.notes, *notes))


def _skies(
    references: list[GalImage], options: ReductionOptions
) -> tuple[dict[int, ReferenceSky], list[str]]:
    """What references have beside their sources, by image, and notes on those that don't tell."""
    if not options.reference_sky.subtract:
        return {}, []
    notes = [
        f"reference sky: not kept with {image}; process that reference again to have nebulae "
        "subtracted, if there are any"
        for image in without_reference_sky(references)
    ]
    return reference_skies_of(references), notes

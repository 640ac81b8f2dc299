"""The references under a search image, which may change once it is registered."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.chip import Chip
from exposures.errors import InputFileError
from exposures.models import GalImage
from exposures.science.astrometry import PixelCorrection, RefinedWcs, RegisteredWcs
from galproject.processing.sky_geometry import (
    catalogues_under,
    fill_sky_geometry,
    references_under,
)
from photometry.matching.colours import gaia_colours
from photometry.reduction.guided import Guide
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction
from photometry.reduction.refraction import SourcesAtEpoch
from photometry.reduction.search import SearchMeasurement, measure_search
from photometry.science.reference_sky import ReferenceSky
from photometry.storage import storage
from photometry.storage.image_calibration import channel_edges
from photometry.storage.motions import source_positions_at
from photometry.storage.reference_skies import reference_skies_of, without_reference_sky


@dataclass(frozen=True)
class ListedSources:
    """The sources of the references under a search image."""

    references: list[GalImage]
    catalogues: list[int]  # of the references, by their ids
    sources: np.ndarray  # (n,) rows of galsources
    at_epoch: SourcesAtEpoch

    def guide(self, chip: Chip) -> Guide:
        """What the reduction of the image's Chip is guided by."""
        return Guide.of(chip, self.sources, self.at_epoch.ra, self.at_epoch.dec)


def _listed_sources(
    image: GalImage, chip: Chip, options: ReductionOptions, references: list[GalImage]
) -> ListedSources:
    if not references:
        raise _no_reference(image, chip)
    catalogues = [catalogue.pk for catalogue in catalogues_under(image)]
    sources = storage.reference_sources_in(references)
    positions = source_positions_at(sources, image.exposure.mjd, options.motions)
    colours = gaia_colours(sources["refsource_id"])
    return ListedSources(references, catalogues, sources, SourcesAtEpoch(*positions, colours))


def covering_sources(image: GalImage, chip: Chip, options: ReductionOptions) -> ListedSources:
    """The ListedSources under an image by its header's WCS, for its reduction.

    Raises InputFileError, before the expensive steps, if no reference lies there.
    """
    fill_sky_geometry(image, chip, RefinedWcs(chip.wcs, PixelCorrection(chip.shape, -1)))
    return _listed_sources(image, chip, options, references_under(image))


def _no_reference(image: GalImage, chip: Chip) -> InputFileError:
    return InputFileError(
        chip.path,
        f"no reference in filter {image.exposure.filter} overlaps this chip",
        "Process one first: manage.py process_exposure --reference",
        hdu=chip.name,
    )


def measure_on_references(
    image: GalImage,
    reduction: Reduction,
    options: ReductionOptions,
    listed: ListedSources,
) -> tuple[list[GalImage], SearchMeasurement]:
    """Measure an image on the references under it; returns both.

    ``listed`` are the sources of those that lie there by the header; they are read anew where the
    image's own WCS says otherwise, or a catalogue was replaced. An image whose WCS proves to be far
    off gets its true position, where it may lie on other references. Raises InputFileError if there
    are none.
    """
    if listed.catalogues != [catalogue.pk for catalogue in catalogues_under(image)]:
        listed = _listed_sources(image, reduction.chip, options, references_under(image))
    measurement = _measure_on(listed, reduction, options)
    if measurement.is_far_off(options):
        wcs = RegisteredWcs(reduction.wcs, measurement.registration)
        fill_sky_geometry(image, reduction.chip, wcs)
        others = references_under(image)
        if {r.pk for r in others} != {r.pk for r in listed.references}:
            listed = _listed_sources(image, reduction.chip, options, others)
            measurement = _measure_on(listed, reduction, options)
    return listed.references, measurement


def _measure_on(
    listed: ListedSources, reduction: Reduction, options: ReductionOptions
) -> SearchMeasurement:
    edges = channel_edges(listed.references)
    skies, notes = _skies(listed.references, options)
    measurement: SearchMeasurement = measure_search(
        reduction, listed.sources, options, edges, listed.at_epoch, skies
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

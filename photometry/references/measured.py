"""Measurements of reference sources on an image, new or read from the database."""

from dataclasses import dataclass

import numpy as np

from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.storage.image_calibration import ImageCalibration
from photometry.storage.reference_values import ReferenceValues, reference_values
from photometry.storage.storage import catalogue_sources, measurements_on


@dataclass(frozen=True)
class Measured:
    """Sources on an image and on their references; arrays (n,) in order of their ids."""

    rows: np.ndarray  # SOURCE_DTYPE, on the image; mag is NaN where the flux is not positive
    sources: np.ndarray  # SOURCE_DTYPE, the same sources in their catalogues
    values: ReferenceValues  # how bright their references have them
    zero_point: np.ndarray  # mag of 1 ADU on the image, brought onto the references
    flux_err: np.ndarray  # ADU, of the image's fluxes, by the errors of the image

    @property
    def expected_flux(self) -> np.ndarray:
        """The flux in ADU that the references predict on the image."""
        return 10 ** (-0.4 * (self.values.mag - self.zero_point))


def measured_on_search(rows, sources, calibration) -> Measured:
    """What was measured on a search image, with the means that reference sets have now.

    ``rows`` and ``sources`` are arrays of SOURCE_DTYPE of the same sources, in order;
    ``calibration`` is the ImageCalibration of the image.
    """
    values = reference_values(sources)
    zero_point = calibration.zero_points(rows, sources)
    flux_err = calibration.flux_errors(rows, sources, values.mag)
    return Measured(rows, sources, values, zero_point, flux_err)


def measured_on_primary(image, sources) -> Measured:
    """The Measured sources of a reference on itself, against the means of its set.

    Only where the image is at fault do the two differ.
    """
    values = reference_values(sources)
    own = {
        name: np.where(values.at_fault, getattr(values, name), sources[name])
        for name in ("mag", "mag_err")
    }
    values = ReferenceValues(**{**vars(values), **own})
    zero_point = np.full(len(sources), image.zero_point)
    # Of a reference the errors of magnitudes are those of fluxes; there are no negative ones.
    flux_err = sources["flux"] * sources["mag_err"] / MAG_PER_LN
    return Measured(sources, sources, values, zero_point, flux_err)


class StoredMeasurements:
    """A reader of many images' measurements that reads each catalogue only once."""

    def __init__(self):
        self._sources = {}

    def of(self, image) -> Measured:
        """The Measured sources of a search image from catalogues in use."""
        covered = image.coverages.filter(catalogue__active=True).select_related("catalogue")
        catalogues = [c.catalogue for c in covered.order_by("catalogue_id")]
        rows = measurements_on(image, catalogues)
        sources = np.concatenate([rows[:0], *map(self.sources_of, catalogues)])
        # Sources may have been added since the catalogue was read.
        rows = rows[np.isin(rows["refsource_id"], sources["refsource_id"])]
        place = np.searchsorted(sources["refsource_id"], rows["refsource_id"])
        return measured_on_search(rows, sources[place], ImageCalibration.stored(image))

    def sources_of(self, catalogue) -> np.ndarray:
        """The sources of a catalogue, as an array of SOURCE_DTYPE."""
        if catalogue.pk not in self._sources:
            self._sources[catalogue.pk] = catalogue_sources(catalogue)
        return self._sources[catalogue.pk]

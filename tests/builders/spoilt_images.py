"""A simulated chip and its reference, and the ways in which an exposure can be spoilt."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.signal import fftconvolve

from exposures.catalogues import open_catalogue
from exposures.chip import Chip, MaskBit
from exposures.fits import InputOptions, read_chip, read_exposure
from photometry.reduction.guided import Guide
from photometry.reduction.image_quality import changed_share, reference_figures, search_figures
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction, reduce_chip
from photometry.reduction.search import SearchMeasurement, measure_search
from photometry.references.reference import measure_reference
from photometry.science.calibration.channels import edges_at
from photometry.science.quality.image_quality import QualityOptions, beyond
from photometry.storage.columns import measured_rows
from variables.changes.detection import edge_distance
from variables.science.selection import (
    Changes,
    Photometry,
    distance_to_saturated,
    select_changes,
)

OPTIONS, QUALITY = ReductionOptions(), QualityOptions()
REFERENCE_ID = 1


@dataclass(frozen=True)
class Field:
    """A reference as measured, and the search chip as it was taken."""

    reference: Reduction
    sources: np.ndarray
    facts: object
    chip: Chip
    catalogue: object


@dataclass(frozen=True)
class Outcome:
    """What comes of a search chip."""

    reduction: Reduction
    measurement: SearchMeasurement
    changes: Changes
    figures: dict

    @property
    def doubts(self):
        return {excess.name for excess in beyond(self.figures, QUALITY.doubt)}

    @property
    def failures(self):
        return {excess.name for excess in beyond(self.figures, QUALITY.fail)}

    @property
    def counted(self):
        """Reference ids of the sources whose changes count."""
        if self.doubts or self.failures:
            return set()
        index = self.changes.index[self.changes.failed_cuts == 0]
        return set(self.measurement.sources["refsource_id"][index].tolist())


def make_field(night, spoil=None) -> Field:
    """The first search exposure of a simulated night; ``spoil`` is done to the reference."""
    catalogue = open_catalogue(night.catalogue)
    facts, chip = _read(night.reference)
    chip = chip if spoil is None else spoil(chip)
    reference = reduce_chip(chip, facts, catalogue, OPTIONS.reference_detection, OPTIONS)
    sources = measure_reference(reference, OPTIONS)
    sources["galimage_id"] = REFERENCE_ID
    sources["refsource_id"] = np.arange(len(sources))
    return Field(reference, sources, *_read(night.searches[0]), catalogue)


@cache
def _read(path):
    facts = read_exposure(path, InputOptions())
    return facts, read_chip(facts, facts.chips[0], InputOptions())


def reference_doubts(field):
    figures = reference_figures(field.reference, field.sources)
    return {excess.name for excess in beyond(figures, QUALITY.doubt)}


def measure(field, chip, options=OPTIONS) -> Outcome:
    """Measure a search chip of the field as the pipeline does."""
    depth, place = options.search_detection, (field.sources["ra"], field.sources["dec"])
    guide = Guide.of(chip, field.sources, *place)
    reduction = reduce_chip(chip, field.facts, field.catalogue, depth, options, guide)
    edges = edges_at(field.reference.channel_columns, field.reference.fwhm_pixels, REFERENCE_ID)
    m = measure_search(reduction, field.sources, options, edges)
    search = measured_rows(m)
    place = search["x"], search["y"]
    changes = select_changes(
        _photometry(search, chip.shape, place, search["flags"]),
        _photometry(m.sources, field.reference.chip.shape, place, m.sources["flags"]),
        m.expected_flux,
        m.flux_err,
    )
    figures = search_figures(reduction, m)
    figures["changed_share"] = changed_share(changes, len(m.sources))
    return Outcome(reduction, m, changes, figures)


def _photometry(table, shape, place, flags):
    names = ("mag", "mag_err", "flux", "flux_err", "rchi2", "fracflux", "quality", "flags")
    return Photometry(
        *(table[name] for name in names),
        edge_distance(table["x"], table["y"], shape),
        distance_to_saturated(*place, flags),
    )


def starlight(chip, factor):
    """The light of the stars times ``factor`` (ny, nx) or a number, as by clouds."""
    sky = np.median(chip.data)
    return replace(chip, data=(sky + (chip.data - sky) * factor).astype("f4"))


def gain_of_half(chip, factor, column=None):
    """The pixels from a column on read out with another gain."""
    x = np.arange(chip.shape[1])
    column = chip.shape[1] // 2 if column is None else column
    return replace(chip, data=(chip.data * np.where(x < column, 1, factor)).astype("f4"))


def added(chip, light):
    """Light (ny, nx) ADU on top, whose photon noise the weights don't know of."""
    return replace(chip, data=(chip.data + light).astype("f4"))


def smeared(chip, kernel, seed=5):
    """The stars convolved with a function of dx, dy in pixels, and fresh noise."""
    rng = np.random.default_rng(seed)
    axis = np.arange(-20, 21)
    shape = kernel(*np.meshgrid(axis, axis)).astype(float)
    shape /= shape.sum()
    sky = np.median(chip.data)
    data = sky + fftconvolve(chip.data - sky, shape, mode="same")
    variance = _variance(chip, data)
    data = data + rng.normal(size=data.shape) * np.sqrt(variance * (1 - np.sum(shape**2)))
    return replace(chip, data=data.astype("f4"), weight=_weight(chip, variance))


def _variance(chip, data):
    return np.maximum(data, 1) / chip.gain_map() + (chip.read_noise_map() / chip.gain_map()) ** 2


def _weight(chip, variance):
    return np.where(chip.weight > 0, 1 / variance, 0).astype("f4")


def bright_sky(chip, level, seed=6):
    """``level`` ADU more of sky, with its noise."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=chip.shape) * np.sqrt(level / chip.gain_map())
    data = chip.data + level + noise
    return replace(chip, data=data.astype("f4"), weight=_weight(chip, _variance(chip, data)))


def wrong_gain(chip, factor):
    """A header whose gain is wrong, and weights made of it."""
    amplifiers = tuple(replace(a, gain=factor * a.gain) for a in chip.amplifiers)
    chip = replace(chip, amplifiers=amplifiers)
    return replace(chip, weight=_weight(chip, _variance(chip, chip.data)))


def wrong_wcs(chip, dx, dy):
    """A header's WCS that is off by so many pixels."""
    wcs = chip.wcs.deepcopy()
    wcs.wcs.crpix = np.array(wcs.wcs.crpix) + [dx, dy]
    return replace(chip, wcs=wcs)


def low_weight_everywhere(chip):
    """The code of low weight on each pixel that has none."""
    bit = np.uint8(MaskBit.LOW_WEIGHT)
    return replace(chip, mask=np.where(chip.mask == 0, bit, chip.mask).astype("u1"))


def with_variable(chip, outcome, index, factor):
    """The light of one measured source times ``factor``."""
    m = outcome.measurement
    psf = outcome.reduction.detections.psf
    x, y, size = m.x[index], m.y[index], 31
    row, column, half = round(float(y)), round(float(x)), size // 2
    stamp = psf.stamps([x], [y], size)[0] * m.fit.flux[index] * (factor - 1)
    data = chip.data.copy()
    data[row - half : row + half + 1, column - half : column + half + 1] += stamp
    return replace(chip, data=data)

"""Injection into one chip: reduced, given artificial stars, and processed."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from exposures.chip import ChipEntry, ExposureFacts
from exposures.fits import read_chip, write_chip
from exposures.science.astrometry import pixel_scale_arcsec
from exposures.science.motion import separation_degrees
from exposures.whole_files import whole_file
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.pipeline import ChipResult, process_chip
from galproject.queue.runs import prepare
from galproject.validation.injection.expected import Neighbours, fitted_errors, saved_errors
from galproject.validation.injection.options import InjectionOptions
from galproject.validation.injection.stars import as_pixels, draw_stars, placed
from photometry.reduction.reduction import reduce_chip
from photometry.reduction.search import measure_search
from photometry.references.reference import measure_reference_errors
from photometry.science.injection import ColumnDetector, add_artificial_stars
from photometry.science.weighted_image import WeightedImage
from photometry.storage.reference_skies import packed, unpacked


@dataclass(frozen=True)
class ChipTask:
    """The task of injecting into one chip, for a worker process."""

    facts: ExposureFacts
    entry: ChipEntry
    epoch: int  # 0 is the reference exposure
    n_searches: int
    folder: Path  # of this run
    injection: InjectionOptions
    pipeline: PipelineOptions

    @property
    def is_reference(self):
        return self.epoch == 0

    @property
    def work_folder(self):
        return self.folder / f"{self.epoch}-{self.entry.ccdnum}"


@dataclass(frozen=True)
class ChipOutcome:
    """The outcome of a chip with artificial stars."""

    epoch: int
    result: ChipResult
    placed: np.ndarray  # PLACED_DTYPE


@dataclass(frozen=True)
class Reference:
    """The facts of a reference chip that search images need; kept in a file."""

    stars: np.ndarray  # STAR_DTYPE
    delta: np.ndarray  # (n, n_searches) mag
    fracflux: np.ndarray  # (n,) to be expected
    sources: np.ndarray  # SOURCE_DTYPE, without the artificial stars; the chip is galimage_id
    circle: np.ndarray  # (3,) ra, dec, radius in degrees
    sky: np.ndarray  # bytes of what is beside the sources; none where that is not subtracted


def inject_chip(task) -> ChipOutcome:
    """Add stars to one chip and process it in the current, temporary database.

    Search chips find what was put into the reference chips in the folder of the run, so all of
    those come first. Raises GalprojectError if the chip can't be reduced without the stars;
    what the pipeline makes of it with them is in the result.
    """
    chip = read_chip(task.facts, task.entry, task.pipeline.input)
    options = task.pipeline.reduction
    catalogue = task.pipeline.opened_catalogue()
    depth = options.reference_detection if task.is_reference else options.search_detection
    reduction = reduce_chip(chip, task.facts, catalogue, depth, options)
    put_in = _into_reference if task.is_reference else _into_search
    pixels, truth = put_in(task, reduction)
    changed = replace(chip, data=pixels.data, weight=pixels.weight, mask=pixels.mask)
    try:
        path = write_chip(task.facts, task.entry, changed, task.work_folder, task.pipeline.input)
        del chip, reduction, pixels, changed  # the pipeline needs the memory
        return ChipOutcome(task.epoch, _process(path, task), truth)
    finally:
        shutil.rmtree(task.work_folder, ignore_errors=True)


def _process(path, task):
    """Process the injected chip like any other."""
    plan = prepare([path], task.pipeline, is_reference=task.is_reference)
    if plan.errors:
        raise plan.errors[0]
    return process_chip(plan.image_ids[0], task.pipeline)


def _into_reference(task, reduction):
    stars, x, y, delta = draw_stars(reduction, task.entry.ccdnum, task.injection, task.n_searches)
    pixels = as_pixels(stars["mag"], x, y, reduction.zero_point.value)
    measured = measure_reference_errors(reduction, task.pipeline.reduction)
    sources = measured.sources
    sources["galimage_id"] = task.entry.ccdnum
    sources["refsource_id"] = np.arange(len(sources))
    near = Neighbours.of_reference(sources)
    fitted = fitted_errors(reduction, pixels, near, task.pipeline.reduction)
    is_kept = measured.sky.is_kept(task.pipeline.reduction.reference_sky)
    sky = np.frombuffer(packed(measured.sky) if is_kept else b"", "u1")
    _keep(task, Reference(stars, delta, fitted.fracflux, sources, _circle(reduction), sky))
    mag_err = saved_errors(measured.errors, pixels, near, fitted, (stars["mag"], fitted.fracflux))
    truth = placed(stars, 0.0, x, y, fitted.fracflux, mag_err)
    return _add(task, reduction, pixels), truth


def _into_search(task, reduction):
    """The stars of the reference chips with their positions and fluxes on the search image.

    That is by the registration and the correction that the image has without them.
    """
    references = _references_near(task, _circle(reduction))
    if not references:
        nothing = np.zeros(0, int)
        return WeightedImage(
            reduction.chip.data, reduction.chip.weight, reduction.chip.mask
        ), nothing
    stars, sources, fracflux = (
        np.concatenate([getattr(r, name) for r in references])
        for name in ("stars", "sources", "fracflux")
    )
    delta = np.concatenate([r.delta[:, task.epoch - 1] for r in references])
    skies = {
        int(r.sources["galimage_id"][0]): unpacked(r.sky.tobytes())
        for r in references
        if len(r.sky) and len(r.sources)
    }
    measured = measure_search(reduction, sources, task.pipeline.reduction, skies=skies)
    x, y = measured.registration.apply(*reduction.wcs.to_pixels(stars["ra"], stars["dec"]))
    ny, nx = reduction.chip.shape
    margin = task.pipeline.reduction.edge_pixels - 0.5
    here = (x > margin) & (x < nx - 1 - margin) & (y > margin) & (y < ny - 1 - margin)
    stars, delta, fracflux, x, y = stars[here], delta[here], fracflux[here], x[here], y[here]
    correction = measured.correction.at(x, y, stars["chip"])
    pixels = as_pixels(stars["mag"] + delta, x, y, reduction.zero_point.value + correction)
    near = Neighbours.of_search(measured)
    fitted = fitted_errors(reduction, pixels, near, task.pipeline.reduction)
    mag_err = saved_errors(measured.errors, pixels, near, fitted, (stars["mag"], fracflux))
    mag_err = np.hypot(mag_err, measured.correction.errors_at(x, y))
    truth = placed(stars, delta, x, y, fitted.fracflux, mag_err)
    return _add(task, reduction, pixels), truth


def _add(task, reduction, stars):
    chip = reduction.chip
    return add_artificial_stars(
        WeightedImage(chip.data, chip.weight, chip.mask),
        reduction.detections.psf,
        stars,
        ColumnDetector(chip.gain_map(), chip.saturation_map()),
        np.random.default_rng([task.injection.seed, task.entry.ccdnum, task.epoch]),
    )


def _circle(reduction):
    """Centre and radius of a chip: ra, dec, radius in degrees."""
    ny, nx = reduction.chip.shape
    ra, dec = reduction.wcs.to_sky(np.array([nx / 2]), np.array([ny / 2]))
    scale = pixel_scale_arcsec(reduction.chip.wcs, reduction.chip.shape)
    return np.array([ra[0], dec[0], np.hypot(nx, ny) / 2 * scale / 3600])


def _keep(task, reference):
    """Write a Reference for the search images, atomically."""
    path = task.folder / f"reference-{task.entry.ccdnum}.npz"
    with whole_file(path) as partial:
        np.savez(partial, **vars(reference))


def _references_near(task, circle):
    """The reference chips whose circle touches that of a search chip."""
    found = []
    for path in sorted(task.folder.glob("reference-*.npz")):
        with np.load(path) as kept:
            ra, dec, radius = kept["circle"]
            if separation_degrees(ra, dec, circle[0], circle[1]) < radius + circle[2]:
                found.append(Reference(**{name: kept[name] for name in kept.files}))
    return found

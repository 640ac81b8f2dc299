"""Stacking of exposures, chip by chip, into a reference's files."""

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from exposures.chip import ExposureFacts
from exposures.errors import GalprojectError
from exposures.fits import read_exposure, read_footprints, read_wcs_cards
from exposures.fits.stacks import (
    KEY,
    StackFiles,
    assemble,
    primary_header,
    read_inputs,
    read_keys,
    write_part,
)
from exposures.ingest import distinct
from exposures.science.footprints import overlap_fraction
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.chip_result import Outcome
from galproject.processing.version import RESULTS_VERSION
from photometry.reduction.reduction import Reduction
from photometry.reduction.stack import ChipStack, StackInput, StackSettings, stack_chip
from photometry.science.stacking.stacking import MAX_FRAMES, StackOptions


@dataclass(frozen=True)
class StackPlan:
    """The plan of a stack, made before any pixel is read."""

    exposures: tuple[ExposureFacts, ...]  # the first gives grid and flux scale
    chips: dict[int, tuple[StackInput, ...]]  # by chip number; the first gives the grid
    wanted: tuple[int, ...]  # of these
    files: StackFiles
    options: PipelineOptions

    def key(self, ccdnum: int) -> str:
        """A digest of a chip's inputs and options."""
        inputs = self.chips[ccdnum]
        paths = sorted({p for source in inputs for p in _files_of(source.facts)})
        made_from = {
            "inputs": [source.label for source in inputs],
            "files": [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in paths],
            "options": self.options.of_stacks(),
            "results": RESULTS_VERSION,
        }
        return hashlib.sha1(json.dumps(made_from).encode()).hexdigest()


@dataclass(frozen=True)
class StackResult:
    """The result for one chip; None if it was not stacked now."""

    label: str  # "stack_600000_5 i S4"
    status: Outcome
    n_inputs: int | None = None
    fwhm_pixels: tuple[float, float] | None = None  # of the sharpest and the widest
    gain_in_depth: float | None = None
    n_homogenised: int | None = None
    clipped_fraction: float | None = None
    filled_fraction: float | None = None
    unusable_fraction: float | None = None
    notes: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether an error ended the stack, which ``error`` then tells."""
        return self.status == Outcome.FAILED


def plan_stack(
    paths: Iterable[Path | str],
    folder: Path | str,
    options: PipelineOptions,
    ccds: Collection[int] | None = None,
    name: str = "",
) -> StackPlan:
    """Plan a stack from the headers of its exposures.

    Raises GalprojectError if an exposure can't be used, or exposures don't go together.
    """
    paths, errors = distinct(paths)
    if errors:
        raise errors[0]
    exposures = [read_exposure(Path(path), options.input) for path in paths]
    _check_go_together(exposures, options.stack)
    chips = _chips_over(exposures, options.stack)
    wanted = _wanted(exposures[0], chips, ccds)
    first = exposures[0]
    name = name or f"stack_{first.identifier}_{len(exposures)}"
    files = StackFiles(Path(folder), name, first.filter)
    _check_is_no_other(files, exposures)
    return StackPlan(tuple(exposures), chips, wanted, files, options)


def _wanted(
    first: ExposureFacts,
    chips: dict[int, tuple[StackInput, ...]],
    ccds: Collection[int] | None,
) -> tuple[int, ...]:
    wanted = tuple(number for number in chips if ccds is None or number in ccds)
    if not wanted:
        raise GalprojectError(
            f"{first.image_path}: none of the chips that were asked for is there. "
            f"Choose --ccds from those there are: {', '.join(map(str, chips))}"
        )
    return wanted


def _check_is_no_other(files: StackFiles, exposures: list[ExposureFacts]) -> None:
    """Raise GalprojectError if the files are a stack of other exposures."""
    there = read_inputs(files)
    if there and there != [facts.image_path.name for facts in exposures]:
        raise GalprojectError(
            f"{files.paths['i']}: a stack of other exposures ({', '.join(there)}). "
            "Choose another --name or another folder"
        )


def _check_go_together(exposures: list[ExposureFacts], options: StackOptions) -> None:
    if not options.min_frames <= len(exposures) <= MAX_FRAMES:
        raise GalprojectError(
            f"a stack is made of {options.min_frames} to {MAX_FRAMES} exposures, not of "
            f"{len(exposures)}. Name so many, of one field and filter"
        )
    first = exposures[0]
    for other in exposures[1:]:
        if other.filter != first.filter:
            raise GalprojectError(
                f"{other.image_path}: filter {other.filter}, but {first.image_path} has "
                f"{first.filter}. Stack exposures of one filter"
            )
    seen: dict[tuple[str, str], Path] = {}
    for exposure in exposures:
        name = exposure.instrument, exposure.identifier
        if name in seen:
            raise GalprojectError(
                f"{exposure.image_path}: exposure {exposure.identifier} is given twice, also as "
                f"{seen[name]}. Give one file of each exposure"
            )
        seen[name] = exposure.image_path


def _chips_over(
    exposures: list[ExposureFacts], options: StackOptions
) -> dict[int, tuple[StackInput, ...]]:
    """The inputs of each chip: the first exposure that has it, and all that overlap it."""
    footprints = [read_footprints(facts) for facts in exposures]
    entries = [{entry.ccdnum: entry for entry in facts.chips} for facts in exposures]
    chips = {}
    for number in sorted({n for found in footprints for n in found}):
        base = next(i for i, found in enumerate(footprints) if number in found)
        grid = footprints[base][number]
        overlapping = [
            StackInput(exposures[i], entries[i][other])
            for i in range(len(exposures))
            for other in sorted(footprints[i])
            if i != base and overlap_fraction(grid, footprints[i][other]) > options.min_overlap
        ]
        chips[number] = (StackInput(exposures[base], entries[base][number]), *overlapping)
    return chips


def _files_of(facts: ExposureFacts) -> list[Path]:
    paths = (facts.image_path, facts.weight_path, facts.mask_path)
    return [Path(path) for path in paths if path is not None]


def run_stack(plan: StackPlan, again: bool = False) -> Iterator[StackResult]:
    """Stack a plan's chips, yielding a StackResult each, then write the four files.

    Chips made from the same files with the same options and results version are kept, as are chips
    that exist and are not in the plan. Raises GalprojectError if nothing can be written.
    """
    settings = stack_settings(plan.options)
    keys = {number: plan.key(number) for number in plan.chips}
    standing = set() if again else set(_standing(plan, keys))
    for number in plan.wanted:
        if number in standing:
            yield StackResult(_label(plan, number), Outcome.UNCHANGED)
        else:
            yield _stack(plan, number, keys[number], settings)
    sources = _standing(plan, keys)
    if any(path != plan.files.paths["i"] for path, _ in sources.values()):
        assemble(plan.files, primary_header(plan.exposures), sources)


def stack_settings(options: PipelineOptions) -> StackSettings:
    """The StackSettings in PipelineOptions, with the catalogue opened."""
    catalogue = options.opened_catalogue()
    return StackSettings(options.input, options.reduction, options.stack, catalogue)


def _standing(plan: StackPlan, keys: dict[int, str]) -> dict[int, tuple[Path, int]]:
    """File and HDU of each existing chip with the same inputs and options."""
    there = read_keys(plan.files)
    return {
        number: there[number][1:]
        for number, key in keys.items()
        if number in there and there[number][0] == key
    }


def _label(plan: StackPlan, number: int) -> str:
    return f"{plan.files.name} {plan.files.filter} {plan.chips[number][0].entry.name}"


def _stack(plan: StackPlan, number: int, key: str, settings: StackSettings) -> StackResult:
    """Stack one chip into its part file; errors become a result that tells them."""
    started = time.monotonic()
    label, inputs = _label(plan, number), plan.chips[number]
    try:
        made = stack_chip(inputs, settings)
    except GalprojectError as error:
        return StackResult(label, Outcome.FAILED, error=str(error))
    write_part(plan.files.part(number), _chip_header(inputs[0], made, key), made.stack)
    widths = [frame.fwhm_pixels for frame in made.frames]
    return StackResult(
        label,
        Outcome.DONE,
        n_inputs=len(made.placed),
        fwhm_pixels=(min(widths), max(widths)),
        gain_in_depth=made.gain_in_depth,
        n_homogenised=made.n_homogenised,
        clipped_fraction=made.clipped_fraction,
        filled_fraction=made.filled_fraction,
        unusable_fraction=made.unusable_fraction,
        notes=made.notes,
        seconds=time.monotonic() - started,
    )


def _chip_header(source: StackInput, made: ChipStack, key: str) -> fits.Header:
    """The cards of a stacked chip: its WCS, its effective detector, and its inputs."""
    stack, first = made.stack, made.first
    header = fits.Header()
    header["EXTNAME"] = header["DETPOS"] = source.entry.name
    header["CCDNUM"] = source.entry.ccdnum
    header.update(_wcs_cards(source, first))
    saturation = stack.level + min(placed.saturation for placed in made.placed)
    for letter in "AB":  # the stack has one detector, not two amplifiers
        header[f"GAIN{letter}"] = (stack.gain, "[e-/ADU] of the stack")
        header[f"RDNOISE{letter}"] = (stack.read_noise, "[e-] of the stack")
        if np.isfinite(saturation):
            header[f"SATURAT{letter}"] = (saturation, "[ADU] of the first input to saturate")
    widths = [frame.fwhm_pixels for frame in made.frames]
    header["FWHM"] = (float(np.average(widths, weights=made.weights)), "[pixels] of the inputs")
    header["AVSKY"] = (stack.level, "[ADU] that has the noise of the sky")
    if first.zero_point.source != "none":
        header["MAGZERO"] = (first.zero_point.value, "[mag] of 1 ADU")
    header["DEPTHGN"] = (made.gain_in_depth, "faintest flux of input 1 over the stack's")
    header["NHOMOGEN"] = (made.n_homogenised, "variable stars given one brightness")
    header["NCOMBINE"] = (len(made.placed), "chips; bits of the map of clips, from 0")
    for number, (placed, weight) in enumerate(zip(made.placed, made.weights, strict=True), 1):
        header[f"IMCMB{number:03d}"] = placed.source.label
        header[f"SCALE{number:03d}"] = (placed.scale, "times its flux is input 1's")
        header[f"WGHT{number:03d}"] = (float(weight), "its part of the average")
    header[KEY] = (key, "what it was made from")
    return header


def _wcs_cards(source: StackInput, first: Reduction) -> fits.Header:
    """The cards of the first input's WCS, shifted onto the catalogue if there is one.

    The refinement's rotation and scale, hundredths of a pixel, are fitted again when the stack is
    processed.
    """
    cards = read_wcs_cards(source.facts, source.entry)
    ny, nx = first.chip.shape
    dx, dy = first.wcs.correction.displacement(np.array([(nx - 1) / 2]), np.array([(ny - 1) / 2]))
    cards["CRPIX1"] -= float(dx[0])
    cards["CRPIX2"] -= float(dy[0])
    cards["RADESYS"] = "ICRS"
    return cards

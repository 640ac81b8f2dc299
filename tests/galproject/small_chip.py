"""The numbers of one small simulated chip, by which a change of results is noticed.

``make results`` measures it, and where its numbers differ from those of before raises the version
of the results and writes the new ones.
"""

import json
import re
from pathlib import Path

import numpy as np
from astropy.io import fits

from exposures.binary_copy import copy_out
from exposures.models import GalImage
from exposures.simulation import SimulationOptions, simulate_night
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing import version
from galproject.queue.runs import process_exposure
from photometry.storage.columns import COLUMNS, SOURCE_DTYPE
from photometry.storage.storage import NON_DETECTIONS

FILE = Path(__file__).with_name("small_chip.json")
NIGHT = SimulationOptions(
    seed=11,
    n_epochs=1,
    n_chips=1,
    chip_shape=(400, 380),
    variable_fraction=0.05,
    n_reference_artifacts=2,
    compress=False,
)
# What may differ and is no change: on processors that round otherwise (without AVX, with another
# BLAS) a fiftieth of this was seen, as some steps iterate. Parts of the value.
IMAGE_PARTS = {
    **dict.fromkeys(("fwhm_pixels", "sky", "sky_noise", "masked_fraction"), 1e-4),
    "zero_point": 1e-5,
    "zero_point_error": 0.01,
    "chi2_nu": 0.005,
    "error_scale": 0.003,
    "astrometric_rms_mas": 0.01,
    "n_detected": 0.01,
    "n_sources": 0.01,
}
# Of sources: flux and magnitude in units of their uncertainty, parts of a value, or as they are.
SOURCE_SIGMAS = {"flux": ("flux_err", 0.02), "mag": ("mag_err", 0.02)}
SOURCE_PARTS = {"flux_err": 0.003, "mag_err": 0.005, "rchi2": 0.005}
SOURCE_STEPS = {"x": 0.005, "y": 0.005, "fracflux": 0.005, "quality": 0.001, "flags": 0}
CHANGE_PARTS = {"delta_mag": 0.005, "significance": 0.005, "failed_cuts": 0}
NEAR_PIXELS = 0.3  # the same source
MOST_OTHERS = 0.01  # of the sources: one that is found or not found has neighbours


def measured(folder) -> dict:
    """The numbers of the chip, as JSON, processed in an empty database."""
    night = simulate_night(folder, NIGHT)
    options = PipelineOptions(catalogue=str(night.catalogue))
    numbers = {"pixels": [], "images": {}, "sources": {}, "changes": []}
    for name, path in (("reference", night.reference), ("search", night.searches[0])):
        numbers["pixels"] += [_sum_of_pixels(path, kind) for kind in "iwd"]
        (result,) = process_exposure(path, options, is_reference=name == "reference")
        if result.failed:
            raise AssertionError(result.error)
        image = GalImage.objects.get(pk=result.image_id)
        numbers["images"][name] = _of_image(image)
        numbers["sources"][name] = _of_sources(image)
    found = image.variables.of_reference().order_by("x")
    numbers["changes"] = [
        {k: _short(getattr(one, k)) for k in ("x", "y", *CHANGE_PARTS, "kind")} for one in found
    ]
    return numbers


def _sum_of_pixels(path, kind):
    """Of a file of a triplet as it was written, however the pipeline reads it."""
    path = path.with_name(path.name.replace("_ooi_", f"_oo{kind}_"))
    return float(np.sum(fits.getdata(path, 1), dtype=float))


def _of_image(image):
    values = {name: getattr(image, name, None) for name in IMAGE_PARTS}
    values["error_scale"] = (image.correction or {}).get("error_scale")
    return {name: _short(value) for name, value in values.items()}


def _of_sources(image):
    """Lists of values by column, in order of x; those without light too."""
    tables = "galsources", NON_DETECTIONS
    where = f"WHERE galimage_id = {image.pk}"
    rows = [copy_out(f"SELECT {COLUMNS} FROM {table} {where}", SOURCE_DTYPE) for table in tables]
    rows = np.sort(np.concatenate(rows), order="x")
    names = "x", "y", "flux", "flux_err", "mag", "mag_err", "rchi2", "fracflux", "quality", "flags"
    return {name: [_short(value) for value in rows[name].tolist()] for name in names}


def _short(value):
    """A number with seven digits; None for NaN, which JSON doesn't have."""
    if not isinstance(value, float):
        return value
    return None if value != value else float(f"{value:.7g}")


def differences(before, now) -> list[str]:
    """What differs by more than processors do, a line each."""
    found = []
    for name in before["images"]:
        old, new = before["images"][name], now["images"][name]
        found += [
            f"{key} of the {name} image is {new[key]}, was {old[key]}"
            for key, part in IMAGE_PARTS.items()
            if _differ(_array([old[key]]), _array([new[key]]), part).any()
        ]
        found += _of_stars(name, before["sources"][name], now["sources"][name])
    return found + _of_changes(before["changes"], now["changes"])


def _array(values):
    return np.array(values, float)  # None becomes NaN


def _differ(old, new, part, scale=None):
    """(n,) where values differ by more than a part of their scale, or one is NaN."""
    scale = np.abs(old) if scale is None else scale
    both = np.isnan(old) & np.isnan(new)
    return ~(np.abs(new - old) <= part * scale) & ~both


def _of_stars(name, before, now):
    old, new = ({k: _array(v) for k, v in table.items()} for table in (before, now))
    place, is_near = _nearest(old, new)
    n_other = (~is_near).sum() + max(len(new["x"]) - is_near.sum(), 0)
    limit = MOST_OTHERS * len(is_near)
    found = []
    if n_other > limit:
        found.append(f"{n_other} sources of the {name} image are not there, or new")
    old = {k: v[is_near] for k, v in old.items()}
    new = {k: v[place[is_near]] for k, v in new.items()}
    limits = {key: (part, np.abs(old[key])) for key, part in SOURCE_PARTS.items()}
    limits |= {key: (step, 1.0) for key, step in SOURCE_STEPS.items()}
    limits |= {key: (step, old[error]) for key, (error, step) in SOURCE_SIGMAS.items()}
    for key, (part, scale) in limits.items():
        n = _differ(old[key], new[key], part, scale).sum()
        if n > limit:
            found.append(f"{key} of {n} of {len(is_near)} sources of the {name} image differs")
    return found


def _nearest(old, new):
    """(n,) which of the new is nearest to each of the old, and whether it is the same source."""
    if len(new["x"]) == 0:
        return np.zeros(len(old["x"]), int), np.zeros(len(old["x"]), bool)
    d2 = (old["x"][:, None] - new["x"]) ** 2 + (old["y"][:, None] - new["y"]) ** 2
    place = d2.argmin(axis=1)
    return place, d2[np.arange(len(place)), place] < NEAR_PIXELS**2


def _of_changes(before, now):
    if [one["kind"] for one in before] != [one["kind"] for one in now]:
        return [f"{len(now)} changes, were {len(before)}, or of other kinds"]
    return [
        f"{key} of the change at x {old['x']:.1f}, y {old['y']:.1f} is {new[key]}, was {old[key]}"
        for old, new in zip(before, now, strict=True)
        for key, part in CHANGE_PARTS.items()
        if _differ(_array([old[key]]), _array([new[key]]), part).any()
    ]


def recorded() -> dict:
    """The version of the results and the numbers as they were written last."""
    return json.loads(FILE.read_text())


def record(numbers) -> str:
    """Write the numbers where they differ, with a version of results raised if need be; what for.

    Where the simulated pixels are others, other numbers are no other results. A file that can't be
    read, as after two changes of it were merged, is written anew with the next version.
    """
    try:
        before = recorded()
    except (FileNotFoundError, ValueError, KeyError):
        before = None
    wanted = version.RESULTS_VERSION
    if before is None:
        wanted += FILE.exists()
    elif has_same_pixels(before, numbers) and differences(before, numbers):
        wanted = max(wanted, before["results_version"] + 1)
    elif before["results_version"] == wanted and has_same_pixels(before, numbers):
        return f"The numbers are as before: results version {wanted}."
    if wanted != version.RESULTS_VERSION:
        source = Path(version.__file__)
        line = rf"(?m)^RESULTS_VERSION = {version.RESULTS_VERSION}$"
        source.write_text(re.sub(line, f"RESULTS_VERSION = {wanted}", source.read_text()))
    FILE.write_text(_text({"results_version": wanted, **numbers}))
    return (
        f"Written to {FILE.name}: results version {wanted}. "
        "Commit it with galproject/processing/version.py"
    )


def has_same_pixels(before, now) -> bool:
    """Whether the simulation still makes the same chip."""
    return np.allclose(before["pixels"], now["pixels"], rtol=1e-6)


def _text(numbers):
    """JSON with a line for each list of values."""
    text = json.dumps(numbers, indent=1)
    return re.sub(r"\[[^][{}]*\]", lambda m: re.sub(r"\s+", " ", m.group()), text) + "\n"

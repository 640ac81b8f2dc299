"""Comparison of artificial stars with the pipeline's results."""

from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial import cKDTree

from exposures.models import GalImage
from galproject.validation.injection.expected import expected_sigma
from galproject.validation.injection.stars import PLACED_DTYPE
from galproject.validation.recovery import INFLUENCE_PIXELS, MATCH_PIXELS
from photometry.models import GalReference, GalSource
from photometry.storage.storage import catalogue_sources, measurements_of, reference_sources_in
from variables.models import GalNewSource

# A source that is brighter or fainter than the star by more is mostly not the star: 2.5 log 2.
SAME_MAG = 0.75

REFERENCE_DTYPE = np.dtype(
    [
        *PLACED_DTYPE.descr,
        ("refsource_id", "i8"),  # of the source that it became; 0 where it was not found
        ("measured", "f8"),  # mag; NaN where there is none
        ("measured_err", "f8"),
    ]
)
SEARCH_DTYPE = np.dtype(
    [
        *PLACED_DTYPE.descr,
        ("exposure", "U100"),
        ("is_found", "?"),  # on the reference
        ("reference_err", "f8"),  # mag, the expected one on the reference
        ("reference_fracflux", "f8"),
        ("reference_measured", "f8"),  # mag; NaN where it was not found
        ("expected_sigma", "f8"),  # of the change, with the expected errors of both
        ("measured", "f8"),  # mag, corrected to the reference; NaN where there is none
        ("measured_err", "f8"),
        ("is_changed", "?"),  # a change there passed all cuts
        ("fails_cuts", "?"),  # a change there failed a cut
    ]
)


@dataclass(frozen=True)
class Comparison:
    """Artificial stars as injected and as measured, and the survey's own sources."""

    on_reference: np.ndarray  # REFERENCE_DTYPE, one row a star
    on_searches: np.ndarray  # SEARCH_DTYPE, one row a star and image
    survey_mag: np.ndarray  # (n,) of the measurements of all other sources, on the reference
    survey_changed: np.ndarray  # (n,) bool: with a change that passes all cuts


def concatenated(comparisons) -> Comparison:
    """Several Comparisons as one."""
    return Comparison(
        *(np.concatenate([getattr(c, f.name) for c in comparisons]) for f in fields(Comparison))
    )


def compare(outcomes, in_flux=True) -> Comparison:
    """Compare the injected stars (ChipOutcome of every chip) with the database.

    Changes are significant ``in_flux`` or in magnitudes, as the pipeline selected them.
    """
    images = GalImage.objects.select_related("exposure").in_bulk(
        [outcome.result.image_id for outcome in outcomes]
    )
    pairs = [(images[outcome.result.image_id], outcome) for outcome in outcomes]
    on_reference = _concatenate(
        [_on_reference(image, o.placed) for image, o in pairs if o.epoch == 0], REFERENCE_DTYPE
    )
    on_searches, survey_mag, survey_changed = [], [], []
    for image, outcome in pairs:
        if outcome.epoch and len(outcome.placed):
            stars = _of_reference(outcome.placed, on_reference)
            on_searches.append(_on_search(image, outcome.placed, stars, in_flux))
            mag, changed = _survey_sources(image, outcome.placed, stars)
            survey_mag.append(mag)
            survey_changed.append(changed)
    return Comparison(
        on_reference,
        _concatenate(on_searches, SEARCH_DTYPE),
        _concatenate(survey_mag, np.dtype("f4")),
        _concatenate(survey_changed, np.dtype("?")),
    )


def _concatenate(parts, dtype):
    return np.concatenate([np.zeros(0, dtype), *parts])


def _copied(placed, dtype):
    out = np.zeros(len(placed), dtype)
    for name in PLACED_DTYPE.names:
        out[name] = placed[name]
    out["measured"] = out["measured_err"] = np.nan
    return out


def _on_reference(image, placed):
    out, sources = _copied(placed, REFERENCE_DTYPE), reference_sources_in([image])
    if len(out) == 0 or len(sources) == 0:
        return out
    tree = cKDTree(np.column_stack([sources["x"], sources["y"]]))
    distance, nearest = tree.query(np.column_stack([out["x"], out["y"]]))
    source = sources[nearest]
    is_star = (distance < MATCH_PIXELS) & (np.abs(source["mag"] - out["mag"]) < SAME_MAG)
    out["refsource_id"] = np.where(is_star, source["refsource_id"], 0)
    out["measured"] = np.where(is_star, source["mag"], np.nan)
    out["measured_err"] = np.where(is_star, source["mag_err"], np.nan)
    return out


def _of_reference(placed, on_reference):
    """The reference rows of stars on a search image, in their order."""
    order = np.argsort(on_reference["star"])
    return on_reference[order[np.searchsorted(on_reference["star"][order], placed["star"])]]


def _on_search(image, placed, stars, in_flux):
    out = _copied(placed, SEARCH_DTYPE)
    out["exposure"] = image.exposure.identifier
    out["is_found"] = stars["refsource_id"] > 0
    out["reference_err"] = stars["mag_err"]
    out["reference_fracflux"] = stars["fracflux"]
    out["reference_measured"] = stars["measured"]
    errors = out["mag_err"], out["reference_err"]
    out["expected_sigma"] = expected_sigma(out["delta"], *errors, in_flux)
    measured = _measured(image, stars["refsource_id"][out["is_found"]])
    row = _row_of(measured["refsource_id"], stars["refsource_id"])
    for name, column in (("measured", "mag"), ("measured_err", "mag_err")):
        values = np.append(measured[column].astype("f8"), np.nan)
        out[name] = values[row]
    changes = _changes(image)
    for name, passing in (("is_changed", True), ("fails_cuts", False)):
        out[name] = _is_near(
            out["x"], out["y"], changes[changes["passes_cuts"] == passing], MATCH_PIXELS
        )
    return out


def _measured(image, refsource_ids):
    """Measurements of some sources on an image, by id."""
    catalogues = GalReference.objects.filter(coverages__image=image)
    rows = np.concatenate([measurements_of(c, refsource_ids) for c in catalogues])
    rows = rows[rows["galimage_id"] == image.pk]
    return rows[np.argsort(rows["refsource_id"])]


def _row_of(sorted_ids, ids):
    """Where each of ``ids`` is in ``sorted_ids``; -1 where it is not."""
    row = np.searchsorted(sorted_ids, ids)
    is_there = np.append(sorted_ids, -1)[row] == ids
    return np.where(is_there, row, -1)


def _changes(image):
    """The sources that changed on an image, their pixels, and whether they passed the cuts."""
    columns = ("refsource_id", "x", "y", "reference_mag", "failed_cuts")
    rows = list(image.variables.of_reference().values_list(*columns))
    dtype = [("refsource_id", "i8"), ("x", "f8"), ("y", "f8"), ("mag", "f4"), ("passes_cuts", "?")]
    return np.array([(*row[:-1], row[-1] == 0) for row in rows], dtype)


def _is_near(x, y, others, radius):
    """(n,) True where one of ``others`` (with x and y) lies within ``radius`` pixels."""
    if len(others) == 0:
        return np.zeros(len(x), bool)
    tree = cKDTree(np.column_stack([others["x"], others["y"]]))
    distance, _ = tree.query(np.column_stack([x, y]))
    return distance < radius


def _survey_sources(image, placed, stars):
    """Magnitudes on the reference of all other sources measured here, and which changed.

    Left out is what lies next to an artificial variable: it changes with it.
    """
    columns = ("refsource_id", "x", "y")
    rows = GalSource.objects.measured_on(image).values_list(*columns)
    rows = rows.exclude(refsource_id__in=GalNewSource.objects.values("pk"))
    measured = np.array(list(rows.iterator()), [("refsource_id", "i8"), ("x", "f8"), ("y", "f8")])
    changes = _changes(image)
    vanished = changes[~np.isin(changes["refsource_id"], measured["refsource_id"])]
    everything = np.concatenate([measured, vanished[[*columns]].astype(measured.dtype)])
    x, y = everything["x"], everything["y"]
    is_own = ~np.isin(everything["refsource_id"], stars["refsource_id"])
    is_own &= ~_is_near(x, y, placed, MATCH_PIXELS)
    is_own &= ~_is_near(x, y, placed[placed["amplitude"] > 0], INFLUENCE_PIXELS)
    ids = everything["refsource_id"][is_own]
    catalogues = GalReference.objects.filter(coverages__image=image).order_by("pk")
    sources = np.concatenate([catalogue_sources(c) for c in catalogues])
    mag = sources["mag"][np.searchsorted(sources["refsource_id"], ids)]
    return mag, np.isin(ids, changes["refsource_id"][changes["passes_cuts"]])

"""Features of candidates: numbers by which a model tells them apart."""

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import FloatArray, IntArray
from variables.science.causes import count_others_nearby
from variables.science.learning.change_features import CHANGE_FEATURES, change_features
from variables.science.learning.facts import PIXELS, Facts

NEARBY_PIXELS = 30.0
DETECTOR_PIXELS = 3.0
MANY_CYCLES = 20
FILTERS = "ugrizy"
AS_STORED = (
    *("is_new", "reference_mag", "n_epochs", "n_changes", "n_detections", "max_delta_mag"),
    *("mean_delta_mag", "max_significance", "has_vanished", "rms_mag", "amplitude_mag", "chi2_nu"),
    *("von_neumann", "skewness", "colour_mag", "absolute_mag", "cause", "x", "y", "ccdnum"),
    *("star_sources", "sigma_mad", "iqr_mag", "range_mag", "all_chi2_nu", "excess_mag"),
    *("deviation_mag", "deviation_sigma", "all_skewness", "stetson_j", "stetson_k"),
    *("all_von_neumann", "false_alarm", "variability_flags", "followed_share"),
    *("neighbour_correlation", "period_days", "period_power", "period_false_alarm"),
    *("period_amplitude", "r21", "phi21", "r31", "phi31", "n_harmonics", "second_power"),
    *("reference_rchi2", "reference_fracflux", "reference_quality", "reference_flags"),
)
DERIVED = (
    *("changed_share", "detected_share", "missed_share", "span_days", "edge_distance"),
    *("excess_sigma", "slope_sigma", "detrended_share", "iqr_share", "range_share"),
    *("deviation_share", "period_ratio", "n_cycles", "model_share", "speed", "speed_sigma"),
    *("star_detected_share", "nearest_candidate", "candidates_nearby", "others_at_place"),
)
COLOURS = tuple(f"colour_{name}" for name in FILTERS)
PIXEL_FEATURES = tuple(name for name, _ in PIXELS)  # which some candidates have
FEATURES = (*AS_STORED, *DERIVED, *COLOURS, *CHANGE_FEATURES, *PIXEL_FEATURES)


def features_of(facts: Facts) -> FloatArray:
    """(n, n_features) float32 of FEATURES, in the units of the columns that they are made of.

    Of n candidates, from Facts; NaN where one is not known. Not among them are whether others
    published the star as a variable, by which new ones would seem less real than known ones, and
    what people said of it.
    """
    candidates = facts.candidates
    as_they_are = (*AS_STORED, *PIXEL_FEATURES)
    columns: dict[str, FloatArray | IntArray] = {name: candidates[name] for name in as_they_are}
    with np.errstate(divide="ignore", invalid="ignore"):
        columns |= _derived(candidates) | _neighbours(facts) | _colours(candidates)
        columns |= change_features(facts)
    return _matrix(columns, len(candidates))


def _matrix(columns: Mapping[str, FloatArray | IntArray], n: int) -> FloatArray:
    matrix = np.empty((n, len(FEATURES)), "f4")
    for number, name in enumerate(FEATURES):
        values = np.asarray(columns[name])
        matrix[:, number] = values
        if name in AS_STORED and values.dtype.kind == "i":
            matrix[values < 0, number] = np.nan
    # What a division by 0 made tells no more than that it is large.
    matrix[~np.isfinite(matrix)] = np.nan
    return matrix


def _derived(c: np.ndarray) -> dict[str, FloatArray]:
    """Shares, ratios and distances (n,) from the columns of candidates."""
    n_epochs = np.maximum(c["n_epochs"], 1)
    sides = np.array([c["x"], c["y"], c["width"] - 1 - c["x"], c["height"] - 1 - c["y"]])
    speed = c["speed"].astype("f4")
    return {
        "changed_share": c["n_changes"] / n_epochs,
        "detected_share": c["n_detections"] / n_epochs,
        "missed_share": c["n_non_detections"] / n_epochs,
        "span_days": c["last_mjd"] - c["first_mjd"],
        "edge_distance": np.fmin.reduce(sides, axis=0),
        "excess_sigma": c["excess_mag"] / c["excess_err"],
        "slope_sigma": c["slope_mag"] / c["slope_err"],
        "detrended_share": c["all_chi2_nu"] / c["measured_chi2_nu"],
        "iqr_share": c["iqr_mag"] / c["range_mag"],
        "range_share": c["range_mag"] / c["sigma_mad"],
        "deviation_share": c["deviation_mag"] / c["range_mag"],
        "period_ratio": c["second_days"] / c["period_days"],
        # Many are many: how many there are, the span of the survey says.
        "n_cycles": np.minimum(c["n_cycles"], MANY_CYCLES),
        "model_share": c["period_amplitude"] / c["range_mag"],
        "speed": speed,
        "speed_sigma": speed / c["speed_err"],
        "star_detected_share": c["star_detections"] / np.maximum(c["star_changes"], 1),
    }


def _colours(c: np.ndarray) -> dict[str, FloatArray]:
    """(n,) mag by which the star is fainter in each filter than on the reference image."""
    return {f"colour_{name}": c[f"mag_{name}"] - c["reference_mag"] for name in FILTERS}


def _neighbours(facts: Facts) -> dict[str, FloatArray | IntArray]:
    """What candidates and changes lie near each candidate (n,), on the reference and detector."""
    c, changes = facts.candidates, facts.changes
    places = np.column_stack([c["x"], c["y"]]).astype(float)
    nearest, number = np.full(len(c), np.nan), np.zeros(len(c))
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    if len(known) > 1:
        tree = cKDTree(places[known])
        nearest[known] = tree.query(places[known], 2)[0][:, 1]
        within = tree.query_ball_point(places[known], NEARBY_PIXELS, return_length=True)
        number[known] = within - 1
    x, y = changes["x"].astype(float), changes["y"].astype(float)
    others = count_others_nearby(changes["refsource_id"], x, y, DETECTOR_PIXELS)
    most = np.zeros(len(c))
    if len(c):
        place = np.searchsorted(c["refsource_id"], changes["refsource_id"])
        place[place == len(c)] = 0
        own = c["refsource_id"][place] == changes["refsource_id"]
        np.maximum.at(most, place[own], others[own])
    return {"nearest_candidate": nearest, "candidates_nearby": number, "others_at_place": most}

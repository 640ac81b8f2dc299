"""What is known of candidates, and of their changes, before features are made of it."""

from dataclasses import dataclass

import numpy as np

from variables.science.causes import CAUSES
from variables.science.change_shapes import SHAPES

# Of galcandidates. What is unknown is NaN, and -1 of whole numbers.
OWN = (
    *(("refsource_id", "i8"), ("is_new", "?"), ("reference_mag", "f4"), ("n_epochs", "i4")),
    *(("n_non_detections", "i4"), ("n_changes", "i4"), ("n_detections", "i4")),
    *(("first_mjd", "f8"), ("last_mjd", "f8"), ("max_delta_mag", "f4"), ("mean_delta_mag", "f4")),
    *(("max_significance", "f4"), ("has_vanished", "?"), ("rms_mag", "f4")),
    *(("amplitude_mag", "f4"), ("chi2_nu", "f4"), ("von_neumann", "f4"), ("skewness", "f4")),
    *(("colour_mag", "f4"), ("absolute_mag", "f4"), ("cause", "i2"), ("x", "f4"), ("y", "f4")),
    *(("ccdnum", "i2"), ("star_sources", "i2"), ("star_detections", "i4"), ("star_changes", "i4")),
)
# Of the reference image and of all images of the catalogue.
IMAGES = (*(("width", "f4"), ("height", "f4"), ("usual_fwhm", "f4"), ("usual_sky", "f4")),)
# Of galvariability.
ALL_EPOCHS = (
    *(("sigma_mad", "f4"), ("iqr_mag", "f4"), ("range_mag", "f4"), ("all_chi2_nu", "f4")),
    *(("excess_mag", "f4"), ("excess_err", "f4"), ("deviation_mag", "f4")),
    *(("deviation_sigma", "f4"), ("all_skewness", "f4"), ("stetson_j", "f4"), ("stetson_k", "f4")),
    *(("all_von_neumann", "f4"), ("slope_mag", "f4"), ("slope_err", "f4"), ("false_alarm", "f4")),
    *(("variability_flags", "i2"), ("measured_chi2_nu", "f4"), ("followed_share", "f4")),
    ("neighbour_correlation", "f4"),
)
# Of galperiods: the likeliest period, and the next.
PERIODS = (
    *(("period_days", "f8"), ("period_power", "f4"), ("period_false_alarm", "f4")),
    *(("n_cycles", "f4"), ("period_amplitude", "f4"), ("r21", "f4"), ("phi21", "f4")),
    *(("r31", "f4"), ("phi31", "f4"), ("n_harmonics", "i2"), ("second_days", "f8")),
    ("second_power", "f4"),
)
# Of the star in other filters, of its motion, and of its source on the reference image.
STAR = (
    *(("mag_u", "f4"), ("mag_g", "f4"), ("mag_r", "f4"), ("mag_i", "f4"), ("mag_z", "f4")),
    *(("mag_y", "f4"), ("speed", "f4"), ("speed_err", "f4")),
    *(("reference_rchi2", "f4"), ("reference_fracflux", "f4"), ("reference_quality", "f4")),
    ("reference_flags", "i2"),
)
# Of galchangeshapes: what the pixels of differences tell.
PIXELS = tuple((f"shape_{name}", "f4") for name in ("shown_share", *SHAPES))
CANDIDATE_DTYPE = np.dtype([*OWN, *IMAGES, *ALL_EPOCHS, *PERIODS, *STAR, *PIXELS])
CHANGE_DTYPE = np.dtype(
    [
        *(("refsource_id", "i8"), ("image_id", "i8"), ("mjd", "f8"), ("ra", "f8"), ("dec", "f8")),
        *(("x", "f4"), ("y", "f4"), ("delta_mag", "f4"), ("significance", "f4")),
        *(("failed_cuts", "i2"), ("fwhm", "f4"), ("sky", "f4"), ("rchi2", "f4")),
        *(("fracflux", "f4"), ("quality", "f4"), ("flags", "i2")),
    ]
)


@dataclass(frozen=True)
class Facts:
    """Of the candidates of one reference catalogue, and all changes of its sources.

    Structured arrays with the units of the tables that they are read from: magnitudes, pixels,
    sigma, days and degrees.
    """

    candidates: np.ndarray  # (n,) CANDIDATE_DTYPE, by refsource_id
    changes: np.ndarray  # (m,) CHANGE_DTYPE, of candidates and of other sources


def no_candidates(n: int) -> np.ndarray:
    """(n,) rows of CANDIDATE_DTYPE of which nothing is known yet, in any units."""
    return _unknown(n, CANDIDATE_DTYPE)


def no_changes(n: int) -> np.ndarray:
    """(n,) rows of CHANGE_DTYPE of which nothing is known yet, in any units."""
    return _unknown(n, CHANGE_DTYPE)


def _unknown(n: int, dtype: np.dtype) -> np.ndarray:
    rows = np.zeros(n, dtype)
    for name in dtype.names or ():
        kind = dtype[name].kind
        if kind != "b":
            rows[name] = np.nan if kind == "f" else -1
    return rows


def cause_number(name: str) -> int:
    """The number of a cause, without a unit, in the order in which they are judged."""
    return CAUSES.index(name)

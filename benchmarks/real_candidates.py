"""Candidates of real light curves, whose classes others have published."""

import csv
import gzip
from collections import defaultdict

import numpy as np

from benchmarks.simulated_candidates import THRESHOLD, set_causes, set_periods
from photometry.science.calibration.calibration import MAG_PER_LN
from variables.science.learning.facts import no_candidates, no_changes
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.curve_matrices import CurveMatrix
from variables.science.periodicity.search import periods_of_stars
from variables.science.variability.statistics import matrix_statistics

M3_ERROR, GOOD_IN_M3 = 0.02, {"V": (14, 17.5), "B": (14, 18.5)}  # mag
LEAST_ERROR = 0.01  # mag, as of our own measurements
EVENTS = ("OB05086/starBLG234.6.I.218982.dat", "OB08092/phot_ob08092_O4.dat")
EVENTS += ("OB140939/ob140939_OGLE.dat",)
LEAST_EPOCHS = 10
N_EPOCHS = 100  # of those that have more
STATISTICS = {
    "all_chi2_nu": "chi2_nu",
    "all_skewness": "skewness",
    "all_von_neumann": "von_neumann",
    "measured_chi2_nu": "chi2_nu",
    "rms_mag": "sigma_mad",
    "amplitude_mag": "range_mag",
}
STATISTICS |= {
    name: name
    for name in (
        *("sigma_mad", "iqr_mag", "range_mag", "chi2_nu", "excess_mag", "excess_err", "skewness"),
        *("deviation_mag", "deviation_sigma", "stetson_j", "stetson_k", "von_neumann"),
        *("slope_mag", "slope_err"),
    )
}
# What a light curve alone doesn't say, as of a clean star in the middle of a chip.
CLEAN = {
    "is_new": False,
    "n_non_detections": 0,
    "x": 1024,
    "y": 2048,
    "width": 2048,
    "height": 4096,
    "ccdnum": 1,
    "star_sources": 1,
    "usual_fwhm": 4,
    "followed_share": 0,
    "false_alarm": 1e-9,
    "variability_flags": 0,
    "reference_rchi2": 1,
    "reference_quality": 1,
    "reference_fracflux": 0.97,
    "reference_flags": 0,
}
CLEAN_CHANGE = {"failed_cuts": 0, "fwhm": 4, "rchi2": 1, "fracflux": 0.97, "quality": 1, "flags": 0}


def real_candidates(folder, every):
    """{name: ((candidates, changes), class)} of one in ``every`` star of each kind."""
    found = {
        "sdss": (_sdss(folder / "sdss_s82_rrlyrae"), "r", every, "rr-lyrae"),
        "m3": (_m3(folder / "m3_rrlyrae"), "V", every, "rr-lyrae"),
        "events": (_events(folder / "microlensing_mulensmodel"), "I", 1, "microlensing"),
    }
    return {
        name: (_facts(_measured(stars, band)[::step], band), truth)
        for name, (stars, band, step, truth) in found.items()
    }


def _measured(stars, band):
    """Rows of the stars that were measured often enough in a filter."""
    return [rows for rows in stars.values() if sum(row[1] == band for row in rows) >= LEAST_EPOCHS]


def _sdss(folder):
    rows = defaultdict(list)
    with gzip.open(folder / "light_curves.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["band"] in "gri":
                values = float(row["time"]), row["band"], float(row["mag"]), float(row["magerr"])
                rows[row["id"]].append(values)
    return rows


def _m3(folder):
    with open(folder / "m3_truth.csv") as file:
        known = {row["star"] for row in csv.DictReader(file) if row["type"].startswith("RR")}
    rows = defaultdict(list)
    with gzip.open(folder / "corwin_carney_2001_BV.txt.gz", "rt") as file:
        for line in file:
            words = line.split()
            if len(words) == 4 and words[2] in GOOD_IN_M3 and words[0] in known:
                low, high = GOOD_IN_M3[words[2]]
                if low < float(words[3]) < high:
                    values = float(words[1]) - 2_400_000.5, words[2], float(words[3]), M3_ERROR
                    rows[words[0]].append(values)
    return rows


def _events(folder):
    rows = {}
    for name in EVENTS:
        days, mag, error = np.loadtxt(folder / name, usecols=(0, 1, 2), unpack=True)
        rows[name] = [(d, "I", m, e) for d, m, e in zip(days, mag, error, strict=True)]
    return rows


def _facts(stars, band):
    """Candidates and changes of stars of (MJD, filter, mag, mag) rows, by one of the filters."""
    candidates, changes = no_candidates(len(stars)), []
    for name, value in CLEAN.items():
        candidates[name] = value
    for number, rows in enumerate(stars):
        rng = np.random.default_rng(number)
        own = sorted(row for row in rows if row[1] == band)
        some = [own[k] for k in np.sort(rng.permutation(len(own))[:N_EPOCHS])]
        others = [row for row in rows if row[1] != band]
        others = [others[k] for k in rng.permutation(len(others))[:N_EPOCHS]]
        changes.append(_fill(candidates, number, some, others, rng))
    changes = np.concatenate(changes)
    set_causes(candidates, changes)
    return candidates, changes


def _fill(candidates, number, own, others, rng):
    """Write what is told of a star into its row; its changes."""
    mjd, mag, error = (np.array([row[k] for row in own], float) for k in (0, 2, 3))
    error = np.hypot(error, LEAST_ERROR)
    c = candidates[number : number + 1]
    found = matrix_statistics(mjd, mag[None].astype("f4"), error[None].astype("f4"), 5)
    for column, name in STATISTICS.items():
        c[column] = getattr(found, name)
    c["refsource_id"] = number
    # As of images that are taken for the best seeing, whatever the star does.
    reference = rng.integers(len(mag))
    flux = 10 ** (-0.4 * (mag - mag[reference]))
    flux_err = flux * error / MAG_PER_LN
    significance = np.abs(flux - 1) / np.hypot(flux_err, flux_err[reference])
    image = np.flatnonzero(significance > THRESHOLD)
    changes = no_changes(len(image))
    for name, value in CLEAN_CHANGE.items():
        changes[name] = value
    # Places on images differ a little, so that no star is at the place of another.
    changes["refsource_id"], changes["image_id"] = number, 10_000 * number + image
    changes["x"], changes["y"] = 1024, 2048 + 100 * number
    changes["ra"], changes["dec"] = 0, 0
    changes["mjd"], changes["delta_mag"] = mjd[image], (mag - mag[reference])[image]
    changes["significance"] = significance[image]
    _sum_up(c, changes, mjd, mag[reference])
    rows = sorted(own + others)
    bands = sorted({row[1] for row in rows})
    matrix = CurveMatrix(
        np.array([row[0] for row in rows]),
        np.array([bands.index(row[1]) for row in rows]),
        np.array([[row[2] for row in rows]], "f4"),
        np.array([[np.hypot(row[3], LEAST_ERROR) for row in rows]], "f4"),
    )
    set_periods(c, periods_of_stars(matrix, PeriodOptions()))
    return changes


def _sum_up(c, changes, mjd, reference_mag):
    n = len(changes)
    c["y"] = 2048
    c["reference_mag"], c["n_epochs"] = reference_mag, len(mjd)
    for name in ("n_changes", "n_detections", "star_detections", "star_changes"):
        c[name] = n
    c["max_significance"] = c["deviation_sigma"]
    c["first_mjd"], c["last_mjd"] = mjd.min(), mjd.max()
    if n:
        c["max_significance"] = changes["significance"].max()
        c["max_delta_mag"] = changes["delta_mag"][np.argmax(np.abs(changes["delta_mag"]))]
        c["mean_delta_mag"] = changes["delta_mag"].mean()
        c["first_mjd"], c["last_mjd"] = changes["mjd"].min(), changes["mjd"].max()

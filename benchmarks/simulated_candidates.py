"""Candidates of a crowded chip with known truth: variables of eight families, and artifacts.

Light curves of simulated_curves.py, on which stars are made to vary and errors are made that the
project knows. What is measured of them, which changes are found and which statistics and periods
are told is by the project's own code; pixels are not drawn.
"""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.simulated_artifacts import ARTIFACTS, Errors, bad_image, hamper, trail
from benchmarks.simulated_curves import CHIP, FWHM_PIXELS, simulate
from benchmarks.simulated_stars import KINDS, microlensing
from photometry.science.calibration.calibration import MAG_PER_LN
from variables.science.causes import CauseOptions, Evidence, count_others_nearby, judge_causes
from variables.science.learning.facts import Facts, cause_number, no_candidates, no_changes
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.curve_matrices import CurveMatrix
from variables.science.periodicity.search import periods_of_stars
from variables.science.selection import SelectionOptions
from variables.science.variability.assessment import assess
from variables.science.variability.curves import ZERO_POINT, Missed
from variables.science.variability.options import VariabilityOptions

FAMILIES = (
    *("rr-lyrae", "cepheid", "eclipsing", "short-period", "long-period", "microlensing", "young"),
    "cataclysmic",
)
SHARES = (0.18, 0.09, 0.26, 0.11, 0.14, 0.06, 0.1, 0.06)
# Published colour in mag, of stars behind dust of which nobody knows how much; and its scatter.
COLOURS = ((0.7, 0.35), (1.2, 0.4), (1.2, 0.5), (0.6, 0.3), (3.0, 0.9), (1.5, 0.6))
COLOURS += ((2.0, 0.7), (0.7, 0.5))
OTHERS_COLOUR = (1.4, 0.6)
COLOUR_KNOWN = 0.6
PERIODIC = {"rr-lyrae": "rr_lyrae", "cepheid": "cepheids", "eclipsing": "eclipsing"}
PERIODIC |= {"short-period": "delta_scuti", "long-period": "long_period"}
NOT_REAL = -1
UNKNOWN_FAMILY = -2  # real, of no family
THRESHOLD = SelectionOptions().threshold_sigma


@dataclass(frozen=True)
class SimulatedCandidates:
    """The candidates of a chip, and what is true of them; arrays (n,)."""

    facts: Facts
    family: np.ndarray  # index of FAMILIES, NOT_REAL or UNKNOWN_FAMILY
    kind: np.ndarray  # index of a family, or beyond them of a kind of artifact

    @property
    def is_real(self):
        return self.family != NOT_REAL


def simulated_candidates(n_stars, n_real, n_artifacts, n_epochs, seed):
    """SimulatedCandidates of a chip: stars that the project's code finds to change or vary."""
    rng = np.random.default_rng((7, seed))
    chip = simulate(n_stars, n_epochs, seed)
    curves, around = chip.curves, chip.surroundings
    n = len(chip.mag)
    family = np.where(chip.range_mag > 0, UNKNOWN_FAMILY, NOT_REAL)
    kind = np.full(n, len(FAMILIES) + len(ARTIFACTS) + 2)
    bright = np.flatnonzero((chip.range_mag == 0) & (chip.mag < 21.5))
    chosen = rng.choice(bright, min(n_real + n_artifacts, len(bright)), replace=False)
    real, spoilt = chosen[:n_real], chosen[n_real:]
    family[real] = rng.choice(len(FAMILIES), len(real), p=SHARES)
    kind[real] = family[real]
    errors = _measurements(chip, rng)
    for row in real:
        change = change_of(FAMILIES[family[row]], rng, curves.mjd)
        errors.flux[row] += 10 ** (-0.4 * change) - 1
        hamper(errors, row)
    _spoil(errors, spoilt, kind)
    changed = _with_fluxes(curves, chip.mag, errors)
    placed = replace(around, x=errors.x, y=errors.y, fracflux=errors.fracflux)
    assessment = assess(changed, placed, VariabilityOptions())
    facts, rows = _facts(changed, placed, assessment, errors, chip.mag)
    _colour(facts.candidates, family[rows], rng)
    return SimulatedCandidates(facts, family[rows], kind[rows])


def change_of(family, rng, mjd):
    """(n_epochs,) mag by which a star of a family is fainter than usual."""
    if family in PERIODIC:
        period, amplitude, shape = KINDS[PERIODIC[family]](rng)
        if family == "long-period" and rng.random() < 0.5:  # semiregular
            wander = np.cumsum(rng.normal(0, 0.03, len(mjd)))
            return 0.4 * amplitude * shape(mjd / period + wander) + 0.2 * _dips(rng, mjd)
        dilution = rng.uniform(0.15, 1)  # by neighbours' light, and by a smaller change
        return dilution * amplitude * shape(mjd / period + rng.uniform())
    if family == "microlensing":
        return microlensing(rng, mjd)
    if family == "young":
        return _dips(rng, mjd)
    return _outbursts(rng, mjd)


def _dips(rng, mjd):
    """Irregular fading, a damped random walk of which deep parts are deeper; or spots."""
    if rng.random() < 0.3:
        spots = np.sin(2 * np.pi * (mjd / rng.uniform(1, 12) + rng.uniform()))
        return rng.uniform(0.03, 0.15) * spots * (1 + 0.3 * rng.normal(size=len(mjd)))
    days = np.diff(mjd, prepend=mjd[0])
    memory = np.exp(-days / 10 ** rng.uniform(0.3, 1.3))
    walk = np.zeros(len(mjd))
    for k, kept in enumerate(memory):
        before = walk[k - 1] if k else rng.normal()
        walk[k] = kept * before + np.sqrt(1 - kept**2) * rng.normal()
    return rng.uniform(0.15, 0.7) * np.maximum(walk, -0.7) ** (1 if rng.random() < 0.5 else 3)


def _outbursts(rng, mjd):
    """Outbursts that rise within a day and fade within days, some weeks apart."""
    change = 0.15 * rng.normal(size=len(mjd))
    start = mjd[0] - rng.uniform(0, 60)
    while start < mjd[-1]:
        after = mjd - start
        lasts = 10 ** rng.uniform(0.6, 1.3)
        burst = rng.uniform(1, 3.5) * np.exp(-np.maximum(after - lasts / 2, 0) / lasts * 3)
        change -= np.where((after > 0) & (after < 3 * lasts), burst, 0)
        start += rng.uniform(20, 150)
    return change


def _measurements(chip, rng):
    """Errors of a chip, of which no measurement is spoilt yet."""
    curves, around = chip.curves, chip.surroundings
    shape = curves.mag.shape
    usual = 10 ** (-0.4 * (chip.mag - ZERO_POINT))[:, None]
    flux, error = curves.fluxes(np.arange(len(chip.mag)))
    seeing = around.circumstances.conditions[0]
    # Of the bright, what is left of the PSF counts more.
    misfit = 1 + 10 ** (-0.4 * (chip.mag - 15.5))
    rchi2 = misfit[:, None] * rng.lognormal(0, 0.12, shape)
    return Errors(
        rng=rng,
        x=around.x.copy(),
        y=around.y.copy(),
        fracflux=around.fracflux.copy(),
        seeing=np.exp(0.15 * seeing),
        reference=int(np.argmin(seeing)),
        flux=flux / usual,
        error=error / usual,
        rchi2=rchi2,
        quality=np.ones(shape),
        flags=np.zeros(shape, int),
        cuts=np.zeros(shape, int),
    )


def _spoil(errors, rows, kind):
    """Spoil stars with artifacts: most by one of a kind, some by what hits many on one image."""
    rng, first = errors.rng, len(FAMILIES)
    together = rng.permutation(rows)
    n = len(rows) // 10
    for number, (spoil, some) in enumerate(
        ((trail, together[:n]), (bad_image, together[n : 2 * n]))
    ):
        for part in np.array_split(some, max(len(some) // 40, 1)):
            if len(part):
                spoil(errors, part, errors.some_epochs(1, 1)[0])
        kind[some] = first + len(ARTIFACTS) + number
    for row in together[2 * n :]:
        number = rng.integers(len(ARTIFACTS))
        list(ARTIFACTS.values())[number](errors, row)
        kind[row] = first + number


def _with_fluxes(curves, mag, errors):
    """CatalogueCurves of what was measured of spoilt and varying stars."""
    usual = 10 ** (-0.4 * (mag - ZERO_POINT))[:, None]
    flux, error = errors.flux * usual, errors.error * usual
    positive = flux > 0
    mag_now, mag_err = np.full(flux.shape, np.nan, "f4"), np.full(flux.shape, np.nan, "f4")
    mag_now[positive] = ZERO_POINT - 2.5 * np.log10(flux[positive])
    mag_err[positive] = MAG_PER_LN * error[positive] / flux[positive]
    star, image = np.nonzero(flux <= 0)
    missed = Missed(star, image, flux[star, image], error[star, image])
    return replace(curves, mag=mag_now, mag_err=mag_err, missed=missed)


def _facts(curves, around, assessment, errors, mag):
    """Facts of the stars that changed or vary, and their rows."""
    ref = errors.reference
    difference = errors.flux - errors.flux[:, [ref]]
    significance = np.abs(difference) / np.hypot(errors.error, errors.error[:, [ref]])
    significance[:, ref] = 0
    star, image = np.nonzero(significance > THRESHOLD)
    cuts = errors.cuts[star, image] | np.where(
        errors.rchi2[star, image] > 3 * (1 + 10 ** (-0.4 * (mag[star] - 15.5))), 1, 0
    )
    varies = assessment.false_alarm <= VariabilityOptions().max_false_alarm
    is_found = varies.copy()
    is_found[star[cuts == 0]] = True
    changes = no_changes(len(star))
    delta = curves.mag[star, image] - curves.mag[star, ref]
    columns = {
        "refsource_id": star,
        "image_id": image,
        "mjd": curves.mjd[image],
        "delta_mag": delta,
        "significance": significance[star, image],
        "x": errors.x[star],
        "y": errors.y[star],
        "failed_cuts": cuts,
        "fwhm": FWHM_PIXELS * errors.seeing[image],
        "rchi2": errors.rchi2[star, image],
        "fracflux": errors.fracflux[star],
        "quality": errors.quality[star, image],
        "flags": errors.flags[star, image],
    }
    for name, values in columns.items():
        changes[name] = values
    changes["ra"], changes["dec"] = 0, 0
    rows = np.flatnonzero(is_found)
    candidates = _candidates(rows, curves, around, assessment, errors, changes)
    return Facts(candidates, changes), rows


def _candidates(rows, curves, around, assessment, errors, changes):
    """Rows of CANDIDATE_DTYPE, as refresh_candidates has them."""
    c = no_candidates(len(rows))
    missed = np.bincount(curves.missed.star, minlength=len(errors.x))[rows]
    values = {
        "refsource_id": rows,
        "is_new": False,
        "reference_mag": curves.mag[rows, errors.reference],
        "n_non_detections": missed,
        "has_vanished": missed > 0,
        "x": around.x[rows],
        "y": around.y[rows],
        "width": CHIP[1],
        "height": CHIP[0],
        "ccdnum": 1,
        "star_sources": 1,
        "usual_fwhm": FWHM_PIXELS,
        "reference_rchi2": errors.rchi2[rows, errors.reference],
        "reference_fracflux": errors.fracflux[rows],
        "reference_quality": errors.quality[rows, errors.reference],
        "reference_flags": errors.flags[rows, errors.reference],
        **_of_variability(rows, assessment),
        **_of_changes(rows, changes, curves, assessment.statistics.deviation_sigma[rows]),
    }
    for name, column in values.items():
        c[name] = column
    set_causes(c, changes)
    matrix = CurveMatrix(
        curves.mjd, np.zeros(curves.n_images, int), curves.mag[rows], curves.mag_err[rows]
    )
    set_periods(c, periods_of_stars(matrix, PeriodOptions()))
    return c


def _of_changes(rows, changes, curves, deviation_sigma):
    """{column: values} that follow from the changes of each candidate."""
    of = np.searchsorted(rows, changes["refsource_id"])
    of[of == len(rows)] = 0
    own = rows[of] == changes["refsource_id"]
    of, mine = of[own], changes[own]
    n = np.bincount(of, minlength=len(rows))
    detections = np.bincount(of[mine["failed_cuts"] == 0], minlength=len(rows))
    delta = np.nan_to_num(mine["delta_mag"])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(of, delta, len(rows)) / n
    order = np.argsort(np.abs(delta), kind="stable")
    largest = no_candidates(len(rows))["max_delta_mag"].copy()
    largest[of[order]] = mine["delta_mag"][order]
    most = np.zeros(len(rows))
    np.maximum.at(most, of, mine["significance"])
    first, last = np.full(len(rows), np.inf), np.full(len(rows), -np.inf)
    np.minimum.at(first, of, mine["mjd"])
    np.maximum.at(last, of, mine["mjd"])
    return {
        "mean_delta_mag": mean,
        "max_delta_mag": largest,
        "max_significance": np.where(n > 0, most, np.nan_to_num(deviation_sigma)),
        "first_mjd": np.where(n > 0, first, curves.mjd[0]),
        "last_mjd": np.where(n > 0, last, curves.mjd[-1]),
        **dict.fromkeys(("n_changes", "star_changes"), n),
        **dict.fromkeys(("n_detections", "star_detections"), detections),
    }


def _of_variability(rows, assessment):
    """{column: values} of the statistics over all epochs."""
    s, v = assessment.measured, assessment.statistics
    same = (
        *("n_epochs", "sigma_mad", "iqr_mag", "range_mag", "excess_mag", "excess_err"),
        *("slope_err", "deviation_mag", "deviation_sigma", "stetson_j", "stetson_k", "slope_mag"),
    )
    return {
        **{name: getattr(v, name)[rows] for name in same},
        **{name: getattr(s, name)[rows] for name in ("chi2_nu", "von_neumann", "skewness")},
        **{
            f"all_{name}": getattr(v, name)[rows] for name in ("chi2_nu", "skewness", "von_neumann")
        },
        "rms_mag": s.sigma_mad[rows],
        "amplitude_mag": s.range_mag[rows],
        "measured_chi2_nu": s.chi2_nu[rows],
        "false_alarm": assessment.false_alarm[rows],
        "followed_share": assessment.followed[rows],
        "neighbour_correlation": assessment.correlation[rows],
        "variability_flags": assessment.fades[rows] + 4 * assessment.follows[rows],
    }


def set_causes(c, changes):
    """The causes that the project judges by itself."""
    others = count_others_nearby(
        changes["refsource_id"], changes["x"].astype(float), changes["y"].astype(float), 3.0
    )
    place = np.searchsorted(c["refsource_id"], changes["refsource_id"])
    place[place == len(c)] = 0
    own = c["refsource_id"][place] == changes["refsource_id"]
    of, mine = place[own], changes[own]
    always, crowd, nearby = (np.full(len(c), one) for one in (1023, 10**6, 0))
    np.bitwise_and.at(always, of, mine["failed_cuts"])
    _, image, number = np.unique(changes["image_id"], return_inverse=True, return_counts=True)
    np.minimum.at(crowd, of, number[image][own])
    np.maximum.at(nearby, of, others[own])
    has = c["n_changes"] > 0
    off = np.nan_to_num(mine["delta_mag"] - c["mean_delta_mag"][of])
    with np.errstate(invalid="ignore", divide="ignore"):
        scatter = np.sqrt(np.bincount(of, off**2, len(c)) / c["n_changes"])
    nothing = np.full(len(c), np.nan)
    sides = [c["x"], c["y"], c["width"] - 1 - c["x"], c["height"] - 1 - c["y"]]
    evidence = Evidence(
        always_failed=np.where(has, always, 0),
        edge_distance=np.min(sides, axis=0),
        n_changes=c["n_changes"],
        n_epochs=c["n_epochs"] - 1,
        mean_delta=c["mean_delta_mag"],
        scatter_delta=scatter,
        least_crowd=np.where(has, crowd, 0),
        n_others_nearby=nearby,
        only_on_reference=np.zeros(len(c), bool),
        is_new=c["is_new"],
        speed=nothing,
        speed_sigma=nothing,
        motion_fade=nothing,
    )
    c["cause"] = [cause_number(name) for name in judge_causes(evidence, CauseOptions())]


def set_periods(c, found):
    """The likeliest periods, as galperiods has them."""
    names = {"days": "period_days", "power": "period_power", "false_alarm": "period_false_alarm"}
    names |= {"amplitude_mag": "period_amplitude"}
    names |= {name: name for name in ("n_cycles", "r21", "phi21", "r31", "phi31", "n_harmonics")}
    for of_period, column in names.items():
        c[column] = getattr(found, of_period)[:, 0]
    c["second_days"], c["second_power"] = found.days[:, 1], found.power[:, 1]


def _colour(c, family, rng):
    """Published colours of some of the stars."""
    middle, scatter = np.array([*COLOURS, OTHERS_COLOUR]).T
    number = np.where(family >= 0, family, len(COLOURS))
    colour = rng.normal(middle[number], scatter[number])
    c["colour_mag"] = np.where(rng.random(len(c)) < COLOUR_KNOWN, colour, np.nan)

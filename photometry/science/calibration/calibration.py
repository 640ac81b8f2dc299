"""Calibration of a search image's magnitudes and errors to its reference."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from astropy.stats import mad_std
from numpy.polynomial.chebyshev import chebvander

from exposures.plain_values import none_if_nan
from exposures.science.arrays import BoolArray, Float, FloatArray, Floats, IntArray, Shape
from exposures.science.quantities import Count, MagnitudeError, Options, Order, Rounds, Sigma
from photometry.science.calibration.channels import ChannelEdge, ChannelStep
from photometry.science.calibration.local_zero_point import LocalZeroPoint
from photometry.science.scatter import MEDIAN_ERROR

MAG_PER_LN = 2.5 / np.log(10)  # 1.0857: sigma of a magnitude over relative sigma of a flux


@dataclass(frozen=True)
class CalibrationOptions(Options):
    """Options of the magnitude correction and the uncertainties."""

    order: Order = 4
    """Total degree in x and y of the magnitude correction, a Chebyshev polynomial."""
    stars_per_term: Count = 10
    """Number of calibration stars wanted for each coefficient of the correction; with fewer the
    order is lower."""
    max_stars_error: MagnitudeError = 0.05
    """Largest uncertainty of the stars that calibrate magnitudes."""
    n_sigma: Sigma = 3.0
    """Deviation of a calibration star from the correction beyond which it is clipped."""
    n_clips: Rounds = 10
    """Largest number of times that calibration stars are clipped."""
    error_floor: MagnitudeError = 0.003
    """Error that is added to that of photons, in quadrature, of stars that calibrate magnitudes,
    and of all stars of an image that has too few bright ones to measure what flat field, PSF and
    colour leave (``errors.least_floor``)."""
    start_sigma: Sigma = 5.0
    """Deviation from the median, in the scatter of all stars, beyond which stars are left out
    before the first fit."""
    start_mag: MagnitudeError = 0.05
    """Least distance from the median at which a star is left out before the first fit."""
    min_stars_offset: Count = 3
    """Least number of stars for the offset between the magnitudes of two references."""
    min_stars_zero_point: Count = 3
    """Least number of matches with the catalogue for a zero point."""
    min_stars_scale: Count = 5
    """Least number of stars for the expansion of uncertainties."""
    step_sigma: Sigma = 5.0
    """Least significance of a step between read-out channels that is corrected."""
    step_stars: Count = 10
    """Least number of calibration stars on either side of a step between channels."""


def magnitudes(
    flux: FloatArray, flux_err: FloatArray, zero_point: Floats
) -> tuple[FloatArray, FloatArray]:
    """Magnitudes and their uncertainties, (n,) each; NaN where the flux is not positive.

    ``flux`` and ``flux_err`` (n,) are in the unit of which ``zero_point``, a number or (n,), is the
    magnitude of 1, mostly ADU: ``zero_point - 2.5 log10(flux)`` and ``1.0857 flux_err / flux``.
    """
    positive = flux > 0
    safe = np.where(positive, flux, 1.0)
    mag = np.where(positive, zero_point - 2.5 * np.log10(safe), np.nan)
    return mag, np.where(positive, MAG_PER_LN * flux_err / safe, np.nan)


@dataclass(frozen=True)
class ZeroPoint:
    """The magnitude of a source of 1 ADU, with its error."""

    value: float
    error: float  # of the median
    n_stars: int
    source: str  # "catalogue", "header" or "none"


def fit_zero_point(
    instrumental: FloatArray,
    catalogue: FloatArray,
    options: CalibrationOptions = CalibrationOptions(),
) -> ZeroPoint | None:
    """Clipped median of catalogue minus instrumental magnitudes of matched stars, a ZeroPoint.

    Both are (n,) mag, ``instrumental`` with a zero point of 0; stars with NaN in either are left
    out. Approximate: the catalogue's passband is only near the image's. None if there are fewer
    than ``min_stars_zero_point``.
    """
    difference = (catalogue - instrumental)[np.isfinite(catalogue - instrumental)]
    for _ in range(options.n_clips):
        if len(difference) < options.min_stars_zero_point:
            return None
        centre, sigma = np.median(difference), max(mad_std(difference), 1e-3)
        kept = difference[np.abs(difference - centre) < options.n_sigma * sigma]
        if len(kept) == len(difference):
            break
        difference = kept
    error = MEDIAN_ERROR * sigma / np.sqrt(len(difference))
    return ZeroPoint(float(np.median(difference)), float(error), len(difference), "catalogue")


@dataclass(frozen=True)
class Correction:
    """The correction added to an image's magnitudes to bring them onto its references.

    ``sum_ij c_ij T_i(u) T_j(v)``, ``i + j <= order``, with T the Chebyshev polynomials,
    coefficients c (n_terms,) in mag and ``u, v`` running from -1 to 1 over the image; and an offset
    for each reference catalogue but the one with most stars, as two references have zero points of
    their own. Read-out channels whose gain is not what it should be add a step each. Where stars
    tell of it, there is a local zero point.
    """

    shape: tuple[int, int]  # ny, nx
    order: int  # -1: no star to fit; nothing is corrected
    coefficients: np.ndarray = field(default_factory=lambda: np.zeros(0))
    offsets: dict[int, float] = field(default_factory=dict)  # mag, by catalogue
    n_used: int = 0
    rms: float = np.nan  # mag, of the stars used
    steps: tuple[ChannelStep, ...] = ()
    local: LocalZeroPoint | None = None

    def at(
        self,
        x: FloatArray,
        y: FloatArray,
        catalogue: IntArray,
        reference_x: FloatArray | None = None,
    ) -> FloatArray:
        """(n,) magnitudes to add at ``x, y`` for stars of the numbered ``catalogue`` (n,).

        ``reference_x`` (n,) pixels is where they are on their references, whose channels may
        have steps, too.
        """
        offset = np.zeros(len(x))
        for number, value in self.offsets.items():
            offset[catalogue == number] = value
        for step in self.steps:
            offset = offset + step.at(x, reference_x, catalogue)
        if self.local is not None:
            offset = offset + self.local.at(x, y)
        if self.order < 0:
            return offset
        return self.coefficients @ chebyshev_terms(x, y, self.shape, self.order) + offset

    def errors_at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """(n,) mag, errors of the local zero point at ``x, y`` (n,) pixels; 0 where there is none.

        What else the correction is uncertain by, stars' scatter tells with their errors.
        """
        return np.zeros(len(x)) if self.local is None else self.local.errors_at(x, y)

    def as_json(self) -> dict[str, Any]:
        """The correction as JSON values."""
        return {
            "order": self.order,
            "coefficients": list(map(float, self.coefficients)),
            "offsets": {str(number): float(value) for number, value in self.offsets.items()},
            "n_used": self.n_used,
            "rms": none_if_nan(float(self.rms)),
            "steps": [step.as_json() for step in self.steps],
            "local": self.local and self.local.as_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any], shape: Shape) -> Self:
        """The Correction that was stored by ``as_json`` for an image of ``shape``."""
        offsets = {int(number): value for number, value in stored["offsets"].items()}
        steps = tuple(map(ChannelStep.from_json, stored.get("steps", ())))
        coefficients = np.array(stored["coefficients"])
        local = LocalZeroPoint.from_json(stored["local"]) if stored.get("local") else None
        return cls(shape, stored["order"], coefficients, offsets, steps=steps, local=local)


def chebyshev_terms(x: FloatArray, y: FloatArray, shape: Shape, order: int) -> FloatArray:
    """(n_terms, n) products ``T_i(u) T_j(v)``, ``i + j <= order``; no unit.

    ``u, v`` are the positions ``x, y`` (n,) in pixels, scaled so that an image of ``shape`` (ny,
    nx) runs from -1 to 1.
    """
    u = 2 * np.asarray(x) / max(shape[1] - 1, 1) - 1
    v = 2 * np.asarray(y) / max(shape[0] - 1, 1) - 1
    in_u, in_v = chebvander(u, order).T, chebvander(v, order).T
    return np.array([in_u[i] * in_v[j] for i in range(order + 1) for j in range(order + 1 - i)])


def fit_magnitude_correction(
    stars: "CalibrationStars",
    shape: Shape,
    options: CalibrationOptions = CalibrationOptions(),
    edges: Sequence[ChannelEdge] = (),
) -> Correction:
    """Fit the Correction to ``stars`` (CalibrationStars), clipping those that vary.

    For n stars, differences (n,) in mag, on an image of ``shape`` (ny, nx). The order is lowered
    until each coefficient has ``stars_per_term`` stars; with fewer than three it is a constant of
    the median, with none nothing (order -1). Of the ``edges`` (ChannelEdges), those have a step
    that is significant beside the smooth map.
    """
    n = len(stars)
    if n == 0:
        return Correction(shape, -1)
    order = options.order
    while order > 0 and n < options.stars_per_term * (order + 1) * (order + 2) // 2:
        order -= 1
    numbers, counts = np.unique(stars.catalogue, return_counts=True)
    others = np.argsort(-counts)[1:]
    extra = numbers[others[counts[others] >= options.min_stars_offset]]
    terms = chebyshev_terms(stars.x, stars.y, shape, order)
    design = np.vstack([terms, *[(stars.catalogue == k)[None, :].astype(float) for k in extra]])
    steps, fit, use = _fit_steps(design, stars, edges, options)
    n_terms, n_smooth = len(terms), len(design)
    shares = [step.edge.share(stars.x, stars.reference_x, stars.catalogue) for step in steps]
    residual = stars.difference - fit @ np.vstack([design, *shares])
    rms = float(np.sqrt(np.mean(residual[use] ** 2)))
    offsets = {int(k): float(v) for k, v in zip(extra, fit[n_terms:n_smooth], strict=True)}
    return Correction(shape, order, fit[:n_terms], offsets, int(use.sum()), rms, steps)


@dataclass(frozen=True)
class CalibrationStars:
    """Stars measured well on both a search image and its reference."""

    x: np.ndarray  # (n,) pixels on the search image
    y: np.ndarray
    difference: np.ndarray  # (n,) mag, reference minus search image
    error: np.ndarray  # (n,) mag, of the difference
    catalogue: np.ndarray  # (n,) number of the reference catalogue
    reference_x: np.ndarray | None = None  # (n,) pixels on the reference; for steps there

    def __len__(self) -> int:
        return len(self.x)


def _fit_steps(
    design: FloatArray,
    stars: CalibrationStars,
    edges: Sequence[ChannelEdge],
    options: CalibrationOptions,
) -> tuple[tuple[ChannelStep, ...], FloatArray, BoolArray]:
    """Significant ChannelSteps, all coefficients with theirs last, and the stars used.

    One after the other: that first after which the stars agree best. Where those of an image and
    of its reference do equally well, as the channels of both lie on the same stars, the image's.
    """
    steps: tuple[ChannelStep, ...] = ()
    fit, use, _ = _clipped_fit(design, stars, options)
    for _ in edges:
        known = {step.edge for step in steps}
        tried = (_try_step(design, stars, steps, e, options) for e in edges if e not in known)
        trials = [trial for trial in tried if trial is not None]
        if not trials:
            break
        spread = min(mad_std(trial.chi) for trial in trials)
        best = min(trials, key=lambda t: t.cost(spread, options) + t.handicap(options))
        steps, fit, use = best.steps, best.fit, best.use
    return steps, fit, use


@dataclass(frozen=True)
class _Trial:
    """A trial fit with one more step."""

    steps: tuple[ChannelStep, ...]  # the new one last
    fit: np.ndarray
    use: np.ndarray  # (n,) bool
    chi: np.ndarray  # (n,) residuals over errors, of all stars

    def cost(self, spread: Float, options: CalibrationOptions) -> Float:
        """The sum of squares in units of ``spread``, with outliers at the clipping limit."""
        return np.sum(np.minimum((self.chi / max(spread, 1e-6)) ** 2, options.n_sigma**2))

    def handicap(self, options: CalibrationOptions) -> float:
        """The penalty on a step on a reference, relative to one on the image."""
        return 0.0 if self.steps[-1].edge.catalogue is None else options.step_sigma**2


def _try_step(
    design: FloatArray,
    stars: CalibrationStars,
    steps: tuple[ChannelStep, ...],
    edge: ChannelEdge,
    options: CalibrationOptions,
) -> _Trial | None:
    """A _Trial with a step at one more edge; None if it is not significant.

    Or where too few stars tell of it: on either side, or apart from the steps there are.
    """
    edges = [*(step.edge for step in steps), edge]
    shares = [e.share(stars.x, stars.reference_x, stars.catalogue) for e in edges]
    side = np.array([share > 0.5 for share in shares])
    on_it = np.ones(len(stars), bool)
    if edge.catalogue is not None:
        on_it = stars.catalogue == edge.catalogue
    groups = [on_it & side[-1], on_it & ~side[-1], *(side[-1] != other for other in side[:-1])]
    if min(group.sum() for group in groups) < options.step_stars:
        return None
    whole = np.vstack([design, *shares])
    levels = np.unique(side, axis=1, return_inverse=True)[1]
    fit, use, error = _clipped_fit(whole, stars, options, levels)
    sizes = zip(edges, fit[len(design) :], error[len(design) :], strict=True)
    steps = tuple(ChannelStep(e, float(mag), float(sigma)) for e, mag, sigma in sizes)
    new = steps[-1]
    if not (0 < new.error < np.inf and abs(new.mag) > options.step_sigma * new.error):
        return None
    chi = (stars.difference - fit @ whole) / np.maximum(stars.error, 1e-4)
    return _Trial(steps, fit, use, chi)


def _clipped_fit(
    design: FloatArray,
    stars: CalibrationStars,
    options: CalibrationOptions,
    groups: IntArray | None = None,
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Weighted least squares, clipping at a limit scaled to the residuals' spread.

    Coefficients, the stars used, and the errors of the coefficients from that spread; infinite
    where the stars don't tell. ``groups`` (n,) numbers stars that may have a level of their own.
    """
    weight = 1 / np.maximum(stars.error, 1e-4)
    # Start from stars near the median: a gross outlier must not bend the first polynomial.
    centred = stars.difference.astype("f8")
    groups = np.zeros(len(stars), int) if groups is None else groups.ravel()
    for group in np.unique(groups):
        centred[groups == group] -= np.median(stars.difference[groups == group])
    limit = max(options.start_sigma * mad_std(centred), options.start_mag)
    use = np.abs(centred) <= limit
    for _ in range(options.n_clips):
        fit = np.linalg.lstsq(
            (design * weight)[:, use].T, (stars.difference * weight)[use], rcond=None
        )[0]
        chi = (stars.difference - fit @ design) * weight
        kept = np.abs(chi) <= options.n_sigma * max(mad_std(chi[use]), 1e-6)
        if np.array_equal(kept, use):
            break
        use = kept
    return fit, use, _fit_errors((design * weight)[:, use], mad_std(chi[use]))


def _fit_errors(design: FloatArray, spread: Float) -> FloatArray:
    """Errors of the coefficients of a fit whose residuals have a ``spread`` in sigma."""
    normal = design @ design.T
    if np.linalg.cond(normal) > 1e12:
        return np.full(len(normal), np.inf)
    return spread * np.sqrt(np.diag(np.linalg.inv(normal)))


def with_floor(mag_err: FloatArray, floor: float) -> FloatArray:
    """Uncertainties (n,) mag with the floor, a number of mag, in quadrature; NaN stays NaN.

    Flat field, PSF and colour terms share the floor.
    """
    return np.hypot(mag_err, floor)

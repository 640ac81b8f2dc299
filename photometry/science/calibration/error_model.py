"""Errors of fluxes by magnitude and place, from the scatter of differences to the reference.

The variance of a star's flux is ``c^2 (f^2 s^2 + a^2 F^2) + h^2 H^2``: s is the error of the fit,
which knows of photons and of neighbours, F the flux and H the light that wings of bright stars lay
under it. The factor f, the floor a and the share h of that light are one each for an image; c
varies smoothly with magnitude, crowding and the noise of the sky. All are fitted by the median of
absolute differences, so that stars that vary count for little; those that clearly do are left out
of the second fit of c.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize

from exposures.science.arrays import Float, FloatArray, Index
from exposures.science.quantities import (
    Count,
    Fraction,
    MagnitudeError,
    Options,
    Parts,
    Sigma,
    Switch,
)
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.calibration.halos import Wings, neighbours_light
from photometry.science.scatter import MAD_TO_SIGMA

# Bounds of the factor c that varies, and of a step of one of the curves that make it.
LEAST, LARGEST = 0.6, 5.0
ROUNDING = 1e-9  # relative, of factors
# Natural logarithms of factor, floor and halo before anything is known of an image, and how sure
# that is: one star more or less says as much.
EXPECTED = np.log([1.2, 0.004, 0.03])
EXPECTED_SPREAD = np.array([0.5, 1.0, 1.5])
LOWEST, HIGHEST = np.log([0.7, 1e-4, 1e-4]), np.log([20.0, 0.5, 2.0])
FEWEST = 3  # stars that tell of a factor
ENOUGH = 36_000  # stars for curves: with 3,000 a bin each is good to 1 %


@dataclass(frozen=True)
class ErrorOptions(Options):
    """Options of the model of errors."""

    by_star: Switch = True
    """Whether errors vary with magnitude, crowding and sky; else one factor and the floor hold for
    a whole image, as in the survey's first years."""
    min_stars: Count = 40
    """Least number of stars for errors that vary; with fewer there is one factor."""
    bin_stars: Count = 60
    """Least number of stars in each bin of magnitude, crowding or sky; the bin of the brightest is
    divided further."""
    bins: Parts = 12
    """Largest number of bins of magnitude, crowding or sky."""
    least_bin_stars: Count = 12
    """Least number of stars in the bins into which that of the brightest is divided."""
    shrinkage: Count = 8
    """Number of stars of a bin that count as much as the expectation that it is like the others."""
    max_pull: Sigma = 5.0
    """Deviation of a star, in the errors of a first fit, beyond which it is no constant one and
    left out of the second."""
    max_fit_stars: Count = 6_000
    """Largest number of stars from which factor, floor and halo are fitted, of all magnitudes
    alike."""
    least_floor: MagnitudeError = 0.001
    """Least floor, the error in proportion to a star's light, that bright stars of an image can
    measure."""
    halo: Fraction = 0.03
    """Share of the light of bright neighbours' wings that is their error where few stars tell."""


@dataclass(frozen=True)
class Curve:
    """A function through points, linear between them and constant beyond."""

    at: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, x: FloatArray) -> FloatArray:
        """(n,) values at ``x`` (n,), in its unit; 0 where ``x`` is NaN or there is no point."""
        if not self.at:
            return np.zeros(len(x))
        return np.where(np.isfinite(x), np.interp(np.nan_to_num(x), self.at, self.values), 0.0)

    def as_json(self) -> list[list[float]]:
        """The points as JSON values."""
        return [list(self.at), list(self.values)]

    @classmethod
    def from_json(cls, stored: list[list[float]]) -> Self:
        """The Curve that was stored by ``as_json``."""
        return cls(tuple(stored[0]), tuple(stored[1]))


@dataclass(frozen=True)
class Surroundings:
    """What explains the errors of n stars beside their own light, from their reference."""

    mag: np.ndarray  # (n,) on the reference
    fracflux: np.ndarray  # (n,) on the reference
    halo: np.ndarray  # (n,) ADU on the image, of bright neighbours' wings

    @classmethod
    def of(cls, sources: np.ndarray, halo: FloatArray) -> Self:
        """Of rows (n,) of a reference, with ``mag`` and ``fracflux``, and of ``halo`` (n,) ADU."""
        return cls(sources["mag"].astype("f8"), sources["fracflux"].astype("f8"), halo)

    def select(self, index: Index) -> "Surroundings":
        """Those of a selection of the stars: indices (k,), or bool (n,)."""
        return Surroundings(self.mag[index], self.fracflux[index], self.halo[index])


@dataclass(frozen=True)
class ErrorModel:
    """The errors of an image's fluxes."""

    factor: float = 1.0  # on errors of the fit
    floor: float = 0.0  # share of a star's flux
    halo: float = 0.0  # share of the light of bright neighbours' wings
    by_mag: Curve = Curve((), ())  # natural logarithms of what is factor and floor's
    by_fracflux: Curve = Curve((), ())
    by_noise: Curve = Curve((), ())
    usual_noise: Curve = Curve((), ())  # natural logarithm of errors of the fit, by magnitude

    def variances(
        self, flux: FloatArray, flux_err: FloatArray, near: Surroundings
    ) -> tuple[FloatArray, FloatArray]:
        """(n,) variances, ADU^2, of the stars' own light, and of that of bright neighbours.

        ``flux`` and ``flux_err`` (n,) ADU are as fitted; a negative flux has no floor. NaN where
        ``flux_err`` is.
        """
        own = (self.factor * flux_err) ** 2 + (self.floor * np.maximum(flux, 0)) ** 2
        scale = np.exp(2 * self.log_scale(flux_err, near))
        return scale * own, (self.halo * near.halo) ** 2

    def flux_errors(self, flux: FloatArray, flux_err: FloatArray, near: Surroundings) -> FloatArray:
        """(n,) errors in ADU of ``flux`` (n,), whose fit says ``flux_err`` (n,); NaN where it is.

        ``near`` are their Surroundings.
        """
        own, halo = self.variances(flux, flux_err, near)
        return np.sqrt(own + halo)

    def log_scale(self, flux_err: FloatArray, near: Surroundings) -> FloatArray:
        """(n,) natural logarithm of the factor that varies; no unit."""
        noise = self.noise_ratio(flux_err, near.mag)
        total = self.by_mag(near.mag) + self.by_fracflux(near.fracflux) + self.by_noise(noise)
        return np.clip(total, np.log(LEAST), np.log(LARGEST))

    def noise_ratio(self, flux_err: FloatArray, mag: FloatArray) -> FloatArray:
        """(n,) natural logarithm of an error of the fit over those of stars as bright."""
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.log(flux_err) - self.usual_noise(mag)
        return np.where(np.isfinite(ratio), ratio, np.nan)

    def as_json(self) -> dict[str, Any]:
        """The model as JSON values."""
        curves = {name: getattr(self, name).as_json() for name in CURVES}
        return {**{name: float(getattr(self, name)) for name in NUMBERS}, **curves}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The ErrorModel that was stored by ``as_json``."""
        curves: dict[str, Any] = {name: Curve.from_json(stored[name]) for name in CURVES}
        numbers: dict[str, Any] = {name: stored[name] for name in NUMBERS}
        return cls(**numbers, **curves)


NUMBERS = ("factor", "floor", "halo")
CURVES = ("by_mag", "by_fracflux", "by_noise", "usual_noise")
# Curves in the order in which they are fitted: by what the reference says of stars, and by all.
BY_REFERENCE = ("by_mag", "by_fracflux")
BY_ALL = (*BY_REFERENCE, "by_noise", "by_mag")


@dataclass(frozen=True)
class Differences:
    """Fluxes of n stars less those expected, with what is known of their errors; ADU, (n,)."""

    difference: np.ndarray
    expected: np.ndarray
    flux_err: np.ndarray  # of the fit
    reference_err: np.ndarray  # of the flux expected
    near: Surroundings

    def __len__(self) -> int:
        return len(self.difference)

    def select(self, index: Index) -> "Differences":
        """Those of a selection of the stars: indices (k,), or bool (n,)."""
        near = self.near.select(index)
        columns = {name: getattr(self, name)[index] for name in COLUMNS}
        return replace(self, **columns, near=near)

    def usable(self) -> "Differences":
        """Those of which everything is known."""
        columns = [getattr(self, name) for name in COLUMNS]
        columns += [self.near.mag, self.near.fracflux, self.near.halo]
        good = np.all([np.isfinite(column) for column in columns], axis=0)
        return self.select(good & (self.flux_err > 0) & (self.expected > 0))

    def pulls(self, model: ErrorModel) -> FloatArray:
        """(n,) differences over their errors by an ErrorModel; no unit."""
        variance = model.flux_errors(self.expected, self.flux_err, self.near) ** 2
        return self.difference / np.sqrt(variance + self.reference_err**2)


COLUMNS = ("difference", "expected", "flux_err", "reference_err")


def fit_error_model(
    stars: Differences, floor: float, options: ErrorOptions = ErrorOptions()
) -> ErrorModel:
    """Fit the ErrorModel to constant stars' Differences; those with NaN are left out.

    With fewer than ``min_stars`` the model has no curves and a floor of ``floor``, a number of mag;
    with fewer than three it has this floor and the halo of ``options`` alone.
    """
    stars = stars.usable()
    start = ErrorModel(floor=floor / MAG_PER_LN, halo=options.halo)
    if len(stars) < FEWEST:
        return start
    if len(stars) < options.min_stars:
        return replace(start, factor=max(1.0, _spread(stars.pulls(start))))
    stars = stars.select(np.arange(0, len(stars), max(1, len(stars) // ENOUGH)))
    some = _alike(stars, options)
    model = _fit_numbers(some)
    model = replace(model, floor=max(model.floor, options.least_floor / MAG_PER_LN))
    usual = _running(stars.near.mag, np.log(stars.flux_err), options)
    model = replace(model, usual_noise=usual)
    # A tenth of stars that vary would make a median a tenth too large. And stars that faded lack
    # their photons' noise: by their own noise they would be a bin of their own, which takes their
    # changes for errors.
    pulls = stars.pulls(_with_curves(model, some, options, BY_REFERENCE))
    constant = stars.select(np.abs(pulls) < options.max_pull)
    stars = constant if len(constant) >= options.min_stars else stars
    return _with_curves(model, stars, options, BY_ALL)


def _with_curves(
    model: ErrorModel, stars: Differences, options: ErrorOptions, names: tuple[str, ...]
) -> ErrorModel:
    """The model with curves fitted to ``stars`` one after the other, each with the others' help."""
    explained_by = {
        "by_mag": stars.near.mag,
        "by_fracflux": stars.near.fracflux,
        "by_noise": model.noise_ratio(stars.flux_err, stars.near.mag),
    }
    for name in names:
        curve: dict[str, Any] = {name: _fit_curve(model, name, explained_by[name], stars, options)}
        model = replace(model, **curve)
    return model


def _spread(pulls: FloatArray) -> float:
    return float(MAD_TO_SIGMA * np.median(np.abs(pulls)))


def _alike(stars: Differences, options: ErrorOptions) -> Differences:
    """A selection of stars, as many of each signal to noise: else few bright ones would count."""
    n = len(stars)
    signal = np.log(stars.expected / stars.flux_err)
    edges = np.linspace(signal.min(), signal.max(), 16)
    place = np.clip(np.searchsorted(edges, signal) - 1, 0, 14)
    counts = np.bincount(place, minlength=15)
    share = np.maximum(options.max_fit_stars / 15 / np.maximum(counts, 1), 1e-9)[place]
    # Every k-th in the order of brightness: no chance, so that images measured again are the same.
    order = np.lexsort((signal, place))
    rank = np.empty(n, int)
    rank[order] = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    step = np.floor((rank + 1) * np.minimum(share, 1)) - np.floor(rank * np.minimum(share, 1))
    return stars.select(step > 0)


def _fit_numbers(stars: Differences) -> ErrorModel:
    """The ErrorModel without curves whose pulls have a median of that of a Gaussian.

    By the median: the sum of |log(|d| / 0.67 s)| is least, with few stars near what is expected.
    """
    # Each star counts by how few are as bright, so that the brightest fix the floor.
    signal = np.log(stars.expected / stars.flux_err)
    counts, edges = np.histogram(signal, 15)
    place = np.clip(np.searchsorted(edges, signal, side="right") - 1, 0, len(counts) - 1)
    weight = 1 / np.sqrt(np.maximum(counts, 10))[place]
    weight *= len(stars) / weight.sum()
    size = np.log(np.maximum(np.abs(stars.difference), 1e-30)) + np.log(MAD_TO_SIGMA)
    squares = np.array([stars.flux_err, stars.expected, stars.near.halo]) ** 2
    fixed = stars.reference_err**2

    def loss(numbers: FloatArray) -> Float:
        inside = np.clip(numbers, LOWEST, HIGHEST)
        variance = np.exp(2 * inside) @ squares + fixed
        away = np.sum(((numbers - EXPECTED) / EXPECTED_SPREAD) ** 2) / 2
        return np.sum(weight * np.abs(size - np.log(variance) / 2)) + away

    found = minimize(loss, EXPECTED, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-3})
    factor, floor, halo = np.exp(np.clip(found.x, LOWEST, HIGHEST)).tolist()
    return ErrorModel(factor, floor, halo)


def _bins(x: FloatArray, options: ErrorOptions) -> list[Any]:
    """Indices of stars in bins by ``x`` (n,) of equal numbers but the first, NaN left out.

    That is halved as long as enough are left: the few brightest have errors of their own.
    """
    good = np.flatnonzero(np.isfinite(x))
    order = good[np.argsort(x[good], kind="stable")]
    parts = np.array_split(order, max(1, min(options.bins, len(order) // options.bin_stars)))
    while len(parts[0]) >= 2 * options.least_bin_stars:
        parts[:1] = np.array_split(parts[0], 2)
    return parts


def _running(x: FloatArray, values: FloatArray, options: ErrorOptions) -> Curve:
    """The Curve through medians of ``values`` in bins of ``x``, both (n,)."""
    parts = _bins(x, options)
    at = tuple(float(np.median(x[part])) for part in parts)
    return Curve(at, tuple(float(np.median(values[part])) for part in parts))


def _fit_curve(
    model: ErrorModel, name: str, x: FloatArray, stars: Differences, options: ErrorOptions
) -> Curve:
    """The Curve of a ``model`` by ``x`` (n,) with which the pulls of every bin have a sigma of 1.

    A bin of few stars is drawn towards no change.
    """
    own, halo = model.variances(stars.expected, stars.flux_err, stars.near)
    fixed, before = halo + stars.reference_err**2, getattr(model, name)
    at, values = [], []
    for part in _bins(x, options):
        change = _scale_of(stars.difference[part], own[part], fixed[part])
        at.append(float(np.median(x[part])))
        drawn = np.log(change) * len(part) / (len(part) + options.shrinkage)
        values.append(float(before(np.array(at[-1:]))[0] + drawn))
    return Curve(tuple(at), tuple(values))


def _scale_of(difference: FloatArray, own: FloatArray, fixed: FloatArray) -> float:
    """The factor on the root of ``own`` variances that makes the spread of pulls 1."""
    narrow, wide = _factors_beside_median(difference, own, fixed)
    low, high = LEAST, LARGEST
    for _ in range(25):
        middle = np.sqrt(low * high)
        if middle < narrow or middle > wide:
            is_wide = middle < narrow
        else:
            is_wide = _spread(difference / np.sqrt(middle**2 * own + fixed)) > 1
        low, high = (middle, high) if is_wide else (low, middle)
    return float(np.sqrt(low * high))


def _factors_beside_median(
    difference: FloatArray, own: FloatArray, fixed: FloatArray
) -> tuple[float, float]:
    """Factors on the root of ``own`` variances with which the spread of pulls is above and below 1.

    Each star has one with which its own pull is that of the median; these are the middle ones, with
    room for how they are rounded.
    """
    squares = ((MAD_TO_SIGMA * difference) ** 2 - fixed) / own
    middle = [(len(squares) - 1) // 2, len(squares) // 2]
    below, above = np.sqrt(np.maximum(np.partition(squares, middle)[middle], 0))
    return below * (1 - ROUNDING), above * (1 + ROUNDING)


@dataclass(frozen=True)
class ImageErrors:
    """The errors of an image's fluxes: the ErrorModel, and the Wings of its stars."""

    model: ErrorModel
    wings: Wings | None = None  # None: bright neighbours don't count

    def surroundings(
        self,
        sources: np.ndarray,
        place: tuple[FloatArray, FloatArray],
        flux: FloatArray,
        flux_err: FloatArray,
    ) -> Surroundings:
        """The Surroundings of all sources on an image, rows (n,) with ``mag`` and ``fracflux``.

        ``place`` are x and y (n,) in pixels, ``flux`` and ``flux_err`` (n,) ADU those expected and
        as fitted.
        """
        return Surroundings.of(sources, neighbours_light(self.wings, place, flux, flux_err))

    def as_json(self) -> dict[str, Any]:
        """The errors as JSON values."""
        return {**self.model.as_json(), "wings": self.wings and self.wings.as_json()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The ImageErrors that were stored by ``as_json``."""
        wings = Wings(*stored["wings"]) if stored["wings"] else None
        return cls(ErrorModel.from_json(stored), wings)

"""A point-spread function that varies across the chip, evaluated for many stars at once."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import spline_filter

from exposures.science.arrays import Float, FloatArray, Floats, Index
from exposures.science.quantities import (
    Count,
    Exponent,
    Few,
    Fraction,
    OddPixels,
    Options,
    Pixels,
    Rounds,
    Sigma,
    Trials,
)
from photometry.science.psf.moffat import moffat_norm, moffat_stamps
from photometry.science.psf.stamps import (
    AMPLITUDE,
    CORE_SCALE,
    DX,
    DY,
    TERMS,
    U2,
    UV,
    V2,
    Profiles,
    evaluate,
)
from photometry.science.scatter import sigma_about_zero

# Positions enter the polynomials in units of this many pixels, so that coefficients of all
# orders are of one size.
POSITION_SCALE = 1000.0


@dataclass(frozen=True)
class PsfOptions(Options):
    """Options of the PSF's fit to a chip's bright stars."""

    n_stars: Trials = 200
    """Largest number of suitable stars to which the PSF is fitted, the brightest."""
    min_stars_linear: Count = 25
    """Least number of stars for the PSF's shape to vary across the chip."""
    min_stars_core: Count = 8
    """Least number of stars for a core that is free pixel by pixel; with fewer the PSF is a Moffat
    profile alone."""
    core_pixels: OddPixels = 15
    """Side of the PSF's core that is free pixel by pixel; an odd number."""
    beta: Exponent = 3.0
    """Exponent of the Moffat profile from which the fit starts."""
    max_steps: Rounds = 8
    """Largest number of steps of the fit of the PSF's profile."""
    model_error: Fraction = 0.03
    """Share of a pixel's model value that is added to its noise when the PSF's shape is fitted."""
    default_fwhm_pixels: Pixels = 4.0
    """Seeing that is assumed where neither the header nor the stars tell."""
    candidates_a_star: Few = 5
    """Number of bright stars that are looked at for each star that the PSF is fitted to."""
    max_missing: Fraction = 0.03
    """Largest share of the light on unusable pixels of a star that the PSF is fitted to."""
    min_share: Fraction = 0.5
    """Least share of the light in its stamp that is its own, of a star that the PSF is fitted
    to."""
    min_signal: Sigma = 10.0
    """Least significance of the central pixel of a star that the PSF is fitted to."""
    max_offset_pixels: Pixels = 1.0
    """Largest distance of a star's position from its light, beyond the shift of all stars, for the
    PSF to be fitted to it."""
    loss_sigma: Sigma = 3.0
    """Deviation of a pixel beyond which it pulls no harder at the PSF's profile."""
    clip_sigma: Sigma = 3.0
    """Deviation of a star in a pixel of the PSF's core beyond which it is clipped."""
    seeing_sigma: Sigma = 20.0
    """Least significance of the peaks from which the seeing is first estimated."""
    n_seeing: Trials = 60
    """Largest number of bright peaks from which the seeing is first estimated."""
    min_seeing: Trials = 5
    """Least number of bright peaks for an estimate of the seeing; with fewer the header's is
    taken."""


@dataclass(frozen=True)
class ChipPsf:
    """An elliptical Moffat profile plus a free core, both linear in position on the chip.

    The profile is ``(1 + q / alpha^2)^-beta`` with
    ``q = (1 + e1) dx^2 + (1 - e1) dy^2 + 2 e2 dx dy`` (Moffat 1969, A&A 3, 455); the core is a
    cubic B-spline and is added to it. Integrates to 1.
    """

    fwhm: np.ndarray  # (n_terms,) pixels: constant, x, y
    e1: np.ndarray  # (n_terms,)
    e2: np.ndarray  # (n_terms,)
    beta: float
    # (n_terms, k, k) B-spline coefficients, [y, x]
    core: np.ndarray | None = field(default=None, repr=False)
    options: PsfOptions = field(default=PsfOptions(), repr=False)

    @classmethod
    def round(cls, fwhm_pixels: float, options: PsfOptions = PsfOptions()) -> Self:
        """A circular Moffat profile with a width of a number of pixels, from which fits start."""
        zero = np.zeros(1)
        return cls(np.array([float(fwhm_pixels)]), zero, zero, options.beta, None, options)

    def fwhm_at(self, x: Floats, y: Floats) -> Any:
        """FWHM in pixels, geometric mean of the axes, at ``x, y`` pixels; of the same shape."""
        return np.clip(_polynomial(self.fwhm, x, y), SHAPE_LOW[0], SHAPE_HIGH[0])

    def shape_at(self, x: FloatArray, y: FloatArray) -> list[FloatArray]:
        """FWHM in pixels and both ellipticities at ``x, y``, within the bounds of the fit.

        Three arrays of the same shape. Beyond the stars that it was fitted to, a polynomial may
        leave the bounds, and then it is none.
        """
        columns = (_polynomial(c, x, y) for c in (self.fwhm, self.e1, self.e2))
        bounds = zip(SHAPE_LOW[:3], SHAPE_HIGH[:3], strict=True)
        return [np.clip(c, *limits) for c, limits in zip(columns, bounds, strict=True)]

    def ellipticity_at(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both ellipticities, e1 along the axes and e2 along the diagonals, at ``x, y`` pixels.

        The same shape as theirs, no unit. As the polynomials have them, which may be outside of the
        bounds of the fit.
        """
        return _polynomial(self.e1, x, y), _polynomial(self.e2, x, y)

    def profiles(self, x: ArrayLike, y: ArrayLike) -> Profiles:
        """Profiles of stars at ``x, y`` (n,) pixels on stamps centred on the nearest pixel."""
        x, y = np.atleast_1d(x).astype("f8"), np.atleast_1d(y).astype("f8")
        fwhm, e1, e2 = self.shape_at(x, y)
        inverse = 4 * (2 ** (1 / self.beta) - 1) / fwhm**2
        norm = moffat_norm(inverse, e1, e2, self.beta)
        core = np.zeros((1, 0, 0)) if self.core is None else self.core
        terms = _terms(len(core), x, y)
        scale = 1 / (1 + np.einsum("tjk,tn->n", core, terms))
        columns = {
            U2: (1 + e1) * inverse,
            UV: 2 * e2 * inverse,
            V2: (1 - e1) * inverse,
            AMPLITUDE: norm * scale,
            DX: x - np.round(x),
            DY: y - np.round(y),
            CORE_SCALE: scale,
        }
        parameters = np.empty((len(x), TERMS + len(core)), np.float32)
        for column, values in columns.items():
            parameters[:, column] = values
        parameters[:, TERMS:] = terms.T
        return Profiles(parameters, core.astype("f4"), np.float32(self.beta))

    def reach(self, x: FloatArray, y: FloatArray, level: FloatArray) -> FloatArray:
        """(n,) pixels beyond which the PSF at ``x, y`` (n,) is below ``level`` (n,), 1/pixels^2."""
        fwhm, e1, e2 = self.shape_at(x, y)
        inverse = 4 * (2 ** (1 / self.beta) - 1) / fwhm**2
        centre = moffat_norm(inverse, e1, e2, self.beta)
        q = np.maximum(centre / level, 1) ** (1 / self.beta) - 1
        narrowest = inverse * (1 - np.minimum(np.hypot(e1, e2), 0.9))
        return np.sqrt(q / narrowest)

    def stamps(self, x: ArrayLike, y: ArrayLike, size: int) -> FloatArray:
        """(n, size, size) PSF of stars at ``x, y`` (n,) on stamps centred on the nearest pixel."""
        return evaluate(self.profiles(x, y), size)


def shifted_splines(coefficients: FloatArray, dx: FloatArray, dy: FloatArray) -> FloatArray:
    """Splines with coefficients (n, k, k), moved by ``dx, dy`` (n,): values (n, k + 4, k + 4).

    Cubic B-splines (Unser 1999, IEEE SPM 16, 22), separable in x and y; the offsets are at most
    half a pixel, so that five neighbours reach each value. Values have the unit of the
    coefficients.
    """
    padded = np.pad(coefficients, ((0, 0), (4, 4), (4, 4)))
    wx, wy = _bspline_weights(dx), _bspline_weights(dy)
    size = coefficients.shape[1] + 4
    rows = np.sum([wy[:, k, None, None] * padded[:, k : k + size] for k in range(5)], axis=0)
    return np.sum([wx[:, k, None, None] * rows[:, :, k : k + size] for k in range(5)], axis=0)


def _bspline_weights(offset: FloatArray) -> FloatArray:
    """(n, 5) cubic B-spline at the distances of the neighbours -2 ... 2 from -offset."""
    t = np.abs(np.arange(-2, 3, dtype="f4") + np.asarray(offset, dtype="f4")[:, None])
    inner = 2 / 3 - t**2 * (1 - t / 2)
    outer = np.maximum(2 - t, 0) ** 3 / 6
    return np.where(t < 1, inner, outer)


def _terms(n_terms: int, x: ArrayLike, y: ArrayLike) -> FloatArray:
    """(n_terms, n): 1, x, y in units of POSITION_SCALE."""
    one = np.ones(np.shape(x))
    return np.array([one, np.divide(x, POSITION_SCALE), np.divide(y, POSITION_SCALE)])[:n_terms]


def _polynomial(coefficients: FloatArray, x: ArrayLike, y: ArrayLike) -> Any:
    # Not by BLAS, whose last digit depends on the number of threads.
    return np.einsum("t,t...->...", coefficients, _terms(len(coefficients), x, y))


@dataclass(frozen=True)
class StarStamps:
    """Stars cut out of an image whose other stars were subtracted.

    ``dx, dy`` are the stars' offsets from the centres of their stamps in pixels.
    """

    x: np.ndarray  # (n,) pixels on the chip
    y: np.ndarray
    dx: np.ndarray  # (n,)
    dy: np.ndarray
    data: np.ndarray  # (n, size, size)
    weight: np.ndarray  # (n, size, size) inverse variance

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Index) -> "StarStamps":
        """The selection by an index: indices (k,), or bool (n,)."""
        return StarStamps(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def fit_psf(stars: StarStamps, start: ChipPsf, options: PsfOptions = PsfOptions()) -> ChipPsf:
    """Fit a ChipPsf to ``stars`` (StarStamps), starting from the ChipPsf ``start``.

    Stamps are (n, size, size) in any unit. First the profile, by damped least squares with a free
    flux and background for each star; then the core, as the mean of what the profile leaves. With
    fewer than three stars the answer is ``start`` itself.
    """
    if len(stars) < 3:
        return start
    profile = _fit_profile(stars, start, options)
    if len(stars) < options.min_stars_core:
        return profile
    return replace(profile, core=_fit_core(stars, profile, options))


# Shape parameters of a profile, their bounds (axis ratios above 0.4) and steps for derivatives.
SHAPE_LOW = np.array([1.0, -0.4, -0.4, 1.5])  # fwhm in pixels, e1, e2, beta
SHAPE_HIGH = np.array([40.0, 0.4, 0.4, 8.0])
SHAPE_STEP = np.array([1e-3, 1e-4, 1e-4, 1e-3])


def _fit_profile(stars: StarStamps, start: ChipPsf, options: PsfOptions) -> ChipPsf:
    """Fit a ChipPsf without core by Levenberg-Marquardt with a soft L1 loss.

    The shape is linear in the position, so that a star's derivatives to its own four shape
    parameters give those to all of them.
    """
    terms = _terms(3 if len(stars) >= options.min_stars_linear else 1, stars.x, stars.y)
    theta = np.zeros((4, len(terms)))
    for row, c in zip(theta, (start.fwhm, start.e1, start.e2, np.array([start.beta])), strict=True):
        row[: min(len(c), len(terms))] = c[: len(terms)]
    chi = _profile_chi(stars, _shape_of(theta, terms), options.model_error)
    damping = 1e-3
    for _ in range(options.max_steps):
        gradient, curvature = _profile_normal(stars, _shape_of(theta, terms), chi, terms, options)
        ridge = damping * np.diag(curvature) + 1e-12
        step = np.linalg.solve(curvature + np.diag(ridge), gradient).reshape(theta.shape)
        proposed = theta - step
        proposed[:, 0] = np.clip(proposed[:, 0], SHAPE_LOW, SHAPE_HIGH)
        new_chi = _profile_chi(stars, _shape_of(proposed, terms), options.model_error)
        fall = _loss(chi, options) - _loss(new_chi, options)
        if fall > 0:
            theta, chi = proposed, new_chi
        damping *= 0.2 if fall > 0 else 10.0
        if 0 <= fall < 1e-4 * _loss(chi, options):
            break
    return ChipPsf(theta[0], theta[1], theta[2], float(theta[3, 0]), None, options)


def _shape_of(theta: FloatArray, terms: FloatArray) -> FloatArray:
    """(4, n) shape parameters of each star within their bounds; beta is the same for all."""
    # Not by BLAS, whose last digit depends on the number of threads.
    shape = np.einsum("at,tn->an", theta, terms)
    shape[3] = theta[3, 0]
    return np.clip(shape, SHAPE_LOW[:, None], SHAPE_HIGH[:, None])


def _loss(chi: FloatArray, options: PsfOptions) -> Float:
    return np.sum(np.sqrt(1 + (chi / options.loss_sigma) ** 2) - 1)


def _profile_normal(
    stars: StarStamps, shape: FloatArray, chi: FloatArray, terms: FloatArray, options: PsfOptions
) -> tuple[FloatArray, FloatArray]:
    """Gradient (4 n_terms,) and Gauss-Newton curvature of the loss, but for constant factors."""
    pull = 1 / np.sqrt(1 + (chi / options.loss_sigma) ** 2)
    slopes = [
        (_profile_chi(stars, shape + h[:, None], options.model_error) - chi) / h.sum()
        for h in np.diag(SHAPE_STEP)
    ]
    pulled = [pull * slope for slope in slopes]
    gradient = np.array([np.einsum("np,np->n", a, chi) for a in pulled])
    curvature = np.array([[np.einsum("np,np->n", a, b) for b in slopes] for a in pulled])
    # Of beta only the constant is fitted: its slopes have no derivative.
    weight = np.repeat(terms[None], 4, axis=0)
    weight[3, 1:] = 0
    gradient = np.einsum("an,atn->at", gradient, weight)
    curvature = np.einsum("abn,atn,bsn->atbs", curvature, weight, weight)
    return gradient.ravel(), curvature.reshape(gradient.size, gradient.size)


def _profile_chi(stars: StarStamps, shape: FloatArray, model_error: float) -> FloatArray:
    """(n, n_pixels) residuals in sigma of each star's best flux and background."""
    model = moffat_stamps(stars.dx, stars.dy, list(shape[:3]), shape[3, 0], stars.data.shape[1])
    flux, background = _scale_to(stars, model)
    model = flux[:, None, None] * model
    variance = 1 / np.where(stars.weight > 0, stars.weight, 1) + (model_error * model) ** 2
    residual = stars.data - model - background[:, None, None]
    chi = np.where(stars.weight > 0, residual, 0) / np.sqrt(variance)
    return chi.reshape(len(stars), -1)


def _models_at(psf: ChipPsf, stars: StarStamps) -> FloatArray:
    """The profile without core at the stars' offsets, which may exceed half a pixel."""
    shape = psf.shape_at(stars.x, stars.y)
    return moffat_stamps(stars.dx, stars.dy, shape, psf.beta, stars.data.shape[1])


def _scale_to(stars: StarStamps, model: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Flux and flat background that fit each model to its star, by two normal equations."""
    use = stars.weight > 0
    n, model = use.sum(axis=(1, 2)), np.where(use, model, 0)
    sm, sd = model.sum(axis=(1, 2)), np.sum(stars.data, axis=(1, 2), where=use)
    smm = np.einsum("njk,njk->n", model, model)
    smd = np.einsum("njk,njk->n", model, stars.data)
    determinant = np.maximum(n * smm - sm**2, 1e-12)
    flux = (n * smd - sm * sd) / determinant
    return flux, (sd - flux * sm) / np.maximum(n, 1)


def _fit_core(stars: StarStamps, profile: ChipPsf, options: PsfOptions) -> FloatArray:
    """B-spline coefficients (n_terms, k, k) of the stars' mean residual around the profile."""
    model = _models_at(profile, stars)
    flux, background = _scale_to(stars, model)
    flux = np.maximum(flux, 1e-6)[:, None, None]
    left = (stars.data - background[:, None, None]) / flux - model
    residual = _recentred(np.where(stars.weight > 0, left, 0), stars.dx, stars.dy)
    k = min(options.core_pixels, stars.data.shape[1] - 4)
    cut = (stars.data.shape[1] - k) // 2
    inner = slice(cut, cut + k)
    residual = residual[:, inner, inner]
    weight = stars.weight[:, inner, inner] * flux**2
    weight = weight / (1 + weight * (options.model_error * model[:, inner, inner]) ** 2)
    n_terms = 3 if len(stars) >= 2 * options.min_stars_linear else 1
    values = _clipped_mean(residual, weight, _terms(n_terms, stars.x, stars.y), options.clip_sigma)
    values *= _taper(k)
    return np.array([spline_filter(v, order=3, mode="mirror") for v in values])


def _recentred(residual: FloatArray, dx: FloatArray, dy: FloatArray) -> FloatArray:
    """Residual stamps moved back by the stars' offsets, by cubic splines."""
    whole_x, whole_y = np.round(dx).astype(int), np.round(dy).astype(int)
    coefficients = np.array([spline_filter(r, order=3, mode="mirror") for r in residual])
    moved = shifted_splines(coefficients, whole_x - dx, whole_y - dy)[:, 2:-2, 2:-2]
    return np.array(
        [np.roll(m, (-j, -i), axis=(0, 1)) for m, i, j in zip(moved, whole_x, whole_y, strict=True)]
    )


def _clipped_mean(
    values: FloatArray, weight: FloatArray, terms: FloatArray, n_sigma: float
) -> FloatArray:
    """(n_terms, k, k) weighted linear fit over stars of each pixel, outliers clipped once."""
    n, k, _ = values.shape
    values, weight = values.reshape(n, -1), weight.reshape(n, -1).copy()
    fit = _weighted_fit(values, weight, terms)
    residual = values - np.einsum("tn,tp->np", terms, fit)
    spread = sigma_about_zero(residual, axis=0)
    weight[np.abs(residual) > n_sigma * spread] = 0
    return _weighted_fit(values, weight, terms).reshape(-1, k, k)


def _weighted_fit(values: FloatArray, weight: FloatArray, terms: FloatArray) -> FloatArray:
    normal = np.array([[np.einsum("np,n->p", weight, s * t) for s in terms] for t in terms]).T
    ridge = 1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(
        len(terms)
    ) + 1e-30 * (np.eye(len(terms)))
    right = np.einsum("tn,np->pt", terms, weight * values)
    return np.linalg.solve(normal + ridge, right[..., None])[..., 0].T


def _taper(size: int) -> FloatArray:
    """(size, size) 1 in the middle, falling to 0 at the inscribed circle."""
    axis = np.arange(size) - size // 2
    radius = np.hypot(axis[:, None], axis[None, :]) / (size / 2)
    return np.clip((1 - radius) / 0.2, 0, 1)

"""The fit of a chip's PSF to its bright stars: first the profile, then the core."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import spline_filter, spline_filter1d

from exposures.science.arrays import BoolArray, Float, FloatArray, Index
from photometry.science.psf.moffat import WING_BETA, MoffatShapes, moffat_stamps
from photometry.science.psf.psf import (
    SHAPE_HIGH,
    SHAPE_LOW,
    ChipPsf,
    PsfOptions,
    position_terms,
)
from photometry.science.psf.splines import shifted_splines
from photometry.science.scatter import sigma_about_zero

# Steps for derivatives to a profile's shape parameters: fwhm in pixels, e1, e2, beta, wing.
SHAPE_STEP = np.array([1e-3, 1e-4, 1e-4, 1e-3, 1e-4])
N_VARYING = 3  # of them vary over the chip: the first
BETA = 3  # which of them is the exponent
# What profile and core together can be: the share of the peak by which they may fall below zero,
# and the light that is within the stamp.
UNDERSHOOT, LEAST_LIGHT, MOST_LIGHT = 0.05, 0.1, 1.1
ALIKE = 0.01  # share of a star's peak by which it may differ from the others
# Exponents of a profile without a wing from which on there may be one, and all of it.
WING_BETAS = 4.0, 4.5


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
    flux and background for each star; then the core, as the mean of what the profile leaves. Stars
    unlike the others are left out, and what they bent is fitted again. With fewer than three stars
    whose pixels are all finite the answer is ``start`` itself. What is no PSF is not returned:
    instead the profile without the core, else a round one with the stars' own width, else
    ``start``.

    The wing is only fitted from a ``start`` that has a core: what a mere guess has left of the
    stars' neighbours would be taken for it. And only where the profile without it falls as steeply
    as turbulent air's.
    """
    stars = stars.select(np.isfinite(stars.data).all(axis=(1, 2)))
    if len(stars) < 3:
        return start
    fitted = _fit_profile_and_core(stars, start, options)
    candidates = fitted, replace(fitted, core=None), _as_wide_as(stars, options)
    return next((psf for psf in candidates if _is_psf(psf, stars)), start)


def _fit_profile_and_core(stars: StarStamps, start: ChipPsf, options: PsfOptions) -> ChipPsf:
    max_wing = 0.0 if start.core is None else options.max_wing
    alike, without = _fit_to_alike(stars, _without_wing(start, options), options)
    max_wing *= _support_of_wing(without)
    if max_wing == 0 or without.core is None:
        return without
    profile = _fit_profile(alike, without, max_wing, options)
    return replace(profile, core=_fit_core(alike, profile, options)[0])


def _fit_to_alike(
    stars: StarStamps, start: ChipPsf, options: PsfOptions
) -> tuple[StarStamps, ChipPsf]:
    """A ChipPsf without a wing, and the StarStamps that are like each other, which it fits."""
    profile = _fit_profile(stars, start, 0.0, options)
    if len(stars) < options.min_stars_core:
        return stars, profile
    core, deviation = _fit_core(stars, profile, options)
    for _ in range(options.star_clips):
        alike = deviation < options.star_deviation * np.median(deviation)
        if alike.all() or alike.sum() < options.min_stars_core:
            break
        stars = stars.select(alike)
        profile = _fit_profile(stars, profile, 0.0, options)
        core, deviation = _fit_core(stars, profile, options)
    return stars, replace(profile, core=core)


def _without_wing(psf: ChipPsf, options: PsfOptions) -> ChipPsf:
    """A ChipPsf from which a fit without a wing starts: the exponent beside a wing is another."""
    return replace(psf, beta=options.beta, wing=0.0) if psf.wing > 0 else psf


def _support_of_wing(profile: ChipPsf) -> float:
    """How far the exponent of a profile without a wing says that there is one, 0 to 1.

    Of Moffat profiles that with 4.77 is nearest to turbulent air's, and lacks its wing (Trujillo et
    al. 2001, MNRAS 328, 977). One with less has as much light far out itself: what is beyond it is
    an aureole's, or that of stars that were not found. Nor does the exponent tell of the air where
    stars are as long as a PSF can be, by a jump of the telescope.
    """
    shape = np.array([profile.fwhm[0], profile.e1[0], profile.e2[0]])
    if np.any((shape <= SHAPE_LOW[:N_VARYING]) | (shape >= SHAPE_HIGH[:N_VARYING])):
        return 0.0
    low, high = WING_BETAS
    return float(np.clip((profile.beta - low) / (high - low), 0, 1))


def _as_wide_as(stars: StarStamps, options: PsfOptions) -> ChipPsf:
    """A round ChipPsf with the median width of StarStamps, by their pixels above half the peak."""
    data = np.where(stars.weight > 0, stars.data, 0)
    n_above = np.sum(data > data.max(axis=(1, 2), keepdims=True) / 2, axis=(1, 2))
    return ChipPsf.round(float(2 * np.sqrt(np.median(n_above) / np.pi)), options)


def _is_psf(psf: ChipPsf, stars: StarStamps) -> bool:
    """Whether a ChipPsf is finite, positive in its middle and not below zero beyond, at all stars.

    An undershoot of the spline between pixels is allowed for. A core that takes away most of the
    profile's light has nothing to do with it.
    """
    stamps = psf.stamps(stars.x, stars.y, stars.data.shape[1])
    if not np.all(np.isfinite(stamps)):
        return False
    half = stamps.shape[1] // 2
    middle = stamps[:, half, half]
    light = stamps.sum(axis=(1, 2))
    is_positive = middle > 0
    is_positive &= stamps.min(axis=(1, 2)) > -UNDERSHOOT * middle
    is_positive &= (light > LEAST_LIGHT) & (light < MOST_LIGHT)
    return bool(is_positive.all())


def _fit_profile(
    stars: StarStamps, start: ChipPsf, max_wing: float, options: PsfOptions
) -> ChipPsf:
    """Fit a ChipPsf without core; its exponent is that of the options where stars don't tell it.

    Of stars with a bright spot in a wide disc, by coma or by a jump of the telescope, the exponent
    follows the spot down, to its bound even. Then much of the profile's light is beyond the stamps,
    where the stars have none and the core can't take it away. The light of no star as a whole falls
    more slowly than what turbulent air scatters widely.
    """
    lowest, highest = SHAPE_LOW.copy(), np.append(SHAPE_HIGH[:-1], max_wing)
    profile = _fit_within(stars, start, lowest, highest, options)
    if profile.beta >= WING_BETA:
        return profile
    lowest[BETA] = highest[BETA] = options.beta
    return _fit_within(stars, replace(start, beta=options.beta), lowest, highest, options)


def _fit_within(
    stars: StarStamps,
    start: ChipPsf,
    lowest: FloatArray,
    highest: FloatArray,
    options: PsfOptions,
) -> ChipPsf:
    """Fit a ChipPsf without core by Levenberg-Marquardt with a soft L1 loss, within bounds (5,).

    The shape is linear in the position, so that a star's derivatives to its own shape parameters
    give those to all of them.
    """
    terms = position_terms(3 if len(stars) >= options.min_stars_linear else 1, stars.x, stars.y)
    theta = np.zeros((len(SHAPE_STEP), len(terms)))
    # From no wing at all, exponent and wing would go together in many small steps.
    constants = np.array([start.beta]), np.array([start.wing or highest[-1] / 3])
    for row, c in zip(theta, (start.fwhm, start.e1, start.e2, *constants), strict=True):
        row[: min(len(c), len(terms))] = c[: len(terms)]
    chi = _profile_chi(stars, _shape_of(theta, terms), options.model_error)
    damping = 1e-3
    for _ in range(options.max_steps):
        shape = _shape_of(theta, terms)
        gradient, curvature = _profile_normal(stars, shape, chi, terms, lowest < highest, options)
        _hold_at_bounds(theta, lowest, highest, gradient, curvature)
        ridge = damping * np.diag(curvature) + 1e-12
        step = np.linalg.solve(curvature + np.diag(ridge), gradient).reshape(theta.shape)
        proposed = theta - step
        proposed[:, 0] = np.clip(proposed[:, 0], lowest, highest)
        new_chi = _profile_chi(stars, _shape_of(proposed, terms), options.model_error)
        fall = _loss(chi, options) - _loss(new_chi, options)
        if fall > 0:
            theta, chi = proposed, new_chi
        damping *= 0.2 if fall > 0 else 10.0
        if 0 <= fall < 1e-4 * _loss(chi, options):
            break
    beta, wing = (float(c) for c in theta[N_VARYING:, 0])
    return ChipPsf(theta[0], theta[1], theta[2], beta, None, options, wing)


def _hold_at_bounds(
    theta: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    gradient: FloatArray,
    curvature: FloatArray,
) -> None:
    """Take parameters that would leave their bounds out of the normal equations, in place.

    ``lowest`` and ``highest`` (5,) are the bounds. The steps of the other parameters would else
    count on one that is cut at a bound.
    """
    downhill = gradient.reshape(theta.shape)[:, 0]
    low, high = theta[:, 0] <= lowest, theta[:, 0] >= highest
    held = np.flatnonzero((low & (downhill > 0)) | (high & (downhill < 0))) * theta.shape[1]
    gradient[held] = 0
    curvature[held], curvature[:, held] = 0, 0
    curvature[held, held] = 1


def _shape_of(theta: FloatArray, terms: FloatArray) -> FloatArray:
    """(5, n) shape parameters of each star within their bounds; beta and wing are the same."""
    # Not by BLAS, whose last digit depends on the number of threads.
    shape = np.einsum("at,tn->an", theta, terms)
    shape[N_VARYING:] = theta[N_VARYING:, :1]
    return np.clip(shape, SHAPE_LOW[:, None], SHAPE_HIGH[:, None])


def _loss(chi: FloatArray, options: PsfOptions) -> Float:
    return np.sum(np.sqrt(1 + (chi / options.loss_sigma) ** 2) - 1)


def _profile_normal(
    stars: StarStamps,
    shape: FloatArray,
    chi: FloatArray,
    terms: FloatArray,
    is_free: BoolArray,
    options: PsfOptions,
) -> tuple[FloatArray, FloatArray]:
    """Gradient (5 n_terms,) and Gauss-Newton curvature of the loss, but for constant factors.

    Both are zero for parameters that are not ``is_free`` (5,).
    """
    pull = 1 / np.sqrt(1 + (chi / options.loss_sigma) ** 2)
    slopes = [
        (_profile_chi(stars, shape + h[:, None], options.model_error) - chi) / h.sum()
        if free
        else np.zeros_like(chi)
        for h, free in zip(np.diag(SHAPE_STEP), is_free, strict=True)
    ]
    pulled = [pull * slope for slope in slopes]
    gradient = np.array([np.einsum("np,np->n", a, chi) for a in pulled])
    curvature = np.array([[np.einsum("np,np->n", a, b) for b in slopes] for a in pulled])
    # Of beta and wing only the constants are fitted: their slopes have no derivative.
    weight = np.repeat(terms[None], len(SHAPE_STEP), axis=0)
    weight[N_VARYING:, 1:] = 0
    gradient = np.einsum("an,atn->at", gradient, weight)
    curvature = np.einsum("abn,atn,bsn->atbs", curvature, weight, weight)
    return gradient.ravel(), curvature.reshape(gradient.size, gradient.size)


def _profile_chi(stars: StarStamps, shape: FloatArray, model_error: float) -> FloatArray:
    """(n, n_pixels) residuals in sigma of each star's best flux and background."""
    (fwhm, e1, e2), (beta, wing) = shape[:N_VARYING], shape[N_VARYING:, 0]
    shapes = MoffatShapes(fwhm, e1, e2, beta, wing)
    model = moffat_stamps(stars.dx, stars.dy, shapes, stars.data.shape[1])
    flux, background = _scale_to(stars, model)
    model = flux[:, None, None] * model
    variance = 1 / np.where(stars.weight > 0, stars.weight, 1) + (model_error * model) ** 2
    residual = stars.data - model - background[:, None, None]
    chi = np.where(stars.weight > 0, residual, 0) / np.sqrt(variance)
    return chi.reshape(len(stars), -1)


def _models_at(psf: ChipPsf, stars: StarStamps) -> FloatArray:
    """The profile without core at the stars' offsets, which may exceed half a pixel."""
    fwhm, e1, e2 = psf.shape_at(stars.x, stars.y)
    shapes = MoffatShapes(fwhm, e1, e2, psf.beta, psf.wing)
    return moffat_stamps(stars.dx, stars.dy, shapes, stars.data.shape[1])


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


def _fit_core(
    stars: StarStamps, profile: ChipPsf, options: PsfOptions
) -> tuple[FloatArray, FloatArray]:
    """B-spline coefficients (n_terms, k, k) of the stars' mean residual around the profile.

    And (n,) how far each star is from that mean: its reduced chi2, with the model's error.
    """
    model = _models_at(profile, stars)
    flux, background = _scale_to(stars, model)
    flux = np.maximum(flux, 1e-6)[:, None, None]
    left = (stars.data - background[:, None, None]) / flux - model
    residual = _recentred(np.where(stars.weight > 0, left, 0), stars.dx, stars.dy)
    k = min(_core_side(stars, profile, options), stars.data.shape[1] - 4)
    cut = (stars.data.shape[1] - k) // 2
    inner = slice(cut, cut + k)
    residual = residual[:, inner, inner]
    weight = stars.weight[:, inner, inner] * flux**2
    weight = weight / (1 + weight * (options.model_error * model[:, inner, inner]) ** 2)
    n_terms = 3 if len(stars) >= 2 * options.min_stars_linear else 1
    terms = position_terms(n_terms, stars.x, stars.y)
    values = _clipped_mean(residual, weight, terms, options.clip_sigma)
    expected = np.einsum("tjk,tn->njk", values, terms)
    centred = replace(stars, dx=np.zeros(len(stars)), dy=np.zeros(len(stars)))
    below = -(_models_at(profile, centred)[:, inner, inner] + expected)
    # Nowhere does a star take light away: the sum of profile and core is at least zero.
    values[0] += np.maximum(below.max(axis=0), 0)
    deviation = _deviation(residual - expected, weight, model[:, inner, inner])
    values *= _taper(k)
    return np.array([spline_filter(v, order=3, mode="mirror") for v in values]), deviation


def _deviation(residual: FloatArray, weight: FloatArray, model: FloatArray) -> FloatArray:
    """(n,) reduced chi2 of stars' residuals (n, k, k), in units of their flux.

    A share of the peak is added to the noise, or the wings of the brightest would be deviations.
    """
    error = ALIKE * model.max(axis=(1, 2))[:, None, None]
    return np.mean(weight * residual**2 / (1 + weight * error**2), axis=(1, 2))


def _core_side(stars: StarStamps, profile: ChipPsf, options: PsfOptions) -> int:
    """Side of the core in pixels, odd: ``core_fwhm`` FWHM, and ``core_pixels`` at least."""
    fwhm = float(np.median(profile.fwhm_at(stars.x, stars.y)))
    half = int(options.core_fwhm * fwhm / 2)
    return max(2 * half + 1, options.core_pixels)


def _recentred(residual: FloatArray, dx: FloatArray, dy: FloatArray) -> FloatArray:
    """Residual stamps moved back by the stars' offsets, by cubic splines."""
    whole_x, whole_y = np.round(dx).astype(int), np.round(dy).astype(int)
    for axis in (1, 2):
        residual = spline_filter1d(residual, order=3, axis=axis, mode="mirror")
    moved = shifted_splines(residual, whole_x - dx, whole_y - dy)[:, 2:-2, 2:-2]
    for k in np.flatnonzero((whole_x != 0) | (whole_y != 0)):
        moved[k] = np.roll(moved[k], (-whole_y[k], -whole_x[k]), axis=(0, 1))
    return moved


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

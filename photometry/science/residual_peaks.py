"""Stars in what the forced fit leaves over: peaks of the residual, fitted with their neighbours."""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported when they are used: scipy.signal takes half a second
from scipy.spatial import cKDTree

from exposures.chip import MaskBit
from exposures.science.quantities import Count, Fraction, Margin, Ratio, Sigma
from photometry.science.forced import SHARP, ForcedOptions, core_flags

# Peaks fitted at once: bounds the memory of their neighbours' stamps.
BATCH = 300
PEAK_PART = 0.7  # of the threshold and of the model's error, for peaks that are worth a fit
WINGS = 40  # pixels to which the errors of PSFs are followed
CORE_FWHM, WING_FWHM = 1.0, 2.5  # between these distances the model's error becomes the wings'
FIT_FWHM = 2.0  # half side of the square that is fitted round a peak
STEPS = 3  # of Gauss-Newton in a peak's position
LARGEST_MOVE = 1.5  # pixels
CLOSEST = 1.5  # pixels; peaks that end nearer to each other are one star
SATURATION = MaskBit.SATURATED | MaskBit.BLEED
RIDGE = 1e-9  # of the normal equations, for listed stars that lie on each other


@dataclass(frozen=True)
class ResidualOptions:
    """Which peaks of a residual are stars that are not on the list."""

    threshold: Sigma = 6.5  # significance of the flux, neighbours and the model's error included
    model_error: Fraction = 0.03  # of a neighbour's light at a place, which its PSF has wrong
    wing_error: Fraction = 0.1  # the same in its wings, from 2.5 FWHM on
    pixel_error: Fraction = 0.05  # of the model in a pixel, allowed for in rchi2
    min_separation: Ratio = 0.5  # in FWHM, from a listed star: nearer, it is that star's change
    max_peaks: Count = 5000  # on a chip, the most significant
    edge_pixels: Margin = 5.0  # from the edge; nearer, stars beyond it are not fitted
    max_rchi2: Ratio = 2.0  # more is no star
    min_quality: Fraction = 0.75  # share of the PSF on usable pixels
    saturated_pixels: Margin = 16.0  # from saturated pixels, round which the model is no star's


@dataclass(frozen=True)
class Residual:
    """What a forced fit leaves over, and what it took away; (ny, nx) arrays."""

    data: np.ndarray  # ADU, without the model
    weight: np.ndarray  # inverse variance
    mask: np.ndarray  # MaskBit
    model: np.ndarray  # ADU


@dataclass(frozen=True)
class NewStars:
    """Stars fitted to a residual together with changes of their neighbours; arrays (n,)."""

    x: np.ndarray  # pixels
    y: np.ndarray
    flux: np.ndarray  # ADU
    flux_err: np.ndarray  # ADU, neighbours and local sky free
    significance: np.ndarray  # of the flux, against its error and that of its neighbours' PSFs
    rchi2: np.ndarray  # PSF-weighted reduced chi2, the PSF's error allowed for
    fracflux: np.ndarray  # share of the light there that is the star's own
    quality: np.ndarray  # share of the PSF on usable pixels
    flags: np.ndarray  # int, mask bits of the 3 x 3 pixels, and SHARP
    star_distance: np.ndarray  # pixels to the nearest listed star
    saturated_distance: np.ndarray  # pixels to the nearest saturated pixel

    def __len__(self):
        return len(self.x)

    def select(self, index):
        return NewStars(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def find_new_stars(residual, psf, stars, options=ResidualOptions()):
    """NewStars above the threshold, apart from ``stars``: x, y, flux (n,) as they were fitted.

    A flux is NaN where nothing was fitted, for want of usable pixels.

    The matched filter (e.g. Zackay & Ofek 2017, ApJ 836, 187) finds peaks, low ones among them:
    the neighbours of a star that is not listed have taken some of its light. Each is fitted with
    a position of its own, while the fluxes of listed neighbours and of other peaks may change.

    What a listed star's PSF took away wrongly is a fraction of its light at the place, alike in
    many pixels. So it is an error of the flux, which doesn't fall with the number of pixels; the
    errors of several neighbours have no sign in common and are added in quadrature.
    """
    allowed = model_errors(psf, stars, residual.data.shape, options)
    peaks = _peaks(residual, psf, allowed, options)
    if len(peaks[0]) == 0:
        return _nothing()
    found = _fit(residual, psf, _Neighbours(stars, peaks), allowed, options)
    fwhm = psf.fwhm_at(found.x, found.y)
    ny, nx = residual.data.shape
    edge = np.min([found.x, found.y, nx - 1 - found.x, ny - 1 - found.y], axis=0)
    keep = (found.significance >= options.threshold) & (edge >= options.edge_pixels)
    keep &= found.star_distance >= options.min_separation * fwhm
    return _once(found.select(keep), options)


def _nothing():
    return NewStars(
        **{
            name: np.zeros(0, "i4" if name == "flags" else "f8")
            for name in NewStars.__dataclass_fields__
        }
    )


def model_errors(psf, stars, shape, options=ResidualOptions()):
    """(ny, nx) by how much the wrong PSFs of ``stars`` may make or hide a flux at each pixel.

    ``stars`` are x, y, flux (n,). What a star of flux F gives to a matched filter at a distance
    is F times the PSF's autocorrelation there, 1 at none; of that, a fraction is wrong.
    """
    ny, nx = shape
    middle = np.array([nx // 2]), np.array([ny // 2])
    stamp = psf.stamps(*middle, 2 * WINGS + 1)[0].astype("f8")
    overlap = scipy.signal.fftconvolve(stamp, stamp[::-1, ::-1], mode="same") / np.sum(stamp**2)
    side = np.arange(-WINGS, WINGS + 1)
    distance = np.hypot(side, side[:, None]) / psf.fwhm_at(*middle)[0]
    in_wings = np.clip((distance - CORE_FWHM) / (WING_FWHM - CORE_FWHM), 0, 1)
    fraction = options.model_error + (options.wing_error - options.model_error) * in_wings
    x, y, flux = stars
    column, row = np.round(x).astype(int), np.round(y).astype(int)
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    squares = np.zeros(shape)  # in double precision: from 1 to 10^12
    np.add.at(squares, (row[inside], column[inside]), np.nan_to_num(flux[inside]) ** 2)
    variance = scipy.signal.oaconvolve(squares, (fraction * overlap) ** 2, mode="same")
    return np.sqrt(np.maximum(variance, 0))


def _peaks(residual, psf, allowed, options):
    """x, y of the maxima of the residual's significance, the highest first."""
    flux, error = _filtered(residual, psf)
    significance = flux / np.hypot(error, PEAK_PART * allowed)
    significance[residual.weight == 0] = 0
    padded = np.pad(significance, 1)
    y, x = np.nonzero(significance > PEAK_PART * options.threshold)
    near = [padded[y + 1 + j, x + 1 + i] for j in (-1, 0, 1) for i in (-1, 0, 1)]
    is_peak = significance[y, x] >= np.max(near, axis=0)
    y, x = y[is_peak], x[is_peak]
    highest = np.argsort(-significance[y, x], kind="stable")[: options.max_peaks]
    return x[highest].astype("f8"), y[highest].astype("f8")


def _filtered(residual, psf):
    """(ny, nx) flux of a star alone at each pixel, and its error."""
    ny, nx = residual.data.shape
    x, y = np.array([nx // 2]), np.array([ny // 2])
    half = round(1.5 * float(psf.fwhm_at(x, y)[0]))
    kernel = psf.stamps(x, y, 2 * half + 1)[0][::-1, ::-1].astype("f4")
    weight = residual.weight.astype("f4")
    information = scipy.signal.oaconvolve(weight, kernel**2, mode="same")
    information = np.maximum(information, 1e-6 * information.max())
    signal = weight * residual.data.astype("f4")
    flux = scipy.signal.oaconvolve(signal, kernel, mode="same") / information
    return flux, 1 / np.sqrt(information)


class _Neighbours:
    """Listed stars and peaks, found by position."""

    def __init__(self, stars, peaks):
        self.n_listed = len(stars[0])
        self.x, self.y = np.append(stars[0], peaks[0]), np.append(stars[1], peaks[1])
        self.tree = cKDTree(np.column_stack([self.x, self.y]))

    def of(self, peaks, radius):
        """Lists of the numbers of the stars within a radius of some peaks, without themselves."""
        places = np.column_stack([self.x, self.y])[self.n_listed + peaks]
        near = self.tree.query_ball_point(places, radius)
        return [
            [k for k in own if k != self.n_listed + i] for i, own in zip(peaks, near, strict=True)
        ]

    @property
    def n_peaks(self):
        return len(self.x) - self.n_listed

    @property
    def listed(self):
        """x and y of the listed stars."""
        return self.x[: self.n_listed], self.y[: self.n_listed]


@dataclass(frozen=True)
class _Window:
    """The squares that are fitted, and the stamps that cover them from a neighbour's place."""

    half: int  # of a square, pixels
    reach: int  # of neighbours beyond it

    @classmethod
    def of(cls, psf, shape):
        fwhm = float(psf.fwhm_at(np.array([shape[1] / 2]), np.array([shape[0] / 2]))[0])
        return cls(round(FIT_FWHM * fwhm), round(fwhm))

    @property
    def radius(self):
        return self.half + self.reach

    def stamps(self, psf, x, y):
        """(n, side, side) of stars, to be cut by ``cut``."""
        return psf.stamps(x, y, 2 * (self.half + self.radius + 2) + 1)

    def cut(self, stamps, x, y, column, row):
        """(n, pixels) of stars at ``x, y`` on the squares round pixels ``column, row``."""
        middle, side = self.half + self.radius + 2, np.arange(-self.half, self.half + 1)
        j = (row - np.round(y).astype(int) + middle)[:, None, None] + side[:, None]
        i = (column - np.round(x).astype(int) + middle)[:, None, None] + side[None, :]
        cut = stamps[np.arange(len(stamps))[:, None, None], j, i]
        return cut.reshape(len(stamps), side.size**2).astype("f8")


def _fit(residual, psf, neighbours, allowed, options):
    """NewStars at the peaks among the ``neighbours``, in their order."""
    window = _Window.of(psf, residual.data.shape)
    n = neighbours.n_peaks
    parts = [
        _fit_batch(residual, psf, window, neighbours, options, index)
        for index in np.array_split(np.arange(n), -(-n // BATCH))
    ]
    columns = zip(*parts, strict=True)
    x, y, flux, flux_err, rchi2, fracflux, quality, sharp = map(np.concatenate, columns)
    ny, nx = residual.data.shape
    inside = np.clip(x, 0, nx - 1), np.clip(y, 0, ny - 1)
    nearest = tuple(np.round(c).astype(int) for c in reversed(inside))
    return NewStars(
        x=x,
        y=y,
        flux=flux,
        flux_err=flux_err,
        significance=flux / np.hypot(flux_err, allowed[nearest]),
        rchi2=rchi2,
        fracflux=fracflux,
        quality=quality,
        flags=core_flags(residual.mask, *inside) | np.where(sharp, SHARP, 0),
        star_distance=_distance(x, y, neighbours.listed),
        saturated_distance=_distance(x, y, np.nonzero(residual.mask & SATURATION)[::-1]),
    )


def _distance(x, y, places):
    """(n,) pixels to the nearest of some places, x and y; infinite where there is none."""
    if len(places[0]) == 0:
        return np.full(len(x), np.inf)
    return cKDTree(np.column_stack(places)).query(np.column_stack([x, y]))[0]


def _fit_batch(residual, psf, window, neighbours, options, index):
    """Columns of the peaks of some numbers, (n,) each."""
    x, y = (c[neighbours.n_listed + index].copy() for c in (neighbours.x, neighbours.y))
    column, row = np.round(x).astype(int), np.round(y).astype(int)
    near = neighbours.of(index, window.radius)
    others = _stamps_of(psf, window, neighbours, near, (column, row))
    data, weight, model = (
        _squares(image, window.half, column, row)
        for image in (residual.data, residual.weight, residual.model)
    )
    for _ in range(STEPS):
        terms = _with_slopes(psf, window, (x, y), (column, row))
        moves = [_move(*each) for each in zip(data, weight, terms, others, strict=True)]
        x, y = np.clip(np.array([x, y]) + np.transpose(moves), *_bounds(column, row))
    own = _own(psf, window, x, y, column, row)
    rows = [
        _describe((data[k], weight[k], model[k]), own[k], beside, options)
        for k, beside in enumerate(others)
    ]
    return x, y, *np.array(rows).T


def _stamps_of(psf, window, neighbours, near, pixels):
    """For each peak the (n, pixels) light of its neighbours, and of a local sky, on its square."""
    owner = np.repeat(np.arange(len(near)), [len(own) for own in near])
    star = np.array([k for own in near for k in own], int)
    x, y = neighbours.x[star], neighbours.y[star]
    column, row = (p[owner] for p in pixels)
    stamps = window.cut(window.stamps(psf, x, y), x, y, column, row)
    sky = np.ones((1, (2 * window.half + 1) ** 2))
    split = np.split(stamps, np.cumsum([len(own) for own in near])[:-1])
    return [np.concatenate([sky, part]) for part in split]


def _squares(image, half, column, row):
    """(n, pixels) of squares round pixels; 0 beyond the edge."""
    padded, side = np.pad(image, half), np.arange(2 * half + 1)
    j = row[:, None, None] + side[:, None]
    i = column[:, None, None] + side[None, :]
    return padded[j, i].reshape(len(row), -1).astype("f8")


def _own(psf, window, x, y, column, row):
    """(n, pixels) of the peaks themselves, on the squares round pixels ``column, row``."""
    return window.cut(window.stamps(psf, x, y), x, y, column, row)


def _with_slopes(psf, window, places, pixels, step=0.1):
    """(n, 3, pixels) of the peaks themselves, and how that changes as they move in x and in y."""
    x, y = places
    right, left, up, down = (
        _own(psf, window, x + dx, y + dy, *pixels)
        for dx, dy in ((step, 0), (-step, 0), (0, step), (0, -step))
    )
    own = _own(psf, window, x, y, *pixels)
    return np.stack([own, (right - left) / (2 * step), (up - down) / (2 * step)], axis=1)


def _bounds(column, row):
    """Where peaks may go to: not further than to the next pixels."""
    middle = np.array([column, row])
    return middle - LARGEST_MOVE, middle + LARGEST_MOVE


def _move(data, weight, terms, beside):
    """A step of Gauss-Newton in x and y, of half a pixel at most."""
    values, _ = _solve(data, weight, [*terms, *beside])
    flux, along_x, along_y = values[:3]
    return np.clip([along_x / flux, along_y / flux], -0.5, 0.5) if flux > 0 else np.zeros(2)


def _solve(data, weight, terms):
    """Weighted least squares of ``data`` (pixels,): values and covariance of the ``terms``."""
    terms = np.asarray(terms)
    weighted = terms * weight
    normal = weighted @ terms.T
    scale = np.sqrt(np.maximum(np.diag(normal), 1e-30))
    inverse = np.linalg.inv(normal / np.outer(scale, scale) + RIDGE * np.eye(len(terms)))
    covariance = inverse / np.outer(scale, scale)
    return covariance @ (weighted @ data), covariance


def _describe(square, own, beside, options):
    """Flux, error, rchi2, fracflux, quality and sharpness; ``beside`` are sky and neighbours."""
    data, weight, model = square
    values, covariance = _solve(data, weight, [own, *beside])
    flux, error = values[0], np.sqrt(covariance[0, 0])
    left = data - values @ np.concatenate([own[None], beside])
    information = max(float(np.sum(weight * own**2)), 1e-30)
    allowed = options.pixel_error * (np.abs(model) + np.abs(flux) * own)
    softened = weight / (1 + weight * allowed**2)
    use = own * (weight > 0)
    rchi2 = np.sum(use * left**2 * softened) / max(float(use.sum()), 1e-30)
    fracflux = flux * information / max(flux * information + np.sum(weight * own * model), 1e-30)
    centre, forced = np.argmax(own), ForcedOptions()
    sharp = left[centre] > forced.sharp_excess * np.abs(flux) * own[centre]
    sharp &= left[centre] * np.sqrt(weight[centre]) > forced.sharp_sigma
    return flux, error, rchi2, fracflux, use.sum() / own.sum(), sharp


def _once(found, options):
    """Without those that came to rest on a more significant one."""
    order = np.argsort(-found.significance, kind="stable")
    found = found.select(order)
    kept = np.ones(len(found), bool)
    tree = cKDTree(np.column_stack([found.x, found.y]))
    for i, j in sorted(tree.query_pairs(CLOSEST)):
        kept[j] &= not kept[i]
    return found.select(kept)

"""Astrometry: matching of positions, and a smooth correction of a WCS."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from exposures.plain_values import none_if_nan
from exposures.science.angles import wrap_ra
from exposures.science.arrays import FloatArray, IntArray, Shape
from exposures.science.quantities import (
    Arcseconds,
    BrightStars,
    Count,
    Fraction,
    MagnitudeError,
    Options,
    Order,
    Pixels,
    Rounds,
    SearchPixels,
    Sigma,
)

GROWTH = 1.25  # of the number of matches by a first fit, from which on it is fitted anew
MOST_GROWTHS = 8


@dataclass(frozen=True)
class AstrometryOptions(Options):
    """Options of matching positions and fitting the correction."""

    search_pixels: SearchPixels = 20.0
    """Largest shift between the header's WCS and the truth that is looked for first."""
    shift_sigma: Sigma = 5.0
    """Least significance of a shift among chance pairs of unrelated stars."""
    match_pixels: Pixels = 2.0
    """Radius of a match of stars once the shift between them is taken out."""
    min_matches: Count = 3
    """Least number of matched stars for a correction of positions."""
    max_order: Order = 2
    """Largest order of the correction of positions, a polynomial in x and y."""
    stars_per_term: Count = 5
    """Number of matched stars wanted for each coefficient of an axis; with fewer the order is
    lower."""
    n_sigma: Sigma = 3.0
    """Deviation of a matched star from the correction of positions beyond which it is clipped."""
    n_clips: Rounds = 5
    """Largest number of times that matched stars are clipped."""
    search_arcsec: Arcseconds = 60.0
    """Largest shift that is looked for where the stars are not in their places within
    search_pixels: as far as a telescope may miss."""
    search_stars: BrightStars = 300
    """Number of an image's brightest stars that are used in the search as far as search_arcsec."""
    max_distortion: Fraction = 0.03
    """Error of scale and angle, shift over distance, that the search as far as search_arcsec
    allows."""
    tested_stars: BrightStars = 200
    """Number of the brightest stars that are looked up in their places."""
    min_share: Fraction = 0.3
    """Least share of the tested_stars in their places; with less, images are not registered to each
    other."""
    max_difference: MagnitudeError = 2.0
    """Largest deviation of the difference of two magnitudes from that of other stars, for them to
    be of the same star."""


@dataclass(frozen=True)
class PixelCorrection:
    """A smooth displacement of pixel positions: polynomials in x and y, in pixels.

    Coefficients (n_terms,) are those of ``u^i v^j`` with ``i + j <= order``, in the order of
    ``monomials``, where ``u, v`` run from -1 to 1 over the image.
    """

    shape: Shape  # ny, nx
    order: int  # -1: nothing was fitted
    x_coefficients: np.ndarray = field(default_factory=lambda: np.zeros(0))
    y_coefficients: np.ndarray = field(default_factory=lambda: np.zeros(0))
    rms_pixels: float = np.nan  # of the matches used, one axis
    n_used: int = 0

    def displacement(self, x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """dx, dy in pixels at ``x, y`` (n,) pixels; zero where nothing was fitted."""
        if self.order < 0:
            return np.zeros(np.shape(x)), np.zeros(np.shape(x))
        terms = monomials(x, y, self.shape, self.order)
        return self.x_coefficients @ terms, self.y_coefficients @ terms

    def apply(self, x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Positions ``x, y`` (n,) in pixels, displaced."""
        dx, dy = self.displacement(x, y)
        return np.asarray(x) + dx, np.asarray(y) + dy

    def undo(
        self, x: FloatArray, y: FloatArray, n_iterations: int = 4
    ) -> tuple[FloatArray, FloatArray]:
        """Positions (n,) in pixels that ``apply`` takes to ``x, y``.

        By fixed-point iteration, which converges as the displacement changes little from pixel to
        pixel.
        """
        x0, y0 = x, y
        for _ in range(n_iterations):
            dx, dy = self.displacement(x0, y0)
            x0, y0 = x - dx, y - dy
        return x0, y0

    def as_json(self) -> dict[str, Any]:
        """The correction as JSON values."""
        return {
            "order": self.order,
            "x": list(map(float, self.x_coefficients)),
            "y": list(map(float, self.y_coefficients)),
            "rms_pixels": none_if_nan(float(self.rms_pixels)),
            "n_used": self.n_used,
        }

    @classmethod
    def from_json(
        cls,
        shape: Shape,
        values: dict[str, Any] | None,
    ) -> Self:
        """The correction from ``as_json`` for an image of this shape; the identity for None."""
        if not values:
            return cls(shape, -1)
        x, y = np.array(values["x"]), np.array(values["y"])
        rms = np.nan if values["rms_pixels"] is None else values["rms_pixels"]
        return cls(shape, values["order"], x, y, rms, values["n_used"])


@dataclass(frozen=True)
class RefinedWcs:
    """A header's WCS behind a correction of the pixel positions; ICRS degrees, pixels from 0.

    ``wcs`` is applied as it is: a TPV WCS reads as TAN after parsing, so nothing here asks for
    its kind. What the correction does in pixels is, to first order, a correction in the tangent
    plane on top of the header's distortion.
    """

    wcs: WCS
    correction: PixelCorrection

    def to_sky(self, x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Right ascension, 0 to 360, and declination in degrees at pixels ``x, y`` (n,)."""
        ra, dec = self.wcs.all_pix2world(*self.correction.apply(x, y), 0)
        return wrap_ra(ra), dec

    def to_pixels(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Pixel positions of ``ra, dec`` (n,) in degrees, two arrays (n,).

        NaN, or a wrong position, where the header's distortion has no inverse: far off the chip.
        """
        x, y = header_pixels(self.wcs, ra, dec)
        return self.correction.undo(x, y)


@dataclass(frozen=True)
class RegisteredWcs:
    """A RefinedWcs and the registration that follows it, from its pixels to the image's."""

    wcs: RefinedWcs
    registration: PixelCorrection

    def to_sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Right ascension, 0 to 360, and declination in degrees at the image's pixels (n,)."""
        return self.wcs.to_sky(*self.registration.undo(x, y))


def header_pixels(wcs: WCS, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pixel positions, two arrays (n,), of ``ra, dec`` (n,) degrees by the WCS as it stands.

    Quiet where it can't be inverted: what the last iteration had there, or NaN.
    """
    if len(ra) == 0:
        return np.zeros(0), np.zeros(0)
    return wcs.all_world2pix(ra, dec, 0, quiet=True)


def monomials(x: ArrayLike, y: ArrayLike, shape: Shape, order: int) -> FloatArray:
    """(n_terms, n) products ``u^i v^j``, ``i + j <= order``; no unit.

    ``u, v`` are the positions ``x, y`` (n,) in pixels, scaled so that an image of ``shape`` (ny,
    nx) runs from -1 to 1.
    """
    u = 2 * np.asarray(x) / max(shape[1] - 1, 1) - 1
    v = 2 * np.asarray(y) / max(shape[0] - 1, 1) - 1
    powers_u, powers_v = (_powers(c, order) for c in (u, v))
    return np.array(
        [powers_u[i] * powers_v[j] for i in range(order + 1) for j in range(order + 1 - i)]
    )


def _powers(values: FloatArray, order: int) -> list[FloatArray]:
    """Powers from 0 to an order, by products: a power of its own takes ten times as long."""
    powers = [np.ones_like(values)]
    for _ in range(order):
        powers.append(powers[-1] * values)
    return powers


def n_terms(order: int) -> int:
    """Number of monomials in two variables up to an order: a number, no unit."""
    return (order + 1) * (order + 2) // 2


def find_shift(
    x: FloatArray,
    y: FloatArray,
    x0: FloatArray,
    y0: FloatArray,
    radius: float,
    n_sigma: float = AstrometryOptions.shift_sigma,
) -> tuple[float, float] | None:
    """The shift that brings most of ``x, y`` onto ``x0, y0``: the peak of all pairs' offsets.

    Positions (n,) and (m,) and the result, two numbers, are in pixels. Pairs within ``radius``
    pixels are counted in cells of one pixel, smoothed over 3 x 3; the answer is the median of the
    pairs in the best cells. None if no place stands out from the chance pairs of unrelated stars
    by ``n_sigma``.
    """
    here, there = (cKDTree(np.column_stack(place)) for place in ((x, y), (x0, y0)))
    pairs = here.sparse_distance_matrix(there, radius, output_type="ndarray")
    if len(pairs) == 0:
        return None
    dx, dy = x0[pairs["j"]] - x[pairs["i"]], y0[pairs["j"]] - y[pairs["i"]]
    edges = np.arange(-np.ceil(radius) - 0.5, np.ceil(radius) + 1)
    counts, _, _ = np.histogram2d(dx, dy, bins=(edges, edges))
    padded = np.pad(counts, 1)
    smooth = np.sum(
        [padded[i : i + len(counts), j : j + len(counts)] for i in range(3) for j in range(3)],
        axis=0,
    )
    by_chance = 9 * len(dx) / (np.pi * radius**2)
    if smooth.max() < by_chance + n_sigma * np.sqrt(by_chance) + 1:
        return None
    i, j = np.unravel_index(np.argmax(smooth), smooth.shape)
    centre_x, centre_y = edges[i] + 0.5, edges[j] + 0.5
    inside = (np.abs(dx - centre_x) < 1.5) & (np.abs(dy - centre_y) < 1.5)
    return float(np.median(dx[inside])), float(np.median(dy[inside]))


def mutual_neighbours(
    x: FloatArray, y: FloatArray, x0: FloatArray, y0: FloatArray, radius: float
) -> tuple[IntArray, IntArray]:
    """Indices of mutual nearest neighbours closer than ``radius``: (into x, into x0), (k,) each.

    ``x, y`` (n,), ``x0, y0`` (m,) and ``radius`` are in pixels, and finite.
    """
    if len(x) == 0 or len(x0) == 0:
        return np.zeros(0, int), np.zeros(0, int)
    here, there = np.column_stack([x, y]), np.column_stack([x0, y0])
    distance, nearest = cKDTree(there).query(here, distance_upper_bound=radius)
    _, back = cKDTree(here).query(there)
    mutual = np.isfinite(distance)
    mutual[mutual] = back[nearest[mutual]] == np.flatnonzero(mutual)
    return np.flatnonzero(mutual), nearest[mutual]


def fit_pixel_correction(
    x: FloatArray,
    y: FloatArray,
    x0: FloatArray,
    y0: FloatArray,
    shape: Shape,
    options: AstrometryOptions = AstrometryOptions(),
) -> PixelCorrection:
    """The PixelCorrection that takes ``x, y`` to ``x0, y0``, which may be of other stars too.

    ``x, y`` (n,) and ``x0, y0`` (m,) are pixels of an image of ``shape`` (ny, nx). A common shift
    is found first, then the pairs, then a polynomial of the highest order for which there are
    enough, fitted with clipping. Without a shift that stands out, or with fewer than
    ``min_matches``, its order is -1.
    """
    if len(x) == 0 or len(x0) == 0:
        return PixelCorrection(shape, -1)
    shift = find_shift(x, y, x0, y0, options.search_pixels, options.shift_sigma)
    if shift is None:
        return PixelCorrection(shape, -1)
    index, index0 = mutual_neighbours(x + shift[0], y + shift[1], x0, y0, options.match_pixels)
    if len(index) < options.min_matches:
        return PixelCorrection(shape, -1)
    correction = _through(x[index], y[index], x0[index0], y0[index0], shape, options)
    # Where scale or angle are off, a shift matches the stars of a part of the image alone.
    for _ in range(MOST_GROWTHS):
        n_before = len(index)
        index, index0 = mutual_neighbours(*correction.apply(x, y), x0, y0, options.match_pixels)
        if len(index) < GROWTH * n_before:
            break
        correction = _through(x[index], y[index], x0[index0], y0[index0], shape, options)
    return correction


def _through(
    x: FloatArray,
    y: FloatArray,
    x0: FloatArray,
    y0: FloatArray,
    shape: Shape,
    options: AstrometryOptions,
) -> PixelCorrection:
    """The correction through stars at ``x, y`` that belong at ``x0, y0``, one by one."""
    return fit_polynomial(x, y, x0 - x, y0 - y, shape, options)


def fit_polynomial(
    x: FloatArray,
    y: FloatArray,
    dx: FloatArray,
    dy: FloatArray,
    shape: Shape,
    options: AstrometryOptions,
) -> PixelCorrection:
    """The PixelCorrection through displacements ``dx, dy`` of matches at ``x, y``, clipped.

    All four (n,) pixels, of an image of ``shape`` (ny, nx). Of ``max_order``, or less where there
    are fewer than ``stars_per_term`` matches for each term; matches further from the fit than
    ``n_sigma`` are left out, at most ``n_clips`` times.
    """
    order = options.max_order
    while order > 0 and len(x) < options.stars_per_term * n_terms(order):
        order -= 1
    terms = monomials(x, y, shape, order)
    use = np.ones(len(x), bool)
    for _ in range(options.n_clips):
        fit_x = np.linalg.lstsq(terms[:, use].T, dx[use], rcond=None)[0]
        fit_y = np.linalg.lstsq(terms[:, use].T, dy[use], rcond=None)[0]
        residual = np.hypot(dx - fit_x @ terms, dy - fit_y @ terms)
        # The median of a two-dimensional Gaussian's radius is 1.177 of one axis' sigma.
        sigma = np.median(residual[use]) / 1.1774
        kept = residual <= options.n_sigma * max(sigma, 1e-6) * np.sqrt(2)
        if np.array_equal(kept, use):
            break
        use = kept
    rms = float(np.sqrt(np.mean(residual[use] ** 2) / 2))
    return PixelCorrection(shape, order, fit_x, fit_y, rms, int(use.sum()))


def pixel_scale_arcsec(wcs: WCS, shape: Shape) -> float:
    """Side of a pixel in arcsec, a number: at the middle of an image of ``shape`` (ny, nx).

    The geometric mean of what a step of one pixel is along x and along y.
    """
    x, y = shape[1] / 2, shape[0] / 2
    ra, dec = wcs.all_pix2world([x, x + 1, x], [y, y, y + 1], 0)
    sky = SkyCoord(ra, dec, unit="deg")
    return float(np.sqrt(np.prod(sky[0].separation(sky[1:]).arcsec)))

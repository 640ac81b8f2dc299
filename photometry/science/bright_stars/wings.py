"""The light of saturated stars' wings, measured in rings round each, and their bleed trails.

A PSF that is fitted to fainter stars knows neither the aureole, which falls as r^-2 to r^-3 (King
1971, PASP 83, 199; Racine 1996, PASP 108, 699), nor trails of charge. What is measured here needs
no model of either: the median light of each ring is what a neighbour may have been given of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray
from photometry.science.bright_stars.options import BrightStarOptions
from photometry.science.bright_stars.saturated import SaturatedStars
from photometry.science.scatter import MAD_TO_SIGMA, MEDIAN_ERROR
from photometry.science.weighted_image import WeightedImage

# Set in the flags, beside those of MaskBit and SHARP, of what saturated stars' light may change.
IN_WINGS = 256

EDGES = 2.0 * 2 ** (np.arange(25) / 4)  # pixels, of rings: 2 to 128
RADII = np.sqrt(EDGES[:-1] * EDGES[1:])
RING_PIXELS = 200  # of a ring that are looked at, about
MIN_USABLE = 8  # pixels of a ring
RING_SIGMA = 5.0  # least significance of a star's light in a ring
CROWD_SHARE = 0.5  # of the pixels' scatter, by which the light of a crowd is uneven
NOISE_AREA = np.pi / (2 * np.log(2))  # 1 / sum of the squares of a Gaussian PSF, in FWHM^2

PIECE = 5  # pixels of a bleed trail that are looked at together
MIN_PIECES = 3  # of a trail in a row: a star has one or two
MAX_PIECES = 40
HALF_WIDTH = 1  # pixels of a trail on either side of its middle
FLANK = np.array([-6, -5, -4, 4, 5, 6])  # pixels from its middle
REACH_ACROSS = 2.5  # pixels from its middle within which sources have its light
TRAIL_START = 2.0  # times the radius from which on light is the wings'
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))  # x, y
# Pixels along and across a trail from its star on, (MAX_PIECES, PIECE, pixels across).
_ALONG = 1 + np.arange(MAX_PIECES * PIECE).reshape(MAX_PIECES, PIECE, 1)
_ACROSS = np.concatenate([np.arange(-HALF_WIDTH, HALF_WIDTH + 1), FLANK])
# From the star in all directions, (4 MAX_PIECES, PIECE, pixels across).
_TRAIL_DX = np.concatenate([_ALONG * u + _ACROSS * v for u, v in DIRECTIONS])
_TRAIL_DY = np.concatenate([_ALONG * v - _ACROSS * u for u, v in DIRECTIONS])
DISTANCE = _ALONG.mean(axis=(1, 2))  # of each piece from the star


@dataclass(frozen=True)
class StarWings:
    """The surroundings of n saturated stars, with k rings round each."""

    stars: SaturatedStars
    light: np.ndarray  # (n, k) ADU a pixel in each ring; 0 where there is none to see
    trails: np.ndarray  # (n, 4) pixels to the end of a bleed trail by direction; 0: none

    def light_at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """(m,) ADU a pixel of all stars' wings at ``x, y`` (m,) pixels."""
        total = np.zeros(len(x))
        lit = [np.flatnonzero(row) for row in self.light]
        reach = [EDGES[rings[-1] + 1] if len(rings) else 0.0 for rings in lit]
        for star, near in enumerate(self._near(x, y, np.array(reach))):
            distance = np.hypot(x[near] - self.stars.x[star], y[near] - self.stars.y[star])
            rings = lit[star]
            if len(rings):
                logs = np.log(RADII[rings]), np.log(self.light[star, rings])
                total[near] += np.exp(np.interp(np.log(np.maximum(distance, 1)), *logs))
        return total

    def trail_covers(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """(m,) whether ``x, y`` (m,) pixels lie on a bleed trail."""
        covered = np.zeros(len(x), bool)
        reach = self.trails.max(axis=1, initial=0)
        for star, near in enumerate(self._near(x, y, reach)):
            dx, dy = x[near] - self.stars.x[star], y[near] - self.stars.y[star]
            for (u, v), length in zip(DIRECTIONS, self.trails[star], strict=True):
                along, across = dx * u + dy * v, dx * v - dy * u
                on_it = (along > 0) & (along < length) & (np.abs(across) < REACH_ACROSS)
                covered[near[on_it]] = True
        return covered

    def _near(self, x: FloatArray, y: FloatArray, reach: FloatArray) -> list[np.ndarray]:
        """For each star, indices of what lies within ``reach`` (n,) pixels of it."""
        if len(x) == 0 or len(self.stars) == 0:
            return []
        centres = np.column_stack([self.stars.x, self.stars.y])
        tree = cKDTree(np.column_stack([x, y]), balanced_tree=False, compact_nodes=False)
        found = tree.query_ball_point(centres, reach)
        return [np.asarray(members, int) for members in found]


@dataclass(frozen=True)
class MeasuredStars:
    """Stars that a fit has measured; (m,), pixels and ADU."""

    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray


def is_in_wings(
    wings: StarWings,
    stars: MeasuredStars,
    fwhm_pixels: float,
    options: BrightStarOptions = BrightStarOptions(),
) -> BoolArray:
    """(m,) whether the light of saturated stars could be a change of MeasuredStars.

    Light of u ADU a pixel adds ``u / sum(P^2)`` to a flux that is fitted with a PSF P. Where that
    is ``wing_sigma`` of a star's flux and ``wing_share`` of it, a share of the wings that goes to
    the star on one image and to its neighbours on another would be a change. So the distance from a
    saturated star within which others are doubtful grows with its flux, and falls with theirs.
    """
    added = wings.light_at(stars.x, stars.y) * NOISE_AREA * fwhm_pixels**2
    with np.errstate(invalid="ignore"):
        lit = added > options.wing_sigma * stars.flux_err
        lit &= added > options.wing_share * stars.flux
    return lit | wings.trail_covers(stars.x, stars.y)


def measure_wings(
    image: WeightedImage,
    stars: SaturatedStars,
    fwhm_pixels: float,
    options: BrightStarOptions = BrightStarOptions(),
) -> StarWings:
    """The StarWings of SaturatedStars on a WeightedImage in ADU without its sky."""
    level = _crowd_level(image)
    inner = np.maximum(stars.radius + 1, options.inner_fwhm * fwhm_pixels)
    light, trails = np.zeros((len(stars), len(RADII))), np.zeros((len(stars), len(DIRECTIONS)))
    for star, place in enumerate(zip(stars.x, stars.y, strict=True)):
        x, y = (round(float(z)) for z in place)
        rings = _rings_round(image, x, y)
        light[star] = _light(rings, level, EDGES[:-1] >= inner[star])
        if np.isfinite(rings.middle).any():
            is_far = TRAIL_START * inner[star] < DISTANCE
            trails[star] = _trail_lengths(image, (x, y), rings, is_far, options.trail_sigma)
    return StarWings(stars, light, trails)


@dataclass(frozen=True)
class _Rings:
    """What is seen in each ring round a place; (k,), ADU, NaN where little is usable."""

    middle: np.ndarray  # medians
    scatter: np.ndarray  # of pixels
    error: np.ndarray  # of the medians


def _crowd_level(image: WeightedImage) -> float:
    """The median of pixels in ADU: of stars that are too faint to be told from the sky."""
    values = image.data[::7, ::3][image.weight[::7, ::3] > 0]
    return float(np.median(values)) if len(values) else 0.0


def _ring_offsets() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(k, m) pixels dx and dy of k rings from their middle, and whether they are a ring's."""
    half = int(np.ceil(EDGES[-1]))
    axis = np.arange(-half, half + 1)
    ring = np.searchsorted(EDGES, np.hypot(axis, axis[:, None]), side="right") - 1
    chosen = []
    for k in range(len(RADII)):
        pixels = np.argwhere(ring == k) - half
        chosen.append(pixels[:: max(1, len(pixels) // RING_PIXELS)])
    offsets = np.zeros((2, len(RADII), max(map(len, chosen))), int)
    is_filled = np.zeros(offsets.shape[1:], bool)
    for k, pixels in enumerate(chosen):
        offsets[:, k, : len(pixels)] = pixels[:, ::-1].T
        is_filled[k, : len(pixels)] = True
    return offsets[0], offsets[1], is_filled


_DX, _DY, _IS_IN_RING = _ring_offsets()
_DISTANCES = np.hypot(_DX, _DY)  # pixels
# Pixels, of all that is looked at of a star.
FARTHEST = int(max(np.abs(offsets).max() for offsets in (_DX, _DY, _TRAIL_DX, _TRAIL_DY)))


def _values(
    image: WeightedImage, place: tuple[int, int], dx: np.ndarray, dy: np.ndarray
) -> np.ndarray:
    """ADU at pixels no farther than FARTHEST from a place; NaN off the image or where unusable."""
    (x, y), (ny, nx) = place, image.data.shape
    if FARTHEST <= x < nx - FARTHEST and FARTHEST <= y < ny - FARTHEST:
        pixels = (y * nx + x) + (dy * nx + dx)
        return np.where(image.weight.take(pixels) > 0, image.data.take(pixels), np.nan)
    column, row = x + dx, y + dy
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    return np.where(inside & (image.weight[row, column] > 0), image.data[row, column], np.nan)


def _rings_round(image: WeightedImage, x: int, y: int) -> _Rings:
    values = np.where(_IS_IN_RING, _values(image, (x, y), _DX, _DY), np.nan)
    usable = np.isfinite(values).sum(axis=1)
    known = usable >= MIN_USABLE
    middle = np.where(known, _row_medians(values), np.nan)
    if not known.any():
        return _Rings(middle, middle, middle)
    # The scatter is that about what falls within a ring.
    expected = np.interp(_DISTANCES, RADII[known], middle[known])
    scatter = np.where(known, MAD_TO_SIGMA * _row_medians(np.abs(values - expected)), np.nan)
    return _Rings(middle, scatter, MEDIAN_ERROR * scatter / np.sqrt(np.maximum(usable, 1)))


def _row_medians(values: np.ndarray) -> np.ndarray:
    """(k,) medians of the rows of ``values`` (k, m), NaN left out; NaN where there is nothing."""
    ordered = np.sort(values, axis=1)  # NaN at the end
    last = np.maximum(np.isfinite(values).sum(axis=1) - 1, 0)
    row = np.arange(len(values))
    middle: np.ndarray = (ordered[row, last // 2] + ordered[row, (last + 1) // 2]) / 2
    return middle


def _light(rings: _Rings, level: float, is_outside: BoolArray) -> FloatArray:
    """(k,) ADU a pixel above the crowd's ``level`` in the rings outside of a star.

    Wings don't rise outwards: where a ring does, it has another star's light. They end at the first
    ring that isn't significant.
    """
    light = rings.middle - level
    quietest = np.min(rings.scatter, where=np.isfinite(rings.scatter), initial=np.inf)
    with np.errstate(invalid="ignore"):
        is_seen = light > RING_SIGMA * rings.error + CROWD_SHARE * quietest
    known = np.flatnonzero(is_outside & np.isfinite(light))
    ends = known[~is_seen[known]]
    known = known[known < ends[0]] if len(ends) else known
    found = np.zeros(len(RADII))
    found[known] = np.minimum.accumulate(light[known])
    return found


def _trail_lengths(
    image: WeightedImage, place: tuple[int, int], rings: _Rings, is_far: BoolArray, sigma: float
) -> FloatArray:
    """(4,) pixels to which a bleed trail goes in each of the DIRECTIONS; 0 where there is none.

    ``is_far`` (MAX_PIECES,) says which pieces tell of it: too near its star, light falls too fast.
    A piece of a trail is brighter than the pixels on either side, and than those as far from the
    star. Across the trail its pixels have the same stars, and so the same noise.
    """
    known = np.isfinite(rings.middle)
    ring, scatter = (
        np.interp(DISTANCE, RADII[known], values[known]) for values in (rings.middle, rings.scatter)
    )
    least = sigma * MEDIAN_ERROR * scatter / np.sqrt(PIECE)
    values = _values(image, place, _TRAIL_DX, _TRAIL_DY)
    trail, flank = np.split(values, [2 * HALF_WIDTH + 1], axis=2)
    shape = len(DIRECTIONS), MAX_PIECES
    middle = np.where(is_far, _piece_medians(trail).reshape(shape), np.nan)
    excess = middle - np.fmax(_piece_medians(flank).reshape(shape), ring)
    return np.array([_run_length(*one) for one in zip(excess > least, middle, strict=True)])


def _piece_medians(values: np.ndarray) -> np.ndarray:
    """Medians of the usable pixels of each piece; NaN where these are less than half."""
    flat = values.reshape(len(values), -1)
    usable = np.isfinite(flat).sum(axis=1)
    return np.where(usable >= flat.shape[1] / 2, _row_medians(flat), np.nan)


def _run_length(is_bright: BoolArray, light: FloatArray) -> float:
    """Pixels to the end of the pieces that are bright from the star on, unusable ones passed over.

    0 with fewer than MIN_PIECES.
    """
    known = np.flatnonzero(np.isfinite(light))
    dark = np.flatnonzero(~is_bright[known])
    run = known[: dark[0]] if len(dark) else known
    return float(1 + PIECE * (run[-1] + 1)) if len(run) >= MIN_PIECES else 0.0

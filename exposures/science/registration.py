"""Registration: whether stars are at their expected positions, and wide shifts if not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, Index, Shape
from exposures.science.astrometry import (
    AstrometryOptions,
    PixelCorrection,
    fit_polynomial,
    mutual_neighbours,
)

MIN_TESTED = 5  # stars; of fewer, chance may find all
SURE_SHARE = 0.8  # of stars in their places, from which on no better correction is looked for
MIN_GAIN = 0.1  # of that share, by which another correction has to be better
N_SIGMA = 5.0  # by which more stars than by chance have to be found
MAX_BINS = 512  # on either side of no shift, so that a map of shifts stays small
PEAKS_PER_WIDTH = 3  # of a map of shifts that are tried
MOST_TIMES = 10.0  # as many stars are taken of the list that covers more sky
MAX_STEPS = 12  # of growing a match from where it was found


@dataclass(frozen=True)
class StarList:
    """Stars on the pixels of an image; arrays (n,)."""

    x: np.ndarray  # pixels
    y: np.ndarray
    mag: np.ndarray  # of any zero point; NaN where unknown
    is_clean: np.ndarray  # bool, whose positions are good

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Index) -> "StarList":
        """The StarList of an index: indices (k,), or a mask (n,) of bool."""
        return StarList(self.x[index], self.y[index], self.mag[index], self.is_clean[index])

    def limited_to(self, n: int) -> "StarList":
        """The ``n`` brightest, the brightest first; those of unknown magnitude (NaN) come last.

        Or all, in that order, arrays (n,) where there are fewer.
        """
        return self.select(np.argsort(self.mag, kind="stable")[:n])

    def moved(self, correction: PixelCorrection) -> "StarList":
        """The stars with positions (n,) in pixels moved by a PixelCorrection."""
        x, y = correction.apply(self.x, self.y)
        return replace(self, x=x, y=y)


@dataclass(frozen=True)
class Agreement:
    """How many of the brightest expected stars were found at their positions."""

    n_tested: int = 0
    n_found: int = 0
    by_chance: float = 0.0  # that unrelated stars would give

    @property
    def share(self) -> float:
        """The share found, corrected for chance: 0 to 1; NaN if too few were tested."""
        if self.n_tested < MIN_TESTED or self.by_chance >= self.n_tested:
            return np.nan
        return max(0.0, (self.n_found - self.by_chance) / (self.n_tested - self.by_chance))

    def is_registered(self, options: AstrometryOptions) -> bool:
        """Whether enough stars are at their positions; false if too few were tested."""
        enough = self.by_chance + N_SIGMA * np.sqrt(self.by_chance) + MIN_TESTED - 1
        return bool(self.share >= options.min_share and self.n_found >= enough)

    def judged(self, correction: PixelCorrection, options: AstrometryOptions) -> PixelCorrection:
        """The correction, or an empty one of order -1 if fewer than ``min_share`` are confirmed.

        A share that is NaN, as too few stars were tested, leaves the correction as it is.
        """
        if self.share < options.min_share:
            return PixelCorrection(correction.shape, -1)
        return correction


@dataclass(frozen=True)
class Displacement:
    """The error of a WCS: its linear part at the centre of an image."""

    pixels: float
    turn_degrees: float
    scale: float  # 1 where it was right

    def describe(self, scale_arcsec: float) -> str:
        """The displacement in words, for a pixel scale in arcsec."""
        turn, part = abs(self.turn_degrees), abs(self.scale - 1)
        return (
            f"the header's WCS was off by {self.pixels * scale_arcsec:.1f} arcsec"
            + f", turned by {turn:.2f} degrees" * (turn >= 0.05)
            + f", its scale by {part:.2%}" * (part >= 1e-3)
        )


def displacement(
    to_image: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]], shape: Shape
) -> Displacement:
    """The Displacement of a function from pixels x, y by the header to those of the image.

    ``to_image(x, y)`` takes and gives arrays (n,); ``shape`` (ny, nx) is that of the image. Of the
    affine map that differences over half of the shorter side give, the angle and the scale are
    those of its part that keeps angles.
    """
    ny, nx = shape
    middle, half = np.array([nx, ny]) / 2 - 0.5, min(nx, ny) / 4
    steps = half * np.array([[0, 1, -1, 0, 0], [0, 0, 0, 1, -1]])
    x, y = to_image(*(middle[:, None] + steps))
    along_x = ((x[1] - x[2]) + 1j * (y[1] - y[2])) / (2 * half)
    along_y = ((y[3] - y[4]) - 1j * (x[3] - x[4])) / (2 * half)
    mean = (along_x + along_y) / 2
    pixels = float(np.hypot(x[0] - middle[0], y[0] - middle[1]))
    return Displacement(pixels, float(np.degrees(np.angle(mean))), float(abs(mean)))


def agreement(
    expected: StarList,
    found: StarList,
    usable: BoolArray,
    options: AstrometryOptions = AstrometryOptions(),
) -> Agreement:
    """The Agreement of expected stars with those found on an image, both StarLists.

    ``usable`` (ny, nx) bool says which pixels are: stars expected elsewhere, or at NaN, are not
    tested. As many are tested as were found on the part of the image where stars are expected, so
    that an image may be less deep than the list. One is found where a star within ``match_pixels``
    differs from it in magnitude as the others do, to ``max_difference``; only stars about as bright
    count.
    """
    ny, nx = usable.shape
    with np.errstate(invalid="ignore"):
        inside = (expected.x > -0.5) & (expected.x < nx - 0.5)
        inside &= (expected.y > -0.5) & (expected.y < ny - 0.5) & expected.is_clean
    expected = expected.select(inside)
    on_usable = usable[np.rint(expected.y).astype(int), np.rint(expected.x).astype(int)]
    expected = expected.select(on_usable)
    if len(expected) == 0 or len(found) == 0:
        return Agreement(0)
    shared = (found.x >= expected.x.min()) & (found.x <= expected.x.max())
    shared &= (found.y >= expected.y.min()) & (found.y <= expected.y.max())
    tested = expected.limited_to(min(options.tested_stars, max(int(shared.sum()), 1)))
    found = found.limited_to(4 * len(tested) * max(1, len(found) // max(int(shared.sum()), 1)))
    index, index0 = mutual_neighbours(tested.x, tested.y, found.x, found.y, options.match_pixels)
    difference = found.mag[index0] - tested.mag[index]
    known = np.isfinite(difference)
    middle = np.median(difference[known]) if known.any() else 0.0
    n_found = int((~known | (np.abs(difference - middle) <= options.max_difference)).sum())
    by_chance = len(tested) * len(found) * np.pi * options.match_pixels**2 / (nx * ny)
    return Agreement(len(tested), n_found, float(by_chance))


def register(
    near: PixelCorrection,
    ours: StarList,
    theirs: StarList,
    reach_pixels: float,
    agreement_of: Callable[[PixelCorrection], Agreement],
    options: AstrometryOptions = AstrometryOptions(),
) -> tuple[PixelCorrection, Agreement]:
    """The PixelCorrection that takes StarList ``ours`` to ``theirs``, and its Agreement.

    The lists are of (n,) and (m,) stars, positions in pixels. ``near`` is the correction that
    ``fit_pixel_correction`` found within ``search_pixels``; it is kept where
    ``agreement_of(near)``, an Agreement, says that the stars are in their places, or where no other
    is clearly better. Shifts of up to ``reach_pixels`` are tried, best first: those by which many
    pairs of bright stars differ, in maps of several widths of a bin, since a wrong scale or angle
    blurs the peak. From there the match is grown over the image. Where most stars are elsewhere all
    the same, there is no correction: its order is -1.
    """
    best = near, agreement_of(near)
    if best[1].share >= SURE_SHARE:
        return best
    lists = ours.select(ours.is_clean), theirs.select(theirs.is_clean)
    bright = _as_bright(ours, theirs, options.search_stars)
    for shift, width in _shifts(ours, theirs, reach_pixels, max(near.shape), options):
        if best[0] is not near and _is_shift_of(best[0], shift, width):
            continue  # found before, in a map of other bins
        start = PixelCorrection(near.shape, 0, np.array(shift[:1]), np.array(shift[1:]))
        linear = _grown(*bright, start, width, options)
        if linear.order >= 0 and agreement_of(linear).is_registered(options):
            correction = _of_all(*lists, linear, options)
            best = _better(best, (correction, agreement_of(correction)), options)
        if best[1].share >= SURE_SHARE:
            break
    return best[1].judged(best[0], options), best[1]


def register_on_image(
    near: PixelCorrection,
    expected: StarList,
    found: StarList,
    usable: BoolArray,
    reach_pixels: float,
    options: AstrometryOptions = AstrometryOptions(),
) -> tuple[PixelCorrection, Agreement]:
    """``register`` for stars expected on an image, by a WCS, and those found there.

    Both are StarLists; ``usable`` (ny, nx) bool says which of its pixels are, and ``reach_pixels``
    how far stars are looked for. Expected stars without a place, NaN, are left out.
    """
    expected = expected.select(np.isfinite(expected.x) & np.isfinite(expected.y))

    def agreement_of(correction: PixelCorrection) -> Agreement:
        return agreement(expected.moved(correction), found, usable, options)

    return register(near, expected, found, reach_pixels, agreement_of, options)


def _better(
    one: tuple[PixelCorrection, Agreement],
    other: tuple[PixelCorrection, Agreement],
    options: AstrometryOptions,
) -> tuple[PixelCorrection, Agreement]:
    """The one of two (correction, Agreement) that confirms more stars."""
    if not other[1].is_registered(options):
        return one
    is_more = not one[1].is_registered(options) or other[1].share > one[1].share + MIN_GAIN
    return other if is_more else one


def _shifts(
    ours: StarList, theirs: StarList, reach: float, side: int, options: AstrometryOptions
) -> list[tuple[tuple[float, float], float]]:
    """((dx, dy), width) of shifts above chance, the most significant first."""
    clean = ours.select(ours.is_clean), theirs.select(theirs.is_clean)
    found: list[tuple[float, tuple[float, float], float]] = []
    # All, too: what is bright and clean on one may be saturated on the other.
    for one, other in (clean, (ours, theirs)):
        if min(len(one), len(other)) >= options.min_matches:
            bright = _as_bright(one, other, options.search_stars)
            found += _peaks(*bright, reach, side, options)
    found.sort(key=lambda peak: -peak[0])
    return [(shift, width) for _, shift, width in found]


def _as_bright(one: StarList, other: StarList, n: int) -> tuple[StarList, StarList]:
    """The brightest stars of two lists to one density, ``n`` on the smaller area."""
    ratio = max(_area(one), 1.0) / max(_area(other), 1.0)
    ratio = np.clip(ratio, 1 / MOST_TIMES, MOST_TIMES)
    return one.limited_to(int(n * max(ratio, 1))), other.limited_to(int(n * max(1 / ratio, 1)))


def _area(stars: StarList) -> float:
    return float(np.ptp(stars.x) * np.ptp(stars.y)) if len(stars) else 0.0


def _peaks(
    ours: StarList, theirs: StarList, reach: float, side: int, options: AstrometryOptions
) -> Iterator[tuple[float, tuple[float, float], float]]:
    """(significance, (dx, dy), width) of the peaks of maps of the shifts between two lists."""
    tree = cKDTree(np.column_stack([ours.x, ours.y]))
    near = tree.query_ball_point(np.column_stack([theirs.x, theirs.y]), reach)
    index0 = np.repeat(np.arange(len(theirs)), [len(n) for n in near])
    if len(index0) == 0:
        return
    index = np.concatenate([n for n in near if n]).astype(int)
    dx, dy = theirs.x[index0] - ours.x[index], theirs.y[index0] - ours.y[index]
    bin_pixels = max(1.0, reach / MAX_BINS)
    while True:
        yield from _peaks_of_map(dx, dy, reach, bin_pixels, options)
        if 3 * bin_pixels > options.max_distortion * side or 3 * bin_pixels > reach:
            return
        bin_pixels *= 2


def _peaks_of_map(
    dx: FloatArray, dy: FloatArray, reach: float, bin_pixels: float, options: AstrometryOptions
) -> Iterator[tuple[float, tuple[float, float], float]]:
    n_bins = int(np.ceil(reach / bin_pixels))
    edges = bin_pixels * (np.arange(-n_bins, n_bins + 2) - 0.5)
    counts, _, _ = np.histogram2d(dx, dy, bins=(edges, edges))
    padded, n = np.pad(counts, 1), len(counts)
    smooth = np.sum([padded[i : i + n, j : j + n] for i in range(3) for j in range(3)], axis=0)
    width = 1.5 * bin_pixels
    by_chance = len(dx) * (2 * width) ** 2 / (np.pi * reach**2)
    for _ in range(PEAKS_PER_WIDTH):
        i, j = np.unravel_index(np.argmax(smooth), smooth.shape)
        excess = smooth[i, j] - by_chance
        if excess < options.shift_sigma * np.sqrt(by_chance) + 1:
            return
        inside = np.abs(dx - edges[i] - bin_pixels / 2) < width
        inside &= np.abs(dy - edges[j] - bin_pixels / 2) < width
        shift = float(np.median(dx[inside])), float(np.median(dy[inside]))
        yield excess / np.sqrt(by_chance + 1), shift, width
        smooth[max(i - 3, 0) : i + 4, max(j - 3, 0) : j + 4] = 0


def _is_shift_of(correction: PixelCorrection, shift: tuple[float, float], width: float) -> bool:
    """Whether a correction has a shift, good to ``width`` pixels, in the middle of the image."""
    ny, nx = correction.shape
    dx, dy = correction.displacement(np.array([nx / 2]), np.array([ny / 2]))
    return bool(np.hypot(dx[0] - shift[0], dy[0] - shift[1]) < 2 * width)


def _grown(
    ours: StarList,
    theirs: StarList,
    correction: PixelCorrection,
    width: float,
    options: AstrometryOptions,
) -> PixelCorrection:
    """A linear correction from one that is good to ``width`` pixels somewhere on the image.

    The match grows outwards from where the shift is right.
    """
    linear = replace(options, max_order=1)
    n_before, radius = 0, max(width, options.match_pixels)
    for _ in range(MAX_STEPS):
        correction, n = _matched(ours, theirs, correction, radius, linear)
        if correction.order < 0 or (radius <= options.match_pixels and n <= n_before):
            break
        n_before, radius = n, max(radius / 2, options.match_pixels)
    return correction


def _of_all(
    ours: StarList, theirs: StarList, correction: PixelCorrection, options: AstrometryOptions
) -> PixelCorrection:
    """The correction of ``options.max_order`` through all stars from one that is nearly right."""
    for _ in range(2):
        correction, _ = _matched(ours, theirs, correction, options.match_pixels, options)
    return correction


def matched_again(
    ours: StarList, theirs: StarList, correction: PixelCorrection, options: AstrometryOptions
) -> PixelCorrection:
    """The PixelCorrection from ``ours`` to better places ``theirs`` of the same stars.

    Both are StarLists, in pixels; ``correction`` is nearly right, and is kept where fewer than
    ``min_matches`` stars match.
    """
    better = _of_all(ours, theirs, correction, options)
    return correction if better.order < 0 else better


def _matched(
    ours: StarList,
    theirs: StarList,
    correction: PixelCorrection,
    radius: float,
    options: AstrometryOptions,
) -> tuple[PixelCorrection, int]:
    """The correction through the pairs that another makes, and their number."""
    if correction.order < 0:
        return correction, 0
    moved = ours.moved(correction)
    index, index0 = mutual_neighbours(moved.x, moved.y, theirs.x, theirs.y, radius)
    if len(index) < options.min_matches:
        return PixelCorrection(correction.shape, -1), 0
    x, y = ours.x[index], ours.y[index]
    dx, dy = theirs.x[index0] - x, theirs.y[index0] - y
    return fit_polynomial(x, y, dx, dy, correction.shape, options), len(index)

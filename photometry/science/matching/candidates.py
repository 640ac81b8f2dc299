"""Which published stars each source may be: one alone, or several that are one on the image."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import log_expit

from exposures.science.arrays import BoolArray, FloatArray, Index, IntArray
from photometry.science.crossmatch.options import CrossMatchOptions
from photometry.science.matching.binning import sums
from photometry.science.matching.neighbours import pairs_within

MOST_HIDDEN = 2  # stars in the light of a brighter one, that are told apart from it
SHARP = 0.3  # of the seeing: with worse positions than that, blends are not told apart


# Of two stars' colours: deviations of their difference in sigma, and how probable each is.
@dataclass(frozen=True)
class Deviate:
    """A deviation in sigma that stands for all in an interval, and the log of its probability."""

    sigma: float
    log_prior: float
    width: float  # sigma of the interval


OFF = (-2.0, -1.0, 0.0, 1.0, 2.0)
TOTAL = sum(np.exp(-0.5 * off**2) for off in OFF)
DEVIATES = tuple(Deviate(off, -0.5 * off**2 - float(np.log(TOTAL)), 12**-0.5) for off in OFF)
NO_DEVIATE = (Deviate(0.0, 0.0, 1.0),)
ALIKE = 3.0  # sigma of a difference of colours, beyond which the fainter star is so in any band
LN_FLUX_A_MAG = 0.4 * np.log(10)


@dataclass(frozen=True)
class Places:
    """Stars on the plane; arrays (n,)."""

    place: np.ndarray  # (n, 2) arcsec
    error: np.ndarray  # (n, 2) arcsec
    mag: np.ndarray  # NaN where unknown

    def __len__(self) -> int:
        return len(self.place)


@dataclass(frozen=True)
class Candidates:
    """What each source may be; arrays (n,), a row for each source and star or stars in it."""

    source: np.ndarray  # index
    other: np.ndarray  # index of a fainter source whose light their star has, too, -1 for none
    stars: np.ndarray  # (n, 1 + MOST_HIDDEN) indices, the brightest on the image first, -1 for none
    offset: np.ndarray  # (n, 2) arcsec, of the source from their centre of light
    mag: np.ndarray  # published, of all together, and of the source alone
    error: np.ndarray  # arcsec, that their colours add to the place of their centre of light
    log_prior: np.ndarray  # natural log of the probability that they are seen as one, or apart

    @property
    def star(self) -> IntArray:
        """(n,) index of the star that gives most of the light."""
        return self.stars[:, 0]

    @property
    def is_single(self) -> BoolArray:
        """(n,) whether one star is one source, without units."""
        return (self.stars[:, 1] < 0) & (self.other < 0)

    def __len__(self) -> int:
        return len(self.source)

    def select(self, rows: Index) -> "Candidates":
        """Those at ``rows``: indices (k,), or bool (n,)."""
        return Candidates(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Blends:
    """Published stars so near each other that an image may have one source of them; (n,)."""

    stars: np.ndarray  # (n, 1 + MOST_HIDDEN) indices, the brightest on the image first, -1 for none
    shift: np.ndarray  # (n, 2) arcsec, of their centre of light from the brightest
    mag: np.ndarray  # of all together
    error: np.ndarray  # arcsec, that their colours add to the place of their centre of light
    log_prior: np.ndarray  # of being one source, with such colours

    def select(self, rows: Index) -> "Blends":
        """Those at ``rows``: indices (k,), or bool (n,)."""
        return Blends(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Seeing:
    """How near to each other stars are told apart; 0 where that is not known."""

    own_arcsec: float  # FWHM of the image
    published_arcsec: float  # FWHM of images that resolve stars as the catalogue does


def candidates_of(
    sources: Places,
    stars: Places,
    radius: FloatArray,
    seeing: Seeing,
    options: CrossMatchOptions,
) -> Candidates:
    """The Candidates of n sources among m published stars.

    ``radius`` (m,) arcsec is how far from a star its source may be. A source may be a blend of
    several stars, and a star one of several sources: as ``hidden_stars`` has it of either.
    """
    own = _own_candidates(sources.place, stars, radius, seeing.own_arcsec, options)
    if not seeing.published_arcsec:
        return own
    return _joined([own, _merged_candidates(sources, stars, radius, seeing, options)])


def _merged_candidates(
    sources: Places,
    stars: Places,
    radius: FloatArray,
    seeing: Seeing,
    options: CrossMatchOptions,
) -> Candidates:
    """Candidates of which the published star has the light of two sources."""
    blends, _ = hidden_stars(sources, seeing.published_arcsec, options)
    blends = blends.select(blends.stars[:, 2] < 0)
    main, other = blends.stars[:, 0], blends.stars[:, 1]
    centre = sources.place[main] + blends.shift
    blend, star = pairs_within(centre, stars.place, radius)
    alone = np.full((len(star), 1 + MOST_HIDDEN), -1)
    alone[:, 0] = star
    return Candidates(
        main[blend],
        other[blend],
        alone,
        centre[blend] - stars.place[star],
        stars.mag[star] + sources.mag[main[blend]] - blends.mag[blend],
        blends.error[blend],
        blends.log_prior[blend],
    )


def _own_candidates(
    places: FloatArray,
    stars: Places,
    radius: FloatArray,
    fwhm_arcsec: float,
    options: CrossMatchOptions,
) -> Candidates:
    """Candidates that are one star, or a blend of several on the image."""
    blends, log_apart = hidden_stars(stars, fwhm_arcsec, options)
    shift = np.zeros(len(stars))
    np.maximum.at(shift, blends.stars[:, 0], np.linalg.norm(blends.shift, axis=1))
    source, star = pairs_within(places, stars.place, radius + shift)
    offset = places[source] - stars.place[star]
    alone = np.full((len(star), 1 + MOST_HIDDEN), -1)
    alone[:, 0] = star
    near = np.linalg.norm(offset, axis=1) <= radius[star]
    no_error, no_other = np.zeros(len(star)), np.full(len(star), -1)
    singles = Candidates(
        source, no_other, alone, offset, stars.mag[star], no_error, log_apart[star]
    )
    pair, blend = _repeated(star, blends.stars[:, 0], len(stars))
    moved = offset[pair] - blends.shift[blend]
    several = Candidates(
        source[pair],
        np.full(len(pair), -1),
        blends.stars[blend],
        moved,
        *(getattr(blends, name)[blend] for name in ("mag", "error", "log_prior")),
    ).select(np.linalg.norm(moved, axis=1) <= radius[star[pair]])
    return _joined([singles.select(near), several])


def hidden_stars(
    stars: Places, fwhm_arcsec: float, options: CrossMatchOptions
) -> tuple[Blends, FloatArray]:
    """The Blends of n stars, and the log of the probability (n,) that each is seen apart.

    Two stars are one source of the image the more probably the nearer they are, as
    CrossMatchOptions have it, in its seeing of ``fwhm_arcsec``. The source lies at their centre of
    light; a star with a share of less than ``blend_share`` of it does not count.
    """
    faint, bright, distance = _near_brighter(stars, fwhm_arcsec, options)
    log_one = options.blend_log_odds(distance / fwhm_arcsec)
    log_apart = sums(faint, log_expit(-log_one), len(stars))
    fainter = stars.mag[faint] - stars.mag[bright]
    order = np.lexsort((fainter, bright))
    order = order[10 ** (-0.4 * fainter[order]) >= options.blend_share]
    faint, bright, fainter = faint[order], bright[order], fainter[order]
    log_one = log_expit(log_one[order])
    rank = np.arange(len(bright)) - np.searchsorted(bright, bright)
    third = np.flatnonzero(rank == 1)
    pairs = []
    alike = fainter < ALIKE * np.sqrt(2) * options.colour_scatter
    for chosen, deviates in ((alike, DEVIATES), (~alike, NO_DEVIATE)):
        few = np.flatnonzero((rank < MOST_HIDDEN) & chosen)
        of = bright[few], faint[few], log_one[few]
        pairs += [_pair_blends(stars, *of, deviate, options) for deviate in deviates]
    return _joined([*pairs, _triple_blends(stars, bright, faint, log_one, third)]), log_apart


def _pair_blends(
    stars: Places,
    bright: IntArray,
    faint: IntArray,
    log_one: FloatArray,
    deviate: Deviate,
    options: CrossMatchOptions,
) -> Blends:
    """Blends of two stars whose colours differ by one of the deviates.

    The one that is brighter in the catalogue need not be so on the image.
    """
    step = np.sqrt(2) * options.colour_scatter
    fainter = stars.mag[faint] - stars.mag[bright] + deviate.sigma * step
    swapped = fainter < 0
    main, other = np.where(swapped, faint, bright), np.where(swapped, bright, faint)
    ratio = 10 ** (-0.4 * np.abs(fainter))
    share = ratio / (1 + ratio)
    way = stars.place[other] - stars.place[main]
    mag = stars.mag[bright] - 2.5 * np.log10(
        1 + 10 ** (-0.4 * (stars.mag[faint] - stars.mag[bright]))
    )
    # Uniform between one deviate and the next.
    error = np.linalg.norm(way, axis=1) * share * (1 - share) * LN_FLUX_A_MAG * step * deviate.width
    members = np.column_stack([main, other, np.full(len(main), -1)])
    return Blends(members, share[:, None] * way, mag, error, log_one + deviate.log_prior)


def _triple_blends(
    stars: Places, bright: IntArray, faint: IntArray, log_one: FloatArray, rows: IntArray
) -> Blends:
    """Blends of three, from the rows of the third; that of the second stands before each."""
    members = np.column_stack([bright[rows], faint[rows - 1], faint[rows]])
    light = 10 ** (-0.4 * (stars.mag[members] - stars.mag[members[:, :1]]))
    total = light.sum(axis=1)
    centre = (light[..., None] * stars.place[members]).sum(axis=1) / total[:, None]
    shift = centre - stars.place[members[:, 0]]
    mag = stars.mag[members[:, 0]] - 2.5 * np.log10(total)
    return Blends(members, shift, mag, np.zeros(len(rows)), log_one[rows] + log_one[rows - 1])


def _joined(parts: list[Any]) -> Any:
    """Several of one class of arrays as one."""
    one = type(parts[0])
    return one(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(one))
    )


def _near_brighter(
    stars: Places, fwhm_arcsec: float, options: CrossMatchOptions
) -> tuple[IntArray, IntArray, FloatArray]:
    """(p,) fainter star, brighter star, and their distance in arcsec, of those that may be one."""
    sharp = np.flatnonzero(
        np.isfinite(stars.mag) & (stars.error.max(axis=1) <= SHARP * fwhm_arcsec)
    )
    near = cKDTree(stars.place[sharp]).query_pairs(
        options.blend_reach(fwhm_arcsec), output_type="ndarray"
    )
    pairs = sharp[near.reshape(-1, 2)]
    swapped = stars.mag[pairs[:, 0]] < stars.mag[pairs[:, 1]]
    faint, bright = np.where(swapped[:, None], pairs[:, ::-1], pairs).T
    return faint, bright, np.linalg.norm(stars.place[faint] - stars.place[bright], axis=1)


def _repeated(key: IntArray, other: IntArray, n: int) -> tuple[IntArray, IntArray]:
    """Indices of all pairs of rows with the same key, from 0 to n."""
    order = np.argsort(other, kind="stable")
    start = np.searchsorted(other[order], np.arange(n + 1))
    counts = np.diff(start)[key]
    first = np.repeat(np.arange(len(key)), counts)
    within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, order[start[key[first]] + within]

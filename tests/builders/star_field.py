"""Catalogues of one star field in several filters, with depth, seeing and blends of their own."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import expit

from exposures.science.footprints import unit_vectors
from photometry.science.crossmatch.matching import Near, group, links_between, position_error
from photometry.science.crossmatch.options import CrossMatchOptions

# A chip of DECam in arcsec.
CHIP_ARCSEC = 538.0, 1077.0
PER_CHIP = CHIP_ARCSEC[0] * CHIP_ARCSEC[1]
ZERO_POINT = 25.0  # of flux 1
# Of the light of a source: what a star has in it that makes it a blend, and what it has where
# others hardly count.
CONTRIBUTES, ALONE = 0.1, 0.95


@dataclass(frozen=True)
class Band:
    """A filter and the image in it."""

    name: str
    fwhm: float  # arcsec
    limit: float  # mag at 5 sigma
    colour: tuple[float, float] = (0.0, 0.0)  # mean and scatter of its magnitude minus the star's
    # Of the seeing, where every other pair of stars is one source, and over which that changes;
    # as the project's own search does it on images of such fields.
    merged_fwhm: float = 0.8
    merged_blur: float = 0.1
    crowding: float = 2.5  # the errors of positions, over those of a star alone; as there
    floor: float = 0.015  # arcsec, error of bright positions along an axis


@dataclass(frozen=True)
class Catalogue:
    """What one would find; arrays (n,), sorted by nothing."""

    x: np.ndarray  # arcsec
    y: np.ndarray
    mag: np.ndarray
    mag_err: np.ndarray
    stars: tuple  # of frozensets: the stars that contribute to each source
    main: np.ndarray  # the brightest of them
    share: np.ndarray  # of the light, that is the brightest's
    fwhm: float
    name: str = ""

    def __len__(self):
        return len(self.x)

    def select(self, rows):
        """Those at indices (k,)."""
        arrays = {name: getattr(self, name)[rows] for name in ("x", "y", "mag", "mag_err")}
        arrays |= {"main": self.main[rows], "share": self.share[rows]}
        return replace(self, stars=tuple(self.stars[i] for i in rows.tolist()), **arrays)

    @property
    def flux(self):
        return 10 ** (-0.4 * (self.mag - ZERO_POINT))

    @property
    def error(self):
        """What the join takes for the error of its positions, arcsec."""
        return position_error(self.flux, self.mag_err / 1.0857 * self.flux, self.fwhm, 0.5)


@dataclass(frozen=True)
class Stars:
    """The truth."""

    x: np.ndarray  # arcsec
    y: np.ndarray
    mag: np.ndarray = field(repr=False)


def make_stars(n_a_chip, size, rng, faintest=23.0):
    """Stars of a crowded field, n_a_chip of them brighter than 21.5; ``size`` is in arcsec."""
    slope = 0.3
    n_all = n_a_chip * 10 ** (slope * (faintest - 21.5))
    n = rng.poisson(n_all * size[0] * size[1] / PER_CHIP)
    mag = faintest + np.log10(rng.uniform(10 ** (-slope * (faintest - 14)), 1, n)) / slope
    return Stars(rng.uniform(0, size[0], n), rng.uniform(0, size[1], n), mag)


def observe(stars, band, rng) -> Catalogue:
    """The sources that are found in a filter: near stars merged, the faint lost, errors added."""
    mag = stars.mag + rng.normal(*band.colour, len(stars.mag))
    flux = 10 ** (-0.4 * (mag - ZERO_POINT))
    owner = _merge(stars, flux, band, rng)
    total, x, y = (np.bincount(owner, w, len(flux)) for w in (flux, flux * stars.x, flux * stars.y))
    noise = 10 ** (-0.4 * (band.limit - ZERO_POINT)) / 5
    found = np.flatnonzero(total > 5 * noise)
    share = flux[found] / total[found]
    total, x, y = total[found], x[found] / total[found], y[found] / total[found]
    error = np.hypot(band.crowding * band.fwhm / 2.3548 * noise / total, band.floor)
    x, y = x + rng.normal(0, error), y + rng.normal(0, error)
    members = _members(owner, flux > CONTRIBUTES * np.bincount(owner, flux, len(flux))[owner])
    return Catalogue(
        x,
        y,
        ZERO_POINT - 2.5 * np.log10(total),
        np.hypot(1.0857 * noise / total, 0.01),
        tuple(members.get(i, frozenset([i])) for i in found.tolist()),
        found,
        share,
        band.fwhm,
        band.name,
    )


def _merge(stars, flux, band, rng):
    """(n,) the star that each is merged with: the brightest near it that is not merged itself."""
    order = np.argsort(-flux)
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    places = np.column_stack([stars.x, stars.y])
    farthest = (band.merged_fwhm + 4 * band.merged_blur) * band.fwhm
    pairs = cKDTree(places).query_pairs(farthest, output_type="ndarray")
    apart = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1) / band.fwhm
    merged = expit((band.merged_fwhm - apart) / band.merged_blur)
    pairs = np.sort(rank[pairs[rng.uniform(size=len(pairs)) < merged]], axis=1)
    owner = np.arange(len(order))
    for bright, faint in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].tolist():
        if owner[bright] == bright and owner[faint] == faint:
            owner[faint] = bright
    return order[owner[rank]]


def _members(owner, contributes):
    """{owner: the stars that contribute}, of owners with several."""
    several = np.bincount(owner, minlength=len(owner))[owner] > 1
    members = {}
    for star in np.flatnonzero(several & contributes).tolist():
        members.setdefault(int(owner[star]), []).append(star)
    return {own: frozenset(of) for own, of in members.items()}


def near(a, b, radius) -> Near:
    """Pairs of sources of two catalogues within a radius in arcsec, without a database."""
    trees = (cKDTree(np.column_stack([c.x, c.y])) for c in (a, b))
    first, second = trees
    pairs = first.sparse_distance_matrix(second, radius, output_type="ndarray")
    error = np.hypot(a.error[pairs["i"]], b.error[pairs["j"]])
    i, j = pairs["i"].astype(int), pairs["j"].astype(int)
    offset = np.column_stack([b.x[j] - a.x[i], b.y[j] - a.y[i]])
    return Near(i, j, offset, error, a.flux[i], b.flux[j], np.zeros(len(i), int))


def crossmatch(a, b, options=CrossMatchOptions()):
    """Groups of the sources of ``a`` and then ``b``, without a database."""
    pairs = near(a, b, options.reach_arcsec(max(a.fwhm, b.fwhm)))
    links = links_between(replace(pairs, b=pairs.b + len(a)), a.fwhm, b.fwhm, options)
    x, y = (np.concatenate([getattr(c, name) for c in (a, b)]) for name in "xy")
    catalogue = np.repeat([0, 1], [len(a), len(b)])
    places = unit_vectors(np.column_stack([10 + x / 3600, y / 3600 - 0.05]))
    return group(catalogue, places, links, options)


@dataclass(frozen=True)
class Score:
    """How well two catalogues were cross-matched, against the truth."""

    matched: float  # of unblended pairs, as one-to-one
    doubtful: float  # of the same, that are called perhaps a blend
    wrong_matches: float  # of one-to-one objects: sources that have no star in common
    blends_marked: float  # of sources that are several in the other filter
    paired_silently: float  # of the same, that are in a one-to-one object without a doubt
    n_pairs: int
    n_blends: int


def score(a, b, groups) -> Score:
    """Judge Groups of the sources of ``a`` and then ``b``."""
    label_a, label_b = np.split(groups.label, [len(a)])
    sizes = [np.bincount(part, minlength=len(groups.is_blend)) for part in (label_a, label_b)]
    is_single = (sizes[0] == 1) & (sizes[1] == 1) & ~groups.is_blend
    is_sure = is_single & ~groups.is_doubtful
    pairs = _pairs_of(a, b)
    matched = [label_a[i] == label_b[j] and is_single[label_a[i]] for i, j in pairs]
    doubtful = [bool(groups.is_doubtful[label_a[i]]) for i, _ in pairs]
    partner = np.full(len(is_single), -1)
    partner[label_b] = np.arange(len(b))
    ones = np.flatnonzero(is_single[label_a])
    wrong = [a.stars[i].isdisjoint(b.stars[partner[label_a[i]]]) for i in ones.tolist()]
    blends = [*_blends(a, label_a, b, label_b), *_blends(b, label_b, a, label_a)]
    of = [groups.is_blend[[own, *others]].all() for own, others in blends]
    silent = [bool(is_sure[own]) for own, _ in blends]
    shares = (matched, doubtful, wrong, of, silent)
    return Score(
        *(float(np.mean(one)) if one else np.nan for one in shares), len(pairs), len(blends)
    )


def _pairs_of(a, b):
    """(index in a, index in b) of stars that are a source of their own in both."""
    alone = {star: j for j, star in enumerate(b.main.tolist()) if b.share[j] > ALONE}
    stars = ((i, star) for i, star in enumerate(a.main.tolist()) if a.share[i] > ALONE)
    return [(i, alone[star]) for i, star in stars if star in alone]


def _blends(own, own_label, other, other_label):
    """(label, labels of its parts) of each source that is two or more in the other catalogue."""
    source_of = {star: j for j, star in enumerate(other.main.tolist())}
    for i, stars in enumerate(own.stars):
        if len(stars) > 1:
            parts = {source_of[star] for star in stars if star in source_of}
            if len(parts) > 1:
                yield own_label[i], [other_label[j] for j in parts]

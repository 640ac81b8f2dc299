"""Made-up published catalogues of a star field, and how well its sources are matched with them."""

from dataclasses import dataclass, replace

import numpy as np

from photometry.science.matching.catalogues import ImageSources, PublishedStars
from photometry.science.matching.decisions import Coverage, Matches, decide
from photometry.science.matching.matching import match_probabilities
from photometry.science.matching.options import MatchingOptions
from photometry.science.matching.states import MatchState
from tests.builders.star_field import Band, Catalogue, Stars, observe

OURS = Band("i", fwhm=0.95, limit=22.3)
GAIA = Band("G", fwhm=0.25, limit=21.3, colour=(0.6, 0.3), crowding=1.0, floor=0.001)
OGLE = Band("I", fwhm=1.2, limit=21.6, colour=(0.1, 0.1), crowding=2.0, floor=0.06)
YEARS = 8.0  # from the epoch of the published positions to that of the image
MOTION_MAS = 5.0  # a year, of most stars along an axis
RA, DEC = 270.0, -30.0
FEW = 5
SEEN_TO_VARY, FALSELY_SEEN = 0.9, 0.02  # of variables, and of all others


@dataclass(frozen=True)
class Published:
    """A made-up catalogue, with what the matcher is told of it and what it is not."""

    stars: PublishedStars
    members: tuple[frozenset[int], ...]  # the true stars in each, the first is in ``main``
    main: np.ndarray


@dataclass(frozen=True)
class Faults:
    """What the matcher isn't told of a catalogue."""

    errors: float = 1.0  # true ones over those stated
    far: float = 0.0  # share of positions with five times the errors
    shift: tuple[float, float] = (0.0, 0.0)  # arcsec, of the frame
    turn_arcsec: float = 0.0  # that the frame's rotation makes at 1000 arcsec


def image_of(stars: Stars, rng, band=OURS) -> tuple[Catalogue, ImageSources]:
    """What is found on an image YEARS after the stars' positions, which have moved by then."""
    step = rng.normal(0, MOTION_MAS, (2, len(stars.x))) * YEARS / 1000
    found = observe(replace(stars, x=stars.x + step[0], y=stars.y + step[1]), band, rng)
    return found, sources_of(found)


def sources_of(found: Catalogue) -> ImageSources:
    """Sources as the matcher has them, in a field at RA, DEC."""
    ra, dec = _sky(found.x, found.y)
    return ImageSources(
        ra, dec, found.error, found.mag, found.mag_err, np.zeros(len(found)), found.fwhm
    )


def published_by(stars: Stars, band: Band, rng, faults=Faults()) -> Published:
    """A catalogue of all stars that its band shows, motions left out of what it is told."""
    found = observe(stars, band, rng)
    stated = np.hypot(found.error, band.floor)
    error = stated * np.where(rng.uniform(size=len(found)) < faults.far, 5.0, 1.0) * faults.errors
    lost = np.sqrt(np.maximum(error**2 - stated**2, 0.0))
    x, y = (a + rng.normal(0, 1, len(found)) * lost for a in (found.x, found.y))
    turn = faults.turn_arcsec / 1000
    ra, dec = _sky(x + faults.shift[0] - turn * y, y + faults.shift[1] + turn * x)
    own = found.mag - stars.mag[found.main]
    colour = 1.5 + 2 * (own - band.colour[0]) + rng.normal(0, 0.1, len(found))
    moved = np.hypot(stated, MOTION_MAS * YEARS / 1000)
    unknown = np.full(len(found), np.nan)
    stars_at = PublishedStars(ra, dec, moved, moved, found.mag, found.mag_err, unknown, colour)
    return Published(stars_at, found.stars, found.main)


def old_variables(found: Catalogue, n: int, rng, faults=Faults()) -> Published:
    """Variable stars of an old catalogue, positions bad by 0.5 to 3 arcsec, magnitudes by 0.3."""
    bright = np.flatnonzero(found.mag < 19)
    chosen = rng.choice(bright, n, replace=False)
    stated = 0.5 * 6 ** rng.uniform(size=n)
    error = stated * faults.errors * np.where(rng.uniform(size=n) < faults.far, 5.0, 1.0)
    ra, dec = _sky(*(a[chosen] + rng.normal(0, 1, n) * error for a in (found.x, found.y)))
    amplitude = rng.uniform(0.2, 1.2, n)
    mag = found.mag[chosen] + 0.5 + rng.normal(0, 0.3, n) + 0.3 * amplitude * rng.normal(0, 1, n)
    unknown = np.full(n, np.nan)
    stars = PublishedStars(ra, dec, stated, stated, mag, unknown, amplitude, unknown)
    return Published(stars, tuple(found.stars[i] for i in chosen.tolist()), found.main[chosen])


def seen_to_vary(sources: ImageSources, found: Catalogue, published: Published, rng):
    """The sources with what light curves say of 90 % of the variables, and of 2 % of others."""
    is_variable = np.isin(found.main, published.main)
    share = np.where(is_variable, SEEN_TO_VARY, FALSELY_SEEN)
    seen = rng.uniform(size=len(sources)) < share
    odds = np.where(seen, SEEN_TO_VARY / FALSELY_SEEN, (1 - SEEN_TO_VARY) / (1 - FALSELY_SEEN))
    return replace(sources, log_odds=np.log(odds))


def matched(
    sources: ImageSources, published: Published, options=MatchingOptions(), is_complete=True
) -> Matches:
    """The Matches of sources with a catalogue that has looked everywhere."""
    n = len(sources)
    found = match_probabilities(sources, published.stars, options)
    coverage = Coverage(np.ones(n, bool), np.ones(n, bool), np.zeros(n, bool), is_complete)
    return decide(found, sources, coverage, options)


@dataclass(frozen=True)
class MatchScore:
    """How well sources were matched, against the truth; shares, NaN of none."""

    right: float  # of those claimed: a star of theirs is in the source
    right_main: float  # of those claimed: it gives most of what is published of its light
    claimed: float  # of those with a counterpart: rightly
    false: float  # of those without one, that are claimed
    cant_be_told: float  # of all
    new: float  # of those without one, that are said to have none or to be beyond the catalogue
    hidden: float  # of those with one, of which the same is said


def score(found: Catalogue, published: Published, matches: Matches) -> MatchScore:
    """Judge the Matches of what was found."""
    truth, has, has_none = truth_of(found, published)
    best = matches.star[:, 0]
    is_claimed = matches.state == MatchState.MATCHED
    of = published.members
    is_right = np.zeros(len(found), bool)
    for i in np.flatnonzero(is_claimed).tolist():
        is_right[i] = not of[best[i]].isdisjoint(found.stars[i])
    is_new = matches.state >= MatchState.NO_COUNTERPART
    return MatchScore(
        *(
            float(np.mean(part)) if len(part) else np.nan
            for part in (
                is_right[is_claimed],
                (best == truth)[is_claimed],
                (is_claimed & is_right)[has],
                is_claimed[has_none],
                matches.state == MatchState.CANT_BE_TOLD,
                is_new[has_none],
                is_new[has],
            )
        )
    )


def variables_told(found: Catalogue, published: Published, matches: Matches, few=FEW):
    """Shares of variables: named, named wrongly, and told among no more than a few sources."""
    source = dict(zip(found.main.tolist(), range(len(found)), strict=True))
    own = np.array([source[star] for star in published.main.tolist()])
    numbers = np.arange(len(own))
    is_claimed = matches.state == MatchState.MATCHED
    named = is_claimed[own] & (matches.star[own, 0] == numbers)
    wrong = np.isin(numbers, matches.star[is_claimed, 0]) & ~named
    among = (matches.star[own] == numbers[:, None]).any(axis=1) & (matches.n_possible[own] <= few)
    among &= matches.state[own] == MatchState.CANT_BE_TOLD
    return float(named.mean()), float(wrong.mean()), float((among & ~named & ~wrong).mean())


def truth_of(found: Catalogue, published: Published):
    """(n,) the published star with most of the light of each source, -1 for none, and its kind.

    Its kind: whether it has a counterpart, or no published light at all. One that gives a smaller
    part of the light of a published star has neither.
    """
    main = {star: number for number, star in enumerate(published.main.tolist())}
    parts = {star for members in published.members for star in members}
    mag = published.stars.mag
    truth = np.full(len(found), -1)
    has_none = np.zeros(len(found), bool)
    for i, members in enumerate(found.stars):
        own = main.get(int(found.main[i]), -1)
        others = [main[star] for star in members if star in main]
        truth[i] = own if own >= 0 else min(others, key=lambda k: mag[k], default=-1)
        has_none[i] = truth[i] < 0 and parts.isdisjoint(members)
    return truth, truth >= 0, has_none


def _sky(x, y):
    dec = DEC + np.asarray(y) / 3600
    return RA + np.asarray(x) / 3600 / np.cos(np.radians(dec)), dec

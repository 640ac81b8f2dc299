"""How many sources are matched with published stars, how many wrongly, and how long it takes.

A chip of 160,000 sources, of which 0.9 lie within 1 arcsec of any place, is matched with made-up
catalogues of the same stars eight years before: one as sharp and precise as Gaia, with motions that
it doesn't tell, one of images of 1.2 arcsec like OGLE's, and one of variable stars with positions
that are bad by 0.5 to 3 arcsec and magnitudes by 0.3 and more. About 30 % of the sources are beyond
the limits of the first two. Then the same where the catalogues' errors are larger than
they say, with tails, and frames are shifted and turned, and where colours scatter by 0.6 mag.

``right`` is the share of claims of a star that is in the source, ``right_main`` of the one that
gives most of its published light; ``claimed`` of the sources with a counterpart, that are claimed
rightly; ``false`` of those without one, that are claimed; ``cant_be_told`` of all; ``new`` of those
without one, and ``hidden`` of those with one, of which it is said that there is none, or that it is
beyond the catalogue. ``chance`` is the share that is matched where the catalogue is shifted by 20
arcsec. Of variables: ``named`` rightly, ``wrong``, and ``among_few``, told among five sources at
most; ``varying`` are the same where light curves tell of 90 % of them, and of 2 % of other stars,
that they vary. Last the processor time of a million sources, with so many stars as there are then.

    python benchmarks/matched_stars.py [--quick]
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from photometry.science.matching.states import MatchState
from tests.builders.published_fields import (
    GAIA,
    OGLE,
    OURS,
    Faults,
    image_of,
    matched,
    old_variables,
    published_by,
    score,
    seen_to_vary,
    variables_told,
)
from tests.builders.star_field import CHIP_ARCSEC, make_stars

SEED = 20261130
FAINTEST = 23.5
BRIGHTER = 105_000  # stars a chip brighter than 21.5, for 160,000 sources
DENSITIES = {"160,000": BRIGHTER, "80,000": 47_000, "20,000": 10_500}
GAIA_LIKE = replace(GAIA, limit=22.3)
OGLE_LIKE = replace(OGLE, limit=22.0)
WRONG = Faults(errors=1.5, far=0.05, shift=(0.3, -0.2), turn_arcsec=0.3)
N_VARIABLES = 400  # a chip
MAGNITUDES = (16, 18, 19, 20, 21, 22, 23)
SHIFT_ARCSEC = 20.0


def tell(text):
    print(text, file=sys.stderr, flush=True)


def rounded(values):
    """With enough digits, and None for what is none."""
    return {k: round(value, 4) if np.isfinite(value) else None for k, value in values.items()}


def judge(name, field, band, faults=Faults()):  # noqa: B008  (frozen)
    """The MatchScore of a field with a catalogue, as numbers."""
    stars, found, sources = field
    published = published_by(stars, band, np.random.default_rng(SEED), faults)
    scored = rounded(asdict(score(found, published, matched(sources, published))))
    tell(f"{name}: {len(found):,} sources, {len(published.main):,} stars: {scored}")
    return scored


def judge_by_magnitude(field):
    """Shares of right claims and of rightly claimed sources, between MAGNITUDES."""
    stars, found, sources = field
    published = published_by(stars, GAIA_LIKE, np.random.default_rng(SEED))
    matches = matched(sources, published)
    of = {}
    for low, high in pairwise(MAGNITUDES):
        chosen = np.flatnonzero((found.mag >= low) & (found.mag < high))
        part = score(found.select(chosen), published, matches.select(chosen))
        of[f"{low}-{high}"] = rounded(asdict(part))
        tell(f"{low} to {high} mag: {of[f'{low}-{high}']}")
    return of


def by_chance(field):
    """The share of sources that are matched with a catalogue that is shifted."""
    stars, _, sources = field
    published = published_by(stars, GAIA_LIKE, np.random.default_rng(SEED))
    dec = published.stars.dec + SHIFT_ARCSEC / 3600
    shifted = replace(published, stars=replace(published.stars, dec=dec))
    share = float(np.mean(matched(sources, shifted).state == MatchState.MATCHED))
    tell(f"by chance {share:.5f} are matched")
    return share


def judge_variables(name, field, n, faults=Faults()):  # noqa: B008  (frozen)
    """Shares of an old catalogue's variables that are told, without and with light curves."""
    _, found, sources = field
    rng = np.random.default_rng(SEED)
    published = old_variables(found, n, rng, faults)
    told = {}
    for kind, own in (("", sources), ("varying_", seen_to_vary(sources, found, published, rng))):
        matches = matched(own, published, is_complete=False)
        names = (f"{kind}named", f"{kind}wrong", f"{kind}among_few")
        told |= dict(zip(names, variables_told(found, published, matches), strict=True))
        ten = variables_told(found, published, matches, 10)
        told[f"{kind}among_ten"] = ten[-1]
    told = rounded(told)
    tell(f"{name}: {told}")
    return told


def time_a_million(size):
    """Seconds of the processor for a million sources, and the stars with which it is matched."""
    rng = np.random.default_rng(SEED)
    stars = make_stars(BRIGHTER, size, rng, faintest=25.0)
    found, sources = image_of(stars, rng, OURS)
    published = published_by(stars, replace(GAIA, limit=24.6), rng)
    started = time.process_time()
    matched(sources, published)
    seconds = (time.process_time() - started) * 1e6 / len(found)
    n_stars = len(published.main) * 1e6 / len(found)
    tell(f"a million sources and {n_stars:,.0f} stars in {seconds:.1f} s")
    return {"million_s": round(seconds, 1), "stars_of_million": round(n_stars)}


def figures(quick=False) -> dict:
    """All figures by crowding and catalogue; of a sixteenth of a chip where ``quick``."""
    share = 0.0625 if quick else 1.0
    size = CHIP_ARCSEC[0], CHIP_ARCSEC[1] * share
    result = {}
    for crowding, n in DENSITIES.items():
        rng = np.random.default_rng(SEED)
        stars = make_stars(n, size, rng, faintest=FAINTEST)
        field = (stars, *image_of(stars, rng))
        result[crowding] = {
            "gaia": judge("Gaia", field, GAIA_LIKE),
            "ogle": judge("OGLE", field, OGLE_LIKE),
            "variables": judge_variables("variables", field, int(N_VARIABLES * share)),
        }
        if n == BRIGHTER:
            result[crowding] |= {
                "gaia_wrong_errors": judge("Gaia, wrong errors", field, GAIA_LIKE, WRONG),
                "gaia_wide_colours": judge(
                    "Gaia, wide colours", field, replace(GAIA_LIKE, colour=(0.6, 0.6))
                ),
                "ogle_wrong_errors": judge("OGLE, wrong errors", field, OGLE_LIKE, WRONG),
                "variables_wrong_errors": judge_variables(
                    "variables, wrong errors", field, int(N_VARIABLES * share), Faults(1.5, 0.05)
                ),
                "chance": by_chance(field),
                "by_magnitude": judge_by_magnitude(field),
            }
    return result | time_a_million(size)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a sixteenth of a chip")
    print(json.dumps(figures(parser.parse_args().quick)))


if __name__ == "__main__":
    main()

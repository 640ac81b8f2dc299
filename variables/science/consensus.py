"""The consensus of votes."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from exposures.science.quantities import Fraction, Majority, Options


@dataclass(frozen=True)
class ConsensusOptions(Options):
    """Conditions for a consensus on a candidate."""

    majority: Majority = 2 / 3
    """Share of the votes that a class needs to be the consensus."""
    period_tolerance: Fraction = 1e-3
    """Relative difference up to which two periods are the same one."""


@dataclass(frozen=True)
class Consensus:
    """The agreed class, a tuple of keys in which a subtype's follows its parent's."""

    choice: tuple | None  # None if there are too few votes, or no majority
    n_votes: int
    share: float  # of the votes that are for the choice, or for what has most
    is_disputed: bool  # enough votes, and no majority


def consensus_of(
    votes: Iterable[Sequence[Hashable]],
    votes_wanted: int = 1,
    options: ConsensusOptions = ConsensusOptions(),
) -> Consensus:
    """The Consensus of ``votes``, one a person, each a tuple of keys from the class down.

    The ``majority``, a share of the n votes, decides. Votes for subtypes of one class are votes for
    the class, and where no subtype has the majority of all votes, the class itself is the answer.
    Below ``votes_wanted``, a number of votes, there is no choice.
    """
    keys = [tuple(vote) for vote in votes]
    n = len(keys)
    if n == 0:
        return Consensus(None, 0, 0.0, False)
    best: tuple = ()
    share = 0.0
    for depth in range(1, max(map(len, keys)) + 1):
        below = [v[:depth] for v in keys if len(v) >= depth and v[: depth - 1] == best]
        if not below:
            break
        top, count = Counter(below).most_common(1)[0]
        if count < options.majority * n - 1e-9:
            share = share or count / n
            break
        best, share = top, count / n
    if n < votes_wanted:
        return Consensus(None, n, share, False)
    return Consensus(best or None, n, share, not best)


@dataclass(frozen=True)
class AgreedPeriod:
    """The period that people agree on, and the scatter of theirs about it."""

    days: float
    scatter: float  # days; NaN of a single vote


def agreed_period(
    periods: Sequence[float], options: ConsensusOptions = ConsensusOptions()
) -> AgreedPeriod | None:
    """The period in days that a majority of voters for one class agree on; None without one.

    ``periods`` (n,) are the voters' in days, NaN where a vote has none. Those that are within the
    tolerance of one of them are one period, and their median is the period agreed on.
    """
    given = np.sort([period for period in periods if np.isfinite(period)])
    alike = np.abs(given[:, None] / given - 1) <= options.period_tolerance
    if not len(given):
        return None
    same = given[alike[np.argmax(alike.sum(axis=1))]]
    if len(same) < options.majority * len(periods) - 1e-9:
        return None
    scatter = float(np.std(same, ddof=1)) if len(same) > 1 else np.nan
    return AgreedPeriod(float(np.median(same)), scatter)

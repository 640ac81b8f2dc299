"""How well people agree on classes, beyond chance, by arrays with a row for each vote."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import IntArray


@dataclass(frozen=True)
class PairAgreement:
    """Agreement of two people on what both judged."""

    n: int  # objects in common
    share: float  # of these, on which they say the same
    kappa: float  # Cohen's; NaN where it has no meaning


def cohen_kappa(table: IntArray) -> float:
    """Agreement of two people on what both judged, beyond chance; NaN where it has no meaning.

    ``table`` (k, k) counts objects by the class that the first and the second say; a number up to
    1, no unit. Cohen 1960, Educ. Psychol. Meas. 20, 37.
    """
    n = int(table.sum())
    if n == 0:
        return np.nan
    chance = float(table.sum(axis=1) @ table.sum(axis=0)) / n**2
    return (float(np.trace(table)) / n - chance) / (1 - chance) if chance < 1 else np.nan


def fleiss_kappa(item: IntArray, choice: IntArray) -> float:
    """Agreement of several people, beyond chance; NaN where nothing has two votes.

    A number up to 1, no unit. ``item`` and ``choice`` (n,) are numbers of the object and of the
    class of each vote; objects of one vote say nothing. Fleiss 1971, Psychol. Bull. 76, 378, with
    each object's own number of votes.
    """
    _, item = np.unique(item, return_inverse=True)
    is_counted = np.bincount(item)[item] > 1
    if not is_counted.any():
        return np.nan
    _, item = np.unique(item[is_counted], return_inverse=True)
    _, choice = np.unique(choice[is_counted], return_inverse=True)
    n = np.bincount(item)
    alike, k = np.unique(item * (choice.max() + 1) + choice, return_counts=True)
    same = np.bincount(alike // (choice.max() + 1), k * (k - 1))
    observed = np.mean(same / (n * (n - 1)))
    chance = np.sum((np.bincount(choice) / len(choice)) ** 2)
    return float((observed - chance) / (1 - chance)) if chance < 1 else np.nan


def pairwise_agreement(
    item: IntArray, person: IntArray, choice: IntArray
) -> dict[tuple[int, int], PairAgreement]:
    """The PairAgreement of each two people, the lower number first, in order.

    ``item``, ``person`` and ``choice`` (n,) are numbers from 0 of the object, the person and the
    class of each vote; what is found are numbers of no unit. Pairs without an object in common are
    left out.
    """
    order = np.lexsort((person, item))
    item, person, choice = item[order], person[order], choice[order]
    n_people, n_classes = person.max(initial=-1) + 1, choice.max(initial=-1) + 1
    keys = [np.zeros(0, np.int64)]
    # Each vote with the next on the same object, the next but one, and so on.
    for step in range(1, len(item)):
        at = np.flatnonzero(item[step:] == item[:-step])
        if not len(at):
            break
        pair = person[at].astype(np.int64) * n_people + person[at + step]
        keys.append((pair * n_classes + choice[at]) * n_classes + choice[at + step])
    said, n = np.unique(np.concatenate(keys), return_counts=True)
    pair, said = np.divmod(said, max(n_classes, 1) ** 2)
    found = {}
    for one_pair in np.unique(pair).tolist():
        is_own = pair == one_pair
        table = np.zeros((n_classes, n_classes), np.int64)
        table.flat[said[is_own]] = n[is_own]
        share = float(np.trace(table) / table.sum())
        one, other = divmod(one_pair, int(n_people))
        found[one, other] = PairAgreement(int(table.sum()), share, cohen_kappa(table))
    return found

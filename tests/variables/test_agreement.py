"""Agreement of people beyond chance."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from variables.science.agreement import cohen_kappa, fleiss_kappa, pairwise_agreement


def kappa_of(ballots):
    """Fleiss's kappa of the classes that each object got."""
    item = np.repeat(np.arange(len(ballots)), [len(ballot) for ballot in ballots])
    _, choice = np.unique(np.concatenate(ballots), return_inverse=True)
    return fleiss_kappa(item, choice)


def test_cohens_kappa_is_that_of_the_textbook():
    assert cohen_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert np.isnan(cohen_kappa(np.zeros((2, 2), int)))


def test_fleisss_kappa_is_one_for_agreement_and_none_for_chance():
    assert kappa_of([["a", "a", "a"], ["b", "b", "b"]]) == pytest.approx(1)
    rng = np.random.default_rng(5)
    assert abs(kappa_of(rng.choice(list("abc"), (4000, 3)).tolist())) < 0.03
    assert np.isnan(kappa_of([["a"], ["b"]]))


def test_fleisss_kappa_is_that_of_his_example():
    # Fleiss 1971: ten subjects, fourteen raters, five classes.
    counts = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
        *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    ballots = [np.repeat(list("abcde"), row).tolist() for row in counts]
    assert kappa_of(ballots) == pytest.approx(0.210, abs=0.001)


def test_people_are_compared_on_what_both_judged():
    votes = {"ann": {1: "a", 2: "b", 3: "a"}, "bob": {2: "b", 3: "b", 4: "a"}, "eve": {9: "a"}}
    rows = [(k, p, c) for p, own in enumerate(votes.values()) for k, c in own.items()]
    item, person, choice = zip(*rows, strict=True)
    _, choice = np.unique(choice, return_inverse=True)
    found = pairwise_agreement(np.array(item), np.array(person), choice)
    assert list(found) == [(0, 1)]
    assert (found[0, 1].n, found[0, 1].share) == (2, 0.5)


def plain_agreement(votes):
    """Cohen's kappas and Fleiss's of {person: {object: class}}, vote by vote."""
    pairs = {}
    for a, b in combinations(sorted(votes), 2):
        common = votes[a].keys() & votes[b].keys()
        if common:
            alike = sum(votes[a][k] == votes[b][k] for k in common) / len(common)
            own = [Counter(votes[p][k] for k in common) for p in (a, b)]
            chance = sum(own[0][c] * own[1][c] for c in own[0]) / len(common) ** 2
            kappa = (alike - chance) / (1 - chance) if chance < 1 else np.nan
            pairs[a, b] = len(common), alike, kappa
    ballots = {}
    for own in votes.values():
        for k, c in own.items():
            ballots.setdefault(k, []).append(c)
    counts = [Counter(ballot) for ballot in ballots.values() if len(ballot) > 1]
    same = [sum(k * (k - 1) for k in c.values()) / (c.total() * (c.total() - 1)) for c in counts]
    totals = sum(counts, Counter())
    chance = sum((k / totals.total()) ** 2 for k in totals.values())
    return pairs, (np.mean(same) - chance) / (1 - chance)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_counting_vote_by_vote_gives(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, 60)
    votes = {}
    for person in range(6):
        judged = rng.choice(60, rng.integers(1, 40), replace=False).tolist()
        said = np.where(rng.random(60) < 0.6, truth, rng.integers(0, 4, 60)).tolist()
        votes[person] = {k: said[k] for k in judged}
    rows = np.array([(k, p, c) for p, own in votes.items() for k, c in own.items()])
    item, person, choice = rng.permutation(rows).T
    pairs, kappa = plain_agreement(votes)
    found = pairwise_agreement(item, person, choice)
    assert list(found) == list(pairs)
    for key, (n, share, own) in pairs.items():
        expected = n, pytest.approx(share), pytest.approx(own, nan_ok=True)
        assert (found[key].n, found[key].share, found[key].kappa) == expected
    assert fleiss_kappa(item, choice) == pytest.approx(kappa)

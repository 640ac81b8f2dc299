"""What votes add up to, and how well people agree: known cases."""

import numpy as np
import pytest

from variables.science.consensus import (
    agreed_period,
    cohen_kappa,
    consensus_of,
    fleiss_kappa,
    pairwise_agreement,
)

A, B, C = ("a",), ("b",), ("c",)
EDGE, BLEED, ARTIFACT = ("artifact", "edge"), ("artifact", "bleed"), ("artifact",)


@pytest.mark.parametrize(
    ("votes", "wanted", "choice", "disputed"),
    [
        ([], 1, None, False),
        ([A], 1, A, False),
        ([A], 2, None, False),
        ([A, A], 2, A, False),
        ([A, B], 2, None, True),
        ([A, B], 1, None, True),
        ([A, A, B], 2, A, False),
        ([A, A, B, B], 2, None, True),
        ([A, A, A, A, B, B], 1, A, False),
        ([A, A, A, B, B], 1, None, True),
        ([EDGE, EDGE], 2, EDGE, False),
        ([EDGE, BLEED], 2, ARTIFACT, False),
        ([EDGE, EDGE, BLEED], 3, EDGE, False),
        ([EDGE, ARTIFACT], 2, ARTIFACT, False),
        ([EDGE, BLEED, A], 3, ARTIFACT, False),
        ([EDGE, EDGE, A], 3, EDGE, False),
        ([EDGE, A, B], 3, None, True),
    ],
)
def test_two_thirds_decide_and_subtypes_count_for_their_class(votes, wanted, choice, disputed):
    found = consensus_of(votes, wanted)
    assert (found.choice, found.is_disputed, found.n_votes) == (choice, disputed, len(votes))


def test_the_share_is_that_of_the_class_that_has_most():
    assert consensus_of([A, A, B], 3).share == pytest.approx(2 / 3)
    assert consensus_of([A, B], 2).share == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("periods", "agreed"),
    [
        ([], None),
        ([np.nan], None),
        ([0.5], 0.5),
        ([0.5, np.nan], None),
        ([0.5, 0.5001, np.nan], 0.50005),
        ([0.5, 0.5002, 1.0], 0.5001),
        ([0.5, 1.0], None),
        ([0.5, 0.5, 1.0, 1.0], None),
    ],
)
def test_a_period_is_agreed_on_by_two_thirds_of_those_who_chose_the_class(periods, agreed):
    found = agreed_period(periods)
    assert (found and found.days) == (agreed and pytest.approx(agreed))


def test_the_scatter_of_a_period_is_that_of_those_who_agree():
    assert agreed_period([0.5, 0.5002, 7.0]).scatter == pytest.approx(0.0002 / np.sqrt(2))
    assert np.isnan(agreed_period([0.5]).scatter)


def test_cohens_kappa_is_that_of_the_textbook():
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)
    assert np.isnan(cohen_kappa([]))


def test_fleisss_kappa_is_one_for_agreement_and_none_for_chance():
    assert fleiss_kappa([["a", "a", "a"], ["b", "b", "b"]]) == pytest.approx(1)
    rng = np.random.default_rng(5)
    assert abs(fleiss_kappa(rng.choice(list("abc"), (4000, 3)).tolist())) < 0.03
    assert np.isnan(fleiss_kappa([["a"], ["b"]]))


def test_fleisss_kappa_is_that_of_his_example():
    # Fleiss 1971: ten subjects, fourteen raters, five classes.
    counts = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
        *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    ballots = [np.repeat(list("abcde"), row).tolist() for row in counts]
    assert fleiss_kappa(ballots) == pytest.approx(0.210, abs=0.001)


def test_people_are_compared_on_what_both_judged():
    votes = {"ann": {1: "a", 2: "b", 3: "a"}, "bob": {2: "b", 3: "b", 4: "a"}, "eve": {9: "a"}}
    assert list(pairwise_agreement(votes)) == [("ann", "bob")]
    n, alike, _ = pairwise_agreement(votes)["ann", "bob"]
    assert (n, alike) == (2, 0.5)

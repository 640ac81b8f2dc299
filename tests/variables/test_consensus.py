"""What votes add up to, and how well people agree: known cases."""

import numpy as np
import pytest

from variables.science.consensus import agreed_period, consensus_of

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

"""Candidates of which the answer is known, as models are trained on them."""

from dataclasses import dataclass, fields

import numpy as np

from exposures.science.arrays import IntArray


@dataclass(frozen=True)
class Examples:
    """Candidates of which the answer is known; arrays (n,) where nothing else is said."""

    features: np.ndarray  # (n, n_features) in their units, NaN where not known
    is_real: np.ndarray  # bool
    kind: np.ndarray  # ids by which rare ones are weighed: of a class, or of a kind of artifact
    class_number: np.ndarray  # index of the class of a real one; -1: of none that is known
    star: np.ndarray  # ids; -1: none
    field: np.ndarray  # ids; -1: none
    exposure: np.ndarray  # ids of the exposure of its first change; -1: none
    is_usual: np.ndarray  # bool: looked at, and as frequent among examples as among candidates
    weight: np.ndarray  # above 0, without a unit; that of its kind comes on top

    def __len__(self) -> int:
        return len(self.is_real)

    def select(self, rows: IntArray) -> "Examples":
        """Those of some ``rows`` (m,), indices without a unit."""
        return Examples(**{one.name: getattr(self, one.name)[rows] for one in fields(Examples)})


def joined_examples(*parts: Examples) -> Examples:
    """Those of several parts, one after the other, in their units."""
    columns = {
        one.name: np.concatenate([getattr(part, one.name) for part in parts])
        for one in fields(Examples)
    }
    return Examples(**columns)

"""Boosted trees as arrays, which are stored and asked without the package that fitted them."""

from dataclasses import dataclass, fields
from io import BytesIO

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled

ROWS_AT_ONCE = 4096  # whose features stay in the processor's cache, tree after tree


NODE_DTYPE = np.dtype(
    [
        ("feature", "i2"),  # column that is compared; -1 of a leaf
        ("threshold", "f8"),  # in the unit of the feature; up to it the left branch is taken
        ("nan_goes_left", "?"),
        ("left", "i4"),  # indices of nodes
        ("right", "i4"),
        ("value", "f8"),  # of a leaf
    ]
)


@dataclass(frozen=True)
class Trees:
    """Trees of one or several outputs, arrays without a unit.

    The sum of the values of leaves and the output's baseline is the natural log of a probability
    relative to those of the other outputs.
    """

    nodes: np.ndarray  # (n_nodes,) NODE_DTYPE
    roots: np.ndarray  # (n_trees,) indices of nodes
    output: np.ndarray  # (n_trees,) to which output each tree adds
    baseline: np.ndarray  # (n_outputs,)

    def raw(self, features: FloatArray) -> FloatArray:
        """(n, n_outputs) sums over trees, without a unit, of features (n, n_features) in any unit.

        A feature that is NaN goes the way that such went in training.
        """
        sums: FloatArray = np.tile(self.baseline, (len(features), 1))
        for start in range(0, len(features), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            part = np.ascontiguousarray(features[rows], "f4")
            _add_trees(part, self.nodes, self.roots, self.output, sums[rows])
        return sums


@compiled
def _add_trees(
    features: FloatArray, nodes: np.ndarray, roots: IntArray, output: IntArray, sums: FloatArray
) -> None:
    """Add the leaves that rows of features (n, n_features) reach to sums (n, n_outputs)."""
    for tree in range(len(roots)):
        for row in range(len(features)):
            node = roots[tree]
            while nodes[node]["feature"] >= 0:
                x = features[row, nodes[node]["feature"]]
                nan_left = np.isnan(x) and nodes[node]["nan_goes_left"]
                goes_left = nan_left or x <= nodes[node]["threshold"]
                node = nodes[node]["left"] if goes_left else nodes[node]["right"]
            sums[row, output[tree]] += nodes[node]["value"]


def joined(
    trees: list[np.ndarray], outputs: list[int], baseline: FloatArray, columns: IntArray
) -> Trees:
    """The Trees of several, of which each has a structured array (n_nodes,) as scikit-learn's.

    ``outputs`` has n_trees indices of outputs, ``baseline`` (n_outputs,) is without a unit, and
    ``columns`` (n_features,) are indices of the features that the trees were fitted to.
    """
    sizes = [len(one) for one in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    fitted, of_tree = np.concatenate(trees), np.repeat(roots, sizes)
    is_leaf = fitted["is_leaf"].astype(bool)
    nodes = np.zeros(len(fitted), NODE_DTYPE)
    nodes["feature"] = np.where(is_leaf, -1, columns[fitted["feature_idx"]])
    nodes["threshold"] = fitted["num_threshold"]
    nodes["nan_goes_left"] = fitted["missing_go_to_left"]
    nodes["left"], nodes["right"] = fitted["left"] + of_tree, fitted["right"] + of_tree
    nodes["value"] = np.where(is_leaf, fitted["value"], 0.0)
    return Trees(nodes, roots.astype("i4"), np.asarray(outputs, "i4"), np.asarray(baseline, "f8"))


def mean_of(several: list[Trees]) -> Trees:
    """The Trees that say the mean of what several say, without a unit, of the same outputs."""
    first = np.concatenate([[0], np.cumsum([len(one.nodes) for one in several])[:-1]])
    nodes = np.concatenate([one.nodes for one in several])
    moved = np.repeat(first, [len(one.nodes) for one in several]).astype("i4")
    nodes["left"] += moved
    nodes["right"] += moved
    nodes["value"] /= len(several)
    roots = [one.roots + start for one, start in zip(several, first, strict=True)]
    return Trees(
        nodes,
        np.concatenate(roots).astype("i4"),
        np.concatenate([one.output for one in several]),
        np.mean([one.baseline for one in several], axis=0),
    )


def arrays_of(trees: Trees, prefix: str) -> dict[str, np.ndarray]:
    """The arrays of Trees by name, each with a prefix; of any shape and any unit."""
    return {prefix + field.name: getattr(trees, field.name) for field in fields(Trees)}


def trees_of(arrays: dict[str, np.ndarray], prefix: str) -> Trees:
    """The Trees that ``arrays_of`` gave, of any shape and any unit; KeyError if one lacks."""
    return Trees(**{field.name: arrays[prefix + field.name] for field in fields(Trees)})


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays of any shape and any unit as a compressed npz file; ValueError of other objects."""
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of ``packed``, of any shape and any unit.

    Nothing in it is run: ValueError where one of them is not of numbers or texts.
    """
    with np.load(BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}

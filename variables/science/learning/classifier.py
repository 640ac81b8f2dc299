"""A trained model: the probability that a candidate is real, and those of its classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from variables.science.learning.calibration import ProbabilityCurve
from variables.science.learning.pixels import has_pixels, pixel_columns
from variables.science.learning.trees import Trees, arrays_of, packed, trees_of, unpacked


@dataclass(frozen=True)
class Scores:
    """What a model says of candidates; probabilities, NaN where it knows no class."""

    real: np.ndarray  # (n,)
    classes: np.ndarray  # (n, n_classes) if it is real; a row's sum is 1

    def best(self, n: int) -> tuple[IntArray, FloatArray]:
        """The n likeliest classes of each, (n_candidates, n) indices, and their probabilities.

        The probability is that it is real, and of this class. -1 and 0 where there are fewer.
        """
        n_known = min(n, self.classes.shape[1])
        order = np.argsort(-self.classes, axis=1, kind="stable")[:, :n_known]
        chance = np.take_along_axis(self.classes, order, axis=1) * self.real[:, None]
        missing = ((0, 0), (0, n - n_known))
        return np.pad(order, missing, constant_values=-1), np.pad(chance, missing)


@dataclass(frozen=True)
class Classifier:
    """A model as it is stored: first real or not, then of which class."""

    features: tuple[str, ...]  # names of the columns that it takes
    classes: tuple[str, ...]  # their slugs; none where too few examples had one
    real: Trees  # with two outputs, of artifacts and of real ones
    probability: ProbabilityCurve  # that a candidate is real of which no pixels are known
    pixel_probability: ProbabilityCurve  # the same of others
    class_trees: Trees | None  # with one output for each class
    sharpness: float  # by which the classes' logs are multiplied, without a unit

    def scores(self, features: FloatArray) -> Scores:
        """Scores of n candidates, probabilities, by features (n, n_features) in their units."""
        raw = self.real.raw(features)[:, 1]
        has = has_pixels(features, pixel_columns(self.features))
        real = np.where(has, self.pixel_probability.of(raw), self.probability.of(raw))
        if self.class_trees is None:
            return Scores(real, np.zeros((len(features), 0)))
        return Scores(real, softmax(self.sharpness * self.class_trees.raw(features)))

    def to_bytes(self) -> bytes:
        """It as an npz file of plain arrays, each of its own shape and unit."""
        arrays = {
            "features": np.array(self.features),
            "classes": np.array(self.classes, "U32"),
            "raw": self.probability.raw,
            "probability": self.probability.probability,
            "pixel_raw": self.pixel_probability.raw,
            "pixel_probability": self.pixel_probability.probability,
            "sharpness": np.array(self.sharpness),
        } | arrays_of(self.real, "real_")
        if self.class_trees is not None:
            arrays |= arrays_of(self.class_trees, "class_")
        return packed(arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Classifier":
        """That of ``to_bytes``, arrays of the same shapes and units; nothing in it is run.

        Models of before features of pixels have one curve, for all candidates.
        """
        arrays = unpacked(data)
        arrays = {"pixel_raw": arrays["raw"], "pixel_probability": arrays["probability"]} | arrays
        classes = _names(arrays["classes"])
        return cls(
            features=_names(arrays["features"]),
            classes=classes,
            real=trees_of(arrays, "real_"),
            probability=ProbabilityCurve(arrays["raw"], arrays["probability"]),
            pixel_probability=ProbabilityCurve(arrays["pixel_raw"], arrays["pixel_probability"]),
            class_trees=trees_of(arrays, "class_") if classes else None,
            sharpness=float(arrays["sharpness"]),
        )


def _names(array: np.ndarray) -> tuple[str, ...]:
    return tuple(str(name) for name in array)


def softmax(raw: FloatArray) -> FloatArray:
    """(n, n_classes) probabilities by natural logs of relative ones (n, n_classes), no unit."""
    power = np.exp(raw - raw.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def selected(features: FloatArray, names: Sequence[str], wanted: Sequence[str]) -> FloatArray:
    """(n, n_wanted) the columns of features (n, n_features) that a model wants, in any unit.

    KeyError names what there is no more.
    """
    places = {name: number for number, name in enumerate(names)}
    return features[:, [places[name] for name in wanted]]

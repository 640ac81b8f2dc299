"""How models are trained, and when they are trained again."""

from dataclasses import dataclass

from exposures.science.quantities import (
    AllowedShare,
    Count,
    Fraction,
    LearningRate,
    Leaves,
    Number,
    Options,
    Trees,
    TwoOrMore,
)


@dataclass(frozen=True)
class LearningOptions(Options):
    """Options of what is learnt from votes."""

    n_trees: Trees = 100
    """Number of trees that tell real candidates from artifacts."""
    n_class_trees: Trees = 40
    """Number of trees of each class."""
    max_leaves: Leaves = 15
    """Largest number of leaves of a tree."""
    learning_rate: LearningRate = 0.15
    """Share of what a tree says that is believed, before the next one is fitted."""
    min_leaf: Count = 10
    """Least number of examples in a leaf of a tree."""
    rare_weight: Fraction = 0.5
    """How much more an example of a rare kind weighs: its weight is the number of examples of its
    kind to the power of minus this. With 0 all weigh alike, with 1 all kinds."""
    n_parts: TwoOrMore = 4
    """Number of parts into which examples are divided: what is said of each part, by which models
    are calibrated and judged, is by models that were trained on the others."""
    min_examples: Count = 50
    """Least number of real examples, and of artifacts, for which a model is trained."""
    min_of_class: Count = 10
    """Least number of examples of a class, below which no model names it."""
    new_votes: Count = 200
    """Number of candidates that people have newly agreed on since the last model was trained, from
    which on another is trained."""
    enough: Fraction = 0.95
    """Share of the candidates of a campaign that are expected to be real which have been looked at,
    from which on its page says that one may stop."""
    sure_artifact: Fraction = 0.01
    """Probability of being real up to which a model is sure that a candidate is an artifact: such 
    are voted on in one stroke, once people have checked a sample of them."""
    sure_share: AllowedShare = 0.01
    """Share of real ones among these that the sample has to exclude at 95 %."""
    sure_spare: Number = 1
    """Number of real ones that the sample may have, for which it is made large enough."""
    stroke_weight: Fraction = 0.0
    """Weight of an example that people voted on in a stroke for its whole group alone. With 0 they
    are left out, as nobody has looked at most of these."""
    injected_weight: Fraction = 1.0
    """Weight of an example that is an artificial star of manage.py inject, on top of that of its
    kind. With 0 they are left out."""

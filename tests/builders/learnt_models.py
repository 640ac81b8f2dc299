"""Candidates that people agree on, and models that are trained on them."""

import numpy as np

from tests.builders.campaigns import make_taxonomy
from tests.builders.candidates import make_candidates
from variables.learning.scoring import score_candidates
from variables.learning.training import train_model
from variables.models import GalCandidate, TaxonomyClass
from variables.science.learning.options import LearningOptions

# As little as a model can be trained on, in no time.
FEW = LearningOptions(
    n_trees=8, n_class_trees=4, n_parts=2, min_examples=10, min_of_class=4, new_votes=20
)


def agreed_candidates(n_catalogues=3, n=24, seed=1):
    """Candidates of several fields on which people agree; real ones are skewed to the bright side.

    Half are artifacts; real ones are RR Lyrae, or eclipsing where they are red.
    """
    make_taxonomy()
    classes = {one.slug: one for one in TaxonomyClass.objects.filter(taxonomy__is_current=True)}
    rng, made = np.random.default_rng(seed), []
    for number in range(n_catalogues):
        made += make_candidates(n, ra=266.0 + 3 * number, seed=seed + number)
    for k, one in enumerate(made):
        slug = ("artifact-edge", "rr-lyrae", "artifact", "eclipsing")[k % 4]
        is_real = k % 2 == 1
        one.skewness = float(rng.normal(-1 if is_real else 1, 0.7))
        one.colour_mag = 2.0 if slug == "eclipsing" else 0.5
        one.consensus, one.n_votes = classes[slug], 1
    columns = ["skewness", "colour_mag", "consensus", "n_votes"]
    GalCandidate.objects.bulk_update(made, columns)
    return made


def make_model(candidates=None, options=FEW):
    """A model in use, trained on candidates that people agree on."""
    if candidates is None:
        agreed_candidates()
    model = train_model(options, "test", again=True)
    list(score_candidates(model))
    model.refresh_from_db()
    return model

"""What a model learns of candidates: which are real, and of which class.

Of candidates of simulated chips (benchmarks/simulated_candidates.py) at 40 and at 100 epochs, which
are a field each: a model is trained on some fields and judged on others. A fifth of the candidates
are variables of eight families, the others artifacts of eleven kinds and constant stars.

``area`` is the area under the curve of real or not; ``calibration_mean`` and ``calibration_worst``
how far expected and true share of real ones are apart in ten bins of probability: in the mean over
candidates, and in the worst bin with at least 30 of them. Bins are of equal width; of ten with
equal numbers ``calibration_equal`` is the worst. ``bins_beyond`` are bins of equal width in which
the expected share is outside the 95 % interval of the true one (Clopper & Pearson), of
``bins_full`` with any candidate; each is printed. ``sure_share`` is the share of candidates told at
most 0.01, and ``real_among_sure`` that of real ones among these. ``f1_40`` and ``f1_100`` are the
macro F1 of eight families, of all that are real; ``look_at`` the share of candidates to be looked
at by falling probability until 95 % of the real ones are seen, ``look_at_by_significance`` the same
by falling significance, ``real_share`` the least that it can be. ``stated_area`` and ``stated_f1``
are the figures that the model itself states, by its own examples left out.

``train_seconds`` is the processor time of training on 40,000 candidates, and the same with pixels
where these are known of all, so that each is trained on with and without. ``score_seconds`` is that
of 2 million candidates from facts to stored form, by 200,000 (with --quick 50,000) of them;
``packed_kilobytes`` what the model takes in the database.

Of real light curves, where GALPROJECT_TEST_DATA is set: ``sdss_rr_lyrae`` and ``m3_rr_lyrae`` are
the share of RR Lyrae of Stripe 82 (Sesar et al. 2010) and of M3 (Corwin & Carney 2001) that are
told to be RR Lyrae by the same model, ``events`` that of events of microlensing, ``real_f1`` the
macro F1 of both classes, ``real_told_real`` the share of all that are real with more than 50 %.
What is not known of a light curve alone is as of a clean star.

    python benchmarks/learning.py [--quick]
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tqdm import tqdm

from benchmarks.real_candidates import real_candidates
from benchmarks.simulated_candidates import FAMILIES, simulated_candidates
from variables.science.learning.checks import greatest_share
from variables.science.learning.classifier import Classifier
from variables.science.learning.examples import Examples
from variables.science.learning.facts import Facts
from variables.science.learning.features import FEATURES, features_of
from variables.science.learning.fitting import train
from variables.science.learning.judging import (
    area_under_curve,
    calibration_error,
    macro_f1,
    reliability,
    share_to_look_at,
)
from variables.science.learning.options import LearningOptions
from variables.science.learning.pixels import pixel_columns

N_STARS, N_REAL, N_ARTIFACTS = 6_000, 250, 900
N_TRAINED, N_SCORED = 40_000, 2_000_000
ENOUGH_IN_BIN = 30


class Candidates:
    """Candidates of several chips one after the other, and what is true of them."""

    def __init__(self, seeds, n_epochs):
        chips = [
            simulated_candidates(N_STARS, N_REAL, N_ARTIFACTS, n, seed)
            for n in n_epochs
            for seed in tqdm(seeds, unit="chip", desc=f"{n} epochs", file=sys.stderr)
        ]
        self.facts = [chip.facts for chip in chips]
        self.features = np.concatenate([features_of(chip.facts) for chip in chips])
        self.family = np.concatenate([chip.family for chip in chips])
        self.kind = np.concatenate([chip.kind for chip in chips])
        self.is_real = np.concatenate([chip.is_real for chip in chips])
        self.significance = np.concatenate(
            [chip.facts.candidates["max_significance"] for chip in chips]
        )
        self.field = np.repeat(np.arange(len(chips)), [len(chip.family) for chip in chips])

    def __len__(self):
        return len(self.family)

    def examples(self, rows):
        return Examples(
            features=self.features[rows],
            is_real=self.is_real[rows],
            kind=self.kind[rows],
            class_number=np.maximum(self.family[rows], -1),
            star=np.arange(len(rows)),
            field=self.field[rows],
            exposure=np.full(len(rows), -1),
            is_usual=np.ones(len(rows), bool),
            weight=np.ones(len(rows)),
        )


def judged(classifier, candidates):
    """Figures of candidates that the model has seen nothing of."""
    scores = classifier.scores(candidates.features)
    p, is_real = scores.real, candidates.is_real
    bins = reliability(p, is_real)
    full = bins.number >= ENOUGH_IN_BIN
    sure = p <= LearningOptions().sure_artifact
    figures = {
        "area": area_under_curve(p, is_real),
        "calibration_mean": calibration_error(p, is_real),
        "calibration_worst": np.abs(bins.expected - bins.true)[full].max(),
        "calibration_equal": off_in_equal_bins(p, is_real),
        **bins_beyond(bins),
        "sure_share": sure.mean(),
        "real_among_sure": is_real[sure].mean(),
        "look_at": share_to_look_at(p, is_real),
        "look_at_by_significance": share_to_look_at(candidates.significance, is_real),
        "real_share": is_real.mean(),
        "n_judged": len(p),
    }
    n_epochs = candidates.features[:, FEATURES.index("n_epochs")]
    told = told_families(classifier, scores)
    for n, of in ((40, n_epochs <= 40), (100, n_epochs > 40)):
        of = of & (candidates.family >= 0)
        figures[f"f1_{n}"] = macro_f1(candidates.family[of], told[of], len(FAMILIES))
    return figures


def off_in_equal_bins(p, is_real, n_bins=10):
    """The largest difference of expected and true share in bins of as many candidates each."""
    bins = np.array_split(np.argsort(p, kind="stable"), n_bins)
    return max(abs(p[rows].mean() - is_real[rows].mean()) for rows in bins)


def bins_beyond(bins):
    """Numbers of bins that are not empty, and of those off by more than chance; each is printed."""
    full = bins.number > 0
    n, expected, true = bins.number[full], bins.expected[full], bins.true[full]
    k = np.rint(n * true).astype(int)
    high = np.array([greatest_share(*one, 0.975) for one in zip(k, n, strict=True)])
    low = 1 - np.array([greatest_share(*one, 0.975) for one in zip(n - k, n, strict=True)])
    for row in zip(n, expected, true, low, high, strict=True):
        print("{:6.0f} expected {:.3f}, true {:.3f} ({:.3f} to {:.3f})".format(*row))
    return {"bins_full": full.sum(), "bins_beyond": np.sum((expected < low) | (expected > high))}


def told_families(classifier, scores):
    """(n,) the index of the likeliest family of each candidate."""
    number = np.array([FAMILIES.index(name) for name in classifier.classes])
    return number[np.argmax(scores.classes, axis=1)]


def speed(candidates, n_scored):
    """Processor seconds of training on 40,000, and of scoring 2 million."""
    rng = np.random.default_rng(1)
    rows = rng.integers(len(candidates), size=N_TRAINED)
    examples = candidates.examples(rows)
    start = time.process_time()
    trained = train(examples, FEATURES, FAMILIES)
    figures = {"train_seconds": time.process_time() - start}
    columns = pixel_columns(FEATURES)
    examples.features[:, columns] = rng.random((len(rows), len(columns)))
    start = time.process_time()
    train(examples, FEATURES, FAMILIES)
    figures["train_seconds_with_pixels"] = time.process_time() - start
    data = trained.classifier.to_bytes()
    figures["packed_kilobytes"] = len(data) / 1000
    start, done = time.process_time(), 0
    classifier = Classifier.from_bytes(data)
    while done < n_scored:
        facts = candidates.facts[done % len(candidates.facts)]
        classifier.scores(features_of(facts)).best(3)
        done += len(facts.candidates)
    taken = time.process_time() - start
    return figures | {"score_seconds": taken * N_SCORED / done}


def real_stars(classifier, every):
    root = os.environ.get("GALPROJECT_TEST_DATA")
    if not root:
        print("no real stars: GALPROJECT_TEST_DATA is not set", file=sys.stderr)
        return {}
    told, family, real = {}, [], []
    for name, (curves, truth) in real_candidates(Path(root) / "light_curves", every).items():
        scores = classifier.scores(features_of(Facts(*curves)))
        told[name] = told_families(classifier, scores)
        family.append(np.full(len(told[name]), FAMILIES.index(truth)))
        real.append(scores.real)
    family, all_told = np.concatenate(family), np.concatenate(list(told.values()))
    rr_lyrae, lens = FAMILIES.index("rr-lyrae"), FAMILIES.index("microlensing")
    return {
        "sdss_rr_lyrae": np.mean(told["sdss"] == rr_lyrae),
        "m3_rr_lyrae": np.mean(told["m3"] == rr_lyrae),
        "events": np.mean(told["events"] == lens),
        "real_f1": macro_f1(family, all_told, len(FAMILIES)),
        "real_told_real": np.mean(np.concatenate(real) > 0.5),
        "real_stars": len(family),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer fields and stars")
    quick = parser.parse_args().quick
    n_fields, n_left_out = (6, 2) if quick else (40, 12)
    candidates = Candidates(range(n_fields), (40, 100))
    left_out = Candidates(range(1000, 1000 + n_left_out), (40, 100))
    trained = train(candidates.examples(np.arange(len(candidates))), FEATURES, FAMILIES)
    figures = judged(trained.classifier, left_out) | {"n_examples": len(candidates)}
    figures["stated_area"] = trained.figures["area_under_curve"]
    figures["stated_f1"] = trained.figures["macro_f1"]
    figures |= real_stars(trained.classifier, 8 if quick else 1)
    figures |= speed(candidates, 50_000 if quick else 200_000)
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()

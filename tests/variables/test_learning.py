"""What is learnt of examples: trees, probabilities, parts, and features of candidates."""

import sys
from io import BytesIO

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score

from exposures.errors import GalprojectError
from variables.science.causes import Evidence, judge_causes
from variables.science.learning.binning import rounded
from variables.science.learning.calibration import beta_curve
from variables.science.learning.classifier import Classifier, selected
from variables.science.learning.examples import Examples
from variables.science.learning.facts import Facts, cause_number, no_candidates, no_changes
from variables.science.learning.features import FEATURES, PIXEL_FEATURES, features_of
from variables.science.learning.fitting import train
from variables.science.learning.injected import with_injected
from variables.science.learning.judging import (
    area_under_curve,
    calibration_error,
    macro_f1,
    reliability,
    share_to_look_at,
)
from variables.science.learning.options import LearningOptions
from variables.science.learning.pixels import pixel_columns, with_and_without_pixels
from variables.science.learning.splits import groups_linked, parts_of, rare_weights
from variables.science.learning.trees import packed, unpacked

OPTIONS = LearningOptions(n_trees=20, n_class_trees=10, n_parts=3, max_leaves=6)
NAMES = ("a", "b", "c", "d")
CLASSES = ("pulsating", "eclipsing", "rare")


def examples(n, seed=1, n_classes=3):
    """Real ones have a larger first number; classes are told by the second, rarely by the third."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4)).astype("f4")
    is_real = rng.random(n) < 1 / (1 + np.exp(-2 * features[:, 0]))
    number = np.where(features[:, 1] > 0, 1, 0)
    if n_classes > 2:
        number = np.where(features[:, 2] > 1.5, 2, number)
    features[rng.random(features.shape) < 0.05] = np.nan
    features[:, 3] = np.nan  # known of none
    return Examples(
        features=features,
        is_real=is_real,
        kind=np.where(is_real, number, 99),
        class_number=np.where(is_real, number, -1),
        star=np.arange(n),
        field=rng.integers(0, 30, n),
        exposure=np.full(n, -1),
        is_usual=np.ones(n, bool),
        weight=np.ones(n),
    )


def test_trees_as_arrays_say_what_scikit_learn_says():
    data = examples(800)
    trained = train(data, NAMES, CLASSES, OPTIONS).classifier
    model = HistGradientBoostingClassifier(
        max_iter=20,
        max_leaf_nodes=6,
        learning_rate=OPTIONS.learning_rate,
        min_samples_leaf=OPTIONS.min_leaf,
        early_stopping=False,
    )
    weight = rare_weights(data.kind, OPTIONS.rare_weight, data.weight)
    part, _ = parts_of(data.star, data.field, data.exposure, OPTIONS.n_parts)
    others = examples(500, seed=2).features
    told = []
    for one in range(OPTIONS.n_parts):
        rows = part != one
        features = rounded(data.features)[rows, :3]
        model.fit(features, data.is_real[rows], sample_weight=weight[rows])
        told.append(model.decision_function(others[:, :3]))
    np.testing.assert_allclose(trained.real.raw(others)[:, 1], np.mean(told, axis=0), atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_stored_model_gives_the_same_scores(n_classes):
    trained = train(examples(800, n_classes=n_classes), NAMES, CLASSES, OPTIONS)
    again = Classifier.from_bytes(trained.classifier.to_bytes())
    others = examples(300, seed=3).features
    first, second = trained.classifier.scores(others), again.scores(others)
    np.testing.assert_array_equal(first.real, second.real)
    np.testing.assert_array_equal(first.classes, second.classes)
    assert again.features == NAMES and again.classes == CLASSES[:n_classes]
    np.testing.assert_allclose(first.classes.sum(axis=1), 1)
    number, chance = second.best(4)
    assert number.shape == (300, 4) and (number[:, n_classes:] == -1).all()
    assert (np.diff(chance, axis=1) <= 0).all() and (chance[:, 0] <= second.real).all()


def test_a_stored_model_that_would_run_code_is_refused():
    class Harmful:
        def __reduce__(self):
            return print, ("run",)

    with pytest.raises(ValueError, match="allow_pickle"):
        packed({"features": np.array([Harmful()], object)})
    buffer = BytesIO()
    np.savez(buffer, features=np.array([Harmful()], object))
    with pytest.raises(ValueError, match="pickle"):
        unpacked(buffer.getvalue())


def test_a_model_is_judged_by_fields_that_it_was_not_trained_on():
    """Each field has an own offset by which its examples could be told: it must be of no use."""
    rng = np.random.default_rng(5)
    n = 1200
    field = np.repeat(np.arange(60), 20)
    of_field = rng.normal(size=60)
    is_real = rng.random(60)[field] < 0.5  # all of a field are of one kind
    features = np.column_stack([of_field[field], rng.normal(size=(n, 3))]).astype("f4")
    data = Examples(
        features=features,
        is_real=is_real,
        kind=is_real.astype(int),
        class_number=np.full(n, -1),
        star=np.arange(n),
        field=field,
        exposure=np.full(n, -1),
        is_usual=np.ones(n, bool),
        weight=np.ones(n),
    )
    trained = train(data, NAMES, CLASSES, OPTIONS)
    assert trained.figures["split_by"] == "star, field and exposure"
    assert 0.2 < trained.figures["area_under_curve"] < 0.75
    assert area_under_curve(trained.classifier.real.raw(features)[:, 1], is_real) > 0.95
    assert trained.classifier.classes == () and (trained.told == -1).all()


def test_probabilities_are_shares_of_real_ones():
    rng = np.random.default_rng(1)
    raw = rng.normal(0, 2, 20_000)
    truth = 1 / (1 + np.exp(-(0.5 * raw - 1)))
    curve = beta_curve(raw[:10_000], rng.random(10_000) < truth[:10_000])
    p = curve.of(raw[10_000:])
    is_real = rng.random(10_000) < truth[10_000:]
    assert calibration_error(p, is_real) < 0.02
    bins = reliability(p, is_real)
    full = bins.number > 300
    np.testing.assert_allclose(bins.true[full], bins.expected[full], atol=0.05)
    # The order of candidates is kept, and nothing is certain.
    order = np.argsort(raw[10_000:])
    assert (np.diff(p[order]) >= 0).all() and len(np.unique(p)) > 9_000
    assert curve.of(np.array([-1e9]))[0] > 0 and curve.of(np.array([1e9]))[0] < 1


def test_few_examples_between_real_ones_and_artifacts_do_not_bend_probabilities():
    # What the model says is right but for its scale; 8 % of the examples are between 0.1 and 0.9.
    rng = np.random.default_rng(3)
    grid = np.linspace(-0.3, 1.5, 50)
    truth = 1 / (1 + np.exp(-(np.log(0.2 / 0.8) + 6 * grid / 1.6**2)))
    assert truth.min() < 0.12 and truth.max() > 0.88
    worst = []
    for _ in range(9):
        is_real = rng.random(6000) < 0.2
        raw = rng.normal(np.where(is_real, 3, -3), 1.6)
        worst.append(np.abs(beta_curve(1.7 * raw, is_real).of(1.7 * grid) - truth).max())
    assert np.median(worst) < 0.05


def test_a_few_examples_make_nothing_sure():
    raw, is_real = np.array([-1.0, -2.0, 1.0, 2.0]), np.array([False, False, True, True])
    p = beta_curve(raw, is_real).of(np.array([-30.0, -1.0, 1.0, 30.0]))
    assert p[0] == pytest.approx(1 / 6) and p[-1] == pytest.approx(5 / 6)
    assert (np.diff(p) > 0).all()


def test_figures_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    score, is_real = rng.normal(size=500).round(1), rng.random(500) < 0.3
    expected = roc_auc_score(is_real, score)
    assert area_under_curve(score, is_real) == pytest.approx(expected)
    true, told = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    assert macro_f1(true, told, 5) == pytest.approx(f1_score(true, told, average="macro"))
    assert np.isnan(area_under_curve(score, np.zeros(500, bool)))


def test_the_share_to_look_at_ends_with_the_last_real_one_that_is_wanted():
    score = np.arange(10, 0, -1.0)
    is_real = np.isin(np.arange(10), [0, 1, 5])
    assert share_to_look_at(score, is_real, 0.6) == pytest.approx(0.2)
    assert share_to_look_at(score, is_real, 1.0) == pytest.approx(0.6)
    assert np.isnan(share_to_look_at(score, np.zeros(10, bool)))


def test_no_star_field_or_exposure_is_in_two_parts():
    rng = np.random.default_rng(3)
    field = rng.integers(0, 50, 2000)
    star, exposure = rng.integers(0, 20, 2000) + 20 * field, field // 2
    part, by = parts_of(star, field, exposure, 4)
    assert by == "star, field and exposure"
    for key in (star, field, exposure):
        assert all(len(np.unique(part[key == one])) == 1 for one in np.unique(key))
    assert np.ptp(np.bincount(part)) < 0.2 * 500
    # One exposure has them all: then by star and field.
    assert parts_of(star, field, np.zeros(2000, int), 4)[1] == "star and field"
    part, by = parts_of(star, np.zeros(2000, int), np.zeros(2000, int), 4)
    assert by == "star" and len(np.unique(part)) == 4


def test_kinds_that_alternate_are_in_all_parts():
    nothing = np.full(400, -1)
    part, _ = parts_of(np.arange(400), nothing, nothing, 2)
    odd = np.arange(400) % 2 == 1
    assert 0.35 < part[odd].mean() < 0.65


def test_examples_are_linked_by_any_key_and_by_none_that_is_missing():
    a, b = np.array([1, 1, 2, 3, -1, -1]), np.array([7, 8, 8, 9, -1, -1])
    group = groups_linked([a, b])
    assert group[0] == group[1] == group[2]
    assert len(set(group.tolist())) == 4


def test_artificial_stars_make_no_candidate_real_by_what_is_not_known_of_it():
    votes = examples(600)
    # Of artificial stars, nearly all of which are real, the second and third number are not known.
    stars = examples(300, seed=2)
    features = stars.features[stars.is_real].copy()
    features[:, 1:3] = np.nan
    is_real = np.ones(len(features), bool)
    both = with_injected(votes, features, is_real, 1.0)
    assert (
        len(both) == 1200 + len(features) and (both.is_usual == (np.arange(len(both)) < 600)).all()
    )
    assert np.isnan(both.features[600:1200, 1:3]).all()
    known = [0, 3]
    np.testing.assert_array_equal(both.features[600:1200, known], votes.features[:, known])
    # A candidate and its copy are in one part, and no artificial star is another.
    part, _ = parts_of(both.star, both.field, both.exposure, 3)
    assert (part[:600] == part[600:1200]).all() and both.star[1200:].min() > votes.star.max()
    new = examples(2000, seed=3)
    little = new.features.copy()
    little[:, 1:3] = np.nan
    p = train(both, NAMES, CLASSES, OPTIONS).classifier.scores(little).real
    assert np.mean(p) == pytest.approx(np.mean(new.is_real), abs=0.08)
    assert with_injected(votes, features[:0], is_real[:0], 1.0) is votes
    assert with_injected(votes, features, is_real, 0.0) is votes


def examples_with_pixels(n, seed=1, of_real=0.9, of_others=0.3):
    """Examples whose third number is of pixels, known of most real ones and of few others."""
    data = examples(n, seed)
    rng = np.random.default_rng(seed + 100)
    known = rng.random(n) < np.where(data.is_real, of_real, of_others)
    pixels = np.where(known, data.is_real + rng.normal(size=n), np.nan)
    data.features[:, 2] = pixels
    return data


PIXEL_NAMES = ("a", "b", PIXEL_FEATURES[0], "d")


def test_each_example_with_pixels_comes_without_them_as_well():
    data = examples_with_pixels(400)
    columns = pixel_columns(PIXEL_NAMES)
    both = with_and_without_pixels(data, columns)
    has = np.isfinite(data.features[:, 2])
    assert columns.tolist() == [2] and len(both.examples) == 400 + has.sum()
    assert sorted(both.row[~both.has_pixels].tolist()) == list(range(400))
    copies = both.examples.select(np.flatnonzero(both.is_copy))
    assert np.isnan(copies.features[:, 2]).all()
    np.testing.assert_array_equal(copies.features[:, :2], data.features[has, :2])
    assert (copies.star == data.star[has]).all()


def test_whether_pixels_are_known_makes_no_candidate_without_them_less_real():
    """People look at what seems real: a model must not take the others for artifacts by that."""
    data, new = examples_with_pixels(2400), examples(3000, seed=3)
    new.features[:, 2] = np.nan
    share = new.is_real.mean()
    told = {}
    for name, names in (("honest", PIXEL_NAMES), ("by presence", NAMES)):
        told[name] = train(data, names, CLASSES, OPTIONS).classifier.scores(new.features).real
    assert told["honest"].mean() == pytest.approx(share, abs=0.04)
    assert told["by presence"].mean() < share - 0.15
    # And they are told as well as by a model that knows of no pixels.
    data.features[:, 2] = np.nan
    without = train(data, NAMES, CLASSES, OPTIONS).classifier.scores(new.features).real
    areas = [area_under_curve(p, new.is_real) for p in (told["honest"], without)]
    assert areas[0] > areas[1] - 0.01


def test_with_pixels_and_without_each_have_probabilities_of_their_own():
    trained = train(examples_with_pixels(2400), PIXEL_NAMES, CLASSES, OPTIONS)
    again = Classifier.from_bytes(trained.classifier.to_bytes())
    new = examples_with_pixels(4000, seed=3)
    has = np.isfinite(new.features[:, 2])
    p = again.scores(new.features).real
    assert p[has].mean() == pytest.approx(new.is_real[has].mean(), abs=0.04)
    with_pixels = np.isfinite(examples_with_pixels(2400).features[:, 2])
    assert trained.figures["with_pixels"] == with_pixels.sum()
    assert trained.figures["area_without_pixels"] < trained.figures["area_under_curve"]
    # Of what class a star is, its pixels don't tell.
    blank = new.features.copy()
    blank[:, 2] = np.nan
    np.testing.assert_array_equal(again.scores(new.features).classes, again.scores(blank).classes)


def test_a_model_of_before_pixels_has_one_curve():
    model = train(examples(800), NAMES, CLASSES, OPTIONS).classifier
    arrays = unpacked(model.to_bytes())
    del arrays["pixel_raw"], arrays["pixel_probability"]
    old, data = Classifier.from_bytes(packed(arrays)), examples(100, seed=2).features
    np.testing.assert_array_equal(old.scores(data).real, model.scores(data).real)


def test_rare_kinds_weigh_more_and_none_too_much():
    kind = np.repeat([5, 6], [900, 100])
    alike = np.ones(1000)
    weight = rare_weights(kind, 0.5, alike)
    assert weight.mean() == pytest.approx(1) and weight[-1] / weight[0] == pytest.approx(3)
    assert (rare_weights(kind, 0, alike) == 1).all()
    equal = rare_weights(kind, 1, alike)
    assert equal[:900].sum() == pytest.approx(equal[900:].sum())


def test_a_rare_class_is_found_more_often_with_weights():
    rng = np.random.default_rng(7)
    data = examples(1000, n_classes=2)
    # One in twelve, told by a number that doesn't tell it for certain.
    rare = data.is_real & (rng.random(1000) < 1 / 12)
    data.features[rare, 2] = rng.normal(1.5, 1, rare.sum())
    data.class_number[rare] = data.kind[rare] = 2
    found = []
    for power in (0.0, 1.0):
        options = LearningOptions(**{**vars(OPTIONS), "rare_weight": power, "n_parts": 2})
        told = train(data, NAMES, CLASSES, options).told
        found.append(np.mean(told[rare] == 2))
    assert found[1] > found[0] + 0.1


def test_too_few_examples_are_refused_with_what_to_do():
    with pytest.raises(GalprojectError, match=r"too few to learn from.*inject"):
        train(examples(60), NAMES, CLASSES, OPTIONS)


def test_without_scikit_learn_training_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(GalprojectError, match=r"requirements-learning\.txt"):
        train(examples(400), NAMES, CLASSES, OPTIONS)


def test_a_model_of_features_that_are_gone_is_not_used():
    matrix = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(selected(matrix, "abc", "ca"), matrix[:, [2, 0]])
    with pytest.raises(KeyError):
        selected(matrix, "abc", "ax")


def test_values_are_rounded_to_the_nearest_of_some():
    values = np.random.default_rng(1).normal(size=(5000, 2))
    values[:10, 0] = np.nan
    few = rounded(values)
    assert np.isnan(few[:10, 0]).all() and len(np.unique(few[:, 1])) <= 250
    kept = np.unique(few[:, 1])
    assert np.isin(kept, values[:, 1]).all()
    nearest = kept[np.abs(values[:, 1, None] - kept).argmin(axis=1)]
    np.testing.assert_array_equal(few[:, 1], nearest)


def facts_of_two():
    candidates, changes = no_candidates(2), no_changes(3)
    candidates["refsource_id"] = 10, 20
    candidates["x"], candidates["y"] = (100, 103), (200, 204)
    candidates["width"], candidates["height"] = 2048, 4096
    candidates["n_epochs"], candidates["n_changes"] = 10, (2, 0)
    candidates["usual_fwhm"] = 4
    changes["refsource_id"] = 10, 10, 15  # the last is of no candidate
    changes["image_id"] = 1, 2, 2
    changes["mjd"] = 60000.1, 60000.2, 60000.2
    changes["x"], changes["y"] = (100, 100, 101), (200, 200, 200)
    changes["delta_mag"], changes["fwhm"], changes["significance"] = (-0.5, -0.3, 1), 6, 20
    changes["failed_cuts"], changes["flags"] = (4, 0, 0), (64, 0, 0)
    return Facts(candidates, changes)


def test_features_are_those_of_changes_and_surroundings():
    matrix = features_of(facts_of_two())
    of = {name: matrix[:, number] for number, name in enumerate(FEATURES)}
    assert matrix.shape == (2, len(FEATURES)) and matrix.dtype == np.float32
    assert of["changed_share"][0] == pytest.approx(0.2)
    assert of["edge_distance"].tolist() == [100, 103]
    assert of["nearest_candidate"] == pytest.approx([5, 5])
    assert of["share_brighter"][0] == 1 and np.isnan(of["share_brighter"][1])
    assert of["n_nights"].tolist() == [1, 0]
    assert of["seeing_ratio"][0] == pytest.approx(1.5)
    assert of["share_masked"][0] == 0.5 and of["share_streak"][0] == 0.5
    assert of["mean_crowd"][0] == pytest.approx(1.5) and of["others_at_place"][0] == 1
    assert of["delta_scatter"][0] == pytest.approx(np.std([0.5, 0.3], ddof=1))
    # What is not known is told by no number.
    assert np.isnan(of["period_days"]).all() and np.isnan(of["ccdnum"]).all()


def test_features_of_nothing_are_none():
    assert features_of(Facts(no_candidates(0), no_changes(3))).shape == (0, len(FEATURES))
    assert features_of(Facts(no_candidates(2), no_changes(0))).shape == (2, len(FEATURES))


def test_every_cause_has_a_number():
    zeros = {name: np.zeros(1) for name in Evidence.__dataclass_fields__}
    zeros |= {name: np.zeros(1, int) for name in ("always_failed", "n_others_nearby")}
    zeros |= {"only_on_reference": np.zeros(1, bool), "is_new": np.zeros(1, bool)}
    zeros["edge_distance"] = np.full(1, 100.0)
    assert cause_number(judge_causes(Evidence(**zeros))[0]) == 9

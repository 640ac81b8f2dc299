"""Models that are trained on votes, stored, and asked about all candidates."""

from dataclasses import replace

import numpy as np
import pytest
from django.core.management import call_command

from exposures.errors import GalprojectError
from exposures.locks import Claimed
from galproject.queue.tasks import learn_from_votes
from photometry.models import GalReference
from photometry.storage.storage import drop_catalogue
from tests.builders.campaigns import make_campaign
from tests.builders.candidates import make_candidates
from tests.builders.exposures_in_work import held_elsewhere
from tests.builders.learnt_models import FEW, agreed_candidates, make_model
from tests.builders.sessions import at_once
from variables.learning import scoring
from variables.learning.examples import known_candidates, n_agreed
from variables.learning.facts import read_facts
from variables.learning.injected import artificial_candidates, keep_examples, kept_examples
from variables.learning.scoring import classifier_of, score_candidates
from variables.learning.training import is_due, train_model
from variables.models import (
    GalCandidate,
    GalChangeShape,
    GalPeriod,
    GalScore,
    GalScoreRun,
    GalVariability,
    GalVarObj,
    InjectedExamples,
    LearntModel,
    Taxonomy,
    TaxonomyClass,
)
from variables.science.change_shapes import SHAPES, VERSION
from variables.science.learning.classifier import Classifier
from variables.science.learning.features import FEATURES, PIXEL_FEATURES, features_of
from variables.science.learning.trees import packed

pytestmark = pytest.mark.django_db


def feature(catalogue, name):
    return features_of(read_facts(catalogue))[:, FEATURES.index(name)]


def test_what_is_read_of_candidates_is_what_is_stored():
    made = make_candidates(9)
    catalogue = made[0].catalogue
    zeros = {f.attname: 0 for f in GalVariability._meta.local_fields}
    GalVariability.objects.create(**zeros | {"refsource_id": made[1].pk, "stetson_j": 4.5})
    period = {f.attname: 0 for f in GalPeriod._meta.local_fields if f.attname != "pk"}
    for rank, days in ((1, 0.5), (2, 1.5)):
        GalPeriod.objects.create(
            **period | {"refsource_id": made[1].pk, "rank": rank, "days": days}
        )
    facts = read_facts(catalogue)
    c = facts.candidates
    assert c["refsource_id"].tolist() == [one.pk for one in made]
    assert c["n_changes"].tolist() == [one.n_changes for one in made]
    assert c["max_delta_mag"] == pytest.approx([one.max_delta_mag for one in made])
    assert c["stetson_j"][1] == 4.5 and np.isnan(np.delete(c["stetson_j"], 1)).all()
    assert c["cause"].tolist() == [9] * 9  # none is known
    assert (c["width"] == 2000).all() and (c["reference_fracflux"] > 0).all()
    assert len(facts.changes) == GalVarObj.objects.count()
    assert (facts.changes["flags"] >= 0).all() and np.isfinite(facts.changes["quality"]).all()
    ratio = feature(catalogue, "period_ratio")
    assert ratio[1] == 3 and np.isnan(np.delete(ratio, 1)).all()


def make_shape(candidate, **columns):
    row = dict.fromkeys(("shown_share", *SHAPES), 0.5) | {"version": VERSION}
    counts = {"n_images": 2, "n_changes": candidate.n_changes}
    return GalChangeShape.objects.create(refsource_id=candidate.pk, **row | counts | columns)


def test_shapes_are_read_where_there_are_any_of_this_version():
    made = make_candidates(5)
    make_shape(made[1], width=0.8, sigma=float("nan"))
    make_shape(made[2], version=VERSION - 1)
    catalogue = made[0].catalogue
    width = feature(catalogue, "shape_width")
    assert width[1] == pytest.approx(0.8) and np.isnan(np.delete(width, 1)).all()
    assert np.isnan(feature(catalogue, "shape_sigma")).all()
    assert feature(catalogue, "shape_shown_share")[1] == 0.5


def test_candidates_are_scored_again_when_their_pixels_are_measured():
    made = agreed_candidates(1)
    model = train_model(FEW, "test", again=True)
    list(score_candidates(model))
    assert [one.n_candidates for one in score_candidates(model)] == [None]
    make_shape(made[0])
    assert [one.n_candidates for one in score_candidates(model)] == [24]
    assert [one.n_candidates for one in score_candidates(model)] == [None]
    GalChangeShape.objects.get().save()  # measured anew
    assert [one.n_candidates for one in score_candidates(model)] == [24]


def test_a_catalogue_that_is_gone_has_no_facts():
    catalogue = make_candidates(3)[0].catalogue
    drop_catalogue(GalReference.objects.get(pk=catalogue.pk))
    assert read_facts(catalogue) is None


def test_a_model_learns_from_votes_and_says_of_what():
    made = agreed_candidates()
    model = train_model(FEW, "1.2", again=True)
    assert model.code_version == "1.2" and not model.is_current
    assert model.example_ids == [one.pk for one in made] and model.n_agreed == len(made)
    n = len(made) // 4
    votes = {"artifact": n, "artifact/artifact-edge": n, "rr-lyrae": n, "eclipsing": n}
    assert model.trained_on == {"votes": votes, "gold": {}, "strokes": {}, "injected": {}}
    assert model.classes == ["eclipsing", "rr-lyrae"]
    assert model.figures["area_under_curve"] > 0.85
    assert model.options["n_trees"] == FEW.n_trees


def test_gold_counts_in_place_of_votes_and_those_who_cannot_tell_do_not():
    made = agreed_candidates(1)
    classes = {one.slug: one for one in TaxonomyClass.objects.all()}
    GalCandidate.objects.filter(pk=made[0].pk).update(consensus=classes["uncertain"])
    campaign = make_campaign(candidates=GalCandidate.objects.all())
    campaign.objects_in.filter(refsource_id=made[1].pk).update(gold=classes["artifact"])
    known = known_candidates(Taxonomy.objects.get(), 0.3)
    assert made[0].pk not in known.refsource_id
    place = known.refsource_id.tolist().index(made[1].pk)
    assert not known.examples.is_real[place] and known.numbers["gold"] == {"artifact": 1}
    assert n_agreed() == len(made) - 1


def test_a_class_of_another_taxonomy_counts_by_its_name():
    agreed_candidates(1)
    TaxonomyClass.objects.filter(slug="eclipsing").update(slug="binary")
    old = Taxonomy.objects.get()
    new = Taxonomy.objects.create(version=2)
    TaxonomyClass.objects.create(
        taxonomy=new, slug="rr-lyrae", label="RR", kind="variable", key="r"
    )
    known = known_candidates(new, 0.3)
    assert known.classes == ("rr-lyrae",) and old.pk != new.pk
    real = known.examples.class_number[known.examples.is_real]
    assert sorted(set(real.tolist())) == [-1, 0]


def test_examples_of_one_star_are_of_one_group():
    made = agreed_candidates(2)
    pair = [made[0].pk, made[-1].pk]
    GalCandidate.objects.filter(pk__in=pair).update(object_id=77)
    known = known_candidates(Taxonomy.objects.get(), 0.3)
    star = known.examples.star[np.isin(known.refsource_id, pair)]
    assert star[0] == star[1] and len(np.unique(known.examples.star)) == len(made) - 1


def test_a_model_comes_into_use_when_all_candidates_are_scored():
    made = agreed_candidates()
    first = make_model(made)
    assert first.is_current and GalScore.objects.count() == len(made)
    scores = {one.refsource_id: one for one in GalScore.objects.all()}
    real = [scores[one.pk].real for one in made]
    is_real = [one.consensus.kind == "variable" for one in made]
    assert np.mean(np.array(real)[is_real]) > np.mean(np.array(real)[np.invert(is_real)]) + 0.3
    best = scores[made[1].pk].classes
    assert len(best) == 2 and TaxonomyClass.objects.get(pk=best[0][0]).kind == "variable"
    assert sum(chance for _, chance in best) == pytest.approx(scores[made[1].pk].real, rel=1e-5)
    second = train_model(FEW, "test", again=True)
    steps = score_candidates(second)
    next(steps)
    # Half way, what is shown is all by the first.
    assert LearntModel.objects.in_use() == first
    assert GalScore.objects.filter(model_id=first.pk).count() == len(made)
    list(steps)
    assert LearntModel.objects.in_use() == second
    assert set(GalScore.objects.values_list("model_id", flat=True)) == {second.pk}
    assert GalScoreRun.objects.count() == 3


def test_scoring_goes_on_where_it_was_interrupted(monkeypatch):
    made = agreed_candidates()
    model = train_model(FEW, "test", again=True)
    steps = score_candidates(model)
    next(steps)
    steps.close()
    read = []
    monkeypatch.setattr(scoring, "read_facts", lambda c: read.append(c.pk) or read_facts(c))
    assert [one.n_candidates for one in score_candidates(model)] == [None, 24, 24]
    assert len(read) == 2 and GalScore.objects.count() == len(made)
    assert [one.n_candidates for one in score_candidates(model)] == [None] * 3
    # What changed since is scored again, and that alone.
    make_candidates(3, ra=300.0)
    assert [one.n_candidates for one in score_candidates(model)] == [None] * 3 + [3]
    assert [one.n_candidates for one in score_candidates(model, again=True)] == [24] * 3 + [3]


def test_two_workers_at_once_do_it_once():
    agreed_candidates(3)
    model = train_model(FEW, "test", again=True)
    with held_elsewhere(Claimed.TRAINING, 0):
        assert train_model(FEW, "test", again=True) is None
    first = GalCandidate.objects.order_by("pk").first().catalogue_id
    with held_elsewhere(Claimed.SCORES, first):
        assert [one.n_candidates for one in score_candidates(model)] == [None, 24, 24]
    model.refresh_from_db()
    assert not model.is_current  # the other worker has one catalogue still
    list(score_candidates(model))
    model.refresh_from_db()
    assert model.is_current


@pytest.mark.django_db(transaction=True)
def test_two_sessions_at_the_same_time_train_one_model_and_score_each_candidate_once():
    made = agreed_candidates(4)
    # Who comes when the other has ended finds that no vote is new.
    models = at_once(*[lambda: train_model(FEW, "test")] * 2)
    (model,) = (one for one in models if one is not None)

    def score():
        return [one.n_candidates for one in score_candidates(model)]

    done = [n for of_session in at_once(score, score) for n in of_session if n is not None]
    assert done == [24] * 4 and GalScore.objects.count() == len(made)
    assert LearntModel.objects.in_use() == model


def test_a_model_is_trained_again_when_enough_votes_are_new():
    made = agreed_candidates()
    assert is_due(FEW)
    assert train_model(FEW, "test") is not None
    assert not is_due(FEW) and train_model(FEW, "test") is None
    GalCandidate.objects.filter(pk__in=[one.pk for one in made]).update(consensus=None)
    make_candidates(3, ra=300.0)
    last = LearntModel.objects.get()
    LearntModel.objects.filter(pk=last.pk).update(n_agreed=0)
    edge = TaxonomyClass.objects.get(slug="artifact-edge")
    GalCandidate.objects.filter(pk__in=[one.pk for one in made[:20]]).update(consensus=edge)
    assert is_due(FEW)


def test_scores_go_with_their_catalogue():
    made = agreed_candidates()
    make_model(made)
    catalogue = made[0].catalogue
    drop_catalogue(GalReference.objects.get(pk=catalogue.pk))
    assert GalScore.objects.count() == len(made) - 24
    assert not GalScore.objects.in_catalogue(catalogue.pk).exists()


def test_a_model_whose_features_are_gone_is_refused(monkeypatch):
    model = make_model()
    gone = Classifier.from_bytes(bytes(model.data))
    renamed = Classifier(**vars(gone) | {"features": (*gone.features[:-1], "of_old")})
    model.data = renamed.to_bytes()
    with pytest.raises(GalprojectError, match=r"of_old.*train_model --again"):
        classifier_of(model)


def test_the_commands_train_and_score(capsys, monkeypatch):
    call_command("score_candidates")
    assert "There is no model yet" in capsys.readouterr().out
    made = agreed_candidates()
    monkeypatch.setattr("galproject.processing.learning.load_options", options_of(FEW))
    call_command("train_model", again=True)
    out = capsys.readouterr().out
    assert f"{len(made)} examples" in out and "area under the curve" in out
    call_command("score_candidates")
    assert f"{len(made)} candidates are scored" in capsys.readouterr().out
    call_command("train_model")
    assert "Nothing is to be learnt" in capsys.readouterr().out


def options_of(learning):
    class Options:
        pass

    Options.learning = learning
    return lambda: Options


def test_the_task_goes_on_with_the_last_model_where_none_can_be_trained(monkeypatch, caplog):
    assert learn_from_votes() == {"candidates": 0}
    made = agreed_candidates()
    monkeypatch.setattr("galproject.processing.learning.load_options", options_of(FEW))
    assert learn_from_votes() == {"candidates": len(made)}
    LearntModel.objects.update(n_agreed=0)
    more = {**vars(FEW), "min_examples": 10_000}
    options = type(FEW)(**more)
    monkeypatch.setattr("galproject.processing.learning.load_options", options_of(options))
    make_candidates(3, ra=300.0)
    assert learn_from_votes() == {"candidates": 3}
    assert "too few to learn from" in caplog.text


def test_artificial_stars_that_were_kept_teach_and_the_model_says_how_many():
    made = agreed_candidates()
    found = artificial_candidates(np.array([one.pk for one in made[:9]]), np.arange(9) < 6)
    assert len(found) == 9 and found.is_real.sum() == 6
    (facts,) = {one.catalogue_id for one in made[:9]}
    catalogue = GalReference.objects.get(pk=facts)
    np.testing.assert_array_equal(found.features, features_of(read_facts(catalogue))[:9])
    keep_examples(found, "e1", 7)
    keep_examples(found, "e1", 7)  # the same stars again
    model = train_model(FEW, "test", again=True)
    assert model.trained_on["injected"] == {"variable": 6, "constant": 3}
    assert model.example_ids == [one.pk for one in made] and model.n_agreed == len(made)
    without = train_model(replace(FEW, injected_weight=0.0), "test", again=True)
    assert without.trained_on["injected"] == {}
    # Of a version without features of pixels all others are known.
    one = InjectedExamples.objects.get()
    there = [FEATURES.index(name) for name in FEATURES if name not in PIXEL_FEATURES]
    arrays = {"features": found.features[:, there], "is_real": found.is_real}
    one.features, one.data = [FEATURES[k] for k in there], packed(arrays)
    one.save()
    np.testing.assert_array_equal(kept_examples().features, found.features)
    # Those of a version with other features are left.
    InjectedExamples.objects.update(features=list(FEATURES[1:]))
    assert len(kept_examples()) == 0

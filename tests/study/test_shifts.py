"""Outliers of every kind, found by every method: what a record says is what one would compute by hand."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn.functional import one_hot

import decnn
from decnn import data
from decnn.attacks import fgsm
from decnn.data import CORRUPTIONS, corrupt
from decnn.study import tables
from decnn.study.evaluation import shifts
from decnn.study.evaluation.sampling import fewer_votes
from decnn.study.runs import runner
from decnn.study.specifications import METHODS, models, open_choices, specification

ASKED = [*((name, False) for name, m in METHODS.items() if m.sampled or name == "Standard"), ("ReDecNN", True)]


@pytest.mark.parametrize(("method", "own"), ASKED)
def test_every_method_tells_every_kind_of_outlier_and_twice_the_same(images, run, tiny, method, own):
    specs = [
        specification(method, "mnist-5k", tiny, 0, own_statistics=own, depth=2, outliers=outliers)
        for outliers in ("shifts", "fashion_mnist")
    ]
    one, other = run("one", specs), run("other", specs[::-1])
    kinds = {*CORRUPTIONS, *(f"fgsm-{eps:g}" for eps in shifts.EPSILONS)}, {"fashion_mnist"}
    for spec, names in zip(specs, kinds, strict=True):
        found = one.find(spec)["metrics"]
        assert found == other.find(spec)["metrics"]
        assert set(found["sets"]) == names
        assert found["inliers"] == 12
        for entry in found["sets"].values():
            assert entry["outliers"] == 12
            assert all(0 <= s["auroc"] <= 1 and 0 <= s["fpr95"] <= 1 for s in entry["scores"].values())
            assert ("by_depth" in entry) == (method == "ReDecNN")


@pytest.mark.parametrize("method", ["Standard", "Ensemble"])
def test_mean_and_sd_are_over_the_14_corruptions(images, run, tiny, method):
    spec = specification(method, "mnist-5k", tiny, 0, outliers="shifts")
    found = run("one", [spec]).find(spec)["metrics"]
    for score, course in found["corruptions"].items():
        values = torch.tensor([found["sets"][name]["scores"][score]["auroc"] for name in CORRUPTIONS])
        assert course["mean"] == pytest.approx(values.mean().item())
        assert course["sd"] == pytest.approx(values.std().item())


def test_detectors_have_the_scores_of_their_formulas(images, run, tiny):
    """The four numbers of a record, from the logits and features of the same network."""
    spec = specification("Standard", "mnist-5k", tiny, 0, outliers="fashion_mnist")
    found = run("one", [spec]).find(spec)["metrics"]["sets"]["fashion_mnist"]["scores"]
    ((model, _),) = runner.trained([spec], progress=False)
    train, inliers, outliers = images("m", "train"), images("m", "test"), images("fashion_mnist", "test")
    x = torch.cat([part.images[runner.subset(64, 12)] for part in (inliers, outliers)])
    outlier = torch.arange(24) >= 12
    with torch.no_grad():
        logits, hs = model.activations(x)
        features = model.activations(train.images)[1][-1].double()
    means = torch.stack([features[train.labels == k].mean(0) for k in range(10)])
    centred = features - means[train.labels]
    precision = torch.linalg.pinv(centred.T @ centred / len(centred))
    distance = torch.stack([((d := hs[-1].double() - m) @ precision * d).sum(1) for m in means]).amin(0)
    for name, score in {
        "msp": -logits.softmax(1).amax(1), "energy": -logits.logsumexp(1), "mahalanobis": distance,
    }.items():  # fmt: skip
        assert found[name]["auroc"] == pytest.approx(decnn.metrics.auroc(score, outlier), abs=0.02), name


@pytest.mark.parametrize("method", ["Standard", "MC-Dropout", "BayesNN", "Ensemble", "DecNN"])
def test_attacks_are_crafted_for_a_single_deterministic_classifier(images, tiny, method):
    spec = specification(method, "mnist-5k", tiny, 0, outliers="shifts")
    model = models.build(spec.training).eval()
    single = model.stack.members()[0] if method == "Ensemble" else model
    x, y = images("m", "test").images[:5], images("m", "test").labels[:5]
    sets = dict(shifts.outlier_sets(spec, model, x, y, "cpu"))
    for eps in shifts.EPSILONS:
        torch.testing.assert_close(sets[f"fgsm-{eps:g}"], fgsm(single, x, y, eps))
    for name in CORRUPTIONS:
        assert torch.equal(sets[name], corrupt(x, name))


def test_another_data_set_gets_the_inliers_channels_and_the_same_number(images, tiny, monkeypatch):
    colour = dataclasses.replace(images("faces", "test"), pixels=torch.rand(64, 3, 32, 32))
    monkeypatch.setattr(data, "load", lambda name, split: colour)
    spec = specification("Standard", "mnist-5k", tiny, 0, outliers="faces")
    ((name, x),) = shifts.outlier_sets(spec, None, images("m", "test").images, None, "cpu")
    assert (name, x.shape) == ("faces", (12, 1, 32, 32))


def test_inliers_are_scored_once_for_all_kinds_of_outliers(images, run, tiny, monkeypatch):
    asked = []
    usual = shifts.scorer

    def scorer(*about):
        ask = usual(*about)
        return lambda name, images: asked.append(name) or ask(name, images)

    monkeypatch.setattr(runner, "scorer", scorer)
    kinds = ("shifts", "fashion_mnist", "mnist")
    run("one", [specification("Standard", "mnist-5k", tiny, s, outliers=o) for o in kinds for s in tiny.seeds])
    assert asked.count("inliers") == len(tiny.seeds)


def test_constant_scores_are_noted():
    scored = shifts.Scored({"vote_entropy": torch.zeros(3)})
    found = shifts.evaluate_detection(scored, iter([("a", torch.zeros(2, 1, 1, 1))]), lambda *_: scored)
    assert found["sets"]["a"]["scores"]["vote_entropy"]["auroc"] == 0.5
    assert found["notes"] == ["scores are constant on a: an AUROC of 0.5 says nothing"]


def test_fewer_votes_end_at_all_votes_and_begin_at_one():
    votes = torch.randint(0, 3, (100, 40))
    logits = one_hot(votes, 3).double()
    positive = torch.arange(40) < 20
    course = fewer_votes(logits, lambda scores: decnn.metrics.auroc(scores, positive))
    assert [step["samples"] for step in course][::11] == [1, 100]
    assert course[0]["mean"] == 0.5  # one vote has no entropy
    whole = decnn.metrics.auroc(decnn.vote_entropy(votes, 3), positive)
    assert course[-1]["mean"] == pytest.approx(whole, abs=1e-12)
    assert course[-1]["sd"] is None


@pytest.mark.parametrize("name", [name for name in tables.TABLES if name != "table_02"])  # it is a part of table_11
def test_every_query_finds_its_number(images, run, tiny, name):
    """Whatever a table asks stands in the record that its specification makes."""
    queries = {}
    for query in tables.table(name).queries.values():
        run_of = (query.settings.get("outliers"), query.settings.get("classifier"), query.method)
        if run_of not in queries or "corruptions" in query.metric:
            queries[run_of] = query
    for asked in queries.values():
        query = dataclasses.replace(asked, settings={**asked.settings, "depth": 2})
        spec = query.specification(tiny, 0)
        value = query.value(run("one", [spec]).find(spec))
        assert value is None or 0 <= value <= 100


def test_the_open_choices_change_one_setting_each(tiny):
    specs = open_choices.alternatives(tiny, tiny.seeds)
    assert len(set(specs)) == len(specs)
    default = specification("BayesNN", "mnist", tiny, 0)
    assert open_choices.spread(tiny, 0, -7.0, "examples", None) == default
    assert default in specs


def test_a_hundred_votes_are_the_first_seeds_alone(tiny):
    """The page shows no other; asking for another seed must not compute what nobody sees."""
    for seeds, shown in (((0, 1), {0}), ((1,), set())):
        specs = open_choices.alternatives(tiny, seeds)
        assert {spec.training.seed for spec in specs if spec.evaluation.samples == open_choices.SAMPLES} == shown

"""A run: one specification gives one result, what is there is not run again, and missing data stop nothing else."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter

import pytest
import torch

from decnn import data, metrics
from decnn.checkpoints import save_checkpoint
from decnn.study.evaluation.protocol import evaluate
from decnn.study.runs import runner
from decnn.study.runs.records import Records
from decnn.study.specifications import METHODS, specification
from decnn.study.specifications.models import build


@pytest.mark.parametrize(("method", "own"), [*((name, False) for name in METHODS), ("ReDecNN", True)])
def test_the_same_specification_gives_the_same_record(images, run, tiny, method, own):
    one, other = (
        run(name, [specification(method, "mnist-5k", tiny, seed, own_statistics=own) for seed in tiny.seeds])
        for name in ("one", "other")
    )
    specs = [specification(method, "mnist-5k", tiny, seed, own_statistics=own) for seed in tiny.seeds]
    for spec in specs:
        found = one.find(spec)
        assert found["metrics"] == other.find(spec)["metrics"]
        assert found["precision"] == spec.training.precision
        assert found["data"]["train"] == {"checksum": "traintrain", "examples": 32}
        assert found["data"]["test"] == {"checksum": "testtest", "examples": 64}
    assert one.find(specs[0])["metrics"] != one.find(specs[1])["metrics"]


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.sampled])
def test_a_records_counts_of_vote_entropy_give_its_auroc(images, run, tiny, method):
    profile = dataclasses.replace(tiny, samples=30, vote_size=None, seeds=(0,))
    spec = specification(method, "mnist-5k", profile, 0)
    found = run("one", [spec]).find(spec)["metrics"]
    counts = found["vote_entropy_counts"]
    nats = torch.tensor(counts["nats"])
    assert 0 < sum(counts["wrong"]) == found["voted_errors"] < found["voted_examples"] == 64
    scores = torch.cat([nats.repeat_interleave(torch.tensor(counts[kind])) for kind in ("right", "wrong")])
    wrong = torch.arange(64) >= sum(counts["right"])
    assert metrics.auroc(scores, wrong) == pytest.approx(found["misclassification_auroc"], abs=1e-12)


def test_equal_vote_entropies_are_ties_to_the_last_bit(tiny, scripted):
    """Counts 4, 1, 1, 1, 1 and 2, 2, 2, 2 have one entropy: sum c ln c is the logarithm of an integer, prod c^c."""
    labels = torch.randint(0, 10, (900,))
    logits = torch.randn(30, 900, 10, dtype=torch.float32)
    logits[:, torch.arange(900), labels] += torch.rand(900)  # the first sample is right now and then
    spec = specification("BayesNN", "mnist-5k", dataclasses.replace(tiny, samples=30, vote_size=None), 0)
    found = evaluate(spec, scripted(logits), torch.arange(900.0)[:, None, None, None], labels)
    votes = logits.argmax(-1).T.tolist()
    products = [math.prod(c**c for c in Counter(row).values()) for row in votes]
    order = {product: rank for rank, product in enumerate(sorted(set(products), reverse=True))}
    scores = torch.tensor([order[product] for product in products])
    expected = metrics.auroc(scores, logits[0].argmax(-1) != labels)
    assert found["misclassification_auroc"] == pytest.approx(expected, abs=1e-12)


def test_what_is_there_is_not_run_again_unless_asked(images, run, tiny, monkeypatch):
    spec = specification("Standard", "mnist-5k", tiny, 0)
    records = run("one", [spec, spec])
    evaluated = []
    usual = runner.evaluate
    monkeypatch.setattr(runner, "evaluate", lambda *arguments: evaluated.append(1) or usual(*arguments))
    monkeypatch.setattr(runner, "fit", None)  # the weights are in the cache
    before = records.find(spec)
    run("one", [spec])
    assert evaluated == []
    run("one", [spec], refresh=True)
    assert evaluated == [1]
    assert records.find(spec)["metrics"] == before["metrics"]


@pytest.mark.usefixtures("own_cache")
def test_weights_from_the_cache_say_how_many_were_trained_together(images, run, tiny):
    """Another number of networks in a stack gives other numbers, so a record of one of them has to tell."""
    specs = [specification("Standard", "mnist-5k", tiny, seed) for seed in tiny.seeds]
    store = run("one", specs)
    before = store.find(specs[0])
    store.path(specs[0]).unlink()
    runner.fill(specs[:1], store, progress=False)
    assert store.find(specs[0])["trained_together"] == before["trained_together"] == len(tiny.seeds) > 1
    model = build(specs[0].training)
    save_checkpoint(runner.weights_of(specs[0]), model, None, tiny.steps, specs[0].training_key)  # as it once was
    runner.fill(specs[:1], store, refresh=True, progress=False)
    assert store.find(specs[0])["trained_together"] is None


def test_missing_data_leave_a_run_out_with_the_reason_and_the_rest_goes_on(images, tiny, tmp_path, monkeypatch):
    def load(name: str, split: str):
        if name == "fashion_mnist":
            raise data.DataNotFound("not run: data not found: fashion_mnist")
        return images(name, split)

    monkeypatch.setattr(data, "load", load)
    specs = [specification("Standard", dataset, tiny, 0) for dataset in ("fashion_mnist", "mnist-5k")]
    records = Records(tmp_path / "records")
    reason = {specs[0].key: "not run: data not found: fashion_mnist"}
    assert runner.fill(specs, records, progress=False) == reason
    assert [record["key"] for record in records.all()] == [specs[1].key]

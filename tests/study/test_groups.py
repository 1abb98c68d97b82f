"""Two groups of images: measures by hand and by scikit-learn, intervals by a loop, probes that find or do not."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from torch import nn

import decnn
from decnn import metrics
from decnn.likelihood import as_classes
from decnn.study.evaluation import bootstrap
from decnn.study.evaluation.bootstrap import interval, resampled
from decnn.study.evaluation.groups import MEASURES, compare, probe

YES, NO = True, False
SURE = math.log(3)  # a logit that is a probability of 3/4


def everyone(logits, truth):
    """The first group of a comparison in which nobody belongs to the second."""
    return compare(logits, truth, torch.ones_like(truth))["groups"]["with"]


def noisy(count: int, seed: int = 0):
    """Answers that are right more often than not, with ties."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(count, generator=generator) < 0.3
    return (torch.randn(count, generator=generator) + truth).mul(4).round() / 4, truth


@pytest.mark.parametrize(
    ("logits", "truth", "f1", "ap", "ece"),
    [
        ([SURE, SURE, -SURE, SURE], [YES, NO, YES, YES], 2 / 3, 100 * (2 / 3 * 2 / 3 + 1 / 3 * 3 / 4), 25.0),
        ([SURE, -SURE, -SURE, -SURE], [YES, YES, NO, NO], 2 / 3, 100 * (1 / 2 + 1 / 2 * 1 / 2), 0.0),
        ([-SURE, -SURE, -SURE, -SURE], [NO, NO, YES, NO], 0.0, 25.0, 0.0),
        ([0.0, 0.0], [YES, NO], 0.0, 50.0, 0.0),  # 0 is no yes
    ],
    ids=["one-missed-one-too-many", "one-missed", "never-yes", "undecided"],
)
def test_measures_by_hand(logits, truth, f1, ap, ece):
    found = everyone(torch.tensor(logits), torch.tensor(truth))
    assert found["f1"]["value"] == pytest.approx(f1)
    assert found["ap"]["value"] == pytest.approx(ap)
    assert found["ece"]["value"] == pytest.approx(ece, abs=1e-4)
    assert (found["positives"], found["examples"]) == (sum(truth), len(truth))


def test_each_group_is_measured_on_its_images_alone():
    logits, truth = noisy(300)
    member = torch.arange(300) % 4 == 0
    found = compare(logits, truth, member)
    assert found["notes"] == []
    for side, chosen in (("with", member), ("without", ~member)):
        z, y = logits[chosen].numpy(), truth[chosen].numpy()
        entry = found["groups"][side]
        assert entry["f1"]["value"] == pytest.approx(f1_score(y, z > 0))
        assert entry["ap"]["value"] == pytest.approx(100 * average_precision_score(y, z))
        pairs = as_classes(logits[chosen]).softmax(1)
        assert entry["ece"]["value"] == metrics.ece(pairs, truth[chosen].long())
        assert (entry["positives"], entry["examples"]) == (y.sum(), len(y))


@pytest.mark.parametrize("answer", [YES, NO])
def test_a_group_with_one_answer_has_a_note_in_place_of_a_number(answer):
    logits, truth = noisy(40)
    member = truth == answer
    found = compare(logits, truth, member, "Bald")
    count, positive = int(member.sum()), int(member.sum()) * answer
    for side in ("with", "without"):
        for name in ("f1", "ap"):
            assert found["groups"][side][name] == {"value": None, "interval": None}
        assert 0 <= found["groups"][side]["ece"]["value"] <= 100
    assert found["notes"][0] == f"with Bald: F1 and AP not defined: {positive} of {count} are positive"
    assert len(found["notes"]) == 2


def test_an_empty_group_has_no_number_at_all():
    found = compare(*noisy(40), torch.zeros(40, dtype=torch.bool))
    empty = {"value": None, "interval": None}
    assert found["groups"]["with"] == {"f1": empty, "ap": empty, "ece": empty, "positives": 0, "examples": 0}
    assert "0 of 0 are positive" in found["notes"][0]


# --- intervals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEASURES)
def test_intervals_are_those_of_a_loop_over_the_drawn_images(name, monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES", 120)
    logits, truth = noisy(50)
    counts = resampled(truth)
    values = [MEASURES[name](logits.repeat_interleave(row), truth.repeat_interleave(row)) for row in counts.int()]
    expected = np.percentile(values, [2.5, 97.5])
    assert interval(name, counts, logits, truth) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("positives", [1, 6, 11], ids=["one-yes", "half", "one-no"])
def test_resamples_draw_as_many_images_and_both_answers(positives):
    truth = torch.arange(12) < positives
    counts = resampled(truth)
    assert (counts.sum(1) == 12).all()
    assert (counts[:, truth].sum(1) > 0).all()
    assert (counts[:, ~truth].sum(1) > 0).all()
    assert counts.double().var(0).min() > 0.5


def test_resamples_of_one_answer_are_all_that_can_be_drawn():
    assert (resampled(torch.ones(3, dtype=torch.bool)).sum(1) == 3).all()


@pytest.mark.parametrize("name", ["f1", "ap", "auroc"])
def test_an_interval_holds_the_value_shrinks_with_the_images_and_is_seeded(name):
    widths = []
    for count in (100, 1600):
        logits, truth = noisy(count)
        low, high = interval(name, resampled(truth), logits, truth)
        assert low < MEASURES[name](logits, truth) < high
        assert [low, high] == interval(name, resampled(truth), logits, truth)
        widths.append(high - low)
    assert 2.5 < widths[0] / widths[1] < 6.5  # the square root of 16 is 4


# --- probes -----------------------------------------------------------------------------------------------


class Layers(nn.Module):
    """Two layers: the image's two pixels, and then the second of them, which has left the first behind."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.unused = nn.BatchNorm1d(1), nn.Linear(1, 1)

    def activations(self, x):
        pixels = x.flatten(1)
        last = self.norm(pixels[:, 1:])
        return self.unused(last), [pixels, last]


def pictures(count: int, seed: int):
    """Pairs of independent pixels, and for each of them whether it is the brighter half."""
    pixels = torch.rand(count, 1, 1, 2, generator=torch.Generator().manual_seed(seed))
    return pixels, (pixels > 0.5)[:, 0, 0].T


def test_a_probe_finds_what_the_last_hidden_layer_holds_and_no_more():
    model = Layers().eval()
    (train, gone), (test, gone_too) = pictures(1500, 0), pictures(1500, 1)
    forgotten = probe(model, (train, gone[0]), (test, gone_too[0]))
    kept = probe(model, (train, gone[1]), (test, gone_too[1]))
    assert kept["auroc"]["value"] == 1
    assert kept["f1"]["value"] > 0.98
    assert forgotten["auroc"]["value"] == pytest.approx(0.5, abs=0.04)
    low, high = forgotten["auroc"]["interval"]
    assert low < 0.5 < high
    assert (kept["positives"], kept["examples"]) == (int(gone_too[1].sum()), 1500)


def test_a_probe_of_images_with_one_answer_has_no_number():
    (train, has), (test, _) = pictures(50, 0), pictures(20, 1)
    found = probe(Layers().eval(), (train, has[0]), (test, torch.zeros(20, dtype=torch.bool)))
    assert (found["auroc"]["value"], found["f1"]["value"], found["examples"]) == (None, None, 20)


def test_a_probe_without_an_example_in_training_has_a_note(toy):
    x, told = torch.rand(8, *toy.classifier.in_shape), torch.arange(8) % 2 == 0
    found = probe(toy, (x, torch.zeros(8, dtype=torch.bool)), (x, told))
    assert (found["f1"]["value"], found["auroc"]["value"], found["positives"]) == (None, None, 4)
    assert found["notes"] == ["probe not defined: 0 of 8 training images have the attribute"]


def test_a_probe_is_scikit_learns_logistic_regression_on_the_classifier_of_a_pair(toy):
    from sklearn.linear_model import LogisticRegression

    x = torch.rand(120, 1, 2, 2)
    told = x[:, 0, 0, 0] > x[:, 0, 1, 1]
    h = toy.classifier.activations(x)[1][-1].detach().numpy()
    h = (h - h[:80].mean(0)) / h[:80].std(0)
    head = LogisticRegression(max_iter=1000).fit(h[:80], told[:80].numpy())
    found = probe(toy, (x[:80], told[:80]), (x[80:], told[80:]))
    expected = roc_auc_score(told[80:].numpy(), head.decision_function(h[80:]))
    assert found["auroc"]["value"] == pytest.approx(expected, abs=0.01)  # activations are handed on in float32


def test_a_probe_leaves_the_model_as_it_is():
    model = decnn.DecNN(decnn.MLP(hidden=4, num_layers=2), decnn.ResNetDecoder(latent=4, width=1)).float().eval()
    before = copy.deepcopy(model.state_dict())
    x = torch.randint(0, 256, (40, 1, 32, 32), dtype=torch.uint8)  # as data sets keep them
    probe(model, (x[:30], torch.arange(30) % 2 == 0), (x[30:], torch.arange(10) % 2 == 0))
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not any(module.training for module in model.modules())

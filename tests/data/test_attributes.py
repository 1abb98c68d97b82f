"""A run that tells attributes: every (image, attribute) pair is an example, an image's votes are those of its heads."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from decnn import metrics
from decnn.study.evaluation.protocol import evaluate
from decnn.study.evaluation.sampling import scores_of_votes
from decnn.study.specifications import specification

LN2 = math.log(2)
SURE = math.log(3)  # a logit that is a probability of 3/4

# Which of four sampled classifiers say yes: three images, two attributes. The first one's answer counts.
SAID = torch.tensor([
    [[1, 1], [0, 1], [0, 0]],
    [[1, 0], [0, 0], [0, 1]],
    [[1, 1], [0, 1], [0, 0]],
    [[1, 0], [0, 0], [0, 0]],
])  # fmt: skip
TRUTH = torch.tensor([[1, 0], [0, 1], [0, 1]])
LOGITS = SURE * (2.0 * SAID - 1)
QUARTER = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
ENTROPIES = torch.tensor(
    [[0, LN2], [0, LN2], [0, QUARTER]], dtype=torch.float64
)  # of the votes: 4, 2, 0, 2, 0 and 1 of four


@pytest.fixture
def found(tiny, scripted):
    spec = specification("BayesNN", "celeba-10k", dataclasses.replace(tiny, samples=4, vote_size=None), 0)
    return evaluate(spec, scripted(LOGITS), torch.arange(3.0)[:, None, None, None], TRUTH)


def test_accuracy_is_over_pairs(found):
    assert found["accuracy"] == pytest.approx(100 * 4 / 6)
    assert found["accuracy_by_attribute"] == pytest.approx([100, 100 / 3])
    assert found["accuracy_of_all_attributes_at_once"] == pytest.approx(100 / 3)
    assert (found["test_examples"], found["attributes"], found["voted_errors"]) == (3, 2, 2)


def test_misclassification_is_told_of_pairs_and_of_images(found):
    """Wrong pairs have entropies ln 2 and 0.56, right ones 0, 0, ln 2, 0: of 8 comparisons 6 are won, one is a tie."""
    assert found["misclassification_auroc"] == pytest.approx(6.5 / 8)
    of_images = found["misclassification_auroc_of_images"]
    assert of_images["vote_entropy"] == of_images["largest_vote_entropy"] == pytest.approx((0.5 + 0) / 2)


def test_ece_is_of_the_pairs_mean_probabilities(found):
    """Votes 4, 2, 0, 2, 0, 1 make confidences 3/4, 1/2, 3/4, 1/2, 3/4, 5/8; the fourth and the sixth pair are wrong."""
    bins = {3 / 4: [1, 1, 1], 1 / 2: [1, 0], 5 / 8: [0]}  # ties at 1/2 are read as no
    expected = sum(abs(sum(right) - len(right) * confidence) for confidence, right in bins.items()) / 6
    assert found["ece"] == pytest.approx(100 * expected, abs=1e-3)


def test_ece_of_each_attribute_is_that_of_its_pairs(tiny, scripted):
    spec = specification("Standard", "celeba-10k", tiny, 0)
    logits, truth = torch.randn(50, 3), torch.randint(0, 2, (50, 3))
    found = evaluate(spec, scripted(logits[None]), torch.arange(50.0)[:, None, None, None], truth)
    p = torch.stack([1 - logits.sigmoid(), logits.sigmoid()], 2)
    each = [metrics.ece(p[:, a], truth[:, a]) for a in range(3)]
    assert found["ece_mean_of_attributes"] == pytest.approx(sum(each) / 3, abs=1e-4)
    assert found["ece"] == pytest.approx(metrics.ece(p.flatten(0, 1), truth.flatten()), abs=1e-4)


def test_an_images_uncertainty_is_the_mean_over_its_heads_or_the_largest():
    scores = scores_of_votes([torch.zeros_like(LOGITS), LOGITS], attributes=True)  # the last depth counts
    torch.testing.assert_close(scores["vote_entropy"], ENTROPIES.mean(1), rtol=0, atol=1e-6)
    torch.testing.assert_close(scores["largest_vote_entropy"], ENTROPIES.amax(1), rtol=0, atol=1e-6)


def test_the_entropy_of_the_mean_probability_is_a_mean_over_heads_too():
    p = LOGITS.sigmoid().mean(0)
    expected = -(p * p.log() + (1 - p) * (1 - p).log()).mean(1)
    torch.testing.assert_close(scores_of_votes([LOGITS], attributes=True)["mean_entropy"], expected)

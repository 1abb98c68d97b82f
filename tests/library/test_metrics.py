"""decnn.metrics against hand-made values, counting by loops, scikit-learn and torchmetrics."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import accuracy_score, roc_auc_score
from torchmetrics.functional.classification import binary_auroc, multiclass_calibration_error

from decnn.metrics import accuracy, auroc, ece, f1

YES, NO = True, False


def test_accuracy_is_in_percent():
    assert accuracy(torch.tensor([1, 0, 2, 2]), torch.tensor([1, 0, 2, 0])) == 75
    predictions, labels = torch.randint(0, 3, (2, 50))
    assert accuracy(predictions, labels) == pytest.approx(100 * accuracy_score(labels, predictions))


@pytest.mark.parametrize(
    ("scores", "positive", "value"),
    [
        ([0.1, 0.2, 0.3, 0.4], [NO, NO, YES, YES], 1.0),
        ([0.4, 0.3, 0.2, 0.1], [NO, NO, YES, YES], 0.0),
        ([0.1, 0.4, 0.35, 0.8], [NO, NO, YES, YES], 0.75),
        ([5.0, 5.0, 5.0], [NO, YES, NO], 0.5),
        ([1.0, 1.0, 2.0], [NO, YES, YES], 0.75),  # a tie counts half
        ([-2.0, -3.0], [YES, NO], 1.0),
    ],
    ids=["perfect", "reversed", "three-of-four", "constant", "tie", "negative"],
)
def test_auroc_of_scores_ranked_by_hand(scores, positive, value):
    assert auroc(torch.tensor(scores), torch.tensor(positive)) == value


@pytest.mark.parametrize("levels", [4, 1000], ids=["ties", "no-ties"])
def test_auroc_is_the_chance_that_a_positive_scores_higher(levels):
    scores, positive = torch.randint(0, levels, (60,)) / levels, torch.rand(60) < 0.3
    wins = [(p > n) + 0.5 * (p == n) for p in scores[positive] for n in scores[~positive]]
    value = auroc(scores, positive)
    assert value == pytest.approx(float(sum(wins)) / len(wins))
    assert value == pytest.approx(roc_auc_score(positive, scores))
    assert value == pytest.approx(binary_auroc(scores.sigmoid(), positive.long()).item())
    assert auroc(-scores, positive) == pytest.approx(1 - value)
    assert auroc(scores.exp(), positive) == pytest.approx(value)  # only the order counts


@pytest.mark.parametrize(
    ("scores", "positive", "message"),
    [
        ([0.1, 0.2], [YES, YES], "expected both classes, got 2 positive of 2"),
        ([0.1, 0.2], [NO, NO], "expected both classes, got 0 positive of 2"),
        ([0.1, float("nan")], [NO, YES], "expected finite scores, got 1 NaN and 0 infinite of 2"),
        ([0.1, 0.2, 0.3], [NO, YES], r"one shape \(B,\), got \(3,\) and \(2,\)"),
        ([[0.1, 0.2]], [[NO, YES]], r"one shape \(B,\), got \(1, 2\)"),
        ([], [], "expected both classes, got 0 positive of 0"),
        ([0.1, 0.2], [0, 2], "expected booleans, got torch.int64 besides 0 and 1: compare with a threshold first"),
    ],
)
def test_auroc_that_is_not_defined_is_refused(scores, positive, message):
    with pytest.raises(ValueError, match=message):
        auroc(torch.tensor(scores), torch.tensor(positive))


# --- ECE ---------------------------------------------------------------------------------------------------


def two_classes(*confidences: float) -> torch.Tensor:
    """Probabilities whose prediction is class 0, with these confidences."""
    return torch.tensor([[c, 1 - c] for c in confidences])


@pytest.mark.parametrize(
    ("confidences", "labels", "num_bins", "percent"),
    [
        ([0.75, 0.75, 0.75, 0.75], [0, 0, 0, 1], 15, 0.0),  # calibrated
        ([1.0, 1.0], [0, 0], 15, 0.0),
        ([1.0, 1.0], [1, 1], 15, 100.0),
        ([0.8, 0.8], [0, 1], 15, 30.0),
        ([0.55, 0.95], [1, 0], 10, 100 * (0.55 + 0.05) / 2),  # two bins
        ([0.51, 0.59], [1, 0], 10, 100 * (0.55 - 0.5)),  # one bin, where the errors cancel
        ([0.51, 0.59], [1, 0], 20, 100 * (0.51 + 0.41) / 2),  # finer bins tear them apart
        ([0.95, 1.0], [0, 1], 10, 100 * (0.975 - 0.5)),  # certainty belongs to the last bin
    ],
)
def test_ece_of_bins_filled_by_hand(confidences, labels, num_bins, percent):
    value = ece(two_classes(*confidences), torch.tensor(labels), num_bins)
    assert value == pytest.approx(percent, rel=1e-6, abs=2e-5)


@pytest.mark.parametrize("num_bins", [1, 10, 15])
def test_ece_equals_a_loop_over_bins_and_torchmetrics(num_bins):
    probs, labels = (2 * torch.randn(200, 4)).softmax(1), torch.randint(0, 4, (200,))
    confidence, prediction = probs.max(1)
    expected = 0.0
    for b in range(num_bins):
        inside = (confidence > b / num_bins) & (confidence <= (b + 1) / num_bins)
        if inside.any():
            gap = (prediction[inside] == labels[inside]).double().mean() - confidence[inside].mean()
            expected += 100 * inside.double().mean() * gap.abs()
    assert ece(probs, labels, num_bins) == pytest.approx(float(expected), rel=1e-5)
    reference = multiclass_calibration_error(probs, labels, num_classes=4, n_bins=num_bins)
    assert ece(probs, labels, num_bins) == pytest.approx(100 * reference.item(), rel=1e-5)


def test_ece_bears_rounding_above_1():
    """Rounding may carry a probability past 1; nothing else may come of it."""
    exact = two_classes(1.0, 0.75, 0.75, 0.75, 0.75)
    labels = torch.tensor([0, 0, 0, 0, 1])
    assert ece(exact + 1e-7 * (exact == 1), labels) == pytest.approx(ece(exact, labels), abs=1e-4)


def test_ece_in_half_precision_fills_the_same_bins():
    probs, labels = two_classes(1.0, 0.75, 0.75, 0.75), torch.tensor([0, 0, 0, 1])
    for dtype in (torch.float16, torch.bfloat16):  # which hold these numbers exactly
        assert ece(probs.to(dtype), labels) == pytest.approx(ece(probs, labels), abs=1e-4)


def test_f1_wants_booleans_and_something_to_find():
    yes, no = torch.tensor([True, False]), torch.tensor([False, False])
    assert (f1(yes, yes), f1(no, yes)) == (1.0, 0.0)
    with pytest.raises(ValueError, match="with 0 positive"):
        f1(yes, no)
    with pytest.raises(ValueError, match=r"expected booleans, got torch\.int64 and torch\.int64"):
        f1(yes.long(), yes.long())


@pytest.mark.parametrize(
    ("probs", "labels", "message"),
    [
        (torch.tensor([[2.0, 1.0]]), torch.tensor([0]), "rows of probs that sum to 1.*apply softmax"),
        (torch.tensor([[1.5, -0.5]]), torch.tensor([0]), "expected"),
        (torch.tensor([[0.6, 0.6, -0.2]]), torch.tensor([0]), "expected"),
        (torch.tensor([[0.5, float("nan")]]), torch.tensor([0]), "rows of probs that sum to 1"),
        (torch.tensor([[0.5, 0.5]]), torch.tensor([0, 1]), r"labels \(B,\), got \(1, 2\) and \(2,\)"),
        (torch.tensor([0.5, 0.5]), torch.tensor([0, 1]), r"probs \(B, K\).*got \(2,\)"),
        (torch.tensor([[0.5, 0.5]]), torch.tensor([2]), "expected"),
        (torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), "expected"),
    ],
    ids=["logits", "logits-that-sum-to-1", "negative", "nan", "labels", "one-row", "label-2-of-2", "empty"],
)
def test_ece_that_is_not_defined_is_refused(probs, labels, message):
    with pytest.raises(ValueError, match=message):
        ece(probs, labels)

"""decnn.detection and its metrics: values by hand, by counting, and those of pytorch-ood on the same scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_curve
from torch import nn

import decnn
from decnn.data import with_channels
from decnn.detection import detect, separation
from decnn.metrics import aupr, fpr_at_tpr


def brightness(x):
    return x.mean((1, 2, 3))


@pytest.mark.parametrize(
    ("inliers", "outliers", "auroc", "fpr95"),
    [
        ([0.0, 0.1], [0.2, 0.3], 1.0, 0.0),
        ([0.2, 0.3], [0.0, 0.1], 0.0, 1.0),
        ([0.0, 0.2], [0.1, 0.3], 0.75, 0.5),
        ([0.5, 0.5], [0.5], 0.5, 1.0),
    ],
    ids=["perfect", "reversed", "three-of-four", "constant"],
)
def test_separation_by_hand(inliers, outliers, auroc, fpr95):
    found = separation(torch.tensor(inliers), torch.tensor(outliers))
    assert (found.auroc, found.fpr95, found.inliers, found.outliers) == (auroc, fpr95, len(inliers), len(outliers))
    assert found.constant == (len(set(inliers + outliers)) == 1)


def test_votes_made_by_hand_have_the_auroc_that_counting_gives():
    """Five classifiers: inliers 5-0 and 4-1, outliers 4-1 and 3-2; of four pairs three are won and one is a tie."""
    inlier = torch.tensor([[0, 0], [0, 0], [0, 0], [0, 0], [0, 1]])
    outlier = torch.tensor([[1, 2], [1, 2], [1, 2], [1, 0], [0, 0]])
    found = separation(decnn.vote_entropy(inlier, 3), decnn.vote_entropy(outlier, 3))
    assert found.auroc == (3 + 0.5) / 4


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.bool], ids=str)
def test_scores_of_any_type_separate_as_their_values_do(dtype):
    inliers, outliers = torch.tensor([0, 1, 0, 1]).to(dtype), torch.tensor([0, 1, 1, 1]).to(dtype)
    assert separation(inliers, outliers) == separation(inliers.double(), outliers.double())


def test_swapping_the_roles_and_the_sign_swaps_the_two_precisions():
    inliers, outliers = torch.randn(70), torch.randn(30) + 0.5
    there, back = separation(inliers, outliers), separation(-outliers, -inliers)
    assert there.auroc == pytest.approx(back.auroc)
    assert (there.aupr_in, there.aupr_out) == pytest.approx((back.aupr_out, back.aupr_in))


@pytest.mark.parametrize("levels", [5, 1000], ids=["ties", "no-ties"])
@pytest.mark.parametrize("tpr", [0.5, 0.95, 1.0])
def test_fpr_is_the_first_point_of_the_curve_that_reaches_the_rate(levels, tpr):
    scores, positive = torch.randint(0, levels, (80,)) / levels, torch.rand(80) < 0.4
    false, true, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert fpr_at_tpr(scores, positive, tpr) == pytest.approx(false[true >= tpr - 1e-12].min())


def test_aupr_of_constant_scores_is_the_share_of_positives():
    assert aupr(torch.ones(10), torch.arange(10) < 3) == pytest.approx(0.3)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.1, float("nan")])
def test_a_rate_outside_0_and_1_is_refused(rate):
    with pytest.raises(ValueError, match=r"expected tpr in \(0, 1\]"):
        fpr_at_tpr(torch.rand(3), torch.tensor([True, False, True]), rate)


def test_detect_scores_in_batches_and_counts():
    inliers, outliers = torch.rand(7, 1, 2, 2) / 2, torch.rand(5, 1, 2, 2)
    whole, parts = (detect(brightness, inliers, outliers, size) for size in (1000, 3))
    assert whole == parts == separation(brightness(inliers), brightness(outliers))
    assert (whole.inliers, whole.outliers) == (7, 5)
    assert detect(lambda x: brightness(x).numpy(), inliers, outliers) == whole
    arrays = (brightness(x).numpy() for x in (inliers, outliers))
    assert decnn.metrics.auroc(np.concatenate([*arrays]), np.arange(12) >= 7) == whole.auroc


@pytest.mark.parametrize(
    ("score", "inliers", "outliers", "message"),
    [
        (brightness, (0, 1, 2, 2), (3, 1, 2, 2), "at least one image among the inliers, got none"),
        (brightness, (3, 1, 2, 2), (0, 1, 2, 2), "at least one image among the outliers, got none"),
        (brightness, (3, 1, 2, 2), (3, 3, 2, 2), r"one shape, got \(1, 2, 2\) and \(3, 2, 2\).*with_channels"),
        (lambda x: x.mean((2, 3)), (3, 1, 2, 2), (3, 1, 2, 2), r"one score for each of 3 images.*\(3, 1\)"),
        (lambda x: brightness(x) * float("nan"), (3, 1, 2, 2), (2, 1, 2, 2), "finite scores, got 5 NaN and 0 infinite"),
        (lambda x: brightness(x) * float("inf"), (3, 1, 2, 2), (2, 1, 2, 2), "finite scores, got 0 NaN and 5 infinite"),
    ],
)
def test_what_cannot_be_scored_is_refused(score, inliers, outliers, message):
    with pytest.raises(ValueError, match=message):
        detect(score, torch.rand(inliers), torch.rand(outliers))


def test_scores_of_nothing_are_refused():
    with pytest.raises(ValueError, match="at least one inlier and one outlier, got 0 and 1: check the selection"):
        separation(torch.empty(0), torch.tensor([0.1]))


def test_detectors_of_another_library_are_scores_and_its_metrics_agree():
    """pytorch-ood's detectors plug in as they are, and its own AUROC, AUPR and FPR on their scores are ours."""
    from pytorch_ood.detector import EnergyBased, MaxSoftmax
    from pytorch_ood.metrics import OODMetrics

    torch.set_default_dtype(torch.float32)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 5))
    inliers, outliers = torch.rand(50, 1, 4, 4), torch.rand(40, 1, 4, 4) * 1.5
    for detector, formula in (
        (MaxSoftmax(network), lambda z: -z.softmax(1).max(1).values),
        (EnergyBased(network), lambda z: -z.logsumexp(1)),
    ):
        with torch.no_grad():
            found = detect(detector, inliers, outliers)
            scores = formula(network(torch.cat([inliers, outliers])))
        theirs = OODMetrics()
        theirs.update(scores, torch.cat([torch.ones(50), -torch.ones(40)]).long())
        theirs = theirs.compute()
        assert (found.auroc, found.fpr95) == pytest.approx([theirs["AUROC"], theirs["FPR95TPR"]], abs=1e-6)
        # Theirs joins the points of the precision-recall curve by straight lines, ours by steps.
        assert (found.aupr_in, found.aupr_out) == pytest.approx([theirs["AUPR-IN"], theirs["AUPR-OUT"]], abs=0.03)


def test_channels_follow_one_rule():
    grey, colour = torch.rand(2, 1, 4, 4), torch.rand(2, 3, 4, 4)
    assert torch.equal(with_channels(grey, 3), grey.repeat(1, 3, 1, 1))
    red, green, blue = colour.unbind(1)
    torch.testing.assert_close(with_channels(colour, 1)[:, 0], 0.299 * red + 0.587 * green + 0.114 * blue)
    assert with_channels(grey, 1) is grey
    with pytest.raises(ValueError, match=r"expected images of floats in \[0, 1\], got torch.uint8"):
        with_channels(colour.byte(), 1)
    torch.testing.assert_close(with_channels(with_channels(grey, 3), 1), grey)
    for images, channels in ((torch.rand(2, 2, 4, 4), 1), (grey, 2), (grey[0], 1)):
        with pytest.raises(ValueError, match="expected images"):
            with_channels(images, channels)

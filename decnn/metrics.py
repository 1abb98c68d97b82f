"""Numbers for a data set from tensors: thin over scikit-learn and torchmetrics, with the edges named."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

__all__ = ["accuracy", "aupr", "auroc", "ece", "f1", "fpr_at_tpr"]


def accuracy(predictions: Tensor, labels: Tensor) -> float:
    """Share of correct predictions, in percent.

    Raises:
        ValueError: no predictions, or shapes that differ.

    Example:
        >>> accuracy(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 1, 1, 0]))
        75.0
    """
    if predictions.shape != labels.shape or predictions.numel() == 0:
        shapes = f"{tuple(predictions.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"expected predictions and labels of one shape, not empty, got {shapes}")
    return 100 * (predictions == labels).double().mean().item()


def auroc(scores: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve: the chance that a positive example scores above a negative one, ties half.

    Arguments:
        scores: (B,), higher = more likely positive; constant scores give 0.5.
        positive: (B,) booleans.

    Raises:
        ValueError: scores with NaN, only one class present, or lengths that differ.

    Example:
        >>> auroc(torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([False, False, True, True]))
        0.75
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_ranked(scores, positive, "AUROC")))


def aupr(scores: Tensor, positive: Tensor) -> float:
    """Area under the precision-recall curve as a step function: sum_t (recall_t - recall_(t-1)) precision_t.

    Unlike AUROC it depends on the share of positives, which is also its value for constant scores.

    Arguments and errors are those of `auroc`.

    Source: Hendrycks and Gimpel (2017), A baseline for detecting misclassified and out-of-distribution examples.

    Example:
        >>> aupr(torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([False, False, True, True]))
        0.8333333333333333
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(*_ranked(scores, positive, "AUPR")))


def f1(predictions: Tensor, truth: Tensor) -> float:
    """F1: 2 TP / (2 TP + FP + FN), in [0, 1]; 0 where nothing is found.

    Arguments:
        predictions, truth: (B,) booleans, of which True is what is looked for.

    Raises:
        ValueError: shapes that differ, no example, none to be found, which leaves it undefined, or no booleans.

    Example:
        >>> f1(torch.tensor([True, True, False]), torch.tensor([True, False, False]))
        0.6666666666666666
    """
    if predictions.shape != truth.shape or not truth.any():
        shapes = f"{tuple(predictions.shape)} and {tuple(truth.shape)} with {int(truth.sum())} positive"
        raise ValueError(f"expected predictions and truth of one shape with a positive example, got {shapes}")
    if predictions.dtype != torch.bool or truth.dtype != torch.bool:
        raise ValueError(
            f"expected booleans, got {predictions.dtype} and {truth.dtype}: compare with a threshold first"
        )
    found = int((predictions & truth).sum())
    return 2 * found / int(predictions.sum() + truth.sum())


def fpr_at_tpr(scores: Tensor, positive: Tensor, tpr: float = 0.95) -> float:
    """Share of negatives that score at least as high as the threshold that finds a share `tpr` of the positives.

    Arguments and errors are those of `auroc`; `tpr` lies in (0, 1]. Constant scores give 1.

    Source: Hendrycks and Gimpel (2017); Liang et al. (2018), ODIN.

    Example:
        >>> fpr_at_tpr(torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([False, False, True, True]))
        0.5
    """
    if not 0 < tpr <= 1:
        raise ValueError(f"expected tpr in (0, 1], got {tpr}: it is the share of positives to be found")
    positive, scores = _ranked(scores, positive, "FPR")
    found = np.sort(scores[positive])[::-1]
    threshold = found[math.ceil(tpr * len(found) - 1e-9) - 1]
    return float((scores[~positive] >= threshold).mean())


def _ranked(scores: Tensor, positive: Tensor, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Positive (B,) and scores (B,) for scikit-learn, or ValueError where no curve is defined."""
    scores, positive = torch.as_tensor(scores), torch.as_tensor(positive)
    if positive.dtype != torch.bool and not ((positive == 0) | (positive == 1)).all():
        raise ValueError(f"expected booleans, got {positive.dtype} besides 0 and 1: compare with a threshold first")
    positive = positive.bool()
    if scores.shape != positive.shape or scores.dim() != 1:
        raise ValueError(
            f"expected scores and positive of one shape (B,), got {tuple(scores.shape)} and {tuple(positive.shape)}"
        )
    if not torch.isfinite(scores).all():
        nan, infinite = int(torch.isnan(scores).sum()), int(torch.isinf(scores).sum())
        raise ValueError(
            f"expected finite scores, got {nan} NaN and {infinite} infinite of {len(scores)}: look at the model or the "
            "detector that gave them"
        )
    if positive.all() or not positive.any():
        raise ValueError(
            f"expected both classes, got {int(positive.sum())} positive of {len(positive)}: {name} is not defined"
        )
    return positive.cpu().numpy(), scores.double().cpu().numpy()


def ece(probs: Tensor, labels: Tensor, num_bins: int = 15) -> float:
    """Expected calibration error in percent: sum_b (n_b / n) |accuracy_b - confidence_b|, equal-width bins.

    Arguments:
        probs: (B, K), rows summing to 1; the confidence is the largest entry.
        labels: (B,) integers.
        num_bins: number of bins of confidence on [0, 1].

    Raises:
        ValueError: no examples, shapes that do not match, rows that are no probabilities, labels outside 0..K-1.

    Source: Naeini et al. (2015); Wu et al. (2021), Table 4a.

    Example:
        >>> ece(torch.tensor([[0.75, 0.25], [0.75, 0.25]]), torch.tensor([0, 1]))
        25.0
    """
    from torchmetrics.functional.classification import multiclass_calibration_error

    if probs.dim() != 2 or len(probs) == 0 or labels.shape != probs.shape[:1]:
        raise ValueError(
            f"expected B >= 1 rows of probs (B, K) and labels (B,), got {tuple(probs.shape)} and {tuple(labels.shape)}"
        )
    sums = torch.allclose(probs.sum(1), torch.ones_like(probs[:, 0]), atol=1e-3)
    if not sums or probs.min() < -1e-3 or probs.max() > 1 + 1e-3:
        raise ValueError(
            "expected rows of probs that sum to 1, each in [0, 1], got others: apply softmax to logits first"
        )
    if labels.min() < 0 or labels.max() >= probs.shape[1]:
        raise ValueError(f"expected labels in 0..{probs.shape[1] - 1}, got {int(labels.min())}..{int(labels.max())}")
    # torchmetrics takes values past 1, which rounding makes, for logits, and gives exactly 1 a bin of its own.
    probs = probs.to(torch.promote_types(probs.dtype, torch.float32)).clamp(0, 1 - torch.finfo(torch.float32).eps)
    error = multiclass_calibration_error(probs, labels, num_classes=probs.shape[1], n_bins=num_bins)
    return 100 * error.item()

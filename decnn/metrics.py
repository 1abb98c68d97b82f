"""Numbers for a data set from tensors: thin over scikit-learn and torchmetrics, with the edges named."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["accuracy", "auroc", "ece"]


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

    positive = torch.as_tensor(positive, dtype=torch.bool)
    if scores.shape != positive.shape or scores.dim() != 1:
        raise ValueError(
            f"expected scores and positive of one shape (B,), got {tuple(scores.shape)} and {tuple(positive.shape)}"
        )
    if torch.isnan(scores).any():
        raise ValueError(f"expected scores without NaN, got {int(torch.isnan(scores).sum())} NaN: mend the scores")
    if positive.all() or not positive.any():
        raise ValueError(
            f"expected both classes, got {int(positive.sum())} positive of {len(positive)}: AUROC is not defined"
        )
    return float(roc_auc_score(positive.cpu().numpy(), scores.double().cpu().numpy()))


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
    probs = probs.clamp(0, 1 - torch.finfo(torch.float32).eps)
    error = multiclass_calibration_error(probs, labels, num_classes=probs.shape[1], n_bins=num_bins)
    return 100 * error.item()

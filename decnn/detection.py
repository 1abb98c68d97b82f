"""Out-of-distribution detection: how well a score tells outliers from inliers, whatever model gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from decnn import metrics

__all__ = ["Detection", "detect", "separation"]


@dataclass(frozen=True)
class Detection:
    """How a score separates outliers, the positive class, from inliers.

    Attributes:
        auroc: chance that an outlier scores above an inlier, ties half.
        aupr_out: area under precision and recall with outliers as positives.
        aupr_in: the same with inliers as positives and the score negated.
        fpr95: share of inliers flagged at the threshold that finds 95 % of the outliers.
        inliers, outliers: number of examples.
        constant: whether all scores are equal, so that an AUROC of 0.5 means "no information".
    """

    auroc: float
    aupr_out: float
    aupr_in: float
    fpr95: float
    inliers: int
    outliers: int
    constant: bool


def detect(score: Callable[[Tensor], Tensor], inliers: Tensor, outliers: Tensor, batch_size: int = 1000) -> Detection:
    """Score inliers and outliers with any function and say how well the scores separate them.

    Arguments:
        score: images (B, C, H, W) -> scores (B,), higher = more likely an outlier: the entropy of a
            ReDecNN's votes, or a detector of another library.
        inliers: images (N, C, H, W), usually the test set of the training data.
        outliers: images (M, C, H, W).
        batch_size: images scored at a time.

    Raises:
        ValueError: an empty set, sets of different shapes, scores that are not one finite number for each.

    Source: Wu et al. (2021), section 4.1 and Table 2.

    Example:
        >>> inliers, outliers = torch.zeros(3, 1, 2, 2), torch.ones(2, 1, 2, 2)
        >>> found = detect(lambda x: x.mean((1, 2, 3)), inliers, outliers)
        >>> found.auroc, found.fpr95, found.inliers, found.outliers
        (1.0, 0.0, 3, 2)
    """
    for name, images in {"inliers": inliers, "outliers": outliers}.items():
        if len(images) == 0:
            raise ValueError(f"expected at least one image among the {name}, got none: check the selection")
    if inliers.shape[1:] != outliers.shape[1:]:
        raise ValueError(
            f"expected inliers and outliers of one shape, got {tuple(inliers.shape[1:])} and "
            f"{tuple(outliers.shape[1:])}: resize them, or convert the channels with decnn.data.with_channels"
        )
    return separation(_scores(score, inliers, batch_size), _scores(score, outliers, batch_size))


def separation(inlier_scores: Tensor, outlier_scores: Tensor) -> Detection:
    """How well given scores (N,) of inliers and (M,) of outliers separate; outliers are to score higher.

    Raises:
        ValueError: no inlier or no outlier, or scores that are not finite.

    Example:
        >>> separation(torch.tensor([0.0, 0.2]), torch.tensor([0.1, 0.3])).auroc
        0.75
    """
    if not len(inlier_scores) or not len(outlier_scores):
        raise ValueError(
            f"expected at least one inlier and one outlier, got {len(inlier_scores)} and {len(outlier_scores)}: check "
            "the selection"
        )
    scores = torch.cat([inlier_scores, outlier_scores]).double()  # integers and booleans have no negative of their own
    outlier = torch.arange(len(scores)) >= len(inlier_scores)
    return Detection(
        auroc=metrics.auroc(scores, outlier),
        aupr_out=metrics.aupr(scores, outlier),
        aupr_in=metrics.aupr(-scores, ~outlier),
        fpr95=metrics.fpr_at_tpr(scores, outlier),
        inliers=len(inlier_scores),
        outliers=len(outlier_scores),
        constant=bool(scores.min() == scores.max()),
    )


def _scores(score: Callable[[Tensor], Tensor], images: Tensor, batch_size: int) -> Tensor:
    parts = []
    for x in images.split(batch_size):
        part = torch.as_tensor(score(x))  # detectors of other libraries return arrays
        if part.shape != x.shape[:1]:
            raise ValueError(f"expected one score for each of {len(x)} images, got scores of shape {tuple(part.shape)}")
        parts.append(part.detach().cpu())
    return torch.cat(parts)

"""What logits say: one class of K, or A attributes, each there or not.

An attribute with logit z is a problem of two classes with logits (0, z), so whatever is measured of classes
is measured of (image, attribute) pairs too, by the same code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["as_classes", "cross_entropy", "divergence", "uniformity"]


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """-ln p(y | x) in nats, a mean over the batch; of attributes the sum of their binary cross-entropies.

    Arguments:
        logits: (B, K), or (B, A).
        y: classes (B,) in 0..K-1, or attributes (B, A) of 0 and 1.

    Raises:
        ValueError: on the CPU, a class outside 0..K-1, but for -100, which PyTorch leaves out.

    Source: Wu et al. (2021), Eq. 1 and A.2 (CelebA).

    Example:
        >>> classes, attributes = torch.tensor([0, 1, 2]), torch.tensor([[0, 1]])
        >>> cross_entropy(torch.zeros(3, 10), classes), cross_entropy(torch.zeros(1, 2), attributes)
        (tensor(2.3026), tensor(1.3863))
    """
    if y.dim() == logits.dim():
        return F.binary_cross_entropy_with_logits(logits, y.to(logits.dtype), reduction="sum") / len(y)
    try:
        return F.cross_entropy(logits, y if y.is_floating_point() else y.long())
    except IndexError as error:  # looked at only then: a check of each batch would wait for a GPU
        raise ValueError(
            f"expected labels in 0..{logits.shape[-1] - 1} ({logits.shape[-1]} classes), got {int(y.min())}.."
            f"{int(y.max())}: number the classes from 0, or build the model with more of them"
        ) from error


def as_classes(logits: Tensor) -> Tensor:
    """Logits of attributes (..., A) as logits of two classes, absent and present: (..., A, 2).

    Example:
        >>> as_classes(torch.tensor([[0.0, 2.0]])).softmax(-1)[..., 1]
        tensor([[0.5000, 0.8808]])
    """
    return torch.stack([torch.zeros_like(logits), logits], dim=-1)


def divergence(logits: Tensor, teacher: Tensor, attributes: bool = False) -> Tensor:
    """- sum_c m_c ln f_c, with f = softmax(logits) and m = softmax(teacher); a mean over the batch, in nats.

    Arguments:
        logits, teacher: (B, K); of attributes (B, A), over which it is a sum.
        attributes: which of the two.

    Source: Wu et al. (2021), Eq. 7.

    Example:
        >>> divergence(torch.zeros(1, 4), torch.tensor([[9.0, 0.0, 0.0, 0.0]]))
        tensor(1.3863)
    """
    if attributes:
        logits, teacher = as_classes(logits), as_classes(teacher)
    return -(teacher.softmax(-1) * logits.log_softmax(-1)).flatten(1).sum(1).mean()


def uniformity(logits: Tensor) -> Tensor:
    """- (1/K) sum_c ln m_c, with m = softmax(logits): ln K where m is uniform, more elsewhere; a mean over the batch.

    Arguments:
        logits: (B, K) of K groups, or (B, 1) of one attribute, which makes two.

    Raises:
        ValueError: logits of another shape.

    Source: Wu et al. (2021), Eq. 8.

    Example:
        >>> uniformity(torch.zeros(1, 3)), uniformity(torch.zeros(1, 1)), uniformity(torch.tensor([[4.0, -4.0]]))
        (tensor(1.0986), tensor(0.6931), tensor(4.0003))
    """
    if logits.dim() != 2:
        raise ValueError(
            f"expected logits (B, K) of K groups, or (B, 1) of one attribute, got shape {tuple(logits.shape)}: end the "
            "classifier of the protected feature in a linear layer"
        )
    logits = as_classes(logits).flatten(1) if logits.shape[-1] == 1 else logits
    return -logits.log_softmax(-1).mean()

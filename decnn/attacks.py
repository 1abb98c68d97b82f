"""Adversarial inputs: the fast gradient sign method."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from decnn.data import check_attributes, check_images, check_labels
from decnn.likelihood import cross_entropy
from decnn.modes import evaluating

__all__ = ["fgsm"]


def fgsm(model: nn.Module | Callable[[Tensor], Tensor], x: Tensor, y: Tensor, eps: float = 0.1) -> Tensor:
    """One step uphill on the loss in the max norm: x + eps sign(grad_x CE(f(x), y)), clipped to [0, 1].

    The model is attacked in eval mode and gets its modes back; its parameters' gradients are not touched. A
    pixel whose gradient is 0, as all are where the softmax saturates, stays as it is.

    Arguments:
        model: anything that gives logits (B, K); of a DecNN, its first pass is attacked.
        x: images in [0, 1], (B, C, H, W).
        y: labels (B,), 0..K-1, or attributes (B, K) of 0 and 1.
        eps: the largest change of a pixel, 0 or more; the paper does not give its own.

    Returns:
        Images (B, C, H, W), without gradient.

    Raises:
        ValueError: eps negative or not finite; not images in [0, 1]; not a label 0..K-1 for each; a gradient
            that is not finite.

    Source: Goodfellow, Shlens and Szegedy (2015), Explaining and harnessing adversarial examples.

    Example:
        >>> import decnn
        >>> x, y = torch.rand(2, 1, 32, 32), torch.tensor([3, 7])
        >>> moved = fgsm(decnn.MLP(), x, y, eps=0.1) - x
        >>> tuple(moved.shape), bool(moved.abs().max() <= 0.1 + 1e-6)
        ((2, 1, 32, 32), True)
    """
    if not 0 <= eps < math.inf:
        raise ValueError(f"expected a finite eps >= 0, got {eps}: it is the largest change of a pixel")
    check_images(x)
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        point = x.detach().clone().requires_grad_()
        logits = model(point)
        (check_labels if y.dim() == 1 else check_attributes)(y, logits.shape[1])
        if len(y) != len(x):
            raise ValueError(f"labels: expected one for each of {len(x)} images, got {len(y)}")
        y = y.to(logits.device, torch.long, copy=True)  # a copy, like x's: tensors of inference mode have no gradient
        # Times the batch: under a mean, a large batch would push small gradients towards underflow.
        loss = len(x) * cross_entropy(logits.to(x.dtype), y)
        (gradient,) = torch.autograd.grad(loss, point)
    if not gradient.isfinite().all():
        raise ValueError("expected a finite gradient, got NaN or infinity: look at the weights of the model")
    return (x.detach() + eps * gradient.sign()).clamp(0, 1)

"""The paper's training objectives as pure functions: each returns its named terms, which add up to `total`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from decnn.compose import DecNN

__all__ = ["Terms", "decodable", "recursive", "standard"]


@dataclass(frozen=True)
class Terms:
    """Terms of an objective, each with its weight: those that an objective lacks are 0."""

    classification: Tensor | float = 0.0
    recursion: Tensor | float = 0.0
    reconstruction: Tensor | float = 0.0
    complexity: Tensor | float = 0.0  # of a Bayesian network's weights

    @property
    def total(self) -> Tensor:
        """What training minimises: the sum of the terms."""
        return self.classification + self.recursion + self.reconstruction + self.complexity


def standard(classifier: nn.Module, x: Tensor, y: Tensor) -> Terms:
    """Equation 1 without auxiliary term: CE(f(x), y), the mean over the batch in nats.

    Arguments:
        classifier: f, or a DecNN.
        x: inputs (B, C, H, W).
        y: labels (B,).

    Source: Wu et al. (2021), Eq. 1.

    Example:
        >>> import torch, decnn
        >>> terms = standard(decnn.MLP(), torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]))
        >>> bool(terms.total == terms.classification)
        True
    """
    return Terms(classification=_cross_entropy(classifier(x), x, y))


def decodable(model: DecNN, x: Tensor, y: Tensor, beta: float = 10.0) -> Terms:
    """Equation 4: CE(f(x), y) + beta (1/L) sum_l MSE(g(h_l), x), the MSE a mean over pixels and batch.

    Raises:
        ValueError: negative beta.

    Source: Wu et al. (2021), Eq. 4.

    Example:
        >>> import torch, decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4))
        >>> terms = decodable(model, torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]))
        >>> bool(torch.isclose(terms.total, terms.classification + terms.reconstruction))
        True
    """
    _check_weights(beta=beta)
    logits, activations = model.activations(x)
    errors = [_squared_error(model.decode(h), x) for h in activations]
    return Terms(
        classification=_cross_entropy(logits, x, y),
        reconstruction=beta * sum(errors) / len(errors),
    )


def recursive(model: DecNN, x: Tensor, y: Tensor, path: Sequence[int], alpha: float = 0.5, beta: float = 10.0) -> Terms:
    """Equation 5: CE(f(x), y) + sum_d alpha^d CE(f(x_d), y) + beta sum_d alpha^d MSE(x_d, x).

    x_d is the d-th decoding along `path`; gradients flow through the whole recursion. alpha = 0 is
    Equation 1.

    Arguments:
        model: f and g.
        x: inputs (B, C, H, W).
        y: labels (B,).
        path: D layers, each 1..L; the paper draws a new one for every step of training.
        alpha: in [0, 1], the weight of a composition relative to the one before it.
        beta: weight of the squared error.

    Raises:
        ValueError: alpha outside [0, 1], negative beta, a layer outside 1..L.

    Source: Wu et al. (2021), Eq. 5.

    Example:
        >>> import torch, decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4))
        >>> terms = recursive(model, torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]), path=[1, 8], alpha=0.0)
        >>> bool(terms.total == terms.classification)
        True
    """
    _check_weights(alpha=alpha, beta=beta)
    first, *compositions = model.recompose(x, path)
    recursion, reconstruction = 0.0, 0.0
    for d, step in enumerate(compositions, start=1):
        recursion = recursion + alpha**d * _cross_entropy(step.logits, x, y)
        reconstruction = reconstruction + alpha**d * beta * _squared_error(step.x_hat, x)
    return Terms(_cross_entropy(first.logits, x, y), recursion, reconstruction)


def _cross_entropy(logits: Tensor, x: Tensor, y: Tensor) -> Tensor:
    # Under autocast the logits are bfloat16; losses are computed in the input's precision.
    return F.cross_entropy(logits.to(x.dtype), y)


def _squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    return F.mse_loss(x_hat.to(x.dtype), x)


def _check_weights(alpha: float = 0.0, beta: float = 0.0) -> None:
    if not 0 <= alpha <= 1:
        raise ValueError(f"expected alpha in [0, 1], got {alpha}: it weighs composition d by alpha^d")
    if not beta >= 0:
        raise ValueError(f"expected beta >= 0, got {beta}: it weighs the squared error of decodings")

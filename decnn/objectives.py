"""The paper's training objectives as pure functions: each returns its named terms, which add up to `total`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from decnn.compose import DecNN
from decnn.likelihood import cross_entropy, divergence, uniformity
from decnn.modes import evaluating, untracked

__all__ = ["Terms", "composed", "decodable", "direct", "indifferent", "recursive", "standard"]

Composition = Callable[[Tensor, Tensor], Tensor]  # logits and decoded input of a step -> scalar


@dataclass(frozen=True)
class Terms:
    """Terms of an objective, each with its weight: those that an objective lacks are 0."""

    classification: Tensor | float = 0.0
    recursion: Tensor | float = 0.0
    reconstruction: Tensor | float = 0.0
    composition: Tensor | float = 0.0  # with a pretrained model
    complexity: Tensor | float = 0.0  # of a Bayesian network's weights

    @property
    def total(self) -> Tensor:
        """What training minimises: the sum of the terms."""
        return self.classification + self.recursion + self.reconstruction + self.composition + self.complexity


def standard(classifier: nn.Module, x: Tensor, y: Tensor) -> Terms:
    """Equation 1 without auxiliary term: CE(f(x), y), the mean over the batch in nats.

    Arguments:
        classifier: f, or a DecNN.
        x: inputs (B, C, H, W).
        y: labels (B,); in every objective also attributes (B, A) of 0 and 1, whose cross-entropies are summed.

    Source: Wu et al. (2021), Eq. 1; A.2 for attributes.

    Example:
        >>> import torch, decnn
        >>> terms = standard(decnn.MLP(), torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]))
        >>> bool(terms.total == terms.classification)
        True
    """
    return Terms(classification=_cross_entropy(classifier(x), x, y))


def decodable(model: DecNN, x: Tensor, y: Tensor, beta: float = 10.0, pretrained: nn.Module | None = None) -> Terms:
    """Equation 4: CE(f(x), y) + beta (1/L) sum_l MSE(g(h_l), x), the MSE a mean over pixels and batch.

    With a `pretrained` model m also (1/L) sum_l [ - sum_c m(x_l)_c ln f(x_l)_c ] with x_l = g(h_l): the edit of
    Equation 7 made to a DecNN. m is that of `composed`.

    Raises:
        ValueError: negative beta; a pretrained model that reads or answers another shape.

    Source: Wu et al. (2021), Eq. 4; section 4.2 for the edit.

    Example:
        >>> import torch, decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4))
        >>> terms = decodable(model, torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]))
        >>> bool(torch.isclose(terms.total, terms.classification + terms.reconstruction))
        True
    """
    _check_weights(beta=beta)
    logits, activations = model.activations(x)
    decoded = [model.decode(h) for h in activations]
    composition = 0.0
    if pretrained is not None:
        agree = _agreement(pretrained, y)
        with untracked(model.classifier):
            composition = sum(agree(model(x_hat), x_hat) for x_hat in decoded) / len(decoded)
    return Terms(
        classification=_cross_entropy(logits, x, y),
        reconstruction=beta * sum(_squared_error(x_hat, x) for x_hat in decoded) / len(decoded),
        composition=composition,
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
    return _along(model, x, y, path, alpha, beta)


def composed(
    model: DecNN,
    pretrained: nn.Module,
    x: Tensor,
    y: Tensor,
    path: Sequence[int],
    alpha: float = 0.5,
    beta: float = 10.0,
) -> Terms:
    """Equation 7: Eq. 5 + sum_d alpha^d [ - sum_c m(x_d)_c ln f(x_d)_c ]: f agrees with m on what g decodes.

    m runs in eval mode and is not changed, whatever mode it is in; gradients flow through it to x_d, as the
    equation is written.

    Arguments:
        model, x, y, path, alpha, beta: those of `recursive`.
        pretrained: m, any network whose logits have the shape of f's.

    Raises:
        ValueError: as `recursive`; a pretrained model that reads or answers another shape.

    Source: Wu et al. (2021), Eq. 7.

    Example:
        >>> import torch, decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4))
        >>> x, y, m = torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]), decnn.Linear((1, 32, 32), 10)
        >>> bool(composed(model, m, x, y, path=[1, 8]).composition > 0)
        True
    """
    return _along(model, x, y, path, alpha, beta, _agreement(pretrained, y))


def direct(
    model: DecNN,
    pretrained: nn.Module,
    x: Tensor,
    y: Tensor,
    path: Sequence[int],
    alpha: float = 0.5,
    beta: float = 10.0,
) -> Terms:
    """Equation 7 with m(x) in place of m(x_d): f agrees, on what g decodes, with what m says of the input itself.

    Arguments and errors are those of `composed`.

    Source: Wu et al. (2021), Table 6, "direct regularization".

    Example:
        >>> import torch, decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4))
        >>> x, y, m = torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]), decnn.Linear((1, 32, 32), 10)
        >>> bool(direct(model, m, x, y, path=[1, 8]).composition > 0)
        True
    """
    with torch.no_grad():
        said = _ask(pretrained, x)
    return _along(model, x, y, path, alpha, beta, lambda logits, _: _divergence(logits, said, y))


def indifferent(
    model: DecNN,
    protected: nn.Module,
    x: Tensor,
    y: Tensor,
    path: Sequence[int],
    alpha: float = 0.5,
    beta: float = 10.0,
) -> Terms:
    """Equation 8: Eq. 5 + sum_d alpha^d [ - (1/K) sum_c ln m(x_d)_c ]: m cannot tell the groups on what g decodes.

    Arguments:
        model, x, y, path, alpha, beta: those of `recursive`.
        protected: m, a classifier of the protected feature, with logits (B, K) of K groups, or (B, 1) of one
            attribute that is there or not. It runs in eval mode and is not changed.

    Raises:
        ValueError: as `recursive`; a classifier that reads another shape.

    Source: Wu et al. (2021), Eq. 8.

    Example:
        >>> import math, torch, decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4))
        >>> x, y, m = torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]), decnn.Linear((1, 32, 32), 2)
        >>> bool(indifferent(model, m, x, y, path=[1, 8]).composition >= (0.5 + 0.25) * math.log(2))
        True
    """
    return _along(model, x, y, path, alpha, beta, lambda _, x_hat: uniformity(_ask(protected, x_hat)))


def _along(
    model: DecNN,
    x: Tensor,
    y: Tensor,
    path: Sequence[int],
    alpha: float,
    beta: float,
    compose: Composition | None = None,
) -> Terms:
    """Equation 5, and what a composition with a pretrained model adds at each depth."""
    _check_weights(alpha=alpha, beta=beta)
    first, *compositions = model.recompose(x, path)
    recursion, reconstruction, composition = 0.0, 0.0, 0.0
    for d, step in enumerate(compositions, start=1):
        recursion = recursion + alpha**d * _cross_entropy(step.logits, x, y)
        reconstruction = reconstruction + alpha**d * beta * _squared_error(step.x_hat, x)
        if compose is not None:
            composition = composition + alpha**d * compose(step.logits, step.x_hat)
    return Terms(_cross_entropy(first.logits, x, y), recursion, reconstruction, composition)


def _agreement(pretrained: nn.Module, y: Tensor) -> Composition:
    return lambda logits, x_hat: _divergence(logits, _ask(pretrained, x_hat), y)


def _divergence(logits: Tensor, said: Tensor, y: Tensor) -> Tensor:
    if said.shape != logits.shape:
        raise ValueError(
            f"expected a pretrained model with the network's {logits.shape[1]} logits, got logits of shape "
            f"{tuple(said.shape)}: choose one that was trained for the same classes"
        )
    return divergence(logits.to(said.dtype), said, attributes=y.dim() == 2)


def _ask(pretrained: nn.Module, x: Tensor) -> Tensor:
    """Logits of a frozen model: gradients reach x alone, and batch normalisation keeps its statistics."""
    expected = tuple(getattr(pretrained, "in_shape", x.shape[1:]))
    if expected != tuple(x.shape[1:]):
        raise ValueError(
            f"expected a pretrained model that reads inputs of shape {tuple(x.shape[1:])}, got one for {expected}: "
            "choose one that was trained on inputs of the same shape"
        )
    with evaluating(pretrained):
        weights = {name: p.detach() for name, p in pretrained.named_parameters()}
        try:
            logits = functional_call(pretrained, weights, (x,))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # of a module that does not say what it reads
            raise ValueError(
                f"expected a pretrained model that reads inputs of shape {tuple(x.shape[1:])}, got "
                f"{type(pretrained).__name__}, which fails on them ({str(error).splitlines()[0]}): choose one that was "
                "trained on inputs of the same shape, and bring it to their type and device"
            ) from error
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _cross_entropy(logits: Tensor, x: Tensor, y: Tensor) -> Tensor:
    # Under autocast the logits are bfloat16; losses are computed in the input's precision.
    return cross_entropy(logits.to(x.dtype), y)


def _squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    return F.mse_loss(x_hat.to(x.dtype), x)


def _check_weights(alpha: float = 0.0, beta: float = 0.0) -> None:
    if not 0 <= alpha <= 1:
        raise ValueError(f"expected alpha in [0, 1], got {alpha}: it weighs composition d by alpha^d")
    if not beta >= 0:
        raise ValueError(f"expected beta >= 0, got {beta}: it weighs the squared error of decodings")

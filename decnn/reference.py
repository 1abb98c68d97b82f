"""Batch normalisation by reference inputs that go the same way: the statistics of one layer or path, not of all.

In training each batch of decodings was normalised by itself. The running statistics average over all layers and depths,
and where these differ they fit none of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from decnn.compose import DecNN
from decnn.modes import BATCH_NORM, BY_BATCH, evaluating

__all__ = ["check_reference", "decodings", "with_reference"]

Tensors = TypeVar("Tensors")


def decodings(model: DecNN, x: Tensor, reference: Tensor | None = None) -> list[Tensor]:
    """What the layers decode to: [g(h_1), ..., g(h_L)] of the activations of x, each of the shape of x.

    `reference`, some hundred training inputs (R, C, H, W), gives batch normalisation the statistics of each layer. The
    model computes in eval mode, and its own mode comes back.

    Raises:
        ValueError: a reference of another shape or type.

    Source: Wu et al. (2021), section 3 and Figure 3.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval()
        >>> images = decodings(model, torch.rand(3, 1, 32, 32), reference=torch.rand(8, 1, 32, 32))
        >>> len(images), tuple(images[0].shape)
        (8, (3, 1, 32, 32))
    """
    with evaluating(model):
        if reference is None:
            return [model.decode(h) for h in model.activations(x)[1]]
        check_reference(x, reference)
        decode = with_reference(model, len(reference), DecNN.decode)
        return [decode(h)[len(reference) :] for h in model.activations(torch.cat([reference, x]))[1]]


def with_reference(
    model: DecNN, count: int, run: Callable[[DecNN, Tensor], Tensors], chunk: int = 512
) -> Callable[[Tensor], Tensors]:
    """`run(model, h)`, with batch normalisation, in g and in f, by the statistics of the first `count` rows of h.

    These are one batch, the others are run by `chunk` rows at a time. The model is left as it is.
    """
    model = copy.deepcopy(model)
    # Instance normalisation without running statistics takes them from each input: a reference has no part in it.
    norms = [
        m for m in model.modules() if isinstance(m, BY_BATCH) or (isinstance(m, BATCH_NORM) and m.track_running_stats)
    ]
    for norm in norms:
        norm.momentum = 1.0  # the running statistics become those of the last batch in training mode
        if not norm.track_running_stats:
            _give_statistics(norm)

    def both(h: Tensor) -> Tensors:
        parts = []
        for training, some in ((True, [h[:count]]), (False, h[count:].split(chunk))):
            for norm in norms:
                norm.train(training)
            parts += [run(model, part) for part in some]
        return tree_map(lambda *rows: torch.cat(rows), *parts)

    return both


def _give_statistics(norm: nn.Module) -> None:
    """A place for the reference's statistics, in a layer that keeps none of its own."""
    like = next(norm.parameters(), torch.empty(0))
    norm.track_running_stats = True
    for name, start in (("running_mean", torch.zeros), ("running_var", torch.ones)):
        norm.register_buffer(name, start(norm.num_features, dtype=like.dtype, device=like.device))


def check_reference(x: Tensor, reference: Tensor) -> None:
    """ValueError unless reference inputs have the shape and the type of x's."""
    if reference.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"expected reference inputs of shape {tuple(x.shape[1:])}, as x, got {tuple(reference.shape[1:])}: take "
            "training inputs"
        )
    if reference.dtype != x.dtype:
        raise ValueError(
            f"expected reference inputs of {x.dtype}, as x, got {reference.dtype}: decnn.data.as_floats makes 8-bit "
            "images floats in [0, 1]"
        )

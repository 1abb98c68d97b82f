"""Batch normalisation by reference inputs that go the same way: the statistics of one layer or path, not of all.

In training each batch of decodings was normalised by itself. The running statistics average over all layers and depths,
and where these differ they fit none of them.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from decnn.compose import DecNN
from decnn.modes import BATCH_NORM, BY_BATCH, evaluating

__all__ = ["ByReference", "Statistics", "check_reference", "decodings"]

Found = TypeVar("Found")
Run = Callable[[DecNN, Tensor], Found]
Statistics = list[tuple[Tensor, Tensor]]  # of every batch normalisation its mean and variance


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
        own, found = ByReference(model), []
        (_, walked), first = own.measure(DecNN.activations, reference, bare_only=True)
        for h, h_reference in zip(own(DecNN.activations, x, first)[1], walked, strict=True):
            _, statistics = own.measure(DecNN.decode, h_reference)
            found.append(own(DecNN.decode, h, statistics))
        return found


class ByReference:
    """A copy of a network whose batch normalisation, in f and in g, takes mean and variance from reference inputs.

    One such pair of every layer is the `statistics` of one computation: `measure` finds them, a call computes by them.
    """

    def __init__(self, model: DecNN) -> None:
        self.model = copy.deepcopy(model)
        # Instance normalisation without running statistics takes them from each input: a reference has no part in it.
        self._norms = [
            m
            for m in self.model.modules()
            if isinstance(m, BY_BATCH) or (isinstance(m, BATCH_NORM) and m.track_running_stats)
        ]
        self._bare = [norm for norm in self._norms if not norm.track_running_stats]
        for norm in self._norms:
            norm.momentum = 1.0  # the running statistics become those of the last batch in training mode
        for norm in self._bare:
            _give_statistics(norm)
        self._lock = threading.Lock()  # statistics and what is computed by them belong together

    def measure(self, run: Run, h: Tensor, bare_only: bool = False) -> tuple[Found, Statistics]:
        """`run(model, h)` with the rows of h as one batch, as in training, and that batch's statistics.

        With `bare_only` those layers alone learn from it that keep no running statistics of their own.
        """
        with self._lock:
            for norm in self._norms:
                norm.train(norm in self._bare or not bare_only)
            found = run(self.model, h)
            return found, [(norm.running_mean.clone(), norm.running_var.clone()) for norm in self._norms]

    def __call__(self, run: Run, h: Tensor, statistics: Statistics) -> Found:
        """`run(model, h)` by given statistics: what one row gets does not depend on the others."""
        with self._lock:
            for norm, (mean, var) in zip(self._norms, statistics, strict=True):
                norm.eval()
                norm.running_mean, norm.running_var = mean, var
            return run(self.model, h)


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

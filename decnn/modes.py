"""How a network computes for a while: every module's own mode comes back, which may differ from its parent's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from torch import nn

__all__ = ["BATCH_NORM", "BY_BATCH", "DROPOUT", "evaluating", "untracked"]

BATCH_NORM = nn.modules.batchnorm._NormBase  # of any dimension, and every other that keeps running statistics
BY_BATCH = nn.modules.batchnorm._BatchNorm  # of these, what takes statistics over the batch and not from each input
DROPOUT = nn.modules.dropout._DropoutNd


@contextlib.contextmanager
def evaluating(network: nn.Module | Callable, dropout: bool = False) -> Iterator[None]:
    """Eval mode inside, but for dropout if it is to stay on; the modes from before come back. A function has none.

    Example:
        >>> layer = nn.Dropout()
        >>> with evaluating(layer):
        ...     layer.training
        False
        >>> layer.training
        True
    """
    modules = network.modules() if isinstance(network, nn.Module) else ()
    before = [(module, module.training) for module in modules]
    for module, _ in before:
        module.training = dropout and isinstance(module, DROPOUT)
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


@contextlib.contextmanager
def untracked(network: nn.Module) -> Iterator[None]:
    """Normalisation inside computes as before and leaves its running statistics as they are.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm1d(1)
        >>> with untracked(norm):
        ...     y = norm(torch.tensor([[1.0], [3.0]]))
        >>> y.mean().item(), norm.running_mean.item()
        (0.0, 0.0)
    """
    before = []
    for norm in network.modules():
        if isinstance(norm, BATCH_NORM) and norm.training and norm.track_running_stats:
            # Without the flag instance normalisation would change what it computes; at momentum 0 it learns nothing.
            name, still = ("track_running_stats", False) if isinstance(norm, BY_BATCH) else ("momentum", 0.0)
            before.append((norm, name, getattr(norm, name)))
            setattr(norm, name, still)
    try:
        yield
    finally:
        for norm, name, value in before:
            setattr(norm, name, value)

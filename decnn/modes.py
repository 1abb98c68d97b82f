"""Training and eval mode for a while: every module's own mode comes back, which may differ from its parent's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn

__all__ = ["evaluating"]


@contextlib.contextmanager
def evaluating(network: nn.Module, dropout: bool = False) -> Iterator[None]:
    """Eval mode inside, but for dropout if it is to stay on; the modes from before come back.

    Example:
        >>> layer = nn.Dropout()
        >>> with evaluating(layer):
        ...     layer.training
        False
        >>> layer.training
        True
    """
    before = [(module, module.training) for module in network.modules()]
    for module, _ in before:
        module.training = dropout and isinstance(module, nn.Dropout)
    try:
        yield
    finally:
        for module, training in before:
            module.training = training

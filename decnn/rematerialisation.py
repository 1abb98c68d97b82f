"""Less memory for a quarter to a third more time: what a decoder computes inside is not kept, but computed again.

A training step of Equation 5 keeps the inner activations of D decoders until the gradient has passed. Rematerialised
(also: activation checkpointing), it keeps each decoder's input alone, and runs the decoder once more on the way back.
The classifier's activations stay: each is what a decoder may read, and small beside what the decoder makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from decnn.compose import DecNN
from decnn.precision import rounding

__all__ = ["rematerialised"]


def rematerialised(model: DecNN) -> DecNN:
    """The same network with the same parameters, whose every decoding is computed again for its gradient.

    Losses, gradients and buffers are those of `model`, to the last bit where its operations are deterministic: the
    second pass draws the same noise, in the same precision, and leaves batch normalisation's statistics alone.

    Raises:
        ValueError: a model without a decoder.

    Source: Chen et al. (2016), Training deep nets with sublinear memory cost.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4))
        >>> x, y = torch.rand(2, 1, 32, 32), torch.tensor([0, 1])
        >>> decnn.objectives.recursive(rematerialised(model), x, y, path=[1, 8]).total.backward()
        >>> model.decoder.linear.weight.grad.shape
        torch.Size([512, 128])
    """
    if not isinstance(model, DecNN):
        raise ValueError(
            f"expected a DecNN to rematerialise, got {type(model).__name__}: only decoders need so much memory"
        )
    return DecNN(model.classifier, _Rematerialised(model.decoder))


class _Rematerialised(nn.Module):
    """A decoder around a decoder."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder
        self.out_shape = decoder.out_shape

    def accepts(self, shape: Sequence[int]) -> bool:
        return self.decoder.accepts(shape)

    def forward(self, h: Tensor) -> Tensor:
        again = partial(_again, self.decoder, rounding())
        return checkpoint(self.decoder, h, use_reentrant=False, context_fn=lambda: (nullcontext(), again()))


@contextmanager
def _again(decoder: nn.Module, products: AbstractContextManager) -> Iterator[None]:
    """What surrounds the second pass: the first one's precision, and buffers that have their values again afterwards.

    So batch normalisation counts a batch once.
    """
    before = [(buffer, buffer.clone()) for buffer in decoder.buffers()]
    try:
        with products:
            yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)

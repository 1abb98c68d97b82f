"""Decodable networks and their composition with themselves.

A classifier f turns an input into activations h_1..h_L; one decoder g turns any of them back into
an input. What g returns has the shape of an input, so f can read it again:

    x_0 = x,    x_d = g(h_l(x_{d-1}))   with l = path[d-1],    d = 1..D.

Every path of layers is thus a classifier of its own, f(x_D), and one pair (f, g) holds L^D of them.

Source: Wu et al. (2021), sections 3 and 4.1, Equations 4 and 5.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from decnn.modes import untracked

__all__ = ["DecNN", "Step"]


class Step(NamedTuple):
    """What one composition sees: logits (B, K), activations [h_1..h_L], and the decoded input read.

    `x_hat` is None for the first step, which reads the input itself.
    """

    logits: Tensor
    activations: list[Tensor]
    x_hat: Tensor | None


class DecNN(nn.Module):
    """A classifier and the one decoder of all its activations.

    Arguments:
        classifier: f, with `activations(x) -> (logits, [h_1, ..., h_L])`.
        decoder: g, with `g(h_l)` of the shape of x for every l.

    Raises:
        ValueError: the classifier has no hidden layer, the decoder cannot read one of them, or it
            returns another shape than the classifier reads.

    Source: Wu et al. (2021), section 3 (DecNN) and 4.1 (ReDecNN: the same pair, trained by Eq. 5).

    Example:
        >>> import torch, decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=8))
        >>> x = torch.rand(2, 1, 32, 32)
        >>> steps = model.recompose(x, path=[8, 1, 4])
        >>> len(steps), tuple(steps[-1].logits.shape), tuple(steps[-1].x_hat.shape)
        (4, (2, 10), (2, 1, 32, 32))
    """

    def __init__(self, classifier: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        _check_fit(classifier, decoder)
        self.classifier = classifier
        self.decoder = decoder

    @property
    def num_layers(self) -> int:
        """L, the number of decodable layers."""
        return len(self.classifier.activation_shapes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of the first pass: f(x)."""
        return self.classifier(x)

    def activations(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K) and activations [h_1, ..., h_L] of the first pass."""
        return self.classifier.activations(x)

    def decode(self, h: Tensor) -> Tensor:
        """Decode one layer's activations: g(h), of the shape of an input."""
        return self.decoder(h)

    def recompose(self, x: Tensor, path: Sequence[int]) -> list[Step]:
        """Compose the network with itself along a path of D layers, each 1..L: a list of D + 1 steps.

        Should f have batch normalisation, its running statistics are those of inputs: decodings leave no trace in them.
        """
        self.check_path(path)
        steps = [Step(*self.classifier.activations(x), x_hat=None)]
        with untracked(self.classifier):
            for layer in path:
                x_hat = self.decoder(steps[-1].activations[layer - 1])
                steps.append(Step(*self.classifier.activations(x_hat), x_hat=x_hat))
        return steps

    def check_path(self, path: Sequence[int]) -> None:
        """Raise ValueError unless every entry of the path is a layer 1..L."""
        try:
            layers = [operator.index(layer) for layer in path]
        except TypeError:
            raise ValueError(
                f"expected a path of integers 1..{self.num_layers}, got {path}: of sampled paths, take one row"
            ) from None
        for layer in layers:
            if not 1 <= layer <= self.num_layers:
                raise ValueError(
                    f"expected layers 1..{self.num_layers} in a path, got {layer} in {layers}: layers count from 1 "
                    "(h_1) to L (the last hidden layer)"
                )


def _check_fit(classifier: nn.Module, decoder: nn.Module) -> None:
    """The two shapes that have to meet: every activation enters g, and g's output enters f."""
    if not hasattr(classifier, "activation_shapes"):
        raise ValueError(
            f"expected a classifier that tells its activations and their shapes, got {type(classifier).__name__}: "
            "decnn.decodable(module, layers, in_shape) makes a DecNN of any network"
        )
    if not hasattr(decoder, "out_shape"):
        raise ValueError(
            f"expected a decoder with out_shape and accepts(shape), got {type(decoder).__name__}: see ResNetDecoder"
        )
    if not classifier.activation_shapes:
        raise ValueError(
            f"expected a classifier with at least one hidden layer, got {type(classifier).__name__}, which has "
            "none: there is no activation to decode"
        )
    if tuple(decoder.out_shape) != tuple(classifier.in_shape):
        raise ValueError(
            f"expected a decoder whose output has the classifier's input shape {tuple(classifier.in_shape)}, got "
            f"{tuple(decoder.out_shape)}: set the decoder's out_shape"
        )
    for layer, shape in enumerate(classifier.activation_shapes, start=1):
        if not decoder.accepts(shape):
            raise ValueError(
                f"expected activations that {type(decoder).__name__} can decode, got h_{layer} of shape {shape}: "
                "set the decoder's latent size or filters to theirs, or choose a decoder for feature maps, UNetDecoder"
            )

"""One decoder for layers of different sizes: what stands between an activation and the decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from decnn.compose import DecNN
from decnn.decoders import ResNetDecoder
from decnn.hooks import Hooked, some_parameter

__all__ = ["Adapted", "decodable"]

LATENT = 128  # the paper's


class Adapted(nn.Module):
    """A classifier with one more step behind each activation: a_l(h_l) of one size for all l, for the decoder to read.

    "linear" learns a_l(h) = W_l vec(h) + b_l, which has `latent` parameters for each value of h. "pad" appends zeros to
    vec(h) and learns nothing, but the decoder has to be as large as the largest layer. A vector that has the right
    size is left as it is.

    Arguments:
        classifier: f, with `activations(x)`, `activation_shapes`, `in_shape` and `num_classes`.
        latent: size of what the decoder reads.
        adapter: "linear" or "pad".

    Raises:
        ValueError: another adapter; padding for a layer of more than `latent` values.

    Source: padding: Wu et al. (2021), A.1, for layers of variable size. The linear map is ours: the paper's other way
    out is a decoder for each layer, of which one linear map for each is the smallest part.

    Example:
        >>> import torch, decnn
        >>> f = Adapted(decnn.ConvNet((1, 32, 32), 10, filters=2), latent=16)
        >>> [tuple(h.shape) for h in f.activations(torch.rand(3, 1, 32, 32))[1]] == [(3, 16)] * 8
        True
    """

    def __init__(self, classifier: nn.Module, latent: int = LATENT, adapter: str = "linear") -> None:
        super().__init__()
        if adapter not in ("linear", "pad"):
            raise ValueError(f"expected adapter 'linear' or 'pad', got {adapter!r}")
        largest = max(map(math.prod, classifier.activation_shapes), default=0)
        if adapter == "pad" and largest > latent:
            raise ValueError(
                f"expected a decoder that reads the largest layer, {largest:,} values, for adapter 'pad', got one with "
                f"latent {latent:,}: build it with latent={largest}, or choose 'linear'"
            )
        self.classifier = classifier
        self.in_shape = classifier.in_shape
        self.num_classes = classifier.num_classes
        self.activation_shapes = ((latent,),) * len(classifier.activation_shapes)
        self.adapters = nn.ModuleList(_adapter(shape, latent, adapter) for shape in classifier.activation_shapes)

    def activations(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K) and [a_1(h_1), ..., a_L(h_L)], each (B, latent)."""
        logits, hs = self.classifier.activations(x)
        return logits, [adapter(h) for adapter, h in zip(self.adapters, hs, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.classifier(x)


def _adapter(shape: Sequence[int], latent: int, adapter: str) -> nn.Module:
    size = math.prod(shape)
    if tuple(shape) == (latent,):
        return nn.Identity()
    last = nn.Linear(size, latent) if adapter == "linear" else nn.ConstantPad1d((0, latent - size), 0.0)
    return nn.Sequential(nn.Flatten(), last)


def decodable(
    module: nn.Module,
    layers: Sequence[str],
    in_shape: Sequence[int],
    decoder: nn.Module | None = None,
    adapter: str = "linear",
) -> DecNN:
    """Any torch classifier with a decoder of the layers that are named: a DecNN, for `objectives` and `fit` to train.

    Layers that the decoder reads as they are, such as vectors of its latent size, get no adapter; maps, sequences of
    tokens and vectors of other sizes get one each (`Adapted`), which belongs to the model and is trained with it.

    Arguments:
        module: f, any module that maps (B, *in_shape) to logits (B, K); it is neither changed nor copied.
        layers: names out of `module.named_modules()`, h_1 first; blocks of a network are good choices.
        in_shape: shape (C, H, W) of one input.
        decoder: g; None: the paper's for 32x32 images, which reads 128 values, or those of the layers where all are
            vectors of one size, or those of the largest layer if it is to be padded to.
        adapter: "linear" or "pad", see `Adapted`.

    Raises:
        ValueError: what `Hooked`, `Adapted`, the decoder and `DecNN` refuse.

    Source: Wu et al. (2021), section 3: the decoder asks nothing of f but its activations.

    Example:
        >>> import torch, decnn
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(900, 64), nn.Linear(64, 10))
        >>> model = decodable(net, ["1", "3"], (1, 32, 32), decnn.ResNetDecoder(latent=64, width=4))
        >>> [tuple(model.decode(h).shape) for h in model.activations(torch.rand(2, 1, 32, 32))[1]]
        [(2, 1, 32, 32), (2, 1, 32, 32)]
    """
    classifier = Hooked(module, layers, in_shape)
    shapes = classifier.activation_shapes
    like = some_parameter(module)
    if decoder is None:
        if len(in_shape) != 3 or tuple(in_shape[1:]) != (32, 32):
            raise ValueError(
                f"expected a decoder for inputs {tuple(in_shape)}, got none: the paper's returns (C, 32, 32); resize "
                "the inputs to that, or give a decoder of your own, any module that has accepts(shape) and out_shape"
            )
        decoder = ResNetDecoder(_latent(shapes, adapter), out_shape=classifier.in_shape).to(like.device, like.dtype)
    latent = getattr(decoder, "latent", None)  # a decoder of maps has none: DecNN says whether it can read these
    if latent is None or all(map(decoder.accepts, shapes)):
        return DecNN(classifier, decoder)
    adapted = Adapted(classifier, latent, adapter)
    adapted.adapters.to(like.device, like.dtype)
    return DecNN(adapted, decoder)


def _latent(shapes: Sequence[tuple[int, ...]], adapter: str) -> int:
    alike = len(set(shapes)) == 1 and len(shapes[0]) == 1
    return max(map(math.prod, shapes)) if alike or adapter == "pad" else LATENT

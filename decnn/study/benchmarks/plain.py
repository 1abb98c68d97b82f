"""The straightforward implementation, which the fast one is measured beside, and the ideas that make it fast.

Plain means what one writes first: float32, eager, PyTorch's modules as they are, a loop over members and a loop over
paths. Ideas can be added to its decoder one at a time; none of them changes the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decnn.batchnorm import norm_act
from decnn.compose import DecNN

__all__ = ["Ideas", "decode_together", "decoder", "up_conv", "votes"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Ideas:
    """Which ideas a training step uses; the plain one uses none."""

    bfloat16: bool = False
    channels_last: bool = False
    small_shortcut: bool = False
    joined_norm: bool = False
    fused_adam: bool = False
    sub_pixel: bool = False
    compiled: bool = False
    layers_together: bool = False  # of Equation 4, by `decode_together`


PLAIN = Ideas()


def decoder(width: int, out_shape: Shape = (1, 32, 32), latent: int = 128, ideas: Ideas = PLAIN) -> nn.Module:
    """The function of `decnn.ResNetDecoder`, plain or with ideas, with its weights in the same order.

    Example:
        >>> tuple(decoder(2)(torch.rand(3, 128)).shape)
        (3, 1, 32, 32)
    """
    channels = [8 * width, 4 * width, 4 * width, 2 * width, 2 * width, width, width, width, width]
    blocks = [_Block(i, o, ideas) for i, o in pairwise(channels)]
    first = [nn.Linear(latent, 8 * width * 16), nn.Unflatten(1, (8 * width, 4, 4))]
    model = _Decoder(*first, *blocks, nn.Conv2d(width, out_shape[0], 3, padding=1, bias=False))
    model.latent, model.out_shape = latent, tuple(out_shape)
    return model


def decode_together(model: nn.Module, hs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What a `decoder` makes of each layer's activations: products of all layers at once, statistics of each alone.

    Example:
        >>> g, hs = decoder(2), [torch.rand(3, 128), torch.rand(3, 128)]
        >>> bool(torch.allclose(decode_together(g, hs)[1], g(hs[1]), atol=1e-3))
        True
    """
    blocks = [module for module in model if isinstance(module, _Block)]
    for block in blocks:
        block.layers = len(hs)
    try:
        return model(torch.cat(list(hs))).chunk(len(hs))
    finally:
        for block in blocks:
            block.layers = 1


def votes(model: DecNN, x: Tensor, paths: Tensor) -> Tensor:
    """Labels (N, B) by walking every path alone with the modules as they are."""
    with torch.no_grad():
        return torch.stack([model.recompose(x, path)[-1].logits.argmax(-1) for path in paths.tolist()])


def up_conv(x: Tensor, weight: Tensor) -> Tensor:
    """A 3x3 convolution of the map enlarged twice by nearest neighbours, from the small map: 4 products for 9.

    Output pixel (2i + a, 2j + b) sees two rows and two columns of the small map, so each of the four phases
    (a, b) is a 2x2 convolution whose weights are sums of the 3x3 ones.

    Example:
        >>> x, weight = torch.rand(1, 2, 4, 4), torch.rand(3, 2, 3, 3)
        >>> plain = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)
        >>> bool(torch.allclose(up_conv(x, weight), plain, atol=1e-5))
        True
    """
    height, width = x.shape[2:]
    taps = x.new_tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])  # phase, small row, row of the 3x3
    kernels = torch.einsum("atk,bsl,oikl->oabits", taps, taps, weight).flatten(0, 2)
    y = F.conv2d(x, kernels, padding=1).unflatten(1, (-1, 2, 2))
    rows = [[y[:, :, a, b, a : a + height, b : b + width] for b in (0, 1)] for a in (0, 1)]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-3).reshape(len(x), -1, 2 * height, 2 * width)


class _Block(nn.Module):
    """Residual block: conv3x3, BN, ReLU, [nearest up 2,] conv3x3, BN, plus shortcut, ReLU."""

    def __init__(self, i: int, o: int, ideas: Ideas) -> None:
        super().__init__()
        self.ideas, self.upsample, self.layers = ideas, i != o, 1
        self.conv1, self.norm1 = nn.Conv2d(i, i, 3, padding=1, bias=False), nn.BatchNorm2d(i)
        self.conv2, self.norm2 = nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o)
        if self.upsample:
            self.shortcut, self.shortcut_norm = nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o)

    def forward(self, x: Tensor) -> Tensor:
        h = self._norm(self.norm1, self.conv1(x))
        if not self.upsample:
            return self._norm(self.norm2, self.conv2(h), x)
        if self.ideas.small_shortcut:
            x = F.interpolate(self.shortcut(x), scale_factor=2, mode="nearest")
        else:
            x = self.shortcut(F.interpolate(x, scale_factor=2, mode="nearest"))
        x = self._norm(self.shortcut_norm, x, relu=False)
        if self.ideas.sub_pixel:
            h = up_conv(h, self.conv2.weight).contiguous(memory_format=torch.channels_last)
        else:
            h = self.conv2(F.interpolate(h, scale_factor=2, mode="nearest"))
        return self._norm(self.norm2, h, x)

    def _norm(self, norm: nn.Module, x: Tensor, shortcut: Tensor | None = None, relu: bool = True) -> Tensor:
        if self.layers == 1:
            return self._norm_of_one(norm, x, shortcut, relu)
        shortcuts = [None] * self.layers if shortcut is None else shortcut.chunk(self.layers)
        pairs = zip(x.chunk(self.layers), shortcuts, strict=True)
        return torch.cat([self._norm_of_one(norm, part, along, relu) for part, along in pairs])

    def _norm_of_one(self, norm: nn.Module, x: Tensor, shortcut: Tensor | None, relu: bool) -> Tensor:
        if self.ideas.joined_norm:
            return norm_act(norm, x, shortcut, relu)
        y = norm(x) if shortcut is None else norm(x) + shortcut
        return F.relu(y) if relu else y


class _Decoder(nn.Sequential):
    latent: int
    out_shape: Shape

    def accepts(self, shape: Shape) -> bool:
        return shape == (self.latent,)

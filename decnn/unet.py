"""The decoder of feature maps: a U-Net that reads the maps of every layer on one grid, the input's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decnn.batchnorm import norm_act

__all__ = ["UNetDecoder"]

GRIDS = (1, 2, 4, 8, 16, 32)


class UNetDecoder(nn.Module):
    """U-Net of constant width: a map of any grid, brought to 32x32, goes down to 4x4 and up again to an image.

    Nearest upsampling to 32x32; stages on 32 -> 16 -> 8 -> 4 with max pooling between them, then on 8 -> 16 -> 32,
    each reading [map of the same grid on the way down, nearest up 2]; a last 3x3 convolution to the image, without
    activation. A stage is twice (conv3x3, BN, ReLU), and every stage gives `filters` channels.

    The paper says "a U-Net decoder (again with 64 filters)" and no more. Our choices: the upsampling in front, by
    which one network reads the maps of all layers; 3 poolings; the same width in every stage; and, as in
    `ResNetDecoder`, padding, batch normalisation, and nearest upsampling in place of transposed convolution.

    Arguments:
        filters: channels of the activations and of every stage. 64 is the paper's: 629,056 parameters.
        out_shape: shape (C, 32, 32) of the decoded input.

    Raises:
        ValueError: an output grid that is not 32x32.

    Source: Wu et al. (2021), A.6; Ronneberger et al. (2015), figure 1.

    Example:
        >>> g = UNetDecoder(filters=4)
        >>> [tuple(g(torch.rand(2, 4, size, size)).shape) for size in (4, 32)]
        [(2, 1, 32, 32), (2, 1, 32, 32)]
        >>> sum(p.numel() for p in UNetDecoder().parameters())
        629056
    """

    def __init__(self, filters: int = 64, out_shape: Sequence[int] = (1, 32, 32)) -> None:
        super().__init__()
        self.out_shape = tuple(out_shape)
        self.filters = filters
        if len(self.out_shape) != 3 or self.out_shape[1:] != (32, 32):
            raise ValueError(f"expected out_shape (C, 32, 32), got {self.out_shape}: resize the inputs to 32x32")
        self.down = nn.ModuleList(_Stage(filters, filters) for _ in (32, 16, 8, 4))
        self.up = nn.ModuleList(_Stage(2 * filters, filters) for _ in (8, 16, 32))
        self.head = nn.Conv2d(filters, self.out_shape[0], 3, padding=1, bias=False)

    def accepts(self, shape: Sequence[int]) -> bool:
        """Whether an activation of this shape (without the batch axis) can be decoded."""
        return len(shape) == 3 and shape[0] == self.filters and shape[1] == shape[2] and shape[1] in GRIDS

    def forward(self, h: Tensor) -> Tensor:
        """Decode activations h (B, filters, H, H) to inputs (B, C, 32, 32)."""
        if not self.accepts(h.shape[1:]):
            raise ValueError(
                f"expected activations (B, {self.filters}, H, H) with H in {GRIDS}, got {tuple(h.shape)}: "
                "set filters to their channels, and resize their grid"
            )
        first, *deeper = self.down
        on_the_way_down = [first(_upsampled(h, 32 // h.shape[-1]))]
        for stage in deeper:
            on_the_way_down.append(stage(F.max_pool2d(on_the_way_down[-1], 2)))
        x = on_the_way_down.pop()
        for stage in self.up:
            x = stage(torch.cat([on_the_way_down.pop(), _upsampled(x, 2)], dim=1))
        return self.head(x)


class _Stage(nn.Module):
    """Twice conv3x3, BN, ReLU; the first convolution changes the number of channels."""

    fusible = (("conv1", "norm1"), ("conv2", "norm2"))

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return norm_act(self.norm2, self.conv2(norm_act(self.norm1, self.conv1(x))))


def _upsampled(x: Tensor, factor: int) -> Tensor:
    return x if factor == 1 else F.interpolate(x, scale_factor=factor, mode="nearest")

"""Decoders g: one generative network that maps every hidden activation back to an input."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from decnn.batchnorm import norm_act

__all__ = ["ResNetDecoder", "folded", "parameter_count"]


class ResNetDecoder(nn.Module):
    """ResNet-18 turned around: a vector grows through 8 residual blocks, 4x4 to 32x32, into an image.

    Linear latent -> 8 width x 4 x 4; blocks 8w -> 4w -> 4w -> 2w -> 2w -> w -> w -> w -> w, of which the
    first, third and fifth double the grid; a last 3x3 convolution to the image, without activation.

    Arguments:
        latent: size of the activation.
        out_shape: shape (C, 32, 32) of the decoded input.
        width: channels of the last stage; scales all channels. 64 is the paper's: 7,575,872 parameters.

    Raises:
        ValueError: an output grid that is not 32x32.

    Source: Wu et al. (2021), section 3 and A.1; the architecture is that of the library named there.

    Example:
        >>> import torch
        >>> g = ResNetDecoder(width=8)
        >>> tuple(g(torch.rand(2, 128)).shape)
        (2, 1, 32, 32)
    """

    def __init__(self, latent: int = 128, out_shape: Sequence[int] = (1, 32, 32), width: int = 64) -> None:
        super().__init__()
        self.out_shape = tuple(out_shape)
        self.latent = latent
        self.width = width
        if len(self.out_shape) != 3 or self.out_shape[1:] != (32, 32):
            raise ValueError(f"expected out_shape (C, 32, 32), got {self.out_shape}: resize the inputs to 32x32")
        self.linear = nn.Linear(latent, 8 * width * 4 * 4)
        channels = [8 * width, 4 * width, 4 * width, 2 * width, 2 * width, width, width, width, width]
        self.blocks = nn.Sequential(*(_Block(i, o, upsample=i != o) for i, o in pairwise(channels)))
        self.head = nn.Conv2d(width, self.out_shape[0], 3, padding=1, bias=False)

    def accepts(self, shape: Sequence[int]) -> bool:
        """Whether an activation of this shape (without the batch axis) can be decoded."""
        return tuple(shape) == (self.latent,)

    def forward(self, h: Tensor) -> Tensor:
        """Decode activations h (B, latent) to inputs (B, C, 32, 32)."""
        if not self.accepts(h.shape[1:]):
            raise ValueError(f"expected activations (B, {self.latent}), got {tuple(h.shape)}: set latent to their size")
        return self.head(self.blocks(self.linear(h).unflatten(1, (8 * self.width, 4, 4))))


class _Block(nn.Module):
    """Residual block: conv3x3, BN, ReLU, [nearest up 2,] conv3x3, BN, plus shortcut, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, upsample: bool) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv1 = nn.Conv2d(in_channels, in_channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv2 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.fusible = [("conv1", "norm1"), ("conv2", "norm2")]
        if upsample:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(out_channels)
            self.fusible.append(("shortcut", "shortcut_norm"))

    def forward(self, x: Tensor) -> Tensor:
        h = norm_act(self.norm1, self.conv1(x))
        if self.upsample:
            h = F.interpolate(h, scale_factor=2, mode="nearest")
            # A 1x1 convolution commutes with nearest upsampling: on the small grid it costs a quarter.
            up = F.interpolate(self.shortcut(x), scale_factor=2, mode="nearest")
            x = norm_act(self.shortcut_norm, up, relu=False)
        return norm_act(self.norm2, self.conv2(h), shortcut=x)


def folded(decoder: nn.Module) -> nn.Module:
    """A copy for inference whose batch normalisations are folded into the convolutions before them.

    The same function in eval mode, up to rounding; the original is left as it is. A module names its
    pairs (convolution, normalisation) in `fusible`; what no module names stays as it is.

    Example:
        >>> import torch
        >>> g = ResNetDecoder(width=4).eval()
        >>> h = torch.rand(2, 128)
        >>> bool(torch.allclose(folded(g)(h), g(h), atol=1e-5))
        True
    """
    decoder = copy.deepcopy(decoder).eval()
    for block in decoder.modules():
        for conv, norm in getattr(block, "fusible", ()):
            setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
            setattr(block, norm, nn.Identity())
    return decoder.eval().requires_grad_(False)  # the identities, too


def parameter_count(module: nn.Module) -> int:
    """Number of trainable parameters.

    Example:
        >>> parameter_count(ResNetDecoder())
        7575872
    """
    return sum(p.numel() for p in module.parameters() if p.requires_grad)

"""Two networks that are wrapped by the names of their layers, whatever they know of decoding, at a profile's size."""

from __future__ import annotations

from torch import nn

from decnn.classifiers import ResNet18
from decnn.hooks import Hooked

__all__ = ["NETWORKS", "network"]


def vit(in_shape: tuple[int, int, int], num_classes: int, filters: int) -> nn.Module:
    """torchvision's vision transformer for small images: 4 blocks on 16 patches of 8x8 pixels.

    Tokens have 4 `filters` values, the hidden layers of the blocks twice as many, the heads of attention 32.

    Source: Dosovitskiy et al. (2021).

    Example:
        >>> import torch
        >>> tuple(vit((1, 32, 32), 10, 4)(torch.rand(2, 1, 32, 32)).shape)
        (2, 10)
    """
    from torchvision.models import VisionTransformer

    size = 4 * filters
    shape = {"num_layers": 4, "num_heads": max(1, size // 32), "hidden_dim": size, "mlp_dim": 2 * size}
    net = VisionTransformer(in_shape[-1], 8, num_classes=num_classes, **shape)
    net.conv_proj = nn.Conv2d(in_shape[0], size, 8, 8)
    return net


NETWORKS = {
    "resnet18": (ResNet18, [f"blocks.{last}" for last in (1, 3, 5, 7)]),  # the ends of its four stages
    "vit": (vit, [f"encoder.layers.encoder_layer_{block}" for block in range(4)]),
}


def network(name: str, in_shape: tuple[int, int, int], num_classes: int, filters: int) -> Hooked:
    """One of NETWORKS with its layers named, as a classifier."""
    build, layers = NETWORKS[name]
    return Hooked(build(in_shape, num_classes, filters), layers, in_shape)

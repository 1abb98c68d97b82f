"""Two networks that know nothing of decoding: torchvision's blocks, at a size that a profile sets."""

from __future__ import annotations

from torch import nn

from decnn.hooks import Hooked

__all__ = ["NETWORKS", "network"]


def resnet18(filters: int) -> nn.Module:
    """ResNet-18 for small grey images: a 3x3 stem without pooling, four stages of two blocks, `filters` to 8 `filters`.

    With 64 filters it is torchvision's, with the changes that Wu et al. (2021), A.1, make for 32x32 images.

    Source: He et al. (2016).

    Example:
        >>> sum(p.numel() for p in resnet18(64).parameters())
        11172810
    """
    from torchvision.models.resnet import BasicBlock

    net = nn.Sequential()
    net.stem = nn.Sequential(nn.Conv2d(1, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU())
    before = filters
    for stage in range(4):
        after = filters * 2**stage
        shorter = None
        if after != before:
            shorter = nn.Sequential(nn.Conv2d(before, after, 1, 2, bias=False), nn.BatchNorm2d(after))
        first = BasicBlock(before, after, stride=1 if shorter is None else 2, downsample=shorter)
        net.add_module(f"layer{stage + 1}", nn.Sequential(first, BasicBlock(after, after)))
        before = after
    net.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))
    return net


def vit(filters: int) -> nn.Module:
    """torchvision's vision transformer for small grey images: 4 blocks on 64 patches of 4x4 pixels, 2 heads.

    Tokens have 4 `filters` values, the hidden layers of the blocks twice as many.

    Source: Dosovitskiy et al. (2021).

    Example:
        >>> import torch
        >>> tuple(vit(4)(torch.rand(2, 1, 32, 32)).shape)
        (2, 10)
    """
    from torchvision.models import VisionTransformer

    size = 4 * filters
    net = VisionTransformer(32, 4, num_layers=4, num_heads=2, hidden_dim=size, mlp_dim=2 * size, num_classes=10)
    net.conv_proj = nn.Conv2d(1, size, 4, 4)
    return net


NETWORKS = {
    "resnet18": (resnet18, [f"layer{stage}" for stage in range(1, 5)]),
    "vit": (vit, [f"encoder.layers.encoder_layer_{block}" for block in range(4)]),
}


def network(name: str, filters: int) -> Hooked:
    """One of NETWORKS with its layers named, as a classifier of images (1, 32, 32)."""
    build, layers = NETWORKS[name]
    return Hooked(build(filters), layers, (1, 32, 32))

"""Classifiers f: an input goes in, logits and the activations h_1..h_L of every block come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["MLP", "ConvNet", "Linear", "ResNet18", "check_input", "he_init_"]

Shape = tuple[int, ...]


class MLP(nn.Module):
    """Multi-layer perceptron: h_l = ReLU(W_l h_{l-1} + b_l), logits = W h_L + b.

    Arguments:
        in_shape: shape (C, H, W) of one input.
        num_classes: K.
        hidden: units of each hidden layer.
        num_layers: L, the number of hidden layers.
        dropout: probability of dropping a unit after each hidden ReLU.

    Source: Wu et al. (2021), A.1: 8 layers of 128 units, 248,074 parameters for 1x32x32.

    Example:
        >>> f = MLP()
        >>> logits, activations = f.activations(torch.rand(2, 1, 32, 32))
        >>> tuple(logits.shape), len(activations), tuple(activations[0].shape)
        ((2, 10), 8, (2, 128))
        >>> sum(p.numel() for p in f.parameters())
        248074
    """

    def __init__(
        self,
        in_shape: Sequence[int] = (1, 32, 32),
        num_classes: int = 10,
        hidden: int = 128,
        num_layers: int = 8,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check_layers(num_layers)
        self.in_shape: Shape = tuple(in_shape)
        self.num_classes = num_classes
        self.activation_shapes: tuple[Shape, ...] = ((hidden,),) * num_layers
        widths = [math.prod(self.in_shape)] + [hidden] * num_layers
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise(widths))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, num_classes)

    def activations(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K) and the activations [h_1, ..., h_L], each (B, hidden)."""
        h = check_input(x, self.in_shape).flatten(1)
        hs = []
        for layer in self.layers:
            h = self.dropout(F.relu(layer(h)))
            hs.append(h)
        return self.head(h), hs

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.activations(x)[0]


class ConvNet(nn.Module):
    """Stacked 3x3 convolutions with ReLU; layers 3, 5 and 7 halve the grid; mean pooling before the head.

    The paper gives 8 layers and 64 filters but no strides; halving before every second layer is the
    usual choice and takes 32x32 to 4x4, where the residual decoder starts.

    Arguments:
        in_shape: shape (C, H, W) of one input.
        num_classes: K.
        filters: channels of each layer.
        num_layers: L, the number of convolutions.
        dropout: probability of dropping a unit after each ReLU.

    Source: Wu et al. (2021), A.6.

    Example:
        >>> f = ConvNet((1, 32, 32), 10)
        >>> [tuple(h.shape[1:]) for h in f.activations(torch.rand(2, 1, 32, 32))[1]][::3]
        [(64, 32, 32), (64, 16, 16), (64, 4, 4)]
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        num_classes: int,
        filters: int = 64,
        num_layers: int = 8,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check_layers(num_layers)
        self.in_shape: Shape = tuple(in_shape)
        self.num_classes = num_classes
        channels, *grid = self.in_shape
        shapes, convolutions = [], []
        for layer in range(1, num_layers + 1):
            stride = 2 if layer in (3, 5, 7) else 1
            grid = [(size + stride - 1) // stride for size in grid]
            convolutions.append(nn.Conv2d(channels, filters, 3, stride=stride, padding=1))
            shapes.append((filters, *grid))
            channels = filters
        self.layers = nn.ModuleList(convolutions)
        self.activation_shapes: tuple[Shape, ...] = tuple(shapes)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(filters, num_classes)

    def activations(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K) and the feature maps [h_1, ..., h_L]."""
        h = check_input(x, self.in_shape)
        hs = []
        for layer in self.layers:
            h = self.dropout(F.relu(layer(h)))
            hs.append(h)
        return self.head(h.mean((2, 3))), hs

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.activations(x)[0]


class Linear(nn.Module):
    """Linear classifier: logits = W x + b; it has no hidden layer, so its list of activations is empty.

    Source: Wu et al. (2021), section 4.2, one of the two pretrained models.

    Example:
        >>> tuple(Linear((1, 32, 32), 10)(torch.rand(2, 1, 32, 32)).shape)
        (2, 10)
    """

    def __init__(self, in_shape: Sequence[int], num_classes: int) -> None:
        super().__init__()
        self.in_shape: Shape = tuple(in_shape)
        self.num_classes = num_classes
        self.activation_shapes: tuple[Shape, ...] = ()
        self.head = nn.Linear(math.prod(self.in_shape), num_classes)

    def activations(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K) and an empty list."""
        return self.forward(x), []

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.head(check_input(x, self.in_shape).flatten(1))


class ResNet18(nn.Module):
    """ResNet-18 for small images: torchvision's blocks, a first convolution 3x3 with stride 1, no first pooling.

    Its L = 8 activations are the outputs of the residual blocks.

    Arguments:
        in_shape: (C, H, W).
        num_classes: K.
        width: filters of the first stage; those after have twice as many each.

    Source: He et al. (2016); the changes: Wu et al. (2021), A.1.

    Example:
        >>> f = ResNet18((1, 32, 32), 10).eval()
        >>> [tuple(h.shape[1:]) for h in f.activations(torch.rand(1, 1, 32, 32))[1]][::2]
        [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    """

    def __init__(self, in_shape: Sequence[int], num_classes: int, width: int = 64) -> None:
        super().__init__()
        from torchvision.models.resnet import BasicBlock  # a second to import, and only needed here

        self.in_shape: Shape = tuple(in_shape)
        self.num_classes = num_classes
        channels, height, length = self.in_shape
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.blocks, shapes, before = nn.ModuleList(), [], width
        for stage in range(4):
            after, step = width * 2**stage, 2**stage
            # A 1x1 convolution of every second pixel; with its own stride PyTorch 2.14 may write beyond its memory on
            # CPUs with AVX2 alone.
            shorter = nn.Sequential(nn.MaxPool2d(1, 2), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))
            first = BasicBlock(before, after, 2, shorter) if stage else BasicBlock(before, after)
            self.blocks.extend([first, BasicBlock(after, after)])
            shapes += 2 * [(after, -(-height // step), -(-length // step))]
            before = after
        self.activation_shapes: tuple[Shape, ...] = tuple(shapes)
        self.head = nn.Linear(before, num_classes)

    def activations(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K) and the outputs of the 8 residual blocks."""
        h, hs = self.stem(check_input(x, self.in_shape)), []
        for block in self.blocks:
            h = block(h)
            hs.append(h)
        return self.head(h.mean((2, 3))), hs

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.activations(x)[0]


def check_input(x: Tensor, in_shape: Shape) -> Tensor:
    """Return x if it is a non-empty batch of `in_shape`, else raise ValueError with both shapes."""
    if x.dim() != len(in_shape) + 1 or tuple(x.shape[1:]) != in_shape:
        hint = "add a batch axis: x.unsqueeze(0)" if tuple(x.shape) == in_shape else "resize or build the model for it"
        raise ValueError(f"expected inputs of shape (B, {str(in_shape)[1:-1]}), got {tuple(x.shape)}: {hint}")
    if x.shape[0] == 0:
        raise ValueError(f"expected at least one input, got an empty batch {tuple(x.shape)}: check the selection")
    return x


def _check_layers(num_layers: int) -> None:
    if num_layers < 1:
        raise ValueError(f"expected num_layers >= 1, got {num_layers}: for no hidden layer take Linear")


@torch.no_grad()
def he_init_(model: nn.Module) -> nn.Module:
    """Initialise every linear and 2-D convolutional layer by He's rule in place: std = sqrt(2 / fan_in), bias 0.

    PyTorch's default leaves an 8-layer ReLU network almost untrained for hundreds of steps; the paper
    does not say which it used. Source: He et al. (2015).

    Example:
        >>> f = he_init_(MLP())
        >>> bool((f.head.bias == 0).all())
        True
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model

"""The straightforward implementation, which the fast one is measured beside: what one writes first.

float32, eager, PyTorch's modules as they are, a loop over members and a loop over paths.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decnn.compose import DecNN

__all__ = ["decoder", "training_step", "votes"]

Shape = tuple[int, ...]


def decoder(width: int, out_shape: Shape = (1, 32, 32)) -> nn.Module:
    """The decoder of `decnn.ResNetDecoder`, from PyTorch's modules in the order in which the paper's library has them.

    Example:
        >>> import torch
        >>> tuple(decoder(2)(torch.rand(3, 128)).shape)
        (3, 1, 32, 32)
    """
    channels = [8 * width, 4 * width, 4 * width, 2 * width, 2 * width, width, width, width, width]
    blocks = [_Block(i, o) for i, o in pairwise(channels)]
    first = [nn.Linear(128, 8 * width * 16), nn.Unflatten(1, (8 * width, 4, 4))]
    model = _Decoder(*first, *blocks, nn.Conv2d(width, out_shape[0], 3, padding=1, bias=False))
    model.out_shape = tuple(out_shape)
    return model


def training_step(model: nn.Module, loss: Callable[[nn.Module, Tensor, Tensor], Tensor]) -> Callable[..., None]:
    """A step in float32, eager, with Adam as it comes: (x, y) -> None."""
    optimiser = torch.optim.Adam(model.parameters())

    def step(x: Tensor, y: Tensor) -> None:
        optimiser.zero_grad()
        loss(model, x, y).backward()
        optimiser.step()

    return step


def votes(model: DecNN, x: Tensor, paths: Tensor) -> Tensor:
    """Labels (N, B) by walking every path alone with the modules as they are."""
    with torch.no_grad():
        return torch.stack([model.recompose(x, path)[-1].logits.argmax(-1) for path in paths.tolist()])


class _Block(nn.Module):
    """The residual block as one writes it first."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2) if i != o else nn.Identity()
        self.branch = nn.Sequential(
            nn.Conv2d(i, i, 3, padding=1, bias=False), nn.BatchNorm2d(i), nn.ReLU(), self.up,
            nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o),
        )  # fmt: skip
        project = nn.Sequential(self.up, nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o))
        self.shortcut = project if i != o else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.branch(x) + self.shortcut(x))


class _Decoder(nn.Sequential):
    def accepts(self, shape: tuple[int, ...]) -> bool:
        return shape == (128,)

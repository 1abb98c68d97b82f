"""The corruptions that draw a bright line across the image: dotted, and zigzag."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from decnn.data.noise import SIDE, Streams, px, uniform

__all__ = ["dotted_line", "zigzag"]


def dotted_line(x: Tensor, rng: Streams) -> Tensor:
    """A line from a random row at the left edge to one at the right, every other pair of columns dropped."""
    last, pair = round(px(27)), round(px(2))
    rows = (uniform(rng, 2) * last).floor()
    columns = torch.tensor([0.0, last], dtype=torch.float64).expand_as(rows)
    kept = torch.arange(SIDE) // pair % 2 == 1
    return x + (_segment(columns, rows) * kept)[:, None].to(x)


def zigzag(x: Tensor, rng: Streams) -> Tensor:
    """A gently sloping line with a vertex every 4 published pixels, 2 off it, on alternate sides."""
    first, last, reach = round(px(2)), round(px(25)), round(px(5))
    half, swing = px(2), px(2)
    u = uniform(rng, 2)
    start = (u[:, 0] * round(px(27))).floor()
    rise = (u[:, 1] * 2 * reach).floor() - reach
    # In coordinates along the line and off it. The slope is too small to make room for one vertex more.
    length = (rise.square() + (last - first) ** 2).sqrt()[:, None]
    number = math.floor((last - first - half) / (2 * half)) + 1
    inner = torch.arange(number, dtype=torch.float64)
    ends = torch.zeros_like(length)
    along = torch.cat([ends, (half * (2 * inner + 1)).expand(len(u), -1), length], dim=1)
    off = torch.cat([ends, (swing * (-1) ** inner).expand(len(u), -1), ends], dim=1)
    cos, sin = (last - first) / length, rise[:, None] / length
    columns = (first + along * cos - off * sin).clamp(max=last)  # rounding must not light one column more
    rows = start[:, None] + along * sin + off * cos
    line = sum(_segment(columns[:, k : k + 2], rows[:, k : k + 2]) for k in range(number + 1))
    return x + line[:, None].to(x)


def _segment(columns: Tensor, rows: Tensor) -> Tensor:
    """The line from (columns[:, 0], rows[:, 0]) to the right, to (columns[:, 1], rows[:, 1]): (N, SIDE, SIDE).

    Its intensity is 1 + ln(1 - d / w), not below 0, with d the vertical distance.
    """
    width = px(2.3)
    (c0, c1), (r0, r1) = columns.T[..., None], rows.T[..., None]
    grid = torch.arange(SIDE, dtype=torch.float64)
    centre = r0 + (r1 - r0) / (c1 - c0) * (grid - c0)
    distance = (grid[:, None] - centre[:, None]).abs().clamp(max=0.999 * width)
    inside = (grid >= c0.floor()) & (grid < c1.ceil())
    return (1 + torch.log1p(-distance / width)).clamp(min=0) * inside[:, None]

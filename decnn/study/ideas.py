"""What makes a recursive training step fast: each idea measured with and without it, kept or dropped."""

from __future__ import annotations

import datetime
import json
import statistics
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decnn import objectives
from decnn.batchnorm import norm_act
from decnn.classifiers import MLP
from decnn.compose import DecNN
from decnn.study import paths
from decnn.study.readings import grid_html
from decnn.study.records import commit, device_name
from decnn.training import write_atomically

__all__ = ["IDEAS", "OURS", "Idea", "Ideas", "decoder", "ideas_html", "measure", "saved", "up_conv", "write"]

BATCH, PATH = 128, (1, 5, 3, 8, 2, 7, 4, 6)


@dataclass(frozen=True)
class Ideas:
    """Which ideas a step uses."""

    bfloat16: bool = False
    channels_last: bool = False
    small_shortcut: bool = False
    joined_norm: bool = False
    fused_adam: bool = False
    sub_pixel: bool = False
    compiled: bool = False


OURS = Ideas(bfloat16=True, channels_last=True, small_shortcut=True, joined_norm=True, fused_adam=True)


@dataclass(frozen=True)
class Idea:
    """One field of `Ideas`, in words, with the gain that one would expect from counting."""

    field: str
    title: str
    predicted: str


IDEAS = (
    Idea("bfloat16", "bfloat16 by autocast", "up to 4: the ratio of the matrix products' peaks"),
    Idea("channels_last", "channels-last maps", "1.0 to 1.3: no reordering around convolutions"),
    Idea("small_shortcut", "1x1 shortcut before upsampling", "1.01: a quarter of 2 % of the multiply-adds"),
    Idea("joined_norm", "norm, shortcut and ReLU over long rows", "1.5 below 16 channels, 1 from there on"),
    Idea("fused_adam", "fused Adam", "1.0 to 1.05: one pass over the weights"),
    Idea("sub_pixel", "upsampling and 3x3 as four 2x2", "1.16: 14 % fewer multiply-adds"),
    Idea("compiled", "torch.compile of the decoder", "1.2: fewer passes over memory"),
)


def measure(width: int, repetitions: int = 5, ideas: tuple[Idea, ...] = IDEAS) -> dict:
    """Seconds of a step of Eq. 5 (batch 128, D = 8) on the CPU: ours, and ours with one idea taken away or added."""
    flags = {"ours": OURS} | {i.field: replace(OURS, **{i.field: not getattr(OURS, i.field)}) for i in ideas}
    steps = {name: _step(width, chosen) for name, chosen in flags.items()}
    x, y = torch.rand(BATCH, 1, 32, 32), torch.randint(0, 10, (BATCH,))
    taken: dict[str, list[float]] = {name: [] for name in steps}
    warm: dict[str, float] = {}
    for repetition in range(repetitions + 1):
        for name, step in steps.items():  # in turn, so that a machine's drift meets all
            start = time.perf_counter()
            step(x, y)
            seconds = time.perf_counter() - start
            if repetition:
                taken[name].append(seconds)
            else:
                warm[name] = seconds
    return {
        "machine": f"{device_name('cpu')}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **commit(),
        "width": width,
        "repetitions": repetitions,
        "seconds": {name: statistics.median(values) for name, values in taken.items()},
        "first_step": warm,
    }


def write(record: dict) -> Path:
    """Write the record where the chapter finds it, under the machine's name and the decoder's width."""
    name = "-".join(record["machine"].split(",")[0].lower().split())
    path = paths.root() / "book" / "bench" / "ideas" / f"{name}-width-{record['width']}.json"
    write_atomically(path, (json.dumps(record, indent=1) + "\n").encode())
    return path


def saved() -> list[dict]:
    """Committed records, widest decoder first."""
    found = [json.loads(p.read_text()) for p in (paths.root() / "book" / "bench" / "ideas").glob("*.json")]
    return sorted(found, key=lambda record: (-record["width"], record["machine"]))


def ideas_html(records: list[dict]) -> str:
    """Predicted and measured gain of each idea: step without it over step with it."""
    rows = {}
    for idea in IDEAS:
        kept = getattr(OURS, idea.field)
        gains = []
        for record in records:
            ours, other = record["seconds"]["ours"], record["seconds"].get(idea.field)
            gains.append("-" if other is None else f"{other / ours if kept else ours / other:.2f}")
        rows[idea.title] = [*gains, "kept" if kept else "dropped", idea.predicted]
    measured = [f"measured, width {record['width']}" for record in records]
    machines = "; ".join(dict.fromkeys(record["machine"] for record in records))
    title = f"A step of Equation 5 without the idea, divided by one with it: above 1 it pays. {machines}"
    return grid_html(title, ("idea", *measured, "", "predicted"), rows, smoke=False)


def decoder(width: int, ideas: Ideas, latent: int = 128) -> nn.Module:
    """The decoder of `decnn.ResNetDecoder` with some of the ideas: the same function, weights in the same order."""
    channels = [8 * width, 4 * width, 4 * width, 2 * width, 2 * width, width, width, width, width]
    blocks = [_Block(i, o, ideas) for i, o in pairwise(channels)]
    first = [nn.Linear(latent, 8 * width * 16), nn.Unflatten(1, (8 * width, 4, 4))]
    return _Decoder(*first, *blocks, nn.Conv2d(width, 1, 3, padding=1, bias=False))


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
    def __init__(self, i: int, o: int, ideas: Ideas) -> None:
        super().__init__()
        self.ideas, self.upsample = ideas, i != o
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
        if self.ideas.joined_norm:
            return norm_act(norm, x, shortcut, relu)
        y = norm(x) if shortcut is None else norm(x) + shortcut
        return F.relu(y) if relu else y


class _Decoder(nn.Sequential):
    out_shape = (1, 32, 32)

    def accepts(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 1


def _step(width: int, ideas: Ideas):
    model = DecNN(MLP(), decoder(width, ideas))
    if ideas.channels_last:
        model.to(memory_format=torch.channels_last)
    if ideas.compiled:
        model.decoder.compile()
    optimiser = torch.optim.Adam(model.parameters(), fused=ideas.fused_adam or None)

    def step(x: Tensor, y: Tensor) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=ideas.bfloat16):
            loss = objectives.recursive(model, x, y, PATH).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step

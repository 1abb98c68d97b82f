"""How cost grows with depth, examples, members and width: measured steps, and the law fitted to each."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from decnn.baselines import Stack
from decnn.classifiers import MLP
from decnn.compose import DecNN
from decnn.decoders import ResNetDecoder
from decnn.study.benchmarks.measuring import in_turn
from decnn.study.figures.plots import style
from decnn.study.pages.readings import grid_html
from decnn.study.runs.machines import stamp
from decnn.study.specifications import PROFILES, specification
from decnn.study.specifications.models import objective
from decnn.training import fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["chart", "law", "laws_html", "measure"]

RANGES = {
    "depth": (1, 2, 4, 8, 16),
    "examples": (256, 512, 1024, 2048, 4096),
    "members": (1, 2, 4, 8, 16),
    "width": (4, 8, 16, 32),
}
LABELS = {
    "depth": "D, ReDecNN at width 8",
    "examples": "training examples in an epoch, standard network",
    "members": "members of an ensemble",
    "width": "width of the decoder, D = 8",
}
EXAMPLES = 512  # of an epoch, where something else grows
POWER = ("width",)  # fitted as seconds = c n^p; the others as seconds = a + b n


def measure(ranges: Mapping[str, Sequence[int]] = RANGES, device: str = "cpu", repetitions: int = 3) -> dict:
    """Median seconds by size: of an epoch of 512 images where depth, width or members grow."""
    runs: dict[str, Callable[[int], Callable[[], object]]] = {
        "depth": lambda n: _recursive(depth=n, width=8, device=device),
        "examples": lambda n: _standard(examples=n, members=1, device=device),
        "members": lambda n: _standard(examples=EXAMPLES, members=n, device=device),
        "width": lambda n: _recursive(depth=8, width=n, device=device),
    }
    series = {}
    for name, sizes in ranges.items():
        taken = in_turn({str(size): runs[name](size) for size in sizes}, repetitions)
        seconds = [statistics.median(values[1:]) for values in taken.values()]
        series[name] = [{"size": size, "seconds": s} for size, s in zip(sizes, seconds, strict=True)]
    return {
        **stamp(device),
        "repetitions": repetitions,
        "series": series,
    }


def law(name: str, points: Sequence[Mapping[str, float]]) -> tuple[str, float, Callable[[float], float]]:
    """The fitted law as text, its largest relative residual, and the law itself.

    Linear in depth, examples and members; a power of the width.

    Example:
        >>> points = [{"size": n, "seconds": 1 + 2 * n} for n in (1, 2, 4)]
        >>> text, residual, _ = law("depth", points)
        >>> text, round(residual, 6)
        ('1 + 2 n seconds', 0.0)
    """
    sizes = np.array([point["size"] for point in points], dtype=float)
    seconds = np.array([point["seconds"] for point in points])
    if name in POWER:
        power, logarithm = np.polyfit(np.log(sizes), np.log(seconds), 1)
        fitted = lambda n: math.exp(logarithm) * n**power  # noqa: E731
        text = f"proportional to n to the power {power:.2f}"
    else:
        # Relative errors count alike, else the largest sizes alone would make the line.
        slope, constant = np.polyfit(sizes, seconds, 1, w=1 / seconds)
        fitted = lambda n: constant + slope * n  # noqa: E731
        text = f"{constant:.3g} + {slope:.3g} n seconds"
    residual = max(abs(fitted(n) / s - 1) for n, s in zip(sizes, seconds, strict=True))
    return text, float(residual), fitted


def laws_html(record: dict, smoke: bool = False) -> str:
    """Each law with its largest relative residual."""
    rows = {}
    for name, points in record["series"].items():
        text, residual, _ = law(name, points)
        rows[LABELS[name]] = [f"{points[0]['size']:,} to {points[-1]['size']:,}", text, f"{100 * residual:.0f} %"]
    title = (
        f"How cost grows, {record['machine']}: medians of {record['repetitions']} epochs of {EXAMPLES} images "
        "(but for the second line)"
    )
    title = f"SMOKE RUN, not a finding. {title}" if smoke else title
    return grid_html(title, ("n", "range", "fitted", "largest residual"), rows, smoke)


def chart(record: dict) -> tuple[Figure, str]:
    """Seconds against size, a panel for each, with the fitted law, on logarithmic axes."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(8.4, 6), layout="constrained")
        for axis, (name, points) in zip(figure.subplots(2, 2).flat, record["series"].items(), strict=False):
            sizes = [point["size"] for point in points]
            _, _, fitted = law(name, points)
            axis.plot(sizes, [point["seconds"] for point in points], linestyle="none")
            axis.plot(sizes, [fitted(size) for size in sizes], marker="none", color="0.5", linewidth=1)
            axis.set(xscale="log", yscale="log", xlabel=LABELS[name], ylabel="seconds")
            axis.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
            ends = [points[0]["seconds"], points[-1]["seconds"]]
            axis.set_yticks(ends, [f"{end:.3g}" for end in ends], minor=False)
            axis.minorticks_off()
    return figure, "Seconds of an epoch against depth, examples, members and width, with the fitted law as a line."


def _recursive(depth: int, width: int, device: str) -> Callable[[], object]:
    """An epoch of a network with its decoder, which go on from where the last one left them."""
    model, loss = DecNN(MLP(), ResNetDecoder(width=width)), _loss("ReDecNN", depth)
    return partial(fit, model, *_data(EXAMPLES), loss, steps=EXAMPLES // 128, precision="bfloat16", device=device)


def _standard(examples: int, members: int, device: str) -> Callable[[], object]:
    stack, loss = Stack([MLP() for _ in range(members)]), _loss("Standard")
    return partial(
        fit, stack, *_data(examples), lambda stack, x, y: stack.each(loss, x, y).sum(),
        steps=examples // 128, seeds=[0] * members, device=device,
    )  # fmt: skip


def _loss(method: str, depth: int = 8) -> Callable[..., torch.Tensor]:
    return objective(specification(method, "mnist", PROFILES["paper"], seed=0, depth=depth).training, EXAMPLES)


def _data(examples: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(examples, 1, 32, 32), torch.randint(0, 10, (examples,))

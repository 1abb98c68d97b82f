"""What makes a recursive training step fast: each idea measured with and without it, kept or dropped."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from decnn import objectives
from decnn.classifiers import MLP
from decnn.compose import DecNN
from decnn.study.benchmarks.measuring import in_turn, training_step
from decnn.study.benchmarks.plain import Ideas, decode_together, decoder
from decnn.study.pages.readings import grid_html
from decnn.study.runs.machines import stamp

__all__ = ["IDEAS", "OURS", "Idea", "ideas_html", "measure"]


BATCH, PATH, BETA = 128, (1, 5, 3, 8, 2, 7, 4, 6), 10.0
BASELINES = {5: "ours", 4: "ours, Equation 4"}  # by equation


OURS = Ideas(bfloat16=True, channels_last=True, small_shortcut=True, joined_norm=True, fused_adam=True)


@dataclass(frozen=True)
class Idea:
    """One field of `Ideas`, in words, with the gain that one would expect from counting."""

    field: str
    title: str
    predicted: str
    equation: int = 5  # the objective of the step that it is measured in


IDEAS = (
    Idea("bfloat16", "bfloat16 by autocast", "up to 4: the ratio of the matrix products' peaks"),
    Idea("channels_last", "channels-last maps", "1.0 to 1.3: no reordering around convolutions"),
    Idea("small_shortcut", "1x1 shortcut before upsampling", "1.01: a quarter of 2 % of the multiply-adds"),
    Idea("joined_norm", "norm, shortcut and ReLU over long rows", "1.5 below 16 channels, 1 from there on"),
    Idea("fused_adam", "fused Adam", "1.0 to 1.05: one pass over the weights"),
    Idea("sub_pixel", "upsampling and 3x3 as four 2x2", "1.16: 14 % fewer multiply-adds"),
    Idea("compiled", "torch.compile of the decoder", "1.2: fewer passes over memory"),
    Idea("layers_together", "Equation 4: products of all layers at once", "1.0: as many multiply-adds, fewer calls", 4),
)


def measure(width: int, repetitions: int = 5, ideas: tuple[Idea, ...] = IDEAS) -> dict:
    """Seconds of a step (batch 128; Eq. 5 at D = 8) on the CPU: ours, and ours with one idea taken away or added."""
    x, y = torch.rand(BATCH, 1, 32, 32), torch.randint(0, 10, (BATCH,))
    steps = {BASELINES[idea.equation]: _step(width, OURS, idea.equation) for idea in ideas}
    for idea in ideas:
        steps[idea.field] = _step(width, replace(OURS, **{idea.field: not getattr(OURS, idea.field)}), idea.equation)
    taken = in_turn({name: partial(step, x, y) for name, step in steps.items()}, repetitions)
    return {
        **stamp(),
        "width": width,
        "repetitions": repetitions,
        "seconds": {name: statistics.median(values[1:]) for name, values in taken.items()},
        "first_step": {name: values[0] for name, values in taken.items()},
    }


def ideas_html(records: list[dict]) -> str:
    """Predicted and measured gain of each idea: step without it over step with it."""
    rows = {}
    for idea in IDEAS:
        kept = getattr(OURS, idea.field)
        gains = []
        for record in records:
            ours, other = (record["seconds"].get(name) for name in (BASELINES[idea.equation], idea.field))
            gains.append("-" if other is None else f"{other / ours if kept else ours / other:.2f}")
        rows[idea.title] = [*gains, "kept" if kept else "dropped", idea.predicted]
    measured = [f"measured, width {record['width']}, {record['machine']}" for record in records]
    title = "A training step without the idea, divided by one with it: above 1 it pays. Equation 5, where not said else"
    return grid_html(title, ("idea", *measured, "", "predicted"), rows, smoke=False)


def _step(width: int, ideas: Ideas, equation: int) -> Callable[[Tensor, Tensor], None]:
    model = DecNN(MLP(), decoder(width, ideas=ideas))
    if ideas.channels_last:
        model.to(memory_format=torch.channels_last)
    if ideas.compiled:
        model.decoder.compile()
    loss = _recursive if equation == 5 else _decodable_together if ideas.layers_together else _decodable
    return training_step(model, loss, bfloat16=ideas.bfloat16, fused=ideas.fused_adam or None)


def _recursive(model: DecNN, x: Tensor, y: Tensor) -> Tensor:
    return objectives.recursive(model, x, y, PATH).total


def _decodable(model: DecNN, x: Tensor, y: Tensor) -> Tensor:
    return objectives.decodable(model, x, y, BETA).total


def _decodable_together(model: DecNN, x: Tensor, y: Tensor) -> Tensor:
    """Equation 4 of a plain decoder's network, with the products of all layers taken at once."""
    logits, hs = model.activations(x)
    errors = [F.mse_loss(x_hat.to(x.dtype), x) for x_hat in decode_together(model.decoder, hs)]
    return F.cross_entropy(logits.to(x.dtype), y) + BETA * sum(errors) / len(errors)

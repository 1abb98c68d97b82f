"""Table 10: what an epoch costs, by method, plain beside ours in one process; cost does not depend on content."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from decnn.baselines import Stack
from decnn.classifiers import MLP
from decnn.compose import DecNN
from decnn.decoders import ResNetDecoder, parameter_count
from decnn.study.benchmarks import plain
from decnn.study.benchmarks.measuring import in_turn, training_step
from decnn.study.pages.readings import grid_html
from decnn.study.runs.machines import stamp
from decnn.study.specifications import METHODS, PROFILES, Profile, specification
from decnn.study.specifications.models import objective
from decnn.study.tables.paper import printed

__all__ = ["BATCH", "COLUMNS", "facts_html", "measure", "operations", "table_html"]

BATCH, DEPTH = 128, 8
COLUMNS = {"MNIST": ((1, 32, 32), 10, 60_000), "CelebA": ((3, 32, 32), 18, 162_770)}  # Fashion has MNIST's shape
TRAINED = ("Standard", "DecNN", "ReDecNN", "Dropout", "Ensemble")
TRAINED_AS = {"MC-Dropout": "Dropout"}
ROWS = ("Standard", "DecNN", "ReDecNN", "Dropout", "MC-Dropout", "Ensemble")  # as printed
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Step = Callable[[Tensor, Tensor], None]


def measure(size: Profile, device: str = "cpu", repetitions: int = 10, steps: int = 2, progress: bool = True) -> dict:
    """Seconds of an epoch of 60,000 or 162,770 generated images, from `repetitions` blocks of `steps` steps.

    Plain and ours run in turn, so that a machine's drift meets both. Multiply-adds are those of matrix products and
    convolutions in one training step, forward and backward, for each image.
    """
    cells = []
    for column, (shape, classes, examples) in COLUMNS.items():
        x, y = torch.rand(BATCH, *shape, device=device), torch.randint(0, classes, (BATCH,), device=device)
        for method in TRAINED:
            if progress:
                print(f"measuring {method}, {column} ...", flush=True)
            networks = [_networks(method, shape, classes, size.width, device, straight) for straight in (True, False)]
            pair = {"plain": _plain_step(method, networks[0]), "ours": _our_step(method, networks[1], device)}
            counted = operations(pair["plain"], x, y) / BATCH
            taken = in_turn({k: partial(step, x, y) for k, step in pair.items()}, repetitions, steps, device)
            for kind, (_, *seconds) in taken.items():
                epochs = [s * (examples // BATCH) for s in seconds]
                cells.append(
                    {
                        "method": method,
                        "column": column,
                        "kind": kind,
                        "seconds": statistics.fmean(epochs),
                        "sd": statistics.stdev(epochs),
                        "parameters": sum(map(parameter_count, networks[0])),
                        "multiply_adds": counted / 2,
                        "flops": counted * BATCH / statistics.median(seconds),
                    }
                )
    return {
        **stamp(device),
        "device": torch.device(device).type,
        "width": size.width,
        "batch": BATCH,
        "depth": DEPTH,
        "repetitions": repetitions,
        "steps": steps,
        "peak_flops": {name: _peak(dtype, device) for name, dtype in PRECISIONS.items()},
        "cells": cells,
    }


def table_html(record: dict, smoke: bool = False) -> str:
    """Printed, plain and ours: seconds of an epoch, and as multiples of the standard network's."""
    cells = {(c["method"], c["column"], c["kind"]): c for c in record["cells"]}
    paper = {(p.row, p.column): p for p in printed("table_10")}
    columns = {"MNIST": "MNIST", "Fashion": "MNIST", "CelebA": "CelebA"}  # Fashion-MNIST has MNIST's shape
    rows = {}
    for method in ROWS:
        line = []
        for column, shape in columns.items():
            of = {kind: cells[TRAINED_AS.get(method, method), shape, kind] for kind in ("plain", "ours")}
            one = {kind: cells["Standard", shape, kind]["seconds"] for kind in of}
            first = paper[method, column].value
            line.append(f"{first:.1f} ({first / paper['Standard', column].value:.1f})")
            line += [f"{c['seconds']:.1f} ± {c['sd']:.1f} ({c['seconds'] / one[kind]:.1f})" for kind, c in of.items()]
        rows[method] = line
    head = ["Method", *(f"{column}, {kind}" for column in columns for kind in ("paper", "plain", "ours"))]
    kind = "SMOKE RUN, not a finding. " if smoke else ""
    title = (
        f"{kind}Seconds of one epoch (and as a multiple of Standard's), decoder width {record['width']}, "
        f"{record['machine']}; mean ± sd of {record['repetitions']} blocks of {record['steps']} steps of "
        f"{record['batch']}, scaled to an epoch. The paper: a Titan X, width 64."
    )
    return grid_html(title, head, rows, smoke)


def facts_html(record: dict, smoke: bool = False) -> str:
    """Parameters, multiply-adds of a training step for an image, and FLOP/s against the machine's peaks."""
    peaks = ", ".join(f"{name} {value / 1e9:.0f}" for name, value in record["peak_flops"].items())
    rows = {}
    for method in TRAINED:
        plain_, ours = (
            next(c for c in record["cells"] if (c["method"], c["column"], c["kind"]) == (method, "MNIST", kind))
            for kind in ("plain", "ours")
        )
        rows[method] = [
            f"{plain_['parameters']:,}",
            f"{plain_['multiply_adds'] / 1e6:.1f}",
            f"{plain_['flops'] / 1e9:.0f}",
            f"{ours['flops'] / 1e9:.0f}",
            f"{plain_['seconds'] / ours['seconds']:.2f}",
        ]
    head = ("Method", "parameters", "multiply-adds, millions", "plain, GFLOP/s", "ours, GFLOP/s", "ours is faster by")
    title = (
        f"MNIST's shape, width {record['width']}: a training step for one image. Peak of a matrix product on "
        f"this machine, GFLOP/s: {peaks}"
    )
    return grid_html(title, head, rows, smoke)


def _networks(
    method: str, shape: tuple[int, ...], classes: int, width: int, device: str, straight: bool
) -> list[nn.Module]:
    """The networks that a method trains; `straight` gives those of the plain implementation."""
    torch.manual_seed(0)
    own = METHODS[method]
    classifiers = [MLP(shape, classes, dropout=own.dropout) for _ in range(own.members)]
    if not own.decodes:
        return [classifier.to(device) for classifier in classifiers]
    decoder = plain.decoder(width, shape) if straight else ResNetDecoder(out_shape=shape, width=width)
    return [DecNN(classifiers[0], decoder).to(device)]


def _plain_step(method: str, networks: list[nn.Module]) -> Step:
    """Every network on its own, one after the other."""
    steps = [training_step(network, _loss(method)) for network in networks]

    def step(x: Tensor, y: Tensor) -> None:
        for one in steps:
            one(x, y)

    return step


def _our_step(method: str, networks: list[nn.Module], device: str) -> Step:
    """As `decnn.fit` takes it: members stacked; bfloat16 and channels-last where there is a decoder; fused Adam."""
    decodes, loss = METHODS[method].decodes, _loss(method)
    if len(networks) == 1:
        model = networks[0].to(memory_format=torch.channels_last) if decodes else networks[0]
        return training_step(model, loss, bfloat16=decodes, fused=True, device=device)

    def members(stack: Stack, x: Tensor, y: Tensor) -> Tensor:
        return stack.each(loss, *(batch.expand(len(stack), *batch.shape) for batch in (x, y))).sum()

    return training_step(Stack(networks), members, fused=True, device=device)


def _loss(method: str) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    return objective(specification(method, "mnist", PROFILES["paper"], seed=0).training, examples=60_000)


def operations(step: Step, x: Tensor, y: Tensor) -> int:
    """Floating-point operations of one step: two for each multiply-add of matrix products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        step(x, y)
    return counter.get_total_flops()


def _peak(dtype: torch.dtype, device: str, side: int = 2048) -> float:
    """The machine's FLOP/s in a product of two square matrices, the best of five."""
    a = torch.rand(side, side, device=device).to(dtype)
    _, *seconds = in_turn({"product": lambda: a @ a}, repetitions=5, device=device)["product"]
    return 2 * side**3 / min(seconds)

"""Table 10: what an epoch costs, by method, plain beside ours in one process; cost does not depend on content."""

from __future__ import annotations

import datetime
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from decnn import objectives
from decnn.baselines import Stack
from decnn.classifiers import MLP
from decnn.compose import DecNN
from decnn.decoders import ResNetDecoder, parameter_count
from decnn.study import paths, plain
from decnn.study.experiments import METHODS, Profile
from decnn.study.paper import printed
from decnn.study.readings import grid_html
from decnn.study.records import commit, device_name
from decnn.training import write_atomically
from decnn.uncertainty import sample_paths

__all__ = ["BATCH", "COLUMNS", "facts_html", "measure", "saved", "table_html", "write"]

BATCH, DEPTH = 128, 8
COLUMNS = {"MNIST": ((1, 32, 32), 10, 60_000), "CelebA": ((3, 32, 32), 18, 162_770)}  # Fashion has MNIST's shape
TRAINED = ("Standard", "DecNN", "ReDecNN", "Dropout", "Ensemble")
TRAINED_AS = {"MC-Dropout": "Dropout"}
ROWS = ("Standard", "DecNN", "ReDecNN", "Dropout", "MC-Dropout", "Ensemble")  # as printed
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
            pair = _plain_step(method, networks[0]), _our_step(method, networks[1], device)
            operations = _operations(pair[0], x, y) / BATCH
            both = _alternate(pair, (x, y), steps, repetitions, device)
            for kind, seconds in zip(("plain", "ours"), both, strict=True):
                epochs = [s * (examples // BATCH) for s in seconds]
                cells.append(
                    {
                        "method": method,
                        "column": column,
                        "kind": kind,
                        "seconds": statistics.fmean(epochs),
                        "sd": statistics.stdev(epochs),
                        "parameters": sum(map(parameter_count, networks[0])),
                        "multiply_adds": operations / 2,
                        "flops": operations * BATCH / statistics.median(seconds),
                    }
                )
    return {
        "machine": f"{device_name(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "device": torch.device(device).type,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **commit(),
        "width": size.width,
        "batch": BATCH,
        "depth": DEPTH,
        "repetitions": repetitions,
        "steps": steps,
        "peak_flops": {name: _peak(dtype, device) for name, dtype in PRECISIONS.items()},
        "cells": cells,
    }


PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def write(record: dict) -> Path:
    """Write the record where the chapter finds it, under the machine's name and the decoder's width."""
    name = "-".join(record["machine"].split(",")[0].lower().split())
    path = paths.root() / "book" / "bench" / "cost" / f"{name}-width-{record['width']}.json"
    write_atomically(path, (json.dumps(record, indent=1) + "\n").encode())
    return path


def saved() -> list[dict]:
    """Committed records, widest decoder first."""
    found = [json.loads(path.read_text()) for path in (paths.root() / "book" / "bench" / "cost").glob("*.json")]
    return sorted(found, key=lambda record: (-record["width"], record["machine"]))


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


def _loss(method: str) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    objective = METHODS[method].objective
    if objective == "decodable":
        return lambda model, x, y: objectives.decodable(model, x, y).total
    if objective == "standard":
        return lambda model, x, y: objectives.standard(model, x, y).total

    def recursive(model: DecNN, x: Tensor, y: Tensor) -> Tensor:
        (path,) = sample_paths(1, DEPTH, model.num_layers).tolist()
        return objectives.recursive(model, x, y, path).total

    return recursive


def _plain_step(method: str, networks: list[nn.Module]) -> Step:
    """Every network on its own, one after the other."""
    steps = [plain.training_step(network, _loss(method)) for network in networks]

    def step(x: Tensor, y: Tensor) -> None:
        for one in steps:
            one(x, y)

    return step


def _our_step(method: str, networks: list[nn.Module], device: str) -> Step:
    """As `decnn.fit` takes it: members stacked; bfloat16 and channels-last where there is a decoder; fused Adam."""
    decodes = METHODS[method].decodes
    model = Stack(networks) if len(networks) > 1 else networks[0]
    model = model.to(memory_format=torch.channels_last) if decodes else model
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    loss = _loss(method)

    def step(x: Tensor, y: Tensor) -> None:
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=decodes):
            if isinstance(model, Stack):
                x, y = (batch.expand(len(model), *batch.shape) for batch in (x, y))
                total = model.each(loss, x, y).sum()
            else:
                total = loss(model, x, y)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()

    return step


def _alternate(
    functions: Sequence[Callable[..., object]], batch: Sequence[Tensor], steps: int, repetitions: int, device: str
) -> list[list[float]]:
    """Seconds of one step in each repetition, for each function; one warm-up each."""
    taken: list[list[float]] = [[] for _ in functions]
    for repetition in range(repetitions + 1):
        for function, seconds in zip(functions, taken, strict=True):
            _wait(device)
            start = time.perf_counter()
            for _ in range(steps):
                function(*batch)
            _wait(device)
            if repetition:
                seconds.append((time.perf_counter() - start) / steps)
    return taken


def _operations(step: Step, x: Tensor, y: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        step(x, y)
    return counter.get_total_flops()


def _peak(dtype: torch.dtype, device: str, side: int = 2048) -> float:
    """The machine's FLOP/s in a product of two square matrices, the best of five."""
    a = torch.rand(side, side, device=device).to(dtype)
    (seconds,) = _alternate([torch.mm], (a, a), steps=1, repetitions=5, device=device)
    return 2 * side**3 / min(seconds)


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()

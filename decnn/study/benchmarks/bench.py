"""Speed beside a straightforward implementation, in one process: a training step of Eq. 5, an ensemble, voting.

The plain version is that of `plain`, beside this file. Each figure is the median of alternating repetitions of both.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from decnn import objectives
from decnn.baselines import Stack
from decnn.classifiers import MLP
from decnn.compose import DecNN
from decnn.decoders import ResNetDecoder, folded
from decnn.paths import PathEnsemble, sample_paths
from decnn.precision import arithmetic
from decnn.study.benchmarks import plain
from decnn.study.benchmarks.measuring import in_turn, training_step
from decnn.study.runs.machines import stamp
from decnn.training import fit

__all__ = ["TARGETS", "as_text", "measure", "step_seconds"]

BATCH, DEPTH, PATHS, MEMBERS = 128, 8, 30, 8


def measure(progress: bool = True) -> dict:
    """All figures on this machine's CPU, as a record: rows of what, plain, ours, ratio, target."""
    torch.manual_seed(0)
    x, y = torch.rand(BATCH, 1, 32, 32), torch.randint(0, 10, (BATCH,))
    rows = []
    for title, figure in {
        "width 64": lambda: _step(x, y, width=64, repetitions=3),
        "width 8": lambda: _step(x, y, width=8, repetitions=9),
        "ensemble": _ensemble,
        "voting": _voting,
    }.items():
        if progress:
            print(f"measuring {title} ...", flush=True)
        rows.append(figure())
    return {
        **stamp(),
        "rows": rows,
    }


def as_text(record: dict) -> str:
    """The record as lines for a terminal."""
    head = f"{record['machine']}, commit {record['commit'][:10]}"
    return "\n".join(
        [head]
        + [f"{r['what']}: plain {r['plain']}, ours {r['ours']}, {r['ratio']} ({r['target']})" for r in record["rows"]]
    )


def step_seconds(record: Mapping, width: int) -> float:
    """Seconds of our training step of Eq. 5 at a decoder width, batch 128, D = 8.

    Raises:
        KeyError: the record has no such step.

    Example:
        >>> step_seconds({"rows": [{"what": "training step of Eq. 5, width 8, batch 128, D = 8", "ours": "0.5 s"}]}, 8)
        0.5
    """
    return float({row["what"]: row["ours"] for row in record["rows"]}[_title(width)].removesuffix(" s"))


def _title(width: int) -> str:
    return f"training step of Eq. 5, width {width}, batch {BATCH}, D = {DEPTH}"


VOTES = f"votes of {PATHS} paths of depth {DEPTH} at width 8, for 1,000 images"
# A record keeps those of its day; the page shows these.
TARGETS = {_title(64): "at least 3.2 times", _title(8): "at least 2.0 times", VOTES: "at least 3 times"}


def _step(x: Tensor, y: Tensor, width: int, repetitions: int) -> dict:
    def loss(model: DecNN, x: Tensor, y: Tensor) -> Tensor:
        return objectives.recursive(model, x, y, [1, 2, 3, 4, 5, 6, 7, 8]).total

    ours = DecNN(MLP(), ResNetDecoder(width=width)).to(memory_format=torch.channels_last)
    straight = DecNN(MLP(), plain.decoder(width))
    steps = training_step(straight, loss), training_step(ours, loss, bfloat16=True, fused=True)
    slow, fast = _medians(*(partial(step, x, y) for step in steps), repetitions)
    return {
        "what": _title(width),
        "plain": f"{slow:.3f} s",
        "ours": f"{fast:.3f} s",
        "ratio": f"{slow / fast:.2f} times faster",
        "target": TARGETS[_title(width)],
    }


def _ensemble(batches: int = 100) -> dict:
    """Cost of an epoch of 8 members as a multiple of the standard network's, both by `fit`."""
    images, labels = torch.rand(batches * BATCH, 1, 32, 32), torch.randint(0, 10, (batches * BATCH,))
    settings = {"steps": batches, "batch_size": BATCH}

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return objectives.standard(model, x, y).total

    def single() -> None:
        fit(MLP(), images, labels, loss, **settings)

    def stacked() -> None:
        stack = Stack([MLP() for _ in range(MEMBERS)])
        seeds = [0] * MEMBERS
        fit(stack, images, labels, lambda s, x, y: s.each(loss, x, y).sum(), seeds=seeds, **settings)

    one, all_members = _medians(single, stacked, repetitions=5)
    return {
        "what": f"epoch of the {MEMBERS}-member ensemble over an epoch of the standard network",
        "plain": f"{MEMBERS:.1f} (one by one)",
        "ours": f"{all_members / one:.1f}",
        "ratio": f"{MEMBERS * one / all_members:.2f} times cheaper",
        "target": "at most 5 (the paper: 9.8)",
    }


def _voting(images: int = 200) -> dict:
    """Seconds for 1,000 images under 30 paths of depth 8 at width 8: a loop over paths, and shared prefixes."""
    model = DecNN(MLP(), ResNetDecoder(width=8)).eval()
    fast = DecNN(model.classifier, folded(model.decoder).to(memory_format=torch.channels_last))
    x, walks = torch.rand(images, 1, 32, 32), sample_paths(PATHS, DEPTH, 8)

    def shared() -> None:
        with torch.inference_mode(), arithmetic("bfloat16"):
            ensemble = PathEnsemble(fast, walks, chunk=256)
            for part in x.split(100):
                for _ in ensemble.logits(part):
                    continue

    slow, quick = (
        seconds * 1000 / images for seconds in _medians(lambda: plain.votes(model, x, walks), shared, repetitions=3)
    )
    return {
        "what": VOTES,
        "plain": f"{slow:.1f} s",
        "ours": f"{quick:.1f} s",
        "ratio": f"{slow / quick:.2f} times faster",
        "target": TARGETS[VOTES],
    }


def _medians(plain: Callable[[], object], ours: Callable[[], object], repetitions: int) -> list[float]:
    taken = in_turn({"plain": plain, "ours": ours}, repetitions)
    return [statistics.median(seconds[1:]) for seconds in taken.values()]

"""What all benchmarks share: functions timed in turn, a step to time, and records under the machine's name."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from decnn.checkpoints import write_atomically
from decnn.precision import arithmetic, emulated
from decnn.study import paths
from decnn.study.records import commit, device_name

__all__ = ["EMULATED", "in_turn", "on_same_machine", "place", "saved", "stamp", "training_step", "write"]


EMULATED = ", bfloat16 emulated"


def in_turn(
    functions: Mapping[str, Callable[[], object]], repetitions: int, steps: int = 1, device: str = "cpu"
) -> dict[str, list[float]]:
    """Seconds of one step of each function: first the warm-up, then each repetition.

    The functions take turns, so that a machine's drift meets all of them.

    Example:
        >>> [len(seconds) for seconds in in_turn({"a": list, "b": dict}, repetitions=3).values()]
        [4, 4]
    """
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repetitions + 1):
        for name, function in functions.items():
            _wait(device)
            start = time.perf_counter()
            for _ in range(steps):
                function()
            _wait(device)
            taken[name].append((time.perf_counter() - start) / steps)
    return taken


def training_step(
    model: nn.Module,
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
    *,
    bfloat16: bool = False,
    fused: bool | None = None,
    device: str = "cpu",
) -> Callable[[Tensor, Tensor], None]:
    """One update by Adam on a batch: (x, y) -> None; without options in float32, with Adam as it comes."""
    optimiser = torch.optim.Adam(model.parameters(), fused=fused)

    def step(x: Tensor, y: Tensor) -> None:
        with arithmetic("bfloat16" if bfloat16 else "float32", device):
            total = loss(model, x, y)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()

    return step


def stamp(device: str = "cpu") -> dict:
    """Machine, date and commit: what every record says besides what was measured."""
    machine = f"{device_name(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    return {
        "machine": machine + EMULATED * emulated(device),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **commit(),
    }


def write(kind: str, record: dict) -> Path:
    """Write a record where the book finds it."""
    path = place(kind, record)
    write_atomically(path, (json.dumps(record, indent=1) + "\n").encode())
    return path


def place(kind: str, record: dict) -> Path:
    """Where the book finds a record: by kind, machine, its bfloat16 and, where there is one, the decoder's width."""
    name = "-".join(record["machine"].split(",")[0].lower().split())
    name += "-emulated" if record["machine"].endswith(EMULATED) else ""
    width = f"-width-{record['width']}" if "width" in record else ""
    return _folder(kind) / f"{name}{width}.json"


def on_same_machine(record: Mapping, result: Mapping) -> bool:
    """Whether a run's record is of the machine of a measurement, as far as names and bfloat16 tell.

    Example:
        >>> device = {"name": "AMD EPYC", "bfloat16": "emulated"}
        >>> on_same_machine({"machine": "AMD EPYC, 2 threads, torch 2.14.1"}, {"device": device})
        False
    """
    device, machine = result["device"], record["machine"]
    emulates = device.get("bfloat16") == "emulated"  # older records do not say: they were native
    return device["name"] == machine.split(",")[0] and emulates == machine.endswith(EMULATED)


def saved(kind: str) -> list[dict]:
    """The committed records of a kind, the widest decoder first, then by machine."""
    found = [json.loads(path.read_text()) for path in _folder(kind).glob("*.json")]
    return sorted(found, key=lambda record: (-record.get("width", 0), record["machine"]))


def _folder(kind: str) -> Path:
    return paths.root() / "book" / "bench" / kind


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()

"""Records of benchmarks: one JSON for each kind of measurement and each machine."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path

import torch

from decnn.checkpoints import write_atomically
from decnn.precision import emulated
from decnn.study import paths
from decnn.study.runs.records import commit, device_name

__all__ = ["EMULATED", "on_same_machine", "place", "saved", "stamp", "write"]

EMULATED = ", bfloat16 emulated"


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

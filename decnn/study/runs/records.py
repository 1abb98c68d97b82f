"""One JSON record for each run, keyed by its specification: what was measured, on what, by which code."""

from __future__ import annotations

import datetime
import functools
import json
import operator
import platform
import re
import resource
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from decnn.checkpoints import write_atomically
from decnn.precision import emulated
from decnn.study import paths
from decnn.study.specifications import Spec

__all__ = ["BrokenRecord", "Records", "commit", "device_name", "measured", "peak_memory", "provenance"]

NAME = re.compile(r"(?P<method>.+)-s(?P<seed>\d+)-[0-9a-f]{16}\.json")
REQUIRED = ("key", "specification", "metrics", "seconds", "device", "commit", "date", "versions", "data")


class BrokenRecord(ValueError):
    """A record that cannot be read as a result; the message names its path."""


@dataclass(frozen=True)
class Records:
    """A folder of records, one file for each specification.

    Example:
        >>> import tempfile
        >>> store = Records(Path(tempfile.mkdtemp()))
        >>> list(store.all())
        []
    """

    folder: Path

    @staticmethod
    def of(profile: str) -> Records:
        """Where the records of a profile lie: the repository, or for smoke runs, which are no findings, the cache."""
        return Records(paths.smoke_records() if profile == "smoke" else paths.records())

    def path(self, spec: Spec) -> Path:
        """Where the record of a specification lies."""
        name = f"{spec.evaluation.method.lower()}-s{spec.training.seed}-{spec.key}.json"
        return self.folder / spec.training.dataset / name

    def find(self, spec: Spec) -> dict | None:
        """The record of a specification, or None if it has not been run.

        Raises:
            BrokenRecord: the file is there and cannot be read as this specification's result.
        """
        path = self.path(spec)
        return _read(path, spec.key) if path.exists() else None

    def seeds(self, spec: Spec, planned: Iterable[int] = ()) -> tuple[int, ...]:
        """The planned seeds, and those of all runs on record that differ from this one in their seed alone."""
        found = (NAME.fullmatch(path.name) for path in self.path(spec).parent.glob("*.json"))
        others = {int(name["seed"]) for name in found if name and name["method"] == spec.evaluation.method.lower()}
        known = {seed for seed in others.difference(planned) if self.path(spec.with_seed(seed)).exists()}
        return tuple(sorted({*planned, *known}))

    def write(self, spec: Spec, content: dict) -> Path:
        """Write a record atomically; returns its path."""
        record = {"key": spec.key, "specification": spec.to_dict(), **content}
        missing = [name for name in REQUIRED if name not in record]
        if missing:
            raise ValueError(f"expected a record with {REQUIRED}, got one without {missing}")
        text = json.dumps(record, indent=1, allow_nan=False) + "\n"
        text = re.sub(r"\[[^\[\]{}\"]*\]", lambda numbers: " ".join(numbers[0].split()), text)  # one line a list
        write_atomically(self.path(spec), text.encode())
        return self.path(spec)

    def all(self) -> list[dict]:
        """Every record of the folder, in the order of their paths."""
        return [_read(path) for path in sorted(self.folder.glob("*/*.json"))]

    def broken(self) -> list[str]:
        """The messages of all records that cannot be read."""
        messages = []
        for path in sorted(self.folder.glob("*/*.json")):
            try:
                _read(path)
            except BrokenRecord as error:
                messages.append(str(error))
        return messages


def measured(record: dict, path: str) -> Any:
    """What a record's metrics hold at a path, its parts joined by "/".

    Example:
        >>> measured({"metrics": {"ece_by_bins": {"15": 1.25}}}, "ece_by_bins/15")
        1.25
    """
    return functools.reduce(operator.getitem, path.split("/"), record["metrics"])


def _read(path: Path, key: str | None = None) -> dict:
    """A record whose fields are there and whose key is that of its own specification."""
    file = path.stat()
    return _parsed(path, key, file.st_mtime_ns, file.st_size)


@functools.cache  # tables share records, and a page asks for each many times
def _parsed(path: Path, key: str | None, mtime_ns: int, size: int) -> dict:
    """`_read`, once for each state of the file."""
    advice = "restore it with git, or delete it and run it again"
    try:
        record = json.loads(path.read_text())
        missing = [name for name in REQUIRED if name not in record]
        actual = Spec.from_dict(record["specification"]).key
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise BrokenRecord(f"broken record {path}: {type(error).__name__}: {error}; {advice}") from error
    if missing:
        raise BrokenRecord(f"broken record {path}: no {', '.join(missing)}; {advice}")
    if not record["metrics"] or not _numbers({k: v for k, v in record["metrics"].items() if k != "notes"}):
        raise BrokenRecord(f"broken record {path}: its metrics are none, or no numbers; {advice}")
    if record["key"] != actual or (key is not None and key != actual):
        raise BrokenRecord(f"broken record {path}: its key {record['key']} is not that of its content; {advice}")
    return record


def _numbers(metrics: Any) -> bool:
    """Whether everything inside is a number, or undefined."""
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    if isinstance(metrics, list):
        return all(map(_numbers, metrics))
    return metrics is None or isinstance(metrics, int | float)


def provenance(device: str) -> dict:
    """Device, library versions, commit and date: what a record says besides specification and metrics."""
    return {
        "device": {
            "type": torch.device(device).type,
            "name": device_name(device),
            "processor": _processor(device),
            "threads": torch.get_num_threads(),
            "bfloat16": "emulated" if emulated(device) else "native",
        },
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("torch", "numpy", "scikit-learn", "torchmetrics")},
        },
        **commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def device_name(device: str) -> str:
    """The GPU's or the CPU's name, as its maker spells it."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _processor(device: str) -> str:
    """What a name may hide and sums may depend on: the model of the processor, and the instructions in use."""
    if torch.device(device).type == "cuda":
        return "compute capability {}.{}".format(*torch.cuda.get_device_capability(device))
    told = [f"{name} {value}" for name in ("cpu family", "model", "stepping") if (value := _cpuinfo(name))]
    return ", ".join([*told, torch.backends.cpu.get_cpu_capability()])


def _cpuinfo(name: str) -> str:
    """A field of the first processor, where Linux tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    fields = (line.partition(":") for line in cpuinfo.read_text().splitlines()) if cpuinfo.exists() else ()
    return next((value.strip() for field, _, value in fields if field.strip() == name), "")


@functools.cache  # the code that runs is the code that was imported, whatever is checked out since
def commit() -> dict:
    """The repository's commit and whether the library differs from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(paths.root()), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--", "decnn"))}
    except (FileNotFoundError, subprocess.CalledProcessError):
        return {"commit": "unknown (not a git checkout)", "dirty": True}


def peak_memory(device: str) -> int:
    """Peak memory in bytes: of the GPU's allocator, or of this process."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

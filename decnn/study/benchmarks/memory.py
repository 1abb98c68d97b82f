"""What training needs of memory: a GPU's, counted tensor by tensor without one, and the host's for full CelebA."""

from __future__ import annotations

import multiprocessing
import tempfile
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from decnn import data, objectives
from decnn.baselines import Ensemble, Stack
from decnn.classifiers import MLP
from decnn.compose import DecNN
from decnn.rematerialisation import rematerialised
from decnn.study.benchmarks.measuring import training_step
from decnn.study.evaluation.protocol import subset
from decnn.study.evaluation.sampling import CHUNK
from decnn.study.runs.machines import stamp
from decnn.study.runs.records import peak_memory
from decnn.study.specifications import METHODS, Profile, Training, specification
from decnn.study.specifications.models import build
from decnn.training import fit

__all__ = ["Live", "measure", "memory_markdown", "step_bytes"]

FACES = 162_770  # training examples of CelebA
GB = 1e9
RUNS = {  # title -> method, classifier
    "ReDecNN, D = 8": ("ReDecNN", "mlp"),
    "DecNN": ("DecNN", "mlp"),
    "convolutional ReDecNN, D = 8": ("ReDecNN", "convnet"),
    "Standard": ("Standard", "mlp"),
    "Dropout, MC-Dropout": ("Dropout", "mlp"),
    "Ensemble of 8": ("Ensemble", "mlp"),
}


def measure(size: Profile, faces: int = FACES, progress: bool = True) -> dict:
    """Peaks in bytes: of a training step at a profile's sizes, of voting, and of a process that trains on faces.

    The first two are sums over the tensors that are alive together: parameters, Adam's moments, gradients, kept
    activations and intermediate results, in bfloat16 by autocast. Workspaces of a GPU's convolutions come on top, as
    do the images. The last is the resident memory of a process, with its 8-bit images mapped from a generated file.
    """
    record = {**stamp(), "width": size.width, "batch": size.batch_size, "faces": {"images": faces}}
    with tempfile.TemporaryDirectory() as folder:
        record["faces"]["bytes"] = _in_a_process(_train_on_faces, _generated(Path(folder), faces), faces)
    record["steps"] = []
    for title, (method, classifier) in RUNS.items():
        if progress:
            print(f"counting {title} ...", flush=True)
        flags = (False, True) if METHODS[method].decodes else (False,)
        kept, *checkpointed = (step_bytes(method, classifier, size, flag) for flag in flags)
        record["steps"].append({"what": title, "kept": kept, "checkpointed": next(iter(checkpointed), None)})
    return {**record, "voting": {"images": CHUNK, "bytes": _voting_bytes(size)}}


def memory_markdown(record: Mapping) -> str:
    """The record as a table in Markdown, GB = 10^9 bytes."""
    lines = ["| GB | as it is | `--checkpoint-activations` |", "| --- | --- | --- |"]
    for run in record["steps"]:
        checkpointed = "-" if run["checkpointed"] is None else f"{run['checkpointed'] / GB:.1f}"
        lines.append(f"| {run['what']} | {run['kept'] / GB:.{1 if run['kept'] > GB / 10 else 3}f} | {checkpointed} |")
    faces, voting = record["faces"], record["voting"]
    return "\n".join(lines) + (
        f"\n\nPeak of a training step at width {record['width']}, batch {record['batch']}, with a decoder in bfloat16: "
        "counted on a CPU from the tensors alive at once, not measured on a GPU, whose convolutions need workspaces "
        f"besides. Voting decodes {voting['images']:,} inputs at a time, which takes {voting['bytes'] / GB:.1f} GB. "
        f"On the host, a process that trains on {faces['images']:,} generated 3x32x32 images takes "
        f"{faces['bytes'] / GB:.1f} GB (measured, commit {record['commit'][:10]})."
    )


class Live(TorchDispatchMode):
    """Counts the bytes of the tensors that are made inside and still alive: `now`, and `peak`.

    Under FakeTensorMode, which computes shapes alone, it tells what a step would take without taking it.

    Example:
        >>> with Live() as live:
        ...     x = torch.ones(10, dtype=torch.uint8)
        ...     y = x.float().sum().item()
        >>> live.now, live.peak
        (10, 54)
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: weakref.WeakSet = weakref.WeakSet()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # noqa: ANN001
        self.known.update(self._storages((args, kwargs)))
        out = function(*args, **(kwargs or {}))
        for storage in self._storages(out):
            if storage not in self.known:
                self.known.add(storage)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._freed, storage.nbytes())
        return out

    @staticmethod
    def _storages(tree: object) -> list[torch.UntypedStorage]:
        return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]

    def _freed(self, size: int) -> None:
        self.now -= size


def step_bytes(method: str, classifier: str, size: Profile, checkpointed: bool) -> int:
    """Peak bytes of a profile's training step on MNIST, once Adam has its moments; no decoding is computed.

    Example:
        >>> from decnn.study.specifications import profile
        >>> kept, checkpointed = (step_bytes("ReDecNN", "mlp", profile("smoke"), flag) for flag in (False, True))
        >>> checkpointed < kept
        True
    """
    training = specification(method, "mnist", size, seed=0, classifier=classifier).training
    decodes = METHODS[method].decodes
    with FakeTensorMode() if decodes else nullcontext(), Live() as live:
        model = build(training)
        asked = rematerialised(model) if checkpointed else model
        step = _step(training, asked) if decodes else _plain_step(training, asked)
        step()
        live.peak = live.now
        step()
    return live.peak


def _step(training: Training, model: DecNN) -> Callable[[], None]:
    """A step of Eq. 4 or 5 for FakeTensorMode: no path can be drawn there, so it meets each layer in turn."""

    def loss(model: DecNN, x: Tensor, y: Tensor) -> Tensor:
        if training.depth is None:
            return objectives.decodable(model, x, y).total
        path = [d % model.num_layers + 1 for d in range(training.depth)]
        return objectives.recursive(model, x, y, path).total

    x = torch.zeros(training.batch_size, *model.classifier.in_shape)
    y = torch.zeros(training.batch_size, dtype=torch.long)
    return partial(training_step(model, loss, bfloat16=True, fused=True), x, y)


def _plain_step(training: Training, model: nn.Module) -> Callable[[], None]:
    """A step without a decoder; of an ensemble, of all members at once."""

    def one(member: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return objectives.standard(member, x, y).total

    def all_members(stack: Stack, x: Tensor, y: Tensor) -> Tensor:
        return stack.each(one, *(batch.expand(len(stack), *batch.shape) for batch in (x, y))).sum()

    network, loss = (model.stack, all_members) if isinstance(model, Ensemble) else (model, one)
    in_shape = network.member.in_shape if isinstance(network, Stack) else network.in_shape
    x, y = torch.zeros(training.batch_size, *in_shape), torch.zeros(training.batch_size, dtype=torch.long)
    return partial(training_step(network, loss, fused=True), x, y)


def _voting_bytes(size: Profile) -> int:
    """Peak bytes of one decoding when paths vote on a GPU."""
    with FakeTensorMode(), Live() as live, torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        model = build(specification("ReDecNN", "mnist", size, seed=0).training).eval()
        model.activations(model.decode(torch.zeros(CHUNK, model.decoder.latent)))
    return live.peak


def _generated(folder: Path, count: int) -> Path:
    """A file of so many images, uint8 3x32x32, written block by block."""
    path, generator = folder / "faces", np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, count, 4096):
            file.write(generator.bytes(3 * 32 * 32 * min(4096, count - start)))
    return path


def _train_on_faces(path: Path, count: int) -> int:
    """One epoch of a tiny network, as the runner trains: peak bytes of this process."""
    pixels = torch.from_numpy(np.memmap(path, np.uint8, "c", shape=(count, 3, 32, 32)))
    labels = torch.randint(0, 2, (count, len(data.FACE_ATTRIBUTES)))
    part = subset(count, None)
    model = MLP((3, 32, 32), labels.shape[1], hidden=16, num_layers=2)
    fit(model, pixels[part], labels[part], lambda m, x, y: objectives.standard(m, x, y).total, steps=count // 128)
    return peak_memory("cpu")


def _in_a_process(function: Callable[..., int], *arguments: object) -> int:
    """The function's value from a new process, whose peak is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()

"""Committed votes of a released model: what every path says at every depth of inliers and of outliers."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from decnn import data, weights
from decnn.checkpoints import write_atomically
from decnn.data import Images
from decnn.study import paths
from decnn.study.evaluation.protocol import subset
from decnn.study.evaluation.sampling import sampler
from decnn.study.runs.records import provenance
from decnn.study.specifications import Spec

__all__ = ["SETS", "cast", "digest", "pack", "part", "place", "read", "unpack", "write"]

MODEL = "redecnn-mnist"
COUNT = 500  # images of the inliers and of the outliers
# The witnesses come with a package, so that a test can ask for their votes again on every machine.
SETS: Mapping[str, tuple[str, int]] = {
    "inliers": ("mnist", COUNT),
    "outliers": ("fashion_mnist", COUNT),
    "witnesses": ("mnist-5k", 4),
}


def write(name: str = MODEL) -> Path:
    """Let the paths of a released model vote on every set and write what they say to book/votes.

    Raises:
        DataNotFound: a data set is not on this machine; the message says how to get it.
    """
    start, model = time.perf_counter(), weights.load(name)
    content = {
        "model": name,
        "key": model.specification["key"],
        "weights": digest(name),
        "seed": model.specification["training"]["seed"],
        "depth": model.specification["evaluation"]["depth"],
        "paths": model.specification["evaluation"]["samples"],
        "num_classes": model.classifier.num_classes,
        **provenance("cpu"),
        "sets": {},
    }
    for role, (source, count) in SETS.items():
        images = data.load(source, "test")
        votes = cast(name, part(images, count))
        about = {"name": source, "split": images.split, "checksum": images.checksum, "examples": votes.shape[-1]}
        content["sets"][role] = {**about, "votes": pack(votes)}
    content["seconds"] = time.perf_counter() - start
    write_atomically(place(name), (json.dumps(content, indent=1) + "\n").encode())
    return place(name)


def read(name: str = MODEL) -> dict:
    """The committed votes of a released model, with what they were cast by."""
    return json.loads(place(name).read_text())


def place(name: str) -> Path:
    """Where the votes of a released model lie."""
    return paths.root() / "book" / "votes" / f"{name}.json"


def part(images: Images, count: int) -> Tensor:
    """The first images (count, C, H, W) of the fixed random order in which tables draw them as well."""
    return images.images[subset(len(images), count)]


def cast(name: str, images: Tensor) -> Tensor:
    """Labels (D, N, B) that the N paths of a released model's own seed name at each depth, in float32."""
    model = weights.load(name)
    kept = ("training", "evaluation", "version")
    spec = Spec.from_dict({key: model.specification[key] for key in kept})
    with torch.inference_mode():
        return torch.stack(sampler(spec, model, "cpu")(images)).argmax(-1)


def digest(name: str) -> str:
    """First 16 hex digits of the sha256 of a released model's weights, by name: other weights, other votes."""
    found = hashlib.sha256()
    for key, value in sorted(load_file(weights.FOLDER / f"{name}.safetensors").items()):
        found.update(key.encode() + value.numpy().tobytes())
    return found.hexdigest()[:16]


def pack(votes: Tensor) -> str:
    """Labels (D, N, B), each in 0..15, as base64 of half bytes: image by image, then by depth, then by path.

    The first of two labels is the upper half of their byte.

    Raises:
        ValueError: a label outside 0..15.

    Example:
        >>> pack(torch.tensor([[[1, 3], [2, 4]]]))  # of image 0 labels 1 and 2, of image 1 labels 3 and 4
        'EjQ='
    """
    if votes.min() < 0 or votes.max() > 15:
        raise ValueError(f"expected labels in 0..15, got {int(votes.min())}..{int(votes.max())}: half a byte holds 16")
    labels = votes.permute(2, 0, 1).flatten()
    pairs = torch.nn.functional.pad(labels, (0, len(labels) % 2)).view(-1, 2)
    return base64.b64encode(bytes((16 * pairs[:, 0] + pairs[:, 1]).tolist())).decode()


def unpack(text: str, shape: Sequence[int]) -> Tensor:
    """Inverse of `pack`: labels of the shape (D, N, B).

    Raises:
        ValueError: text of another length than the shape needs.

    Example:
        >>> unpack("EjQ=", (1, 2, 2)).tolist()
        [[[1, 3], [2, 4]]]
    """
    depth, num_paths, images = shape
    packed, expected = base64.b64decode(text), math.ceil(math.prod(shape) / 2)
    if len(packed) != expected:
        raise ValueError(f"expected {expected} bytes of votes for {tuple(shape)}, got {len(packed)}: cast them again")
    halves = torch.tensor([half for byte in packed for half in (byte >> 4, byte & 15)])
    return halves[: math.prod(shape)].view(images, depth, num_paths).permute(1, 2, 0)

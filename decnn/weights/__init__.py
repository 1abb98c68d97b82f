"""Small released models: half-precision safetensors with their specification in the metadata."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from decnn.classifiers import MLP
from decnn.compose import DecNN
from decnn.decoders import ResNetDecoder
from decnn.spelling import one_of

__all__ = ["FOLDER", "load", "released", "save"]

FOLDER = Path(__file__).parent


def released() -> tuple[str, ...]:
    """Names of the released models, e.g. "redecnn-mnist".

    Example:
        >>> isinstance(released(), tuple)
        True
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))


def load(name: str) -> DecNN:
    """A released model in float32 and eval mode; `model.specification` says how it was trained.

    Its weights are frozen: `model.requires_grad_()` lets them be trained further.

    Raises:
        ValueError: an unknown name, with the known ones.

    Example:
        >>> try:
        ...     load("redecnn-minst")
        ... except ValueError as error:
        ...     print(str(error).split(", ")[-1])
        got 'redecnn-minst'; did you mean 'redecnn-mnist'?
    """
    from safetensors import safe_open

    path = FOLDER / f"{one_of(name, released(), 'released model')}.safetensors"
    with safe_open(path, framework="pt") as file:
        specification, sizes = (json.loads(file.metadata()[name]) for name in ("specification", "architecture"))
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
    with torch.random.fork_rng(devices=[]):  # whoever loads a model draws the same numbers after it as before
        model = DecNN(MLP(**sizes["classifier"]), ResNetDecoder(**sizes["decoder"]))
    model.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
    model.specification = specification
    return model.eval().requires_grad_(False)


def save(model: nn.Module, path: Path, specification: dict, architecture: dict) -> None:
    """Write a model for release: half precision, specification and architecture as metadata."""
    from safetensors.torch import save as to_bytes

    from decnn.checkpoints import write_atomically

    state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    metadata = {"specification": json.dumps(specification), "architecture": json.dumps(architecture)}
    write_atomically(path, to_bytes({k: v.contiguous() for k, v in state.items()}, metadata))

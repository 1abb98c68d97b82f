"""Checkpoints: a model, its optimiser and the steps and seconds behind them in one file that no kill can halve."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

__all__ = ["checkpoint_metadata", "load_checkpoint", "save_checkpoint", "write_atomically"]


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer | None,
    step: int,
    identity: str,
    seconds: float = 0.0,
    **notes: str,
) -> None:
    """Write model, Adam's moments, step and seconds spent as one file; the file before it stays until then.

    `notes` are further metadata, such as where weights come from that were not trained here.
    """
    from safetensors.torch import save

    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    if optimiser is not None:
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in state.items()}
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()
    }
    metadata = {"identity": identity, "step": str(step), "seconds": str(seconds), "checksum": _checksum(tensors)}
    write_atomically(path, save(tensors, metadata | notes))


def load_checkpoint(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer | None, identity: str) -> int:
    """Load what `save_checkpoint` wrote, in place; returns the step to go on from.

    Raises:
        ValueError: the file is damaged, or belongs to another specification or model.
    """
    from safetensors.torch import load_file

    metadata = checkpoint_metadata(path)
    if metadata.get("identity") != identity:
        raise ValueError(
            f"expected a checkpoint of {identity or 'no specification'}, got one of {metadata.get('identity')!r} in "
            f"{path}: choose another file, or delete it"
        )
    tensors = load_file(path)
    if metadata.get("checksum", own := _checksum(tensors)) != own:  # files of earlier versions have none
        raise ValueError(f"expected weights with the checksum of {path}, got others: the file is damaged, delete it")
    state = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"expected a checkpoint of such a model, got another one's in {path}: {error}") from error
    if optimiser is not None:
        moments: dict[int, dict[str, Tensor]] = {}
        for key in (k for k in tensors if k.startswith("adam.")):
            _, index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = tensors[key]
        optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
        for parameter, own in optimiser.state.items():
            for name, value in own.items():
                if value.shape == parameter.shape:  # the fused step pairs memory, so the layout has to be the same
                    own[name] = torch.empty_like(parameter).copy_(value)
    return int(metadata["step"])


def checkpoint_metadata(path: Path) -> dict[str, str]:
    """Identity, step and seconds of a checkpoint, without its tensors.

    Raises:
        ValueError: the file is damaged, or has no such metadata.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(
            f"expected a safetensors checkpoint, got a damaged file {path} ({error}): delete it"
        ) from error
    if not {"identity", "step", "seconds"} <= metadata.keys():
        raise ValueError(f"expected a checkpoint with identity, step and seconds, got {sorted(metadata)} in {path}")
    return metadata


def _checksum(tensors: dict[str, Tensor]) -> str:
    """Of names and bytes, which a file whose header is whole may still have lost."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill or a full disk leaves the old one or the new one, never half of one.

    Raises:
        OSError: naming the file and saying that the former content is untouched.

    Example:
        >>> path = Path(tempfile.mkdtemp()) / "record.json"
        >>> write_atomically(path, b"[1, 2]")
        >>> path.read_text()
        '[1, 2]'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            if hasattr(os, "fchmod"):  # not on Windows before Python 3.13
                os.fchmod(file.fileno(), 0o644)  # mkstemp's files are for their owner alone
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(
                error.errno, f"could not write ({error.strerror}); what was there before is untouched", str(path)
            ) from error
        raise

"""Puts trained weights into the package, one DecNN and one ReDecNN for a data set, and takes them out again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from decnn import weights
from decnn.checkpoints import save_checkpoint
from decnn.compose import DecNN
from decnn.spelling import one_of
from decnn.study import specifications
from decnn.study.runs.runner import finished, trained, weights_of
from decnn.study.specifications import METHODS, Spec

__all__ = ["DATASETS", "name_of", "of", "take", "write"]

DATASETS = ("mnist", "fashion_mnist", "fsdd", "speech_commands")


def write(profile_name: str, datasets: Sequence[str] = DATASETS) -> list[Path]:
    """Release seed 0 of a profile for every data set whose run has finished; returns the files.

    Raises:
        ValueError: an unknown profile, a data set whose networks are not released, or no finished run.
    """
    size, written = specifications.profile(profile_name), []
    for dataset in datasets:
        one_of(dataset, DATASETS, "data set to release networks of")
        for method in (name for name, m in METHODS.items() if m.decodes):
            spec = specifications.specification(method, dataset, size, seed=0)
            if not finished(spec):
                continue
            ((model, seconds),) = trained([spec], progress=False)
            architecture = {"classifier": {}, "decoder": {"width": spec.training.width}}
            specification = {**spec.to_dict(), "profile": size.name, "key": spec.key, "seconds": seconds}
            path = weights.FOLDER / f"{name_of(spec)}.safetensors"
            weights.save(model, path, specification, architecture)
            written.append(path)
    if not written:
        raise ValueError(
            f"expected a finished run of seed 0 at {size.name}, got none in the cache: `decnn run table_01a --profile "
            f"{size.name} --methods DecNN,ReDecNN --datasets {','.join(datasets)} --seeds 0` first"
        )
    return written


def take(specs: Iterable[Spec]) -> int:
    """Take released weights for trained ones where the very training is released; how many runs need no training now.

    They are rounded to half precision, and every record that is made from them says so.
    """
    taken = set()
    for spec in specs:
        model = None if finished(spec) else of(spec)
        if model is not None:
            save_checkpoint(
                weights_of(spec), model, None, spec.training.steps, spec.training_key,
                model.specification["seconds"], source="released, rounded to float16",
            )  # fmt: skip
            taken.add(spec.training_key)
    return len(taken)


def of(spec: Spec) -> DecNN | None:
    """The released model of a run, if its very training is released."""
    if name_of(spec) not in weights.released():
        return None
    model = weights.load(name_of(spec))
    return model if model.specification["training"] == spec.to_dict()["training"] else None


def name_of(spec: Spec) -> str:
    """What a run's weights are called in the package, e.g. "decnn-mnist"."""
    return f"{spec.evaluation.method.lower()}-{spec.training.dataset}"

"""Puts the weights of the fullest CPU runs into the package: one DecNN and one ReDecNN for each data set."""

from __future__ import annotations

from pathlib import Path

from decnn import weights
from decnn.study import experiments
from decnn.study.experiments import METHODS
from decnn.study.runner import finished, trained

__all__ = ["write"]


def write(profile_name: str) -> list[Path]:
    """Release seed 0 of a profile for every data set whose run has finished; returns the files."""
    size, written = experiments.profile(profile_name), []
    for dataset in ("mnist", "fashion_mnist"):
        for method in (name for name, m in METHODS.items() if m.decodes):
            spec = experiments.specification(method, dataset, size, seed=0)
            if not finished(spec):
                continue
            ((model, _),) = trained([spec], progress=False)
            architecture = {"classifier": {}, "decoder": {"width": spec.training.width}}
            specification = {**spec.to_dict(), "profile": size.name, "key": spec.key}
            path = weights.FOLDER / f"{method.lower()}-{dataset}.safetensors"
            weights.save(model, path, specification, architecture)
            written.append(path)
    return written

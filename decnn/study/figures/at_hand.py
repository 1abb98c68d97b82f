"""Trained models for a chapter that has to show them: the best ones that lie on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from decnn import data
from decnn.study import specifications
from decnn.study.figures.plots import model_line
from decnn.study.runs import release
from decnn.study.runs.runner import finished, trained
from decnn.study.specifications import PROFILES, Profile, Spec
from decnn.study.tables.paper import FULLEST_FIRST
from decnn.study.tables.queries import Query

__all__ = ["Models", "best", "ready"]

SEED = 0  # every profile runs it


@dataclass(frozen=True)
class Models:
    """Models of one profile and seed, in eval mode, by the names that the chapter gives them."""

    profile: Profile
    specs: Mapping[str, Spec]
    named: Mapping[str, nn.Module]

    @property
    def smoke(self) -> bool:
        """Whether they are of smoke runs, and what they show is no finding."""
        return self.profile.name == "smoke"

    def line(self, name: str) -> str:
        """One line that names a model with a decoder."""
        return model_line(name, {**self.specs[name].to_dict(), "profile": self.profile.name})


def ready(spec: Spec) -> bool:
    """Whether the weights of a run, trained here or released, and its data are on this machine."""
    return (finished(spec) or release.of(spec) is not None) and data.available(spec.training.dataset)


def best(asked: Mapping[str, Query], compute: str = "smoke", device: str = "cpu") -> Models:
    """The models behind some cells, of the fullest profile whose weights and data are all here; else of `compute`.

    Raises:
        ValueError: an unknown profile.
        DataNotFound: nothing is trained, and the data are not on this machine.
    """
    chosen = specifications.profile(compute)
    for size in map(PROFILES.get, FULLEST_FIRST):
        if all(ready(query.specification(size, SEED)) for query in asked.values()):
            chosen = size
            break
    specs = {name: query.specification(chosen, SEED) for name, query in asked.items()}
    found = {name: _model(spec, device) for name, spec in specs.items()}
    return Models(chosen, specs, {name: model.requires_grad_(False) for name, model in found.items()})


def _model(spec: Spec, device: str) -> nn.Module:
    """The model as it was trained here, else as it was released, else trained now."""
    model = None if finished(spec) else release.of(spec)
    return trained([spec], device, progress=False)[0][0] if model is None else model

"""What one worker does in one go: runs that share weights or are trained together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from decnn.study.runs.records import Records
from decnn.study.specifications import DECODING, METHODS, Evaluation, Spec, Training, pretraining
from decnn.study.specifications.networks import NETWORKS

__all__ = ["alone", "borrowed", "describe", "groups", "jobs", "keys", "missing", "pretrained"]


def missing(specs: Iterable[Spec], records: Records) -> list[Spec]:
    """Those without a record, each once."""
    return [spec for spec in dict.fromkeys(specs) if records.find(spec) is None]


def jobs(specs: Iterable[Spec]) -> list[list[Spec]]:
    """Runs that have to be done by one worker, one after another: those that share weights or are trained together.

    Example:
        >>> from decnn.study.tables import specifications
        >>> [describe(job) for job in jobs(specifications("table_01b", "smoke"))][:2]
        ['mnist-5k MC-Dropout seed 0', 'fashion_mnist MC-Dropout seed 0']
    """
    found: dict[object, list[Spec]] = {}
    for spec in dict.fromkeys(specs):
        found.setdefault(_trained_with(spec), []).append(spec)
    return list(found.values())


def groups(specs: list[Spec]) -> list[list[Spec]]:
    """Runs of a job that are evaluated alike: their models are trained as one stack if they have no decoder."""
    groups: dict[object, list[Spec]] = {}
    for spec in specs:
        groups.setdefault((_trained_with(spec), spec.evaluation), []).append(spec)
    return list(groups.values())


def _trained_with(spec: Spec) -> object:
    """Equal for runs that can be trained as one stack: equal but for the seed, and none that is trained alone."""
    if alone(spec.training):
        return spec.training_key
    return dataclasses.replace(spec.training, seed=-1), spec.version


def alone(training: Training) -> bool:
    """Whether a run is trained by itself: it has a decoder, or a network whose layers vmap does not speed up."""
    return training.objective in DECODING or (training.classifier in NETWORKS and training.members == 1)


def pretrained(training: Training) -> Spec | None:
    """The run whose weights a run is composed with, if it is composed with any."""
    return None if training.pretrained is None else Spec(pretraining(training), Evaluation("Standard"))


def keys(job: list[Spec]) -> list[str]:
    """The trainings of a job itself."""
    return list(dict.fromkeys(spec.training_key for spec in job))


def borrowed(job: list[Spec]) -> list[str]:
    """The trainings that a job needs and that may be another job's too: of what its runs are composed with."""
    needed = (pretrained(run.training) for run in job)
    return list(dict.fromkeys(spec.training_key for spec in needed if spec and spec.training_key not in keys(job)))


def describe(job: list[Spec]) -> str:
    """Data set, methods, seeds and what else tells a job from others, for people."""
    training, method = job[0].training, METHODS[job[0].evaluation.method]
    words = [training.dataset, ", ".join(dict.fromkeys(spec.evaluation.method for spec in job))]
    words += [training.attribute] if training.attribute else []
    words += [f"without {training.held_out}"] if training.held_out else []
    words += [training.recipe] if training.recipe else []
    words += [training.classifier] if training.classifier != "mlp" else []
    words += [f"{training.objective} with {training.pretrained}"] if training.pretrained else []
    words += [f"depth {training.depth}"] if training.depth else []
    words += [f"tie {training.confounding:g}"] if training.confounding is not None else []
    words += [f"rho {training.rho:g}"] if training.rho is not None else []
    words += [f"KL over {training.kl_weight}"] if training.kl_weight else []
    words += [f"{training.members} members"] if training.members != method.members else []
    words += [training.precision] if method.decodes and training.precision != "bfloat16" else []
    words += ["default init"] if training.init == "default" and training.classifier in ("mlp", "convnet") else []
    return " ".join([*words, "seed", ",".join(dict.fromkeys(str(spec.training.seed) for spec in job))])

"""The paper profile without a GPU: which runs to begin with, and how long each would take on a machine of known speed.

A forecast, not a measurement: the operations of the runs, counted on one image, at the rate at which the
machine took a training step of Equation 5 at the paper's width (`decnn bench`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from decnn.data import CORRUPTIONS
from decnn.study.benchmarks import bench
from decnn.study.evaluation.sampling import voting_paths
from decnn.study.evaluation.shifts import EPSILONS
from decnn.study.runs.jobs import pretrained
from decnn.study.runs.machines import on_same_machine
from decnn.study.specifications import PROFILES, Profile, Spec, Training, pretraining, specification, tasks
from decnn.study.specifications.models import build, objective
from decnn.study.tables.selection import Selection

__all__ = ["ORDER", "Forecast", "forecasts", "hindsight", "operations_per_second"]

TEST_IMAGES = {"mnist": 10_000, "fashion_mnist": 10_000, "celeba": 19_962, "celeba-10k": 1_972}
MAIN = ("table_01a", "table_01b", "table_02", "table_04a")
DECODING = ("ReDecNN", "DecNN")

# The most telling first; each fills what those before it leave of its tables.
ORDER = {
    "ReDecNN and DecNN on MNIST, one seed": Selection(MAIN, "paper", ("mnist",), DECODING, seeds=(0,)),
    "ReDecNN on Fashion-MNIST, one seed": Selection(MAIN, "paper", ("fashion_mnist",), ("ReDecNN",), seeds=(0,)),
    "the other seeds, and DecNN on Fashion-MNIST": Selection(MAIN, "paper", ("mnist", "fashion_mnist"), DECODING),
    "D = 2, 4, 6": Selection(("table_04b",), "paper"),
    "Equation 7 with a linear model and with ResNet-18": Selection(("table_05",), "paper", ("mnist",)),
    "the convolutional network": Selection(("table_12",), "paper", methods=DECODING),
}


@dataclass(frozen=True)
class Forecast:
    """Hours that a selection adds to those before it."""

    training: float
    evaluation: float


def forecasts(selections: Iterable[Selection], rate: float) -> list[Forecast]:
    """Hours of training and evaluation of each selection, in turn, less what those before it have done.

    Training steps and the votes of paths count, which is nearly all where there is a decoder. Models to compose with
    train in float32, but count at the same rate.

    Arguments:
        selections: of runs with a decoder.
        rate: floating-point operations per second.
    """
    seen: set[Spec] = set()
    trained: set[str] = set()
    found = []
    for selection in selections:
        new = [spec for spec in selection.specifications() if spec not in seen]
        needed = [run for spec in new for run in (spec, pretrained(spec.training)) if run is not None]
        trainings = {run.training_key: run.training for run in needed if run.training_key not in trained}
        work = sum(map(_of_training, trainings.values())), _of_voting(new, seen)
        found.append(Forecast(*(operations / rate / 3600 for operations in work)))
        seen |= set(new)
        trained |= set(trainings)
    return found


def operations_per_second(record: Mapping, size: Profile = PROFILES["paper"]) -> float:
    """Rate of a training step of Eq. 5 at a profile's width, by a record of `decnn bench`."""
    training = specification("ReDecNN", "mnist", size, seed=0).training
    return bench.BATCH * _of_step(_alike(training)) / bench.step_seconds(record, training.width)


def hindsight(record: Mapping, results: Iterable[Mapping], size: Profile) -> list[float]:
    """Recorded over forecast seconds, smallest first: each perceptron that the same machine trained by Eq. 5."""
    like = _alike(specification("ReDecNN", "mnist", size, seed=0).training)
    rate = operations_per_second(record, size)
    found = {}
    for result in results:
        training = Spec.from_dict(result["specification"]).training
        if _alike(training) == like and on_same_machine(record, result):
            found[training] = result["seconds"]["training"] / (_of_training(training) / rate)
    return sorted(found.values())


def _of_training(training: Training) -> int:
    return training.steps * training.batch_size * _of_step(_alike(training))


def _alike(training: Training) -> Training:
    """A training with the same operations: seeds do not matter, nor do data sets of one shape."""
    same = dataclasses.replace(training, seed=0, dataset="mnist")
    return same if tasks.task(same) == tasks.task(training) else dataclasses.replace(training, seed=0)


@cache
def _of_step(training: Training) -> int:
    """Operations of a training step for each image of its batch."""
    task = tasks.task(training)
    model = build(training)
    composed_with = None if training.pretrained is None else build(pretraining(training)).eval()
    loss = objective(training, 1, composed_with)
    x, y = torch.zeros(1, *task.in_shape), torch.zeros((1, task.num_classes) if task.attributes else 1).long()
    return _counted(lambda: loss(model, x, y).backward())


@cache
def _of_composition(training: Training) -> tuple[int, int]:
    """Operations of one composition of one image; and L, the number of layers that a path draws from."""
    with torch.inference_mode():
        model = build(training).eval()
        _, activations = model.activations(torch.zeros(1, *model.classifier.in_shape))
        return _counted(lambda: model.activations(model.decode(activations[0]))), model.num_layers


def _of_voting(specs: Sequence[Spec], before: set[Spec]) -> int:
    """Operations of all votes; the inliers of several kinds of outliers are voted on once, a reference in each run."""
    walking = [spec for spec in specs if spec.evaluation.depth]
    inliers = {_inliers(spec) for spec in walking if spec.evaluation.outliers}
    inliers -= {_inliers(spec) for spec in before if spec.evaluation.outliers}
    sets = [(spec, _voted(spec) + (spec.evaluation.reference or 0)) for spec in walking]
    sets += [(spec, _size(spec, spec.training.dataset)) for spec in inliers]
    return sum(count * _of_votes(spec) for spec, count in sets)


def _inliers(spec: Spec) -> Spec:
    return dataclasses.replace(spec, evaluation=dataclasses.replace(spec.evaluation, outliers=None))


def _voted(spec: Spec) -> int:
    """Images that a run votes on, besides inliers."""
    outliers = spec.evaluation.outliers
    if outliers == "shifts":
        return (len(EPSILONS) + len(CORRUPTIONS)) * _size(spec, spec.training.dataset)
    return _size(spec, outliers or spec.training.dataset)


def _size(spec: Spec, dataset: str) -> int:
    return min(TEST_IMAGES[dataset], spec.evaluation.vote_size or TEST_IMAGES[dataset])


def _of_votes(spec: Spec) -> int:
    """Operations of all paths for one image: beginnings that paths share count once."""
    operations, num_layers = _of_composition(_alike(spec.training))
    walks = [tuple(path) for path in voting_paths(spec, num_layers).tolist()]
    beginnings = {path[:depth] for path in walks for depth in range(1, len(path) + 1)}
    return operations * len(beginnings)


def _counted(step: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()

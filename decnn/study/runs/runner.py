"""Fills what is missing: trains or takes the trained weights, evaluates, writes the record."""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from torch import Tensor, nn

from decnn import data
from decnn.baselines import Ensemble, Stack
from decnn.checkpoints import checkpoint_metadata, load_checkpoint, save_checkpoint
from decnn.study import paths
from decnn.study.evaluation.groups import compare, probe
from decnn.study.evaluation.protocol import evaluate, subset
from decnn.study.evaluation.sampling import asking, batched
from decnn.study.evaluation.shifts import Scored, evaluate_detection, outlier_sets, scorer
from decnn.study.runs import claiming
from decnn.study.runs.jobs import alone, borrowed, describe, groups, jobs, keys, missing, pretrained
from decnn.study.runs.records import Records, commit, peak_memory, provenance
from decnn.study.specifications import DECODING, Spec, tasks
from decnn.study.specifications.models import build, objective
from decnn.training import derived_seed, fit

__all__ = ["TakenOver", "fill", "finished", "trained", "trained_share", "weights_of"]

INLIERS = 6  # models whose inlier scores are kept for their next kind of outliers
LOOK_AGAIN = 2.0  # seconds, while others hold all that is left
LOOK_UP = 60.0  # seconds of training after which a worker asks whether the training is still its own


class TakenOver(Exception):
    """Another worker has gone on with a training, because this one stood still for minutes."""


def fill(
    specs: Iterable[Spec],
    records: Records,
    device: str = "cpu",
    refresh: bool = False,
    progress: bool = True,
    checkpoint_activations: bool = False,
) -> dict[str, str]:
    """Run what has no record yet; returns, for each specification left out, why (its data are missing).

    Runs that differ in nothing but their seed and train no decoder are trained together. What another worker is at,
    here or on a machine that shares the cache folder, is left for the end and then waited for, so that all records
    are there when this returns; should that worker stop without them, its runs are taken over.
    `checkpoint_activations` is that of `decnn.fit`, where there is a decoder: results do not depend on it.
    """
    commit()
    left_out: dict[str, str] = {}
    inliers: dict[str, Scored] = {}
    todo = jobs(specs if refresh else missing(specs, records))
    announced: set[str] = set()
    while todo:
        elsewhere = []
        for job in todo:
            with claiming.claimed(keys(job), describe(job), borrowed(job)) as claim:
                done = claim is not None and _work(
                    job, claim, records, device, refresh, progress, checkpoint_activations, left_out, inliers
                )
            if not done:
                elsewhere.append(job)
        if progress:
            _announce(elsewhere, announced)
        if len(elsewhere) == len(todo):
            time.sleep(LOOK_AGAIN)
        todo = elsewhere
    return left_out


def _work(
    job: list[Spec],
    claim: claiming.Claim,
    records: Records,
    device: str,
    refresh: bool,
    progress: bool,
    checkpoint_activations: bool,
    left_out: dict[str, str],
    inliers: dict[str, Scored],
) -> bool:
    """Run a job; False if it was taken over meanwhile, because this process stood still for minutes."""
    for group in groups(job if refresh else missing(job, records)):  # others may have been at it before the claim
        try:
            models = trained(group, device, progress, checkpoint_activations, claim.held)
            for spec, (model, seconds) in zip(group, models, strict=True):
                metrics, evaluation = _measured(spec, model, device, inliers)
                if not claim.held():
                    return False
                _record(spec, metrics, {"training": seconds, "evaluation": evaluation}, records, device)
        except TakenOver:
            return False
        except data.DataNotFound as error:
            left_out |= {spec.key: str(error) for spec in group}
    return True


def _announce(elsewhere: list[list[Spec]], announced: set[str]) -> None:
    for job in elsewhere:
        held = filter(claiming.held, [*keys(job), *borrowed(job)])
        holder = next((standing.holder for standing in map(claiming.look, held) if standing), None)
        if holder and describe(job) not in announced:
            announced.add(describe(job))
            print(f"{describe(job)}: left to {holder}; its records are waited for", flush=True)


def _measured(spec: Spec, model: nn.Module, device: str, inliers: dict[str, Scored]) -> tuple[dict, float]:
    """Metrics of one trained model, as its specification asks, and the seconds that they took."""
    train, test = (tasks.load(spec.training, split) for split in ("train", "test"))
    start = time.perf_counter()
    count = spec.evaluation.reference
    reference = None if count is None else data.as_floats(train.pixels[subset(len(train), count)])
    if spec.evaluation.outliers is None:
        metrics = evaluate(spec, model, test.images, test.labels, device, reference)
        if spec.evaluation.groups is not None:
            metrics |= _by_group(spec, model, train, test, device)
        return metrics, time.perf_counter() - start

    part = subset(len(test), spec.evaluation.vote_size)
    sets = outlier_sets(spec, model, test.images[part], test.labels[part], device)
    first = next(sets)  # raises where the outliers are not at hand, before anything is computed
    ask = scorer(spec, model, device, reference, train)
    alike = dataclasses.replace(spec, evaluation=dataclasses.replace(spec.evaluation, outliers=None)).key
    if alike not in inliers:
        for oldest in list(inliers)[: -INLIERS + 1]:
            del inliers[oldest]
        inliers[alike] = ask("inliers", test.images[part])
    metrics = evaluate_detection(inliers[alike], itertools.chain([first], sets), ask)
    return metrics, time.perf_counter() - start


def _by_group(spec: Spec, model: nn.Module, train: data.Images, test: data.Images, device: str) -> dict:
    """Tables 7 and 8: fairness to two groups of test images, and what the last layer knows of them."""
    members = {split: tasks.has(spec.training, split, spec.evaluation.groups) for split in ("train", "test")}
    with asking(spec, device):
        logits = batched(model, test.images, device)[:, 0]
        found = compare(logits, test.labels[:, 0].bool(), members["test"], spec.evaluation.groups)
        probed = probe(model, (train.pixels, members["train"]), (test.images, members["test"]), device)
    return {**found, "notes": found["notes"] + probed.pop("notes", []), "probe": probed}


def _record(spec: Spec, metrics: dict, seconds: dict, records: Records, device: str) -> None:
    train, test = (tasks.load(spec.training, split) for split in ("train", "test"))
    weights = checkpoint_metadata(weights_of(spec))
    together = 1 if alone(spec.training) else int(weights.get("together", 0))
    content = {
        "metrics": metrics,
        "seconds": seconds,
        "trained_together": together or None,  # weights from earlier versions do not tell
        **({"weights": weights["source"]} if "source" in weights else {}),
        "precision": spec.training.precision,
        "peak_memory_bytes": peak_memory(device),
        "data": {
            "name": test.name,
            **({"synthetic": True} if test.synthetic else {}),
            "train": {"checksum": train.checksum, "examples": spec.training.train_size or len(train)},
            "test": {"checksum": test.checksum, "examples": len(test)},
        },
        **provenance(device),
    }
    records.write(spec, content)


def trained(
    group: list[Spec],
    device: str = "cpu",
    progress: bool = True,
    checkpoint_activations: bool = False,
    held: Callable[[], bool] = lambda: True,
) -> list[tuple[nn.Module, float]]:
    """The models of runs that differ in their seed only, each with its seconds of training.

    Finished weights come from the cache; a run that was interrupted goes on from its checkpoint.

    Raises:
        TakenOver: `held` says that the training is no longer this worker's.
    """
    untrained = [spec for spec in group if not finished(spec)]
    stack = _stack(group)
    if untrained:
        if stack.exists():  # perhaps killed while it handed the members their weights: then some of them are finished
            members = checkpoint_metadata(stack)["identity"].split("+")
            if all(spec.training_key in members for spec in untrained):
                untrained = [spec for spec in group if spec.training_key in members]
            else:  # weights have been deleted since
                stack.unlink()
        train = tasks.load(group[0].training, "train")
        part = subset(len(train), group[0].training.train_size)
        _train(untrained, stack, train.pixels[part], train.labels[part], device, progress, checkpoint_activations, held)
    stack.unlink(missing_ok=True)
    models = []
    for spec in group:
        model = build(spec.training)
        load_checkpoint(weights_of(spec), model, None, spec.training_key)
        models.append((model.eval(), float(checkpoint_metadata(weights_of(spec))["seconds"])))
    return models


def _train(
    specs: list[Spec],
    checkpoint: Path,
    images: Tensor,
    labels: Tensor,
    device: str,
    progress: bool,
    checkpoint_activations: bool,
    held: Callable[[], bool],
) -> None:
    """Train one model, or several as one stack with its own checkpoint, and put each one's weights into the cache."""
    first = specs[0].training
    models = [build(spec.training) for spec in specs]
    settings = {
        "steps": first.steps,
        "batch_size": first.batch_size,
        "lr": first.lr,
        "precision": first.precision,
        "device": device,
        "save_every": _save_every(),
        "progress": describe(specs) if progress else None,
    }
    if alone(first):
        (spec,), (model,) = specs, models
        composed_with = pretrained(first)
        if composed_with is not None:
            ((composed_with, _),) = trained([composed_with], device, progress, checkpoint_activations, held)
            composed_with.to(device)
        fit(
            model, images, labels, _while(held, objective(first, len(images), composed_with)), seeds=[first.seed],
            checkpoint=weights_of(spec), identity=spec.training_key,
            checkpoint_activations=checkpoint_activations and first.objective in DECODING, **settings,
        )  # fmt: skip
        return

    networks = [network for model in models for network in _networks(model)]
    stack = Stack(networks)
    identity = _identity(specs)
    one = objective(first, len(images))
    fit(
        stack, images, labels, _while(held, lambda stack, x, y: stack.each(one, x, y).sum()),
        seeds=[spec.training.seed for spec in specs for _ in range(first.members)],
        checkpoint=checkpoint, identity=identity, **settings,
    )  # fmt: skip
    seconds = float(checkpoint_metadata(checkpoint)["seconds"]) / len(specs)
    networks = stack.cpu().members()
    for index, spec in enumerate(specs):
        own = networks[index * first.members : (index + 1) * first.members]
        model = Ensemble(own, tasks.task(first).attributes) if first.members > 1 else own[0]
        save_checkpoint(
            weights_of(spec), model, None, first.steps, spec.training_key, seconds, together=str(len(specs))
        )


def _save_every() -> float:
    text = os.environ.get("DECNN_SAVE_EVERY", "60")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"expected a number of seconds in DECNN_SAVE_EVERY, got {text!r}: set it to 60") from None


def _while(held: Callable[[], bool], objective: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The objective, asked for as long as the training is this worker's."""
    looked = time.monotonic()

    def asked(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        nonlocal looked
        if time.monotonic() - looked > LOOK_UP:
            looked = time.monotonic()
            if not held():
                raise TakenOver
        return objective(model, x, y)

    return asked


def _networks(model: nn.Module) -> list[nn.Module]:
    return model.stack.members() if isinstance(model, Ensemble) else [model]


def weights_of(spec: Spec) -> Path:
    """Where the weights of a run lie, trained or on their way."""
    return paths.checkpoints() / f"{spec.training_key}.safetensors"


def _identity(specs: list[Spec]) -> str:
    return "+".join(spec.training_key for spec in specs)


def _stack(group: list[Spec]) -> Path:
    """The checkpoint of what is trained together of a group, which may be a part of it."""
    return paths.checkpoints() / f"stack-{derived_seed(_identity(group)):x}.safetensors"


def finished(spec: Spec) -> bool:
    """Whether the trained weights of a run lie in the cache."""
    path = weights_of(spec)
    return path.exists() and int(checkpoint_metadata(path)["step"]) == spec.training.steps


def trained_share(spec: Spec) -> float:
    """How much of a run's training its own checkpoint holds, from 0 to 1; that of a stack is not looked at."""
    path = weights_of(spec)
    return int(checkpoint_metadata(path)["step"]) / spec.training.steps if path.exists() else 0.0

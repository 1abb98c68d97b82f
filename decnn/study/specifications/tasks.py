"""What a run is trained and tested on: a data set as its specification cuts it."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from decnn import data
from decnn.data.named import source
from decnn.data.toy_faces import COUNTS, SEEDS
from decnn.spelling import one_of
from decnn.study.specifications import TOY_FACES, Training

__all__ = ["Task", "has", "held_out", "load", "others", "task"]

SIZE = 32
BEARD = "Beard"
NO_BEARD, TOY_BEARD = (("No_Beard",), True), (("Mustache",), False)  # attribute, and whether its absence is meant


@dataclass(frozen=True)
class Task:
    """Shapes of inputs and answers: K classes, or attributes of which each is there or not."""

    in_shape: tuple[int, int, int]
    num_classes: int
    attributes: bool


def task(training: Training) -> Task:
    """Of a specification, without a look at its data."""
    known = source(training.dataset)
    count = len(known.class_names) if training.attribute is None else 1
    return Task((known.channels, SIZE, SIZE), count, bool(known.attributes))


@functools.lru_cache(maxsize=4)
def _whole(dataset: str, split: str, confounding: float | None, recipe: str | None) -> data.Images:
    """A split with all labels that it has."""
    if confounding is not None:
        # The test set is not confounded: what a network has learnt shows where the tie is cut.
        tie = confounding if split == "train" else 0.0
        return dataclasses.replace(data.toy_faces(COUNTS[split], SEEDS[split], confounding=tie), split=split)
    chosen = {"attributes": source(dataset).attributes, "recipe": recipe}
    return data.load(dataset, split, **{name: choice for name, choice in chosen.items() if choice})


def load(training: Training, split: str) -> data.Images:
    """One split: of a run that holds an attribute out, without the images that have it.

    Raises:
        DataNotFound: the data set is not on this machine.
        ValueError: no image is left, or none has the attribute that is held out.
    """
    found = _labelled(training, split, training.attribute)
    if training.held_out is None:
        return found
    out = has(training, split, training.held_out)
    if not out.any() or out.all():
        raise ValueError(
            f"expected some images of {found.name} ({split}) with {training.held_out} and some without, got "
            f"{int(out.sum())} of {len(out)} with it: hold another attribute out"
        )
    return _part(found, ~out)


def held_out(training: Training) -> data.Images:
    """The images of both splits that have the attribute which a run holds out: none was trained on."""
    parts = [_part(_labelled(training, s, None), has(training, s, training.held_out)) for s in ("train", "test")]
    pixels, labels = (torch.cat(tensors) for tensors in zip(*((p.pixels, p.labels) for p in parts), strict=True))
    return dataclasses.replace(parts[1], pixels=pixels, labels=labels, split="held out")


def others(training: Training, dataset: str) -> data.Images:
    """The test images of another data set as a run sees them.

    Recordings go through the run's own recipe and map of decibels to [0, 1], as any sound would that its network is
    given: at the rate, window and loudness of its training set.

    Raises:
        DataNotFound: that data set is not on this machine.
    """
    scale = load(training, "test").log_mel
    return data.load(dataset, "test") if scale is None else data.load(dataset, "test", recipe=scale)


def has(training: Training, split: str, attribute: str) -> Tensor:
    """Which images of a split have an attribute: booleans (N,), before anything is held out."""
    return _labelled(training, split, attribute).labels[:, 0] == 1


def _labelled(training: Training, split: str, attribute: str | None) -> data.Images:
    """All images of a split with the labels of one attribute, or with those that the data set has by default."""
    whole = _whole(training.dataset, split, training.confounding, training.recipe)
    if not whole.multilabel:
        return whole
    if attribute is None:
        names, absent = source(training.dataset).class_names, False
    elif attribute == BEARD:
        names, absent = TOY_BEARD if training.dataset == TOY_FACES else NO_BEARD
    else:
        names, absent = (attribute,), False
    labels = whole.labels[:, [_column(whole, name) for name in names]]
    told = names if attribute is None else (attribute,)
    return dataclasses.replace(whole, labels=1 - labels if absent else labels, class_names=told, num_classes=len(told))


def _column(whole: data.Images, attribute: str) -> int:
    one_of(attribute, (BEARD, *whole.class_names), f"attribute of {whole.name}")
    return whole.class_names.index(attribute)


def _part(images: data.Images, chosen: Tensor) -> data.Images:
    return dataclasses.replace(images, pixels=images.pixels[chosen], labels=images.labels[chosen])

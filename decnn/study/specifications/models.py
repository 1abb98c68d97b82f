"""A specification as a model to train and a scalar to minimise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from decnn import objectives
from decnn.adapters import Adapted
from decnn.baselines import BayesNN, Ensemble, bayes
from decnn.classifiers import MLP, ConvNet, Linear, he_init_
from decnn.compose import DecNN
from decnn.decoders import ResNetDecoder
from decnn.paths import sample_paths
from decnn.study.specifications import DECODING, WALKING, Training, tasks
from decnn.study.specifications.networks import NETWORKS, network
from decnn.training import derived_seed
from decnn.unet import UNetDecoder

__all__ = ["build", "objective"]


def build(training: Training) -> nn.Module:
    """The untrained model of a specification, initialised from its seed."""
    with torch.random.fork_rng():
        members = []
        for member in range(training.members):
            torch.manual_seed(derived_seed("init", training.seed, member))
            classifier = _classifier(training)
            members.append(he_init_(classifier) if training.init == "he" else classifier)
        if training.members > 1:
            return Ensemble(members, tasks.task(training).attributes)
        if training.objective == "bayes":
            return BayesNN(members[0]) if training.rho is None else BayesNN(members[0], rho=training.rho)
        if training.objective in DECODING:
            return DecNN(members[0], _decoder(training))
        return members[0]


def _classifier(training: Training) -> nn.Module:
    task = tasks.task(training)
    if training.classifier == "convnet":
        return ConvNet(task.in_shape, task.num_classes, filters=training.filters, dropout=training.dropout)
    if training.classifier == "linear":
        return Linear(task.in_shape, task.num_classes)
    if training.classifier in NETWORKS:
        classifier = network(training.classifier, task.in_shape, task.num_classes, training.filters)
        return Adapted(classifier) if training.objective in DECODING else classifier
    return MLP(task.in_shape, task.num_classes, dropout=training.dropout)


def _decoder(training: Training) -> nn.Module:
    in_shape = tasks.task(training).in_shape
    if training.classifier == "convnet":
        return UNetDecoder(filters=training.filters, out_shape=in_shape)
    return ResNetDecoder(out_shape=in_shape, width=training.width)


def objective(
    training: Training, examples: int, composed_with: nn.Module | None = None
) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    """The scalar that a specification minimises, as a function of (model, x, y)."""
    if training.objective == "standard":
        return lambda model, x, y: objectives.standard(model, x, y).total
    if training.objective == "bayes":
        terms = examples if training.kl_weight is None else examples // training.batch_size  # in an epoch's sum
        return lambda model, x, y: bayes(model, x, y, kl_weight=1 / terms).total
    if training.objective == "decodable":
        return lambda model, x, y: objectives.decodable(model, x, y, training.beta, composed_with).total

    assert training.objective in WALKING
    along = getattr(objectives, training.objective)
    others = () if composed_with is None else (composed_with,)

    def walking(model: DecNN, x: Tensor, y: Tensor) -> Tensor:
        (path,) = sample_paths(1, training.depth, model.num_layers).tolist()
        return along(model, *others, x, y, path, training.alpha, training.beta).total

    return walking

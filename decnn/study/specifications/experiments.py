"""Experiments: the run of a method on a data set at a profile's size, and the training of what it is composed with."""

from __future__ import annotations

import dataclasses

from decnn.study.specifications.methods import METHODS
from decnn.study.specifications.profiles import Profile, steps, taken
from decnn.study.specifications.spec import WALKING, Evaluation, Spec, Training

__all__ = ["pretraining", "specification"]


def specification(
    method_name: str,
    dataset: str,
    size: Profile,
    seed: int,
    *,
    classifier: str = "mlp",
    depth: int = 8,
    own_statistics: bool = False,
    outliers: str | None = None,
    objective: str | None = None,
    pretrained: str | None = None,
    attribute: str | None = None,
    groups: str | None = None,
    held_out: str | None = None,
    confounding: float | None = None,
    recipe: str | None = None,
) -> Spec:
    """The run of one method on one data set: smoke takes digits, faces and tones that need no download.

    Arguments:
        method_name: a key of METHODS.
        dataset: what is trained on.
        size: a profile.
        seed: of everything random.
        classifier: mlp, convnet, or one of `specifications.networks`; without a decoder linear too. Only the first two
            are initialised as the profile says.
        depth: of a recursive objective and of its voting paths.
        own_statistics: of paths alone, whether training images that walk along give batch normalisation its
            statistics.
        outliers: what is to be told from the test set, if anything.
        objective: in place of the method's own: composed, direct or indifferent.
        pretrained: linear or resnet18, for these objectives.
        attribute: the only one that is told.
        groups: the attribute whose groups are compared; under "indifferent" it is the protected one.
        held_out: the attribute whose images are left out.
        confounding: of toy faces, the tie between Mustache and Bald.
        recipe: of speech, filled or viewmaker, in place of the data set's default.
    """
    method = METHODS[method_name]
    composed = pretrained is not None and method.objective == "recursive"
    objective = objective or ("composed" if composed else method.objective)
    recursive = objective in WALKING
    convolutional = classifier == "convnet"
    init = size.init if classifier in ("mlp", "convnet") else "default"
    dataset = taken(size, dataset)
    training = Training(
        dataset=dataset,
        objective=objective,
        seed=seed,
        steps=steps(size, dataset),
        batch_size=size.batch_size,
        lr=size.lr,
        init="normal" if method.objective == "bayes" else init,
        precision="bfloat16" if method.decodes else "float32",
        classifier=classifier,
        members=method.members,
        dropout=method.dropout,
        train_size=size.train_size,
        width=size.width if method.decodes and not convolutional else None,
        depth=depth if recursive else None,
        alpha=0.5 if recursive else None,
        beta=10.0 if method.decodes else None,
        filters=size.filters if classifier not in ("mlp", "linear") else None,
        attribute=attribute,
        held_out=held_out,
        confounding=confounding,
        pretrained=pretrained,
        protected=groups if objective == "indifferent" else None,
        recipe=recipe,
    )
    votes = size.vote_size if outliers is None else size.outlier_size
    evaluation = Evaluation(
        method=method_name,
        samples=(method.members if method.members > 1 else size.samples) if method.sampled else None,
        vote_size=votes if method.sampled or outliers else None,
        depth=depth if recursive else None,
        reference=size.reference if recursive and own_statistics else None,
        outliers=outliers,
        groups=groups,
    )
    return Spec(training, evaluation)


def pretraining(training: Training) -> Training:
    """How the model that a run is composed with was trained: on the same images, for as long, by Equation 1."""
    return dataclasses.replace(
        training,
        objective="standard",
        classifier=training.pretrained,
        init="default",
        filters=training.width if training.pretrained == "resnet18" else None,
        attribute=training.protected or training.attribute,
        precision="float32",
        **dict.fromkeys(("width", "depth", "alpha", "beta", "pretrained", "protected")),
    )

"""A frozen specification: all that a result depends on, and its key, a hash of that alone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass

__all__ = ["DECODING", "VERSION", "WALKING", "Evaluation", "Spec", "Training"]

VERSION = 1  # raised when the meaning of a specification changes
WALKING = ("recursive", "composed", "direct", "indifferent")  # objectives along a path
DECODING = ("decodable", *WALKING)  # objectives of a classifier with a decoder


@dataclass(frozen=True)
class Training:
    """What the weights depend on. None means that the objective has no such setting."""

    dataset: str
    objective: str  # standard, bayes, decodable, recursive; with a pretrained model composed, direct, indifferent
    seed: int
    steps: int
    batch_size: int
    lr: float
    init: str  # default (the network's own), he, or normal (N(0, 0.1^2), the means of BayesNN)
    precision: str
    classifier: str = "mlp"
    members: int = 1
    dropout: float = 0.0
    train_size: int | None = None  # None: all training examples
    width: int | None = None
    depth: int | None = None
    alpha: float | None = None
    beta: float | None = None
    filters: int | None = None  # of a classifier other than the perceptron; of a convolutional one's decoder too
    rho: float | None = None  # of BayesNN's first standard deviations softplus(rho); None: -7
    kl_weight: str | None = None  # "batches": 1 / number of batches; None: 1 / number of training examples
    attribute: str | None = None  # the one that is told; None: all classes or attributes of the data set
    held_out: str | None = None  # images with this attribute are left out
    confounding: float | None = None  # of toy faces
    pretrained: str | None = None  # the classifier that is composed with: linear or resnet18
    protected: str | None = None  # the attribute that it tells; None: what the network itself tells
    recipe: str | None = None  # of speech: filled or viewmaker; None: the data set's default


@dataclass(frozen=True)
class Evaluation:
    """What is measured on the trained weights."""

    method: str  # a key of METHODS
    samples: int | None = None  # sampled classifiers that vote
    vote_size: int | None = None  # test examples that are voted on; None: all
    depth: int | None = None  # compositions of each voting path
    reference: int | None = None  # training examples whose statistics normalise each path; None: running statistics
    outliers: str | None = None  # "shifts" (FGSM and corruptions of the test set), "held out" or a data set
    groups: str | None = None  # the attribute whose two groups are compared, and for which the last layer is probed


@dataclass(frozen=True)
class Spec:
    """One run: training, evaluation and the version of their meaning.

    Example:
        >>> from decnn.study.specifications import profile, specification
        >>> spec = specification("Standard", "mnist", profile("reader"), seed=0)
        >>> spec.key == Spec(**{**spec.__dict__}).key, len(spec.key)
        (True, 16)
    """

    training: Training
    evaluation: Evaluation
    version: int = VERSION

    def with_seed(self, seed: int) -> Spec:
        """The same run with another seed."""
        return dataclasses.replace(self, training=dataclasses.replace(self.training, seed=seed))

    @property
    def key(self) -> str:
        """Hash of the whole specification."""
        return _digest(self.to_dict())

    @property
    def training_key(self) -> str:
        """Hash of what the weights depend on: methods that share weights share it."""
        return _digest({"training": self.to_dict()["training"], "version": self.version})

    def to_dict(self) -> dict:
        """Nested dictionary without the settings that do not apply, so that new settings keep old keys."""
        return {
            "training": _without_none(self.training),
            "evaluation": _without_none(self.evaluation),
            "version": self.version,
        }

    @staticmethod
    def from_dict(content: dict) -> Spec:
        """Inverse of `to_dict`."""
        return Spec(Training(**content["training"]), Evaluation(**content["evaluation"]), content["version"])


def _without_none(settings: Training | Evaluation) -> dict:
    return {name: value for name, value in dataclasses.asdict(settings).items() if value is not None}


def _digest(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

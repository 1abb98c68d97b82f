"""Runs: frozen specifications, the methods, and the profiles that size them.

A specification says all that a result depends on, and its key is a hash of that alone. A profile only
overrides sizes and what the protocol leaves open; `PROFILES` is the whole of it.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from dataclasses import dataclass

__all__ = [
    "METHODS",
    "PROFILES",
    "Evaluation",
    "Method",
    "Profile",
    "Spec",
    "Training",
    "named",
    "profile",
    "specification",
]

VERSION = 1  # raised when the meaning of a specification changes


@dataclass(frozen=True)
class Training:
    """What the weights depend on. None means that the objective has no such setting."""

    dataset: str
    objective: str  # standard, bayes, decodable or recursive
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


@dataclass(frozen=True)
class Evaluation:
    """What is measured on the trained weights."""

    method: str  # a key of METHODS
    samples: int | None = None  # sampled classifiers that vote
    vote_size: int | None = None  # test examples that are voted on; None: all
    depth: int | None = None  # compositions of each voting path
    reference: int | None = None  # training examples whose statistics normalise each path; None: running statistics
    outliers: str | None = None  # "shifts" (FGSM and corruptions of the test set) or a data set; None: none


@dataclass(frozen=True)
class Spec:
    """One run: training, evaluation and the version of their meaning.

    Example:
        >>> spec = specification("Standard", "mnist", profile("reader"), seed=0)
        >>> spec.key == Spec(**{**spec.__dict__}).key, len(spec.key)
        (True, 16)
    """

    training: Training
    evaluation: Evaluation
    version: int = VERSION

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


@dataclass(frozen=True)
class Method:
    """A row of the paper's tables: how it is trained and how it is asked for uncertainty."""

    name: str  # as printed
    objective: str
    sampled: bool
    members: int = 1
    dropout: float = 0.0

    @property
    def decodes(self) -> bool:
        """Whether it trains a decoder."""
        return self.objective in ("decodable", "recursive")


METHODS = {
    method.name: method
    for method in (
        Method("Standard", "standard", sampled=False),
        Method("DecNN", "decodable", sampled=False),
        Method("ReDecNN", "recursive", sampled=True),
        Method("Dropout", "standard", sampled=False, dropout=0.5),
        Method("MC-Dropout", "standard", sampled=True, dropout=0.5),
        Method("BayesNN", "bayes", sampled=True),
        Method("Ensemble", "standard", sampled=True, members=8),
    )
}


@dataclass(frozen=True)
class Profile:
    """Sizes of a run, and the choices that go with them."""

    name: str
    seeds: tuple[int, ...]
    steps: int
    batch_size: int
    lr: float
    init: str
    width: int
    train_size: int | None
    samples: int
    vote_size: int | None
    outlier_size: int | None  # inliers, and outliers of each kind
    filters: int
    reference: int  # training examples that walk a path to give it statistics of its own
    purpose: str


PROFILES = {
    p.name: p
    for p in (
        Profile(
            "smoke", (0,), steps=40, batch_size=16, lr=1e-3, init="he", width=2, train_size=1000, samples=5,
            vote_size=200, outlier_size=50, filters=4, reference=16,
            purpose="seconds: exercises the code; its numbers are no findings",
        ),
        Profile(
            "reader", (0, 1, 2), steps=3000, batch_size=32, lr=1e-3, init="he", width=8, train_size=None,
            samples=30, vote_size=2000, outlier_size=500, filters=16, reference=256,
            purpose="about 10 minutes for a recursive run on 2 CPU cores",
        ),
        Profile(
            "overnight", (0, 1, 2), steps=9370, batch_size=64, lr=1e-3, init="he", width=8, train_size=None,
            samples=30, vote_size=5000, outlier_size=1000, filters=16, reference=256,
            purpose="10 epochs: about an hour for a recursive run on 2 CPU cores",
        ),
        Profile(
            "paper", (0, 1, 2), steps=23400, batch_size=128, lr=1e-4, init="default", width=64, train_size=None,
            samples=30, vote_size=None, outlier_size=None, filters=64, reference=256,
            purpose="the paper's protocol, 50 epochs; a GPU for methods with a decoder",
        ),
    )
}  # fmt: skip


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
) -> Spec:
    """The run of one method on one data set: smoke takes the digits that need no download for MNIST.

    Arguments:
        method_name: a key of METHODS.
        dataset: what is trained on.
        size: a profile.
        seed: of everything random.
        classifier: mlp, convnet, or one of `study.networks`, which are initialised as torchvision does.
        depth: of a recursive objective and of its voting paths.
        own_statistics: of paths alone, whether training images that walk along give batch normalisation its
            statistics.
        outliers: what is to be told from the test set, if anything.
    """
    method = METHODS[method_name]
    recursive = method.objective == "recursive"
    convolutional = classifier == "convnet"
    init = size.init if classifier in ("mlp", "convnet") else "default"
    training = Training(
        dataset="mnist-5k" if (size.name, dataset) == ("smoke", "mnist") else dataset,
        objective=method.objective,
        seed=seed,
        steps=size.steps,
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
        filters=size.filters if classifier != "mlp" else None,
    )
    votes = size.vote_size if outliers is None else size.outlier_size
    evaluation = Evaluation(
        method=method_name,
        samples=(method.members if method.members > 1 else size.samples) if method.sampled else None,
        vote_size=votes if method.sampled or outliers else None,
        depth=depth if recursive else None,
        reference=size.reference if recursive and own_statistics else None,
        outliers=outliers,
    )
    return Spec(training, evaluation)


def profile(name: str) -> Profile:
    """The profile of that name, or ValueError with the known ones and the nearest."""
    return named(name, PROFILES, "profile")


def named(name: str, known: dict, kind: str):  # noqa: ANN201
    """The entry of that name, or ValueError with the known ones and the nearest."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"expected a {kind}, one of {', '.join(known)}, got {name!r}{hint}")
    return known[name]


def _without_none(settings: Training | Evaluation) -> dict:
    return {name: value for name, value in dataclasses.asdict(settings).items() if value is not None}


def _digest(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

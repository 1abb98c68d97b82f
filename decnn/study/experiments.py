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
    "DECODING",
    "METHODS",
    "PROFILES",
    "SPEECH",
    "TOY_FACES",
    "WALKING",
    "Evaluation",
    "Method",
    "Profile",
    "Spec",
    "Training",
    "named",
    "pretraining",
    "profile",
    "specification",
    "taken",
]

VERSION = 1  # raised when the meaning of a specification changes
WALKING = ("recursive", "composed", "direct", "indifferent")  # objectives along a path
DECODING = ("decodable", *WALKING)  # objectives of a classifier with a decoder
TOY_FACES = "toy-faces"
SPEECH = ("audiomnist", "fluent", "fsdd", "speech_commands")
# What some profiles train on: smoke runs on data that need no download, the paper's protocol on all of CelebA.
TAKEN = {
    "smoke": {"mnist": "mnist-5k", "celeba-10k": TOY_FACES, **dict.fromkeys(SPEECH, "toy-speech")},
    "paper": {"celeba-10k": "celeba"},
}


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
        return self.objective in DECODING


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
        classifier: mlp, convnet, or one of `study.networks`; without a decoder linear too. Only the first two are
            initialised as the profile says.
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
    training = Training(
        dataset=taken(size, dataset),
        objective=objective,
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


def taken(size: Profile, dataset: str) -> str:
    """What a profile trains on in a data set's place."""
    return TAKEN.get(size.name, {}).get(dataset, dataset)


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

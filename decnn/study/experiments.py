"""What each table needs: frozen specifications of runs, for each profile.

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
    "REFERENCE",
    "TABLES",
    "Evaluation",
    "Method",
    "Profile",
    "Spec",
    "Table",
    "Training",
    "precision_pair",
    "profile",
    "specification",
    "specifications",
    "table",
]

REFERENCE = 256  # training examples, where batch normalisation takes its statistics from a reference batch
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
    init: str  # default (PyTorch's), he, or normal (N(0, 0.1^2), the means of BayesNN)
    precision: str
    classifier: str = "mlp"
    members: int = 1
    dropout: float = 0.0
    train_size: int | None = None  # None: all training examples
    width: int | None = None
    depth: int | None = None
    alpha: float | None = None
    beta: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """What is measured on the trained weights."""

    method: str  # a key of METHODS
    samples: int | None = None  # sampled classifiers that vote
    vote_size: int | None = None  # test examples that are voted on; None: all
    depth: int | None = None  # compositions of each voting path
    reference: int | None = None  # training examples whose statistics normalise each path; None: running statistics


@dataclass(frozen=True)
class Spec:
    """One run: training, evaluation and the version of their meaning.

    Example:
        >>> spec = specifications("table_01a", "reader")[0]
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
    purpose: str


PROFILES = {
    p.name: p
    for p in (
        Profile(
            "smoke", (0,), steps=40, batch_size=16, lr=1e-3, init="he", width=2, train_size=1000, samples=5,
            vote_size=200, purpose="seconds: exercises the code; its numbers are no findings",
        ),
        Profile(
            "reader", (0, 1, 2), steps=3000, batch_size=32, lr=1e-3, init="he", width=8, train_size=None,
            samples=30, vote_size=2000, purpose="about 10 minutes for a recursive run on 2 CPU cores",
        ),
        Profile(
            "overnight", (0, 1, 2), steps=9370, batch_size=64, lr=1e-3, init="he", width=8, train_size=None,
            samples=30, vote_size=5000, purpose="10 epochs: about an hour for a recursive run on 2 CPU cores",
        ),
        Profile(
            "paper", (0, 1, 2), steps=23400, batch_size=128, lr=1e-4, init="default", width=64, train_size=None,
            samples=30, vote_size=None, purpose="the paper's protocol, 50 epochs; a GPU for methods with a decoder",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table of the paper: its rows, the data set behind each column, and the metric in the cells."""

    name: str
    title: str
    rows: tuple[str, ...]  # methods
    columns: dict[str, str]  # printed column -> data set
    metric: str  # key in a record's metrics
    digits: int


IMAGES = {"MNIST": "mnist", "Fashion": "fashion_mnist"}
SAMPLED = ("ReDecNN", "MC-Dropout", "BayesNN", "Ensemble")
TABLES = {
    t.name: t
    for t in (
        Table("table_01a", "Table 1a: test accuracy (%)", tuple(METHODS), IMAGES, "accuracy", 2),
        Table("table_01b", "Table 1b: AUROC of misclassification", SAMPLED, IMAGES, "misclassification_auroc", 3),
    )
}


def specifications(name: str, profile_name: str, seeds: tuple[int, ...] | None = None) -> list[Spec]:
    """All runs of a table at a profile, cheap methods first; paths are evaluated with both kinds of statistics.

    Besides the tables there is "precision", a pair of runs that differ in their arithmetic alone.

    Raises:
        ValueError: an unknown table or profile.

    Example:
        >>> len(specifications("table_01b", "reader"))
        30
    """
    size = profile(profile_name)
    if name == "precision":
        return precision_pair(size)
    chosen = table(name)
    rows = sorted(chosen.rows, key=lambda row: METHODS[row].decodes)
    return [
        specification(row, dataset, size, seed, reference)
        for row in rows
        for dataset in chosen.columns.values()
        for seed in (size.seeds if seeds is None else seeds)
        for reference in ((None, REFERENCE) if METHODS[row].objective == "recursive" else (None,))
    ]


def specification(method_name: str, dataset: str, size: Profile, seed: int, reference: int | None = None) -> Spec:
    """The run of one method on one data set: smoke takes the digits that need no download for MNIST.

    `reference` applies to paths alone: how many training examples give batch normalisation its statistics.
    """
    method = METHODS[method_name]
    recursive = method.objective == "recursive"
    training = Training(
        dataset="mnist-5k" if (size.name, dataset) == ("smoke", "mnist") else dataset,
        objective=method.objective,
        seed=seed,
        steps=size.steps,
        batch_size=size.batch_size,
        lr=size.lr,
        init="normal" if method.objective == "bayes" else size.init,
        precision="bfloat16" if method.decodes else "float32",
        members=method.members,
        dropout=method.dropout,
        train_size=size.train_size,
        width=size.width if method.decodes else None,
        depth=8 if recursive else None,
        alpha=0.5 if recursive else None,
        beta=10.0 if method.decodes else None,
    )
    evaluation = Evaluation(
        method=method_name,
        samples=(method.members if method.members > 1 else size.samples) if method.sampled else None,
        vote_size=size.vote_size if method.sampled else None,
        depth=8 if recursive else None,
        reference=reference if recursive else None,
    )
    return Spec(training, evaluation)


def precision_pair(size: Profile) -> list[Spec]:
    """The same ReDecNN on MNIST, seed 0, in bfloat16 and in float32: does the faster arithmetic cost anything?"""
    fast = specification("ReDecNN", "mnist", size, seed=0)
    return [fast, dataclasses.replace(fast, training=dataclasses.replace(fast.training, precision="float32"))]


def table(name: str) -> Table:
    """The table of that name, or ValueError with the known ones and the nearest."""
    return _named(name, TABLES, "table")


def profile(name: str) -> Profile:
    """The profile of that name, or ValueError with the known ones and the nearest."""
    return _named(name, PROFILES, "profile")


def _named(name: str, known: dict, kind: str):
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"expected a {kind}, one of {', '.join(known)}, got {name!r}{hint}")
    return known[name]


def _without_none(settings: Training | Evaluation) -> dict:
    return {name: value for name, value in dataclasses.asdict(settings).items() if value is not None}


def _digest(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

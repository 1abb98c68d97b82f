"""The paper's tables as questions: which run stands behind each cell, and which of its numbers is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from decnn.data import CORRUPTIONS
from decnn.study.experiments import METHODS, Profile, Spec, named, profile, specification
from decnn.study.open_choices import alternatives
from decnn.study.records import measured

__all__ = ["DATASETS", "DETECTORS", "EPS", "TABLES", "Query", "Table", "precision_pair", "specifications", "table"]

DATASETS = {"MNIST": "mnist", "Fashion": "fashion_mnist"}  # as Tables 1 and 4 print them
SAMPLED = ("ReDecNN", "MC-Dropout", "BayesNN", "Ensemble")
DETECTORS = {"Softmax": "msp", "Energy": "energy", "Mahalanobis": "mahalanobis", "ODIN": "odin"}
BEYOND = {"MLP": "mlp", "ResNet-18": "resnet18", "Vision transformer": "vit"}
EPS = 0.1  # of FGSM: the paper gives none
UNITS = {"accuracy": ("%", 2), "ece": ("%", 2)}  # metric -> unit, digits; all others are AUROCs


@dataclass(frozen=True)
class Query:
    """What a cell asks: a run, and where its number stands in the record's metrics.

    Attributes:
        method, dataset: the run; `settings` are further arguments of `specification`.
        metric: path in the metrics, its parts joined by "/".
        subject: what is compared with other subjects, on the same `case`; a cell without a case is not compared.
    """

    method: str
    dataset: str
    metric: str
    subject: str
    case: str
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def unit(self) -> str:
        """Of the number: % or AUROC."""
        return UNITS.get(self.metric, ("AUROC", 3))[0]

    @property
    def digits(self) -> int:
        """Decimal places that are shown."""
        return UNITS.get(self.metric, ("AUROC", 3))[1]

    def specification(self, size: Profile, seed: int, own_statistics: bool = False) -> Spec:
        """The run of one seed; `own_statistics` says nothing where no path is walked."""
        return specification(self.method, self.dataset, size, seed, own_statistics=own_statistics, **self.settings)

    def specifications(self, size: Profile, seeds: Iterable[int] | None = None) -> list[Spec]:
        """The runs of all seeds, by default the profile's, with both kinds of statistics."""
        seeds = size.seeds if seeds is None else seeds
        found = [self.specification(size, seed, own) for seed in seeds for own in (False, True)]
        return list(dict.fromkeys(found))

    def value(self, record: dict) -> float | None:
        """The number in a record of that run, None where it is not defined."""
        return measured(record, self.metric)


@dataclass(frozen=True)
class Table:
    """A table of the paper, or one beside it: a query for each cell (row, column) that we can fill."""

    name: str
    title: str
    queries: Mapping[tuple[str, str], Query]

    @property
    def subjects(self) -> tuple[str, ...]:
        """What is compared: methods, or depths."""
        return tuple(dict.fromkeys(query.subject for query in self.queries.values()))

    @property
    def cases(self) -> tuple[str, ...]:
        """On what the subjects are compared."""
        return tuple(dict.fromkeys(query.case for query in self.queries.values() if query.case))


def specifications(name: str, profile_name: str, seeds: Iterable[int] | None = None) -> list[Spec]:
    """All runs of a table at a profile, cheap methods first; paths are evaluated with both kinds of statistics.

    Besides the tables there are "precision", a pair of runs that differ in their arithmetic alone, and
    "open_choices", the runs that measure what the paper leaves open.

    Raises:
        ValueError: an unknown table or profile.

    Example:
        >>> len(specifications("table_01b", "reader"))
        30
    """
    size = profile(profile_name)
    seeds = tuple(size.seeds if seeds is None else seeds)
    if name == "precision":
        return precision_pair(size)
    if name == "open_choices":
        return alternatives(size, seeds)
    queries = sorted(table(name).queries.values(), key=lambda query: METHODS[query.method].decodes)
    return list(dict.fromkeys(spec for query in queries for spec in query.specifications(size, seeds)))


def precision_pair(size: Profile) -> list[Spec]:
    """The same ReDecNN on MNIST, seed 0, in bfloat16 and in float32: does the faster arithmetic cost anything?"""
    fast = specification("ReDecNN", "mnist", size, seed=0)
    return [fast, dataclasses.replace(fast, training=dataclasses.replace(fast.training, precision="float32"))]


def table(name: str) -> Table:
    """The table of that name, or ValueError with the known ones and the nearest."""
    return named(name, TABLES, "table")


def _by_method(rows: Iterable[str], metric: str) -> dict[tuple[str, str], Query]:
    return {
        (row, column): Query(row, dataset, metric, row, column) for row in rows for column, dataset in DATASETS.items()
    }


def _shifts(
    subjects: Mapping[str, tuple[str, str]], whole: bool = False, compared: bool = True
) -> dict[tuple[str, str], Query]:
    """Rows are kinds of outliers, columns "data set: subject"; a subject is a (method, score) pair.

    `whole` adds each corruption to their mean, `compared` says whether subjects are compared on each.
    """
    rows: dict[str, tuple[str, str]] = {"Adversarial (FGSM)": ("shifts", f"sets/fgsm-{EPS}/scores/{{}}/auroc")}
    for title, dataset in (("MNIST", "mnist"), ("FashionMNIST", "fashion_mnist"), ("CelebA", "celeba-10k")):
        rows[f"OOD ({title})"] = (dataset, f"sets/{dataset}/scores/{{}}/auroc")
    if whole:
        titles = {name: name.replace("_", " ").title() for name in CORRUPTIONS}
        rows |= {f"Corrupt ({t})": ("shifts", f"sets/{name}/scores/{{}}/auroc") for name, t in titles.items()}
    uncompared = {"Corrupt (Stdev)", *(set() if compared else {row for row in rows if row.startswith("Corrupt")})}
    rows["Corrupt (Mean)"] = ("shifts", "corruptions/{}/mean")
    rows["Corrupt (Stdev)"] = ("shifts", "corruptions/{}/sd")
    return {
        (row, f"{column}: {subject}"): Query(
            method,
            dataset,
            metric.format(score),
            subject,
            "" if row in uncompared else f"{column}, {row}",
            {"outliers": outliers},
        )
        for row, (outliers, metric) in rows.items()
        for column, dataset in (("MNIST", "mnist"), ("FashionMNIST", "fashion_mnist"))
        for subject, (method, score) in subjects.items()
        if outliers != dataset
    }


def _by_depth() -> dict[tuple[str, str], Query]:
    columns = {
        "Acc.": ("accuracy", {}),
        "OOD (Fashion)": ("sets/fashion_mnist/scores/vote_entropy/auroc", {"outliers": "fashion_mnist"}),
        "OOD (CelebA)": ("sets/celeba-10k/scores/vote_entropy/auroc", {"outliers": "celeba-10k"}),
    }
    return {
        (str(depth), column): Query("ReDecNN", "mnist", metric, str(depth), column, {"depth": depth, **settings})
        for depth in (2, 4, 6, 8)
        for column, (metric, settings) in columns.items()
    }


def _convolutional() -> dict[tuple[str, str], Query]:
    voted = {
        "Misclass.": ("misclassification_auroc", {}),
        "OOD (MNIST)": ("sets/mnist/scores/vote_entropy/auroc", {"outliers": "mnist"}),
        "OOD (CelebA)": ("sets/celeba-10k/scores/vote_entropy/auroc", {"outliers": "celeba-10k"}),
        "Corruption (Mean)": ("corruptions/vote_entropy/mean", {"outliers": "shifts"}),
    }
    every = {"Acc.": ("accuracy", {}), "Calibration (ECE)": ("ece", {})}
    return {
        (row, column): Query(row, "fashion_mnist", metric, row, column, {"classifier": "convnet", **settings})
        for row in ("Standard", "DecNN", "ReDecNN", "MC-Dropout")
        for column, (metric, settings) in (every | (voted if METHODS[row].sampled else {})).items()
    }


def _beyond() -> dict[tuple[str, str], Query]:
    """Rows are methods, columns "network: number"; votes are asked for where a method has some."""
    voted = {
        "Misclass.": ("misclassification_auroc", {}),
        "OOD (MNIST)": ("sets/mnist/scores/vote_entropy/auroc", {"outliers": "mnist"}),
        "OOD (CelebA)": ("sets/celeba-10k/scores/vote_entropy/auroc", {"outliers": "celeba-10k"}),
    }
    every = {"Acc.": ("accuracy", {}), "ECE": ("ece", {})}
    return {
        (row, f"{title}: {column}"): Query(
            row, "fashion_mnist", metric, row, f"{title}, {column}", {"classifier": classifier, **settings}
        )
        for title, classifier in BEYOND.items()
        for column, (metric, settings) in (every | voted).items()
        for row in ("Standard", "DecNN", "ReDecNN")
        if column in every or METHODS[row].sampled
    }


VOTES = "vote_entropy"
COMPARED = {"ReDecNN": ("ReDecNN", VOTES), "MC": ("MC-Dropout", VOTES), "Ensemble": ("Ensemble", VOTES)}
BESIDE = {"ReDecNN": ("ReDecNN", VOTES), "BayesNN": ("BayesNN", VOTES)} | {
    title: ("Standard", score) for title, score in DETECTORS.items()
}
CALIBRATED = tuple(name for name in METHODS if name != "DecNN")
TABLES = {
    t.name: t
    for t in (
        Table("table_01a", "Table 1a: test accuracy (%)", _by_method(METHODS, "accuracy")),
        Table("table_01b", "Table 1b: AUROC of misclassification", _by_method(SAMPLED, "misclassification_auroc")),
        Table("table_02", "Table 2: AUROC of outliers against inliers", _shifts(COMPARED)),
        Table("table_04a", "Table 4a: expected calibration error (%)", _by_method(CALIBRATED, "ece")),
        Table("table_04b", "Table 4b: depth of the recursion", _by_depth()),
        Table("table_11", "Table 11: AUROC of outliers, corruption by corruption", _shifts(COMPARED, whole=True)),
        Table("table_12", "Table 12: a convolutional network on Fashion-MNIST", _convolutional()),
        Table("detectors", "Not in the paper: detectors without decoding", _shifts(BESIDE, whole=True, compared=False)),
        Table("beyond", "Not in the paper: other people's networks on Fashion-MNIST", _beyond()),
    )
}

"""Cells of the tables as questions: which run stands behind each, and which of its numbers is shown."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from decnn.data import CORRUPTIONS
from decnn.study.runs.jobs import pretrained
from decnn.study.runs.records import measured
from decnn.study.specifications import METHODS, Profile, Spec, specification

__all__ = [
    "DATASETS",
    "EPS",
    "SAMPLED",
    "Queries",
    "Query",
    "beyond",
    "by_depth",
    "by_method",
    "convolutional",
    "shifts",
]

DATASETS = {"MNIST": "mnist", "Fashion": "fashion_mnist", "CelebA": "celeba-10k"}  # as Tables 1 and 4 print them
SHIFTED = {"MNIST": "mnist", "FashionMNIST": "fashion_mnist", "CelebA": "celeba-10k"}  # as Tables 2 and 11 do
SAMPLED = ("ReDecNN", "MC-Dropout", "BayesNN", "Ensemble")
BEYOND = {"MLP": "mlp", "ResNet-18": "resnet18", "Vision transformer": "vit"}
EPS = 0.1  # of FGSM: the paper gives none
UNITS = {  # of each kind of number: its unit, and the digits that are shown
    **dict.fromkeys(("accuracy", "ece"), ("%", 2)),
    "ap": ("%", 1),
    "f1": ("F1", 3),
    **dict.fromkeys(("auroc", "misclassification_auroc", "mean", "sd"), ("AUROC", 3)),  # over corruptions
}


@dataclass(frozen=True)
class Query:
    """What a cell asks: a run, and where its number stands in the record's metrics.

    Attributes:
        method, dataset: the run; `settings` are further arguments of `specification`.
        metric: path in the metrics, its parts joined by "/".
        subject: what is compared with other subjects, on the same `case`; a cell without a case is not compared.
        smoke: whether smoke runs fill it; they leave out what runs the same code as another cell.
        of_pretrained: whether it asks the pretrained model that the run is composed with, which is a run of its own.
    """

    method: str
    dataset: str
    metric: str
    subject: str
    case: str
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict, hash=False)
    smoke: bool = True
    of_pretrained: bool = False

    @property
    def unit(self) -> str:
        """Of the number: %, F1 or AUROC."""
        return self._shown[0]

    @property
    def digits(self) -> int:
        """Decimal places that are shown."""
        return self._shown[1]

    @property
    def kind(self) -> str:
        """What the number is, of whatever images: accuracy, ece, auroc, ..."""
        return self.metric.removesuffix("/value").rpartition("/")[2]

    @property
    def _shown(self) -> tuple[str, int]:
        return UNITS[self.kind]

    def specification(self, size: Profile, seed: int, own_statistics: bool = False) -> Spec:
        """The run of one seed; `own_statistics` says nothing where no path is walked."""
        run = specification(self.method, self.dataset, size, seed, own_statistics=own_statistics, **self.settings)
        return pretrained(run.training) if self.of_pretrained else run

    def specifications(self, size: Profile, seeds: Iterable[int] | None = None) -> list[Spec]:
        """The runs of all seeds, by default the profile's, with both kinds of statistics if they walk paths for votes.

        Groups and probes are of the first pass, so a second kind would say the same.
        """
        if size.name == "smoke" and not self.smoke:
            return []
        seeds = size.seeds if seeds is None else seeds
        kinds = (False,) if "groups" in self.settings else (False, True)
        found = [self.specification(size, seed, own) for seed in seeds for own in kinds]
        return list(dict.fromkeys(found))

    def by(self, score: str) -> Query:
        """The same number with another score of the same samples in place of the votes' entropy."""
        return dataclasses.replace(self, metric=self.metric.replace("vote_entropy", score))

    def value(self, record: dict) -> float | None:
        """The number in a record of that run, None where it is not defined.

        The printed sd over corruptions divides by their number; a record's divides by one less.
        """
        found = measured(record, self.metric)
        return found if self.kind != "sd" or found is None else found * math.sqrt(1 - 1 / len(CORRUPTIONS))


Queries = dict[tuple[str, str], Query]


def by_method(rows: Iterable[str], metric: str) -> Queries:
    """Rows are methods, columns data sets."""
    return {
        (row, column): Query(row, dataset, metric, row, column) for row in rows for column, dataset in DATASETS.items()
    }


def shifts(
    subjects: Mapping[str, tuple[str, str]],
    datasets: Mapping[str, str] = SHIFTED,
    whole: bool = False,
    compared: bool = True,
) -> Queries:
    """Rows are kinds of outliers, columns "data set: subject"; a subject is a (method, score) pair.

    `whole` adds each corruption to their mean, `compared` says whether subjects are compared on each.
    """
    rows: dict[str, tuple[str, str]] = {"Adversarial (FGSM)": ("shifts", f"sets/fgsm-{EPS}/scores/{{}}/auroc")}
    for title, dataset in SHIFTED.items():
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
        for column, dataset in datasets.items()
        for subject, (method, score) in subjects.items()
        if outliers != dataset
    }


def by_depth() -> Queries:
    """Table 4b: rows are depths."""
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


def convolutional() -> Queries:
    """Table 12: rows are methods; votes are asked for where a method has some."""
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


def beyond() -> Queries:
    """Rows are "network, method", columns numbers; votes are asked for where a method has some."""
    voted = {
        "Misclass.": ("misclassification_auroc", {}),
        "OOD (MNIST)": ("sets/mnist/scores/vote_entropy/auroc", {"outliers": "mnist"}),
        "OOD (CelebA)": ("sets/celeba-10k/scores/vote_entropy/auroc", {"outliers": "celeba-10k"}),
    }
    every = {"Acc.": ("accuracy", {}), "ECE": ("ece", {})}
    return {
        (f"{title}, {method}", column): Query(
            method, "fashion_mnist", metric, method, f"{title}, {column}", {"classifier": classifier, **settings}
        )
        for title, classifier in BEYOND.items()
        for method in ("Standard", "DecNN", "ReDecNN")
        for column, (metric, settings) in (every | (voted if METHODS[method].sampled else {})).items()
    }

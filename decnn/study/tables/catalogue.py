"""The paper's tables, and those beside them, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from decnn.spelling import one_of
from decnn.study.specifications import METHODS, Profile, Spec, profile, specification
from decnn.study.specifications.open_choices import alternatives
from decnn.study.tables.compositions import composed, confounded, held_out, made_direct, probed, protected, rivals
from decnn.study.tables.queries import SAMPLED, Query, beyond, by_depth, by_method, convolutional, shifts
from decnn.study.tables.spoken import recipes, spoken

__all__ = ["DETECTORS", "TABLES", "Table", "precision_pair", "specifications", "table"]

DETECTORS = {"Softmax": "msp", "Energy": "energy", "Mahalanobis": "mahalanobis", "ODIN": "odin"}


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
        45
    """
    size = profile(profile_name)
    if name == "precision":
        return [spec.with_seed(seed) for seed in seeds or (0,) for spec in precision_pair(size)]
    seeds = tuple(size.seeds if seeds is None else seeds)
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
    if name == "table_10":
        raise ValueError(
            "expected a table of runs, got 'table_10', which is measured: decnn bench --cost reader --save"
        )
    return TABLES[one_of(name, TABLES, "table")]


VOTES = "vote_entropy"
COMPARED = {"ReDecNN": ("ReDecNN", VOTES), "MC": ("MC-Dropout", VOTES), "Ensemble": ("Ensemble", VOTES)}
BESIDE = {"ReDecNN": ("ReDecNN", VOTES), "BayesNN": ("BayesNN", VOTES)} | {
    title: ("Standard", score) for title, score in DETECTORS.items()
}
GREY = {"MNIST": "mnist", "FashionMNIST": "fashion_mnist"}  # the detectors ask for classes
CALIBRATED = tuple(name for name in METHODS if name != "DecNN")
TABLES = {
    t.name: t
    for t in (
        Table("table_01a", "Table 1a: test accuracy (%)", by_method(METHODS, "accuracy")),
        Table("table_01b", "Table 1b: AUROC of misclassification", by_method(SAMPLED, "misclassification_auroc")),
        Table("table_02", "Table 2: AUROC of outliers against inliers", shifts(COMPARED)),
        Table("table_03", "Table 3: AUROC of faces with an attribute that training left out", held_out()),
        Table("table_04a", "Table 4a: expected calibration error (%)", by_method(CALIBRATED, "ece")),
        Table("table_04b", "Table 4b: depth of the recursion", by_depth()),
        Table("table_05", "Table 5: composition with a pretrained model", composed()),
        Table("rivals", "Not in the paper: Table 5's linear model beside MC-Dropout (AUROC)", rivals()),
        Table("table_06", "Table 6: composition or direct regularisation, with a linear model on MNIST", made_direct()),
        Table("table_07", "Table 7: beards told with baldness protected", protected()),
        Table("table_08", "Table 8: baldness told from the last hidden layer", probed()),
        Table("table_09a", "Table 9a: AudioMNIST, outliers from Fluent", spoken("audiomnist", "fluent")),
        Table(
            "table_09b", "Table 9b: Fluent Speech Commands, outliers from AudioMNIST", spoken("fluent", "audiomnist")
        ),
        Table("table_11", "Table 11: AUROC of outliers, corruption by corruption", shifts(COMPARED, whole=True)),
        Table("table_12", "Table 12: a convolutional network on Fashion-MNIST", convolutional()),
        Table(
            "detectors",
            "Not in the paper: detectors without decoding",
            shifts(BESIDE, GREY, whole=True, compared=False),
        ),
        Table(
            "speech_fsdd",
            "Not in the paper: Free Spoken Digits, outliers from Speech Commands",
            spoken("fsdd", "speech_commands"),
        ),
        Table(
            "speech_commands",
            "Not in the paper: Speech Commands, outliers from Free Spoken Digits",
            spoken("speech_commands", "fsdd"),
        ),
        Table("recipes", "Not in the paper: test accuracy (%) by the recipe of the spectrograms", recipes()),
        Table("confounding", "Not in the paper: synthetic faces, moustaches told beside baldness", confounded()),
        Table("beyond", "Not in the paper: other people's networks on Fashion-MNIST", beyond()),
    )
}

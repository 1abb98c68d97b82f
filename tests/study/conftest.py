"""Hand-made records and blocks, for tests of pages and charts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from decnn.study import specifications, tables
from decnn.study.tables import paper
from decnn.study.tables.paper import Block, Cell


def _record(seed: int, value: float) -> dict:
    scores = {"auroc": value, "aupr_out": value, "aupr_in": value, "fpr95": 1 - value, "constant": False}
    every = {f"{s} / {w}": value + 0.1 for s in ("vote_entropy", "mean_entropy") for w in ("first_pass", "mean_probs")}
    return {
        "key": f"{seed}",
        "specification": {"training": {"dataset": "mnist"}},
        "data": {"name": "mnist", "train": {"examples": 60_000}},
        "metrics": {
            "inliers": 500,
            "sets": {
                name: {"outliers": 400, "scores": {"vote_entropy": scores, "mean_entropy": {**scores, "auroc": 0.5}}}
                for name in ("fashion_mnist", *(f"fgsm-{eps:g}" for eps in (0.05, 0.1, 0.2)))
            },
            "readings": {"misclassification_auroc": every},
            "ece_by_bins": {"10": 1.0, "15": 2.0, "20": 3.0},
            "reliability": {"count": [2, 0, 2], "confidence": [0.2, 0.0, 0.9], "accuracy": [0.5, 0.0, 0.5]},
            "by_depth": [{"misclassification_auroc": value, "accuracy_of_one_path": 90.0}] * 3,
        },
    }


def _block(name: str, *columns: str, profile: str = "reader") -> Block:
    table, records = tables.table(name), (_record(0, 0.6), _record(1, 0.8))
    cells = [
        Cell(
            p,
            table.queries.get((p.row, p.column)),
            (0.6, 0.8) * (p.column in columns),
            records * (p.column in columns),
            "",
        )
        for p in paper.printed(name)
    ]
    return Block(table, specifications.profile(profile), tuple(cells))


@pytest.fixture
def record() -> Callable[..., dict]:
    """A record of a seed, whose scores are a value."""
    return _record


@pytest.fixture
def block() -> Callable[..., Block]:
    """A table's block whose cells of some columns have two records, of value 0.6 and 0.8."""
    return _block

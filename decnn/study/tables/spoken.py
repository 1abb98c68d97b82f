"""Questions about speech: Table 9 on the paper's corpora, the same on those at hand, and the two recipes compared."""

from __future__ import annotations

from decnn.study.specifications import METHODS
from decnn.study.tables.queries import Queries, Query

__all__ = ["recipes", "spoken"]

ROWS = tuple(name for name in METHODS if name != "Dropout")  # as Table 9 prints them
AT_HAND = {"FSDD": "fsdd", "Speech Commands": "speech_commands"}
RECIPES = {"viewmaker": "viewmaker", "filled": None}  # None: the default of both sets, so that runs are shared


def spoken(dataset: str, other: str) -> Queries:
    """Table 9: rows are methods; outliers are the other speech set and, which the paper has not, white noise.

    Votes are asked for where a method has some.
    """
    voted = {
        "Misclass.": ("misclassification_auroc", {}),
        "OOD": (f"sets/{other}/scores/vote_entropy/auroc", {"outliers": other}),
        "OOD (noise)": ("sets/white-noise/scores/vote_entropy/auroc", {"outliers": "white-noise"}),
    }
    columns = {"Acc": ("accuracy", {}), **voted, "ECE": ("ece", {})}
    return {
        (row, column): Query(row, dataset, metric, row, column, settings)
        for column, (metric, settings) in columns.items()
        for row in ROWS
        if column not in voted or METHODS[row].sampled
    }


def recipes() -> Queries:
    """Rows are methods, columns "data set: recipe"."""
    return {
        (row, f"{title}: {recipe}"): Query(row, dataset, "accuracy", recipe, f"{title}, {row}", {"recipe": setting})
        for row in ROWS
        for title, dataset in AT_HAND.items()
        for recipe, setting in RECIPES.items()
    }

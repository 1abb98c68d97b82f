"""Questions about models composed with models: Tables 3 and 5 to 8, and the controlled test that the paper lacks."""

from __future__ import annotations

import dataclasses

from decnn.study.specifications import TOY_FACES
from decnn.study.tables.queries import EPS, SAMPLED, Queries, Query

__all__ = [
    "CONFOUNDING",
    "FAIR",
    "GROUPS",
    "NUMBERS",
    "composed",
    "confounded",
    "held_out",
    "made_direct",
    "probed",
    "protected",
    "rivals",
]

HELD_OUT = {"Wearing a Hat": "Wearing_Hat", "Blond Hair": "Blond_Hair", "Bald": "Bald"}
PRETRAINED = {"None": None, "Linear": "linear", "ResNet": "resnet18"}
TITLES = {"MNIST": "mnist", "CelebA": "celeba-10k"}
SMOKE = (("MNIST", "linear"), ("CelebA", "resnet18"))  # each model and each data set once
VOTES = "scores/vote_entropy/auroc"
ITSELF = "Accuracy of the pretrained model itself"
NUMBERS = {  # row of Tables 5 and 6 -> metric, and the outliers that it asks for
    "Accuracy": ("accuracy", None),
    "Misclassification": ("misclassification_auroc", None),
    "Adversarial": (f"sets/fgsm-{EPS}/{VOTES}", "shifts"),
    "OOD (MNIST)": (f"sets/mnist/{VOTES}", "mnist"),
    "OOD (Fashion)": (f"sets/fashion_mnist/{VOTES}", "fashion_mnist"),
    "OOD (CelebA)": (f"sets/celeba-10k/{VOTES}", "celeba-10k"),
    "Corruption (Mean)": ("corruptions/vote_entropy/mean", "shifts"),
    "Calibration (ECE)": ("ece", None),
}
FAIR = {"attribute": "Beard", "groups": "Bald"}
INDIFFERENT = {"objective": "indifferent", "pretrained": "resnet18"}
TRAINED = {  # row of Table 8 -> method and further settings
    "Standard": ("Standard", {}),
    "ReDecNN (Eq. 5)": ("ReDecNN", {}),
    "ReDecNN (Eq. 8)": ("ReDecNN", INDIFFERENT),
}
GROUPS = {"Bald": "with", "Not Bald": "without"}
FAIRNESS = {  # column of Table 7 -> metric
    f"{title} ({group})": f"groups/{side}/{metric}/value"
    for title, metric in (("F1", "f1"), ("AP", "ap"), ("ECE", "ece"))
    for group, side in GROUPS.items()
} | {"Accuracy": "accuracy"}
CONFOUNDING = (0.0, 0.25, 0.5, 0.75, 1.0)
TOLD = {"Accuracy": "accuracy", "Probe, AUROC": "probe/auroc/value", "Probe, F1": "probe/f1/value"}


def held_out() -> Queries:
    """Table 3: rows are methods, columns the attribute that training left out."""
    return {
        ("ReDecDNN" if method == "ReDecNN" else method, column): Query(  # as printed
            method, "celeba-10k", f"sets/held out/{VOTES}", method, column,
            {"held_out": attribute, "outliers": "held out"}, smoke=attribute == "Wearing_Hat",
        )
        for method in SAMPLED
        for column, attribute in HELD_OUT.items()
    }  # fmt: skip


def composed() -> Queries:
    """Table 5: rows are numbers, columns "data set: pretrained model"; the last row is not in the paper."""
    found = {
        (row, f"{title}: {subject}"): Query(
            "ReDecNN", dataset, metric, subject, f"{title}, {row}", {"pretrained": pretrained, "outliers": outliers},
            smoke=pretrained is None or (outliers != "shifts" and (title, pretrained) in SMOKE),
        )
        for row, (metric, outliers) in NUMBERS.items()
        for title, dataset in TITLES.items()
        for subject, pretrained in PRETRAINED.items()
        if outliers != dataset
    }  # fmt: skip
    return found | {
        (ITSELF, column): dataclasses.replace(query, case="", of_pretrained=True)
        for (row, column), query in found.items()
        if row == "Accuracy" and query.settings["pretrained"]
    }


def rivals() -> Queries:
    """Composition with a linear model beside MC-Dropout, on every kind of outliers of Tables 2 and 5."""
    linear = {key: query for key, query in composed().items() if query.subject == "Linear" and query.case}
    outside = {key: query for key, query in linear.items() if query.settings["outliers"]}
    return outside | {
        (row, column.replace("Linear", "MC-Dropout")): dataclasses.replace(
            query, method="MC-Dropout", subject="MC-Dropout", settings={"outliers": query.settings["outliers"]},
            smoke=True,
        )
        for (row, column), query in outside.items()
    }  # fmt: skip


def made_direct() -> Queries:
    """Table 6: rows are numbers, columns the two ways to agree with a linear model."""
    ways = {"Direct Reg.": "direct", "Eq. 7": "composed"}
    return {
        ("Misclass." if row == "Misclassification" else row, column): Query(  # as printed
            "ReDecNN", "mnist", metric, column, row,
            {"pretrained": "linear", "objective": objective, "outliers": outliers}, smoke=outliers != "shifts",
        )
        for row, (metric, outliers) in NUMBERS.items()
        for column, objective in ways.items()
        if outliers != "mnist"
    }  # fmt: skip


def protected() -> Queries:
    """Table 7: rows are models, columns "number (group)"; accuracy, and the pretrained model, are not in the paper."""
    found = {
        (row.replace("Eq. 5", "Eq. 4"), column): Query(  # as printed, see the errata
            method, "celeba-10k", metric, row, column, FAIR | settings
        )
        for row, (method, settings) in TRAINED.items()
        for column, metric in FAIRNESS.items()
    }
    asked = dataclasses.replace(found["ReDecNN (Eq. 8)", "Accuracy"], case="", of_pretrained=True)
    return found | {("The pretrained model, of baldness", "Accuracy"): asked}


def probed() -> Queries:
    """Table 8: rows are models; AUROC is not in the paper."""
    return {
        (row, column): Query(method, "celeba-10k", f"probe/{column.lower()}/value", row, column, FAIR | settings)
        for row, (method, settings) in TRAINED.items()
        for column in ("F1", "AUROC")
    }


def confounded() -> Queries:
    """Rows are "strength of the tie between moustache and baldness in training, model", columns numbers."""
    shared = {"attribute": "Mustache", "groups": "Bald", "depth": 2}
    return {
        (f"{tie:g}, {subject}", title): Query(
            method, TOY_FACES, metric, subject, f"tie {tie:g}, {title}", {**shared, **settings, "confounding": tie},
            smoke=tie in (CONFOUNDING[0], CONFOUNDING[-1]),
        )
        for tie in CONFOUNDING
        for subject, (method, settings) in TRAINED.items()
        for title, metric in TOLD.items()
    }  # fmt: skip

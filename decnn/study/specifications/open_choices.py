"""What the paper leaves open, as runs: one setting is changed at a time, on MNIST, beside the default of the book."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from decnn.study.specifications import METHODS, Profile, Spec, specification

__all__ = [
    "INITIALISED",
    "INITS",
    "KL_WEIGHTS",
    "OUTLIERS",
    "RHOS",
    "VOTING",
    "alternatives",
    "initialised",
    "sampled",
    "spread",
]

DATASET = "mnist"
OUTLIERS = "fashion_mnist"
SAMPLES = 100
RHOS = (-7.0, -5.0, -4.0, -3.0, -2.0)  # standard deviations 0.0009, 0.0067, 0.018, 0.049, 0.13
KL_WEIGHTS = ("examples", "batches")
INITS = ("default", "he")
# Methods, and whether each path has its own statistics: of other initial weights, and of more votes than in the paper.
INITIALISED = (("Standard", False), ("MC-Dropout", False), ("Ensemble", False), ("ReDecNN", True), ("ReDecNN", False))
VOTING = (("MC-Dropout", False), ("BayesNN", False), ("Ensemble", False), ("ReDecNN", True), ("ReDecNN", False))


def alternatives(size: Profile, seeds: Iterable[int]) -> list[Spec]:
    """All runs behind the chapter on open choices, cheap ones first; the number of votes with the first seed alone."""
    seeds, first = tuple(seeds), size.seeds[0]
    found = [
        spread(size, seed, rho, kl_weight, outliers)
        for rho in RHOS
        for kl_weight in KL_WEIGHTS
        for seed in seeds
        for outliers in (None, OUTLIERS)
    ]
    found += [
        initialised(size, seed, method, own, init, outliers)
        for method, own in INITIALISED
        for init in INITS
        for seed in seeds
        for outliers in (None, OUTLIERS)
    ]
    if first in seeds:
        found += [
            sampled(size, first, method, own, outliers) for method, own in VOTING for outliers in (None, OUTLIERS)
        ]
    return list(dict.fromkeys(found))


def spread(size: Profile, seed: int, rho: float, kl_weight: str, outliers: str | None) -> Spec:
    """BayesNN with another initial standard deviation softplus(rho), or another weight of its KL divergence."""
    return _retrained(
        specification("BayesNN", DATASET, size, seed, outliers=outliers),
        rho=None if rho == RHOS[0] else rho,
        kl_weight=None if kl_weight == KL_WEIGHTS[0] else kl_weight,
    )


def initialised(size: Profile, seed: int, method: str, own_statistics: bool, init: str, outliers: str | None) -> Spec:
    """A method with PyTorch's initial weights or with He's."""
    spec = specification(method, DATASET, size, seed, own_statistics=own_statistics, outliers=outliers)
    return _retrained(spec, init=init)


def sampled(size: Profile, seed: int, method: str, own_statistics: bool, outliers: str | None) -> Spec:
    """A hundred sampled classifiers, or members, of which the record takes fewer: how many are enough?"""
    assert METHODS[method].sampled
    spec = specification(method, DATASET, size, seed, own_statistics=own_statistics, outliers=outliers)
    if METHODS[method].members > 1:
        spec = _retrained(spec, members=SAMPLES)
    asked = dataclasses.replace(spec.evaluation, samples=SAMPLES, vote_size=size.outlier_size)
    return dataclasses.replace(spec, evaluation=asked)


def _retrained(spec: Spec, **settings: object) -> Spec:
    return dataclasses.replace(spec, training=dataclasses.replace(spec.training, **settings))

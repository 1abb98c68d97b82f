"""How far a measure would move with other images: percentile intervals, all resamples computed at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from decnn.training import derived_seed

__all__ = ["interval", "resampled"]

RESAMPLES = 1000
TOGETHER = 100  # resamples in memory at a time
BINS = 15

Weighted = Callable[[Tensor, Tensor, Tensor], Tensor]  # counts (R, B), logits (B,), truth (B,) -> (R,)


def resampled(truth: Tensor) -> Tensor:
    """How often each image is drawn, (R, B), when B images are drawn with replacement; R is 1,000.

    Samples with one answer only are drawn again, unless there is no other: F1, AP and AUROC have no value on them.
    The draws depend on B alone, so that models are compared on the same ones.

    Source: Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13.

    Example:
        >>> counts = resampled(torch.tensor([True, False, False]))
        >>> tuple(counts.shape), counts.sum(1).unique().tolist(), int(counts[:, 0].min())
        ((1000, 3), [3], 1)
    """
    generator = torch.Generator().manual_seed(derived_seed("bootstrap", len(truth)))
    several, samples = bool(truth.any() and not truth.all()), []
    while len(samples) < RESAMPLES:
        chosen = torch.randint(len(truth), (len(truth),), generator=generator)
        drawn = truth[chosen]
        if not several or (drawn.any() and not drawn.all()):
            samples.append(chosen.bincount(minlength=len(truth)).to(torch.int16))
    return torch.stack(samples)


def interval(name: str, counts: Tensor, logits: Tensor, truth: Tensor) -> list[float]:
    """From the 2.5th to the 97.5th percentile of a measure over resamples.

    Arguments:
        name: f1; ap or ece, in percent; auroc.
        counts: (R, B) of `resampled`.
        logits: (B,), above 0 for yes.
        truth: (B,) booleans.

    Example:
        >>> truth = torch.arange(40) < 20
        >>> interval("auroc", resampled(truth), -torch.arange(40.0), truth)
        [1.0, 1.0]
    """
    measure, logits = WEIGHTED[name], logits.double()
    values = torch.cat([measure(part.double(), logits, truth.double()) for part in counts.split(TOGETHER)])
    return np.percentile(values.numpy(), [2.5, 97.5]).tolist()


def _f1(counts: Tensor, logits: Tensor, truth: Tensor) -> Tensor:
    said = (logits > 0).double()
    return 2 * (counts @ (said * truth)) / (counts @ (said + truth))


def _ap(counts: Tensor, logits: Tensor, truth: Tensor) -> Tensor:
    hits, misses = _found(counts, logits, truth)
    precision = hits / (hits + misses).clamp_min(1)
    return 100 * (precision * hits.diff(dim=1, prepend=torch.zeros_like(hits[:, :1]))).sum(1) / hits[:, -1]


def _auroc(counts: Tensor, logits: Tensor, truth: Tensor) -> Tensor:
    hits, misses = (torch.nn.functional.pad(found, (1, 0)) for found in _found(counts, logits, truth))
    return torch.trapezoid(hits, misses) / (hits[:, -1] * misses[:, -1])


def _ece(counts: Tensor, logits: Tensor, truth: Tensor) -> Tensor:
    confidence = logits.abs().sigmoid()
    bins = torch.nn.functional.one_hot((confidence * BINS).long().clamp_max(BINS - 1), BINS)
    gaps = bins * (((logits > 0) == truth.bool()).double() - confidence)[:, None]
    return 100 * (counts @ gaps).abs().sum(1) / counts.sum(1)


def _found(counts: Tensor, logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Positives and negatives (R, T) at or above each of the T different logits, the highest first."""
    ordered, order = logits.sort(descending=True)
    last = torch.cat([ordered.diff() != 0, torch.ones(1, dtype=torch.bool)])  # of those that tie
    drawn = counts[:, order]
    return tuple((drawn * kind[order]).cumsum(1)[:, last] for kind in (truth, 1 - truth))


WEIGHTED: dict[str, Weighted] = {"f1": _f1, "ap": _ap, "auroc": _auroc, "ece": _ece}

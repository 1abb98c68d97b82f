"""One trained model to its metrics: every reading of the protocol that costs nothing extra is measured."""

from __future__ import annotations

import statistics

import torch
from torch import Tensor, nn

from decnn import metrics
from decnn.likelihood import as_classes
from decnn.study.evaluation.sampling import (
    FEWER,
    asking,
    batched,
    entropy,
    fewer_votes,
    first_pass,
    sampler,
    scores_of_votes,
)
from decnn.study.specifications import Spec

__all__ = ["evaluate", "subset"]

BINS = 15  # of a reliability diagram


def subset(count: int, size: int | None) -> Tensor:
    """Indices of a fixed random part: MNIST's first half is the easier one, so its head would flatter."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return order if size is None else order[:size]


def evaluate(
    spec: Spec, model: nn.Module, images: Tensor, labels: Tensor, device: str = "cpu", reference: Tensor | None = None
) -> dict:
    """Metrics of one run on test images (N, C, H, W) and labels (N,).

    `labels` may be attributes (N, A): every (image, attribute) pair is then an example of two classes.
    `reference` are the training images whose statistics normalise each path, if the specification asks for them.

    `accuracy`, `ece` (percent) and `misclassification_auroc` are the readings that the tables show;
    `readings` holds the alternatives. Undefined numbers are None, with the reason in `notes`.
    """
    model = model.to(device).eval()
    with asking(spec, device):
        if not spec.evaluation.samples:
            first = batched(model, images, device)
            return {**_deterministic(*_pairs(first, labels)), **_of_images(first, labels)}
        part = subset(len(images), spec.evaluation.vote_size)
        depths = sampler(spec, model, device, reference)(images[part])
        first = first_pass(spec, model, images, device)
    if labels.dim() == 1:
        return _voted(first, depths, labels, part)
    own = _of_images(first, labels) | _misclassified_images(first[part], depths, labels[part])
    pairs = [as_classes(logits).flatten(1, 2) for logits in depths]
    of_part = (part[:, None] * labels.shape[1] + torch.arange(labels.shape[1])).flatten()
    return {**_voted(as_classes(first).flatten(0, 1), pairs, labels.flatten(), of_part), **own}


def _pairs(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Attributes (N, A) as N A problems of two classes; classes as they are."""
    return (logits, labels) if labels.dim() == 1 else (as_classes(logits).flatten(0, 1), labels.flatten())


def _of_images(logits: Tensor, labels: Tensor) -> dict:
    """What of attributes is not a matter of pairs: the count of images, and each attribute by itself."""
    if labels.dim() == 1:
        return {}
    columns = list(zip(logits.T, labels.T, strict=True))
    right = (logits > 0) == labels.bool()
    return {
        "test_examples": len(labels),
        "attributes": labels.shape[1],
        "accuracy_by_attribute": [metrics.accuracy(z > 0, y.bool()) for z, y in columns],
        "accuracy_of_all_attributes_at_once": 100 * right.all(1).double().mean().item(),
        "ece_mean_of_attributes": statistics.fmean(metrics.ece(as_classes(z).softmax(-1), y) for z, y in columns),
    }


def _misclassified_images(first: Tensor, depths: list[Tensor], labels: Tensor) -> dict:
    """The other reading of mistakes: an image is wrong if any of its attributes is."""
    wrong = ((first > 0) != labels.bool()).any(1)
    scores = scores_of_votes(depths, attributes=True)
    aurocs = {name: _misclassification(values, wrong)[0] for name, values in scores.items()}
    return {"misclassification_auroc_of_images": aurocs, "voted_examples": len(labels)}


def _deterministic(logits: Tensor, labels: Tensor) -> dict:
    probs = logits.softmax(-1)
    return {
        "accuracy": metrics.accuracy(logits.argmax(-1), labels),
        **_calibration(probs, labels),
        "test_examples": len(labels),
    }


def _voted(first: Tensor, depths: list[Tensor], labels: Tensor, part: Tensor) -> dict:
    """Table metrics from the last depth's votes, and the other readings beside them."""
    voted_labels, last = labels[part], depths[-1]
    mean_probs = last.softmax(-1).mean(0)
    votes = last.argmax(-1)
    predictions = {
        "first_pass": first[part].argmax(-1),
        "mean_probs": mean_probs.argmax(-1),
        "votes": torch.nn.functional.one_hot(votes, last.shape[-1]).sum(0).argmax(-1),
    }
    scores = scores_of_votes(depths)
    wrong = {name: prediction != voted_labels for name, prediction in predictions.items()}
    notes: list[str] = []
    auroc, note = _misclassification(scores["vote_entropy"], wrong["first_pass"])
    notes += note
    return {
        "accuracy": metrics.accuracy(first.argmax(-1), labels),
        "misclassification_auroc": auroc,
        **_calibration(mean_probs, voted_labels),
        "test_examples": len(labels),
        "voted_examples": len(part),
        "voted_errors": int(wrong["first_pass"].sum()),
        "mean_vote_entropy": scores["vote_entropy"].mean().item(),
        "vote_entropy_counts": _counts(scores["vote_entropy"], wrong["first_pass"]),
        "readings": {
            "accuracy": {name: metrics.accuracy(p, voted_labels) for name, p in predictions.items()},
            "misclassification_auroc": {
                f"{score} / {prediction}": _misclassification(scores[score], wrong[prediction])[0]
                for score in scores
                for prediction in predictions
            },
            "ece_first_pass": metrics.ece(first[part].softmax(-1), voted_labels),
        },
        "by_depth": [
            {
                "depth": d,
                "accuracy_of_one_path": metrics.accuracy(logits.argmax(-1), voted_labels.expand(len(logits), -1)),
                "misclassification_auroc": _misclassification(entropy([logits]), wrong["first_pass"])[0],
            }
            for d, logits in enumerate(depths, start=1)
        ],
        **_by_samples(last, wrong["first_pass"]),
        "notes": notes,
    }


def _by_samples(logits: Tensor, wrong: Tensor) -> dict:
    """The course of the AUROC with the number of votes, where many were asked for."""
    if len(logits) < FEWER[-1]:
        return {}
    return {"by_samples": fewer_votes(logits, lambda scores: _misclassification(scores, wrong)[0])}


def _counts(scores: Tensor, wrong: Tensor) -> dict:
    """How many right and wrong predictions have each entropy: all that an AUROC or its bootstrap needs."""
    values, place = scores.mul(1e6).round().unique(return_inverse=True)
    count = {
        name: place[kind].bincount(minlength=len(values)).tolist()
        for name, kind in (("right", ~wrong), ("wrong", wrong))
    }
    return {"nats": (values / 1e6).tolist(), **count}


def _misclassification(scores: Tensor, wrong: Tensor) -> tuple[float | None, list[str]]:
    """AUROC with the wrong predictions as positives, or None and why it is not defined."""
    if wrong.all() or not wrong.any():
        return None, [f"misclassification AUROC not defined: {int(wrong.sum())} of {len(wrong)} examples are wrong"]
    same = f"scores are constant, {scores[0]:.3f} nats for every example: the AUROC of 0.5 says nothing"
    constant = [] if scores.max() > scores.min() else [same]
    return metrics.auroc(scores, wrong), constant


def _calibration(probs: Tensor, labels: Tensor) -> dict:
    return {
        "ece": metrics.ece(probs, labels),
        "ece_by_bins": {str(bins): metrics.ece(probs, labels, bins) for bins in (10, 15, 20)},
        "reliability": _reliability(probs, labels),
        "nll": torch.nn.functional.nll_loss(probs.clamp_min(1e-12).log(), labels).item(),
    }


def _reliability(probs: Tensor, labels: Tensor) -> dict:
    """Count, mean confidence and accuracy of each equal-width bin of confidence: a reliability diagram."""
    confidence, prediction = probs.double().max(1)
    bins = (confidence * BINS).long().clamp_max(BINS - 1)
    count = bins.bincount(minlength=BINS)
    share = [
        bins.bincount(v, minlength=BINS) / count.clamp_min(1) for v in (confidence, (prediction == labels).double())
    ]
    return {"count": count.tolist(), "confidence": share[0].tolist(), "accuracy": share[1].tolist()}

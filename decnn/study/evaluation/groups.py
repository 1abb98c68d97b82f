"""Two groups of test images, with and without an attribute: is a network fair to both, and does it know which is which?

Tables 7 and 8. The network tells one attribute (a beard), the groups are by another (baldness).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from decnn import metrics
from decnn.compose import DecNN
from decnn.likelihood import as_classes
from decnn.study.evaluation.bootstrap import interval, resampled
from decnn.study.evaluation.sampling import batched

__all__ = ["compare", "probe"]

Measure = Callable[[Tensor, Tensor], float]  # logits (B,) and truth (B,) -> a number

MEASURES: dict[str, Measure] = {
    "f1": lambda logits, truth: metrics.f1(logits > 0, truth),
    "ap": lambda logits, truth: 100 * metrics.aupr(logits, truth),
    "auroc": metrics.auroc,
    "ece": lambda logits, truth: metrics.ece(as_classes(logits).softmax(-1), truth.long()),
}


def compare(logits: Tensor, truth: Tensor, member: Tensor, attribute: str = "the attribute") -> dict:
    """F1, average precision (percent), AUROC and ECE (percent) in the group with an attribute and in the one without.

    Each with the 95 % interval of a bootstrap over images; None and a note where a group has only one answer.

    Arguments:
        logits: (B,) of the attribute that the network tells.
        truth: (B,) booleans, whether it is there.
        member: (B,) booleans, who belongs to the first group.
        attribute: what its members have, for the notes.

    Source: Wu et al. (2021), Table 7.
    """
    sides = {"with": member, "without": ~member}
    found = {name: _measured(logits[side], truth[side], ("f1", "ap", "ece")) for name, side in sides.items()}
    notes = [
        f"{name} {attribute}: F1 and AP not defined: {entry['positives']} of {entry['examples']} are positive"
        for name, entry in found.items()
        if entry["f1"]["value"] is None
    ]
    return {"groups": found, "notes": notes}


@torch.no_grad()
def probe(
    model: nn.Module, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], device: str = "cpu"
) -> dict[str, object]:
    """How well a linear head tells an attribute from the last hidden layer of a frozen network.

    None and a note where all training images, or none, have it.

    Arguments:
        model: a classifier, or a DecNN.
        train, test: images (N, C, H, W), and booleans (N,) that say who has the attribute.

    Source: Wu et al. (2021), Table 8; Alain and Bengio (2017).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = model.classifier if isinstance(model, DecNN) else model

    def features(images: Tensor) -> np.ndarray:
        return batched(lambda x: network.activations(x)[1][-1].flatten(1), images, device).double().numpy()

    (train_images, train_truth), (test_images, test_truth) = train, test
    if train_truth.all() or not train_truth.any():
        undefined = {"value": None, "interval": None}
        note = f"probe not defined: {int(train_truth.sum())} of {len(train_truth)} training images have the attribute"
        counts = {"positives": int(test_truth.sum()), "examples": len(test_truth)}
        return {"f1": undefined, "auroc": undefined, **counts, "notes": [note]}
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    head.fit(features(train_images), train_truth.numpy())
    logits = torch.from_numpy(head.decision_function(features(test_images)))
    return _measured(logits, test_truth, ("f1", "auroc"))


def _measured(logits: Tensor, truth: Tensor, names: tuple[str, ...]) -> dict:
    """Each measure with its interval, and the counts that it rests on."""
    positives, examples = int(truth.sum()), len(truth)
    counts = resampled(truth) if examples else None
    values = {}
    for name in names:
        defined = examples > 0 if name == "ece" else 0 < positives < examples
        values[name] = {"value": None, "interval": None}
        if defined:
            value = MEASURES[name](logits, truth)
            values[name] = {"value": value, "interval": interval(name, counts, logits, truth)}
    return {**values, "positives": positives, "examples": examples}

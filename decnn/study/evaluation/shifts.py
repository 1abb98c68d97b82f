"""Outliers of a test set: adversarial, corrupted, from another data set; and how well each score finds them."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from decnn import data
from decnn.attacks import fgsm
from decnn.baselines import Ensemble
from decnn.data import CORRUPTIONS, corrupt, with_channels
from decnn.detection import separation
from decnn.study.evaluation.protocol import subset
from decnn.study.evaluation.sampling import (
    FEWER,
    asking,
    batched,
    entropy,
    fewer_votes,
    sampler,
    scores_of_votes,
)
from decnn.study.specifications import Spec, tasks

__all__ = ["EPSILONS", "Scored", "evaluate_detection", "outlier_sets", "scorer"]

HELD_OUT = "held out"
EPSILONS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)


@dataclasses.dataclass(frozen=True)
class Scored:
    """Scores (B,) by name, higher = more likely an outlier, and the logits of sampled classifiers by depth."""

    scores: Mapping[str, Tensor]
    depths: tuple[Tensor, ...] = ()
    attributes: bool = False  # whether logits are of attributes


def evaluate_detection(
    inliers: Scored, sets: Iterator[tuple[str, Tensor]], ask: Callable[[str, Tensor], Scored]
) -> dict:
    """Metrics of one run that tells outliers, the positive class, from inliers.

    `sets` holds for each kind of outliers every score's AUROC, AUPR with outliers and with inliers as positives,
    and FPR at 95 % TPR; `by_depth` the AUROC of the votes at each depth of a path; `corruptions` mean and sample sd
    over the 14.

    Arguments:
        inliers: of the test set.
        sets: names and images of outliers.
        ask: a name and images to their scores.
    """
    count = len(next(iter(inliers.scores.values())))
    found: dict[str, dict] = {}
    for name, images in sets:
        outliers = ask(name, images)
        entry = {"outliers": len(images), "scores": {}}
        for score_name, values in inliers.scores.items():
            result = dataclasses.asdict(separation(values, outliers.scores[score_name]))
            entry["scores"][score_name] = {k: v for k, v in result.items() if k not in ("inliers", "outliers")}
        if len(inliers.depths) > 1:
            entry["by_depth"] = [
                separation(entropy([a], inliers.attributes), entropy([b], inliers.attributes)).auroc
                for a, b in zip(inliers.depths, outliers.depths, strict=True)
            ]
        if inliers.depths and len(inliers.depths[-1]) >= FEWER[-1]:
            both = torch.cat([inliers.depths[-1], outliers.depths[-1]], dim=1)
            entry["by_samples"] = fewer_votes(both, lambda s: separation(s[:count], s[count:]).auroc)
        found[name] = entry
    constant = [name for name, entry in found.items() if any(s["constant"] for s in entry["scores"].values())]
    return {
        "inliers": count,
        "sets": found,
        **_over_corruptions(found),
        "notes": [f"scores are constant on {', '.join(constant)}: an AUROC of 0.5 says nothing"] if constant else [],
    }


def _over_corruptions(found: Mapping[str, dict]) -> dict:
    """Mean and sample standard deviation over the 14 corruptions, for each score."""
    if not set(CORRUPTIONS) <= set(found):
        return {}
    values = {
        name: [found[c]["scores"][name]["auroc"] for c in CORRUPTIONS] for name in found[CORRUPTIONS[0]]["scores"]
    }
    return {
        "corruptions": {name: {"mean": statistics.fmean(v), "sd": statistics.stdev(v)} for name, v in values.items()}
    }


def outlier_sets(
    spec: Spec, model: nn.Module, images: Tensor, labels: Tensor, device: str
) -> Iterator[tuple[str, Tensor]]:
    """Names and images of the outliers that a specification asks for, one set at a time.

    "shifts" are FGSM of every strength against a single classifier, and the 14 corruptions, of the given test
    images; "held out" are the images with the attribute that training left out; any other name is a data set,
    whose test images get the channels of the inliers, and if they are recordings their recipe and scale.

    Raises:
        DataNotFound: that data set is not on this machine.
    """
    if spec.evaluation.outliers == HELD_OUT:
        others = tasks.held_out(spec.training).images
        yield HELD_OUT, others[subset(len(others), spec.evaluation.vote_size)]
        return
    if spec.evaluation.outliers != "shifts":
        others = tasks.others(spec.training, spec.evaluation.outliers).images
        part = subset(len(others), spec.evaluation.vote_size)
        yield spec.evaluation.outliers, with_channels(others[part], images.shape[1])
        return
    # "Crafted for a single classifier": of an ensemble, the first member; dropout off; a posterior's means.
    attacked = model.stack.members()[0] if isinstance(model, Ensemble) else model
    attacked = attacked.to(device)
    for eps in EPSILONS:
        pairs = zip(images.split(1000), labels.split(1000), strict=True)
        moved = [fgsm(attacked, x.to(device), y.to(device), eps).cpu() for x, y in pairs]
        yield f"fgsm-{eps:g}", torch.cat(moved)
    for name in CORRUPTIONS:
        yield name, corrupt(images, name)


def scorer(
    spec: Spec, model: nn.Module, device: str, reference: Tensor | None, train: data.Images
) -> Callable[[str, Tensor], Scored]:
    """How a method scores a set of images: by every reading of its votes, or by the detectors that need one network.

    What all sets share is done here, once. The noise of each set follows from its name.
    """
    model = model.to(device).eval()
    if not spec.evaluation.samples:
        detectors = _detectors(model, train, device)
        return lambda name, images: Scored(
            {key: batched(detector, images, device).double() for key, detector in detectors.items()}
        )
    with asking(spec, device):
        ask = sampler(spec, model, device, reference)

    def scored(name: str, images: Tensor) -> Scored:
        with asking(spec, device, name):
            depths = ask(images)
            return Scored(scores_of_votes(depths, train.multilabel), tuple(depths), train.multilabel)

    return scored


def _detectors(model: nn.Module, train: data.Images, device: str) -> dict[str, Callable[[Tensor], Tensor]]:
    """Post-hoc detectors of pytorch-ood with its defaults: one line each, on the network as it is."""
    from pytorch_ood.detector import ODIN, EnergyBased, Mahalanobis, MaxSoftmax

    mahalanobis = Mahalanobis(lambda x: model.activations(x)[1][-1].flatten(1))
    with torch.no_grad():
        features = batched(mahalanobis.encoder, train.pixels, device)
    mahalanobis.fit_features(features, train.labels)
    detectors = {
        "msp": MaxSoftmax(model),
        "energy": EnergyBased(model),
        "mahalanobis": mahalanobis,
        "odin": ODIN(model),
    }
    return {name: _without_gradient(detector) for name, detector in detectors.items()}


def _without_gradient(detector: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: detector(x).detach()

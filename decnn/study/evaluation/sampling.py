"""How a trained model of any method is asked: its first pass, and the classifiers that are sampled from it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from decnn.baselines import BayesNN, Ensemble, MCDropout
from decnn.compose import DecNN
from decnn.data import as_floats
from decnn.decoders import folded
from decnn.likelihood import as_classes
from decnn.paths import PathEnsemble, sample_paths
from decnn.precision import arithmetic
from decnn.study.specifications import Spec
from decnn.training import derived_seed
from decnn.uncertainty import vote_entropy

__all__ = [
    "CHUNK",
    "FEWER",
    "PART",
    "SUBSETS",
    "asking",
    "batched",
    "entropy",
    "fewer_votes",
    "first_pass",
    "label_entropy",
    "sampler",
    "scores_of_votes",
    "voting_paths",
]

CHUNK = 2048  # images that a GPU decodes at a time: 2 GB at the paper's width (decnn bench --memory paper)
PART = 1000  # test images that walk together on a GPU
SUBSETS = 20  # random choices of n among all sampled classifiers
FEWER = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 75, 100)


@contextmanager
def asking(spec: Spec, device: str, *names: object) -> Iterator[None]:
    """No gradients, the precision of the specification, and noise that follows from its seed and the names."""
    with torch.random.fork_rng(), torch.inference_mode(), arithmetic(spec.training.precision, device):
        torch.manual_seed(derived_seed("evaluation", *names, spec.training.seed))
        yield


def first_pass(spec: Spec, model: nn.Module, images: Tensor, device: str) -> Tensor:
    """Logits (B, K) whose argmax counts for accuracy: f(x); one pass with dropout on; the members' mean."""
    if spec.evaluation.method == "MC-Dropout":
        return batched(lambda x: MCDropout(model).sample_logits(x, 1)[0], images, device)
    return batched(model, images, device)


def sampler(
    spec: Spec, model: nn.Module, device: str, reference: Tensor | None = None
) -> Callable[[Tensor], list[Tensor]]:
    """How sampled classifiers are asked: images to logits (N, B, K); for paths, one such tensor for each depth 1..D.

    A reference walks here, once; what is asked later meets the statistics that it left.
    """
    samples = spec.evaluation.samples
    if not isinstance(model, DecNN):
        members = model if isinstance(model, BayesNN | Ensemble) else MCDropout(model)
        return lambda images: [members.sample_logits(images.to(device), samples).float().cpu()]
    decoder = model.decoder if reference is not None else folded(model.decoder)
    fast = DecNN(model.classifier, decoder.to(memory_format=torch.channels_last))
    on_cpu = torch.device(device).type == "cpu"
    chunk = 256 if on_cpu else CHUNK  # what fits a core's cache is fastest
    size = PART if not on_cpu else chunk if reference is not None else 100
    reference = None if reference is None else reference.to(device)
    ensemble = PathEnsemble(fast, voting_paths(spec, model.num_layers), reference, chunk)

    def ask(images: Tensor) -> list[Tensor]:
        parts = [[logits.float().cpu() for logits in ensemble.logits(part.to(device))] for part in images.split(size)]
        return [torch.cat(depth, dim=1) for depth in zip(*parts, strict=True)]

    return ask


def voting_paths(spec: Spec, num_layers: int) -> Tensor:
    """The paths (N, D) that vote, from the specification's seed alone."""
    generator = torch.Generator().manual_seed(derived_seed("paths", spec.training.seed))
    return sample_paths(spec.evaluation.samples, spec.evaluation.depth, num_layers, generator)


def scores_of_votes(depths: list[Tensor], attributes: bool = False) -> dict[str, Tensor]:
    """Uncertainty (B,) by every reading of "the votes": of the last depth, of all depths, and of the mean.

    Of `attributes` each is the mean over them; the largest, of the last depth, is a reading too.
    """
    if attributes:
        pairs = scores_of_votes([as_classes(logits).flatten(1, 2) for logits in depths])
        by_image = {name: values.unflatten(0, depths[-1].shape[1:]) for name, values in pairs.items()}
        means = {name: values.mean(1) for name, values in by_image.items()}
        return {**means, "largest_vote_entropy": by_image["vote_entropy"].amax(1)}
    return {
        "vote_entropy": entropy(depths[-1:]),
        "mean_entropy": torch.special.entr(depths[-1].softmax(-1).mean(0)).sum(-1),
        "vote_entropy_all_depths": entropy(depths),
    }


def entropy(depths: list[Tensor], attributes: bool = False) -> Tensor:
    """Entropy (B,) of the votes of all given logits (N, B, K) together; of `attributes` their mean."""
    if attributes:
        return scores_of_votes([torch.cat(depths)], attributes)["vote_entropy"]
    return label_entropy(torch.cat(depths).argmax(-1), depths[-1].shape[-1])


def label_entropy(votes: Tensor, num_classes: int) -> Tensor:
    """Entropy (B,) of votes (N, B), to a millionth of a nat: 4,1,1,1,1 and 2,2,2,2 tie, whatever the last bit says.

    Example:
        >>> label_entropy(torch.tensor([[0, 0], [0, 1]]), num_classes=2).tolist()
        [0.0, 0.693147]
    """
    return vote_entropy(votes, num_classes).double().mul(1e6).round() / 1e6


def fewer_votes(logits: Tensor, measure: Callable[[Tensor], float | None]) -> list[dict]:
    """What a measure of the vote entropy would be with n of the N sampled classifiers: mean and sd over random choices.

    Arguments:
        logits: (N, B, K).
        measure: entropies (B,) -> a number, or None where it is not defined.
    """
    generator = torch.Generator().manual_seed(derived_seed("fewer votes"))
    course = []
    for count in (n for n in FEWER if n <= len(logits)):
        choices = [torch.randperm(len(logits), generator=generator)[:count] for _ in range(SUBSETS)]
        values = [value for choice in choices if (value := measure(entropy([logits[choice]]))) is not None]
        sd = statistics.stdev(values) if len(values) > 1 and count < len(logits) else None
        course.append({"samples": count, "mean": statistics.fmean(values) if values else None, "sd": sd})
    return course


def batched(function: Callable[[Tensor], Tensor], images: Tensor, device: str, size: int = 1000) -> Tensor:
    """The function's values on all images, floats or 8-bit, joined on the CPU in float32."""
    return torch.cat([function(as_floats(x.to(device))).float().cpu() for x in images.split(size)])

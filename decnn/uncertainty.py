"""Uncertainty from disagreement: sampled paths vote, and the entropy of their votes is the score."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby, islice, pairwise

import torch
from torch import Tensor

from decnn.compose import DecNN
from decnn.modes import BY_BATCH
from decnn.reference import check_reference, with_reference

__all__ = ["path_logits", "path_probs", "path_votes", "sample_paths", "vote_entropy"]

Reading = tuple[Tensor, list[Tensor]]  # logits and activations


def sample_paths(num_paths: int, depth: int, num_layers: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw N paths of D layers, each uniform on 1..L: integers (N, D).

    Raises:
        ValueError: a number of paths, depth or layers below 1.

    Source: Wu et al. (2021), section 4.1.

    Example:
        >>> paths = sample_paths(30, 8, 8, torch.Generator().manual_seed(0))
        >>> tuple(paths.shape), int(paths.min()) >= 1, int(paths.max()) <= 8
        ((30, 8), True, True)
    """
    for name, value in {"num_paths": num_paths, "depth": depth, "num_layers": num_layers}.items():
        if value < 1:
            raise ValueError(f"expected {name} >= 1, got {value}: no classifier can be sampled")
    return torch.randint(1, num_layers + 1, (num_paths, depth), generator=generator)


@torch.no_grad()
def path_logits(
    model: DecNN, x: Tensor, paths: Tensor, chunk: int = 512, reference: Tensor | None = None
) -> Iterator[Tensor]:
    """Yield the logits (N, B, K) of every path's composition at depth 1, then 2, ... up to D.

    Paths that begin alike share their beginning, so a prefix is computed once; at most `chunk` images
    are decoded at a time, besides the reference, and of a prefix's activations only those are kept with which a path
    goes on: both bound the memory. The result is that of walking each path alone.

    Arguments:
        model: f and g, in eval mode.
        x: inputs (B, C, H, W).
        paths: (N, D) layers.
        chunk: images decoded at a time.
        reference: training inputs (R, C, H, W) that walk along and give batch normalisation, in g and in f, the
            statistics of each prefix, as a batch does in training; without them, the running statistics serve all
            prefixes. The first pass over x is f(x) with its running statistics either way.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval()
        >>> paths = torch.tensor([[1, 2], [1, 8]])
        >>> [tuple(logits.shape) for logits in path_logits(model, torch.rand(3, 1, 32, 32), paths)]
        [(2, 3, 10), (2, 3, 10)]
    """
    _check_paths(model, paths)
    if not len(x):
        raise ValueError("expected at least one input, got none: check the selection")
    if chunk < 1:
        raise ValueError(f"expected chunk >= 1, got {chunk}: it is how many images are decoded at a time")
    if reference is not None:
        check_reference(x, reference)
    if any(m.training for part in (model.classifier, model.decoder) for m in part.modules()):  # F.dropout asks, too
        raise ValueError("expected a model in eval mode, got layers in training mode: call model.eval() before voting")
    if reference is None and any(isinstance(m, BY_BATCH) and not m.track_running_stats for m in model.modules()):
        raise ValueError(
            "expected batch normalisation with running statistics, got a layer without: an image's votes would depend "
            "on those it is read with; pass reference=, some hundred training inputs"
        )
    if reference is not None:  # its statistics are those of one prefix, so prefixes are decoded one by one
        follow = with_reference(model, len(reference), _follow, chunk)
        walks = [_walk(model, follow, torch.cat([reference, x]), paths, together=1)]
    else:
        follow = functools.partial(_follow, model)
        walks = [_walk(model, follow, part, paths, max(1, chunk // len(part))) for part in x.split(chunk)]
    for parts in zip(*walks, strict=True):
        yield torch.cat(parts, dim=1)[:, -len(x) :]


def _walk(
    model: DecNN, follow: Callable[[Tensor], Reading], x: Tensor, paths: Tensor, together: int
) -> Iterator[Tensor]:
    """The logits of `path_logits`, the compositions of so many prefixes computed `together`."""
    levels = _prefixes(model, paths)
    _, activations = model.activations(x)
    kept = [dict(enumerate(activations))]  # for each prefix, the layers from which a path goes on
    for (steps, node), (following, _) in pairwise([*levels, (levels[0][0][:0], None)]):  # after the last depth, none
        goes_on: list[list[int]] = [[] for _ in steps]
        for parent, layer in following.tolist():
            goes_on[parent].append(layer)
        logits, found = [], []
        for h in _joined([kept[parent][layer] for parent, layer in steps.tolist()], together):
            joined_logits, joined = follow(h)
            logits.append(joined_logits.unflatten(0, (-1, len(x))))
            for place in range(len(logits[-1])):
                own = slice(place * len(x), (place + 1) * len(x))
                found.append({layer: joined[layer][own].clone() for layer in goes_on[len(found)]})
        kept = found
        yield torch.cat(logits)[node.to(x.device)]


def path_votes(model: DecNN, x: Tensor, paths: Tensor, reference: Tensor | None = None) -> Tensor:
    """Label that each path's last composition predicts for each input: integers (N, B).

    `reference`, some hundred training inputs, gives batch normalisation the statistics of each path, as a batch did
    in training; short training needs it, for the running statistics fit no single path. Logits are those of K
    classes: of attributes, `path_logits` has what `> 0` turns into votes.

    Raises:
        ValueError: no input, no path, a layer outside 1..L, a reference of another shape, a model in training mode,
            no reference where batch normalisation keeps no statistics, logits that are not finite or of one class.

    Source: Wu et al. (2021), section 4.1: every path is a classifier.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval()
        >>> tuple(path_votes(model, torch.rand(3, 1, 32, 32), sample_paths(5, 2, 8)).shape)
        (5, 3)
    """
    return _last(path_logits(model, x, paths, reference=reference)).argmax(-1)


def path_probs(model: DecNN, x: Tensor, paths: Tensor, reference: Tensor | None = None) -> Tensor:
    """Class probabilities of each path's last composition: (N, B, K), each row summing to 1.

    `reference` is that of `path_votes`.

    Raises:
        ValueError: no input, no path, a layer outside 1..L, a reference of another shape, a model in training mode,
            no reference where batch normalisation keeps no statistics, logits that are not finite or of one class.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval()
        >>> tuple(path_probs(model, torch.rand(3, 1, 32, 32), sample_paths(5, 2, 8)).shape)
        (5, 3, 10)
    """
    logits = _last(path_logits(model, x, paths, reference=reference))
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(-1)


def vote_entropy(votes: Tensor, num_classes: int) -> Tensor:
    """Equation 6: - sum_c p_c ln p_c with p_c the share of votes for class c; (B,) nats in [0, ln K].

    Arguments:
        votes: labels (N, B), one row for each sampled classifier.
        num_classes: K.

    Raises:
        ValueError: no votes, votes that are no integers, or a label outside 0..K-1.

    Source: Wu et al. (2021), Eq. 6.

    Example:
        >>> vote_entropy(torch.tensor([[0, 0], [0, 1]]), num_classes=2)
        tensor([0.0000, 0.6931])
    """
    if votes.dim() != 2 or votes.numel() == 0:
        raise ValueError(f"expected votes of shape (N, B) with N, B >= 1, got {tuple(votes.shape)}")
    if votes.is_floating_point() or votes.is_complex():
        raise ValueError(f"expected votes that are labels, integers or booleans, got {votes.dtype}: argmax makes them")
    if votes.min() < 0 or votes.max() >= num_classes:
        raise ValueError(
            f"expected votes in 0..{num_classes - 1}, got {int(votes.min())}..{int(votes.max())}: set num_classes"
        )
    counts = torch.zeros(votes.shape[1], num_classes, dtype=torch.get_default_dtype(), device=votes.device)
    votes = votes.long()
    counts.scatter_add_(1, votes.T, torch.ones_like(votes.T, dtype=counts.dtype))
    # Summed in the order of size, equal shares give equal entropies to the last bit, whichever classes they fall on.
    return torch.special.entr(counts.sort(1).values / len(votes)).sum(1)


def _follow(model: DecNN, h: Tensor) -> Reading:
    return model.activations(model.decode(h))


def _prefixes(model: DecNN, paths: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each depth, the distinct prefixes as (parent among the depth before, layer from 0), and each path's own.

    Prefixes whose last layer has one shape stand together, so that they can be decoded together.
    """
    shapes = [tuple(shape) for shape in model.classifier.activation_shapes]
    kind = torch.tensor([shapes.index(shape) for shape in shapes])
    node = torch.zeros(len(paths), dtype=torch.long)
    levels = []
    for layers in paths.cpu().T - 1:
        steps, node = torch.unique(torch.stack([kind[layers], node, layers], dim=1), dim=0, return_inverse=True)
        levels.append((steps[:, 1:], node))
    return levels


def _joined(blocks: list[Tensor], together: int) -> Iterator[Tensor]:
    """The blocks in their order, up to so many neighbours of one shape joined."""
    for _, alike in groupby(blocks, key=lambda block: block.shape):
        while some := list(islice(alike, together)):
            yield torch.cat(some)


def _check_paths(model: DecNN, paths: Tensor) -> None:
    if not isinstance(paths, Tensor):
        raise ValueError(f"expected paths as a tensor (N, D), got {type(paths).__name__}: torch.tensor(paths)")
    if paths.dim() != 2 or paths.numel() == 0:
        raise ValueError(
            f"expected paths of shape (N, D) with N, D >= 1, got {tuple(paths.shape)}: draw them with sample_paths"
        )
    for path in paths.tolist():
        model.check_path(path)


def _last(depths: Iterator[Tensor]) -> Tensor:
    """The deepest logits; a NaN among them would count as a vote for class 0, and unanimous ones as certainty."""
    logits = deque(depths, maxlen=1).pop()
    if logits.shape[-1] < 2:
        raise ValueError(
            "expected logits of at least two classes, got one: of attributes, `path_logits(...) > 0` are the votes"
        )
    lost = ~logits.isfinite().all(-1)
    if lost.any():
        raise ValueError(
            f"expected finite logits, got NaN or infinity on {int(lost.any(1).sum())} of {len(lost)} paths and "
            f"{int(lost.any(0).sum())} of {lost.shape[1]} inputs: look at the inputs and the weights"
        )
    return logits

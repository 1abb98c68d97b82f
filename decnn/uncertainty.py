"""Uncertainty from disagreement: sampled paths vote, and the entropy of their votes is the score."""

from __future__ import annotations

import torch
from torch import Tensor

from decnn.compose import DecNN
from decnn.paths import PathEnsemble
from decnn.reference import check_reference

__all__ = ["path_probs", "path_votes", "vote_entropy"]


def path_votes(model: DecNN, x: Tensor, paths: Tensor, reference: Tensor | None = None) -> Tensor:
    """Label that each path's last composition predicts for each input: integers (N, B).

    `reference`, some hundred training inputs, gives batch normalisation the statistics of each path, as a batch did
    in training. `PathEnsemble` makes the same votes, and walks the reference once for all inputs to come.

    Raises:
        ValueError: no input, no path, a layer outside 1..L, a reference of another shape, a model in training mode,
            no reference where batch normalisation keeps no statistics, logits that are not finite or of one class.

    Source: Wu et al. (2021), section 4.1: every path is a classifier.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval()
        >>> tuple(path_votes(model, torch.rand(3, 1, 32, 32), decnn.sample_paths(5, 2, 8)).shape)
        (5, 3)
    """
    return _ensemble(model, x, paths, reference).votes(x)


def path_probs(model: DecNN, x: Tensor, paths: Tensor, reference: Tensor | None = None) -> Tensor:
    """Class probabilities of each path's last composition: (N, B, K), each row summing to 1.

    `reference`, and what is refused, are those of `path_votes`.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval()
        >>> tuple(path_probs(model, torch.rand(3, 1, 32, 32), decnn.sample_paths(5, 2, 8)).shape)
        (5, 3, 10)
    """
    return _ensemble(model, x, paths, reference).probs(x)


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


def _ensemble(model: DecNN, x: Tensor, paths: Tensor, reference: Tensor | None) -> PathEnsemble:
    if reference is not None and len(x):
        check_reference(x, reference)  # before it walks
    return PathEnsemble(model, paths, reference)

"""Paths of layers, each a classifier of its own: drawn at random, and walked together.

    x_0 = x,    x_d = g(h_l(x_{d-1}))   with l = path[d-1],    logits_d = f(x_d),    d = 1..D.

Source: Wu et al. (2021), section 4.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby, islice, pairwise

import torch
from torch import Tensor

from decnn.compose import DecNN
from decnn.modes import BY_BATCH
from decnn.reference import ByReference, Statistics, check_reference

__all__ = ["PathEnsemble", "sample_paths"]

Reading = tuple[Tensor, list[Tensor]]  # logits and activations
Reader = Callable[[Tensor], Reading]
Level = tuple[Tensor, Tensor]  # prefixes of one depth: (parent, layer) of each, and which of them each path follows


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


class PathEnsemble:
    """The implicit ensemble in one network: its members are paths, and it is ready to be asked again and again.

    Paths that begin alike share their beginning, so a prefix is computed once. A reference walks once, when the
    ensemble is made; what is asked later, be it a single image, meets the statistics that it left at each prefix. The
    results are those of walking each path alone.

    Arguments:
        model: f and g, in eval mode. With a reference a copy of it as it is now.
        paths: (N, D) layers.
        reference: some hundred training inputs (R, C, H, W) that give batch normalisation, in g and in f, the
            statistics of each prefix, as a batch does in training; short training needs it, for the running
            statistics, which serve all prefixes without a reference, fit no single one. The first pass is f(x) by its
            running statistics either way.
        chunk: inputs decoded at a time, which bounds the memory; but the reference is one batch.

    Raises:
        ValueError: no path, a layer outside 1..L, a model in training mode, no reference where batch normalisation
            keeps no statistics; and when asked, no input, or inputs of another shape or type than the reference.

    Source: Wu et al. (2021), section 4.1: every path is a classifier.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval()
        >>> ensemble = decnn.PathEnsemble(model, sample_paths(5, 2, 8), reference=torch.rand(16, 1, 32, 32))
        >>> [tuple(ensemble.votes(x).shape) for x in torch.rand(2, 3, 1, 32, 32)]
        [(5, 3), (5, 3)]
    """

    def __init__(self, model: DecNN, paths: Tensor, reference: Tensor | None = None, chunk: int = 512) -> None:
        _check_paths(model, paths)
        _check_model(model, reference)
        if chunk < 1:
            raise ValueError(f"expected chunk >= 1, got {chunk}: it is how many images are decoded at a time")
        self.model, self.paths, self.chunk = model, paths, chunk
        self._levels = _prefixes(model, paths)
        self._reference: Tensor | None = None
        if reference is not None:
            self._reference = reference[:0]  # its shape and type
            self._own = ByReference(model)
            self._statistics = self._measured(reference)

    @torch.no_grad()
    def logits(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the logits (N, B, K) of every path's composition at depth 1, then 2, ... up to D.

        Of a prefix's activations only those are kept with which a path goes on.

        Example:
            >>> import decnn
            >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4)).eval()
            >>> ensemble = PathEnsemble(model, torch.tensor([[1, 2], [1, 8]]))
            >>> [tuple(logits.shape) for logits in ensemble.logits(torch.rand(3, 1, 32, 32))]
            [(2, 3, 10), (2, 3, 10)]
        """
        if not len(x):
            raise ValueError("expected at least one input, got none: check the selection")
        if self._reference is not None:
            check_reference(x, self._reference)
        walks = [self._walk(part, *self._readers()) for part in x.split(self.chunk)]
        for parts in zip(*walks, strict=True):
            yield torch.cat(parts, dim=1)

    def votes(self, x: Tensor) -> Tensor:
        """Label that each path's last composition predicts for each input: integers (N, B).

        Logits are those of K classes: of attributes, `logits(x) > 0` are the votes.

        Raises:
            ValueError: logits that are not finite or of one class.
        """
        return self._last(x).argmax(-1)

    def probs(self, x: Tensor) -> Tensor:
        """Class probabilities of each path's last composition: (N, B, K), each row summing to 1.

        Raises:
            ValueError: logits that are not finite or of one class.
        """
        logits = self._last(x)
        return logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(-1)

    @torch.no_grad()
    def _measured(self, reference: Tensor) -> list[Statistics]:
        """The statistics of the first pass and of every prefix, in the order in which `_walk` reads them."""
        found = []

        def read(x: Tensor) -> Reading:
            reading, statistics = self._own.measure(DecNN.activations, x, bare_only=True)
            found.append(statistics)
            return reading

        def follow(h: Tensor) -> Reading:
            reading, statistics = self._own.measure(_decoded, h)
            found.append(statistics)
            return reading

        for _ in self._walk(reference, read, follow):
            continue
        return found

    def _readers(self) -> tuple[Reader, Reader]:
        """How a walk reads inputs, once, and then the activations of one prefix after another."""
        if self._reference is None:
            return self.model.activations, lambda h: _decoded(self.model, h)
        each = iter(self._statistics)
        return (
            lambda x: self._own(DecNN.activations, x, next(each)),
            lambda h: self._own(_decoded, h, next(each)),
        )

    def _walk(self, x: Tensor, read: Reader, follow: Reader) -> Iterator[Tensor]:
        """The logits at each depth; prefixes are followed together where no statistics set them apart."""
        together = max(1, self.chunk // len(x)) if self._reference is None else 1
        _, activations = read(x)
        kept = [dict(enumerate(activations))]  # for each prefix, the layers from which a path goes on
        after_the_last = (self._levels[0][0][:0], None)
        for (steps, node), (following, _) in pairwise([*self._levels, after_the_last]):
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

    def _last(self, x: Tensor) -> Tensor:
        """The deepest logits; a NaN among them would count as a vote for class 0, and unanimous ones as certainty."""
        logits = deque(self.logits(x), maxlen=1).pop()
        if logits.shape[-1] < 2:
            raise ValueError(
                "expected logits of at least two classes, got one: of attributes, `logits(x) > 0` are the votes"
            )
        lost = ~logits.isfinite().all(-1)
        if lost.any():
            raise ValueError(
                f"expected finite logits, got NaN or infinity on {int(lost.any(1).sum())} of {len(lost)} paths and "
                f"{int(lost.any(0).sum())} of {lost.shape[1]} inputs: look at the inputs and the weights"
            )
        return logits


def _decoded(model: DecNN, h: Tensor) -> Reading:
    return model.activations(model.decode(h))


def _prefixes(model: DecNN, paths: Tensor) -> list[Level]:
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


def _check_model(model: DecNN, reference: Tensor | None) -> None:
    if any(m.training for part in (model.classifier, model.decoder) for m in part.modules()):  # F.dropout asks, too
        raise ValueError("expected a model in eval mode, got layers in training mode: call model.eval() before voting")
    if reference is None and any(isinstance(m, BY_BATCH) and not m.track_running_stats for m in model.modules()):
        raise ValueError(
            "expected batch normalisation with running statistics, got a layer without: an image's votes would depend "
            "on those it is read with; pass reference=, some hundred training inputs"
        )

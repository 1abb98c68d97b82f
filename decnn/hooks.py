"""Any network as a classifier whose activations are the outputs of layers that are named from outside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from decnn.classifiers import check_input
from decnn.modes import evaluating
from decnn.spelling import nearest

__all__ = ["Hooked", "some_parameter"]


class Hooked(nn.Module):
    """A network f as it is, and h_1..h_L: what its submodules of the given names return during f(x).

    Forward hooks read them. They leave the network's own code to run, so its logits are the same to the last bit, and
    they ask nothing of it, where tracing (torch.fx, torchvision's feature extraction) fails at control flow that
    depends on data. A hook stands for one call of `activations` only: the network can be copied, saved and compiled.

    The shapes are found by a look at two images of zeros in eval mode, which draws no dropout and leaves the
    statistics of batch normalisation and every module's mode as they were.

    Arguments:
        module: f, any module that maps (B, *in_shape) to logits (B, K); of a compiled one, the network inside: compile
            what comes out of this.
        layers: L names out of `module.named_modules()`, each called once in a pass.
        in_shape: shape of one input, such as (C, H, W).

    Raises:
        ValueError: no layer, an unknown or repeated one, one that is not called exactly once or does not return one
            tensor (B, ...); an in_shape that the network cannot read; an output other than logits (B, K).

    Example:
        >>> f = Hooked(nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)), ["2"], (1, 4, 4))
        >>> logits, activations = f.activations(torch.rand(2, 1, 4, 4))
        >>> tuple(logits.shape), f.activation_shapes, tuple(activations[0].shape)
        ((2, 3), ((8,),), (2, 8))
    """

    def __init__(self, module: nn.Module, layers: Sequence[str], in_shape: Sequence[int]) -> None:
        super().__init__()
        module = getattr(module, "_orig_mod", module)  # a compiled network would not run the hooks
        if not isinstance(in_shape, Sequence):
            raise ValueError(f"expected in_shape as (C, H, W), without the batch axis, got {in_shape!r}")
        _check_names(module, layers)
        self.module = module
        self.layers = tuple(layers)
        self.in_shape = tuple(in_shape)
        with evaluating(module), torch.no_grad():
            logits, hs = self._observe(_readable(module, _probe(module, self.in_shape)))
        self.num_classes = logits.shape[1]
        self.activation_shapes = tuple(tuple(h.shape[1:]) for h in hs)

    def activations(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K) and the activations [h_1, ..., h_L], as the named layers return them."""
        return self._observe(check_input(x, self.in_shape))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.module(check_input(x, self.in_shape))

    def _observe(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        seen: dict[str, list[object]] = {name: [] for name in self.layers}
        own = threading.get_ident()

        def keep(name: str, output: object) -> None:
            if threading.get_ident() != own:  # the network may serve several threads at once
                return
            # A copy: an in-place ReLU behind the layer would overwrite its output.
            seen[name].append(output.clone() if isinstance(output, Tensor) else output)

        with contextlib.ExitStack() as hooks:
            for name in self.layers:
                layer = self.module.get_submodule(name)
                hooks.enter_context(layer.register_forward_hook(lambda _, __, output, name=name: keep(name, output)))
            logits = self.module(x)
        if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(x):
            raise ValueError(
                f"expected {type(self.module).__name__} to return logits ({len(x)}, K) for {len(x)} inputs, got "
                f"{_described(logits)}: wrap the part of the network that ends in the logits"
            )
        return logits, [_only(name, outputs, len(x)) for name, outputs in seen.items()]


def some_parameter(module: nn.Module) -> Tensor:
    """A floating-point tensor of the network, for its device and type; of none, an empty one of the default type."""
    return next((t for t in chain(module.parameters(), module.buffers()) if t.is_floating_point()), torch.empty(0))


def _only(name: str, outputs: list[object], count: int) -> Tensor:
    """What a layer returned in its one call, or ValueError."""
    if len(outputs) != 1:
        hint = (
            "name the block that holds it, or give each call a module of its own"
            if outputs
            else "name a layer that a pass goes through; parameters of a module that is not called are read elsewhere"
        )
        raise ValueError(f"expected layer {name!r} to be called once in a pass, got {len(outputs)} calls: {hint}")
    (h,) = outputs
    if not isinstance(h, Tensor):
        raise ValueError(
            f"expected layer {name!r} to return one tensor, got {_described(h)}: name a layer inside it or behind it"
        )
    if h.dim() < 2 or len(h) != count:
        raise ValueError(
            f"expected layer {name!r} to return ({count}, ...) for {count} inputs, got {_described(h)}: name a layer "
            "whose first axis is the batch"
        )
    return h


def _described(output: object) -> str:
    return str(tuple(output.shape)) if isinstance(output, Tensor) else type(output).__name__


def _check_names(module: nn.Module, layers: Sequence[str]) -> None:
    known = [name for name, _ in module.named_modules(remove_duplicate=False) if name]
    if isinstance(layers, str) or not layers:
        raise ValueError(
            f"expected a list of names of layers, got {layers!r}: {type(module).__name__} has {', '.join(known[:8])}..."
        )
    for name in layers:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"its first are {', '.join(known[:8])}"
            raise ValueError(f"expected the name of a layer of {type(module).__name__}, got {name!r}: {hint}")
    if len(set(layers)) < len(layers):
        raise ValueError(f"expected each layer once, got {list(layers)}: leave the repetition out")


def _probe(module: nn.Module, in_shape: tuple[int, ...]) -> Tensor:
    """Two inputs of zeros where the network's parameters are."""
    like = some_parameter(module)
    return torch.zeros(2, *in_shape, device=like.device, dtype=like.dtype)


def _readable(module: nn.Module, x: Tensor) -> Tensor:
    """The inputs, if the network can read them."""
    try:
        module(x)
    except Exception as error:
        raise ValueError(
            f"expected {type(module).__name__} to read inputs {tuple(x.shape)}, got {type(error).__name__} ({error}): "
            "set in_shape to the shape of one input, without the batch axis"
        ) from error
    return x

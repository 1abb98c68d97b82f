"""What all benchmarks share: functions timed in turn, and a step to time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from decnn.precision import arithmetic

__all__ = ["in_turn", "training_step"]


def in_turn(
    functions: Mapping[str, Callable[[], object]], repetitions: int, steps: int = 1, device: str = "cpu"
) -> dict[str, list[float]]:
    """Seconds of one step of each function: first the warm-up, then each repetition.

    The functions take turns, so that a machine's drift meets all of them.

    Example:
        >>> [len(seconds) for seconds in in_turn({"a": list, "b": dict}, repetitions=3).values()]
        [4, 4]
    """
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repetitions + 1):
        for name, function in functions.items():
            _wait(device)
            start = time.perf_counter()
            for _ in range(steps):
                function()
            _wait(device)
            taken[name].append((time.perf_counter() - start) / steps)
    return taken


def training_step(
    model: nn.Module,
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
    *,
    bfloat16: bool = False,
    fused: bool | None = None,
    device: str = "cpu",
) -> Callable[[Tensor, Tensor], None]:
    """One update by Adam on a batch: (x, y) -> None; without options in float32, with Adam as it comes."""
    optimiser = torch.optim.Adam(model.parameters(), fused=fused)

    def step(x: Tensor, y: Tensor) -> None:
        with arithmetic("bfloat16" if bfloat16 else "float32", device):
            total = loss(model, x, y)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()

    return step


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()

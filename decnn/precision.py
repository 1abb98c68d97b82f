"""bfloat16 on every CPU: by the processor's own instructions, or by float32 products of rounded factors.

Where a CPU lacks these instructions, PyTorch's products in bfloat16 take ten times as long as in float32. There each
linear map, convolution and matrix product rounds its factors to bfloat16, multiplies and sums in float32, and rounds
the result: what the instructions do, up to the order of the sums. Gradients of a weight that is used several times are
summed in float32, where autocast sums them in bfloat16. Recurrent layers, einsum and scripted modules are left to
PyTorch, and so are GPUs.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["PRECISIONS", "arithmetic", "check_precision", "emulated", "rounding"]

PRECISIONS = ("float32", "bfloat16")
PLAIN = (Tensor, nn.Parameter)
PRODUCTS = frozenset(
    (
        *(F.linear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d),
        *(torch.matmul, torch.mm, torch.bmm, torch.addmm, torch.addbmm, torch.baddbmm, torch.linalg.matmul),
        *(Tensor.matmul, Tensor.mm, Tensor.bmm, Tensor.addmm, Tensor.addbmm, Tensor.baddbmm),
        *(F.multi_head_attention_forward, F.scaled_dot_product_attention),  # rounded at their ends alone
    )
)


@contextmanager
def arithmetic(precision: str, device: str = "cpu") -> Iterator[None]:
    """Products inside are taken in float32, or in bfloat16 with sums in float32 (autocast).

    Raises:
        ValueError: another name.

    Source: Kalamkar et al. (2019), A study of BFLOAT16 for deep learning training, section 3: emulated products.

    Example:
        >>> with arithmetic("bfloat16"):
        ...     (torch.ones(1, 1) @ torch.tensor([[1.001]])).item()
        1.0
    """
    check_precision(precision)
    kind = torch.device(device).type
    with torch.autocast(kind, torch.bfloat16, enabled=precision == "bfloat16"):
        if precision == "bfloat16" and emulated(kind):
            with _RoundedFactors():
                yield
        else:
            yield


def rounding() -> AbstractContextManager:
    """What a computation that is repeated later needs besides autocast to be as here: emulation, if it is on."""
    on = any(isinstance(mode, _RoundedFactors) for mode in torch.overrides._get_current_function_mode_stack())
    return _RoundedFactors() if on else nullcontext()


def check_precision(precision: str) -> None:
    """ValueError unless it is one of PRECISIONS."""
    if precision not in PRECISIONS:
        raise ValueError(f"expected precision {' or '.join(PRECISIONS)}, got {precision!r}")


def emulated(device: str = "cpu") -> bool:
    """Whether products in bfloat16 on a device are computed from rounded factors in float32."""
    if torch.device(device).type != "cpu":
        return False
    if platform.machine().lower() in ("x86_64", "amd64"):
        return not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return not (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())


class _RoundedFactors(TorchFunctionMode):
    """Products of tensors rounded to bfloat16, summed in float32; gradients pass through the same roundings."""

    def __torch_function__(
        self, function: Callable, types: Sequence[type], args: tuple = (), kwargs: dict | None = None
    ) -> object:
        kwargs = kwargs or {}
        if function not in PRODUCTS or "out" in kwargs or not torch.is_autocast_enabled("cpu"):
            return function(*args, **kwargs)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if not any(map(_eligible, tensors)) or any(type(tensor) not in PLAIN for tensor in tensors):
            return function(*args, **kwargs)
        args, kwargs = tree_map(_rounded, (args, kwargs))
        function = _conv2d if function is F.conv2d else function
        with torch.autocast("cpu", enabled=False):
            return tree_map(_as_bfloat16, function(*args, **kwargs))


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """F.conv2d, but a 1x1 convolution with a stride picks its pixels first: the same numbers.

    On CPUs with AVX2 alone, for channels-last maps of fewer than 8 channels, PyTorch 2.14's gradient for the weight of
    such a convolution in float32 writes beyond its memory.
    """
    down, right = 2 * [stride] if isinstance(stride, int) else 2 * list(stride) if len(stride) == 1 else stride
    if weight.shape[2:] == (1, 1) and (down, right) != (1, 1) and padding in (0, (0,), (0, 0)):
        input, stride = input[..., ::down, ::right], 1
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def _rounded(value: object) -> object:
    return value.bfloat16().float() if _eligible(value) else value


def _as_bfloat16(value: object) -> object:
    return value.bfloat16() if _eligible(value) else value


def _eligible(value: object) -> bool:
    """Whether a value is a tensor that autocast would round, and not of a subclass, such as those that only count."""
    return type(value) in PLAIN and value.dtype in (torch.float32, torch.bfloat16, torch.float16)

"""Batch normalisation, shortcut and ReLU as one step: fast where PyTorch's CPU kernel is slow.

With channels-last maps of fewer than 16 channels, PyTorch's CPU kernel falls back to scalar code and
takes half of a narrow decoder's training step. There the same equations run over a view that puts
many pixels in one row, which vectorises; everywhere else the module itself is called.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["norm_act"]

FEW_CHANNELS = 16
ROW = 1024  # values in one row of the view: long enough to vectorise, short enough for many rows


def norm_act(norm: nn.Module, x: Tensor, shortcut: Tensor | None = None, relu: bool = True) -> Tensor:
    """ReLU(norm(x) + shortcut), the end of a residual branch; `shortcut` and ReLU are optional.

    Example:
        >>> tuple(norm_act(nn.BatchNorm2d(4), torch.rand(2, 4, 8, 8)).shape)
        (2, 4, 8, 8)
    """
    if (
        isinstance(norm, nn.BatchNorm2d)
        and norm.training
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
        and norm.num_features < FEW_CHANNELS
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
    ):
        norm.num_batches_tracked.add_(1)
        return _NormAct.apply(
            x, norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.momentum, norm.eps, shortcut, relu
        )
    y = norm(x)
    if shortcut is not None:
        y = y + shortcut
    return F.relu(y) if relu else y


class _NormAct(torch.autograd.Function):
    """y = ReLU(w (x - mean) / sqrt(var + eps) + b + shortcut) with its hand-written gradient.

    Sums run in the input's precision along long columns and are joined in float32. The variance is E[x^2] - E[x]^2,
    which a convolution's outputs allow: where means exceed 100 standard deviations it loses digits that PyTorch keeps.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, momentum, eps, shortcut, relu):
        batch, channels, height, width = x.shape
        count = batch * height * width
        pixels = _pixels_per_row(count, channels)
        rows = x.permute(0, 2, 3, 1).reshape(-1, pixels * channels)
        dtype = torch.promote_types(x.dtype, weight.dtype)

        def channel_mean(values: Tensor) -> Tensor:
            return values.sum(0).to(dtype).view(pixels, channels).sum(0) / count

        mean = channel_mean(rows)
        var = (channel_mean(rows * rows) - mean * mean).clamp_min(0)
        inverse_std = (var + eps).rsqrt()
        scale = weight * inverse_std
        y = torch.addcmul((bias - mean * scale).to(x.dtype).repeat(pixels), rows, scale.to(x.dtype).repeat(pixels))
        if shortcut is not None:
            y += shortcut.permute(0, 2, 3, 1).reshape(y.shape)
        if relu:
            y.relu_()
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(var * (count / max(count - 1, 1)), momentum)

        ctx.save_for_backward(rows, mean, inverse_std, scale, y if relu else None)
        ctx.shape, ctx.has_shortcut = x.shape, shortcut is not None
        return _as_map(y, x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        rows, mean, inverse_std, scale, y = ctx.saved_tensors
        channels = ctx.shape[1]
        pixels, count = rows.shape[1] // channels, rows.numel() // channels
        grad = grad.permute(0, 2, 3, 1).reshape(rows.shape)
        if y is not None:
            grad = torch.ops.aten.threshold_backward(grad, y, 0)

        def channel_sum(values: Tensor) -> Tensor:
            return values.sum(0).to(mean.dtype).view(pixels, channels).sum(0)

        grad_bias = channel_sum(grad)
        grad_weight = (channel_sum(grad * rows) - mean * grad_bias) * inverse_std
        # dx = scale * (grad - grad_bias / n - x_normalised * grad_weight / n), as an affine map of x and grad
        slope = -scale * grad_weight * inverse_std / count
        offset = -scale * grad_bias / count - slope * mean
        slope, offset, scale = (c.to(rows.dtype).repeat(pixels) for c in (slope, offset, scale))
        grad_x = torch.addcmul(offset, rows, slope).addcmul_(grad, scale)
        grad_shortcut = _as_map(grad, ctx.shape) if ctx.has_shortcut else None
        return _as_map(grad_x, ctx.shape), grad_weight, grad_bias, None, None, None, None, grad_shortcut, None


def _pixels_per_row(count: int, channels: int) -> int:
    """Largest power of two that divides the number of pixels and fills at most one row."""
    pixels = 1
    while count % (2 * pixels) == 0 and 2 * pixels * channels <= ROW:
        pixels *= 2
    return pixels


def _as_map(rows: Tensor, shape: torch.Size) -> Tensor:
    batch, channels, height, width = shape
    return rows.view(batch, height, width, channels).permute(0, 3, 1, 2)

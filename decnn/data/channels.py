"""Grey images for a network that reads colour, and the reverse: the one rule of all out-of-distribution pairs."""

from __future__ import annotations

from torch import Tensor

__all__ = ["with_channels"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in JPEG


def with_channels(x: Tensor, channels: int) -> Tensor:
    """Images (N, C, H, W) with 1 or 3 channels: grey is repeated, red, green and blue become their luma.

    Raises:
        ValueError: images or a request with other than 1 or 3 channels, or 8-bit images.

    Example:
        >>> import torch
        >>> tuple(with_channels(torch.rand(2, 1, 4, 4), 3).shape), tuple(with_channels(torch.rand(2, 3, 4, 4), 1).shape)
        ((2, 3, 4, 4), (2, 1, 4, 4))
    """
    if x.dim() != 4 or x.shape[1] not in (1, 3) or channels not in (1, 3):
        raise ValueError(f"expected images (N, 1 or 3, H, W) and 1 or 3 channels, got {tuple(x.shape)} and {channels}")
    if x.shape[1] == channels:
        return x
    if not x.is_floating_point():
        raise ValueError(f"expected images of floats in [0, 1], got {x.dtype}: decnn.data.as_floats(x) makes them")
    if channels == 3:
        return x.expand(-1, 3, -1, -1)
    return (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True).clamp(0, 1)

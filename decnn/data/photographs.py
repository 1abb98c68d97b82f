"""Photographs decoded once: JPEG files to small squares in a memory-mapped file of the user's cache."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from decnn.data import decoding

__all__ = ["decoded", "square"]

RULE = 1  # of `square`; another rule, another number, so that no file made by an older one is read
BLOCK = 256  # files of one task


def decoded(
    count: int,
    find: Callable[[], Sequence[Path]],
    size: int,
    name: str,
    made_from: str,
    shapes: Sequence[tuple[int, int]],
) -> tuple[np.ndarray, np.ndarray]:
    """The files' central squares, and the files' digests, from the cache, or decoded into it.

    Arguments:
        count: N, the number of photographs.
        find: () -> their N JPEG files; called only if they have to be decoded.
        size: height and width of the result.
        name: of the data set and split, for the cache's file name and the progress bar.
        made_from: what tells this selection of files from another, as a digest of the lists they are from.
        shapes: the (width, height) that a photograph may have.

    Returns:
        Pixels uint8 (N, size, size, 3) and digests uint8 (N, 16), both memory-mapped; whoever writes to them
        changes a copy, never the file.

    Raises:
        ValueError: photographs that cannot be read or have another shape; how many, and the first few.
        OSError: the cache cannot be written.

    Source: none; `decnn.data.decoding` keeps the cache.

    >>> pixels, digests = decoded(0, list, 32, "doctest", "", [])
    >>> pixels.shape, digests.shape
    ((0, 32, 32, 3), (0, 16))
    """
    key = f"{name} {count} {size} rule {RULE} {made_from}"
    work = decoding.Work(
        "photographs", "image", name, f"{name}-{size}", key, [("pixels", "u1", (size, size, 3))], BLOCK
    )
    records = decoding.decoded(work, count, find, partial(_decode_block, size, shapes))
    return records["pixels"], records["digest"]


def square(content: bytes, size: int, shapes: Sequence[tuple[int, int]]) -> np.ndarray:
    """The central square of a JPEG photograph, resized: uint8 (size, size, 3).

    Arguments:
        content: the bytes of the file.
        size: height and width of the result; bilinear with antialiasing, from the original pixels.
        shapes: the (width, height) that the photograph may have.

    Raises:
        ValueError: not a whole JPEG file, or another shape.

    Source: none; the crop that is usual for CelebA's aligned faces.

    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (89, 109), (255, 0, 0)).save(file, "JPEG")
    >>> square(file.getvalue(), 32, [(89, 109)])[16, 16].tolist()
    [254, 0, 0]
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as opened:
            image = opened.convert("RGB")  # decodes all of it
    except Exception as cause:  # what a broken file raises depends on where it is broken
        known = "cannot identify" not in str(cause)  # Pillow names the object in memory, of no use to anyone
        raise ValueError(f"not a whole JPEG file{f': {cause}' if known else ''}") from cause
    if image.size not in shapes:
        expected = " or ".join(f"{width}x{height}" for width, height in shapes)
        raise ValueError(f"expected {expected} pixels, got {image.width}x{image.height}")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # Cropped first: with resize's own box, pixels outside it would weigh in at its edges.
    cropped = image.crop((left, top, left + side, top + side))
    return np.asarray(cropped.resize((size, size), Image.Resampling.BILINEAR))


def _decode_block(
    size: int,
    shapes: Sequence[tuple[int, int]],
    layout: np.dtype,
    files: Sequence[Path],
    earlier: np.ndarray | None,
    block: slice,
) -> tuple[np.ndarray, list[tuple[Path, str]]]:
    """The records of some files, and, for each that is bad, its path and why."""

    def decode(content: bytes, record: np.void) -> None:
        record["pixels"] = square(content, size, shapes)

    return decoding.filled_in(decode, layout, files, earlier, block)

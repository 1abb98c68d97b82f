"""Photographs decoded once: JPEG files to small squares in a memory-mapped file of the user's cache."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from decnn.data.source import cache_root, show_path

__all__ = ["decoded", "square"]

RULE = 1  # of `square`; another rule, another number, so that no file made by an older one is read
DIGEST = 16  # bytes of a file's sha256; all zero: the file is not decoded yet
BLOCK = 256  # files of one task
SHOWN = 5  # bad files that a message names
ABANDONED = 24 * 3600.0  # seconds after which an unfinished file is a killed run's


def decoded(
    count: int,
    find: Callable[[], Sequence[Path]],
    size: int,
    name: str,
    made_from: str,
    shapes: Sequence[tuple[int, int]],
) -> tuple[np.ndarray, np.ndarray]:
    """The files' central squares, and the files' digests, from the cache, or decoded into it.

    Decoding runs in threads, with a progress bar on a terminal. A file in the cache is complete or not
    there: it gets its name only once all of it is on the disk. If some photographs are bad, the others are
    kept, and the next call decodes only what is missing.

    Args:
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

    Source: none, this package's own cache.

    >>> pixels, digests = decoded(0, list, 32, "doctest", "", [])
    >>> pixels.shape, digests.shape
    ((0, 32, 32, 3), (0, 16))
    """
    layout = np.dtype([("pixels", "u1", (size, size, 3)), ("digest", "u1", (DIGEST,))])
    made = hashlib.sha256(f"{name} {count} {size} rule {RULE} {made_from}".encode()).hexdigest()[:16]
    path = cache_root() / "photographs" / f"{name}-{size}-{made}.npy"
    records = _opened(path, layout, count)
    if records is None:
        files = find()
        try:
            _decode(path, layout, files, size, name, shapes)
        except OSError as cause:
            room = count * layout.itemsize / 1e6
            raise OSError(
                cause.errno,
                f"could not write the decoded photographs ({cause.strerror or cause}); set DECNN_CACHE to a "
                f"folder with {room:,.0f} MB of room",
                show_path(path),
            ) from cause
        records = np.load(path, mmap_mode="c")
    return records["pixels"], records["digest"]


def square(content: bytes, size: int, shapes: Sequence[tuple[int, int]]) -> np.ndarray:
    """The central square of a JPEG photograph, resized: uint8 (size, size, 3).

    Args:
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


def _opened(path: Path, layout: np.dtype, count: int) -> np.ndarray | None:
    """The records in a file, memory-mapped; None if it is not there, or not such a file."""
    try:
        records = np.load(path, mmap_mode="c") if count else np.zeros(0, layout)
    except (OSError, ValueError, EOFError):
        return None
    return records if records.dtype == layout and records.shape == (count,) else None


def _decode(
    path: Path, layout: np.dtype, files: Sequence[Path], size: int, name: str, shapes: Sequence[tuple[int, int]]
) -> None:
    """Decode what no earlier call has decoded, into `path`, or, where photographs are bad, beside it."""
    from tqdm import tqdm

    path.parent.mkdir(parents=True, exist_ok=True)
    kept, bad = path.with_suffix(".part"), []
    earlier = _opened(kept, layout, len(files))
    blocks = [slice(start, start + BLOCK) for start in range(0, len(files), BLOCK)]
    work = partial(_decode_block, layout, files, earlier, size, shapes)
    bar = tqdm(total=len(files), desc=f"{name}: decoding", unit="image", disable=None, mininterval=1)
    with bar, ThreadPoolExecutor(_processors()) as pool:

        def finished() -> Iterator[np.ndarray]:
            for block, wrong in pool.map(work, blocks):
                bad.extend(wrong)
                bar.update(len(block))
                yield block

        try:
            temporary = _write(path, layout, len(files), finished())
        except BaseException:
            pool.shutdown(cancel_futures=True)  # or an interrupt would wait for all that is left
            raise
    os.replace(temporary, kept if bad else path)
    _sync_folder(path.parent)
    if bad:
        more = f" and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
        raise ValueError(
            f"{show_path(files[0].parent)}: expected {len(files):,} photographs, got {len(bad):,} that cannot be "
            f"used: {'; '.join(bad[:SHOWN])}{more}; replace them by the published ones, the others are kept decoded"
        )
    kept.unlink(missing_ok=True)


def _decode_block(
    layout: np.dtype,
    files: Sequence[Path],
    earlier: np.ndarray | None,
    size: int,
    shapes: Sequence[tuple[int, int]],
    block: slice,
) -> tuple[np.ndarray, list[str]]:
    """The records of some files, and, for each that is bad, its name and why."""
    part = files[block]
    records = np.zeros(len(part), layout) if earlier is None else np.array(earlier[block])
    bad = []
    for index, file in enumerate(part):
        if records["digest"][index].any():
            continue
        try:
            content = file.read_bytes()
            records["pixels"][index] = square(content, size, shapes)
        except (OSError, ValueError) as cause:
            why = cause.strerror or cause if isinstance(cause, OSError) else cause
            bad.append(f"{file.name} ({why})")
            continue
        records["digest"][index] = np.frombuffer(hashlib.sha256(content).digest()[:DIGEST], np.uint8)
    return records, bad


def _write(path: Path, layout: np.dtype, count: int, blocks: Iterator[np.ndarray]) -> Path:
    """Write an .npy file under a temporary name that no reader looks for; it is on the disk on return."""
    for left in path.parent.glob("*.tmp"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            left.unlink(missing_ok=True)
    temporary = path.with_name(f"{path.stem}-{os.getpid()}.tmp")
    header = {"descr": np.lib.format.dtype_to_descr(layout), "fortran_order": False, "shape": (count,)}
    try:
        # Written, not mapped: on a full disk a write is an error, a mapped page is the end of the process.
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_2_0(file, header)
            for block in blocks:
                file.write(block.tobytes())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _sync_folder(folder: Path) -> None:
    """Put a renaming on the disk, where folders can be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

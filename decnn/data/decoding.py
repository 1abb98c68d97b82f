"""Files decoded once, in parallel: photographs or recordings to records of one memory-mapped file in the cache."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from decnn.data.source import cache_root, show_path

__all__ = ["Work", "decoded", "filled_in", "processors"]

DIGEST = 16  # bytes of a file's sha256; all zero: the file is not decoded yet
SHOWN = 5  # bad files that a message names
ABANDONED = 24 * 3600.0  # seconds after which an unfinished file is a killed run's


@dataclass(frozen=True)
class Work:
    """What has to be decoded, and how.

    Attributes:
        kind: of files, in the plural, as "photographs": for messages, and the folder in the cache.
        unit: one of them, for the progress bar.
        name: of the data set and split, for the progress bar.
        stem: how the cache's file name begins.
        made_from: what tells these records from others: the rule, its options, the selection of files.
        fields: of a record, as `np.dtype` takes them; "digest" is added.
        block: files of one task.

    >>> work = Work("photographs", "image", "toy-train", "toy-train-8", "", [("pixels", "u1", (8, 8, 3))], 256)
    >>> work.layout.names, work.layout.itemsize
    (('pixels', 'digest'), 208)
    """

    kind: str
    unit: str
    name: str
    stem: str
    made_from: str
    fields: Sequence[tuple]
    block: int

    @property
    def layout(self) -> np.dtype:
        """The dtype of a record."""
        return np.dtype([*self.fields, ("digest", "u1", (DIGEST,))])

    @property
    def path(self) -> Path:
        """The file of the cache: complete, or not there."""
        made = hashlib.sha256(self.made_from.encode()).hexdigest()[:16]
        return cache_root() / self.kind / f"{self.stem}-{made}.npy"


Decode = Callable[[np.dtype, Sequence[Path], np.ndarray | None, slice], tuple[np.ndarray, list[tuple[Path, str]]]]


def decoded(
    work: Work,
    count: int,
    find: Callable[[], Sequence[Path]],
    decode: Decode,
    current: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """The records of N files, from the cache, or decoded into it.

    Decoding runs in threads, with a progress bar on a terminal. A file in the cache is complete or not
    there: it gets its name only once all of it is on the disk. If some files are bad, the others are kept,
    and the next call decodes only what is missing.

    Arguments:
        work: what is decoded.
        count: N, the number of files.
        find: () -> the N files; called only if some have to be decoded.
        decode: (layout, files, earlier records, block) -> the records of that block, and for each bad file
            its path and why; see `filled_in`. Runs in several threads.
        current: records -> bool (N,), which of them still tell what their files hold; None: all do.

    Returns:
        Records (N,), memory-mapped; whoever writes to them changes a copy, never the file.

    Raises:
        ValueError: files that cannot be used; how many, and the first few.
        OSError: the cache cannot be written.

    Source: none, this package's own cache.

    >>> empty = Work("photographs", "image", "doctest", "doctest", "", [("pixels", "u1", (8, 8, 3))], 256)
    >>> decoded(empty, 0, list, filled_in)["pixels"].shape
    (0, 8, 8, 3)
    """
    records = _opened(work.path, work.layout, count)
    if records is None or not (current is None or current(records).all()):
        earlier = _opened(work.path.with_suffix(".part"), work.layout, count)  # of a call that found bad files
        if earlier is None:
            earlier = records
        if earlier is not None and current is not None:
            earlier = np.array(earlier)
            earlier["digest"][~current(earlier)] = 0
        files = find()
        try:
            _decode(work, files, partial(decode, work.layout, files, earlier))
        except OSError as cause:
            room = count * work.layout.itemsize / 1e6
            raise OSError(
                cause.errno,
                f"could not write the decoded {work.kind} ({cause.strerror or cause}); set DECNN_CACHE to a "
                f"folder with {room:,.0f} MB of room",
                show_path(work.path),
            ) from cause
        records = np.load(work.path, mmap_mode="c")
    return records


def filled_in(
    decode: Callable[[bytes, np.void], None],
    layout: np.dtype,
    files: Sequence[Path],
    earlier: np.ndarray | None,
    block: slice,
) -> tuple[np.ndarray, list[tuple[Path, str]]]:
    """The records of a block of files, each file's record filled in by itself, unless an earlier call has.

    Arguments:
        decode: (content of a file, its record) -> None; fills in the record, or raises ValueError.
        layout: of a record.
        files: all N of them.
        earlier: records (N,) of an earlier call, or None.
        block: which files.

    Returns:
        The records, and, for each file that is bad, its path and why.

    >>> def sizes(content, record):
    ...     record["size"] = len(content)
    >>> records, bad = filled_in(sizes, np.dtype([("size", "i8"), ("digest", "u1", (16,))]), [Path("no-such-file")],
    ...                          None, slice(0, 1))
    >>> bad[0][1], records["digest"].any()
    ('No such file or directory', np.False_)
    """
    part, bad = files[block], []
    records = np.zeros(len(part), layout) if earlier is None else np.array(earlier[block])
    for record, file in zip(records, part, strict=True):
        if record["digest"].any():
            continue
        try:
            content = file.read_bytes()
            decode(content, record)
        except (OSError, ValueError) as cause:
            bad.append((file, str(cause.strerror or cause if isinstance(cause, OSError) else cause)))
            continue
        record["digest"] = np.frombuffer(hashlib.sha256(content).digest()[:DIGEST], np.uint8)
    return records, bad


def _opened(path: Path, layout: np.dtype, count: int) -> np.ndarray | None:
    """The records in a file, memory-mapped; None if it is not there, or not such a file."""
    try:
        records = np.load(path, mmap_mode="c") if count else np.zeros(0, layout)
    except (OSError, ValueError, EOFError):
        return None
    return records if records.dtype == layout and records.shape == (count,) else None


def _decode(
    work: Work, files: Sequence[Path], decode: Callable[[slice], tuple[np.ndarray, list[tuple[Path, str]]]]
) -> None:
    """Decode what no earlier call has decoded, into the cache's file, or, where files are bad, beside it."""
    from tqdm import tqdm

    path = work.path
    path.parent.mkdir(parents=True, exist_ok=True)
    kept, bad = path.with_suffix(".part"), []
    blocks = [slice(start, start + work.block) for start in range(0, len(files), work.block)]
    bar = tqdm(total=len(files), desc=f"{work.name}: decoding", unit=work.unit, disable=None, mininterval=1)
    with bar, ThreadPoolExecutor(processors()) as pool:

        def finished() -> Iterator[np.ndarray]:
            for block, wrong in pool.map(decode, blocks):
                bad.extend(wrong)
                bar.update(len(block))
                yield block

        try:
            temporary = _write(path, work.layout, len(files), finished())
        except BaseException:
            pool.shutdown(cancel_futures=True)  # or an interrupt would wait for all that is left
            raise
    os.replace(temporary, kept if bad else path)
    _sync_folder(path.parent)
    if bad:
        folder = Path(os.path.commonpath([file.parent for file in files]))
        named = [f"{file.relative_to(folder).as_posix()} ({why})" for file, why in bad[:SHOWN]]
        more = f" and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
        raise ValueError(
            f"{show_path(folder)}: expected {len(files):,} {work.kind}, got {len(bad):,} that cannot be "
            f"used: {'; '.join(named)}{more}; replace them by the published ones, the others are kept decoded"
        )
    kept.unlink(missing_ok=True)


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


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

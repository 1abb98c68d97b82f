"""The IDX file format of MNIST and Fashion-MNIST: a header that is checked, then unsigned bytes."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np

from decnn.data.source import show_path

__all__ = ["find_idx", "read_idx"]

UINT8 = 0x08  # the type code of unsigned bytes, the only one that MNIST and Fashion-MNIST use
GZIP_MAGIC = b"\x1f\x8b"
REPLACE = "delete it and fetch it again with `decnn data get`, or copy the original there"


def find_idx(folder: Path, name: str) -> Path | None:
    """The IDX file `name` in `folder`, plain or gzipped (`name`.gz); the plain one if both are there.

    >>> find_idx(Path("no-such-folder"), "train-images-idx3-ubyte") is None
    True
    """
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def read_idx(path: Path, ndim: int, md5: str | None = None) -> np.ndarray:
    """Read one IDX file of unsigned bytes, plain or gzipped, into a uint8 array of `ndim` dimensions.

    Arguments:
        path: the file; gzip is recognised by its first bytes.
        ndim: 3 for images (N, rows, columns), 1 for labels (N,).
        md5: the checksum, in hex, of the published file uncompressed; None skips that check.

    Raises:
        ValueError: broken gzip, wrong magic number, fewer or more bytes than the header says, or another
            checksum; the message names the file, what was expected and what came.

    Source: the format as on the MNIST page, http://yann.lecun.com/exdb/mnist/ (big-endian: two zero bytes,
    type code, number of dimensions, one 32-bit size for each dimension, then the values).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path, ndim=1)
    array([7, 2, 1], dtype=uint8)
    """
    shown = show_path(path)
    raw = _uncompressed(path)
    head = 4 + 4 * ndim
    if len(raw) < head:
        raise ValueError(f"{shown}: truncated: expected a header of {head} bytes, got {len(raw)} bytes; {REPLACE}")
    magic, expected_magic = int.from_bytes(raw[:4], "big"), UINT8 << 8 | ndim
    if magic != expected_magic:
        raise ValueError(
            f"{shown}: wrong magic number: expected {expected_magic:#010x} (unsigned bytes, {ndim}-D), "
            f"got {magic:#010x}; is it the right file? {REPLACE}"
        )
    shape = tuple(int(n) for n in np.frombuffer(raw, dtype=">u4", count=ndim, offset=4))
    expected = head + math.prod(shape)
    if len(raw) != expected:
        state = "truncated" if len(raw) < expected else "too long"
        raise ValueError(
            f"{shown}: {state}: the header says {shape}, so expected {expected} bytes, got {len(raw)} bytes; {REPLACE}"
        )
    got = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if md5 is not None and got != md5:
        raise ValueError(f"{shown}: not the published file: expected md5 {md5} (uncompressed), got {got}; {REPLACE}")
    return np.frombuffer(raw, dtype=np.uint8, offset=head).reshape(shape)


def _uncompressed(path: Path) -> bytes:
    """The file's bytes, gunzipped if it is a gzip file."""
    raw = path.read_bytes()
    if not raw.startswith(GZIP_MAGIC):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as cause:  # bad header or checksum, cut short, bad stream
        raise ValueError(
            f"{show_path(path)}: expected a whole gzip file, got {len(raw)} bytes that do not decompress "
            f"({cause}); {REPLACE}"
        ) from cause

"""Recordings decoded once: wav and flac files to log-mel spectrograms in a memory-mapped file of the user's cache."""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import astuple
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from decnn.data import decoding
from decnn.data.source import DataNotFound
from decnn.data.speech import FRAMES, Recipe, decibels

__all__ = ["missing_packages", "read_sound", "require", "spectrograms"]

NEEDED = ("soundfile", "torchaudio")
RULE = 1  # of `decibels`; another rule, another number, so that no file made by an older one is read
BLOCK = 64  # files of one task
LOUDEST = 8.0  # floating-point files may pass full scale a little; integers read as floats pass it by thousands
PHASES = 4000  # of the resampling kernel, whose memory grows with them
FIELDS = [("decibels", "f4", (FRAMES, FRAMES)), ("rate", "i4"), ("seconds", "f4"), ("stamp", "i8", (2,))]


def spectrograms(files: Sequence[Path], folder: Path, recipe: Recipe, name: str) -> np.ndarray:
    """The files' spectrograms, from the cache, or computed into it.

    The cache's file is named after the recipe and the files' paths. Each record has its file's size and time
    of change, so a file that changes is decoded again, alone; and a digest of its content.

    Arguments:
        files: N sound files, in order.
        folder: that all of them are under.
        recipe: from waveform to 32x32 decibels.
        name: of the data set and split, for the cache's file name, the progress bar and messages.

    Returns:
        Records (N,), memory-mapped: "decibels" float32 (32, 32); "rate" and "seconds" of the file; "stamp";
        "digest" uint8 (16,).

    Warns:
        UserWarning: once, when they are computed: files of another rate, which were resampled, and files
            longer than the window, which were cut.

    Raises:
        ValueError: files that cannot be used, by name; the others' spectrograms are kept.
        OSError: the cache cannot be written.

    >>> from decnn.data.speech import filled
    >>> spectrograms([], Path("."), filled(8000, 1.0), "doctest")["decibels"].shape
    (0, 32, 32)
    """
    paths = hashlib.sha256("\0".join(file.relative_to(folder).as_posix() for file in files).encode()).hexdigest()
    key = f"{name} rule {RULE} {astuple(recipe)} {paths}"
    work = decoding.Work("recordings", "clip", name, f"{name}-{recipe.name}", key, FIELDS, BLOCK)
    stamps = np.array([_stamp(file) for file in files], np.int64).reshape(-1, 2)
    computed = False

    def find() -> Sequence[Path]:
        nonlocal computed
        computed = True
        return files

    decode = partial(_decode_block, recipe, stamps)
    records = decoding.decoded(work, len(files), find, decode, lambda r: (r["stamp"] == stamps).all(1))
    if computed:
        _tell(records, files, folder, recipe, name)
    return records


def read_sound(content: bytes, recipe: Recipe) -> tuple[torch.Tensor, int]:
    """The samples of a wav or flac file, at the recipe's rate, float32 (T,), and the rate of the file.

    Raises:
        ValueError: not a whole sound file, no samples, more than one channel, samples that are not finite or
            far above full scale, or a rate whose resampling would need a kernel of gigabytes.

    Source: libsndfile, by soundfile; resampling by torchaudio (a windowed sinc).

    >>> import soundfile
    >>> from decnn.data.speech import filled
    >>> file = io.BytesIO()
    >>> soundfile.write(file, np.zeros(4410), 44_100, format="WAV")
    >>> sound, rate = read_sound(file.getvalue(), filled(8000, 1.0))
    >>> tuple(sound.shape), rate
    ((800,), 44100)
    """
    import soundfile
    from torchaudio.functional import resample

    declared = 8 + int.from_bytes(content[4:8], "little")
    streamed = content[4:8] == b"\xff" * 4  # what wrote into a pipe could not go back and tell the length
    if content.startswith(b"RIFF") and not streamed and declared > len(content):  # libsndfile would read what there is
        raise ValueError(f"truncated: expected {declared:,} bytes, as its header says, got {len(content):,}")
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as cause:
        raise ValueError(f"not a whole sound file: {cause.error_string}") from cause
    if not len(samples):
        raise ValueError("expected a sound, got no samples")
    if samples.shape[1] != 1:
        raise ValueError(f"expected one channel, got {samples.shape[1]}")
    if not np.isfinite(samples).all():
        wrong = np.flatnonzero(~np.isfinite(samples[:, 0]))
        raise ValueError(f"expected numbers, got NaN or infinity in {len(wrong):,} of {len(samples):,} samples")
    peak = np.abs(samples).max()
    if peak > LOUDEST:
        raise ValueError(f"expected samples in [-1, 1], got up to {peak:,.3g}; divide them by their full scale")
    if max(rate, recipe.rate) // math.gcd(rate, recipe.rate) > PHASES:
        raise ValueError(f"expected a usual sampling rate, as {recipe.rate:,} Hz, got {rate:,} Hz; resample it first")
    return resample(torch.from_numpy(samples[:, 0]), rate, recipe.rate), rate


def require(name: str) -> None:
    """Raise DataNotFound unless the packages that read sound are installed.

    >>> require("fsdd")
    """
    missing = missing_packages()
    if missing:
        raise DataNotFound(
            f"not run: data not found: {name} is read with {' and '.join(missing)}, not installed; "
            f"run `pip install {' '.join(missing)}`"
        )


def missing_packages() -> list[str]:
    """The packages that read sound and are not installed."""
    return [package for package in NEEDED if find_spec(package) is None]


def _decode_block(
    recipe: Recipe,
    stamps: np.ndarray,
    layout: np.dtype,
    files: Sequence[Path],
    earlier: np.ndarray | None,
    block: slice,
) -> tuple[np.ndarray, list[tuple[Path, str]]]:
    """The records of some files, and, for each that is bad, its path and why."""

    def decode(content: bytes, record: np.void) -> None:
        sound, rate = read_sound(content, recipe)
        record["decibels"] = decibels(sound, recipe).numpy()
        record["rate"], record["seconds"] = rate, len(sound) / recipe.rate

    records, bad = decoding.filled_in(decode, layout, files, earlier, block)
    records["stamp"] = stamps[block]
    return records, bad


def _stamp(file: Path) -> tuple[int, int]:
    """What changes if the file does, as git's index takes it: its size, and the time of its last change."""
    try:
        stat = file.stat()
    except OSError:  # told when it is to be read
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _tell(records: np.ndarray, files: Sequence[Path], folder: Path, recipe: Recipe, name: str) -> None:
    """Warn of files that were resampled or cut."""
    other = np.flatnonzero(records["rate"] != recipe.rate)
    if len(other):
        first = other[0]
        warnings.warn(
            f"{name}: {len(other):,} of {len(files):,} recordings are not at {recipe.rate:,} Hz and were resampled, "
            f"the first {files[first].relative_to(folder).as_posix()} ({records['rate'][first]:,} Hz)",
            stacklevel=2,
        )
    longer = np.flatnonzero(records["seconds"] > recipe.seconds + 0.5 / recipe.rate)
    if len(longer):
        longest = longer[records["seconds"][longer].argmax()]
        warnings.warn(
            f"{name}: {len(longer):,} of {len(files):,} recordings are longer than the {recipe.seconds:.2f} s of "
            f"recipe {recipe.name!r} and were cut, the longest "
            f"{files[longest].relative_to(folder).as_posix()} ({records['seconds'][longest]:.2f} s)",
            stacklevel=2,
        )

"""What a data set is to `load`: where its files lie, how they are read, what to say when they are missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from decnn.data.speech import LogMel

__all__ = ["DataNotFound", "Read", "Source", "cache_root", "data_root", "show_path"]


class DataNotFound(FileNotFoundError):
    """The data set is not on this machine; the message is the sentence a table shows in place of a number.

    It reads "not run: data not found: <what is missing>; <what to do>", so that a page can print it as it is.

    >>> str(DataNotFound("not run: data not found: mnist is not under ~/data; run `decnn data get mnist`"))
    'not run: data not found: mnist is not under ~/data; run `decnn data get mnist`'
    """


class Read(NamedTuple):
    """What a source hands over: one split, in a fixed order.

    Attributes:
        pixels: uint8, or float32 in [0, 1]; (N, H, W) or (N, H, W, C); may be memory-mapped.
        labels: (N,) an integer dtype, in 0..K-1; or (N, A) of 0 and 1, one column for each attribute.
        content: what the checksum is of, where it is not `pixels`: a source that decodes files gives their
            digests here, so that the checksum does not depend on the size, nor on the decoder.
        log_mel: of spectrograms, how they were made and scaled; None for pictures.

    >>> Read(np.zeros((2, 8, 8), np.uint8), np.arange(2)).content is None
    True
    """

    pixels: np.ndarray
    labels: np.ndarray
    content: np.ndarray | None = None
    log_mel: LogMel | None = None


@dataclass(frozen=True)
class Source:
    """One data set behind `decnn.data.load`; a new one is a new entry in `decnn.data.named.SOURCES`.

    Attributes:
        class_names: the K class names, in label order; of a source of attributes, those taken by default.
        read: (split, root, size) -> Read. Pixels as they are stored; a source that has to decode files may
            resize them to `size` on the way. Raises DataNotFound if they are not there.
        available: root -> whether every file of both splits is there; must not open the images.
        where: a sentence, how to get the data by hand.
        found: a phrase, where the data are once they are there; {root} stands for the folder.
        download: root -> None, fetches the files; None if nothing can be fetched.
        attributes: the names of all columns of labels (N, A), of which a caller may choose; () for classes.
        synthetic: whether this package makes the images.
        channels: C, 1 for grey and 3 for colour.
        read_by: of speech, (recipe, split, root, size) -> Read, with a recipe's name or another set's recipe and
            map to [0, 1]; `read` takes the default. None for pictures.

    >>> toy = Source(("a", "b"), lambda split, root, size: Read(np.zeros((2, 8, 8), np.uint8), np.arange(2)),
    ...              available=lambda root: True, where="made up")
    >>> toy.read("train", Path("."), 32).pixels.shape
    (2, 8, 8)
    """

    class_names: tuple[str, ...]
    read: Callable[[str, Path, int], Read]
    available: Callable[[Path], bool]
    where: str
    found: str = "under {root}, checksums verified"
    download: Callable[[Path], None] | None = None
    attributes: tuple[str, ...] = ()
    synthetic: bool = False
    channels: int = 1
    read_by: Callable[[str | LogMel, str, Path, int], Read] | None = None


def data_root(root: str | Path | None = None) -> Path:
    """The folder that holds the data sets: `root`, else $DECNN_DATA, else the user's cache folder.

    The cache folder is $XDG_CACHE_HOME/decnn/data, by default ~/.cache/decnn/data. It need not exist.

    Source: XDG Base Directory Specification (a relative XDG_CACHE_HOME is ignored, as it asks).

    >>> data_root("some/folder").as_posix()
    'some/folder'
    """
    chosen = root if root is not None else os.environ.get("DECNN_DATA")
    if chosen:
        return Path(chosen).expanduser()
    return _user_cache() / "data"


def cache_root() -> Path:
    """The folder of what can be made again: $DECNN_CACHE, else the user's cache folder. It need not exist.

    The cache folder is $XDG_CACHE_HOME/decnn, by default ~/.cache/decnn.

    Source: XDG Base Directory Specification (a relative XDG_CACHE_HOME is ignored, as it asks).

    >>> isinstance(cache_root(), Path)
    True
    """
    chosen = os.environ.get("DECNN_CACHE")
    return Path(chosen).expanduser() if chosen else _user_cache()


def _user_cache() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "decnn"


def show_path(path: Path) -> str:
    """The path as a message shows it: with ~ for the home folder, which a published page should not name.

    >>> show_path(Path.home() / "data"), show_path(Path("data"))
    ('~/data', 'data')
    """
    home = Path.home()
    return (Path("~") / path.relative_to(home)).as_posix() if path.is_relative_to(home) else path.as_posix()

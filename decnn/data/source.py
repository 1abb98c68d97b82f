"""What a data set is to `load`: where its files lie, how they are read, what to say when they are missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["DataNotFound", "Source", "data_root", "show_path"]


class DataNotFound(FileNotFoundError):
    """The data set is not on this machine; the message is the sentence a table shows in place of a number.

    It reads "not run: data not found: <what is missing>; <what to do>", so that a page can print it as it is.

    >>> str(DataNotFound("not run: data not found: mnist is not under ~/data; run `decnn data get mnist`"))
    'not run: data not found: mnist is not under ~/data; run `decnn data get mnist`'
    """


@dataclass(frozen=True)
class Source:
    """One data set behind `decnn.data.load`; a new one is a new entry in `decnn.data.images.SOURCES`.

    Attributes:
        class_names: the K class names, in label order.
        read: (split, root) -> images uint8 (N, H, W) or (N, H, W, C) and labels (N,) as the source stores
            them, an integer dtype, in 0..K-1; raises DataNotFound if they are not there.
        available: root -> whether every file of both splits is there; must not open them.
        where: a sentence, how to get the data by hand.
        download: root -> None, fetches the files; None if nothing can be fetched.

    >>> toy = Source(("a", "b"), lambda split, root: (np.zeros((2, 8, 8), np.uint8), np.arange(2)),
    ...              available=lambda root: True, where="made up")
    >>> toy.read("train", Path("."))[0].shape
    (2, 8, 8)
    """

    class_names: tuple[str, ...]
    read: Callable[[str, Path], tuple[np.ndarray, np.ndarray]]
    available: Callable[[Path], bool]
    where: str
    download: Callable[[Path], None] | None = None


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
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "decnn" / "data"


def show_path(path: Path) -> str:
    """The path as a message shows it: with ~ for the home folder, which a published page should not name.

    >>> show_path(Path.home() / "data"), show_path(Path("data"))
    ('~/data', 'data')
    """
    home = Path.home()
    return (Path("~") / path.relative_to(home)).as_posix() if path.is_relative_to(home) else path.as_posix()

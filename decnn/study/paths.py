"""Where things live: found from the repository's root and the user's cache, never from the current folder."""

from __future__ import annotations

from pathlib import Path

from decnn.data.source import cache_root

__all__ = ["cache", "checkpoints", "claims", "logs", "paper_numbers", "records", "root", "smoke_records"]


def root() -> Path:
    """The repository's root.

    Raises:
        FileNotFoundError: the package is installed without its repository.
    """
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "_toc.yml").exists() and not (folder / "book").is_dir():
        raise FileNotFoundError(
            f"expected the companion's repository around {folder}, got an installed library alone: clone the "
            "repository and run `pip install -e .` in it"
        )
    return folder


def cache() -> Path:
    """The user's cache folder: $DECNN_CACHE, else decnn under $XDG_CACHE_HOME or ~/.cache."""
    return cache_root()


def checkpoints() -> Path:
    """Checkpoints of runs: safe to delete, dear to make again."""
    return cache() / "checkpoints"


def claims() -> Path:
    """Who trains what at the moment: shared by all machines that work on the same runs."""
    return cache() / "claims"


def logs() -> Path:
    """What the jobs of `decnn run --launcher` print, a folder for each launch."""
    return cache() / "logs"


def records() -> Path:
    """Committed results."""
    return root() / "book" / "records"


def smoke_records() -> Path:
    """Results of smoke runs, kept out of the repository: they are no findings."""
    return cache() / "smoke_records"


def paper_numbers() -> Path:
    """The printed numbers of the paper's tables."""
    return root() / "book" / "paper"

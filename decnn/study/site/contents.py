"""The book's table of contents: its parts, and the pages of each, those within a chapter included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import yaml

from decnn.study import paths

__all__ = ["pages", "parts", "root"]


def root() -> str:
    """The first page, as `_toc.yml` names it.

    Example:
        >>> root()
        'book/index'
    """
    return _toc()["root"]


def parts() -> dict[str, list[str]]:
    """Caption of a part -> its pages, in the book's order: a chapter, then its sections.

    Example:
        >>> parts()["Things to touch"]
        ['book/touch']
    """
    return {part["caption"]: list(_within(part["chapters"])) for part in _toc()["parts"]}


def pages() -> list[str]:
    """Every page, in the book's order.

    Example:
        >>> pages()[:2]
        ['book/index', 'book/chapters/verdict']
    """
    return [root(), *(page for within in parts().values() for page in within)]


def _within(entries: Sequence[Mapping]) -> Iterator[str]:
    for entry in entries:
        yield entry["file"]
        yield from _within(entry.get("sections", ()))


def _toc() -> dict:
    return yaml.safe_load((paths.root() / "_toc.yml").read_text())

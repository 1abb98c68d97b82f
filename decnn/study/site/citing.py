"""How to cite: BibTeX from CITATION.cff."""

from __future__ import annotations

import datetime

import yaml

from decnn.study import paths

__all__ = ["paper", "software"]


def paper() -> str:
    """The paper's entry, from what CITATION.cff prefers to have cited.

    Example:
        >>> print(paper().splitlines()[1])
          author    = {Wu, Mike and Goodman, Noah and Ermon, Stefano},
    """
    entry = _citation()["preferred-citation"]
    return _bibtex(
        "inproceedings", "wu2021improving",
        author=" and ".join(f"{author['family-names']}, {author['given-names']}" for author in entry["authors"]),
        title=entry["title"],
        booktitle=entry["collection-title"],
        volume=entry["volume"],
        year=entry["year"],
    )  # fmt: skip


def software() -> str:
    """The entry of this software at its version, which has authors of its own."""
    entry = _citation()
    released = datetime.date.fromisoformat(str(entry["date-released"]))
    return _bibtex(
        "software", "decnn",
        author=" and ".join(f"{{{author['name']}}}" for author in entry["authors"]),
        title=entry["title"],
        version=entry["version"],
        year=released.year,
        note=f"Companion of {entry['preferred-citation']['identifiers'][0]['value']}",
    )  # fmt: skip


def _citation() -> dict:
    return yaml.safe_load((paths.root() / "CITATION.cff").read_text())


def _bibtex(kind: str, key: str, **fields: object) -> str:
    width = max(map(len, fields))
    lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines[:-1], lines[-1].removesuffix(","), "}"])

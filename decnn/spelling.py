"""A word that has to be one of a list: checked, and where it is mistyped, the nearest of them said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest", "one_of"]


def one_of(word: str, known: Iterable[str], kind: str) -> str:
    """The word itself, if it is known.

    Raises:
        ValueError: it is not: the known ones, and the nearest if one is near.

    Example:
        >>> one_of("tests", ("train", "test"), "split")
        Traceback (most recent call last):
            ...
        ValueError: expected a split, one of train, test, got 'tests'; did you mean 'test'?
    """
    words = list(known)
    if word in words:
        return word
    near = nearest(word, words)
    hint = f"; did you mean {near!r}?" if near else ""
    article = "an" if kind[0] in "aeiou" else "a"
    raise ValueError(f"expected {article} {kind}, one of {', '.join(words)}, got {word!r}{hint}")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that this one was likely meant to be, whatever its case; None if none is near.

    Example:
        >>> nearest("cifar", ("MNIST", "CIFAR10"))
        'CIFAR10'
    """
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(str(word).lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None

"""Toy faces: drawn by this package from a seed, 32x32 in colour, with the 18 attributes of CelebA's faces.

They are no photographs and stand in for none: results on them say nothing about CelebA. What they have in
common with it is the kind of labels, among them ties between attributes; here these are known, as `CHANCES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from decnn.data.celeba import FACE_ATTRIBUTES
from decnn.data.images import Images, check_names, from_read
from decnn.data.sketch import draw
from decnn.data.source import Read, Source

__all__ = ["CHANCES", "COUNTS", "SEEDS", "TOY_FACES", "toy_faces"]

COUNTS = {"train": 4000, "test": 1000}
SEEDS = {"train": 0, "test": 1}

# P(attribute | Male), P(attribute | not Male), each where the rules of `_attributes` leave it open.
CHANCES: dict[str, tuple[float, float]] = {
    "Mustache": (0.25, 0.0),
    "Bald": (0.25, 0.0),
    "Black_Hair": (0.35, 0.25),
    "Blond_Hair": (0.10, 0.30),
    "Brown_Hair": (0.25, 0.25),
    "Gray_Hair": (0.15, 0.05),
    "Straight_Hair": (0.35, 0.30),
    "Wavy_Hair": (0.15, 0.45),
    "Receding_Hairline": (0.25, 0.05),
    "Bangs": (0.10, 0.30),
    "Wearing_Hat": (0.20, 0.10),
    "Bushy_Eyebrows": (0.40, 0.10),
    "Eyeglasses": (0.25, 0.10),
    "Heavy_Makeup": (0.02, 0.60),
    "Pale_Skin": (0.10, 0.15),
    "Smiling": (0.45, 0.55),
}
MALE = 0.42
OPEN = (0.65, 0.30)  # P(Mouth_Slightly_Open | Smiling), P(... | not Smiling)
HAIR_COLOURS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")


def toy_faces(count: int, seed: int, *, confounding: float = 0.0, attributes: Sequence[str] | None = None) -> Images:
    """Draw faces: images float32 (N, 3, 32, 32) in [0, 1], labels int64 (N, 18); the same for the same seed.

    Given Male, Mustache and Bald are both true with probability 0.25, and their correlation is `confounding`:
    with that probability Bald is a copy of Mustache, else drawn by itself. Given not Male, both are false.
    So neither attribute becomes more frequent as the tie gets stronger. A larger `count` continues a smaller.

    Arguments:
        count: N, 1 or more.
        seed: a whole number, 0 or more. 0 and 1 begin `load("toy-faces", "train")` and "test".
        confounding: from 0, independent given Male, to 1, identical.
        attributes: which of the 18, in this order; None takes all.

    Raises:
        ValueError: count, seed or confounding out of range, or an unknown attribute.

    Source: none, this package's own drawing; the attributes are CelebA's (Liu et al. 2015).

    >>> images, labels = toy_faces(5, seed=7)
    >>> tuple(images.shape), tuple(labels.shape)
    ((5, 3, 32, 32), (5, 18))
    >>> mustache, bald = toy_faces(500, seed=7, confounding=1.0, attributes=("Mustache", "Bald")).labels.T
    >>> bool((mustache == bald).all()), bool(mustache.any())
    (True, True)
    """
    for what, value, least in (("count", count, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{what}: expected a whole number, {least} or more, got {value!r}")
    if not 0 <= confounding <= 1:
        raise ValueError(f"confounding: expected 0 (independent given Male) to 1 (identical), got {confounding!r}")
    if attributes is not None:
        check_names("toy-faces", attributes, FACE_ATTRIBUTES)
    return from_read(_draw(count, seed, confounding), TOY_FACES, "toy-faces", "drawn", 32, attributes)


def _read(split: str, root: Path, size: int) -> Read:
    """One split; `root` plays no part, and faces are drawn at 32x32 whatever the size."""
    return _draw(COUNTS[split], SEEDS[split], 0.0)


def _draw(count: int, seed: int, confounding: float) -> Read:
    """Pixels uint8 (N, 32, 32, 3) and labels uint8 (N, 18)."""
    # Two streams, so that the faces do not change with the number of attributes; rows, so that N can grow.
    chances, shapes = (np.random.default_rng([2021, seed, part]) for part in range(2))
    has = _attributes(chances.random((count, 3 + len(CHANCES))), confounding)
    labels = np.stack([has[name] for name in FACE_ATTRIBUTES], axis=1).astype(np.uint8)
    return Read(draw(labels, shapes), labels)


def _attributes(u: np.ndarray, confounding: float) -> dict[str, np.ndarray]:
    """All attributes as bool (N,), from uniform numbers (N, 19), by `CHANCES` and a few rules.

    The rules: hair has at most one colour, is straight, wavy or neither, and is not on a bald head; bangs do
    not go with a receding hairline; a hat goes with neither that nor baldness, which it would hide.
    """
    male = u[:, 0] < MALE
    chance = {name: np.where(male, *pair) for name, pair in CHANCES.items()}
    column = dict(zip(CHANCES, u[:, 3:].T, strict=True))
    has = {name: column[name] < chance[name] for name in CHANCES}
    has["Male"] = male
    has["Bald"] = np.where(u[:, 2] < confounding, has["Mustache"], has["Bald"])
    hair = ~has["Bald"]
    for group in (HAIR_COLOURS, ("Straight_Hair", "Wavy_Hair")):
        below = np.zeros(len(u))
        for name in group:  # one number decides among them
            has[name] = hair & (below <= column[group[0]]) & (column[group[0]] < below + chance[name])
            below = below + chance[name]
    has["Receding_Hairline"] &= hair
    has["Bangs"] &= hair & ~has["Receding_Hairline"]
    has["Wearing_Hat"] &= hair & ~has["Receding_Hairline"]
    has["Mouth_Slightly_Open"] = u[:, 1] < np.where(has["Smiling"], *OPEN)
    return has


DRAWN = "this package draws them, so there is nothing to download"
TOY_FACES = Source(
    class_names=FACE_ATTRIBUTES,
    read=_read,
    available=lambda root: True,
    where=DRAWN,
    found=DRAWN,
    attributes=FACE_ATTRIBUTES,
    synthetic=True,
    channels=3,
)

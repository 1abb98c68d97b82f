"""A small copy of CelebA: twelve photographs of made-up colours and their lists, in the published layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decnn.data import Images, load, named
from decnn.data.celeba import ATTRIBUTES, celeba_source
from decnn.data.source import cache_root

COUNT = 12
SIZES = {"full": (178, 218), "half": (89, 109)}


class Copy:
    """The copy under `root`, which the name "celeba-10k" reads while the fixture lasts."""

    flags = np.random.default_rng(3).integers(0, 2, (COUNT, 40))
    parts = (0, 1, 2, 0, 0, 2, 1, 0, 0, 2, 0, 0)  # mixed, as in the part of 10,000

    def __init__(self, root: Path, shape: tuple[int, int]) -> None:
        self.root, self.shape = root, shape
        self.attributes = root / "celeba/list_attr_celeba.txt"
        self.partition = root / "celeba/list_eval_partition.txt"
        self.photographs = [root / f"celeba/img_align_celeba/{index + 1:06d}.jpg" for index in range(COUNT)]
        self.photographs[0].parent.mkdir(parents=True)
        self.write_lists(self.parts)
        for index in range(COUNT):
            self.save(index, shape)

    def write_lists(self, parts: tuple[int, ...]) -> None:
        names = [path.name for path in self.photographs]
        rows = [
            " ".join([name, *(f"{2 * v - 1:2d}" for v in row)]) for name, row in zip(names, self.flags, strict=True)
        ]
        self.attributes.write_text("\n".join([str(COUNT), " ".join(ATTRIBUTES) + " ", *rows, ""]))
        lines = [f"{name} {part}" for name, part in zip(names, parts, strict=True)]
        self.partition.write_text("\n".join([*lines, ""]))

    def save(self, index: int, shape: tuple[int, int], kind: str = "JPEG") -> None:
        """Photograph `index` anew: smooth colours, another in each image, that neither axis leaves constant."""
        small = np.random.default_rng(index).integers(0, 256, (6, 5, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize(shape, Image.Resampling.BICUBIC)
        image.save(self.photographs[index], kind, quality=95)

    def rows(self, split: str) -> list[int]:
        """Which photographs are of this split."""
        return [index for index, part in enumerate(self.parts) if part == {"train": 0, "test": 2}[split]]

    def load(self, split: str, **settings) -> Images:
        return load("celeba-10k", split, root=self.root, **settings)

    def cached(self) -> list[str]:
        """What kinds of files the cache holds."""
        return sorted(path.suffix for path in (cache_root() / "photographs").glob("*"))


@pytest.fixture
def make_celeba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Copy]:
    """Makes a copy of "full" or "half" size, and an empty cache for what is loaded until the next one is made."""

    def make(size: str) -> Copy:
        monkeypatch.setenv("DECNN_CACHE", str(tmp_path / size / "cache"))
        monkeypatch.setitem(named.SOURCES, "celeba-10k", celeba_source("celeba-10k", COUNT, "place it by hand"))
        return Copy(tmp_path / size / "data", SIZES[size])

    return make


@pytest.fixture
def celeba(make_celeba: Callable[[str], Copy]) -> Copy:
    return make_celeba("half")

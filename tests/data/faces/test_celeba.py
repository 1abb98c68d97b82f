"""CelebA's layout: pixels, attributes and lists, of a small copy and of the real files."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest
import torch
from PIL import Image

from decnn.data import FACE_ATTRIBUTES, DataNotFound, available, load
from decnn.data.celeba import ATTRIBUTES


@pytest.mark.parametrize("size", ["full", "half"])
def test_pixels_are_the_resized_central_square(make_celeba, size):
    celeba = make_celeba(size)
    data, rows = celeba.load("train"), celeba.rows("train")
    assert (data.images.dtype, data.images.shape) == (torch.float32, (len(rows), 3, 32, 32))
    width, height = celeba.shape
    top = (height - width) // 2
    for row, index in enumerate(rows):
        with Image.open(celeba.photographs[index]) as image:
            pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None, :, top : top + width].float()
        expected = torch.nn.functional.interpolate(pixels, size=(32, 32), mode="bilinear", antialias=True)
        # Pillow rounds to 8 bits after each axis.
        assert (data.images[row] * 255 - expected[0]).abs().max() <= 1.01


def test_half_size_sees_the_same_square(make_celeba):
    full, half = (make_celeba(size).load("test").images for size in ("full", "half"))
    assert (full - half).abs().mean() < 0.02


def test_another_size_is_resized_from_the_photographs(celeba):
    small, large = (celeba.load("test", size=size) for size in (8, 48))
    assert (small.images.shape[2:], large.images.shape[2:]) == ((8, 8), (48, 48))
    assert small.checksum == large.checksum  # the same files
    with Image.open(celeba.photographs[celeba.rows("test")[0]]) as image:
        direct = np.asarray(image.crop((0, 10, 89, 99)).resize((48, 48), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal((large.images[0].permute(1, 2, 0) * 255).round().numpy(), direct)


def test_labels_are_the_eighteen_attributes(celeba):
    for split in ("train", "test"):
        data = celeba.load(split)
        columns = [ATTRIBUTES.index(name) for name in FACE_ATTRIBUTES]
        expected = celeba.flags[celeba.rows(split)][:, columns].tolist()
        assert (data.labels.dtype, data.labels.tolist()) == (torch.int64, expected)
        assert (data.num_classes, data.class_names, data.multilabel) == (18, FACE_ATTRIBUTES, True)
        assert not data.synthetic
    assert (len(ATTRIBUTES), len(set(ATTRIBUTES)), len(set(FACE_ATTRIBUTES))) == (40, 40, 18)


def test_any_attribute_by_name(celeba):
    data = celeba.load("test", attributes=["No_Beard", "Bald"])
    columns = [ATTRIBUTES.index("No_Beard"), ATTRIBUTES.index("Bald")]
    expected = celeba.flags[celeba.rows("test")][:, columns].tolist()
    assert (data.labels.tolist(), data.class_names) == (expected, ("No_Beard", "Bald"))


def test_checksum_is_of_files_and_labels(celeba):
    data = celeba.load("test", attributes=("Bald",))
    digest = hashlib.sha256()
    for index in celeba.rows("test"):
        content = celeba.photographs[index].read_bytes()
        digest.update(hashlib.sha256(content).digest()[:16])
    digest.update(bytes(data.labels.flatten().tolist()))
    assert data.checksum == digest.hexdigest()[:16]


# --- the lists ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("attr", "000003.jpg ", "000003.jpg 1 ", r"line 5 \(000003.jpg\): .*40 columns of 1 or -1, got 41 columns"),
        ("attr", "000003.jpg", "", r"line 5 \(.*got 39 columns"),
        ("attr", "000003.jpg ", "000003.jpg\n", r"line 5 \(000003.jpg\).*got 0 columns"),
        ("attr", "000002.jpg", "000001.jpg", r"line 4 \(000001.jpg\): .*got the name again"),
        ("attr", "12\n", "13\n", "line 1 says 13 images, got 12 lines"),
        ("attr", "12\n", "", "line 1: expected the number of images, got '5_o_Clock"),
        ("attr", " Bald ", " Bold ", "line 2: expected the 40 attribute names, .* to Young, got 40 names"),
        ("eval", "000002.jpg 1\n", "", "expected the images of list_attr.*1 not in it, the first 000002"),
        ("eval", "000002", "000099", "1 not in it, the first 000002.jpg; 1 in it alone, the first 000099.jpg"),
        ("eval", "000002.jpg 1", "000002.jpg 3", r"line 2: expected a file name and 0 .* got '000002.jpg 3'"),
        ("eval", "000002.jpg 1", "000002.jpg", "line 2: expected a file name"),
        ("eval", "000002.jpg 1", "000002.jpg 1\n000002.jpg 2", "line 3: expected each file once, got 000002.jpg again"),
    ],
)  # fmt: skip
def test_broken_lists(celeba, file, old, new, message):
    path = {"attr": celeba.attributes, "eval": celeba.partition}[file]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as caught:
        celeba.load("test")
    assert path.name in str(caught.value)


def test_value_other_than_plus_or_minus_one(celeba):
    lines = celeba.attributes.read_text().splitlines()
    celeba.attributes.write_text("\n".join([*lines[:-1], lines[-1][:-2] + " 0"]))
    with pytest.raises(ValueError, match=r"line 14 \(000012.jpg\): expected"):
        celeba.load("test")


def test_a_split_without_images(celeba):
    celeba.write_lists((0,) * 12)
    with pytest.raises(ValueError, match=r"list_eval_partition.txt: expected images in part 2 \(test\), got none"):
        celeba.load("test")


def test_a_missing_list_is_named(celeba, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    celeba.attributes.unlink()
    assert not available("celeba-10k", celeba.root)
    with pytest.raises(DataNotFound, match=r"incomplete under ~/half/data \(no celeba/list_attr_celeba.txt\)"):
        celeba.load("train")


def test_a_part_lies_beside_the_whole_in_a_folder_of_its_name(celeba):
    at_first = celeba.load("test").checksum
    (celeba.root / "celeba").rename(celeba.root / "celeba-10k")
    (celeba.root / "celeba").mkdir()
    assert available("celeba-10k", celeba.root)
    assert celeba.load("test").checksum == at_first


def test_each_name_demands_its_number(celeba, monkeypatch):
    assert available("celeba-10k", celeba.root)
    assert not available("celeba", celeba.root)
    with pytest.raises(DataNotFound, match=r"^not run: data not found: celeba: expected the full 202,599 images in .*, "
                       r"got 12; download it by hand from https://mmlab"):  # fmt: skip
        load("celeba", "train", root=celeba.root)
    monkeypatch.setattr("decnn.data.celeba.PART", 12)
    with pytest.raises(DataNotFound, match="got 12: this is the part that the name celeba-10k reads"):
        load("celeba", "train", root=celeba.root)


# --- the real files ----------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not (os.environ.get("DECNN_DATA") and available("celeba-10k")),
    reason="data not found: set DECNN_DATA to a folder that holds celeba, the part of 10,000",
)
@pytest.mark.usefixtures("own_cache")
def test_real_photographs():
    data = load("celeba-10k", "test", attributes=("Male", "No_Beard", "Mustache"))
    assert len(data) > 1000
    male, no_beard, mustache = data.labels.bool().T
    assert 0.3 < male.double().mean() < 0.6
    assert no_beard[~male].double().mean() > 0.95
    assert mustache[male].double().mean() > 0.02
    assert 0.3 < data.images.mean() < 0.6
    assert data.images.std(0).min() > 0.1  # no border that crop or resize left constant

"""Data sets by name: where they are looked for, and what an unknown name or a missing data set answers."""

from __future__ import annotations

from functools import partial

import pytest

from decnn.data import DataNotFound, available, get, load
from decnn.data.source import cache_root, data_root

BY_HAND = (
    "download it by hand from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (Img/img_align_celeba.zip, unpacked, "
    "Anno/list_attr_celeba.txt and Eval/list_eval_partition.txt, for non-commercial research only) into celeba under "
    "that folder"
)


def test_default_root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DECNN_DATA", str(tmp_path / "data"))
    assert data_root() == tmp_path / "data"
    assert data_root("~/mine") == tmp_path / "home/mine"
    monkeypatch.setenv("DECNN_DATA", "")
    assert data_root() == tmp_path / "cache/decnn/data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_root() == tmp_path / "home/.cache/decnn/data"


def test_cache_root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DECNN_CACHE", "~/mine")
    assert cache_root() == tmp_path / "home/mine"
    monkeypatch.delenv("DECNN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_root() == tmp_path / "cache/decnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_root() == tmp_path / "home/.cache/decnn"


@pytest.mark.parametrize(
    ("call", "name", "folder", "advice"),
    [
        (partial(load, split="test"), "fashion_mnist", "FashionMNIST/raw", "run `decnn data get fashion_mnist`"),
        (partial(load, split="test"), "celeba", "celeba", BY_HAND),
        (get, "celeba", "celeba", BY_HAND),
    ],
    ids=["fashion_mnist", "celeba", "celeba-get"],
)
def test_missing_data_is_one_sentence(tmp_path, monkeypatch, call, name, folder, advice):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DECNN_DATA", str(tmp_path / "data"))
    assert not available(name)
    with pytest.raises(DataNotFound) as caught:
        call(name)
    where = f"or set DECNN_DATA to the folder that holds {folder}"
    assert str(caught.value) == f"not run: data not found: {name} is not under ~/data; {advice}, {where}"


def test_unknown_words_get_the_nearest_one():
    with pytest.raises(
        ValueError, match=r"data set, one of mnist.* got 'Fashion-MNIST'; did you mean 'fashion_mnist'\?"
    ):
        load("Fashion-MNIST", "train")
    with pytest.raises(
        ValueError, match=r"expected a data set, one of mnist, fashion_mnist, mnist-5k, .*, got 'svhnx'$"
    ):
        available("svhnx")
    with pytest.raises(ValueError, match=r"expected a split, one of train, test, got 'tests'; did you mean 'test'\?"):
        load("mnist", "tests")


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("celeba-10k", ("Bald", "Mustach"), r"of celeba-10k, one of 5_o.* got 'Mustach'; did you mean 'Mustache'\?"),
        ("celeba", ("no_beard",), r"an attribute of celeba, .* got 'no_beard'; did you mean 'No_Beard'\?"),
        ("celeba", "Bald", r"""expected names, as \("Bald", "Male"\), got 'Bald'"""),
        ("celeba", (), "expected names.*got \\(\\)"),
        ("celeba", ("Bald", "Male", "Bald"), "each name once, got Bald, Male, Bald"),
        ("toy-faces", ("No_Beard",), "an attribute of toy-faces, .* got 'No_Beard'"),
        ("mnist", ("Bald",), "mnist: attributes: expected None.*classes.*with attributes: celeba, celeba-10k, toy-f"),
    ],
)  # fmt: skip
def test_bad_attributes(name, attributes, message):
    with pytest.raises(ValueError, match=message):
        load(name, "test", attributes=attributes)


@pytest.mark.parametrize("size", [0, -3, 32.0, True, "32"])
def test_bad_size(size):
    with pytest.raises(ValueError, match="size: expected a whole number"):
        load("mnist", "train", size=size)

"""What a run is trained and tested on: attributes by name, images held out, the confounding of toy faces."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from decnn import data
from decnn.data import FACE_ATTRIBUTES
from decnn.data.celeba import ATTRIBUTES
from decnn.study.specifications import specification, tasks

COUNT = {"train": 30, "test": 20}


def training(tiny, dataset="celeba-10k", **settings):
    return specification("Standard", dataset, dataclasses.replace(tiny, name="reader"), 0, **settings).training


@pytest.fixture
def faces(monkeypatch):
    """Stands in for CelebA: an image's colour is its number; attribute a is there in the multiples of a + 2."""

    def load(name, split, attributes=FACE_ATTRIBUTES):
        numbers = torch.arange(COUNT[split]) + (100 if split == "test" else 0)
        every = (numbers[:, None] % (torch.arange(40) + 2) == 0).long()
        pixels = numbers[:, None, None, None].expand(-1, 3, 32, 32).to(torch.uint8)
        labels = every[:, [ATTRIBUTES.index(a) for a in attributes]]
        return data.Images(pixels, labels, name, split, len(attributes), split, tuple(attributes))

    monkeypatch.setattr(data, "load", load)
    tasks._whole.cache_clear()
    yield load
    tasks._whole.cache_clear()


def numbers(images):
    return images.pixels[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("split", COUNT)
def test_labels_are_the_18_attributes_or_the_one_that_is_told(faces, tiny, split):
    every = tasks.load(training(tiny), split)
    assert (every.class_names, every.num_classes) == (FACE_ATTRIBUTES, 18)
    for name in ("Bald", "Smiling", "No_Beard"):  # the last is not among the 18
        one = tasks.load(training(tiny, attribute=name), split)
        assert (one.class_names, one.num_classes, numbers(one)) == ((name,), 1, numbers(every))
        torch.testing.assert_close(one.labels, faces("celeba-10k", split, (name,)).labels)
        torch.testing.assert_close(tasks.has(training(tiny), split, name), one.labels[:, 0].bool())


def test_a_beard_is_what_is_not_no_beard(faces, tiny):
    bearded = tasks.load(training(tiny, attribute="Beard"), "train")
    torch.testing.assert_close(bearded.labels, 1 - faces("celeba-10k", "train", ("No_Beard",)).labels)
    assert bearded.class_names == ("Beard",)
    assert 0 < bearded.labels.sum() < len(bearded)


def test_a_toy_faces_beard_is_its_moustache(faces, tiny):
    beard, moustache = (tasks.load(training(tiny, "toy-faces", attribute=a), "test") for a in ("Beard", "Mustache"))
    torch.testing.assert_close(beard.labels, moustache.labels)


def test_images_held_out_are_in_neither_split_and_all_of_them_are_the_outliers(faces, tiny):
    run = training(tiny, held_out="Bald")
    without = [tasks.load(run, split) for split in COUNT]
    assert not any(images.labels[:, FACE_ATTRIBUTES.index("Bald")].any() for images in without)
    outliers = tasks.held_out(run)
    assert outliers.labels[:, FACE_ATTRIBUTES.index("Bald")].all()
    seen = [n for images in (*without, outliers) for n in numbers(images)]
    assert sorted(seen) == [*range(30), *range(100, 120)]
    assert (len(outliers.class_names), outliers.split) == (18, "held out")


@pytest.mark.parametrize(("label", "left"), [(0, 0), (1, 30)], ids=["nobody-has-it", "everybody-has-it"])
def test_an_attribute_that_nobody_or_everybody_has_cannot_be_held_out(faces, tiny, monkeypatch, label, left):
    same = dataclasses.replace(faces("celeba-10k", "train", ATTRIBUTES), labels=torch.full((30, 40), label))
    monkeypatch.setattr(data, "load", lambda *_, **__: same)
    expected = rf"some images of celeba-10k \(train\) with Bald and some without, got {left} of 30.*: hold another"
    with pytest.raises(ValueError, match=expected):
        tasks.load(training(tiny, held_out="Bald"), "train")


@pytest.mark.parametrize("role", ["attribute", "held_out"])
@pytest.mark.parametrize(("wrong", "nearest"), [("Blad", "Bald"), ("berad", "Beard")])
def test_an_unknown_attribute_is_answered_with_the_nearest(faces, tiny, role, wrong, nearest):
    with pytest.raises(ValueError, match=f"an attribute of celeba-10k, .* got '{wrong}'; did you mean '{nearest}'"):
        tasks.load(training(tiny, **{role: wrong}), "train")


def test_confounding_ties_the_training_images_alone(tiny, monkeypatch):
    monkeypatch.setattr(tasks, "COUNTS", {"train": 80, "test": 60})
    tasks._whole.cache_clear()
    tied, free = (training(tiny, "toy-faces", attribute="Mustache", confounding=tie) for tie in (1.0, 0.0))

    def disagree(run, split):
        return int((tasks.has(run, split, "Mustache") != tasks.has(run, split, "Bald")).sum())

    assert disagree(tied, "train") == 0
    assert disagree(free, "train") > 0
    assert disagree(tied, "test") == disagree(free, "test") > 0
    torch.testing.assert_close(tasks.load(tied, "test").pixels, tasks.load(free, "test").pixels, rtol=0, atol=0)
    assert tasks.load(tied, "train").split == "train"
    tasks._whole.cache_clear()


@pytest.mark.parametrize(
    ("dataset", "settings", "expected"),
    [
        ("mnist", {}, tasks.Task((1, 32, 32), 10, attributes=False)),
        ("fashion_mnist", {}, tasks.Task((1, 32, 32), 10, attributes=False)),
        ("celeba", {}, tasks.Task((3, 32, 32), 18, attributes=True)),
        ("celeba-10k", {"held_out": "Bald"}, tasks.Task((3, 32, 32), 18, attributes=True)),
        ("celeba-10k", {"attribute": "Beard"}, tasks.Task((3, 32, 32), 1, attributes=True)),
        ("toy-faces", {"attribute": "Mustache", "confounding": 1.0}, tasks.Task((3, 32, 32), 1, attributes=True)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_shapes_and_counts_follow_without_the_data(tiny, monkeypatch, dataset, settings, expected):
    for name in ("load", "toy_faces"):
        monkeypatch.setattr(data, name, None)
    assert tasks.task(training(tiny, dataset, **settings)) == expected

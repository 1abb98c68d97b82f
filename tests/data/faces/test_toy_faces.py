"""The toy faces, which the library draws: fixed pixels, their attributes' rules, and each attribute to be seen."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from decnn.data import FACE_ATTRIBUTES, Images, get, load
from decnn.data import toy_faces as draw_faces
from decnn.data.sketch import draw

TEST_CHECKSUM = "b32d82e7fb02cd21"


def test_toy_faces_are_fixed():
    """The same pixels on every machine, as results name them; a change here changes what they were measured on."""
    test = load("toy-faces", "test")
    assert (len(test), test.images.shape, test.labels.shape) == (1000, (1000, 3, 32, 32), (1000, 18))
    assert (test.checksum, test.synthetic, test.multilabel, test.name) == (TEST_CHECKSUM, True, True, "toy-faces")
    drawn = draw_faces(600, seed=1)  # more than one block
    assert torch.equal(drawn.images, test.images[:600])
    assert torch.equal(drawn.labels, test.labels[:600])
    assert not torch.equal(drawn.labels, draw_faces(600, seed=2).labels)
    assert get("toy-faces").startswith("toy-faces: 4,000 train and 1,000 test images; this package draws them")


@pytest.fixture
def no_drawing(monkeypatch):
    """Labels alone, so that there can be many; `decnn.data.toy_faces` is the function, hence the longer way."""
    module = sys.modules["decnn.data.toy_faces"]
    monkeypatch.setattr(module, "draw", lambda labels, rng: np.zeros((len(labels), 1, 1, 3), np.uint8))


def of(data: Images, name: str) -> torch.Tensor:
    return data.labels[:, data.class_names.index(name)].bool()


@pytest.mark.parametrize("confounding", [0.0, 0.5, 1.0])
def test_confounding_is_the_correlation_given_male(confounding, no_drawing):
    data = draw_faces(8_000, seed=5, confounding=confounding)
    male, mustache, bald = (of(data, name) for name in ("Male", "Mustache", "Bald"))
    assert not (mustache | bald)[~male].any()
    both = torch.stack([mustache[male], bald[male]]).double()
    assert both.mean(1).tolist() == pytest.approx([0.25, 0.25], abs=0.03)
    if confounding == 1:
        assert torch.equal(mustache, bald)
    else:
        assert torch.corrcoef(both)[0, 1].item() == pytest.approx(confounding, abs=0.06)


def test_the_rules_between_attributes(no_drawing):
    data = draw_faces(8_000, seed=6)
    has = {name: of(data, name) for name in FACE_ATTRIBUTES}
    colours = sum(has[name].long() for name in ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"))
    kinds = has["Straight_Hair"].long() + has["Wavy_Hair"].long()
    assert (colours.max(), kinds.max()) == (1, 1)
    hair = has["Bangs"] | has["Receding_Hairline"] | has["Wearing_Hat"] | (colours + kinds > 0)
    assert not (hair & has["Bald"]).any()
    assert not (has["Receding_Hairline"] & (has["Bangs"] | has["Wearing_Hat"])).any()
    male = has["Male"]
    assert male.double().mean().item() == pytest.approx(0.42, abs=0.03)
    assert has["Heavy_Makeup"][~male].double().mean().item() == pytest.approx(0.60, abs=0.03)
    assert has["Heavy_Makeup"][male].double().mean().item() == pytest.approx(0.02, abs=0.01)
    assert has["Blond_Hair"][~male].double().mean().item() == pytest.approx(0.30, abs=0.03)
    assert min(flags.double().mean().item() for flags in has.values()) > 0.05


@pytest.mark.parametrize("name", FACE_ATTRIBUTES)
def test_every_attribute_can_be_seen(name):
    """Where the rules allow a face with and without it, it changes some pixels, and not by a little."""
    labels = draw_faces(150, seed=8).labels.numpy().astype(np.uint8)
    flipped = labels.copy()
    column = FACE_ATTRIBUTES.index(name)
    flipped[:, column] ^= 1
    before, after = (draw(part, np.random.default_rng(0)).astype(int) for part in (labels, flipped))
    changed = (np.abs(before - after).max(-1) > 20).sum((1, 2))
    shown = allowed(labels) & allowed(flipped)
    assert shown.sum() > 10
    assert changed[shown].min() >= 2


def allowed(labels: np.ndarray) -> np.ndarray:
    """Whether the rules allow such faces."""
    has = dict(zip(FACE_ATTRIBUTES, labels.T.astype(int), strict=True))
    colours = has["Black_Hair"] + has["Blond_Hair"] + has["Brown_Hair"] + has["Gray_Hair"]
    kinds = has["Straight_Hair"] + has["Wavy_Hair"]
    over = has["Bangs"] + has["Wearing_Hat"]
    bare = has["Bald"] * (colours + kinds + over + has["Receding_Hairline"]) == 0
    return (colours <= 1) & (kinds <= 1) & bare & (over * has["Receding_Hairline"] == 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "count: expected a whole number, 1 or more, got 0"),
        ({"seed": -1}, "seed: expected a whole number, 0 or more, got -1"),
        ({"seed": 0.5}, "seed: expected a whole number"),
        ({"confounding": 1.5}, "confounding: expected 0 .* to 1 .*got 1.5"),
        ({"confounding": float("nan")}, "confounding: expected"),
        ({"attributes": ("Bald", "Bald")}, "toy-faces: attributes: expected each name once, got Bald, Bald"),
        ({"attributes": ("No_Beard",)}, "an attribute of toy-faces, .* got 'No_Beard'"),
    ],
)
def test_toy_faces_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        draw_faces(**{"count": 2, "seed": 0} | change)

"""The best models at hand: of the fullest profile that has all of them, else of the one that is asked for."""

import dataclasses

import pytest
import torch

from decnn import weights
from decnn.study.figures import at_hand
from decnn.study.runs import release, runner
from decnn.study.tables.queries import Query

PLAIN = Query("ReDecNN", "mnist", "accuracy", "None", "", {"depth": 2})
COMPOSED = dataclasses.replace(PLAIN, settings={"depth": 2, "pretrained": "linear"})
ASKED = {"plain": PLAIN, "composed": COMPOSED, "m": dataclasses.replace(COMPOSED, of_pretrained=True)}


@pytest.fixture
def profiles(images, own_cache, tiny, monkeypatch):
    """Two profiles of a few steps, the second one fuller."""
    small = {name: dataclasses.replace(tiny, name=name, steps=n) for name, n in (("smoke", 2), ("reader", 3))}
    monkeypatch.setattr(at_hand, "PROFILES", small)
    monkeypatch.setattr("decnn.study.specifications.profiles.PROFILES", small)
    monkeypatch.setattr(at_hand, "FULLEST_FIRST", ("reader",))
    monkeypatch.setattr(at_hand.data, "available", lambda name: True)
    return small


def test_models_are_of_one_profile_and_the_fullest_that_has_them_all(profiles):
    found = at_hand.best(ASKED)
    assert found.smoke
    assert {name: spec.training.steps for name, spec in found.specs.items()} == dict.fromkeys(ASKED, 2)
    runner.trained([PLAIN.specification(profiles["reader"], 0)], progress=False)
    assert at_hand.best(ASKED).smoke
    for query in ASKED.values():
        runner.trained([query.specification(profiles["reader"], 0)], progress=False)
    found = at_hand.best(ASKED)
    assert not found.smoke
    assert "3 steps of 8, decoder width 1, seed 0, profile reader" in found.line("composed")


def test_weights_without_their_data_are_not_at_hand(profiles, monkeypatch):
    """A cache may outlive the folder of data, and then a page shows what it can train itself."""
    for query in ASKED.values():
        runner.trained([query.specification(profiles["reader"], 0)], progress=False)
    monkeypatch.setattr(at_hand.data, "available", lambda name: False)
    assert at_hand.best(ASKED).smoke


def test_released_weights_are_at_hand_for_the_run_that_they_are_of(profiles, monkeypatch, tmp_path):
    """A fresh clone has no checkpoints, but a chapter may show what the package brings."""
    asked, spec = {"plain": PLAIN}, PLAIN.specification(profiles["reader"], 0)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    runner.trained([PLAIN.specification(profiles["smoke"], 0)], progress=False)
    ((model, _),) = runner.trained([spec], progress=False)
    architecture = {"classifier": {}, "decoder": {"width": 1}}
    weights.save(model, tmp_path / f"{release.name_of(spec)}.safetensors", spec.to_dict(), architecture)
    monkeypatch.setattr(at_hand, "finished", lambda spec: spec.training.steps == 2)
    found = at_hand.best(asked)
    assert not found.smoke
    x = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(found.named["plain"](x), model(x), rtol=0.02, atol=0.02)  # half precision
    monkeypatch.setattr(at_hand.release, "of", lambda spec: None)
    assert at_hand.best(asked).smoke


def test_models_are_ready_to_be_shown(profiles):
    for model in at_hand.best(ASKED).named.values():
        assert not model.training
        assert not any(parameter.requires_grad for parameter in model.parameters())

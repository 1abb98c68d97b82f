"""The best models at hand: of the fullest profile that has all of them, else of the one that is asked for."""

import dataclasses

import pytest

from decnn.study import at_hand, experiments, runner
from decnn.study.queries import Query

PLAIN = Query("ReDecNN", "mnist", "accuracy", "None", "", {"depth": 2})
COMPOSED = dataclasses.replace(PLAIN, settings={"depth": 2, "pretrained": "linear"})
ASKED = {"plain": PLAIN, "composed": COMPOSED, "m": dataclasses.replace(COMPOSED, of_pretrained=True)}


@pytest.fixture
def profiles(images, own_cache, tiny, monkeypatch):
    """Two profiles of a few steps, the second one fuller."""
    small = {name: dataclasses.replace(tiny, name=name, steps=n) for name, n in (("smoke", 2), ("reader", 3))}
    monkeypatch.setattr(at_hand, "PROFILES", small)
    monkeypatch.setattr(experiments, "PROFILES", small)
    monkeypatch.setattr(at_hand, "FULLEST_FIRST", ("reader",))
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


def test_models_are_ready_to_be_shown(profiles):
    for model in at_hand.best(ASKED).named.values():
        assert not model.training
        assert not any(parameter.requires_grad for parameter in model.parameters())

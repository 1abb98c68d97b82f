"""Committed votes: packed without loss, and cast by the weights that are committed."""

import pytest
import torch

import decnn
from decnn import data
from decnn.study.evaluation.sampling import label_entropy
from decnn.study.figures import sliders
from decnn.study.runs import votes

AT_HAND = [role for role, (name, _) in votes.SETS.items() if data.available(name)]  # the witnesses always are


@pytest.mark.parametrize("shape", [(8, 30, 4), (3, 5, 7)])  # of an even and of an odd number of labels
def test_unpacking_undoes_packing(shape):
    labels = torch.randint(10, shape)
    assert torch.equal(votes.unpack(votes.pack(labels), shape), labels)


def test_labels_that_do_not_fit_half_a_byte_are_refused():
    with pytest.raises(ValueError, match=r"expected labels in 0\.\.15, got 0\.\.16"):
        votes.pack(torch.tensor([[[0, 16]]]))


def test_votes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected 6 bytes of votes for \(2, 3, 2\), got 2"):
        votes.unpack(votes.pack(torch.zeros(1, 2, 2, dtype=torch.long)), (2, 3, 2))


def test_the_committed_votes_are_of_the_committed_weights():
    content = votes.read()
    specification = decnn.load(content["model"]).specification
    assert content["weights"] == votes.digest(content["model"])
    assert content["key"] == specification["key"]
    assert (content["paths"], content["depth"]) == (30, 8)
    assert {role: s["name"] for role, s in content["sets"].items()} == {r: name for r, (name, _) in votes.SETS.items()}
    assert not content["dirty"], "cast by code that is in no commit"


@pytest.mark.parametrize("role", AT_HAND)
def test_the_committed_votes_are_cast_again(role):
    """A processor may round another way, which turns a vote between two classes that are as good as equal."""
    torch.set_default_dtype(torch.float32)
    content, few = votes.read(), 4
    committed = content["sets"][role]
    images = data.load(committed["name"], "test")
    assert images.checksum == committed["checksum"]
    labels = votes.unpack(committed["votes"], (content["depth"], content["paths"], committed["examples"]))
    again = votes.cast(content["model"], votes.part(images, few))
    assert (again == labels[..., :few]).double().mean() >= 0.99


def test_a_histogram_counts_every_image_once():
    labels = torch.randint(10, (30, 200))
    counts = sliders.histogram(label_entropy(labels, 10), 10)
    assert len(counts) == 12
    assert sum(counts) == 200
    assert sliders.histogram(label_entropy(torch.arange(10)[:, None], 10), 10)[-1] == 1, "ln 10 is in the last bin"

"""What is counted without a GPU is what would be allocated, and training on 8-bit images stays small."""

from __future__ import annotations

import contextlib

import pytest
import torch

import decnn
from decnn import precision
from decnn.study.benchmarks import memory
from decnn.study.benchmarks.memory import Live
from decnn.study.specifications import specification
from decnn.study.specifications.models import build


def test_live_counts_what_is_made_inside_and_forgets_what_is_freed():
    outside = torch.zeros(1000)
    with Live() as live:
        view = outside[:10]
        x = torch.zeros(100, dtype=torch.float32)
        y = x.view(10, 10)
        assert live.now == 400, "views take nothing"
        del x
        assert live.now == 400, "a view keeps the whole"
        y = y[0].clone()
        assert (live.now, live.peak) == (40, 440)
    assert view.data_ptr() == outside.data_ptr()
    del y
    assert live.now == 0


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("method", ["ReDecNN", "DecNN"])
def test_a_step_that_is_not_computed_takes_what_a_computed_one_does(method, checkpointed, tiny, monkeypatch):
    torch.set_default_dtype(torch.float32)
    fake = memory.step_bytes(method, "mlp", tiny, checkpointed)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "FakeTensorMode", contextlib.nullcontext)
        patch.setattr(precision, "emulated", lambda device="cpu": False)  # it is a GPU's memory that is counted
        real = memory.step_bytes(method, "mlp", tiny, checkpointed)
    assert fake == pytest.approx(real, rel=0.02)


def test_without_a_decoder_a_step_takes_its_weights_four_times_and_an_ensemble_its_members(tiny):
    """Weights, gradients and Adam's two moments, and the activations of a small batch."""
    torch.set_default_dtype(torch.float32)
    one, dropped, eight = (memory.step_bytes(name, "mlp", tiny, False) for name in ("Standard", "Dropout", "Ensemble"))
    weights = 4 * 4 * sum(p.numel() for p in decnn.MLP().parameters())
    assert weights < one < dropped < 1.4 * weights
    assert 8 * weights < eight < 1.4 * 8 * weights


def test_checkpointed_activations_take_one_decoding_in_place_of_eight(tiny):
    """Of what a step adds to the weights 1/8, and more where inputs and losses weigh beside a narrow decoder."""
    torch.set_default_dtype(torch.float32)
    weights = 4 * 4 * sum(p.numel() for p in build(specification("ReDecNN", "mnist", tiny, 0).training).parameters())
    kept, checkpointed = (memory.step_bytes("ReDecNN", "mlp", tiny, flag) - weights for flag in (False, True))
    assert 1 / 8 < checkpointed / kept < 1 / 3


def test_training_on_eight_bit_images_makes_no_floats_of_all_of_them():
    x, y = torch.zeros(4000, 3, 32, 32, dtype=torch.uint8), torch.arange(4000) % 10
    model = decnn.MLP((3, 32, 32), hidden=4, num_layers=1).float()

    def loss(model, x, y):
        return decnn.objectives.standard(model, x, y).total

    with Live() as live:
        decnn.fit(model, x, y, loss, steps=3, batch_size=32)
    assert live.peak < x.nbytes / 8, "as floats they take four times their bytes"


def test_the_table_tells_what_was_counted_from_what_was_measured():
    record = {
        "width": 64, "batch": 128, "commit": "0123456789ab", "faces": {"images": 162_770, "bytes": 1.75e9},
        "steps": [
            {"what": "ReDecNN", "kept": 3.6e9, "checkpointed": 5.9e8},
            {"what": "Standard", "kept": 5.1e6, "checkpointed": None},
        ],
        "voting": {"images": 2048, "bytes": 2e9},
    }  # fmt: skip
    text = memory.memory_markdown(record)
    assert "| ReDecNN | 3.6 | 0.6 |" in text
    assert "| Standard | 0.005 | - |" in text
    assert "not measured on a GPU" in text
    assert "1.8 GB (measured, commit 0123456789)" in text

"""decnn.unet: one network for the maps of every layer, in a pair with the convolutional classifier."""

from __future__ import annotations

import pytest
import torch

import decnn
from decnn.objectives import decodable, recursive

GRIDS = (1, 2, 4, 8, 16, 32)
OTHER_SHAPES = [(4,), (4, 8), (4, 8, 16), (3, 8, 8), (4, 3, 3), (4, 0, 0), (4, 64, 64), (4, 8, 8, 8), ()]


@pytest.fixture(scope="module")
def model() -> decnn.DecNN:
    torch.manual_seed(0)
    pair = decnn.DecNN(decnn.ConvNet((1, 32, 32), 10, filters=4), decnn.UNetDecoder(filters=4))
    return pair.float().to(memory_format=torch.channels_last).eval()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(3, 1, 32, 32, dtype=torch.float32)


def test_it_accepts_square_maps_of_its_filters_on_every_grid_up_to_32():
    g = decnn.UNetDecoder(filters=4)
    assert [size for size in range(66) if g.accepts((4, size, size))] == list(GRIDS)
    assert g.accepts([4, 8, 8])
    assert not any(g.accepts(shape) for shape in OTHER_SHAPES)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", GRIDS)
def test_every_grid_becomes_an_image(size, channels):
    g = decnn.UNetDecoder(4, (channels, 32, 32))
    assert g(torch.rand(2, 4, size, size)).shape == (2, channels, 32, 32)


@pytest.mark.parametrize("shape", OTHER_SHAPES)
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected activations \(B, 4, H, H\) with H in .*got .*: set filters"):
        decnn.UNetDecoder(4)(torch.zeros(2, *shape))


@pytest.mark.parametrize("size", GRIDS)
def test_channels_last_holds_in_every_stage(size):
    """Else norm_act's fast path is lost without a sound; a 1x1 map has no layout to pass on."""
    g = decnn.UNetDecoder(4).to(memory_format=torch.channels_last)
    held = []
    for stage in [*g.down, *g.up]:
        stage.register_forward_hook(
            lambda stage, inputs, output: held.append(
                output.is_contiguous(memory_format=torch.channels_last) and "NormAct" in output.grad_fn.name()
            )
        )
    g(torch.rand(2, 4, size, size).contiguous(memory_format=torch.channels_last))
    assert held == [True] * 7


def test_every_activation_of_a_convnet_is_decoded(model, x):
    _, activations = model.activations(x)
    assert [h.shape[-1] for h in activations] == [32, 32, 16, 16, 8, 8, 4, 4]
    decoded = [model.decode(h) for h in activations]
    assert all(x_hat.shape == x.shape for x_hat in decoded)
    assert len({float(x_hat.detach().sum()) for x_hat in decoded}) == 8


def test_a_convnet_is_recomposed(model, x):
    steps = model.recompose(x, [1, 8, 3])
    assert [step.logits.shape for step in steps] == [(3, 10)] * 4
    for before, step, layer in zip(steps, steps[1:], [1, 8, 3], strict=False):
        torch.testing.assert_close(step.x_hat, model.decoder(before.activations[layer - 1]))


def test_a_pair_of_other_widths_is_refused():
    with pytest.raises(ValueError, match=r"that UNetDecoder can decode, got h_1 of shape \(4, 32, 32\): .*filters"):
        decnn.DecNN(decnn.ConvNet((1, 32, 32), 10, filters=4), decnn.UNetDecoder(filters=8))


@pytest.mark.parametrize("name", ["decodable", "recursive"])
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
def test_every_parameter_gets_a_gradient_at_eight_layers(name, train):
    torch.manual_seed(0)
    f, g = decnn.ConvNet((1, 32, 32), 10, filters=4), decnn.UNetDecoder(filters=4)
    model, x, y = decnn.DecNN(f, g).train(train), torch.rand(4, 1, 32, 32), torch.tensor([3, 1, 4, 1])
    terms = decodable(model, x, y) if name == "decodable" else recursive(model, x, y, [8, 1])
    terms.total.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("with_reference", [True, False])
def test_paths_vote(model, x, with_reference):
    reference = torch.rand(6, 1, 32, 32) if with_reference else None
    reference = None if reference is None else reference.float()
    paths = torch.cat([decnn.sample_paths(5, 3, 8, torch.Generator().manual_seed(0)), torch.tensor([[8, 8, 1]])])
    votes = decnn.path_votes(model, x, paths, reference)
    assert votes.shape == (6, 3)
    probs = decnn.path_probs(model, x, paths, reference)
    assert torch.equal(probs.argmax(-1), votes)
    if reference is None:
        for path, row in zip(paths, probs, strict=True):
            torch.testing.assert_close(row, model.recompose(x, path)[-1].logits.softmax(-1))


@pytest.mark.parametrize(("chunk", "together"), [(5, 1), (7, 2)])
def test_maps_of_one_shape_are_decoded_together_within_a_chunk(model, x, chunk, together):
    """Three images on four prefixes, two of 32x32 and two of 4x4: a chunk of 7 holds two of them."""
    sizes = []
    hook = model.decoder.register_forward_hook(lambda module, inputs, output: sizes.append(tuple(inputs[0].shape)))
    list(decnn.PathEnsemble(model, torch.tensor([[8], [1], [7], [2]]), chunk=chunk).logits(x))
    hook.remove()
    count = 2 // together
    assert sizes == [(3 * together, 4, 32, 32)] * count + [(3 * together, 4, 4, 4)] * count

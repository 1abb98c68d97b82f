"""decnn.compose: a pair (f, g) along a path is the loop that the equations write."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import decnn


class Mirror(nn.Module):
    """A classifier whose every activation is its input, flattened."""

    in_shape, num_classes, activation_shapes = (2, 3, 4), 5, ((24,),) * 3

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(24, 5)

    def activations(self, x):
        return self.head(x.flatten(1)), [x.flatten(1)] * 3

    def forward(self, x):
        return self.activations(x)[0]


class Unflatten(nn.Module):
    """The decoder that returns x."""

    out_shape = (2, 3, 4)

    def accepts(self, shape):
        return shape == (24,)

    def forward(self, h):
        return h.view(-1, 2, 3, 4)


PATHS = [[1], [3, 3, 3], [2, 1, 3, 1], torch.tensor([3, 1, 2])]


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_recompose_equals_an_explicit_loop(pair, batch, path):
    x, _ = batch
    pair.eval()
    steps = pair.recompose(x, path)
    assert len(steps) == len(path) + 1
    assert steps[0].x_hat is None
    x_d = x
    for d, step in enumerate(steps):
        if d > 0:
            h = pair.classifier.activations(x_d)[1]
            x_d = pair.decoder(h[int(path[d - 1]) - 1])
            torch.testing.assert_close(step.x_hat, x_d)
        logits, activations = pair.classifier.activations(x_d)
        torch.testing.assert_close(step.logits, logits)
        torch.testing.assert_close(step.activations, activations)
        assert len(step.activations) == pair.num_layers == 3
    assert not torch.allclose(steps[0].logits, steps[1].logits)


def test_without_a_path_only_the_input_is_read(pair, batch):
    (step,) = pair.recompose(batch[0], [])
    torch.testing.assert_close(step.logits, pair(batch[0]), rtol=0, atol=0)
    assert step.x_hat is None


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_decoder_that_returns_x_makes_all_depths_agree(path):
    model, x = decnn.DecNN(Mirror(), Unflatten()), torch.rand(3, 2, 3, 4)
    first, *others = model.recompose(x, path)
    for step in others:
        torch.testing.assert_close(step.x_hat, x, rtol=0, atol=0)
        torch.testing.assert_close(step.logits, first.logits, rtol=0, atol=0)


def test_the_pair_is_its_classifier_and_its_decoder(pair, batch):
    x, _ = batch
    pair.eval()
    logits, activations = pair.classifier.activations(x)
    torch.testing.assert_close(pair(x), logits, rtol=0, atol=0)
    torch.testing.assert_close(pair.activations(x), (logits, activations), rtol=0, atol=0)
    for h in activations:
        assert pair.decode(h).shape == x.shape
        torch.testing.assert_close(pair.decode(h), pair.decoder(h), rtol=0, atol=0)


@pytest.mark.parametrize("layer", [0, 4, -1])
@pytest.mark.parametrize("kind", [list, torch.tensor])
def test_a_layer_outside_1_to_l_is_refused_before_any_work(pair, layer, kind):
    with pytest.raises(ValueError, match=rf"expected layers 1\.\.3 in a path, got {layer} in \[1, {layer}\]: .*from 1"):
        pair.recompose("not even looked at", kind([1, layer]))


@pytest.mark.parametrize("path", [[1.0, 2.0], torch.tensor([1.0]), torch.tensor([[1, 2]])])
def test_a_path_is_a_row_of_integers(pair, path):
    with pytest.raises(ValueError, match=r"expected a path of integers 1\.\.3, got .*take one row"):
        pair.recompose("not even looked at", path)


@pytest.mark.parametrize(
    ("classifier", "decoder", "message"),
    [
        (
            lambda: nn.Linear(2, 2),
            decnn.ResNetDecoder,
            r"got Linear: decnn\.decodable\(module, .* any network",
        ),
        (decnn.MLP, nn.Identity, "expected a decoder with out_shape .*, got Identity"),
        (
            lambda: decnn.Linear((1, 32, 32), 10),
            lambda: decnn.ResNetDecoder(width=1),
            "at least one hidden layer, got Linear, which has none",
        ),
        (
            lambda: decnn.MLP((3, 32, 32)),
            lambda: decnn.ResNetDecoder(width=1),
            r"input shape \(3, 32, 32\), got \(1, 32, 32\): set the decoder's out_shape",
        ),
        (
            lambda: decnn.MLP(hidden=16),
            lambda: decnn.ResNetDecoder(latent=128, width=1),
            r"activations that ResNetDecoder can decode, got h_1 of shape \(16,\): set the decoder's latent",
        ),
        (
            lambda: decnn.ConvNet((1, 32, 32), 10),
            lambda: decnn.ResNetDecoder(width=1),
            r"got h_1 of shape \(64, 32, 32\): .*choose a decoder for feature maps",
        ),
    ],
    ids=["a-network-to-wrap", "no-decoder", "no-hidden-layer", "output-shape", "latent", "feature-maps"],
)
def test_a_pair_that_does_not_fit_is_refused(classifier, decoder, message):
    with pytest.raises(ValueError, match=message):
        decnn.DecNN(classifier(), decoder())


def test_a_decoder_that_breaks_its_word_on_the_shape_is_found_out(batch):
    decoder = decnn.ResNetDecoder(latent=16, out_shape=(3, 32, 32), width=1)
    decoder.out_shape = (1, 32, 32)
    model = decnn.DecNN(decnn.MLP(hidden=16), decoder)
    with pytest.raises(ValueError, match=r"shape \(B, 1, 32, 32\), got \(5, 3, 32, 32\)"):
        model.recompose(batch[0], [1])

"""decnn.classifiers: every classifier keeps the same contract."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from decnn import MLP, ConvNet, Linear, ResNet18
from decnn.classifiers import he_init_

SHAPE = (2, 12, 10)  # neither square nor grey, so that no axis can be mistaken for another
K = 5
CLASSIFIERS = {
    "MLP": lambda: MLP(SHAPE, K, hidden=24, num_layers=3),
    "MLP-dropout": lambda: MLP(SHAPE, K, hidden=24, num_layers=3, dropout=0.5),
    "ConvNet": lambda: ConvNet(SHAPE, K, filters=4, num_layers=4),
    "ConvNet-dropout": lambda: ConvNet(SHAPE, K, filters=4, num_layers=4, dropout=0.5),
    "Linear": lambda: Linear(SHAPE, K),
    "ResNet18": lambda: ResNet18(SHAPE, K),
}


@pytest.fixture(params=CLASSIFIERS)
def f(request):
    return CLASSIFIERS[request.param]()


@pytest.fixture
def x():
    return torch.rand(4, *SHAPE)


def test_activations_have_the_stated_shapes(f, x):
    logits, activations = f.activations(x)
    assert logits.shape == (4, K)
    assert [tuple(h.shape) for h in activations] == [(4, *shape) for shape in f.activation_shapes]


def test_forward_gives_the_logits_of_activations(f, x):
    f.eval()
    torch.testing.assert_close(f(x), f.activations(x)[0], rtol=0, atol=0)


def test_in_eval_mode_an_input_is_classified_by_itself(f, x):
    """Neither the order nor the number of inputs in a batch plays a part, down to a batch of one."""
    logits = f.eval()(x)
    assert not torch.allclose(logits[0], logits[1])
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(f(x[order]), logits[order], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(torch.cat([f(one[None]) for one in x]), logits, rtol=1e-10, atol=1e-12)


def test_every_parameter_gets_a_gradient(f, x):
    F.cross_entropy(f(x), torch.tensor([0, 4, 2, 2])).backward()
    without = [name for name, p in f.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(4, 1, 12, 10), r"shape \(B, 2, 12, 10\), got \(4, 1, 12, 10\): resize or build"),
        (torch.zeros(4, 2, 10, 12), r"shape \(B, 2, 12, 10\), got \(4, 2, 10, 12\): resize or build"),
        (torch.zeros(2, 12, 10), r"got \(2, 12, 10\): add a batch axis"),
        (torch.zeros(4, 240), r"got \(4, 240\): resize or build"),
        (torch.zeros(0, 2, 12, 10), r"at least one input, got an empty batch \(0, 2, 12, 10\)"),
    ],
    ids=["channels", "size", "no-batch", "flat", "empty"],
)
def test_another_input_is_refused(f, bad, message):
    for call in (f, f.activations):
        with pytest.raises(ValueError, match=message):
            call(bad)


def test_mlp_is_the_published_one():
    f = MLP()
    assert sum(p.numel() for p in f.parameters()) == 248_074
    h = x = torch.rand(3, 1, 32, 32)
    h = h.reshape(3, 1024)
    for layer, activation in zip(f.layers, f.activations(x)[1], strict=True):
        h = (h @ layer.weight.T + layer.bias).clamp_min(0)
        torch.testing.assert_close(activation, h)
    torch.testing.assert_close(f(x), h @ f.head.weight.T + f.head.bias)


def test_convnet_halves_the_grid_three_times():
    f = ConvNet((3, 32, 32), 10)
    assert f.activation_shapes == tuple((64, size, size) for size in (32, 32, 16, 16, 8, 8, 4, 4))


def test_resnet18_is_torchvisions_with_the_papers_two_changes(x):
    from torchvision.models import resnet18

    theirs, f = resnet18(num_classes=K), ResNet18(SHAPE, K)
    theirs.conv1, theirs.maxpool = nn.Conv2d(SHAPE[0], 64, 3, padding=1, bias=False), nn.Identity()
    f.load_state_dict(dict(zip(f.state_dict(), theirs.state_dict().values(), strict=True)))
    torch.testing.assert_close(f(x), theirs(x))
    torch.testing.assert_close(f.eval()(x), theirs.eval()(x))


@pytest.mark.parametrize("name", ["MLP-dropout", "ConvNet-dropout"])
def test_dropout_zeroes_activations_and_scales_the_rest(name, x):
    f = CLASSIFIERS[name]()
    noisy = f.train().activations(x)[1][0]
    clean = f.eval().activations(x)[1][0]
    kept = noisy != 0
    assert (~kept & (clean > 0)).any()
    assert kept.any()
    torch.testing.assert_close(noisy[kept], 2 * clean[kept])


@pytest.mark.parametrize("name", ["MLP", "ConvNet", "Linear", "ResNet18"])
def test_he_init_has_the_stated_spread(name):
    f = CLASSIFIERS[name]()
    assert he_init_(f) is f
    layers = [m for m in f.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    scaled = torch.cat([m.weight.flatten() * math.sqrt(m.weight[0].numel() / 2) for m in layers])
    assert abs(scaled.std().item() - 1) < 4 / math.sqrt(2 * len(scaled))
    assert not any(m.bias.any() for m in layers if m.bias is not None)


@pytest.mark.parametrize("make", [lambda n: MLP(num_layers=n), lambda n: ConvNet((1, 32, 32), 10, num_layers=n)])
def test_a_network_without_hidden_layers_is_refused(make):
    with pytest.raises(ValueError, match=r"expected num_layers >= 1, got 0: for no hidden layer take Linear"):
        make(0)

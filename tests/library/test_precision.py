"""decnn.precision: products of rounded factors are bfloat16's own, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import decnn
from decnn import precision
from decnn.rematerialisation import rematerialised

ULP = 2**-8  # of bfloat16, relative


def product(function, *shapes):
    generator = torch.Generator().manual_seed(0)
    return function, [torch.randn(shape, generator=generator) for shape in shapes]


PRODUCTS = {
    "linear": product(F.linear, (5, 7), (3, 7), (3,)),
    "conv2d": product(lambda x, w: F.conv2d(x, w, padding=1), (2, 4, 6, 6), (5, 4, 3, 3)),
    "conv2d-channels-last": product(
        lambda x, w: F.conv2d(x.to(memory_format=torch.channels_last), w), (2, 4, 6, 6), (5, 4, 3, 3)
    ),
    "conv2d-1x1-with-stride": product(  # where PyTorch's own gradient may end the process
        lambda x, w: F.conv2d(x.to(memory_format=torch.channels_last), w, stride=2), (8, 4, 17, 16), (8, 4, 1, 1)
    ),
    "conv_transpose2d": product(F.conv_transpose2d, (2, 4, 3, 3), (4, 5, 2, 2)),
    "@": product(lambda a, b: a @ b, (2, 4, 6), (2, 6, 3)),
    "addmm": product(torch.addmm, (3,), (4, 6), (6, 3)),
}


@pytest.fixture(params=[True, False], ids=["emulated", "as-here"])
def emulating(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(precision, "emulated", lambda device="cpu": True)


def with_gradients(function, values):
    """The result and its gradients with respect to the values, for one and the same upstream gradient."""
    values = [value.clone().requires_grad_() for value in values]
    y = function(*values)
    upstream = torch.linspace(-1, 1, y.numel()).view(y.shape).bfloat16()
    return y, *torch.autograd.grad(y, values, upstream.to(y.dtype))


@pytest.mark.parametrize(("function", "values"), PRODUCTS.values(), ids=PRODUCTS)
def test_values_and_gradients_are_products_of_rounded_factors_rounded_once(function, values, emulating):
    exact = with_gradients(function, [value.bfloat16().double() for value in values])
    with precision.arithmetic("bfloat16"):
        low = with_gradients(function, values)
    assert low[0].dtype == torch.bfloat16
    for own, product in zip(low, exact, strict=True):
        torch.testing.assert_close(own.double(), product, rtol=ULP, atol=1e-5)


def test_attention_is_close_to_float32(emulating):
    torch.manual_seed(0)
    attention, x = nn.MultiheadAttention(8, 2, batch_first=True).float(), torch.randn(3, 5, 8, dtype=torch.float32)
    exact = attention(x, x, x)
    with precision.arithmetic("bfloat16"):
        low = attention(x, x, x)
    torch.testing.assert_close(low[0].float(), exact[0], rtol=0, atol=0.02)


def test_a_training_step_descends_as_natively(monkeypatch):
    """The loss of a DecNN after a few steps, emulated and by autocast's own products: equal up to sums."""
    x, y = torch.rand(8, 1, 32, 32, dtype=torch.float32), torch.arange(8)

    def train(emulate: bool) -> float:
        monkeypatch.setattr(precision, "emulated", lambda device="cpu": emulate)
        torch.manual_seed(0)
        model = decnn.DecNN(decnn.MLP(num_layers=2), decnn.ResNetDecoder(width=1)).float()

        def loss(model, x, y):
            return decnn.objectives.recursive(model, x, y, [1, 2]).total

        model = decnn.fit(model, x, y, loss, steps=5, batch_size=8, precision="bfloat16")
        return loss(model, x, y).item()

    assert train(True) == pytest.approx(train(False), rel=0.02)


def test_what_autocast_leaves_alone_is_left_alone(emulating):
    """float32 inside bfloat16, results that are written elsewhere, and tensors of other kinds."""

    class Other(torch.Tensor):
        pass

    a = torch.rand(3, 3, dtype=torch.float32)
    with precision.arithmetic("bfloat16"):
        with precision.arithmetic("float32"):
            torch.testing.assert_close((a @ a).double(), a.double() @ a.double(), rtol=1e-6, atol=0)
            assert (a @ a).dtype == torch.float32
        out = torch.zeros(3, 3, dtype=torch.float32)
        torch.mm(a, a, out=out)
        assert out.any()
        assert F.linear(a.as_subclass(Other), a).dtype == torch.bfloat16


def test_activations_computed_again_are_computed_alike(emulating):
    """Under `arithmetic`, and under a plain autocast, which emulates nothing."""
    x, y = torch.rand(2, 1, 32, 32, dtype=torch.float32), torch.tensor([0, 1])
    torch.manual_seed(0)
    model = decnn.DecNN(decnn.MLP(num_layers=2), decnn.ResNetDecoder(width=1)).float().train()
    for surrounding in (precision.arithmetic, lambda name: torch.autocast("cpu", torch.bfloat16)):
        gradients = []
        for asked in (model, rematerialised(model)):
            with surrounding("bfloat16"):
                loss = decnn.objectives.recursive(asked, x, y, [1, 2]).total
            gradients.append(torch.autograd.grad(loss, list(model.parameters())))
        assert all(map(torch.equal, *gradients))


def test_float32_and_float64_are_left_alone(emulating):
    a = torch.rand(3, 3, dtype=torch.float64)
    with precision.arithmetic("float32"):
        assert (a.float() @ a.float()).dtype == torch.float32
    with precision.arithmetic("bfloat16"):
        assert (a @ a).dtype == torch.float64


def test_unknown_precision_is_refused():
    message = "expected precision float32 or bfloat16, got 'half'"
    with pytest.raises(ValueError, match=message), precision.arithmetic("half"):
        pass

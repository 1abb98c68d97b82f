"""decnn.attacks: the fast gradient sign method."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import decnn
from decnn.attacks import fgsm


def linear() -> nn.Module:
    """Logits W x + b, never trained."""
    return nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("eps", [0.01, 0.1, 0.5, 2.0])
def test_stays_in_the_ball_and_the_range(batch, eps, dtype):
    x, y = batch[0].to(dtype), batch[1]
    adversarial = fgsm(linear().to(dtype), x, y, eps)
    assert (adversarial.shape, adversarial.dtype, adversarial.requires_grad) == (x.shape, dtype, False)
    assert adversarial.min() >= 0
    assert adversarial.max() <= 1
    assert (adversarial - x).abs().max() <= eps + 1e-6


def test_closed_form_of_a_linear_model(batch):
    """grad_x CE = W^T (softmax(W x + b) - onehot(y))."""
    (x, y), model = batch, linear()
    residual = model(x).softmax(1) - F.one_hot(y, 10)
    expected = (x + 0.05 * (residual @ model[1].weight).sign().view_as(x)).clamp(0, 1)
    torch.testing.assert_close(fgsm(model, x, y, 0.05), expected)


def test_raises_the_loss_of_every_image(batch):
    (x, y), model = batch, linear()
    before, after = (F.cross_entropy(model(z), y, reduction="none") for z in (x, fgsm(model, x, y)))
    assert (after > before).all()  # the loss is convex in x, so no step along its gradient's signs lowers it


def test_eps_zero_is_the_image(batch):
    x, y = batch
    assert torch.equal(fgsm(linear(), x, y, eps=0), x)


def test_images_are_attacked_one_by_one(batch):
    (x, y), model = batch, linear()
    torch.testing.assert_close(fgsm(model, x[2:3], y[2:3]), fgsm(model, x, y)[2:3])


def test_decnn_is_attacked_at_its_first_pass(pair, batch):
    x, y = batch
    assert torch.equal(fgsm(pair, x, y), fgsm(pair.classifier, x, y))


@pytest.mark.parametrize("frozen", [False, True])
def test_the_model_is_left_as_it_was(batch, frozen):
    x, y = batch
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(), nn.Flatten(), nn.Linear(1024, 10)).train()
    model[0].eval()  # a mode of its own
    model[3].requires_grad_(not frozen)
    model[3].weight.grad = None if frozen else torch.ones_like(model[3].weight)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first, second = fgsm(model, x.requires_grad_(), y), fgsm(model, x, y)
    assert torch.equal(first, second)  # no dropout
    assert [module.training for module in model] == [False, True, True, True]
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert x.grad is None
    assert model[0].weight.grad is None
    assert model[3].weight.grad is None if frozen else (model[3].weight.grad == 1).all()


def test_modes_return_after_an_error(batch):
    model = linear().train()
    with pytest.raises(ValueError, match="got 10 at index 0"):
        fgsm(model, batch[0], torch.full((5,), 10))
    assert model.training


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_works_where_gradients_are_off(batch, off):
    (x, y), model = batch, linear()
    expected = fgsm(model, x, y)
    with off():
        assert torch.equal(fgsm(model, x.clone(), y.clone()), expected)


@pytest.mark.parametrize("eps", [-0.1, math.nan, math.inf])
def test_bad_eps(batch, eps):
    with pytest.raises(ValueError, match="expected a finite eps >= 0, got"):
        fgsm(linear(), *batch, eps=eps)


def test_a_gradient_that_is_nan_is_no_attack(batch):
    model = linear()
    nn.init.constant_(next(model.parameters()), math.nan)
    with pytest.raises(ValueError, match="expected a finite gradient, got NaN"):
        fgsm(model, *batch)


def test_bad_images_and_labels(batch):
    x, y = batch
    with pytest.raises(ValueError, match="values in"):
        fgsm(linear(), 2 * x, y)
    with pytest.raises(ValueError, match="one for each of 5 images, got 4"):
        fgsm(linear(), x, y[:4])
    with pytest.raises(ValueError, match="at least one image"):
        fgsm(decnn.MLP(), x[:0], y[:0])

"""Composition with pretrained models, Equations 7 and 8, and attributes in place of classes, against their letters."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

import decnn
from decnn.likelihood import as_classes, cross_entropy, divergence, uniformity
from decnn.objectives import composed, decodable, direct, indifferent, recursive, standard

PATH = [3, 1, 2]
ALPHA, BETA = 0.7, 3.0


class Pretrained(nn.Module):
    """A classifier with everything that training would change: weights, batch statistics, dropout."""

    def __init__(self, in_shape=(1, 2, 2), outputs=3) -> None:
        super().__init__()
        self.in_shape = in_shape
        self.net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(math.prod(in_shape)), nn.Dropout(0.5))
        self.net.append(nn.Linear(math.prod(in_shape), outputs))

    def forward(self, x):
        return self.net(x)


def probs(logits):
    return logits.exp() / logits.exp().sum(1, keepdim=True)


def by_hand(model, x, path, term):
    """sum_d alpha^d term(logits of f on x_d, x_d), by an explicit loop."""
    total, h = 0.0, model.classifier.activations(x)[1]
    for d, layer in enumerate(path, start=1):
        x_d = model.decoder(h[layer - 1])
        logits, h = model.classifier.activations(x_d)
        total = total + ALPHA**d * term(logits, x_d)
    return total


@pytest.fixture
def m():
    """Away from its initial statistics, in training mode."""
    m = Pretrained()
    m(torch.randn(32, 1, 2, 2))
    return m


def evaluated(m, x):
    return copy.deepcopy(m).eval()(x)


TERMS = {
    "composed": lambda m, x: lambda logits, x_d: -(probs(evaluated(m, x_d)) * probs(logits).log()).sum(1).mean(),
    "direct": lambda m, x: lambda logits, _: -(probs(evaluated(m, x)) * probs(logits).log()).sum(1).mean(),
    "indifferent": lambda m, x: lambda _, x_d: -probs(evaluated(m, x_d)).log().sum(1).mean() / 3,
}
OBJECTIVES = {"composed": composed, "direct": direct, "indifferent": indifferent}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_compositions_are_equations_7_and_8(toy, toy_batch, m, name):
    """Beside Equation 5, whose terms are untouched; in value and in the gradient of every parameter."""
    x, y = toy_batch
    expected = by_hand(toy, x, PATH, TERMS[name](m, x))
    terms, alone = OBJECTIVES[name](toy, m, x, y, PATH, ALPHA, BETA), recursive(toy, x, y, PATH, ALPHA, BETA)
    torch.testing.assert_close(terms.composition, expected)
    torch.testing.assert_close(terms.total, alone.total + expected)
    found, right = (
        torch.autograd.grad(t, list(toy.parameters()), allow_unused=True) for t in (terms.composition, expected)
    )
    torch.testing.assert_close(found, right)


def test_a_decnn_agrees_layer_by_layer(toy, toy_batch, m):
    x, y = toy_batch
    decoded = [toy.decoder(h) for h in toy.classifier.activations(x)[1]]
    expected = sum(-(probs(evaluated(m, z)) * probs(toy.classifier(z)).log()).sum(1).mean() for z in decoded) / 3
    terms = decodable(toy, x, y, BETA, pretrained=m)
    torch.testing.assert_close(terms.composition, expected)
    torch.testing.assert_close(terms.total, decodable(toy, x, y, BETA).total + expected)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_training_leaves_the_pretrained_model_bit_identical(toy, toy_batch, m, name):
    before, modes = copy.deepcopy(m.state_dict()), [module.training for module in m.modules()]
    optimiser = torch.optim.SGD([*toy.parameters(), *m.parameters()], lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        OBJECTIVES[name](toy, m, *toy_batch, PATH).total.backward()
        optimiser.step()
    torch.testing.assert_close(m.state_dict(), before, rtol=0, atol=0)
    assert all(p.grad is None for p in m.parameters())
    assert [module.training for module in m.modules()] == modes


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_are_the_numerical_ones(toy, toy_batch, m, name):
    x, y = toy_batch
    inputs = tuple(toy.parameters())
    assert gradcheck(lambda *_parameters: OBJECTIVES[name](toy, m, x, y, PATH).total, inputs)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_alpha_0_is_equation_1(toy, toy_batch, m, name):
    terms = OBJECTIVES[name](toy, m, *toy_batch, PATH, alpha=0.0)
    assert terms.total == standard(toy, *toy_batch).total


@pytest.mark.parametrize("name", ["composed", "direct"])
def test_a_pretrained_model_of_other_classes_is_refused(toy, toy_batch, name):
    with pytest.raises(ValueError, match=r"expected a pretrained model with the network's 3 logits, got .*\(4, 5\)"):
        OBJECTIVES[name](toy, Pretrained(outputs=5), *toy_batch, PATH)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_pretrained_model_of_other_inputs_is_refused(toy, toy_batch, name):
    with pytest.raises(ValueError, match=r"reads inputs of shape \(1, 2, 2\), got one for \(3, 2, 2\): choose one"):
        OBJECTIVES[name](toy, Pretrained(in_shape=(3, 2, 2)), *toy_batch, PATH)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_pretrained_model_that_fails_on_the_inputs_is_refused(toy, toy_batch, name):
    """One that does not say what it reads is only found out when it is asked."""
    wrong = r"reads inputs of shape \(1, 2, 2\), got Sequential, which fails on them.*bring it to their type and device"
    with pytest.raises(ValueError, match=wrong):
        OBJECTIVES[name](toy, nn.Sequential(nn.Flatten(), nn.Linear(7, 3)), *toy_batch, PATH)


def test_logits_without_groups_are_refused():
    with pytest.raises(ValueError, match=r"expected logits \(B, K\) of K groups, or \(B, 1\).*got shape \(4,\)"):
        uniformity(torch.zeros(4))


def test_a_protected_attribute_is_two_groups():
    """One logit z is the pair (0, z)."""
    z = torch.randn(6, 1)
    torch.testing.assert_close(uniformity(z), uniformity(torch.cat([torch.zeros_like(z), z], dim=1)))
    assert uniformity(torch.zeros(6, 1)).item() == pytest.approx(math.log(2))
    assert uniformity(z) > math.log(2)


# --- attributes -------------------------------------------------------------------------------------------


def test_attributes_cost_the_sum_of_their_binary_cross_entropies(toy, toy_batch):
    x, y = toy_batch[0], torch.tensor([[0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 0, 1]])
    p = torch.sigmoid(toy(x))
    expected = -torch.where(y == 1, p, 1 - p).log().sum(1).mean()
    for terms in (standard(toy, x, y), decodable(toy, x, y), recursive(toy, x, y, PATH)):
        torch.testing.assert_close(terms.classification, expected)


def test_agreement_on_attributes_is_the_sum_over_them(toy, toy_batch, m):
    x, y = toy_batch[0], torch.ones(4, 3, dtype=torch.int64)

    def term(logits, x_d):
        said, p = torch.sigmoid(evaluated(m, x_d)), torch.sigmoid(logits)
        return -(said * p.log() + (1 - said) * (1 - p).log()).sum(1).mean()

    found = composed(toy, m, x, y, PATH, ALPHA, BETA).composition
    torch.testing.assert_close(found, by_hand(toy, x, PATH, term))


def test_an_attribute_is_a_problem_of_two_classes():
    logits, y = torch.randn(7, 4), torch.randint(0, 2, (7, 4))
    pairs = as_classes(logits).flatten(0, 1)
    torch.testing.assert_close(cross_entropy(logits, y), 4 * cross_entropy(pairs, y.flatten()))
    torch.testing.assert_close(pairs.argmax(1), (logits > 0).long().flatten())
    p = logits.sigmoid()
    entropy = (torch.special.entr(p) + torch.special.entr(1 - p)).sum(1).mean()
    torch.testing.assert_close(divergence(logits, logits, attributes=True), entropy)


def test_an_ensemble_averages_the_probabilities_of_attributes(batch):
    members = [decnn.MLP(num_classes=5, hidden=4, num_layers=2) for _ in range(3)]
    mean = torch.stack([member(batch[0]).sigmoid() for member in members]).mean(0)
    torch.testing.assert_close(decnn.Ensemble(members, attributes=True)(batch[0]).sigmoid(), mean)


def test_fgsm_climbs_the_loss_of_attributes(batch):
    model, y = decnn.MLP(num_classes=3, hidden=8, num_layers=2), torch.randint(0, 2, (5, 3))
    moved = decnn.attacks.fgsm(model, batch[0], y, eps=1e-4)
    assert cross_entropy(model(moved), y) > cross_entropy(model(batch[0]), y)

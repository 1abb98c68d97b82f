"""decnn.objectives: Equations 1, 4 and 5 against their letters."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from decnn import likelihood
from decnn.objectives import decodable, recursive, standard
from decnn.precision import arithmetic

PATHS = [[2], [1, 3], [3, 1, 2, 2]]
ON_EVERY_PAIR = {
    "standard": standard,
    "decodable": lambda model, x, y: decodable(model, x, y, beta=3.0),
    "recursive": lambda model, x, y: recursive(model, x, y, [3, 1], alpha=0.7, beta=3.0),
}


def cross_entropy(logits, y):
    """Mean of -ln p_y over the batch."""
    probs = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -torch.stack([p[label].log() for p, label in zip(probs, y, strict=True)]).mean()


def gradients(total, model):
    return torch.autograd.grad(total, list(model.parameters()), materialize_grads=True)


def test_standard_is_equation_1(pair, batch):
    x, y = batch
    terms = standard(pair, x, y)
    torch.testing.assert_close(terms.total, cross_entropy(pair.classifier(x), y))
    assert (terms.recursion, terms.reconstruction) == (0, 0)


@pytest.mark.parametrize("beta", [0.0, 1.0, 10.0])
def test_decodable_is_equation_4(pair, batch, beta):
    x, y = batch
    terms = decodable(pair, x, y, beta)
    logits, activations = pair.classifier.activations(x)
    errors = [(pair.decoder(h) - x).square().sum() / x.numel() for h in activations]
    expected = cross_entropy(logits, y) + beta * sum(errors) / 3
    torch.testing.assert_close(terms.total, expected)
    torch.testing.assert_close(terms.classification, cross_entropy(logits, y))
    torch.testing.assert_close(gradients(terms.total, pair), gradients(expected, pair))


@pytest.mark.parametrize("path", PATHS, ids=str)
@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 10.0), (1.0, 2.0), (0.3, 0.0)])
def test_recursive_is_equation_5(pair, batch, path, alpha, beta):
    """Term by term, and in every gradient: through the whole recursion, down to the first pass."""
    x, y = batch
    logits, h = pair.classifier.activations(x)
    classification, recursion, reconstruction = cross_entropy(logits, y), torch.zeros(()), torch.zeros(())
    for d, layer in enumerate(path, start=1):
        x_d = pair.decoder(h[layer - 1])
        logits, h = pair.classifier.activations(x_d)
        recursion = recursion + alpha**d * cross_entropy(logits, y)
        reconstruction = reconstruction + beta * alpha**d * ((x_d - x) ** 2).mean()
    expected = classification + recursion + reconstruction

    terms = recursive(pair, x, y, path, alpha, beta)
    torch.testing.assert_close(terms.classification, classification)
    torch.testing.assert_close(terms.recursion, recursion)
    torch.testing.assert_close(terms.reconstruction, reconstruction)
    torch.testing.assert_close(terms.total, expected)
    torch.testing.assert_close(gradients(terms.total, pair), gradients(expected, pair))


@pytest.mark.parametrize("path", [[], *PATHS], ids=str)
def test_alpha_0_is_equation_1_exactly(pair, batch, path):
    x, y = batch
    terms, alone = recursive(pair, x, y, path, alpha=0.0), standard(pair, x, y)
    assert terms.total == terms.classification == alone.total
    torch.testing.assert_close(gradients(terms.total, pair), gradients(alone.total, pair), rtol=0, atol=0)


def test_the_deepest_term_reaches_the_first_decoding_and_the_input(toy, toy_batch):
    x, y = toy_batch
    x.requires_grad_()
    steps = toy.recompose(x, [3, 2, 1, 3, 2, 1, 3, 2])
    reached = torch.autograd.grad(cross_entropy(steps[-1].logits, y), [x, *(step.x_hat for step in steps[1:])])
    assert all(gradient.any() for gradient in reached)


@pytest.mark.parametrize("name", ["decodable", "recursive"])
def test_every_parameter_of_f_and_g_gets_a_gradient(pair, batch, name):
    total = ON_EVERY_PAIR[name](pair, *batch).total
    without = [n for (n, _), g in zip(pair.named_parameters(), gradients(total, pair), strict=True) if not g.any()]
    assert not without


def test_standard_leaves_the_decoder_alone(pair, batch):
    total = standard(pair, *batch).total
    touched = {n for (n, _), g in zip(pair.named_parameters(), gradients(total, pair), strict=True) if g.any()}
    assert touched == {f"classifier.{name}" for name, _ in pair.classifier.named_parameters()}


@pytest.mark.parametrize("objective", ON_EVERY_PAIR.values(), ids=ON_EVERY_PAIR)
def test_gradients_are_the_numerical_ones(toy, toy_batch, objective):
    x, y = toy_batch
    inputs = (x.requires_grad_(), *toy.parameters())
    assert gradcheck(lambda x, *_parameters: objective(toy, x, y).total, inputs)


@pytest.mark.parametrize("objective", ON_EVERY_PAIR.values(), ids=ON_EVERY_PAIR)
def test_bfloat16_logits_give_a_loss_in_the_inputs_precision(pair, batch, objective):
    x, y = batch[0].float(), batch[1]
    pair.float()
    exact = objective(pair, x, y).total
    with arithmetic("bfloat16"):
        low = objective(pair, x, y).total
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, exact, rtol=0.03, atol=0)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alpha_outside_0_to_1_is_refused(toy, toy_batch, alpha):
    with pytest.raises(ValueError, match=rf"expected alpha in \[0, 1\], got {alpha}"):
        recursive(toy, *toy_batch, [1], alpha=alpha)


@pytest.mark.parametrize("beta", [-1e-9, float("nan")])
def test_negative_beta_is_refused(toy, toy_batch, beta):
    for call in (lambda: decodable(toy, *toy_batch, beta), lambda: recursive(toy, *toy_batch, [1], beta=beta)):
        with pytest.raises(ValueError, match=f"expected beta >= 0, got {beta}"):
            call()


@pytest.mark.parametrize("layer", [0, 4])
def test_a_layer_outside_1_to_l_is_refused(toy, toy_batch, layer):
    with pytest.raises(ValueError, match=rf"expected layers 1\.\.3 in a path, got {layer}"):
        recursive(toy, *toy_batch, [1, layer])


def test_labels_are_integers_of_any_size_and_no_fractions():
    logits, labels = torch.rand(3, 4), torch.tensor([0, 3, 1])
    expected = likelihood.cross_entropy(logits, labels)
    for dtype in (torch.int32, torch.int16, torch.uint8):
        assert likelihood.cross_entropy(logits, labels.to(dtype)) == expected
    with pytest.raises(RuntimeError):
        likelihood.cross_entropy(logits, labels + 0.7)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_outside_the_classes_is_named(label):
    with pytest.raises(ValueError, match=rf"expected labels in 0\.\.2 \(3 classes\), got .*{label}"):
        likelihood.cross_entropy(torch.zeros(2, 3), torch.tensor([1, label]))

"""Assertions on decoded activations: closed forms with decoders that return the input, or always the same image."""

import pytest
import torch
from torch import nn

import decnn
from decnn.assertions import Assertion, check, resembles, same_class, shows


class Oracle(nn.Module):
    """A decoder that knows the inputs: h holds their numbers."""

    def __init__(self, images):
        super().__init__()
        self.images, self.out_shape = images, tuple(images.shape[1:])

    def accepts(self, shape):
        return True

    def forward(self, h):
        return self.images[: len(h)]


class Brightness(nn.Module):
    """f with one hidden layer: class 1 and the attribute are a mean above one half, with logits 4 (mean - 1/2)."""

    in_shape, num_classes, activation_shapes = (1, 2, 2), 2, [(1,)]

    def forward(self, x):
        logit = 4 * (x.mean((1, 2, 3)) - 0.5)
        return torch.stack([-logit, logit], dim=1)

    def activations(self, x):
        return self(x), [x.mean((1, 2, 3))[:, None]]


@pytest.fixture
def images():
    return torch.tensor([0.1, 0.4, 0.7, 1.0])[:, None, None, None].expand(4, 1, 2, 2)


def always(value, like):
    return decnn.DecNN(Brightness(), Oracle(torch.full_like(like, value)))


def test_a_decoder_that_returns_the_input_violates_nothing(images):
    model = decnn.DecNN(Brightness(), Oracle(images))
    report = check(model, images, [same_class(1), same_class(1, 1), resembles(1, within=0), shows(1, 1, by=model)])
    assert not report.violated.any()
    assert report.predictions.tolist() == [0, 0, 1, 1]


def test_violations_of_a_decoder_that_always_draws_one_image(images):
    model = always(1.0, images)
    report = check(model, images, [same_class(1), resembles(1, within=0.1), shows(0, 1, by=model)])
    p = torch.tensor([4.0, -4.0]).sigmoid()  # logits -2 and 2: the softmax is a sigmoid of their gap
    torch.testing.assert_close(report.violations[:, 0], torch.stack([p[0] - p[1]] * 2 + [p[1] - p[0]] * 2))
    torch.testing.assert_close(report.violations[:, 1], torch.tensor([0.81, 0.36, 0.09, 0.0]) - 0.1)
    # Dark images show attribute 0, which the bright one has lost.
    assert report.violated[:, 2].tolist() == [True, True, False, False]
    assert report.rates() == {
        "same class at h_1": 50.0,
        "resembles the input at h_1": 50.0,
        "attribute 0 stays at h_1": 50.0,
    }
    assert report.worst("resembles the input at h_1").tolist() == [0, 1]


def test_another_network_may_read(images):
    upside_down = nn.Sequential(Brightness(), nn.Linear(2, 2, bias=False))
    upside_down[1].weight.data = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    model = decnn.DecNN(Brightness(), Oracle(images))
    own, other = (check(model, images, [same_class(1, by=by)]).violations for by in (None, upside_down))
    torch.testing.assert_close(other, -own)


def test_auroc_is_that_of_the_violations(images):
    report = check(always(1.0, images), images, [resembles(1, within=0.1)])
    assert report.auroc(torch.tensor([True, False, False, False])) == {"resembles the input at h_1": 1.0}
    assert report.auroc(torch.tensor([False, False, False, True])) == {"resembles the input at h_1": 0.0}


def test_a_path_is_that_of_recompose_whatever_the_batch():
    model = decnn.DecNN(decnn.MLP(hidden=16, num_layers=3), decnn.ResNetDecoder(latent=16, width=2)).eval()
    x = torch.rand(5, 1, 32, 32)
    mean = Assertion("mean", (2, 3, 1), lambda seen: seen.x_hat.mean((1, 2, 3)))
    report = check(model.train(), x, [same_class(2, 3), mean], batch_size=2)
    assert model.training
    expected = model.eval().recompose(x, [2, 3, 1])[-1].x_hat.mean((1, 2, 3))
    torch.testing.assert_close(report.violations[:, 1], expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "expected inputs and assertions, got 4 inputs and 0"),
        ([same_class(1), same_class(1)], "'same class at h_1' twice"),
        ([same_class()], "at least one layer"),
        ([same_class(2)], "expected layers 1..1 in a path, got 2"),
        ([Assertion("pixels", (1,), lambda seen: seen.x_hat)], "one number for each of 4 inputs from 'pixels'"),
        ([Assertion("nan", (1,), lambda seen: seen.logits[:, 0] * float("nan"))], "got NaN for"),
        ([same_class(1, by=nn.Flatten())], r"expected a judge with logits \(4, 2\)"),
    ],
)
def test_wrong_assertions_are_refused(images, wrong, message):
    with pytest.raises(ValueError, match=message):
        check(always(1.0, images), images, wrong)


def test_other_mistakes_are_refused(images):
    with pytest.raises(ValueError, match="got 0 inputs"):
        check(always(1.0, images), images[:0], [same_class(1)])
    with pytest.raises(ValueError, match="expected within >= 0"):
        resembles(1, within=-0.1)
    with pytest.raises(ValueError, match="expected one of same class at h_1, got 'hat'"):
        check(always(1.0, images), images, [same_class(1)]).worst("hat")
    with pytest.raises(ValueError, match=r"expected an attribute in 0\.\.1, the judge's, got 2"):
        check(always(1.0, images), images, [shows(2, 1, by=Brightness())])


def test_a_judge_reads_in_eval_mode_and_is_left_as_it_was(images):
    judge = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Dropout(0.9), nn.Linear(4, 2))
    asked = [same_class(1, by=judge), shows(1, 1, by=judge)]
    first, second = (check(always(1.0, images), images, asked).violations for _ in range(2))
    assert torch.equal(first, second)
    assert judge.training
    assert judge[1].num_batches_tracked == 0

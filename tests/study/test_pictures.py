"""Pictures of a path: what is written below each image, and in which colour."""

import torch
from matplotlib.colors import to_hex

from decnn.compose import Step
from decnn.study.figures import pictures, plots


def logits(*classes):
    return 5.0 * torch.nn.functional.one_hot(torch.tensor(classes), 3).double()


def written(figure):
    return [(text.get_text()[:3], to_hex(text.get_color())) for text in figure.axes[0].texts]


def test_a_class_is_blue_where_it_is_that_of_the_first_pass():
    x = torch.rand(2, 1, 32, 32)
    steps = [Step(logits(0, 1), [], None), Step(logits(0, 2), [], x)]
    blue, orange = plots.BLUE, plots.ORANGE
    shown = [("a\n0", blue), ("b\n0", blue), ("a\n0", blue), ("c\n0", orange)]
    assert written(pictures.walk(x, steps, "abc", [1])) == shown


def test_a_second_network_is_blue_where_it_agrees_with_the_first_on_that_image():
    x = torch.rand(1, 1, 32, 32)
    steps = [Step(logits(0), [], None), Step(logits(2), [], x)]
    figure = pictures.walk(x, steps, "abc", [1], second=[logits(0), logits(0)], names=["a row"])
    blue, orange = plots.BLUE, plots.ORANGE
    assert written(figure) == [("f a", blue), ("f c", orange), ("m a", blue), ("m a", orange)]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["a row"]

"""decnn.data.corrupt: what holds for all 14 corruptions, and what is refused."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from decnn.data import CORRUPTIONS, corrupt, corruptions, noise

every = pytest.mark.parametrize("name", CORRUPTIONS)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def rings(count: int = 5) -> Tensor:
    """Soft rings, each of its own radius and centre, black near the edge: digits of sorts."""
    i = torch.arange(count)[:, None, None]
    grid = torch.arange(32.0)
    distance = torch.hypot(grid[:, None] - 14 - i % 4, grid - 17 + i % 3)
    return (1.6 - (distance - 4 - i % 5).abs() / 1.5).clamp(0, 1)[:, None]


def test_the_fourteen():
    assert len(set(CORRUPTIONS)) == len(CORRUPTIONS) == 14
    assert set(CORRUPTIONS) == corruptions.FIXED.keys() | corruptions.DRAWN.keys()


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_shape_dtype_and_range(name, dtype):
    x = rings(2).to(dtype)
    before = x.clone()
    y = corrupt(x.requires_grad_(), name)
    assert (y.shape, y.dtype, y.requires_grad) == (x.shape, dtype, False)
    assert y.min() >= 0
    assert y.max() <= 1
    assert not torch.equal(y, x)
    assert torch.equal(x, before)


@every
def test_seed_decides_and_each_image_has_its_own_draw(name):
    x = rings(1).expand(8, -1, -1, -1)
    y = corrupt(x, name)
    assert torch.equal(y, corrupt(x, name, seed=0))
    drawn = name in corruptions.DRAWN
    assert torch.equal(y, corrupt(x, name, seed=1)) != drawn
    assert (y == y[:1]).all() != drawn


@every
def test_an_image_is_independent_of_its_batch(name, monkeypatch):
    x = rings(5).float()
    whole = corrupt(x, name)
    assert torch.equal(corrupt(x[2:], name, start=2), whole[2:])
    assert torch.equal(corrupt(x[4:], name, start=4), whole[4:])
    monkeypatch.setattr(corruptions, "BLOCK", 2)
    monkeypatch.setattr(noise, "MAP_BLOCK", 1)
    assert torch.equal(corrupt(x, name), whole)


@every
def test_grey_in_three_channels(name):
    x = rings(3)
    y = corrupt(x.expand(-1, 3, -1, -1), name)
    assert torch.equal(y, corrupt(x, name).expand(-1, 3, -1, -1))


@every
def test_colours_are_kept_apart(name):
    """Each channel is corrupted as if alone, but for Canny's luma and fog, which dims by the image's maximum."""
    x = rings(2) * torch.tensor([1.0, 0.5, 0.25])[:, None, None]
    y = corrupt(x, name)
    if name == "canny_edges":
        luma = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        expected = corrupt(luma, name).expand_as(x)
    elif name == "fog":
        haze = (4 * corrupt(torch.ones(2, 1, 32, 32), name) - 1) / 3
        expected = (x + 3 * haze) / 4
    else:
        expected = torch.cat([corrupt(channel, name) for channel in x.split(1, dim=1)], dim=1)
    torch.testing.assert_close(y, expected)


@needs_cuda
def test_an_image_is_independent_of_the_device():
    x = rings(5).float()
    for name in CORRUPTIONS:
        y = corrupt(x.cuda(), name)
        assert y.is_cuda
        torch.testing.assert_close(y.cpu(), corrupt(x, name), atol=1e-6, rtol=0)


# Mean and sd of the five rings in float64, seed 0, computed once with this program (numpy 2.4.6). They prove
# nothing by themselves: they tell that a change, in draws or arithmetic, altered what results were measured on.
GOLDEN = {
    "brightness": (0.5745, 0.1702),
    "dotted_line": (0.1451, 0.3176),
    "glass_blur": (0.1221, 0.2194),
    "impulse_noise": (0.1823, 0.3661),
    "rotate": (0.1222, 0.2870),
    "shear": (0.1221, 0.2922),
    "spatter": (0.1309, 0.2782),
    "translate": (0.1221, 0.2979),
    "canny_edges": (0.0813, 0.2732),
    "fog": (0.4079, 0.1637),
    "scale": (0.0599, 0.2104),
    "shot_noise": (0.1032, 0.2746),
    "stripe": (0.6051, 0.4696),
    "zigzag": (0.1718, 0.3402),
}


@every
def test_golden_statistics(name):
    y = corrupt(rings(5), name)
    assert (y.mean().item(), y.std().item()) == pytest.approx(GOLDEN[name], abs=1e-4)


# --- what is refused ---------------------------------------------------------------------------------------


BLACK = torch.zeros(1, 1, 32, 32)


@pytest.mark.parametrize(
    ("x", "name", "message"),
    [
        (BLACK, "gaussian_noise", r"a corruption, one of brightness, dotted_line.* got 'gaussian_noise'$"),
        (BLACK, "Brightnes", r"'Brightnes'; did you mean 'brightness'\?"),
        (BLACK, None, "a corruption, one of .*, got None"),
        (BLACK[:0], "fog", "at least one image"),
        (BLACK[0], "fog", "expected 4 dimensions"),
        (torch.zeros(1, 2, 32, 32), "fog", r"expected shape \(C, H, W\) = \(1, 32, 32\), got \(2, 32, 32\)"),
        (torch.zeros(1, 3, 28, 28), "fog", r"= \(3, 32, 32\), got \(3, 28, 28\)"),
        (BLACK.numpy(), "fog", "float torch tensor"),
        (BLACK.to(torch.uint8), "fog", "got torch.uint8"),
        (BLACK + math.nan, "fog", "NaN in 1024"),
        (BLACK + 1.5, "fog", r"\[0, 1\], got min 1.5"),
    ],
)
def test_refused(x, name, message):
    with pytest.raises(ValueError, match=message):
        corrupt(x, name)


@pytest.mark.parametrize("kind", [np.int64, np.int32, torch.tensor])
def test_integers_of_any_kind_are_seeds(kind):
    x = torch.rand(2, 1, 32, 32)
    assert torch.equal(corrupt(x, "fog", seed=kind(3), start=kind(1)), corrupt(x, "fog", seed=3, start=1))


@pytest.mark.parametrize("seed", [0.5, None])
def test_a_seed_that_is_no_integer(seed):
    with pytest.raises(ValueError, match=f"seed: expected an integer, got {seed}"):
        corrupt(torch.rand(1, 1, 32, 32), "fog", seed=seed)


def test_negative_start():
    with pytest.raises(ValueError, match="start: expected the index of the first image, 0 or more, got -1"):
        corrupt(BLACK, "fog", start=-1)


def test_canny_without_scikit_image(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(ImportError, match="pip install scikit-image"):
        corrupt(BLACK, "canny_edges")

"""decnn.data.corrupt: what holds for all 14 corruptions, closed forms, and independent versions of each part."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from decnn.data import CORRUPTIONS, corrupt, corruptions, noise, strokes

every = pytest.mark.parametrize("name", CORRUPTIONS)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def rings(count: int = 5) -> Tensor:
    """Soft rings, each of its own radius and centre, black near the edge: digits of sorts."""
    i = torch.arange(count)[:, None, None]
    grid = torch.arange(32.0)
    distance = torch.hypot(grid[:, None] - 14 - i % 4, grid - 17 + i % 3)
    return (1.6 - (distance - 4 - i % 5).abs() / 1.5).clamp(0, 1)[:, None]


# --- all of them -------------------------------------------------------------------------------------------


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


# --- each of them ------------------------------------------------------------------------------------------


def flat(value: float, count: int = 1) -> Tensor:
    return torch.full((count, 1, 32, 32), value)


def test_brightness_adds_a_half():
    torch.testing.assert_close(corrupt(flat(0.2), "brightness"), flat(0.7))
    assert torch.equal(corrupt(flat(0.6), "brightness"), flat(1.0))


def test_stripe_twice_is_the_image():
    x = rings()
    once = corrupt(x, "stripe")
    torch.testing.assert_close(corrupt(once, "stripe"), x)
    assert torch.equal(once[..., 8:24], x[..., 8:24])
    assert torch.equal(once[..., :8], 1 - x[..., :8])
    assert torch.equal(once[..., 24:], 1 - x[..., 24:])


def test_translate_and_back_is_the_image():
    x = rings(16)  # black near the edge, so that nothing is lost
    assert x[..., 29:].sum() + x[..., :3].sum() + x[..., 29:, :].sum() + x[..., :3, :].sum() == 0
    back = {(dy, dx): corrupt(x, "translate").roll((dy, dx), (2, 3)) for dy in (-3, 3) for dx in (-3, 3)}
    found = [[shift for shift, y in back.items() if torch.equal(y[i], x[i])] for i in range(16)]
    assert all(len(shifts) == 1 for shifts in found)
    assert {shifts[0] for shifts in found} == set(back)  # all four occur
    assert corrupt(flat(1.0), "translate").mean() == (29 / 32) ** 2  # black comes in


def skimage_warp(image: Tensor, matrix: list[list[float]]) -> Tensor:
    """The image at matrix times the offset from its centre, by scikit-image."""
    from skimage.transform import AffineTransform, warp

    linear, centre = np.array(matrix), np.full(2, 15.5)
    full = np.eye(3)
    full[:2, :2], full[:2, 2] = linear, centre - linear @ centre
    return torch.from_numpy(warp(image.numpy(), AffineTransform(full), order=1))


@pytest.mark.parametrize("name", ["rotate", "shear"])
def test_warps_turn_either_way(name):
    x = torch.rand(1, 1, 32, 32).expand(12, -1, -1, -1)
    c, s, t = math.cos(0.4), math.sin(0.4), math.tan(0.4)
    either = [[[c, -s], [s, c]], [[c, s], [-s, c]]] if name == "rotate" else [[[1, -t], [0, 1]], [[1, t], [0, 1]]]
    expected = torch.stack([skimage_warp(x[0, 0], matrix) for matrix in either])
    near = torch.isclose(corrupt(x, name), expected, atol=1e-9).all((2, 3))
    assert near.sum(1).tolist() == [1] * 12
    assert near.any(0).all()  # both directions occur


def test_scale_shrinks_about_the_centre():
    x = torch.rand(1, 1, 32, 32)
    x[..., 14:18, 14:18] = 0.3
    y = corrupt(x, "scale")
    torch.testing.assert_close(y[0, 0], skimage_warp(x[0, 0], [[1 / 0.7, 0], [0, 1 / 0.7]]))
    torch.testing.assert_close(y[..., 15:17, 15:17], x[..., 15:17, 15:17])
    side = 22 + 2 * (16.5 - 11.5 / 0.7)  # 22 whole pixels, and on each side one that fades out
    assert corrupt(flat(1.0), "scale").mean().item() == pytest.approx((side / 32) ** 2)


def test_impulse_noise_shares():
    y = corrupt(flat(0.5, 40), "impulse_noise")
    sd = math.sqrt(0.085 * 0.915 / y.numel())
    for value in (0, 1):
        assert abs((y == value).float().mean().item() - 0.085) < 4 * sd
    assert set(y.unique().tolist()) == {0, 0.5, 1}


@pytest.mark.parametrize("value", [0.0, 0.1, 0.5, 1.0])
def test_shot_noise_counts_photons(value):
    y = corrupt(flat(value, 20), "shot_noise") * 3
    counts = torch.bincount(y.round().long().flatten(), minlength=4) / y.numel()
    p = stats.poisson.pmf(range(3), 3 * value)
    expected = np.array([*p, 1 - p.sum()])
    assert np.all(np.abs(counts.numpy() - expected) <= 4 * np.sqrt(expected * (1 - expected) / y.numel()) + 1e-12)


def test_blur_is_scikit_images():
    from skimage.filters import gaussian

    x = torch.rand(2, 1, 32, 32)
    for sigma in (0.8, 12 / 7):
        expected = np.stack([gaussian(image.numpy(), sigma, mode="nearest") for image in x[:, 0]])
        np.testing.assert_allclose(noise.blur(x, sigma)[:, 0].numpy(), expected, atol=1e-12)


def test_spatter_only_blends_in_grey():
    white, black = corrupt(flat(1.0, 8), "spatter"), corrupt(flat(0.0, 8), "spatter")
    weight = black / (63 / 255)
    torch.testing.assert_close(white, 1 - weight + black)
    assert set((weight == 0).unique().tolist()) == {False, True}
    assert weight[weight > 0].min() >= 0.8
    assert weight.max() <= 1


def test_glass_blur_is_one_swap_after_the_other():
    x = rings(2)
    u = noise.uniform(noise.streams("glass_blur", 0, 0, 2), 2, 30, 30).numpy()
    swapped = noise.blur(x, 0.8).numpy()
    for image, draws in zip(swapped[:, 0], u, strict=True):
        for turn in draws:
            for i, h in enumerate(range(31, 1, -1)):
                for j, w in enumerate(range(31, 1, -1)):
                    if turn[i, j] >= 0.5:
                        dy, dx = divmod(int((turn[i, j] - 0.5) * 8), 2)
                        image[h, w], image[h - dy, w - dx] = image[h - dy, w - dx], image[h, w]
    torch.testing.assert_close(corrupt(x, "glass_blur"), noise.blur(torch.from_numpy(swapped), 0.8).clamp(0, 1))
    torch.testing.assert_close(corrupt(flat(0.4), "glass_blur"), flat(0.4))


def test_fog_on_flat_images():
    assert torch.equal(corrupt(flat(0.0), "fog"), flat(0.0))  # dimmed to the image's own maximum
    haze = (4 * corrupt(flat(1.0, 8), "fog") - 1) / 3
    assert haze.min() >= 0
    assert haze.max() <= 1
    torch.testing.assert_close(corrupt(flat(0.5, 8), "fog"), (0.5 + 3 * haze) / 7)
    # An image sees an eighth of the fractal's width: its level differs from others' more than within itself.
    assert haze.mean((1, 2, 3)).std() > haze.std((1, 2, 3)).mean()


def test_plasma_is_diamond_square_point_by_point(monkeypatch):
    side = 8
    monkeypatch.setattr(noise, "MAP_SIDE", side)
    (haze,) = noise._plasma(noise.streams("fog", 0, 0, 1))[:, 0].numpy()
    (rng,) = noise.streams("fog", 0, 0, 1)
    u, heights, step, wobble = iter(rng.random(side**2 - 1, dtype=np.float32)), {(0, 0): 0.0}, side, 100.0

    def place(r: int, c: int, around: list[tuple[int, int]]) -> None:
        mean = sum(heights[(r + dr) % side, (c + dc) % side] for dr, dc in around) / 4
        heights[r, c] = mean + wobble * (2 * float(next(u)) - 1) * wobble

    while step > 1:
        half, corners = step // 2, [(r, c) for r in range(0, side, step) for c in range(0, side, step)]
        cross = [(-half, -half), (-half, half), (half, -half), (half, half)]
        plus = [(-half, 0), (half, 0), (0, -half), (0, half)]
        for r, c in corners:
            place(r + half, c + half, cross)
        for r, c in corners:
            place(r, c + half, plus)
        for r, c in corners:
            place(r + half, c, plus)
        step, wobble = half, wobble / 1.4
    expected = np.array([[heights[r, c] for c in range(side)] for r in range(side)])
    np.testing.assert_allclose(haze, (expected - expected.min()) / np.ptp(expected), atol=1e-5)


def test_the_profile_of_a_stroke():
    line = strokes._segment(torch.tensor([[4.0, 20.0]]), torch.tensor([[10.0, 10.0]]))[0]
    beside = 1 + math.log(1 - 7 / (2.3 * 8))
    expected = torch.tensor([0, beside, 1, beside, 0])
    torch.testing.assert_close(line[8:13, 4:20], expected[:, None].expand(-1, 16))
    assert line[:, :4].sum() + line[:, 20:].sum() == 0


def test_dotted_line_keeps_every_other_pair_of_columns():
    line = corrupt(flat(0.0, 32), "dotted_line")
    columns = torch.arange(32) // 2 % 2 == 1
    assert line[..., ~columns].sum() == 0
    lit = line.amax((1, 2))[:, columns]
    assert (lit[:, :-1] > 0.5).all()  # within half a pixel of the line there is a row
    assert (lit[:, -1] == 0).all()  # the line ends before the last column
    peaks = line[:, 0, :, 2].argmax(1)
    assert peaks.min() < 8
    assert peaks.max() > 22


def test_zigzag_swings_about_its_line():
    line = corrupt(flat(0.0, 32), "zigzag")
    assert line[..., :2].sum() + line[..., 29:].sum() == 0
    inside = line[line[:, :, [0, 31]].sum((1, 2, 3)) == 0]  # those that do not leave the image
    assert len(inside) > 10
    assert (inside[..., 2:29].amax((1, 2)) > 0.5).all()
    rows = inside[..., 2:29].argmax(2)[:, 0].double()
    turns = ((rows[:, 2:] - rows[:, 1:-1]).sign() * (rows[:, 1:-1] - rows[:, :-2]).sign() < 0).sum(1)
    spread = rows.amax(1) - rows.amin(1)
    assert turns.max() >= 4
    assert spread.min() >= 4  # 16/7 px either way of a level line
    assert spread.max() <= 12  # and at most 6 of slope


def test_canny_edges_are_a_binary_outline():
    x = flat(0.0)
    x[..., 8:24, 8:24] = 1
    edges = corrupt(x, "canny_edges")
    assert set(edges.unique().tolist()) == {0, 1}
    assert edges[..., 11:21, 11:21].sum() + edges[..., :5].sum() == 0
    assert edges[..., 6:10, 12:20].sum() >= 8


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "name", "message"),
    [
        (flat(0.0), "gaussian_noise", r"unknown corruption 'gaussian_noise'.*Known: brightness, dotted_line"),
        (flat(0.0), "Brightnes", r"'Brightnes'; did you mean 'brightness'\?"),
        (flat(0.0), None, "unknown corruption None; Known"),
        (flat(0.0)[:0], "fog", "at least one image"),
        (flat(0.0)[0], "fog", "expected 4 dimensions"),
        (torch.zeros(1, 2, 32, 32), "fog", r"expected shape \(C, H, W\) = \(1, 32, 32\), got \(2, 32, 32\)"),
        (torch.zeros(1, 3, 28, 28), "fog", r"= \(3, 32, 32\), got \(3, 28, 28\)"),
        (flat(0.0).numpy(), "fog", "float torch tensor"),
        (flat(0.0).to(torch.uint8), "fog", "got torch.uint8"),
        (flat(math.nan), "fog", "NaN in 1024"),
        (flat(1.5), "fog", r"\[0, 1\], got min 1.5"),
    ],
)
def test_refused(x, name, message):
    with pytest.raises(ValueError, match=message):
        corrupt(x, name)


def test_negative_start():
    with pytest.raises(ValueError, match="start: expected the index of the first image, 0 or more, got -1"):
        corrupt(flat(0.0), "fog", start=-1)


def test_canny_without_scikit_image(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(ImportError, match="pip install scikit-image"):
        corrupt(flat(0.0), "canny_edges")

"""Each corruption by itself: closed forms, and independent versions of its parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from decnn.data import corrupt, noise, strokes


def flat(value: float, count: int = 1) -> Tensor:
    return torch.full((count, 1, 32, 32), value)


def test_brightness_adds_a_half():
    torch.testing.assert_close(corrupt(flat(0.2), "brightness"), flat(0.7))
    assert torch.equal(corrupt(flat(0.6), "brightness"), flat(1.0))


def test_stripe_twice_is_the_image():
    x = torch.rand(5, 1, 32, 32)
    once = corrupt(x, "stripe")
    torch.testing.assert_close(corrupt(once, "stripe"), x)
    assert torch.equal(once[..., 8:24], x[..., 8:24])
    assert torch.equal(once[..., :8], 1 - x[..., :8])
    assert torch.equal(once[..., 24:], 1 - x[..., 24:])


def test_translate_and_back_is_the_image():
    x = torch.nn.functional.pad(torch.rand(16, 1, 26, 26), (3,) * 4)  # black near the edge, so that nothing is lost
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
    x = torch.rand(2, 1, 32, 32)
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

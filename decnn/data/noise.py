"""The corruptions that draw a random pattern: impulse and shot noise, spatter, glass blur, fog; and their streams.

Every pattern is drawn on the CPU, from one stream of random numbers for each image, and is shared by the
channels: an image's pattern depends neither on the images beside it nor on the device.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "SIDE",
    "Streams",
    "blur",
    "fog",
    "glass_blur",
    "impulse_noise",
    "px",
    "shot_noise",
    "spatter",
    "streams",
    "uniform",
]

SIDE = 32  # of the images here
PUBLISHED_SIDE = 28  # of the images for which the constants were published
MAP_SIDE = 256  # of the fractal, a power of two, out of which fog cuts its corner
MAP_BLOCK = 16  # fractals drawn at once: more fall out of the cache

Streams = list[np.random.Generator]


def px(length: float) -> float:
    """A length in pixels of a 28-pixel image, carried to 32: times 8/7.

    >>> px(7), round(px(3))
    (8.0, 3)
    """
    return length * SIDE / PUBLISHED_SIDE


def streams(name: str, seed: int, start: int, count: int) -> Streams:
    """One counter-based stream for each image: Philox with the key (seed, name, index of the image).

    Source: Salmon et al. (2011), Parallel random numbers: as easy as 1, 2, 3.

    >>> first, second = streams("fog", 0, 0, 2)
    >>> (again,) = streams("fog", 0, 1, 1)
    >>> bool(second.random() == again.random())
    True
    """
    base = zlib.crc32(name.encode()) << 32
    keys = (np.array([seed % 2**64, base + index], dtype=np.uint64) for index in range(start, start + count))
    return [np.random.Generator(np.random.Philox(key=key)) for key in keys]


def uniform(rng: Streams, *shape: int) -> Tensor:
    """Numbers in [0, 1), float64 (N, *shape): row i from image i's stream.

    >>> tuple(uniform(streams("fog", 0, 0, 2), 4, 3).shape)
    (2, 4, 3)
    """
    return torch.from_numpy(np.stack([stream.random(shape) for stream in rng]))


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (N, C, H, W), cut at 4 sigma, with the edge pixels repeated outward.

    A sum of shifted images, not a convolution: those round differently from one batch size to another.

    Source: as skimage.filters.gaussian.

    >>> image = torch.zeros(1, 1, 9, 9)
    >>> image[0, 0, 4, 4] = 1.0
    >>> bool(torch.isclose(blur(image, 0.8).sum(), torch.tensor(1.0)))
    True
    """
    radius = int(4 * sigma + 0.5)
    weights = [math.exp(-((k / sigma) ** 2) / 2) for k in range(-radius, radius + 1)]
    for dim, sides in ((-1, (radius, radius, 0, 0)), (-2, (0, 0, radius, radius))):
        padded = F.pad(x, sides, mode="replicate")
        shifted = (weight * padded.narrow(dim, k, x.shape[dim]) for k, weight in enumerate(weights))
        x = sum(shifted) / sum(weights)
    return x


def impulse_noise(x: Tensor, rng: Streams) -> Tensor:
    """Salt and pepper: 8.5 % of the pixels become black and 8.5 % white."""
    amount = 0.17
    u = uniform(rng, 1, SIDE, SIDE).to(x.device)
    return x.masked_fill(u < amount / 2, 0.0).masked_fill(u >= 1 - amount / 2, 1.0)


def shot_noise(x: Tensor, rng: Streams) -> Tensor:
    """Photon counts: Poisson(3 x) / 3, clipped at 1, by inversion of one number for each pixel."""
    rate, u = 3, uniform(rng, 1, SIDE, SIDE)
    # In float64 on the CPU: where exp rounds otherwise, a count could jump.
    mean = rate * x.double().cpu()
    term = below = torch.exp(-mean)
    count = (u >= below).double()
    for k in range(1, rate):  # counts above the rate are clipped to it
        term = term * mean / k
        below = below + term
        count += u >= below
    return (count / rate).to(x)


def spatter(x: Tensor, rng: Streams) -> Tensor:
    """Grey drops: where blurred noise exceeds its mean, widened, cut below 0.8 and blended in at 63/255."""
    mean, std, threshold, mud = 0.65, 0.3, 0.65, 63 / 255
    noise = np.stack([stream.standard_normal((1, SIDE, SIDE)) for stream in rng])
    liquid = blur(mean + std * torch.from_numpy(noise), px(1.0))
    drops = blur((liquid > threshold).double(), px(1.5))
    drops = drops.masked_fill(drops < 0.8, 0.0).to(x)
    return x * (1 - drops) + mud * drops


def glass_blur(x: Tensor, rng: Streams) -> Tensor:
    """Two passes of random swaps with the neighbour above, left or above left, between two Gaussian blurs."""
    sigma, reach, passes = px(0.7), round(px(1)), 2
    places = range(SIDE - 1, reach, -1)
    u = uniform(rng, passes * len(places) ** 2)
    # Half of the steps swap: each coordinate's offset is then -1 or 0, the four pairs alike likely.
    pair = ((8 * u).long() - 4).clamp(min=0).T  # (steps, N)
    back = pair // 2 * SIDE + pair % 2
    # Row p: from which pixel of each image pixel p comes. Swaps follow one another, so a pixel may travel far.
    origin = torch.arange(SIDE**2)[:, None].repeat(1, len(rng))
    steps = ((h, w) for _ in range(passes) for h in places for w in places)
    for (h, w), offset in zip(steps, back, strict=True):
        here = h * SIDE + w
        there = (here - offset)[None]
        moved = origin.gather(0, there)
        origin.scatter_(0, there, origin[here : here + 1].clone())
        origin[here : here + 1] = moved
    index = origin.T[:, None].expand(-1, x.shape[1], -1).to(x.device)
    return blur(blur(x, sigma).flatten(2).gather(2, index).view_as(x), sigma)


def fog(x: Tensor, rng: Streams) -> Tensor:
    """A fractal haze added, then dimmed to the image's own maximum: (x + 3 p) m / (m + 3)."""
    thickness = 3.0
    haze = torch.cat([_plasma(rng[i : i + MAP_BLOCK]) for i in range(0, len(rng), MAP_BLOCK)]).to(x)
    top = x.amax((1, 2, 3), keepdim=True)
    return (x + thickness * haze) * top / (top + thickness)


def _plasma(rng: Streams) -> Tensor:
    """Diamond-square fractals on a torus, scaled to [0, 1], of which one corner is seen: (N, 1, SIDE, SIDE)."""
    wobble, decay = 1.0, 1.4
    grid = torch.zeros(len(rng), 1, 1)
    # float32 draws cost half: 65,535 for each image
    u = torch.from_numpy(np.stack([stream.random(MAP_SIDE**2 - 1, dtype=np.float32) for stream in rng]))
    while grid.shape[-1] < MAP_SIDE:
        side = grid.shape[-1]
        noise, u = u[:, : 3 * side**2], u[:, 3 * side**2 :]
        # The wobble enters twice, as factor and as range, so its square decays: by 1.96 from scale to scale.
        centre_noise, top_noise, left_noise = ((2 * noise - 1) * wobble**2).view(-1, 3, side, side).unbind(1)
        right, down = grid.roll(-1, 2), grid.roll(-1, 1)
        centre = (grid + right + down + right.roll(-1, 1)) / 4 + centre_noise
        top = (grid + right + centre + centre.roll(1, 1)) / 4 + top_noise
        left = (grid + down + centre + centre.roll(1, 2)) / 4 + left_noise
        grid = F.pixel_shuffle(torch.stack([grid, top, left, centre], dim=1), 2).squeeze(1)
        wobble /= decay
    low, high = grid.amin((1, 2), keepdim=True), grid.amax((1, 2), keepdim=True)
    return ((grid[:, :SIDE, :SIDE] - low) / (high - low))[:, None]

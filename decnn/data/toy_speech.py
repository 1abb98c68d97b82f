"""Synthetic sound for runs without data: ten pairs of telephone tones in noise, and white noise as outliers.

They are no speech and stand in for none: results on them say nothing about a corpus. They go through the same
recipes as recordings, and so have the same shape and kind of pixels; they are made at the recipe's rate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from decnn.data.recordings import missing_packages, require
from decnn.data.source import Read, Source
from decnn.data.speech import LogMel, Recipe, decibels, filled, scaling

__all__ = ["TONES", "TOY_SPEECH", "WHITE_NOISE", "noise", "tones"]

RATE, SECONDS = 8_000, 0.7  # as for "fsdd"
COUNTS = {"train": 1000, "test": 500}  # multiples of BLOCK
SEEDS = {"train": 0, "test": 1}
BLOCK = 50  # clips made at once: more do not fit into the processor's cache
# Hz, of the keys 0 to 9 (ITU-T Recommendation Q.23).
TONES = ((941, 1336), (697, 1209), (697, 1336), (697, 1477), (770, 1209),
         (770, 1336), (770, 1477), (852, 1209), (852, 1336), (852, 1477))  # fmt: skip
DETUNE = 0.03  # standing in for the speaker
RAMP = 0.02  # seconds in which a tone swells and fades
LONGEST = 1.0  # seconds of noise, where the window is not shorter
OWN = filled(RATE, SECONDS)


def tones(count: int, rng: np.random.Generator, recipe: Recipe = OWN) -> tuple[np.ndarray, np.ndarray]:
    """Toy digits: each the two tones of its telephone key, detuned, at some place, loudness and noise.

    Returns:
        Waveforms int16 of 0.7 s at the recipe's rate, by default (count, 5600), and digits uint8 (count,), as many
        of each as of the others.

    >>> sound, digits = tones(20, np.random.default_rng(0))
    >>> sound.shape, digits[:12].tolist()
    ((20, 5600), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    """
    digits = (np.arange(count) % len(TONES)).astype(np.uint8)
    u = rng.random((count, 7, 1))
    t = np.arange(round(recipe.rate * SECONDS)) / recipe.rate
    length = 0.25 + 0.35 * u[:, 0]
    start = (SECONDS - length) * u[:, 1]
    inside = np.clip(np.minimum(t - start, start + length - t) / RAMP, 0, 1)
    pitch = np.array(TONES)[digits] * (1 + DETUNE * (2 * u[:, 2] - 1))
    low, high = (np.sin(2 * np.pi * (pitch[:, [k]] * t + u[:, 3 + k])) for k in range(2))
    level = 10 ** (-1.5 + u[:, 5])
    hiss = 10 ** (-3.5 + 1.5 * u[:, 6]) * rng.standard_normal((count, len(t)))
    return _int16(0.5 * level * inside * (low + high) + hiss), digits


def noise(count: int, rng: np.random.Generator, recipe: Recipe = OWN) -> tuple[np.ndarray, np.ndarray]:
    """White Gaussian noise up to half the recipe's rate, its standard deviation from -60 to -10 dB of full scale.

    Returns:
        Waveforms int16 that fill the recipe's window, or a second of it, by default (count, 5600), and their one
        class, 0, uint8 (count,).

    >>> noise(2, np.random.default_rng(0), filled(16_000, 1.0))[0].shape
    (2, 16000)
    """
    level = 10 ** (-3 + 2.5 * rng.random((count, 1)))
    samples = round(recipe.rate * min(recipe.seconds, LONGEST))
    return _int16(level * rng.standard_normal((count, samples))), np.zeros(count, np.uint8)


Make = Callable[[int, np.random.Generator, Recipe], tuple[np.ndarray, np.ndarray]]


def _read(name: str, make: Make, recipe: str | LogMel, split: str, root: Path, size: int) -> Read:
    """One split, scaled by the train split's decibels or as another set; `root` plays no part."""
    require(name)
    scale = scaling(recipe, RATE, SECONDS, lambda how: _made(make, how, "train")[0])
    d, labels, sound = _made(make, scale.recipe, split)
    return Read(scale.intensities(d).numpy(), labels, sound, scale)


@cache  # either split needs the train split's decibels
def _made(make: Make, recipe: Recipe, split: str) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """One split: decibels (N, 32, 32), labels (N,) and waveforms int16 (N, T)."""
    rng, spectra, labels, sound = np.random.default_rng([2021, SEEDS[split]]), [], [], []
    for _ in range(COUNTS[split] // BLOCK):
        waveforms, classes = make(BLOCK, rng, recipe)
        spectra.append(decibels(torch.from_numpy(waveforms) / 2**15, recipe))
        labels.append(classes)
        sound.append(waveforms)
    return torch.cat(spectra), np.concatenate(labels), np.concatenate(sound)


def _int16(sound: np.ndarray) -> np.ndarray:
    """As a 16-bit file would hold it, so that the checksum does not hang on the last bit of a sine."""
    return np.clip(np.round(sound * 2**15), -(2**15), 2**15 - 1).astype(np.int16)


MADE = "this package makes them, so there is nothing to download"


def _source(name: str, make: Make, class_names: tuple[str, ...]) -> Source:
    return Source(
        class_names=class_names,
        read=partial(_read, name, make, "filled"),
        available=lambda root: not missing_packages(),
        where=MADE,
        found=MADE,
        synthetic=True,
        read_by=partial(_read, name, make),
    )


TOY_SPEECH = _source("toy-speech", tones, tuple("0123456789"))
WHITE_NOISE = _source("white-noise", noise, ("noise",))

"""decnn.data.speech: waveform to spectrogram, decibels to [0, 1], and back; and the synthetic sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from decnn.data import check_images, get, load, names
from decnn.data.speech import LogMel, Recipe, decibels, filled, viewmaker, waveforms
from decnn.data.toy_speech import TONES, tones

RECIPES = [filled(8_000, 0.7), filled(16_000, 1.0), filled(48_000, 1.0), viewmaker(8_000), viewmaker(48_000)]
SHORT = filled(8_000, 0.5)
SCALE = LogMel(SHORT, mean=-60.0, sd=20.0, low=-100.0, high=20.0)


def tone(hertz: float, recipe: Recipe, seconds: float | None = None) -> torch.Tensor:
    t = torch.arange(round((seconds or recipe.seconds) * recipe.rate)) / recipe.rate
    return torch.sin(2 * torch.pi * hertz * t)


# --- from waveform to decibels -----------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.name}-{recipe.rate}")
def test_frames_and_coverage(recipe):
    """32 frames; through them `filled` sees every sample with weight 1, `viewmaker` 43 % of them at all."""
    assert tuple(decibels(torch.rand(2, 3, 100), recipe).shape) == (2, 3, 32, 32)
    weight = torch.zeros(recipe.samples + 2 * recipe.n_fft)
    for frame in range(32):
        weight[frame * recipe.hop :][: recipe.n_fft] += torch.hann_window(recipe.n_fft)
    weight = weight[recipe.n_fft // 2 :][: 31 * recipe.hop]  # frames are centred at multiples of the hop
    if recipe.name == "filled":
        assert recipe.samples - 31 * recipe.hop < 31
        torch.testing.assert_close(weight, torch.ones_like(weight))
    else:
        assert (weight > 0).double().mean().item() == pytest.approx(2048 / 4800, abs=0.01)


@pytest.mark.parametrize("recipe", RECIPES[::3], ids=lambda recipe: recipe.name)
def test_librosa_agrees(recipe):
    """Within 0.001 dB, wherever there is more than silence."""
    import librosa

    clip = (0.3 * tone(700, recipe, 0.4) + 0.01 * torch.randn(round(0.4 * recipe.rate))).float()
    ours = decibels(clip, recipe)
    padded = np.zeros(recipe.samples, np.float32)
    padded[: len(clip)] = clip[: recipe.samples]
    power = librosa.feature.melspectrogram(
        y=padded, sr=recipe.rate, n_fft=recipe.n_fft, hop_length=recipe.hop, n_mels=32, power=2.0
    )
    theirs = librosa.power_to_db(power, top_db=None)
    assert ours.dtype == torch.float32
    assert (ours > -80).any()
    assert np.abs(ours.numpy() - theirs).max() < 1e-3


def test_decibels_of_silence_and_of_a_louder_sound():
    assert (decibels(torch.zeros(10), SHORT) == -100).all()
    sound = torch.randn(8_000)
    quiet, loud = (decibels(factor * sound, SHORT) for factor in (1e-3, 1e-2))
    torch.testing.assert_close(loud - quiet, torch.full((32, 32), 20.0, dtype=torch.float32), atol=1e-3, rtol=0)


def test_rows_are_bands_and_columns_are_time():
    bands = [decibels(tone(hertz, SHORT), SHORT)[:, 16].argmax().item() for hertz in (200, 800, 1600, 3200)]
    assert bands == sorted(set(bands))
    for frame in (0, 9, 31):
        click = torch.zeros(SHORT.samples)
        click[frame * SHORT.hop] = 1
        assert decibels(click, SHORT).mean(0).argmax() == frame


def test_a_clip_is_cut_or_padded_at_its_end():
    sound = torch.randn(SHORT.samples + 500)
    torch.testing.assert_close(decibels(sound, SHORT), decibels(sound[: SHORT.samples], SHORT))
    padded = torch.cat([sound[:1000], torch.zeros(SHORT.samples - 1000)])
    torch.testing.assert_close(decibels(sound[:1000], SHORT), decibels(padded, SHORT))


# --- decibels and [0, 1] -----------------------------------------------------------------------------------


def test_the_map_to_intensities_is_the_z_score_up_to_an_affine_map():
    d = 30 * torch.randn(50, 32, 32) - 50
    scale = LogMel.fit(SHORT, d)
    x = scale.intensities(d)
    assert (x.min(), x.max()) == (0, 1)  # nothing of the training set is clipped
    torch.testing.assert_close(scale.decibels(x), d)
    z = scale.standardised(x)
    assert (z.mean().item(), z.std().item()) == pytest.approx((0, 1), abs=1e-6)
    assert scale.intensities(torch.tensor([scale.low - 9, scale.high + 9])).tolist() == [0, 1]


def test_a_silent_training_set():
    with pytest.raises(ValueError, match="expected recordings with sound in them, got -100 dB everywhere"):
        LogMel.fit(SHORT, decibels(torch.zeros(3, 100), SHORT))


# --- and back to sound -------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [SHORT, viewmaker(48_000)], ids=lambda recipe: recipe.name)
def test_the_inverse_sounds_like_the_image(recipe):
    """The spectrogram of the sound that is made from an image is near that image, on average within 6 dB of 120."""
    scale = LogMel(recipe, mean=-60.0, sd=20.0, low=-100.0, high=20.0)
    seconds = torch.arange(recipe.samples) / recipe.rate
    voiced = sum(tone(k * 220, recipe) / k for k in range(1, 9)) * (1 + torch.sin(2 * torch.pi * 2 * seconds))
    x = scale.intensities(decibels(0.1 * voiced + 1e-2 * torch.randn(recipe.samples), recipe))[None, None]
    sound = waveforms(x, scale)
    assert tuple(sound.shape) == (1, recipe.samples)
    assert torch.equal(sound, waveforms(x, scale))
    again = scale.intensities(decibels(sound, recipe))
    assert (again - x[:, 0]).abs().mean() < 0.05
    assert torch.corrcoef(torch.stack([again.flatten(), x.flatten()]))[0, 1] > 0.9


def test_the_inverse_takes_what_a_decoder_gives():
    x = 3 * torch.randn(2, 1, 32, 32, requires_grad=True)
    assert waveforms(x, SCALE, iterations=2).isfinite().all()
    with pytest.raises(ValueError, match=r"images: expected \(N, 1, 32, 32\), got \(2, 1, 28, 28\); load with size=32"):
        waveforms(torch.rand(2, 1, 28, 28), SCALE)


# --- synthetic sets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recipe", "num_classes", "checksum"),
    [
        ("toy-speech", "filled", 10, "3ed01caedbba2fbe"),
        ("toy-speech", "viewmaker", 10, "3ed01caedbba2fbe"),
        ("white-noise", "filled", 1, "5993ce472101497f"),
    ],
)
def test_synthetic_sets(name, recipe, num_classes, checksum):
    """The same samples on every machine, as results name them; flagged synthetic; in the shape of speech."""
    test = load(name, "test", recipe=recipe)
    check_images(test.images, shape=(1, 32, 32))
    assert (len(test), test.num_classes, test.synthetic, test.log_mel.recipe.name) == (500, num_classes, True, recipe)
    assert test.checksum == checksum
    assert torch.bincount(test.labels).tolist() == [500 // num_classes] * num_classes


def test_synthetic_sets_say_so():
    assert load("toy-speech", "test").log_mel.recipe.name == "filled"
    assert get("toy-speech").startswith("toy-speech: 1,000 train and 500 test images; this package makes them")


def test_toy_digits_can_be_told_apart_by_their_tones():
    train, test = (load("toy-speech", split) for split in ("train", "test"))
    means = torch.stack([train.images[train.labels == k].mean((0, 3)).flatten() for k in range(10)])
    nearest = torch.cdist(test.images.mean(3).flatten(1), means)
    assert (nearest.argmin(1) == test.labels).float().mean() > 0.5
    sound, digits = tones(30, np.random.default_rng(3))
    spectrum = np.abs(np.fft.rfft(sound))
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / 8_000)
    for bound, k in (((0, 1_050), 0), ((1_050, 4_000), 1)):
        inside = (hertz >= bound[0]) & (hertz < bound[1])
        peaks = hertz[inside][spectrum[:, inside].argmax(1)]
        np.testing.assert_allclose(peaks, np.array(TONES)[digits, k], rtol=0.035)


def test_white_noise_is_flat():
    noise = load("white-noise", "test")
    d = noise.log_mel.decibels(noise.images[:, 0, :, 2:-2])  # the first and last frames are half padding
    assert d.mean((0, 2)).std() < 1.5
    assert d.mean((1, 2)).std() > 10  # of any loudness


# --- load --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recipe", "message"),
    [
        ("toy-speech", "viewmakr", "recipe of toy-speech, one of filled, .*, got 'viewmakr'; did you mean 'viewmaker'"),
        ("mnist", "filled", "mnist: recipe: expected None for pictures, got 'filled'; data sets of speech: audiomnist"),
    ],
)  # fmt: skip
def test_bad_recipe(name, recipe, message):
    with pytest.raises(ValueError, match=message):
        load(name, "test", recipe=recipe)


def test_another_size():
    small = load("toy-speech", "test", size=16)
    assert tuple(small.images.shape) == (500, 1, 16, 16)
    assert small.checksum == load("toy-speech", "test").checksum
    assert {"audiomnist", "fluent", "fsdd", "speech_commands", "toy-speech", "white-noise"} <= set(names())

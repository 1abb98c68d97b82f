"""Speech as images: a waveform to 32 mel bands x 32 frames in decibels, decibels to [0, 1], and back to sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torchaudio.transforms import MelSpectrogram

__all__ = ["FRAMES", "RECIPES", "LogMel", "Recipe", "decibels", "filled", "named", "scaling", "viewmaker", "waveforms"]

FRAMES = 32  # and mel bands
FLOOR = 1e-10  # power that counts as silence, -100 dB
RECIPES = ("filled", "viewmaker")
# librosa's defaults; with torchaudio's own padding the first and last frames would differ by half.
SLANEY = {"norm": "slaney", "mel_scale": "slaney", "n_mels": FRAMES}


@dataclass(frozen=True)
class Recipe:
    """How a waveform becomes 32 frames: cut or padded with zeros to a window, one spectrum for each hop.

    Frames are centred at 0, hop, ..., 31 hop; each sees n_fft samples through a Hann window.

    Attributes:
        name: "filled" or "viewmaker".
        rate: samples per second.
        samples: length of the window; 1 + samples // hop = 32.
        hop: samples from one frame to the next.
        n_fft: samples that a frame sees. If hop > n_fft, no frame sees the samples between.

    Raises:
        ValueError: samples and hop that give another number of frames.

    >>> Recipe("mine", rate=8000, samples=8000, hop=100, n_fft=200)
    Traceback (most recent call last):
        ...
    ValueError: recipe mine: expected 32 frames, got 81 from 8000 samples with hop 100; take hop = samples // 31
    """

    name: str
    rate: int
    samples: int
    hop: int
    n_fft: int

    def __post_init__(self) -> None:
        frames = 1 + self.samples // self.hop
        if frames != FRAMES:
            raise ValueError(
                f"recipe {self.name}: expected {FRAMES} frames, got {frames} from {self.samples} samples with hop "
                f"{self.hop}; take hop = samples // {FRAMES - 1}"
            )

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.samples / self.rate


def viewmaker(rate: int) -> Recipe:
    """The recipe of the paper's group: 150,526 samples, whatever the rate, hop 4,800, n_fft 2,048.

    It leaves out 57 % of the samples, and speech of 0.6 s at 48 kHz has 6 of the 32 frames, at 8 kHz two, the
    second half filled. Frames alone are theirs: `decibels` has no floor relative to a clip's maximum, as their
    published code has.

    Source: Tamkin, Wu and Goodman (2021), Viewmaker networks, for 32x32 spectrograms of speech; Wu et al.
    (2021) name the size alone.

    >>> viewmaker(48_000).seconds
    3.1359583333333334
    """
    return Recipe("viewmaker", rate, 150_526, 4_800, 2_048)


def filled(rate: int, seconds: float) -> Recipe:
    """A window of as many seconds as the clips last, cut into 31 hops; frames overlap by half: n_fft = 2 hop.

    So the Hann windows of all frames sum to 1 at every sample, and none is left out.

    Source: this package's own, for clips much shorter than the window of `viewmaker`.

    >>> filled(16_000, 1.0)
    Recipe(name='filled', rate=16000, samples=16000, hop=516, n_fft=1032)
    """
    samples = round(rate * seconds)
    hop = samples // (FRAMES - 1)
    return Recipe("filled", rate, samples, hop, 2 * hop)


def named(name: str, rate: int, seconds: float) -> Recipe:
    """One of `RECIPES`, for clips of this rate that last that long, or less.

    >>> named("viewmaker", 16_000, 1.0) == viewmaker(16_000)
    True
    """
    return viewmaker(rate) if name == "viewmaker" else filled(rate, seconds)


def decibels(waveform: Tensor, recipe: Recipe) -> Tensor:
    """Log-mel spectrograms, 10 log10(max(S, 1e-10)) with S the power in 32 mel bands: (..., T) -> (..., 32, 32).

    Rows are bands, the lowest first; columns are frames. Silence is -100 dB. No reference level, no top_db.

    Arguments:
        waveform: floats in [-1, 1] at `recipe.rate`, (..., T); cut or padded with zeros at its end.
        recipe: window, hop and n_fft.

    Returns:
        float32.

    Source: Slaney's mel bands, as in librosa (its power_to_db with top_db=None gives the same).

    >>> tone = torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 8000)
    >>> x = decibels(tone, filled(8000, 1.0))
    >>> tuple(x.shape), x[:, 16].argmax().item()
    ((32, 32), 13)
    """
    clip = waveform[..., : recipe.samples].float()
    padded = torch.nn.functional.pad(clip, (0, recipe.samples - clip.shape[-1]))
    return 10 * _mel(recipe)(padded).clamp(min=FLOOR).log10()


@dataclass(frozen=True)
class LogMel:
    """The recipe of a data set's spectrograms, and the affine map between their decibels and [0, 1].

    x = (d - low) / (high - low), with low and high the least and the greatest decibel of the training set, so
    that nothing of it is clipped; louder or softer sounds in other sets are. It is the z-score
    z = (d - mean) / sd, with the training set's mean and sd over all pixels, followed by an affine map: both
    hold the same information, and `standardised` tells z. A range of some sds about the mean in place of the
    extremes would not do: where most of a window is padding, speech lies up to 8 sds above the mean.

    Each data set has a recipe and a map of its own. `load(other, split, recipe=images.log_mel)` takes another
    set's sound through those of `images`: same rate, window and hop, and as loud as it is next to this one.

    Attributes:
        recipe: from waveform to decibels.
        mean, sd: of the training set, in dB.
        low, high: decibels that become 0 and 1.

    Source: Wu et al. (2021), appendix A.1 (mean and sd of the training set); the map to [0, 1] is this package's.

    >>> scale = LogMel(filled(8000, 1.0), mean=-60.0, sd=20.0, low=-100.0, high=0.0)
    >>> x = scale.intensities(torch.tensor([-100.0, -60.0, 0.0, 7.0]))
    >>> [round(value, 2) for value in x.tolist()], scale.standardised(x)[1].item()
    ([0.0, 0.4, 1.0, 1.0], 0.0)
    """

    recipe: Recipe
    mean: float
    sd: float
    low: float
    high: float

    @classmethod
    def fit(cls, recipe: Recipe, d: Tensor) -> LogMel:
        """The map of a training set, from its decibels (N, 32, 32).

        Raises:
            ValueError: all of it is silent, or of one loudness.
        """
        low, high = (bound.item() for bound in d.aminmax())
        if not low < high:
            raise ValueError(f"expected recordings with sound in them, got {low:g} dB everywhere; look at the files")
        return cls(recipe, d.mean(dtype=torch.float64).item(), d.double().std().item(), low, high)

    def intensities(self, d: Tensor) -> Tensor:
        """Decibels, any shape, as intensities in [0, 1]."""
        return ((d - self.low) / (self.high - self.low)).clamp(0, 1)

    def decibels(self, x: Tensor) -> Tensor:
        """The inverse of `intensities`, where it did not clip."""
        return self.low + x * (self.high - self.low)

    def standardised(self, x: Tensor) -> Tensor:
        """Intensities as z-scores: mean 0 and sd 1 over the training set."""
        return (self.decibels(x) - self.mean) / self.sd


def scaling(recipe: str | LogMel, rate: int, seconds: float, train: Callable[[Recipe], Tensor]) -> LogMel:
    """The recipe and map of a data set: another set's, or its own by the name of a recipe.

    Arguments:
        recipe: another set's, or one of `RECIPES`.
        rate, seconds: of the data set's clips, as in `named`.
        train: a recipe to the decibels (N, 32, 32) of the training set; asked only where the map is its own.

    >>> scaling("filled", 8000, 1.0, lambda recipe: torch.tensor([-100.0, 0.0])).recipe == filled(8000, 1.0)
    True
    """
    if isinstance(recipe, LogMel):
        return recipe
    how = named(recipe, rate, seconds)
    return LogMel.fit(how, train(how))


def waveforms(x: Tensor, scale: LogMel, iterations: int = 32) -> Tensor:
    """Sound whose spectrogram is near an image, for listening: (N, 1, 32, 32) in [0, 1] -> (N, recipe.samples).

    Decibels are interpolated in time to four frames for each n_fft, since phases can be found only where
    frames overlap; the mel bands become a spectrum by least squares, its phases are found by Griffin-Lim.
    32 bands do not tell the pitch of a voice, and `viewmaker` skips over half of the samples: it is a rough
    picture of the sound, not the sound. The same image gives the same waveform; it may exceed [-1, 1].

    Arguments:
        x: images, as `load` gives them or a decoder; clipped to [0, 1].
        scale: `Images.log_mel` of the data set that they are of.
        iterations: of Griffin-Lim.

    Raises:
        ValueError: images of another shape.

    Source: Griffin and Lim (1984), Signal estimation from modified short-time Fourier transform; torchaudio.

    >>> scale = LogMel(filled(8000, 1.0), mean=-60.0, sd=20.0, low=-100.0, high=0.0)
    >>> tuple(waveforms(torch.rand(2, 1, 32, 32), scale, iterations=2).shape)
    (2, 8000)
    """
    from torchaudio.transforms import GriffinLim, InverseMelScale

    if x.ndim != 4 or x.shape[1:] != (1, FRAMES, FRAMES):
        raise ValueError(f"images: expected (N, 1, {FRAMES}, {FRAMES}), got {tuple(x.shape)}; load with size={FRAMES}")
    recipe = scale.recipe
    hop, n_stft = recipe.n_fft // 4, recipe.n_fft // 2 + 1
    d = scale.decibels(x[:, 0].detach().float().clamp(0, 1))
    at = torch.arange(1 + recipe.samples // hop, dtype=torch.float32) * (hop / recipe.hop)
    left = at.long().clamp(max=FRAMES - 2)
    d = torch.lerp(d[..., left], d[..., left + 1], (at - left).clamp(max=1))
    to_linear = InverseMelScale(n_stft, sample_rate=recipe.rate, **SLANEY).float()
    power = to_linear(10 ** (d / 10))
    sound = GriffinLim(recipe.n_fft, iterations, hop_length=hop, power=2, rand_init=False).float()(power)
    return torch.nn.functional.pad(sound, (0, recipe.samples - sound.shape[-1]))


@lru_cache(maxsize=8)
def _mel(recipe: Recipe) -> MelSpectrogram:
    from torchaudio.transforms import MelSpectrogram

    mel = MelSpectrogram(recipe.rate, recipe.n_fft, hop_length=recipe.hop, pad_mode="constant", **SLANEY)
    return mel.float()  # whatever the default dtype

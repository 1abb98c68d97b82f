"""Small copies of the speech corpora, in their published layouts: tenths of a second of tones in noise."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from decnn.data import named
from decnn.data.corpora import ACTIONS, CORPORA, WORDS, corpus_source

SPEAKERS = [f"{number:02d}" for number in range(1, 61)]
FSDD_SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
PREFIXES = [hashlib.sha256(bytes([number])).hexdigest()[:8] for number in range(40)]
FLUENT_LISTS = {
    "train": [("a1", "activate"), ("a1", "change language"), ("b2", "bring"), ("b2", "increase"), ("b2", "bring")],
    "valid": [("c3", "increase")],
    "test": [("d4", "decrease"), ("d4", "deactivate")],
}


def write(path: Path, label: int, rate: int) -> None:
    """A tenth of a second of a tone in noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(rate // 10) / rate
    hiss = np.random.default_rng(len(path.name) + label).normal(0, 0.01, len(t))
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 300 * (label + 1) * t) + hiss, rate)


def write_audiomnist(root: Path) -> None:
    for index, speaker in enumerate(SPEAKERS):
        write(root / f"AudioMNIST/data/{speaker}/{index % 10}_{speaker}_0.wav", index % 10, 48_000)
    (root / "AudioMNIST/data/audioMNIST_meta.txt").write_text("{}")


def write_fsdd(root: Path) -> None:
    for index, speaker in enumerate(FSDD_SPEAKERS):
        for take in (0, 11):
            write(root / f"fsdd/recordings/{index}_{speaker}_{take}.wav", index, 8_000)


def write_speech_commands(root: Path) -> None:
    for index, speaker in enumerate(PREFIXES):
        write(root / f"speech_commands/{WORDS[index % 10]}/{speaker}_nohash_{index % 3}.wav", index % 10, 16_000)
    write(root / "speech_commands/_silence_/white.wav", 0, 16_000)  # not among the ten
    write(root / "speech_commands/_unknown_/bed.wav", 0, 16_000)
    (root / "speech_commands/LICENSE").write_text("CC BY 4.0")


def write_fluent(root: Path, **lists: list[tuple[str, str]]) -> None:
    folder = root / "fluent_speech_commands_dataset"
    (folder / "data").mkdir(parents=True)
    for split, clips in (FLUENT_LISTS | lists).items():
        rows = [",path,speakerId,transcription,action,object,location"]
        for index, (speaker, action) in enumerate(clips):
            path = f"wavs/speakers/{speaker}/{split}{index}.wav"
            write(folder / path, ACTIONS.index(action) if action in ACTIONS else 0, 16_000)
            rows.append(f'{index},{path},{speaker},"Well, do it",{action},none,none')
        (folder / f"data/{split}_data.csv").write_text("\n".join(rows) + "\n")


WRITE = {
    "audiomnist": write_audiomnist,
    "fsdd": write_fsdd,
    "fluent": write_fluent,
    "speech_commands": write_speech_commands,
}
COUNTS = {
    "audiomnist": {"train": 36, "test": 12},
    "fsdd": {"train": 8, "test": 4},
    "fluent": {"train": 5, "test": 2},
    "speech_commands": None,
}


@pytest.fixture
def small_counts(monkeypatch, tmp_path):
    """The names stand for the small copies, and the cache is empty."""
    monkeypatch.setenv("DECNN_CACHE", str(tmp_path / "cache"))
    for name, corpus in dict(CORPORA).items():
        small = dataclasses.replace(corpus, counts=COUNTS[name])
        monkeypatch.setitem(CORPORA, name, small)
        monkeypatch.setitem(named.SOURCES, name, corpus_source(small))


@pytest.fixture
def record() -> Callable[[Path, int, int], None]:
    """(path, label, rate): one such recording."""
    return write


@pytest.fixture
def copy(tmp_path) -> Callable[..., Path]:
    """(corpus, root): a small copy under the root, by default the test's own folder; its folder."""

    def copied(corpus: str, root: Path = tmp_path, **lists: list[tuple[str, str]]) -> Path:
        WRITE[corpus](root, **lists)
        return root / CORPORA[corpus].folder

    return copied


@pytest.fixture(params=list(WRITE))
def name(request, copy) -> str:
    """Each corpus, and a small copy of it."""
    copy(request.param)
    return request.param


@pytest.fixture
def fluent(copy) -> Path:
    return copy("fluent")

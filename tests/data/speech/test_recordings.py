"""Recordings: wav and flac files decoded into the cache, what it is keyed by, and bad files."""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from decnn.data import DataNotFound, decoding, load, recordings
from decnn.data.recordings import read_sound, spectrograms
from decnn.data.source import cache_root
from decnn.data.speech import decibels, filled

RATE = 8_000
RECIPE = filled(RATE, 0.2)
COUNT = 7


def samples(index: int, seconds: float = 0.15, rate: int = RATE) -> np.ndarray:
    """A quiet tone, another for each index, between steps of 16 bits."""
    t = np.arange(round(seconds * rate)) / rate
    return np.round(0.2 * np.sin(2 * np.pi * 300 * (index + 1) * t) * 2**15) / 2**15


def sound_file(content: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, content, rate, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Seven good files in two folders, every third a flac, and an empty cache."""
    monkeypatch.setenv("DECNN_CACHE", str(tmp_path / "cache"))
    for index in range(COUNT):
        kind = "FLAC" if index % 3 == 2 else "WAV"
        path = tmp_path / "data" / f"{index % 2:02d}" / f"{index}.{kind.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound_file(samples(index), kind=kind))
    return tmp_path / "data"


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*"))


def read(folder: Path, recipe=RECIPE, name: str = "toy") -> np.ndarray:
    return spectrograms(files(folder), folder, recipe, name)


def cached() -> list[str]:
    return sorted(path.suffix for path in (cache_root() / "recordings").glob("*"))


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The contents of the files that were decoded."""
    seen: list[bytes] = []
    done = recordings.read_sound
    monkeypatch.setattr(recordings, "read_sound", lambda content, recipe: seen.append(content) or done(content, recipe))
    return seen


# --- the cache ---------------------------------------------------------------------------------------------


def test_spectrograms_are_those_of_the_samples(folder):
    records = read(folder)
    for file, record in zip(files(folder), records, strict=True):
        expected = decibels(torch.from_numpy(samples(int(file.stem))), RECIPE)  # wav or flac, 16 bits are kept
        np.testing.assert_allclose(record["decibels"], expected.numpy(), atol=1e-3)
        assert (record["rate"], record["seconds"]) == (RATE, np.float32(0.15))


def test_the_second_time_no_file_is_decoded(folder, opened):
    first = np.array(read(folder))
    assert (len(opened), cached()) == (COUNT, [".npy"])
    assert np.array_equal(read(folder), first)
    assert len(opened) == COUNT


def test_keyed_by_recipe_and_by_the_files(folder, opened):
    before = np.array(read(folder))
    other = read(folder, filled(RATE, 0.3))
    assert (len(opened), cached()) == (2 * COUNT, [".npy"] * 2)
    assert np.abs(other["decibels"] - before["decibels"]).max() > 1
    assert np.array_equal(other["digest"], before["digest"])  # the checksum is of the files alone

    changed = files(folder)[2]
    changed.write_bytes(sound_file(samples(9)))
    os.utime(changed, ns=(1, 1))
    opened.clear()
    after = read(folder)
    assert opened == [changed.read_bytes()]  # one file, decoded again
    same = [index for index in range(COUNT) if index != 2]
    assert np.array_equal(after[same], before[same])
    assert not np.array_equal(after["digest"][2], before["digest"][2])

    opened.clear()
    (folder / "00" / "8.wav").write_bytes(sound_file(samples(8)))
    assert len(read(folder)) == len(opened) == COUNT + 1


def test_a_killed_run_leaves_nothing_that_is_read(folder, cut_short):
    with cut_short(recordings, decoding, "filled_in"):
        read(folder)
    assert ".npy" not in cached()
    whole = read(folder)
    assert whole["digest"].any(1).all()
    assert whole["decibels"].max((1, 2)).min() > -100


# --- bad input ---------------------------------------------------------------------------------------------

WAV = sound_file(samples(0))
NAN = np.where(np.arange(1200) == 5, np.nan, samples(0)).astype(np.float32)
HISS = np.random.default_rng(0).normal(0, 0.1, 9000)
BAD = {
    "text": (b"not a sound", "not a whole sound file: Format not recognised"),
    "empty file": (b"", "not a whole sound file: Format not recognised"),
    "truncated wav": (WAV[:-400], r"truncated: expected 2,444 bytes, as its header says, got 2,044"),
    "truncated flac": (sound_file(HISS, kind="FLAC")[:-3000], "not a whole sound file"),
    "no samples": (sound_file(np.zeros(0)), "expected a sound, got no samples"),
    "stereo": (sound_file(np.zeros((1200, 2))), "expected one channel, got 2"),
    "NaN": (sound_file(NAN, subtype="FLOAT"), "expected numbers, got NaN or infinity in 1 of 1,200 samples"),
    "infinite": (sound_file(np.full(9, np.inf), subtype="FLOAT"), "got NaN or infinity in 9 of 9 samples"),
    "integers as floats": (sound_file(samples(0) * 32768, subtype="FLOAT"), r"expected samples in \[-1, 1\], got"),
    "odd rate": (sound_file(samples(0), rate=11_127), "expected a usual sampling rate, as 8,000 Hz, got 11,127 Hz"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_content(kind):
    content, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        read_sound(content, RECIPE)


def test_a_sound_that_was_written_into_a_pipe_is_whole():
    """Its header cannot tell the length."""
    streamed = WAV[:4] + b"\xff" * 4 + WAV[8:]
    assert np.array_equal(read_sound(streamed, RECIPE)[0], read_sound(WAV, RECIPE)[0])


def test_bad_files_are_all_named_and_the_others_kept(folder, opened):
    good = {path: path.read_bytes() for path in files(folder)}
    first, second, *_ = good
    first.write_bytes(BAD["text"][0])
    second.write_bytes(BAD["stereo"][0])
    message = (
        r"data: expected 7 recordings, got 2 that cannot be used: 00/0.wav \(not a whole sound file: Format not "
        r"recognised.?\); 00/2.flac \(expected one channel, got 2\); replace them .* the others are kept decoded"
    )
    for _ in range(2):  # the second time, from what the first has kept
        with pytest.raises(ValueError, match=message):
            read(folder)
        assert cached() == [".part"]
    assert len(opened) == COUNT + 2
    opened.clear()
    for path in (first, second):
        path.write_bytes(good[path])
    records = read(folder)
    assert sorted(opened) == sorted([good[first], good[second]])
    assert cached() == [".npy"]
    assert records["digest"].any(1).all()


def test_a_file_that_goes_bad_later_costs_no_other(folder, opened):
    read(folder)
    spoilt = files(folder)[4]
    content = spoilt.read_bytes()
    spoilt.write_bytes(b"")
    with pytest.raises(ValueError, match=f"got 1 that cannot be used: 01/{spoilt.name} "):
        read(folder)
    opened.clear()
    spoilt.write_bytes(content)
    assert read(folder)["digest"].any(1).all()
    assert opened == [content]


def test_a_file_that_vanishes(folder):
    listed = files(folder)
    listed[3].unlink()
    with pytest.raises(ValueError, match=r"00/6.wav \(No such file or directory\)"):
        spectrograms(listed, folder, RECIPE, "toy")


# --- another rate, and long clips --------------------------------------------------------------------------


def test_other_rates_are_resampled_and_said_once(folder):
    straight = np.array(read(folder)["decibels"])
    for index in (0, 1):
        path = folder / f"{index:02d}" / f"{index}.wav"
        path.write_bytes(sound_file(samples(index, rate=44_100), rate=44_100))
    with pytest.warns(UserWarning, match=r"^toy: 2 of 7 recordings are not at 8,000 Hz and were resampled, the first "
                      r"00/0.wav \(44,100 Hz\)$") as said:  # fmt: skip
        records = read(folder)
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(folder)
    inside = (straight > -40) & (np.arange(32) < 22)  # where the tone is, up to its end
    assert np.abs(records["decibels"] - straight)[inside].max() < 1


def test_long_clips_are_cut_and_said_once(folder):
    path = folder / "01" / "3.wav"
    path.write_bytes(sound_file(samples(3, seconds=0.5)))
    with pytest.warns(UserWarning, match=r"^toy: 1 of 7 recordings are longer than the 0.20 s of recipe 'filled' and "
                      r"were cut, the longest 01/3.wav \(0.50 s\)$") as said:  # fmt: skip
        records = read(folder)
    assert len(said) == 1
    expected = decibels(torch.from_numpy(samples(3, seconds=0.2)), RECIPE)
    np.testing.assert_allclose(records["decibels"][files(folder).index(path)], expected.numpy(), atol=1e-3)


def test_without_the_packages(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    monkeypatch.setattr(recordings, "find_spec", lambda name: None if name == "soundfile" else name)
    message = (
        r"^not run: data not found: toy-speech is read with soundfile, not installed; run `pip install soundfile`$"
    )
    with pytest.raises(DataNotFound, match=message):
        load("toy-speech", "test")

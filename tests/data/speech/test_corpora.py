"""Speech corpora: their layouts, read from small copies and from the real files; who is held out."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from decnn.data import available, check_images, corpora, get, load, named
from decnn.data.corpora import ACTIONS, AUDIOMNIST, CORPORA, FSDD, SPEECH_COMMANDS, Corpus, corpus_source
from decnn.data.recordings import read_sound
from decnn.data.speech import decibels

pytestmark = pytest.mark.usefixtures("small_counts")
# Fold 0, as its authors print it.
AUDIOMNIST_TEST = {26, 52, 60, 18, 32, 42, 5, 13, 22, 33, 45, 51}
AUDIOMNIST_VALID = {12, 47, 59, 15, 27, 41, 4, 11, 21, 31, 44, 50}


# --- layouts -----------------------------------------------------------------------------------------------


def test_every_layout_is_read(name, tmp_path):
    corpus = CORPORA[name]
    assert available(name, tmp_path)
    for split in ("train", "test"):
        data = load(name, split, root=tmp_path)
        clips = corpora.clips(name, split, root=tmp_path)
        check_images(data.images, shape=(1, 32, 32))
        recipe = data.log_mel.recipe
        sounds = [read_sound(clip.file.read_bytes(), recipe)[0] for clip in clips]
        from_sounds = data.log_mel.intensities(torch.stack([decibels(sound, recipe) for sound in sounds]))
        assert torch.equal(data.images[:, 0], from_sounds)
        assert data.labels.tolist() == [clip.label for clip in clips]
        assert (data.class_names, data.synthetic, data.log_mel.recipe.rate) == (corpus.class_names, False, corpus.rate)
        digest = hashlib.sha256()
        for clip in clips:
            digest.update(hashlib.sha256(clip.file.read_bytes()).digest()[:16])
        digest.update(bytes(data.labels.tolist()))
        assert data.checksum == digest.hexdigest()[:16]
    train, test = (load(name, split, root=tmp_path) for split in ("train", "test"))
    assert (train.images.min(), train.images.max()) == (0, 1)  # scaled by the training set,
    assert test.log_mel == train.log_mel  # and the test set with it


def test_labels_are_those_in_the_names(tmp_path, copy):
    copy("fsdd")
    copy("speech_commands")
    for corpus in (FSDD, SPEECH_COMMANDS):
        for clip in corpus.clips(tmp_path / corpus.folder, "train"):
            path = clip.file.relative_to(tmp_path / corpus.folder).as_posix()
            label, speaker = path.removeprefix("recordings/").replace("/", "_").split("_")[:2]
            assert (corpus.class_names[clip.label], clip.speaker) == (label, speaker)


def test_flac_in_the_place_of_wav(tmp_path, copy):
    copy("fsdd")
    wav = load("fsdd", "test", root=tmp_path)
    for file in (tmp_path / "fsdd/recordings").iterdir():
        content, rate = soundfile.read(file, dtype="int16")
        soundfile.write(file.with_suffix(".flac"), content, rate)
        file.unlink()
    flac = load("fsdd", "test", root=tmp_path)
    assert torch.equal(wav.images, flac.images)
    assert wav.checksum != flac.checksum  # other files
    for file in (tmp_path / "fsdd/recordings").iterdir():
        file.rename(file.with_suffix(".FLAC"))
    assert torch.equal(load("fsdd", "test", root=tmp_path).images, wav.images)


def test_fluent_labels_are_actions(fluent, tmp_path):
    assert load("fluent", "train", root=tmp_path).labels.tolist() == [1, 0, 5, 3, 5]
    assert load("fluent", "test", root=tmp_path).labels.tolist() == [4, 2]
    assert ACTIONS == ("change language", "activate", "deactivate", "increase", "decrease", "bring")


@pytest.mark.parametrize(
    ("corpus", "default"), [("audiomnist", "filled"), ("fsdd", "filled"), ("speech_commands", "filled"),
                            ("fluent", "viewmaker")]
)  # fmt: skip
def test_default_recipe(corpus, default, tmp_path, copy):
    copy(corpus)
    data = load(corpus, "test", root=tmp_path)
    (other,) = {"filled", "viewmaker"} - {default}
    assert data.log_mel.recipe.name == default
    assert torch.equal(data.images, load(corpus, "test", root=tmp_path, recipe=default).images)
    unlike = load(corpus, "test", root=tmp_path, recipe=other)
    assert not torch.equal(data.images, unlike.images)
    assert data.checksum == unlike.checksum


def test_get_reads_what_is_there(tmp_path, copy):
    copy("fsdd")
    assert get("fsdd", tmp_path) == f"fsdd: 8 train and 4 test images; under {tmp_path}, every recording read"


# --- as another set hears it --------------------------------------------------------------------------------


def test_a_set_heard_as_itself_is_itself(name, tmp_path):
    own = load(name, "test", root=tmp_path)
    again = load(name, "test", root=tmp_path, recipe=own.log_mel)
    assert torch.equal(own.images, again.images)
    assert (own.checksum, own.log_mel) == (again.checksum, again.log_mel)


def test_loudness_shows_in_another_sets_map_and_not_in_its_own(tmp_path, copy):
    """A copy that is 20 dB softer: 20 dB below by the other's map, at its own full scale by its own."""
    roots = {"loud": tmp_path / "loud", "soft": tmp_path / "soft"}
    for root in roots.values():
        copy("fsdd", root)
    for file in (roots["soft"] / "fsdd/recordings").iterdir():
        content, rate = soundfile.read(file)
        soundfile.write(file, 0.1 * content, rate)
    loud, soft = (load("fsdd", "train", root=root) for root in roots.values())
    heard = load("fsdd", "train", root=roots["soft"], recipe=loud.log_mel)
    assert (loud.images.max(), soft.images.max()) == (1, 1)
    assert heard.log_mel == loud.log_mel
    difference = loud.log_mel.decibels(loud.images) - loud.log_mel.decibels(heard.images)
    np.testing.assert_allclose(difference[loud.images > 0.7], 20, atol=0.5)  # 16 bits round the softer parts


def test_another_sets_rate_and_window(tmp_path, copy):
    """So the same tone, recorded at another rate, lies in the same mel band."""
    copy("fsdd")
    copy("speech_commands")
    inliers, own = load("fsdd", "train", root=tmp_path), load("speech_commands", "train", root=tmp_path)
    with pytest.warns(UserWarning, match="not at 8,000 Hz and were resampled"):
        heard = load("speech_commands", "train", root=tmp_path, recipe=inliers.log_mel)
    loudest = [x.images[x.labels == 1].mean((0, 1, 3)).argmax().item() for x in (inliers, heard, own)]
    assert loudest[0] == loudest[1] > loudest[2]


# --- who is held out ---------------------------------------------------------------------------------------


def test_no_speaker_is_in_both_splits(name, tmp_path):
    corpus = CORPORA[name]
    speakers = [{clip.speaker for clip in corpus.clips(tmp_path / corpus.folder, split)} for split in ("train", "test")]
    assert min(map(len, speakers)) > 0
    assert not speakers[0] & speakers[1]


def test_audiomnist_fold_0(tmp_path, copy):
    copy("audiomnist")
    train, test = (
        {int(clip.speaker) for clip in AUDIOMNIST.clips(tmp_path / "AudioMNIST", split)} for split in ("train", "test")
    )
    assert test == AUDIOMNIST_TEST
    assert train == set(range(1, 61)) - AUDIOMNIST_TEST - AUDIOMNIST_VALID
    assert len(train) == 36


def test_speech_commands_holds_out_by_speaker_alone(tmp_path, copy, record):
    """More recordings move nobody, whatever the word; about one speaker in five is held out."""
    copy("speech_commands")
    folder = tmp_path / "speech_commands"
    before = {clip.speaker for clip in SPEECH_COMMANDS.clips(folder, "test")}
    speakers = {clip.speaker for split in ("train", "test") for clip in SPEECH_COMMANDS.clips(folder, split)}
    for speaker in speakers:
        record(folder / f"yes/{speaker}_nohash_9.wav", 9, 16_000)
    assert {clip.speaker for clip in SPEECH_COMMANDS.clips(folder, "test")} == before
    parts = Counter(corpora._hashed_part(f"{number:08x}") for number in range(2_000))
    assert parts["test"] / 2_000 == pytest.approx(0.2, abs=0.03)


def test_a_speaker_in_both_lists(tmp_path, copy):
    copy("fluent", test=[("d4", "bring"), ("b2", "bring")])
    with pytest.raises(ValueError, match="expected no speaker in both splits, got 1, the first b2; take the published"):
        load("fluent", "train", root=tmp_path)


# --- the real files ----------------------------------------------------------------------------------------


def real(name: str) -> pytest.MarkDecorator:
    here = os.environ.get("DECNN_DATA") and available(name)
    return pytest.mark.skipif(not here, reason=f"data not found: set DECNN_DATA to a folder that holds {name}")


def link_part(corpus: Corpus, root: Path, every: int) -> dict[str, int]:
    """Link some of the real recordings under `root`; how many of each split."""
    folder, counts = Path(os.environ["DECNN_DATA"]) / corpus.folder, {}
    for split in ("train", "test"):
        clips = corpus.clips(folder, split)[::every]
        counts[split] = len(clips)
        for clip in clips:
            link = root / corpus.folder / clip.file.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(clip.file)
    return counts


@real("fsdd")
def test_real_digits(monkeypatch, tmp_path):
    folder = Path(os.environ["DECNN_DATA"]) / "fsdd"
    assert {split: len(FSDD.clips(folder, split)) for split in FSDD.counts} == FSDD.counts
    counts = link_part(FSDD, tmp_path, every=7)
    monkeypatch.setitem(named.SOURCES, "fsdd", corpus_source(dataclasses.replace(FSDD, counts=counts)))
    with pytest.warns(UserWarning, match=r"fsdd-train: \d+ of 286 recordings are longer than the 0.70 s"):
        data = load("fsdd", "train", root=tmp_path)
    check_images(data.images, shape=(1, 32, 32))
    means = torch.stack([data.images[data.labels == k].mean(0).flatten() for k in range(10)])
    nearest = torch.cdist(data.images.flatten(1), means).argmin(1)
    assert (nearest == data.labels).double().mean() > 0.3  # images and labels go together
    silent = data.log_mel.decibels(data.images) <= -99
    assert 0.2 < silent.double().mean() < 0.5  # the recipe fills more than half of the frames


@real("speech_commands")
def test_real_words(tmp_path):
    folder = Path(os.environ["DECNN_DATA"]) / "speech_commands"
    clips = {split: SPEECH_COMMANDS.clips(folder, split) for split in ("train", "test")}
    speakers = [{clip.speaker for clip in clips[split]} for split in clips]
    assert not speakers[0] & speakers[1]
    assert 0.1 < len(clips["test"]) / len(clips["train"] + clips["test"]) < 0.3
    assert {clip.label for clip in clips["test"]} == set(range(10))
    link_part(SPEECH_COMMANDS, tmp_path, every=20)
    data = load("speech_commands", "test", root=tmp_path)
    check_images(data.images, shape=(1, 32, 32))
    assert 0.3 < data.images.mean() < 0.6
    assert data.images.std(0).min() > 0.05  # no frame that padding left empty

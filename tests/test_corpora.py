"""Speech corpora: their layouts, read from small copies; who is held out; what is wrong with a broken copy."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from decnn.data import DataNotFound, available, check_images, corpora, get, load, named
from decnn.data.corpora import ACTIONS, AUDIOMNIST, FLUENT, FSDD, SPEECH_COMMANDS, WORDS, Corpus, corpus_source

SPEAKERS = [f"{number:02d}" for number in range(1, 61)]
# Fold 0, as its authors print it.
AUDIOMNIST_TEST = {26, 52, 60, 18, 32, 42, 5, 13, 22, 33, 45, 51}
AUDIOMNIST_VALID = {12, 47, 59, 15, 27, 41, 4, 11, 21, 31, 44, 50}
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


def write_fluent(root: Path, lists: Mapping[str, list[tuple[str, str]]] = FLUENT_LISTS) -> None:
    folder = root / "fluent_speech_commands_dataset"
    (folder / "data").mkdir(parents=True)
    for split, clips in lists.items():
        rows = [",path,speakerId,transcription,action,object,location"]
        for index, (speaker, action) in enumerate(clips):
            path = f"wavs/speakers/{speaker}/{split}{index}.wav"
            write(folder / path, ACTIONS.index(action) if action in ACTIONS else 0, 16_000)
            rows.append(f'{index},{path},{speaker},"Well, do it",{action},none,none')
        (folder / f"data/{split}_data.csv").write_text("\n".join(rows) + "\n")


WRITE = {"audiomnist": write_audiomnist, "fsdd": write_fsdd, "fluent": write_fluent}
WRITE["speech_commands"] = write_speech_commands
CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (AUDIOMNIST, FLUENT, FSDD, SPEECH_COMMANDS)}
COUNTS = {
    "audiomnist": {"train": 36, "test": 12},
    "fsdd": {"train": 8, "test": 4},
    "fluent": {"train": 5, "test": 2},
    "speech_commands": None,
}


@pytest.fixture(autouse=True)
def small_counts(monkeypatch, tmp_path):
    """The names stand for the small copies, and the cache is empty."""
    monkeypatch.setenv("DECNN_CACHE", str(tmp_path / "cache"))
    for name, corpus in CORPORA.items():
        monkeypatch.setitem(named.SOURCES, name, corpus_source(dataclasses.replace(corpus, counts=COUNTS[name])))


@pytest.fixture(params=list(WRITE))
def name(request, tmp_path) -> str:
    WRITE[request.param](tmp_path)
    return request.param


@pytest.fixture
def fluent(tmp_path) -> Path:
    write_fluent(tmp_path)
    return tmp_path / "fluent_speech_commands_dataset"


# --- layouts -----------------------------------------------------------------------------------------------


def test_every_layout_is_read(name, tmp_path):
    corpus = CORPORA[name]
    assert available(name, tmp_path)
    for split in ("train", "test"):
        data = load(name, split, root=tmp_path)
        clips = corpus.clips(tmp_path / corpus.folder, split)
        check_images(data.images, shape=(1, 32, 32))
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


def test_labels_are_those_in_the_names(tmp_path):
    write_fsdd(tmp_path)
    write_speech_commands(tmp_path)
    for corpus in (FSDD, SPEECH_COMMANDS):
        for clip in corpus.clips(tmp_path / corpus.folder, "train"):
            path = clip.file.relative_to(tmp_path / corpus.folder).as_posix()
            label, speaker = path.removeprefix("recordings/").replace("/", "_").split("_")[:2]
            assert (corpus.class_names[clip.label], clip.speaker) == (label, speaker)


def test_flac_in_the_place_of_wav(tmp_path):
    write_fsdd(tmp_path)
    wav = load("fsdd", "test", root=tmp_path)
    for file in (tmp_path / "fsdd/recordings").iterdir():
        content, rate = soundfile.read(file, dtype="int16")
        soundfile.write(file.with_suffix(".flac"), content, rate)
        file.unlink()
    flac = load("fsdd", "test", root=tmp_path)
    assert torch.equal(wav.images, flac.images)
    assert wav.checksum != flac.checksum  # other files


def test_fluent_labels_are_actions(fluent, tmp_path):
    assert load("fluent", "train", root=tmp_path).labels.tolist() == [1, 0, 5, 3, 5]
    assert load("fluent", "test", root=tmp_path).labels.tolist() == [4, 2]
    assert ACTIONS == ("change language", "activate", "deactivate", "increase", "decrease", "bring")


@pytest.mark.parametrize(
    ("corpus", "default"), [("audiomnist", "filled"), ("fsdd", "filled"), ("speech_commands", "filled"),
                            ("fluent", "viewmaker")]
)  # fmt: skip
def test_default_recipe(corpus, default, tmp_path):
    WRITE[corpus](tmp_path)
    data = load(corpus, "test", root=tmp_path)
    (other,) = {"filled", "viewmaker"} - {default}
    assert data.log_mel.recipe.name == default
    assert torch.equal(data.images, load(corpus, "test", root=tmp_path, recipe=default).images)
    unlike = load(corpus, "test", root=tmp_path, recipe=other)
    assert not torch.equal(data.images, unlike.images)
    assert data.checksum == unlike.checksum


# --- as another set hears it --------------------------------------------------------------------------------


def test_a_set_heard_as_itself_is_itself(name, tmp_path):
    own = load(name, "test", root=tmp_path)
    again = load(name, "test", root=tmp_path, recipe=own.log_mel)
    assert torch.equal(own.images, again.images)
    assert (own.checksum, own.log_mel) == (again.checksum, again.log_mel)


def test_loudness_shows_in_another_sets_map_and_not_in_its_own(tmp_path):
    """A copy that is 20 dB softer: 20 dB below by the other's map, at its own full scale by its own."""
    roots = {"loud": tmp_path / "loud", "soft": tmp_path / "soft"}
    for root in roots.values():
        write_fsdd(root)
    for file in (roots["soft"] / "fsdd/recordings").iterdir():
        content, rate = soundfile.read(file)
        soundfile.write(file, 0.1 * content, rate)
    loud, soft = (load("fsdd", "train", root=root) for root in roots.values())
    heard = load("fsdd", "train", root=roots["soft"], recipe=loud.log_mel)
    assert (loud.images.max(), soft.images.max()) == (1, 1)
    assert heard.log_mel == loud.log_mel
    difference = loud.log_mel.decibels(loud.images) - loud.log_mel.decibels(heard.images)
    np.testing.assert_allclose(difference[loud.images > 0.7], 20, atol=0.5)  # 16 bits round the softer parts


def test_another_sets_rate_and_window(tmp_path):
    """So the same tone, recorded at another rate, lies in the same mel band."""
    write_fsdd(tmp_path)
    write_speech_commands(tmp_path)
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


def test_audiomnist_fold_0(tmp_path):
    write_audiomnist(tmp_path)
    train, test = (
        {int(clip.speaker) for clip in AUDIOMNIST.clips(tmp_path / "AudioMNIST", split)} for split in ("train", "test")
    )
    assert test == AUDIOMNIST_TEST
    assert train == set(range(1, 61)) - AUDIOMNIST_TEST - AUDIOMNIST_VALID
    assert len(train) == 36


def test_speech_commands_holds_out_by_speaker_alone(tmp_path):
    """More recordings move nobody, whatever the word; about one speaker in five is held out."""
    write_speech_commands(tmp_path)
    folder = tmp_path / "speech_commands"
    before = {clip.speaker for clip in SPEECH_COMMANDS.clips(folder, "test")}
    for speaker in PREFIXES:
        write(folder / f"yes/{speaker}_nohash_9.wav", 9, 16_000)
    assert {clip.speaker for clip in SPEECH_COMMANDS.clips(folder, "test")} == before
    parts = Counter(corpora._hashed_part(f"{number:08x}") for number in range(2_000))
    assert parts["test"] / 2_000 == pytest.approx(0.2, abs=0.03)


def test_a_speaker_in_both_lists(tmp_path):
    write_fluent(tmp_path, FLUENT_LISTS | {"test": [("d4", "bring"), ("b2", "bring")]})
    with pytest.raises(ValueError, match="expected no speaker in both splits, got 1, the first b2; take the published"):
        load("fluent", "train", root=tmp_path)


# --- broken copies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("corpus", list(WRITE))
def test_missing_data_is_one_sentence(corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DECNN_DATA", str(tmp_path / "data"))
    assert not available(corpus)
    folder = CORPORA[corpus].folder
    for call in (get, lambda name: load(name, "train")):
        with pytest.raises(DataNotFound) as caught:
            call(corpus)
        assert str(caught.value).startswith(f"not run: data not found: {corpus} is not under ~/data; ")
        assert "http" in str(caught.value)
        assert str(caught.value).endswith(f" that folder, or set DECNN_DATA to the folder that holds {folder}")


def test_an_incomplete_copy(name, tmp_path):
    corpus = CORPORA[name]
    for clip in corpus.clips(tmp_path / corpus.folder, "test"):
        clip.file.unlink()
    assert not available(name, tmp_path)
    with pytest.raises(DataNotFound, match=rf"^not run: data not found: {name} is incomplete"):
        load(name, "train", root=tmp_path)


def test_a_copy_with_more_than_there_is(tmp_path):
    write_fsdd(tmp_path)
    write(tmp_path / "fsdd/recordings/1_george_49.wav", 1, 8_000)
    with pytest.raises(DataNotFound, match=r"fsdd is not the published copy under .*: expected 8 train .*, got 9;"):
        load("fsdd", "train", root=tmp_path)


def test_words_that_nobody_says(tmp_path):
    """Speech Commands has no published number of clips for these ten words, but none of them may be missing."""
    write_speech_commands(tmp_path)
    for file in (tmp_path / "speech_commands" / WORDS[3]).iterdir():
        file.unlink()
    with pytest.raises(DataNotFound, match=rf"speech_commands is incomplete under .*: no recording of {WORDS[3]} in"):
        load("speech_commands", "test", root=tmp_path)


def test_the_counts_of_complete_copies(tmp_path):
    """They are those that are published, of all speakers."""
    assert sum(FSDD.counts.values()) == 3_000
    assert sum(AUDIOMNIST.counts.values()) == 30_000 * 48 / 60
    assert sum(FLUENT.counts.values()) == 30_043 - 3_118  # less the validation part
    write_fsdd(tmp_path)
    source = corpus_source(FSDD)
    with pytest.raises(DataNotFound, match="expected 2,000 train recordings in fsdd, got 8; clone https"):
        source.read("train", tmp_path, 32)


@pytest.mark.parametrize("wrong", ["11_theo_0.wav", "theo_1_0.wav", "1_theo.flac"])
def test_a_name_that_tells_no_label(wrong, tmp_path):
    write_fsdd(tmp_path)
    write(tmp_path / "fsdd/recordings" / wrong, 0, 8_000)
    assert available("fsdd", tmp_path)  # so that load is tried, and tells what is wrong
    with pytest.raises(ValueError, match=f"{wrong}: expected a name that tells label and speaker"):
        load("fsdd", "train", root=tmp_path)


def test_rows_whose_file_is_missing(fluent, tmp_path):
    for index in (1, 3):
        (fluent / f"wavs/speakers/{FLUENT_LISTS['train'][index][0]}/train{index}.wav").unlink()
    message = (
        r"^not run: data not found: fluent is incomplete: 2 of 5 recordings in .*train_data.csv are not there "
        r"\(line 3: wavs/speakers/a1/train1.wav; line 5: wavs/speakers/b2/train3.wav\); ask for it"
    )
    with pytest.raises(DataNotFound, match=message):
        load("fluent", "test", root=tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",bring,", ",brnig,", r"line 4: unknown action 'brnig'; did you mean 'bring'\? Known: change language"),
        (",path,", ",file,", "line 1: expected the columns path, speakerId, action among others, got ', file, spea"),
        (",b2,", ",,", "line 4: expected speakerId, got nothing"),
        (",activate,none,none", "", "line 2: expected action, got nothing"),
        (
            ",wavs/speakers/a1/train1",
            ",/etc/train1",
            "line 3: expected a path inside fluent_speech_commands_data",
        ),
    ],
)
def test_broken_lists(fluent, tmp_path, old, new, message):
    path = fluent / "data/train_data.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=rf"train_data.csv: {message}"):
        load("fluent", "train", root=tmp_path)


def test_no_list(fluent, tmp_path):
    (fluent / "data/test_data.csv").unlink()
    with pytest.raises(DataNotFound, match=r"fluent is incomplete: no .*test_data.csv; ask for it by hand"):
        load("fluent", "train", root=tmp_path)


def test_one_bad_recording_is_named(tmp_path):
    write_audiomnist(tmp_path)
    (tmp_path / "AudioMNIST/data/17/6_17_0.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"AudioMNIST/data: expected 36 recordings, got 1 .*: 17/6_17_0.wav \("):
        load("audiomnist", "test", root=tmp_path)


def test_get_reads_what_is_there(tmp_path):
    write_fsdd(tmp_path)
    assert get("fsdd", tmp_path) == f"fsdd: 8 train and 4 test images; under {tmp_path}, every recording read"


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

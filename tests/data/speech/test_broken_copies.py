"""Copies of speech corpora that are not there, incomplete or broken: which file, which line, and what to do."""

from __future__ import annotations

import pytest

from decnn.data import DataNotFound, available, get, load
from decnn.data.corpora import AUDIOMNIST, CORPORA, FLUENT, FSDD, WORDS, corpus_source

pytestmark = pytest.mark.usefixtures("small_counts")


@pytest.mark.parametrize("corpus", list(CORPORA))
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


def test_a_copy_with_more_than_there_is(tmp_path, copy, record):
    copy("fsdd")
    record(tmp_path / "fsdd/recordings/1_george_49.wav", 1, 8_000)
    with pytest.raises(DataNotFound, match=r"fsdd is not the published copy under .*: expected 8 train .*, got 9;"):
        load("fsdd", "train", root=tmp_path)


def test_words_that_nobody_says(tmp_path, copy):
    """Speech Commands has no published number of clips for these ten words, but none of them may be missing."""
    copy("speech_commands")
    for file in (tmp_path / "speech_commands" / WORDS[3]).iterdir():
        file.unlink()
    with pytest.raises(DataNotFound, match=rf"speech_commands is incomplete under .*: no recording of {WORDS[3]} in"):
        load("speech_commands", "test", root=tmp_path)


def test_the_counts_of_complete_copies(tmp_path, copy):
    """They are those that are published, of all speakers."""
    assert sum(FSDD.counts.values()) == 3_000
    assert sum(AUDIOMNIST.counts.values()) == 30_000 * 48 / 60
    assert sum(FLUENT.counts.values()) == 30_043 - 3_118  # less the validation part
    copy("fsdd")
    source = corpus_source(FSDD)
    with pytest.raises(DataNotFound, match="expected 2,000 train recordings in fsdd, got 8; clone https"):
        source.read("train", tmp_path, 32)


@pytest.mark.parametrize("wrong", ["11_theo_0.wav", "theo_1_0.wav", "1_theo.flac"])
def test_a_name_that_tells_no_label(wrong, tmp_path, copy, record):
    copy("fsdd")
    record(tmp_path / "fsdd/recordings" / wrong, 0, 8_000)
    assert available("fsdd", tmp_path)  # so that load is tried, and tells what is wrong
    with pytest.raises(ValueError, match=f"{wrong}: expected a name that tells label and speaker"):
        load("fsdd", "train", root=tmp_path)


def test_rows_whose_file_is_missing(fluent, tmp_path):
    for file in ("a1/train1.wav", "b2/train3.wav"):
        (fluent / "wavs/speakers" / file).unlink()
    message = (
        r"^not run: data not found: fluent is incomplete: 2 of 5 recordings in .*train_data.csv are not there "
        r"\(line 3: wavs/speakers/a1/train1.wav; line 5: wavs/speakers/b2/train3.wav\); ask for it"
    )
    with pytest.raises(DataNotFound, match=message):
        load("fluent", "test", root=tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            ",bring,",
            ",brnig,",
            r"line 4: expected an action, one of change lang.*, got 'brnig'; did you mean 'bring'\?",
        ),
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


def test_one_bad_recording_is_named(tmp_path, copy):
    copy("audiomnist")
    (tmp_path / "AudioMNIST/data/17/6_17_0.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"AudioMNIST/data: expected 36 recordings, got 1 .*: 17/6_17_0.wav \("):
        load("audiomnist", "test", root=tmp_path)

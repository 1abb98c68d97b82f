"""Speech corpora, each with whole speakers held out for testing: AudioMNIST, Fluent, FSDD and Speech Commands."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from decnn.data.recordings import require, spectrograms
from decnn.data.source import DataNotFound, Read, Source, data_root, show_path
from decnn.data.speech import LogMel, Recipe, scaling
from decnn.spelling import one_of

__all__ = ["AUDIOMNIST", "CORPORA", "FLUENT", "FSDD", "SPEECH_COMMANDS", "Clip", "Corpus", "clips", "corpus_source"]

SPLITS = ("train", "test")
SOUND = (".wav", ".flac")
SHOWN = 5  # missing files that a message names

# Fold 0 of the five that AudioMNIST's authors publish. The paper does not use the validation part.
AUDIOMNIST_TEST = ("05", "13", "18", "22", "26", "32", "33", "42", "45", "51", "52", "60")
AUDIOMNIST_VALID = ("04", "11", "12", "15", "21", "27", "31", "41", "44", "47", "50", "59")
FSDD_TEST = ("theo", "yweweler")  # the last two of the six by name, chosen before any result
DIGITS = tuple("0123456789")
WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
ACTIONS = ("change language", "activate", "deactivate", "increase", "decrease", "bring")
COLUMNS = ("path", "speakerId", "action")  # of Fluent's lists, those that are read


class Clip(NamedTuple):
    """One recording of a corpus: its file, its class (in 0..K-1) and who speaks."""

    file: Path
    label: int
    speaker: str


@dataclass(frozen=True)
class Corpus:
    """A corpus of speech on the disk.

    Attributes:
        name: what `load` calls it.
        folder: under the data folder.
        class_names: the K class names, in label order.
        rate: samples per second; files of another rate are resampled.
        seconds: the window of the recipe "filled".
        recipe: the default one.
        clips: (folder, split) -> its clips, in a fixed order; may raise DataNotFound or ValueError.
        counts: clips of each split of a complete copy; None: any.
        where: a sentence, how to get it by hand.
    """

    name: str
    folder: str
    class_names: tuple[str, ...]
    rate: int
    seconds: float
    recipe: str
    clips: Callable[[Path, str], list[Clip]]
    counts: Mapping[str, int] | None
    where: str


def corpus_source(corpus: Corpus) -> Source:
    """The corpus as a source: spectrograms 32x32 in [0, 1], one class each, by either recipe or another set's.

    Raises:
        DataNotFound: by `read`: it is not there, or not all of it, or soundfile or torchaudio is not.
        ValueError: by `read`: a file or list that cannot be used.

    >>> corpus_source(FSDD).available(Path("no-such-folder"))
    False
    """
    return Source(
        class_names=corpus.class_names,
        read=partial(_read, corpus, corpus.recipe),
        available=partial(_available, corpus),
        where=corpus.where,
        found="under {root}, every recording read",
        read_by=partial(_read, corpus),
    )


def clips(name: str, split: str, root: str | Path | None = None) -> list[Clip]:
    """The recordings behind `load(name, split)`, in its order: file, label and speaker of each.

    Arguments:
        name: one of `CORPORA`.
        split: "train" or "test".
        root: as in `load`.

    Raises:
        DataNotFound: it is not there, or not all of it.
        ValueError: unknown corpus or split, or a list that cannot be used.

    >>> clips("fsd", "test")
    Traceback (most recent call last):
        ...
    ValueError: expected a corpus, one of audiomnist, fluent, fsdd, speech_commands, got 'fsd'; did you mean 'fsdd'?
    """
    one_of(name, CORPORA, "corpus")
    one_of(split, SPLITS, "split")
    return _clips(CORPORA[name], data_root(root))[split]


def _available(corpus: Corpus, root: Path) -> bool:
    """Whether every recording is there, and what reads it; a broken list counts, `load` tells what is wrong."""
    try:
        require(corpus.name)
        _clips(corpus, root)
    except DataNotFound:
        return False
    except ValueError:
        return True
    return True


def _read(corpus: Corpus, recipe: str | LogMel, split: str, root: Path, size: int) -> Read:
    """One split; by a recipe's name its decibels are scaled by the training set, which then is read too."""
    require(corpus.name)
    clips = _clips(corpus, root)

    def read(part: str, how: Recipe) -> np.ndarray:
        files = [clip.file for clip in clips[part]]
        return spectrograms(files, root / corpus.folder, how, f"{corpus.name}-{part}")

    scale = scaling(recipe, corpus.rate, corpus.seconds, lambda how: _decibels(read("train", how)))
    records = read(split, scale.recipe)
    labels = np.array([clip.label for clip in clips[split]], np.uint8)
    return Read(scale.intensities(_decibels(records)).numpy(), labels, records["digest"], scale)


def _decibels(records: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(records["decibels"]))


def _clips(corpus: Corpus, root: Path) -> dict[str, list[Clip]]:
    """The clips of both splits, as many as there should be, and no speaker in both."""
    folder = root / corpus.folder
    advice = f"{corpus.where}, or set DECNN_DATA to the folder that holds {corpus.folder}"
    if not folder.is_dir():
        raise DataNotFound(f"not run: data not found: {corpus.name} is not under {show_path(root)}; {advice}")
    clips = {split: corpus.clips(folder, split) for split in SPLITS}
    for split, got in ((split, len(clips[split])) for split in SPLITS):
        if got != corpus.counts[split] if corpus.counts else got == 0:
            expected = corpus.counts[split] if corpus.counts else 1
            state = "incomplete" if got < expected else "not the published copy"
            raise DataNotFound(
                f"not run: data not found: {corpus.name} is {state} under {show_path(root)}: expected {expected:,} "
                f"{split} recordings in {corpus.folder}, got {got:,}; {advice}"
            )
    heard = {clip.label for split in SPLITS for clip in clips[split]}
    silent = [name for label, name in enumerate(corpus.class_names) if label not in heard]
    if silent and not corpus.counts:
        raise DataNotFound(
            f"not run: data not found: {corpus.name} is incomplete under {show_path(root)}: no recording of "
            f"{', '.join(silent)} in {corpus.folder}; {advice}"
        )
    both = {clip.speaker for clip in clips["train"]} & {clip.speaker for clip in clips["test"]}
    if both:
        raise ValueError(
            f"{show_path(folder)}: expected no speaker in both splits, got {len(both)}, the first {min(both)}; take "
            "the published lists"
        )
    return clips


def _by_name(
    pattern: str,
    globs: tuple[str, ...],
    class_names: tuple[str, ...],
    part_of: Callable[[str], str],
    folder: Path,
    split: str,
) -> list[Clip]:
    """Clips whose files' names tell label and speaker, by name; `part_of` tells a speaker's split."""
    clips = []
    for file in sorted(path for glob in globs for path in folder.glob(glob) if path.suffix.lower() in SOUND):
        match = re.fullmatch(pattern, file.relative_to(folder).with_suffix("").as_posix())
        if not match:
            raise ValueError(
                f"{show_path(file)}: expected a name that tells label and speaker, as the published ones, got another; "
                "remove it or rename it"
            )
        if part_of(match["speaker"]) == split:
            clips.append(Clip(file, class_names.index(match["label"]), match["speaker"]))
    return clips


def _audiomnist_part(speaker: str) -> str:
    return "test" if speaker in AUDIOMNIST_TEST else "valid" if speaker in AUDIOMNIST_VALID else "train"


def _fsdd_part(speaker: str) -> str:
    return "test" if speaker in FSDD_TEST else "train"


def _hashed_part(speaker: str) -> str:
    """One speaker in five is held out, by a hash of the name, so that more recordings move nobody."""
    return "test" if int(hashlib.sha256(speaker.encode()).hexdigest()[:8], 16) % 5 == 0 else "train"


def _fluent_clips(folder: Path, split: str) -> list[Clip]:
    """The clips of one of Fluent's published lists, data/train_data.csv or data/test_data.csv, in its order."""
    path = folder / "data" / f"{split}_data.csv"
    if not path.is_file():
        raise DataNotFound(f"not run: data not found: fluent is incomplete: no {show_path(path)}; {FLUENT_BY_HAND}")
    clips, missing = [], []
    for line, row in _rows(path):
        try:
            one_of(row["action"], ACTIONS, "action")
        except ValueError as error:
            raise ValueError(f"{show_path(path)}: line {line}: {error}") from None
        if Path(row["path"]).is_absolute():
            raise ValueError(
                f"{show_path(path)}: line {line}: expected a path inside {folder.name}, got {row['path']!r}; replace "
                "it by the published file"
            )
        file = folder / row["path"]
        if not file.is_file():
            missing.append(f"line {line}: {row['path']}")
        clips.append(Clip(file, ACTIONS.index(row["action"]), row["speakerId"]))
    if missing:
        more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
        raise DataNotFound(
            f"not run: data not found: fluent is incomplete: {len(missing):,} of {len(clips):,} recordings in "
            f"{show_path(path)} are not there ({'; '.join(missing[:SHOWN])}{more}); {FLUENT_BY_HAND}"
        )
    return clips


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a list with their lines, all columns that are read among them."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        header = tuple(rows.fieldnames or ())
        if not set(COLUMNS) <= set(header):
            raise ValueError(
                f"{show_path(path)}: line 1: expected the columns {', '.join(COLUMNS)} among others, got "
                f"{', '.join(header)[:60]!r}; replace it by the published file"
            )
        try:
            for row in rows:
                empty = [column for column in COLUMNS if not row[column]]
                if empty:
                    raise csv.Error(f"expected {empty[0]}, got nothing")
                yield rows.line_num, row
        except csv.Error as error:
            raise ValueError(
                f"{show_path(path)}: line {rows.line_num}: {error}; replace it by the published file"
            ) from error


FLUENT_BY_HAND = (
    "ask for it by hand at https://fluent.ai/fluent-speech-commands-a-dataset-for-spoken-language-understanding-"
    "research/ (academic licence) and unpack it as fluent_speech_commands_dataset under that folder"
)
# The longest of its recordings has 47,998 samples at 48 kHz.
AUDIOMNIST = Corpus(
    "audiomnist", "AudioMNIST", DIGITS, 48_000, 1.0, "filled",
    partial(_by_name, r"data/(?P<speaker>\d\d)/(?P<label>\d)_(?P=speaker)_\d+", ("data/*/*",), DIGITS,
            _audiomnist_part),
    {"train": 18_000, "test": 6_000},
    "clone https://github.com/soerenab/AudioMNIST (MIT) into that folder",
)  # fmt: skip
# 2.3 s on average (19 hours, 30,043 utterances): `viewmaker` leaves three quarters of its 9.4 s empty, but is the
# paper's, and 4 s are a choice that nobody could check here.
FLUENT = Corpus(
    "fluent", "fluent_speech_commands_dataset", ACTIONS, 16_000, 4.0, "viewmaker", _fluent_clips,
    {"train": 23_132, "test": 3_793}, FLUENT_BY_HAND,
)  # fmt: skip
# 19 of 20 training clips are not longer than 0.7 s; the others are cut.
FSDD = Corpus(
    "fsdd", "fsdd", DIGITS, 8_000, 0.7, "filled",
    partial(_by_name, r"recordings/(?P<label>\d)_(?P<speaker>[a-z]+)_\d+", ("recordings/*",), DIGITS, _fsdd_part),
    {"train": 2_000, "test": 1_000},
    "clone https://github.com/Jakobovski/free-spoken-digit-dataset (CC BY-SA 4.0) as fsdd into that folder",
)  # fmt: skip
# The ten words of the official test archive, in any number: all of it is test data to the official split.
SPEECH_COMMANDS = Corpus(
    "speech_commands", "speech_commands", WORDS, 16_000, 1.0, "filled",
    partial(_by_name, r"(?P<label>[a-z]+)/(?P<speaker>[0-9a-f]+)_nohash_\d+", tuple(f"{word}/*" for word in WORDS),
            WORDS, _hashed_part),
    None,
    "unpack http://download.tensorflow.org/data/speech_commands_test_set_v0.02.tar.gz (CC BY 4.0) as "
    "speech_commands into that folder",
)  # fmt: skip
CORPORA = {corpus.name: corpus for corpus in (AUDIOMNIST, FLUENT, FSDD, SPEECH_COMMANDS)}

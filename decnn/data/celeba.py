"""CelebA: photographs of faces with 40 binary attributes, in full or the part of 10,000, in the official layout.

Under the data folder: celeba/img_align_celeba/000001.jpg and so on, celeba/list_attr_celeba.txt,
celeba/list_eval_partition.txt. The full copy has 178x218 pixels; half of that in each direction is read too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from decnn.data.photographs import decoded
from decnn.data.source import DataNotFound, Read, Source, show_path

__all__ = ["ATTRIBUTES", "CELEBA", "CELEBA_10K", "FACE_ATTRIBUTES", "celeba_source"]

# All 40, in the order of the published file; then the 18 of the paper.
ATTRIBUTES = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips",
    "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Double_Chin",
    "Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open",
    "Mustache", "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline",
    "Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat",
    "Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young",
)  # fmt: skip
FACE_ATTRIBUTES = (
    "Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Bushy_Eyebrows", "Eyeglasses", "Gray_Hair",
    "Heavy_Makeup", "Male", "Mouth_Slightly_Open", "Mustache", "Pale_Skin", "Receding_Hairline", "Smiling",
    "Straight_Hair", "Wavy_Hair", "Wearing_Hat",
)  # fmt: skip

FULL, PART = 202_599, 10_000
SHAPES = ((178, 218), (89, 109))  # (width, height), published and half of it
PARTITION = {"train": "0", "test": "2"}  # 1 is the validation part, which the paper does not use
FOLDER, ATTRIBUTE_FILE, PARTITION_FILE = "img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"
REPLACE = "replace it by the published file"
SHOWN = 5  # missing files that a message names

URL = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
BY_HAND = (
    f"download it by hand from {URL} (Img/img_align_celeba.zip, unpacked, Anno/{ATTRIBUTE_FILE} and "
    f"Eval/{PARTITION_FILE}, for non-commercial research only) into celeba under that folder"
)
BY_HAND_10K = (
    "place images 000001 to 010000 of CelebA, with lists of them alone and a partition with no person in two parts, "
    "in the layout of celeba as celeba-10k under that folder"
)


def celeba_source(name: str, count: int, where: str = BY_HAND) -> Source:
    """CelebA, or a part of it, as a source: one layout, in a folder of its name or in `celeba`, with so many images.

    Arguments:
        name: what `load` calls it.
        count: how many images the attribute file lists.
        where: a sentence, how to get it by hand.

    Raises:
        DataNotFound: by `read`: a list or photographs are not there, or the lists are of another number.
        ValueError: by `read`: a list or a photograph that is broken.

    Source: Liu et al. (2015), Deep learning face attributes in the wild; the format as in its README.

    >>> celeba_source("celeba-10k", 10_000).available(Path("no-such-folder"))
    False
    """
    return Source(
        class_names=FACE_ATTRIBUTES,
        read=partial(_read, name, count, where),
        available=partial(_available, name, count),
        where=where,
        found="under {root}, every photograph decoded",
        attributes=ATTRIBUTES,
        channels=3,
    )


def _folder(name: str, root: Path) -> Path:
    """Where a set lies: in a folder of its name, so that a part and the whole can lie side by side, or in `celeba`."""
    return root / name if (root / name).is_dir() else root / "celeba"


def _available(name: str, count: int, root: Path) -> bool:
    """Whether both lists and the folder are there, and the first line tells this number of images."""
    folder = _folder(name, root)
    try:
        with (folder / ATTRIBUTE_FILE).open(encoding="utf-8", errors="replace") as file:
            listed = file.readline().strip()
    except OSError:
        return False
    return listed == str(count) and (folder / PARTITION_FILE).is_file() and (folder / FOLDER).is_dir()


def _read(name: str, count: int, where: str, split: str, root: Path, size: int) -> Read:
    """Pixels uint8 (N, size, size, 3), labels uint8 (N, 40) and the digests of one split's photographs."""
    folder = _folder(name, root)
    lists = [folder / ATTRIBUTE_FILE, folder / PARTITION_FILE]
    missing = [path.name for path in lists if not path.is_file()]
    if missing:
        some = folder.is_dir()
        state = f"{name} is {'incomplete' if some else 'not'} under {show_path(root)}"
        detail = f" (no {folder.name}/{missing[0]})" if some else ""
        raise DataNotFound(
            f"not run: data not found: {state}{detail}; {where}, or set DECNN_DATA to the folder that holds celeba"
        )
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in lists]
    files, labels, parts = _lists(folder, *digests)
    if len(files) != count:
        raise DataNotFound(
            f"not run: data not found: {name}: expected {'the full ' if count == FULL else ''}{count:,} images in "
            f"{show_path(lists[0])}, got {len(files):,}{_which(len(files))}; {where}"
        )
    chosen = np.flatnonzero(np.array(parts) == PARTITION[split])
    if not len(chosen):
        raise ValueError(f"{show_path(lists[1])}: expected images in part {PARTITION[split]} ({split}), got none")
    made_from = f"{folder.resolve()} {''.join(digests)}"  # lists do not tell one copy's photographs from another's
    find = partial(_photographs, name, where, folder / FOLDER, files, chosen)
    pixels, content = decoded(len(chosen), find, size, f"{name}-{split}", made_from, SHAPES)
    return Read(pixels, labels[chosen], content)


def _which(count: int) -> str:
    """What a number of images tells about a copy."""
    names = {FULL: "the full set, which the name celeba reads", PART: "the part that the name celeba-10k reads"}
    return f": this is {names[count]}" if count in names else ""


def _photographs(name: str, where: str, folder: Path, files: Sequence[str], chosen: np.ndarray) -> list[Path]:
    """The paths of the chosen photographs; DataNotFound unless all that are listed are there."""
    there = set(os.listdir(folder)) if folder.is_dir() else set()
    missing = [file for file in files if file not in there]
    if missing:
        more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
        raise DataNotFound(
            f"not run: data not found: {name} is incomplete under {show_path(folder.parent.parent)} "
            f"({len(missing):,} of {len(files):,} listed images are not in {folder.parent.name}/{FOLDER}: "
            f"{', '.join(missing[:SHOWN])}{more}); {where}"
        )
    return [folder / files[row] for row in chosen]


@lru_cache(maxsize=1)  # both splits read the same lists; the digests tell whether a list has changed
def _lists(folder: Path, attributes: str, partition: str) -> tuple[list[str], np.ndarray, list[str]]:
    """The names of all images, their attributes as 0 and 1, uint8 (N, 40), and their parts, in the same order."""
    files, labels = _attributes(folder / ATTRIBUTE_FILE)
    path = folder / PARTITION_FILE
    parts: dict[str, str] = {}
    for number, line in enumerate(_lines(path), start=1):
        row = line.split()
        if len(row) != 2 or row[1] not in ("0", "1", "2"):
            raise ValueError(
                f"{show_path(path)}: line {number}: expected a file name and 0 (train), 1 (valid) or 2 (test), "
                f"got {line.strip()[:60]!r}; {REPLACE}"
            )
        if row[0] in parts:
            raise ValueError(
                f"{show_path(path)}: line {number}: expected each file once, got {row[0]} again; {REPLACE}"
            )
        parts[row[0]] = row[1]
    listed = set(files)
    without, foreign = [file for file in files if file not in parts], [file for file in parts if file not in listed]
    if without or foreign:
        detail = [f"{len(without):,} not in it, the first {without[0]}"] if without else []
        detail += [f"{len(foreign):,} in it alone, the first {foreign[0]}"] if foreign else []
        raise ValueError(
            f"{show_path(path)}: expected the images of {ATTRIBUTE_FILE}, got others: {'; '.join(detail)}; "
            "take both files from the same copy"
        )
    return files, labels, [parts[file] for file in files]


def _attributes(path: Path) -> tuple[list[str], np.ndarray]:
    """The attribute file: its names of images, and uint8 (N, 40) of 0 and 1."""
    lines, shown = iter(_lines(path)), show_path(path)
    first, header = next(lines, "").strip(), tuple(next(lines, "").split())
    if not first.isdecimal():
        raise ValueError(f"{shown}: line 1: expected the number of images, got {first[:60]!r}; {REPLACE}")
    if header != ATTRIBUTES:
        raise ValueError(
            f"{shown}: line 2: expected the 40 attribute names, {ATTRIBUTES[0]} to {ATTRIBUTES[-1]}, "
            f"got {len(header)} names: {' '.join(header)[:60]!r}; {REPLACE}"
        )
    files: dict[str, None] = {}
    flags = bytearray()
    for number, line in enumerate(lines, start=3):
        file, *values = line.split() or [""]
        if len(values) != len(ATTRIBUTES) or not set(values) <= {"1", "-1"} or file in files:
            got = "the name again" if file in files else f"{len(values)} columns: {' '.join(values)[:40]!r}"
            raise ValueError(
                f"{shown}: line {number} ({file}): expected a new file name and {len(ATTRIBUTES)} columns of 1 or -1, "
                f"got {got}; {REPLACE}"
            )
        files[file] = None
        flags += bytes([value == "1" for value in values])
    if len(files) != int(first):
        raise ValueError(f"{shown}: line 1 says {int(first):,} images, got {len(files):,} lines of them; {REPLACE}")
    return list(files), np.frombuffer(bytes(flags), np.uint8).reshape(-1, len(ATTRIBUTES))


def _lines(path: Path) -> list[str]:
    """The lines of a text file, less empty ones at its end; what is not text becomes a line that is refused."""
    return path.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()


CELEBA = celeba_source("celeba", FULL)
CELEBA_10K = celeba_source("celeba-10k", PART, BY_HAND_10K)

"""The cache of photographs: decoded once, whole or not there, and every photograph that cannot be used is named."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from decnn.data import DataNotFound, get, named, photographs
from decnn.data.source import cache_root


def test_second_load_opens_no_photograph(celeba, monkeypatch):
    first = celeba.load("train")
    assert celeba.cached() == [".npy"]
    monkeypatch.setattr(photographs, "square", None)
    for path in celeba.photographs:
        path.unlink()
    second = celeba.load("train")
    assert torch.equal(first.images, second.images)
    assert first.checksum == second.checksum


def test_pixels_stay_memory_mapped_and_their_file_is_never_written(celeba):
    read = named.SOURCES["celeba-10k"].read("test", celeba.root, 32)
    assert isinstance(read.pixels, np.memmap)
    data = celeba.load("test")
    before = data.images
    data.pixels.zero_()
    assert before.any()
    assert torch.equal(celeba.load("test").images, before)


def test_get_decodes_what_is_there(celeba):
    where = f"under {celeba.root}, every photograph decoded"
    assert get("celeba-10k", celeba.root) == f"celeba-10k: 7 train and 3 test images; {where}"
    assert celeba.cached() == [".npy", ".npy"]


def test_other_lists_another_cache_file(celeba):
    before = celeba.load("test")
    celeba.write_lists(tuple(2 if part == 1 else part for part in celeba.parts))
    after = celeba.load("test")
    assert (len(before), len(after), celeba.cached()) == (3, 5, [".npy", ".npy"])


def test_equal_lists_of_another_copy_do_not_read_this_ones_photographs(celeba, tmp_path):
    """The half-size and the whole photographs have the same lists."""
    other = type(celeba)(tmp_path / "other", (178, 218))
    assert other.partition.read_text() == celeba.partition.read_text()
    assert other.load("test").checksum != celeba.load("test").checksum


# --- what was cut short ------------------------------------------------------------------------------------


def test_a_killed_write_leaves_nothing_that_is_read(celeba, cut_short):
    with cut_short(photographs, photographs, "_decode_block"):
        celeba.load("train")
    assert ".npy" not in celeba.cached()
    whole = celeba.load("train")
    assert whole.images.amax((1, 2, 3)).min() > 0
    assert ".npy" in celeba.cached()


def test_files_that_are_not_whole_are_made_again(celeba):
    good = celeba.load("test").images  # a copy: the file is mapped, and about to be spoilt
    (path,) = (cache_root() / "photographs").glob("*.npy")
    content = path.read_bytes()
    for spoilt in (b"", content[:40], content[:-1]):
        path.write_bytes(spoilt)
        assert torch.equal(celeba.load("test").images, good)
        assert path.read_bytes() == content


def test_what_a_killed_run_left_is_cleared_a_day_later(celeba):
    folder = cache_root() / "photographs"
    folder.mkdir(parents=True)
    for name, age in (("old.tmp", 2), ("new.tmp", 0.01)):
        (folder / name).write_bytes(b"")
        when = folder.stat().st_mtime - age * 24 * 3600
        os.utime(folder / name, (when, when))
    celeba.load("test")
    assert sorted(path.name for path in folder.glob("*.tmp")) == ["new.tmp"]


def test_a_cache_that_cannot_be_written(celeba, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DECNN_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"could not write the decoded photographs.*DECNN_CACHE.*MB of room"):
        celeba.load("test")


# --- bad photographs ---------------------------------------------------------------------------------------


def test_bad_photographs_are_all_named_and_the_others_kept(celeba, monkeypatch):
    truncated, text, png, small, *_ = celeba.rows("train")
    good = {path: path.read_bytes() for path in (celeba.photographs[i] for i in (truncated, text, png, small))}
    celeba.photographs[truncated].write_bytes(good[celeba.photographs[truncated]][:-400])
    celeba.photographs[text].write_text("not found")
    celeba.save(png, celeba.shape, "PNG")
    celeba.save(small, (64, 64))
    message = (
        r"img_align_celeba: expected 7 photographs, got 4 that cannot be used: 000001.jpg \(not a whole JPEG file: .*"
        r"truncated.*\); 000004.jpg \(not a whole JPEG file\); 000005.jpg \(not a whole JPEG file\); "
        r"000008.jpg \(expected 178x218 or 89x109 pixels, got 64x64\); replace them"
    )
    for _ in range(2):  # the second time, from what the first has kept
        with pytest.raises(ValueError, match=message):
            celeba.load("train")
        assert celeba.cached() == [".part"]
    for path, content in good.items():
        path.write_bytes(content)
    done, seen = photographs.square, []
    monkeypatch.setattr(photographs, "square", lambda content, *rest: seen.append(content) or done(content, *rest))
    data = celeba.load("train")
    assert sorted(seen) == sorted(good.values())
    assert celeba.cached() == [".npy"]
    monkeypatch.setenv("DECNN_CACHE", str(celeba.root / "other"))
    again = celeba.load("train")
    assert torch.equal(again.images, data.images)
    assert again.checksum == data.checksum


def test_a_long_list_of_bad_photographs_is_cut(celeba):
    for path in celeba.photographs:
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"got 7 that cannot be used: 000001.jpg .* and 2 more; replace them"):
        celeba.load("train")


def test_missing_photographs_are_counted(celeba):
    for path in celeba.photographs[3:10]:
        path.unlink()
    with pytest.raises(DataNotFound) as caught:
        celeba.load("test")
    assert str(caught.value) == (
        f"not run: data not found: celeba-10k is incomplete under {celeba.root} (7 of 12 listed images are not in "
        "celeba/img_align_celeba: 000004.jpg, 000005.jpg, 000006.jpg, 000007.jpg, 000008.jpg and 2 more); "
        "place it by hand"
    )

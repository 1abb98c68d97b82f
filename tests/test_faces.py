"""Faces: CelebA's layout read, decoded and cached; and the toy faces that the library draws."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from decnn.data import FACE_ATTRIBUTES, DataNotFound, Images, available, check_attributes, get, load, named, photographs
from decnn.data import toy_faces as draw_faces
from decnn.data.celeba import ATTRIBUTES, celeba_source
from decnn.data.sketch import draw
from decnn.data.source import cache_root

COUNT = 12
TEST_CHECKSUM = "b32d82e7fb02cd21"  # of the toy faces
FULL_SIZE, HALF_SIZE = (178, 218), (89, 109)
PARTS = [0, 1, 2, 0, 0, 2, 1, 0, 0, 2, 0, 0]  # mixed, as in the part of 10,000
TRAIN, TEST = ([i for i, part in enumerate(PARTS) if part == chosen] for chosen in (0, 2))
FLAGS = np.random.default_rng(3).integers(0, 2, (COUNT, 40))


def picture(index: int, shape: tuple[int, int]) -> Image.Image:
    """Smooth colours, another in each image, that neither axis leaves constant."""
    small = np.random.default_rng(index).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(shape, Image.Resampling.BICUBIC)


def names_of(count: int) -> list[str]:
    return [f"{index + 1:06d}.jpg" for index in range(count)]


def write_lists(folder: Path, flags: np.ndarray = FLAGS, parts: list[int] = PARTS) -> None:
    rows = [
        " ".join([name, *(f"{2 * v - 1:2d}" for v in row)]) for name, row in zip(names_of(COUNT), flags, strict=True)
    ]
    (folder / "list_attr_celeba.txt").write_text("\n".join([str(COUNT), " ".join(ATTRIBUTES) + " ", *rows, ""]))
    lines = [f"{name} {part}" for name, part in zip(names_of(COUNT), parts, strict=True)]
    (folder / "list_eval_partition.txt").write_text("\n".join([*lines, ""]))


@pytest.fixture(params=[FULL_SIZE, HALF_SIZE], ids=["full-size", "half-size"])
def shape(request):
    return request.param


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data folder with twelve photographs of half size, which "celeba-10k" reads, and an empty cache."""
    return make_root(tmp_path, monkeypatch, HALF_SIZE)


def make_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int]) -> Path:
    monkeypatch.setenv("DECNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(named.SOURCES, "celeba-10k", celeba_source("celeba-10k", COUNT, "place it by hand"))
    folder = tmp_path / "data" / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    write_lists(folder)
    for index, name in enumerate(names_of(COUNT)):
        picture(index, shape).save(folder / "img_align_celeba" / name, "JPEG", quality=95)
    return tmp_path / "data"


def cached() -> list[str]:
    return sorted(path.suffix for path in (cache_root() / "photographs").glob("*"))


# --- pixels and labels -------------------------------------------------------------------------------------


def test_pixels_are_the_resized_central_square(tmp_path, monkeypatch, shape):
    root = make_root(tmp_path, monkeypatch, shape)
    data = load("celeba-10k", "train", root=root)
    assert (data.images.dtype, data.images.shape) == (torch.float32, (len(TRAIN), 3, 32, 32))
    width, height = shape
    top = (height - width) // 2
    for row, index in enumerate(TRAIN):
        with Image.open(root / "celeba/img_align_celeba" / names_of(COUNT)[index]) as image:
            pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None, :, top : top + width].float()
        expected = torch.nn.functional.interpolate(pixels, size=(32, 32), mode="bilinear", antialias=True)
        # Pillow rounds to 8 bits after each axis.
        assert (data.images[row] * 255 - expected[0]).abs().max() <= 1.01


def test_half_size_sees_the_same_square(tmp_path, monkeypatch):
    full, half = (load("celeba-10k", "test", root=make_root(tmp_path / str(s), monkeypatch, s)).images
                  for s in (FULL_SIZE, HALF_SIZE))  # fmt: skip
    assert (full - half).abs().mean() < 0.02


def test_another_size_is_resized_from_the_photographs(root):
    small, large = (load("celeba-10k", "test", root=root, size=size) for size in (8, 48))
    assert (small.images.shape[2:], large.images.shape[2:]) == ((8, 8), (48, 48))
    assert small.checksum == large.checksum  # the same files
    with Image.open(root / "celeba/img_align_celeba" / names_of(COUNT)[TEST[0]]) as image:
        direct = np.asarray(image.crop((0, 10, 89, 99)).resize((48, 48), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal((large.images[0].permute(1, 2, 0) * 255).round().numpy(), direct)


def test_labels_are_the_eighteen_attributes(root):
    for split, rows in (("train", TRAIN), ("test", TEST)):
        data = load("celeba-10k", split, root=root)
        columns = [ATTRIBUTES.index(name) for name in FACE_ATTRIBUTES]
        assert (data.labels.dtype, data.labels.tolist()) == (torch.int64, FLAGS[rows][:, columns].tolist())
        assert (data.num_classes, data.class_names, data.multilabel) == (18, FACE_ATTRIBUTES, True)
        assert not data.synthetic
    assert (len(ATTRIBUTES), len(set(ATTRIBUTES)), len(set(FACE_ATTRIBUTES))) == (40, 40, 18)


def test_any_attribute_by_name(root):
    data = load("celeba-10k", "test", root=root, attributes=["No_Beard", "Bald"])
    columns = [ATTRIBUTES.index("No_Beard"), ATTRIBUTES.index("Bald")]
    assert (data.labels.tolist(), data.class_names) == (FLAGS[TEST][:, columns].tolist(), ("No_Beard", "Bald"))


def test_checksum_is_of_files_and_labels(root):
    data = load("celeba-10k", "test", root=root, attributes=("Bald",))
    digest = hashlib.sha256()
    for index in TEST:
        content = (root / "celeba/img_align_celeba" / names_of(COUNT)[index]).read_bytes()
        digest.update(hashlib.sha256(content).digest()[:16])
    digest.update(bytes(data.labels.flatten().tolist()))
    assert data.checksum == digest.hexdigest()[:16]


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("celeba-10k", ("Bald", "Mustach"), r"celeba-10k: unknown.* 'Mustach'; did you mean 'Mustache'\? Known: 5_o"),
        ("celeba", ("no_beard",), r"unknown attribute 'no_beard'; did you mean 'No_Beard'\?"),
        ("celeba", "Bald", r"""expected names, as \("Bald", "Male"\), got 'Bald'"""),
        ("celeba", (), "expected names.*got \\(\\)"),
        ("celeba", ("Bald", "Male", "Bald"), "each name once, got Bald, Male, Bald"),
        ("toy-faces", ("No_Beard",), "toy-faces: unknown attribute 'No_Beard'"),
        ("mnist", ("Bald",), "mnist: attributes: expected None.*classes.*with attributes: celeba, celeba-10k, toy-f"),
    ],
)  # fmt: skip
def test_bad_attributes(name, attributes, message):
    with pytest.raises(ValueError, match=message):
        load(name, "test", attributes=attributes)


# --- the cache ---------------------------------------------------------------------------------------------


def test_second_load_opens_no_photograph(root, monkeypatch):
    first = load("celeba-10k", "train", root=root)
    assert cached() == [".npy"]
    monkeypatch.setattr(photographs, "square", None)
    for path in (root / "celeba/img_align_celeba").iterdir():
        path.unlink()
    second = load("celeba-10k", "train", root=root)
    assert torch.equal(first.images, second.images)
    assert first.checksum == second.checksum


def test_pixels_stay_memory_mapped_and_their_file_is_never_written(root):
    read = named.SOURCES["celeba-10k"].read("test", root, 32)
    assert isinstance(read.pixels, np.memmap)
    data = load("celeba-10k", "test", root=root)
    before = data.images
    data.pixels.zero_()
    assert before.any()
    assert torch.equal(load("celeba-10k", "test", root=root).images, before)


def test_other_lists_another_cache_file(root):
    before = load("celeba-10k", "test", root=root)
    parts = [2 if part == 1 else part for part in PARTS]
    write_lists(root / "celeba", parts=parts)
    after = load("celeba-10k", "test", root=root)
    assert (len(before), len(after), cached()) == (3, 5, [".npy", ".npy"])


class Killed(BaseException):
    """What no handler of errors catches."""


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_killed_write_leaves_nothing_that_is_read(root, monkeypatch, step):
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(photographs, "BLOCK", 3)
            done = photographs._decode_block
            patch.setattr(photographs, "_decode_block", lambda *a: done(*a) if a[-1].start == 0 else killed())
        else:
            patch.setattr(os, step, killed)
        with pytest.raises(Killed):
            load("celeba-10k", "train", root=root)
    assert ".npy" not in cached()
    whole = load("celeba-10k", "train", root=root)
    assert whole.images.amax((1, 2, 3)).min() > 0
    assert ".npy" in cached()


def test_files_that_are_not_whole_are_made_again(root):
    good = load("celeba-10k", "test", root=root).images  # a copy: the file is mapped, and about to be spoilt
    (path,) = (cache_root() / "photographs").glob("*.npy")
    content = path.read_bytes()
    for spoilt in (b"", content[:40], content[:-1]):
        path.write_bytes(spoilt)
        assert torch.equal(load("celeba-10k", "test", root=root).images, good)
        assert path.read_bytes() == content


def test_what_a_killed_run_left_is_cleared_a_day_later(root):
    folder = cache_root() / "photographs"
    folder.mkdir(parents=True)
    for name, age in (("old.tmp", 2), ("new.tmp", 0.01)):
        (folder / name).write_bytes(b"")
        when = folder.stat().st_mtime - age * 24 * 3600
        os.utime(folder / name, (when, when))
    load("celeba-10k", "test", root=root)
    assert sorted(path.name for path in folder.glob("*.tmp")) == ["new.tmp"]


def test_a_cache_that_cannot_be_written(root, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DECNN_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"could not write the decoded photographs.*DECNN_CACHE.*MB of room"):
        load("celeba-10k", "test", root=root)


def test_cache_root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DECNN_CACHE", "~/mine")
    assert cache_root() == tmp_path / "home/mine"
    monkeypatch.delenv("DECNN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_root() == tmp_path / "cache/decnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_root() == tmp_path / "home/.cache/decnn"


# --- bad input ---------------------------------------------------------------------------------------------


def test_bad_photographs_are_all_named_and_the_others_kept(root, monkeypatch):
    folder = root / "celeba/img_align_celeba"
    truncated, text, png, small, *_ = [folder / names_of(COUNT)[index] for index in TRAIN]
    good = {path: path.read_bytes() for path in (truncated, text, png, small)}
    truncated.write_bytes(good[truncated][:-400])
    text.write_text("not found")
    file = io.BytesIO()
    picture(0, HALF_SIZE).save(file, "PNG")
    png.write_bytes(file.getvalue())
    picture(0, (64, 64)).save(small, "JPEG")
    message = (
        r"img_align_celeba: expected 7 photographs, got 4 that cannot be used: 000001.jpg \(not a whole JPEG file: .*"
        r"truncated.*\); 000004.jpg \(not a whole JPEG file\); 000005.jpg \(not a whole JPEG file\); "
        r"000008.jpg \(expected 178x218 or 89x109 pixels, got 64x64\); replace them"
    )
    for _ in range(2):  # the second time, from what the first has kept
        with pytest.raises(ValueError, match=message):
            load("celeba-10k", "train", root=root)
        assert cached() == [".part"]
    for path, content in good.items():
        path.write_bytes(content)
    done, seen = photographs.square, []
    monkeypatch.setattr(photographs, "square", lambda content, *rest: seen.append(content) or done(content, *rest))
    data = load("celeba-10k", "train", root=root)
    assert sorted(seen) == sorted(good.values())
    assert cached() == [".npy"]
    monkeypatch.setenv("DECNN_CACHE", str(root / "other"))
    again = load("celeba-10k", "train", root=root)
    assert torch.equal(again.images, data.images)
    assert again.checksum == data.checksum


def test_a_long_list_of_bad_photographs_is_cut(root):
    for path in (root / "celeba/img_align_celeba").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"got 7 that cannot be used: 000001.jpg .* and 2 more; replace them"):
        load("celeba-10k", "train", root=root)


def test_missing_photographs_are_counted(root):
    for name in names_of(COUNT)[3:10]:
        (root / "celeba/img_align_celeba" / name).unlink()
    with pytest.raises(DataNotFound) as caught:
        load("celeba-10k", "test", root=root)
    assert str(caught.value) == (
        f"not run: data not found: celeba-10k is incomplete under {root} (7 of 12 listed images are not in "
        "celeba/img_align_celeba: 000004.jpg, 000005.jpg, 000006.jpg, 000007.jpg, 000008.jpg and 2 more); "
        "place it by hand"
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("attr", "000003.jpg ", "000003.jpg 1 ", r"line 5 \(000003.jpg\): .*40 columns of 1 or -1, got 41 columns"),
        ("attr", "000003.jpg", "", r"line 5 \(.*got 39 columns"),
        ("attr", "000003.jpg ", "000003.jpg\n", r"line 5 \(000003.jpg\).*got 0 columns"),
        ("attr", "000002.jpg", "000001.jpg", r"line 4 \(000001.jpg\): .*got the name again"),
        ("attr", "12\n", "13\n", "line 1 says 13 images, got 12 lines"),
        ("attr", "12\n", "", "line 1: expected the number of images, got '5_o_Clock"),
        ("attr", " Bald ", " Bold ", "line 2: expected the 40 attribute names, .* to Young, got 40 names"),
        ("eval", "000002.jpg 1\n", "", "expected the images of list_attr.*1 not in it, the first 000002"),
        ("eval", "000002", "000099", "1 not in it, the first 000002.jpg; 1 in it alone, the first 000099.jpg"),
        ("eval", "000002.jpg 1", "000002.jpg 3", r"line 2: expected a file name and 0 .* got '000002.jpg 3'"),
        ("eval", "000002.jpg 1", "000002.jpg", "line 2: expected a file name"),
    ],
)  # fmt: skip
def test_broken_lists(root, file, old, new, message):
    path = next((root / "celeba").glob(f"list_{file}*"))
    edit(path, old, new)
    with pytest.raises(ValueError, match=message) as caught:
        load("celeba-10k", "test", root=root)
    assert path.name in str(caught.value)


def test_value_other_than_plus_or_minus_one(root):
    path = root / "celeba/list_attr_celeba.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[-1][:-2] + " 0"]))
    with pytest.raises(ValueError, match=r"line 14 \(000012.jpg\): expected"):
        load("celeba-10k", "test", root=root)


def test_a_split_without_images(root):
    write_lists(root / "celeba", parts=[0] * COUNT)
    with pytest.raises(ValueError, match=r"list_eval_partition.txt: expected images in part 2 \(test\), got none"):
        load("celeba-10k", "test", root=root)


def test_each_name_demands_its_number(root, monkeypatch):
    assert available("celeba-10k", root)
    assert not available("celeba", root)
    with pytest.raises(DataNotFound, match=r"^not run: data not found: celeba: expected the full 202,599 images in .*, "
                       r"got 12; download it by hand from https://mmlab"):  # fmt: skip
        load("celeba", "train", root=root)
    monkeypatch.setattr("decnn.data.celeba.PART", COUNT)
    with pytest.raises(DataNotFound, match="got 12: this is the part that the name celeba-10k reads"):
        load("celeba", "train", root=root)


def test_missing_data_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DECNN_DATA", str(tmp_path / "data"))
    assert not available("celeba")
    for call in (get, lambda name: load(name, "train")):
        with pytest.raises(DataNotFound) as caught:
            call("celeba")
        assert str(caught.value) == (
            "not run: data not found: celeba is not under ~/data; download it by hand from "
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (Img/img_align_celeba.zip, unpacked, "
            "Anno/list_attr_celeba.txt and Eval/list_eval_partition.txt, for non-commercial research only) into "
            "celeba under that folder, or set DECNN_DATA to the folder that holds celeba"
        )
    (tmp_path / "data/celeba").mkdir(parents=True)
    with pytest.raises(DataNotFound, match=r"incomplete under ~/data \(no celeba/list_attr_celeba.txt\)"):
        load("celeba", "train")


def test_get_decodes_what_is_there(root):
    assert get("celeba-10k", root) == f"celeba-10k: 7 train and 3 test images; under {root}, every photograph decoded"
    assert cached() == [".npy", ".npy"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(2, 3, dtype=torch.int64), r"toy: labels: expected int64 \(2, 2\), got torch.int64 \(2, 3\)"),
        (torch.zeros(3, 2, dtype=torch.int64), r"expected int64 \(2, 2\), got torch.int64 \(3, 2\)"),
        (torch.zeros(2, 2, dtype=torch.float32), r"expected int64 \(2, 2\), got torch.float32"),
        (torch.tensor([[0, 1], [2, 0]]), r"attributes: expected 0 or 1, got 2 at index \(1, 0\)"),
    ],
)
def test_images_refuses_bad_attributes(labels, message):
    images = torch.zeros(2, 1, 8, 8, dtype=torch.float32)
    with pytest.raises(ValueError, match=message):
        Images(images, labels, "toy", "train", 2, "0" * 16, ("a", "b"))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.zeros(2, 3, dtype=torch.float32), "expected an integer torch tensor.*got torch.float32"),
        (torch.zeros(3, dtype=torch.int64), r"expected shape \(N, 3\), got \(3,\)"),
        (torch.zeros(0, 3, dtype=torch.int64), "at least one image"),
    ],
)
def test_check_attributes_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        check_attributes(y, 3)


# --- toy faces ---------------------------------------------------------------------------------------------


def test_toy_faces_are_fixed():
    """The same pixels on every machine, as results name them; a change here changes what they were measured on."""
    test = load("toy-faces", "test")
    assert (len(test), test.images.shape, test.labels.shape) == (1000, (1000, 3, 32, 32), (1000, 18))
    assert (test.checksum, test.synthetic, test.multilabel, test.name) == (TEST_CHECKSUM, True, True, "toy-faces")
    drawn = draw_faces(600, seed=1)  # more than one block
    assert torch.equal(drawn.images, test.images[:600])
    assert torch.equal(drawn.labels, test.labels[:600])
    assert not torch.equal(drawn.labels, draw_faces(600, seed=2).labels)
    assert get("toy-faces").startswith("toy-faces: 4,000 train and 1,000 test images; this package draws them")


@pytest.fixture
def no_drawing(monkeypatch):
    """Labels alone, so that there can be many; `decnn.data.toy_faces` is the function, hence the longer way."""
    module = sys.modules["decnn.data.toy_faces"]
    monkeypatch.setattr(module, "draw", lambda labels, rng: np.zeros((len(labels), 1, 1, 3), np.uint8))


def of(data: Images, name: str) -> torch.Tensor:
    return data.labels[:, data.class_names.index(name)].bool()


@pytest.mark.parametrize("confounding", [0.0, 0.5, 1.0])
def test_confounding_is_the_correlation_given_male(confounding, no_drawing):
    data = draw_faces(8_000, seed=5, confounding=confounding)
    male, mustache, bald = (of(data, name) for name in ("Male", "Mustache", "Bald"))
    assert not (mustache | bald)[~male].any()
    both = torch.stack([mustache[male], bald[male]]).double()
    assert both.mean(1).tolist() == pytest.approx([0.25, 0.25], abs=0.03)
    if confounding == 1:
        assert torch.equal(mustache, bald)
    else:
        assert torch.corrcoef(both)[0, 1].item() == pytest.approx(confounding, abs=0.06)


def test_the_rules_between_attributes(no_drawing):
    data = draw_faces(8_000, seed=6)
    has = {name: of(data, name) for name in FACE_ATTRIBUTES}
    colours = sum(has[name].long() for name in ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"))
    kinds = has["Straight_Hair"].long() + has["Wavy_Hair"].long()
    assert (colours.max(), kinds.max()) == (1, 1)
    hair = has["Bangs"] | has["Receding_Hairline"] | has["Wearing_Hat"] | (colours + kinds > 0)
    assert not (hair & has["Bald"]).any()
    assert not (has["Receding_Hairline"] & (has["Bangs"] | has["Wearing_Hat"])).any()
    male = has["Male"]
    assert male.double().mean().item() == pytest.approx(0.42, abs=0.03)
    assert has["Heavy_Makeup"][~male].double().mean().item() == pytest.approx(0.60, abs=0.03)
    assert has["Heavy_Makeup"][male].double().mean().item() == pytest.approx(0.02, abs=0.01)
    assert has["Blond_Hair"][~male].double().mean().item() == pytest.approx(0.30, abs=0.03)
    assert min(flags.double().mean().item() for flags in has.values()) > 0.05


@pytest.mark.parametrize("name", FACE_ATTRIBUTES)
def test_every_attribute_can_be_seen(name):
    """Where the rules allow a face with and without it, it changes some pixels, and not by a little."""
    labels = draw_faces(150, seed=8).labels.numpy().astype(np.uint8)
    flipped = labels.copy()
    column = FACE_ATTRIBUTES.index(name)
    flipped[:, column] ^= 1
    before, after = (draw(part, np.random.default_rng(0)).astype(int) for part in (labels, flipped))
    changed = (np.abs(before - after).max(-1) > 20).sum((1, 2))
    shown = allowed(labels) & allowed(flipped)
    assert shown.sum() > 10
    assert changed[shown].min() >= 2


def allowed(labels: np.ndarray) -> np.ndarray:
    """Whether the rules allow such faces."""
    has = dict(zip(FACE_ATTRIBUTES, labels.T.astype(int), strict=True))
    colours = has["Black_Hair"] + has["Blond_Hair"] + has["Brown_Hair"] + has["Gray_Hair"]
    kinds = has["Straight_Hair"] + has["Wavy_Hair"]
    over = has["Bangs"] + has["Wearing_Hat"]
    bare = has["Bald"] * (colours + kinds + over + has["Receding_Hairline"]) == 0
    return (colours <= 1) & (kinds <= 1) & bare & (over * has["Receding_Hairline"] == 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "count: expected a whole number, 1 or more, got 0"),
        ({"seed": -1}, "seed: expected a whole number, 0 or more, got -1"),
        ({"seed": 0.5}, "seed: expected a whole number"),
        ({"confounding": 1.5}, "confounding: expected 0 .* to 1 .*got 1.5"),
        ({"confounding": float("nan")}, "confounding: expected"),
        ({"attributes": ("No_Beard",)}, "attributes: expected names among Bald, .*No_Beard"),
    ],
)
def test_toy_faces_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        draw_faces(**{"count": 2, "seed": 0} | change)


# --- the real files ----------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not (os.environ.get("DECNN_DATA") and available("celeba-10k")),
    reason="data not found: set DECNN_DATA to a folder that holds celeba, the part of 10,000",
)
def test_real_photographs(tmp_path, monkeypatch):
    monkeypatch.setenv("DECNN_CACHE", str(tmp_path))
    data = load("celeba-10k", "test", attributes=("Male", "No_Beard", "Mustache"))
    assert len(data) > 1000
    male, no_beard, mustache = data.labels.bool().T
    assert 0.3 < male.double().mean() < 0.6
    assert no_beard[~male].double().mean() > 0.95
    assert mustache[male].double().mean() > 0.02
    assert 0.3 < data.images.mean() < 0.6
    assert data.images.std(0).min() > 0.1  # no border that crop or resize left constant

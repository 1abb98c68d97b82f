"""What callers hand in and what a split holds: images in [0, 1], class numbers, binary attributes."""

from __future__ import annotations

import pytest
import torch

from decnn.data import Images, check_attributes, check_images, check_labels

GOOD = torch.full((2, 1, 4, 4), 0.5, dtype=torch.float32)


def spoilt(value: float) -> torch.Tensor:
    x = GOOD.clone()
    x[1, 0, 2, 3] = value
    return x


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_check_images_accepts(dtype):
    check_images(GOOD.to(dtype).requires_grad_(), shape=(1, 4, 4))
    check_images(torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (GOOD.numpy(), "expected a float torch tensor.*got ndarray"),
        (GOOD.to(torch.uint8), "expected a float torch tensor.*got torch.uint8.*/ 255"),
        (GOOD[0], r"expected 4 dimensions.*got 3: \(1, 4, 4\); grey images \(N, H, W\): x\[:, None\]"),
        (GOOD[:0], "at least one image, got an empty batch"),
        (GOOD.expand(2, 3, 4, 4), r"expected shape \(C, H, W\) = \(1, 4, 4\), got \(3, 4, 4\)"),
        (torch.zeros(2, 1, 4, 5), r"= \(1, 4, 4\), got \(1, 4, 5\)"),
        (spoilt(float("nan")), r"NaN in 1 of 32 values, the first at index \(1, 0, 2, 3\)"),
        (spoilt(float("inf")), "min 0.5 and max inf"),
        (spoilt(255.0), r"values in \[0, 1\], got min 0.5 and max 255; 8-bit images: divide by 255"),
        (spoilt(-0.25), "got min -0.25 and max 0.5; undo the mean/std"),
    ],
    ids=["numpy", "uint8", "3-D", "empty", "channels", "size", "nan", "inf", "bytes", "negative"],
)
def test_check_images_refuses(x, message):
    with pytest.raises(ValueError, match=message):
        check_images(x, shape=(1, 4, 4))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_check_labels_accepts(dtype):
    check_labels(torch.tensor([0, 2, 1], dtype=dtype), num_classes=3)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1], "expected an integer torch tensor.*got list"),
        (torch.tensor([0.0, 1.0], dtype=torch.float32), "got torch.float32.*long"),
        (torch.tensor([True, False]), "got torch.bool"),
        (torch.tensor([[0, 1]]), r"expected 1 dimension \(N,\), got 2: \(1, 2\); one-hot"),
        (torch.tensor(1), "got 0"),
        (torch.tensor([], dtype=torch.int64), "at least one label"),
        (torch.tensor([0, 3, -1]), r"expected 0..2 \(3 classes\), got 3 at index 1"),
        (torch.tensor([0, 1, -1]), "got -1 at index 2"),
    ],
)
def test_check_labels_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        check_labels(y, num_classes=3)


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


# --- Images ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixels": torch.zeros(2, 1, 8, 8, dtype=torch.float64)}, "toy: pixels: expected float32 or uint8.*float64"),
        ({"pixels": torch.zeros(2, 1, 8, 9, dtype=torch.float32)}, r"toy: pixels: .*\(2, 1, 8, 9\)"),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, r"toy: labels: expected int64 \(2,\), got .*\(3,\)"),
        ({"labels": torch.tensor([0, 2])}, "got 2 at index 1"),
        ({"class_names": ("a",)}, "expected 2 class names, got 1"),
    ],
)
def test_images_refuses_a_bad_split(change, message):
    good = {
        "pixels": torch.zeros(2, 1, 8, 8, dtype=torch.float32),
        "labels": torch.tensor([0, 1]),
        "name": "toy",
        "split": "train",
        "num_classes": 2,
        "checksum": "0" * 16,
        "class_names": ("a", "b"),
    }
    assert "tensor" not in repr(Images(**good))
    with pytest.raises(ValueError, match=message):
        Images(**good | change)


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

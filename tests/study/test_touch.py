"""What the pages to touch load: the released file itself, and images as bytes."""

import base64
import re

import torch

from decnn import data, weights
from decnn.study.site import touch


def test_the_script_holds_the_released_weights():
    path = next(path for path in touch.write() if "weights" in path.name)
    (text,) = re.findall('"(.*)"', path.read_text())
    assert base64.b64decode(text) == (weights.FOLDER / f"{touch.MODEL}.safetensors").read_bytes()


def test_samples_are_the_first_image_of_each_class():
    images = data.load("mnist-5k", "test")
    for label, sample in enumerate(touch.samples()["digits"]):
        pixels = torch.frombuffer(bytearray(base64.b64decode(sample["pixels"])), dtype=torch.uint8) / 255
        first = images.images[(images.labels == label).nonzero()[0, 0]].flatten()
        assert sample["name"] == images.class_names[label]
        torch.testing.assert_close(pixels, first, atol=0.5 / 255 + 1e-6, rtol=0, check_dtype=False)

"""What the pages to touch need beside their scripts: the released weights and some images, as scripts themselves.

A page that is opened from the disk may not read other files, but it may run scripts. So the bytes come in base64.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from decnn import data, weights
from decnn.checkpoints import write_atomically
from decnn.data import DataNotFound, Images
from decnn.study import paths
from decnn.study.figures.plots import model_line

__all__ = ["MODEL", "samples", "write"]

MODEL = "redecnn-mnist"


def write() -> list[Path]:
    """Write the scripts that define decnnWeights and decnnSamples to book/chapters/_static; returns their paths."""
    folder = paths.root() / "book" / "chapters" / "_static"
    model = (weights.FOLDER / f"{MODEL}.safetensors").read_bytes()
    about = model_line(MODEL, weights.load(MODEL).specification)
    scripts = {
        "touch-weights.js": f'var decnnWeights = "{base64.b64encode(model).decode()}";\n',
        "touch-samples.js": f"var decnnSamples = {json.dumps({'model': about, **samples()})};\n",
    }
    for name, text in scripts.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in scripts]


def samples() -> dict:
    """Test images to choose from, 32x32 bytes each, and why a data set is missing."""
    found = {"digits": _of(data.load("mnist-5k", "test"))}
    try:
        found["garments"] = _of(data.load("fashion_mnist", "test"))
    except DataNotFound as missing:
        found["missing"] = str(missing)
    return found


def _of(images: Images) -> list[dict]:
    """The first image of each class."""
    labels = images.labels.tolist()
    first = [images.images[labels.index(label)] for label in range(images.num_classes)]
    texts = [base64.b64encode((255 * x).round().byte().numpy().tobytes()).decode() for x in first]
    return [{"name": name, "pixels": text} for name, text in zip(images.class_names, texts, strict=True)]

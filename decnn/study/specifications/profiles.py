"""The profiles: the sizes of a run, what the protocol leaves open, and the data that some of them train on instead."""

from __future__ import annotations

from dataclasses import dataclass

from decnn.spelling import one_of

__all__ = ["PROFILES", "SPEECH", "TOY_FACES", "Profile", "profile", "steps", "taken"]

TOY_FACES = "toy-faces"
SPEECH = ("audiomnist", "fluent", "fsdd", "speech_commands")
# What some profiles train on: smoke runs on data that need no download, the paper's protocol on all of CelebA.
TAKEN = {
    "smoke": {"mnist": "mnist-5k", "celeba-10k": TOY_FACES, **dict.fromkeys(SPEECH, "toy-speech")},
    "paper": {"celeba-10k": "celeba"},
}
# At `paper` 50 epochs of 162,770 faces; the profile's own number is 50 of 60,000 digits, and serves speech of any size.
STEPS = {("paper", "celeba"): 63_550}


@dataclass(frozen=True)
class Profile:
    """Sizes of a run, and the choices that go with them."""

    name: str
    seeds: tuple[int, ...]
    steps: int
    batch_size: int
    lr: float
    init: str
    width: int
    train_size: int | None
    samples: int
    vote_size: int | None
    outlier_size: int | None  # inliers, and outliers of each kind
    filters: int
    reference: int  # training examples that walk a path to give it statistics of its own
    purpose: str


PROFILES = {
    p.name: p
    for p in (
        Profile(
            "smoke", (0,), steps=20, batch_size=16, lr=1e-3, init="he", width=2, train_size=1000, samples=3,
            vote_size=100, outlier_size=20, filters=4, reference=16,
            purpose="seconds: exercises the code; its numbers are no findings",
        ),
        Profile(
            "reader", (0, 1, 2), steps=3000, batch_size=32, lr=1e-3, init="he", width=8, train_size=None,
            samples=30, vote_size=2000, outlier_size=500, filters=16, reference=256,
            purpose="about 10 minutes for a recursive run on 2 CPU cores",
        ),
        Profile(
            "overnight", (0, 1, 2), steps=9370, batch_size=64, lr=1e-3, init="he", width=8, train_size=None,
            samples=30, vote_size=5000, outlier_size=1000, filters=16, reference=256,
            purpose="10 epochs: about an hour for a recursive run on 2 CPU cores",
        ),
        Profile(
            "paper", (0, 1, 2), steps=23400, batch_size=128, lr=1e-4, init="default", width=64, train_size=None,
            samples=30, vote_size=None, outlier_size=None, filters=64, reference=256,
            purpose="the paper's protocol, 50 epochs of images; a GPU for methods with a decoder",
        ),
    )
}  # fmt: skip


def taken(size: Profile, dataset: str) -> str:
    """What a profile trains on in a data set's place."""
    return TAKEN.get(size.name, {}).get(dataset, dataset)


def steps(size: Profile, dataset: str) -> int:
    """How many steps a profile trains on a data set.

    Example:
        >>> steps(PROFILES["paper"], "mnist"), steps(PROFILES["paper"], "celeba")
        (23400, 63550)
    """
    return STEPS.get((size.name, dataset), size.steps)


def profile(name: str) -> Profile:
    """The profile of that name, or ValueError with the known ones and the nearest."""
    return PROFILES[one_of(name, PROFILES, "profile")]

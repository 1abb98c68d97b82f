"""Runs before they run: frozen specifications, the methods and profiles that make them, their data and their models.

A profile only overrides sizes and what the protocol leaves open; `PROFILES` is the whole of it.
"""

from decnn.study.specifications.experiments import pretraining, specification
from decnn.study.specifications.methods import METHODS, Method
from decnn.study.specifications.profiles import PROFILES, SPEECH, TOY_FACES, Profile, profile, steps, taken
from decnn.study.specifications.spec import DECODING, VERSION, WALKING, Evaluation, Spec, Training

__all__ = [
    "DECODING",
    "METHODS",
    "PROFILES",
    "SPEECH",
    "TOY_FACES",
    "VERSION",
    "WALKING",
    "Evaluation",
    "Method",
    "Profile",
    "Spec",
    "Training",
    "pretraining",
    "profile",
    "specification",
    "steps",
    "taken",
]

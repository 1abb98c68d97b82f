"""Decodable neural networks: classifiers whose every activation decodes back to an input.

Companion of Wu, Goodman, Ermon, "Improving Compositionality of Neural Networks by Decoding
Representations to Inputs" (NeurIPS 2021). Only the public names live here.
"""

from decnn import assertions, attacks, baselines, data, metrics, objectives
from decnn.adapters import decodable
from decnn.baselines import BayesNN, Ensemble, MCDropout
from decnn.classifiers import MLP, ConvNet, Linear, ResNet18
from decnn.compose import DecNN, Step
from decnn.decoders import ResNetDecoder
from decnn.detection import Detection, detect
from decnn.paths import PathEnsemble, sample_paths
from decnn.reference import decodings
from decnn.training import Diverged, fit
from decnn.uncertainty import path_probs, path_votes, vote_entropy
from decnn.unet import UNetDecoder
from decnn.weights import load

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "BayesNN",
    "ConvNet",
    "DecNN",
    "Detection",
    "Diverged",
    "Ensemble",
    "Linear",
    "MCDropout",
    "PathEnsemble",
    "ResNet18",
    "ResNetDecoder",
    "Step",
    "UNetDecoder",
    "assertions",
    "attacks",
    "baselines",
    "data",
    "decodable",
    "decodings",
    "detect",
    "fit",
    "load",
    "metrics",
    "objectives",
    "path_probs",
    "path_votes",
    "sample_paths",
    "vote_entropy",
]

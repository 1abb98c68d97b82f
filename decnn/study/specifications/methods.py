"""The rows of the paper's tables: how each method is trained, and how it is asked for uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

from decnn.study.specifications.spec import DECODING

__all__ = ["METHODS", "Method"]


@dataclass(frozen=True)
class Method:
    """A row of the paper's tables: how it is trained and how it is asked for uncertainty."""

    name: str  # as printed
    objective: str
    sampled: bool
    members: int = 1
    dropout: float = 0.0

    @property
    def decodes(self) -> bool:
        """Whether it trains a decoder."""
        return self.objective in DECODING


METHODS = {
    method.name: method
    for method in (
        Method("Standard", "standard", sampled=False),
        Method("DecNN", "decodable", sampled=False),
        Method("ReDecNN", "recursive", sampled=True),
        Method("Dropout", "standard", sampled=False, dropout=0.5),
        Method("MC-Dropout", "standard", sampled=True, dropout=0.5),
        Method("BayesNN", "bayes", sampled=True),
        Method("Ensemble", "standard", sampled=True, members=8),
    )
}

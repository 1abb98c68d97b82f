"""Which runs a command is about: tables, and the part of them that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from decnn.study.experiments import METHODS, Spec, profile
from decnn.study.tables import TABLES, specifications

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """Tables at a profile; data sets, methods and seeds narrow them down, None takes all.

    Attributes:
        tables: names such as table_01a, those of `tables.specifications`, or "all" tables.
        profile: a key of PROFILES.
        datasets: what is trained on.
        methods: keys of METHODS.
        seeds: by default the profile's.

    Example:
        >>> some = Selection(("table_01a",), "paper", methods=("ReDecNN",), seeds=(0,))
        >>> some.command, len(some.specifications())
        ('decnn run table_01a --profile paper --methods ReDecNN --seeds 0', 6)
    """

    tables: tuple[str, ...]
    profile: str
    datasets: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None

    @property
    def command(self) -> str:
        """What a user types to fill these runs."""
        words = ["decnn run", *self.tables, "--profile", self.profile]
        for name in ("datasets", "methods", "seeds"):
            chosen = getattr(self, name)
            words += [] if chosen is None else [f"--{name}", ",".join(map(str, chosen))]
        return " ".join(words)

    def specifications(self) -> list[Spec]:
        """The runs, each once.

        Raises:
            ValueError: an unknown table, profile or method, or a data set that these tables do not train on.
        """
        profile(self.profile)
        names = TABLES if "all" in self.tables else self.tables
        specs = [spec for name in names for spec in specifications(name, self.profile, self.seeds)]
        _check_known("methods", self.methods, tuple(METHODS))
        _check_known("data sets", self.datasets, tuple(dict.fromkeys(spec.training.dataset for spec in specs)))
        return list(
            dict.fromkeys(
                spec
                for spec in specs
                if (self.methods is None or spec.evaluation.method in self.methods)
                and (self.datasets is None or spec.training.dataset in self.datasets)
            )
        )


def _check_known(kind: str, chosen: tuple[str, ...] | None, known: tuple[str, ...]) -> None:
    unknown = [name for name in chosen or () if name not in known]
    if unknown:
        raise ValueError(f"expected {kind} among {', '.join(known)}, got {', '.join(unknown)}")

"""Which runs a command is about: tables, and the part of them that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from decnn.spelling import one_of
from decnn.study.specifications import METHODS, Spec, profile, taken
from decnn.study.tables.catalogue import TABLES, specifications

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
            ValueError: an unknown table, profile or method, a data set that these tables do not train on, or nothing
                that is all of what is asked for.
        """
        size = profile(self.profile)
        names = [name for given in self.tables for name in (TABLES if given == "all" else (given,))]
        specs = [spec for name in names for spec in specifications(name, size.name, self.seeds)]
        methods = self.methods or tuple(METHODS)
        known = tuple(dict.fromkeys(spec.training.dataset for spec in specs))
        datasets = known if self.datasets is None else tuple(taken(size, name) for name in self.datasets)
        for method in methods:
            one_of(method, METHODS, "method")
        for dataset in datasets:
            one_of(dataset, known, "data set of these tables")
        kept = [spec for spec in specs if spec.evaluation.method in methods and spec.training.dataset in datasets]
        if not kept:
            there = dict.fromkeys(f"{spec.training.dataset} {spec.evaluation.method}" for spec in specs)
            raise ValueError(f"expected runs of {' '.join(self.tables)}: {', '.join(there)}; got {self.command!r}")
        return list(dict.fromkeys(kept))

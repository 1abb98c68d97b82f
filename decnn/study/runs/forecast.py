"""How long what is missing will take, from the seconds that records of the same kind took."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from decnn.study.runs.jobs import pretrained
from decnn.study.runs.runner import trained_share
from decnn.study.specifications import Spec, Training

__all__ = ["hours_left"]


def hours_left(specs: Iterable[Spec], records: Iterable[dict]) -> tuple[float, list[Spec]]:
    """Hours of work for one worker, and the runs of which no record tells anything.

    A record is of the same kind if it differs in its seed only. Where there is none, one with other data sets is taken,
    and for the evaluation one of the same method that asks something else. Of several the latest counts, as it tells
    most about the machine at hand. Weights that several runs share are trained once, and what a checkpoint holds
    already is not counted. What a run is composed with is counted too, as far as a record tells how long it takes.

    Example:
        >>> from decnn.study.tables import specifications
        >>> (spec,) = specifications("table_01a", "smoke")[:1]
        >>> seconds = {"training": 7000.0, "evaluation": 200.0}
        >>> hours_left([spec], [{"specification": spec.to_dict(), "seconds": seconds, "date": "2026"}])
        (2.0, [])
    """
    training, evaluation = {}, {}
    for record in sorted(records, key=lambda record: record["date"]):
        spec, seconds = Spec.from_dict(record["specification"]), record["seconds"]
        training |= dict.fromkeys(_trainings(spec), seconds["training"])
        evaluation |= dict.fromkeys(_evaluations(spec), seconds["evaluation"])

    unknown, left, counted = [], 0.0, set()
    for spec in specs:
        trains, votes = _first(training, _trainings(spec)), _first(evaluation, _evaluations(spec))
        if trains is None or votes is None:
            unknown.append(spec)
            continue
        left += votes
        for needed in (spec, pretrained(spec.training)):
            if needed is not None and needed.training_key not in counted:
                left += (_first(training, _trainings(needed)) or 0.0) * (1 - trained_share(needed))
                counted.add(needed.training_key)
    return left / 3600, unknown


def _trainings(spec: Spec) -> tuple[Training, Training]:
    """What the seconds of training depend on: with the data set, and without."""
    same = dataclasses.replace(spec.training, seed=-1)
    return same, dataclasses.replace(same, dataset="any")


def _evaluations(spec: Spec) -> tuple[object, ...]:
    """What the seconds of the evaluation depend on, from all of it to the method alone."""
    (same, any_data), asked = _trainings(spec), spec.evaluation
    other = asked.outliers if asked.outliers in (None, "shifts") else "any"
    return (same, asked), (any_data, dataclasses.replace(asked, outliers=other)), (any_data, asked.method)


def _first(known: dict, kinds: Iterable[object]) -> float | None:
    return next((known[kind] for kind in kinds if kind in known), None)

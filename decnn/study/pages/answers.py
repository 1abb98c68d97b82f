"""The short answers at the top of sections that judge no claim of their own: from records, or from the model shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from decnn.study.tables.paper import Block, Cell, findings

__all__ = ["composing", "decoding"]

DATA = "MNIST"  # as Table 5's columns name it
WITHOUT = "None"  # the column of Table 5 that composes with nothing
CHANGED = {  # row of Table 5 -> what an answer calls it, and the unit of its numbers
    "OOD (Fashion)": ("AUROC of the votes for clothes as outliers", ""),
    "OOD (CelebA)": ("for faces as outliers", ""),
    "Misclassification": ("for mistakes", ""),
    "Accuracy": ("accuracy", " %"),
}


def _by_seed(cell: Cell | None) -> dict[int, float]:
    """Seed -> what its record says of a cell; seeds for which the number is not defined are left out."""
    records = cell.records if cell else ()
    values = {record["specification"]["training"]["seed"]: cell.query.value(record) for record in records}
    return {seed: value for seed, value in values.items() if value is not None}


def composing(found: list[Block], subject: str) -> str:
    """Markdown: what Equation 7 changes on MNIST, over the seeds both networks have, at the fullest profile with such.

    Arguments:
        found: blocks of Table 5 by each path's own statistics.
        subject: the pretrained model, as in Table 5's columns.
    """
    for block in findings(found):
        lines, counts = [], []
        for row, (title, unit) in CHANGED.items():
            cells = [block.of(name, f"{DATA}, {row}") for name in (WITHOUT, subject)]
            pair = [_by_seed(cell) for cell in cells]
            if shared := sorted(pair[0].keys() & pair[1].keys()):
                means = (statistics.fmean(values[seed] for seed in shared) for values in pair)
                lines.append(f"{title} {' → '.join(f'{mean:.{cells[0].query.digits}f}' for mean in means)}{unit}")
                counts.append(len(shared))
        if lines:
            seeds = "one seed, which shows no spread" if max(counts) == 1 else f"{_span(counts)} seeds"
            return (
                f"**In short.** Without the term of Equation 7 → with it: {', '.join(lines)}. {DATA}, a {subject} "
                f"model, {block.profile.name} profile, each path with its own statistics; means over the seeds that "
                f"both networks have, {seeds}."
            )
    return f"**Not answered yet.** No networks without and with Equation 7 share a seed: {DATA}, a {subject} model."


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def decoding(errors: Sequence[float], of_mean: float, alike: Sequence[float], clips: int, smoke: bool) -> str:
    """Markdown: whether layers decode to spectrograms of their clips.

    Arguments:
        errors: of each layer's decodings, in decibels.
        of_mean: the error of answering every clip with the mean of all.
        alike: percent of each layer's decodings that the network reads as it reads their clips.
        clips: how many there are.
        smoke: whether the model is that of a smoke run.
    """
    if smoke:
        return "**Not answered yet.** What is drawn and played here comes from a smoke run: no finding."
    closer = sum(error < of_mean for error in errors)
    return (
        f"**In short.** {closer} of {len(errors)} layers decode closer to a clip than the mean of all, which "
        f"errs by {of_mean:.1f} dB: layer 1 errs by {errors[0]:.1f} dB, layer {len(errors)} by {errors[-1]:.1f} dB. "
        f"The network reads {alike[0]:.0f} % and {alike[-1]:.0f} % of what they decode to as it reads the clip "
        f"({clips:,} test clips, one network). Whether that sounds like speech can be heard below."
    )

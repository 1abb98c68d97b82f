"""Tables 7 and 8 with what they rest on: images in each group, intervals over them, chance, gaps between the groups."""

from __future__ import annotations

import dataclasses
import html
import statistics
from collections.abc import Mapping, Sequence

import torch

from decnn.data import DataNotFound
from decnn.study.pages.readings import grid_html, headed, mean_text
from decnn.study.runs.records import measured
from decnn.study.specifications import profile, specification, tasks
from decnn.study.tables.compositions import FAIR, GROUPS
from decnn.study.tables.paper import Block, Cell, Printed, findings, printed

__all__ = [
    "SIDES",
    "by_chance",
    "chance_html",
    "constant_answers",
    "gaps",
    "intervals_html",
    "resolution",
    "silent",
]

SIDES = {"Bald": "groups/with", "Not bald": "groups/without"}
SHOWN = {"f1": ("F1", 3), "ap": ("AP, %", 1), "auroc": ("AUROC", 3), "ece": ("ECE, %", 2)}
PROTECTED = "ReDecNN (Eq. 8)"
ROUNDING = 1e-6  # percentage points by which equal shares of right answers may differ


def by_chance(name: str, share: float) -> float | None:
    """What "yes" to every image would get: F1 2p / (1 + p), AP p (percent), AUROC 1/2 at a share p of positives.

    Example:
        >>> by_chance("ap", 0.25), by_chance("f1", 0.25), by_chance("ece", 0.25)
        (25.0, 0.4, None)
    """
    return {"f1": 2 * share / (1 + share), "ap": 100 * share, "auroc": 0.5}.get(name)


def intervals_html(found: list[Block], places: Mapping[str, str], names: Sequence[str]) -> str:
    """A table for each block and place: numbers of each model with the 95 % interval over images, below chance's.

    Numbers and ends of intervals are means over seeds.

    Arguments:
        found: blocks of Table 7 or 8.
        places: title -> where the metrics hold an entry of `groups.compare`, or a probe.
        names: of the numbers, among f1, ap, auroc and ece.
    """
    parts = []
    for block in findings(found) or found:
        records = {cell.query.subject: cell.records for cell in block.cells if cell.query and cell.query.case}
        records = {subject: own for subject, own in records.items() if own}
        for title, place in places.items() if records else ():
            entries = {subject: [measured(r, place) for r in own] for subject, own in records.items()}
            counts = next(iter(entries.values()))[0]
            rows = {"yes to every image": [_chance_text(name, counts) for name in names]}
            rows |= {s: [_interval_text([e[name] for e in own], name) for name in names] for s, own in entries.items()}
            smoke = "SMOKE RUN, not a finding" if block.smoke else f"{block.profile.name} profile"
            caption = (
                f"{title}: {counts['positives']:,} positive of {counts['examples']:,} test images of "
                f"{_data_of(block)}; 95 % bootstrap intervals over images, {smoke}"
            )
            parts.append(grid_html(caption, ["", *(SHOWN[name][0] for name in names)], rows, block.smoke))
    return "".join(parts)


def gaps(found: list[Block]) -> list[Block]:
    """Table 7's |not bald - bald| of each seed."""
    derived = []
    for block in found:
        rows = dict.fromkeys(cell.paper.row for cell in block.cells if cell.paper.text)
        cells = tuple(_gap(block, row, title) for row in rows for title in ("F1", "AP", "ECE"))
        derived.append(_with_cells(block, cells, "Table 7: gap between the groups"))
    return derived


def _gap(block: Block, row: str, title: str) -> Cell:
    with_it, without = (block.cell(row, f"{title} ({group})") for group in GROUPS)
    query = dataclasses.replace(without.query, case=f"{title}, gap")
    text = f"{abs(without.paper.value - with_it.paper.value):.{query.digits}f}"
    pairs = [[measured(record, c.query.metric) for c in (with_it, without)] for record in without.records]
    values = tuple(abs(b - a) for a, b in pairs if a is not None and b is not None)
    return Cell(Printed(row, f"{title}, gap", text, ""), query, values, without.records, with_it.note or without.note)


def _with_cells(block: Block, cells: tuple[Cell, ...], title: str) -> Block:
    queries = {(cell.query.subject, cell.query.case): cell.query for cell in cells}
    return Block(dataclasses.replace(block.table, title=title, queries=queries), block.profile, cells)


def resolution(found: list[Block]) -> str:
    """Markdown: how fine a difference the images of the smaller group can show, beside the printed ones."""
    fullest = next((b for b in found if not b.smoke and b.of(PROTECTED, "F1 (Bald)").values), None)
    if fullest is None:
        return "Equation 8 has no record but smoke runs: the printed step to it cannot be judged here."
    records = [r for subject in fullest.table.subjects for r in fullest.of(subject, "F1 (Bald)").records]
    entries = [measured(r, SIDES["Bald"]) for r in records]
    ends = [entry["f1"]["interval"] for entry in entries if entry["f1"]["interval"]]
    ends = [(low, high) for low, high in ends if high > low]  # an F1 of 0 has an interval that says nothing
    if not ends:
        return "No model with a record gives a yes in the bald group: what its images can tell of F1 is not known."
    half = statistics.fmean((high - low) / 2 for low, high in ends)
    values = {c.row: c.value for c in printed("table_07") if c.column == "F1 (Bald)"}
    step = values[PROTECTED] - values["ReDecNN (Eq. 4)"]
    verdict = "no more than" if step <= half else "more than"
    return (
        f"In the bald group there are {entries[0]['examples']} test images of {_data_of(fullest)}, "
        f"{entries[0]['positives']} of them with a beard. An F1 measured on them is known to ± {half:.2f} "
        f"(half of the 95 % interval, mean over models and seeds, {fullest.profile.name} profile). The printed step "
        f"from Equation 5 to Equation 8 in this group is {step:.3f}, {verdict} that: seeds alone, which share these "
        "images, would make it look surer than it is."
    )


def silent(found: list[Block]) -> str:
    """Markdown: the models that find no beard in either group at the threshold of F1, with their AP."""
    lines = []
    for block in findings(found):
        for row in dict.fromkeys(cell.paper.row for cell in block.cells):
            values = {title: [block.cell(row, f"{title} ({group})") for group in GROUPS] for title in ("F1", "AP")}
            if all(cell and cell.values and not any(cell.values) for cell in values["F1"]):
                aps = " and ".join(
                    f"{cell.mean:.1f} % ({group})" for group, cell in zip(GROUPS, values["AP"], strict=True)
                )
                lines.append(f"- {block.profile.name}: {row}, whose AP is {aps}")
    told = (
        "**No beard found.** These models give nobody with a beard a probability above one half, so their F1 is 0; how "
        "they rank, AP says:"
    )
    return headed(told, lines)


def chance_html(found: list[Block], dataset: str) -> str:
    """What Table 7 prints beside what "yes to every image" would get, by the counts of the records.

    Without records but smoke runs, by those of the data set; without data, a note.
    """
    fullest = _fullest(found)
    if fullest:
        place, counts = f"{_data_of(fullest)}, test images", _recorded(fullest)
    else:
        try:
            place, counts = f"{dataset}, training and test images", _beards(dataset, ("train", "test"))
        except DataNotFound as missing:
            return f'<p class="not-run">{html.escape(str(missing))}</p>'
    cells, rows, below = printed("table_07"), {}, []
    for group, (images, bearded) in counts.items():
        ap, f1 = (by_chance(name, bearded / images) for name in ("ap", "f1"))
        aps, f1s = ([c for c in cells if c.column == f"{title} ({group})"] for title in ("AP", "F1"))
        texts = [", ".join(cell.text for cell in column) for column in (aps, f1s)]
        rows[group] = [f"{bearded:,} of {images:,}", f"{ap:.1f}", texts[0], f"{f1:.3f}", texts[1]]
        below.append(f"{sum(cell.value < ap for cell in aps)} of {len(aps)} ({group})")
    head = ["", "with a beard", "AP, %: yes to all", "AP printed", "F1: yes to all", "F1 printed"]
    models = ", ".join(dict.fromkeys(cell.row for cell in cells))
    caption = f"Chance by the labels of {place}; printed: {models}"
    return f"{grid_html(caption, head, rows, smoke=False)}<p>Printed AP below chance: {', '.join(below)}.</p>"


def constant_answers(found: list[Block], dataset: str) -> str:
    """Markdown: how often "no" to everybody is right, and which models are right no more often.

    By the counts of the fullest records that are no smoke run, else by the test images of a data set.
    """
    fullest = _fullest(found)
    counts = _recorded(fullest) if fullest else _beards(dataset, ("test",))
    images, bearded = (sum(numbers) for numbers in zip(*counts.values(), strict=True))
    beards, bald = (100 * (images - positive) / images for positive in (bearded, counts["Bald"][0]))
    place = f"{_data_of(fullest)}, {fullest.profile.name} profile" if fullest else dataset
    lines = [
        f'On the {images:,} test images of {place}, "no" to everybody is right on {beards:.1f} % about beards, on '
        f"{bald:.1f} % about baldness."
    ]
    told = [cell for cell in fullest.cells if cell.paper.column == "Accuracy" and cell.values] if fullest else []
    if low := [f"{c.paper.row}, {c.mean:.2f} %" for c in told if c.query.case and c.mean <= beards + ROUNDING]:
        lines.append(f"About beards no better than that: {'; '.join(low)}.")
    if m := next((cell for cell in told if not cell.query.case and cell.mean <= bald + ROUNDING), None):
        lines.append(
            f'The pretrained model $m$ is right on {m.mean:.2f} %, no better than "no" to everybody, so Equation 8 '
            "tests little here, unless $m$ ranks the bald above others all the same."
        )
    return " ".join(lines)


def _fullest(found: list[Block]) -> Block | None:
    """The first block with counts of groups that is no smoke run."""
    return next((b for b in found if not b.smoke and any(_grouped(cell) for cell in b.cells)), None)


def _grouped(cell: Cell) -> bool:
    return any("groups" in record["metrics"] for record in cell.records)


def _recorded(block: Block) -> dict[str, tuple[int, int]]:
    """How many test images are in each group, and how many of these have a beard: equal in all records."""
    record = next(cell.records[0] for cell in block.cells if _grouped(cell))
    entries = {group: measured(record, f"groups/{side}") for group, side in GROUPS.items()}
    return {group: (entry["examples"], entry["positives"]) for group, entry in entries.items()}


def _beards(dataset: str, splits: Sequence[str]) -> dict[str, tuple[int, int]]:
    """How many images of the splits are in each group, and how many of these have a beard."""
    training = specification("Standard", dataset, profile("reader"), 0, **FAIR).training
    bald, bearded = (
        torch.cat([tasks.has(training, split, name) for split in splits])
        for name in (FAIR["groups"], FAIR["attribute"])
    )
    sides = {"Bald": bald, "Not Bald": ~bald}
    return {group: (int(side.sum()), int((side & bearded).sum())) for group, side in sides.items()}


def _chance_text(name: str, counts: Mapping) -> str:
    share = counts["positives"] / counts["examples"] if counts["examples"] else 0.0
    value = by_chance(name, share)
    return "-" if value is None else f"{value:.{SHOWN[name][1]}f}"


def _interval_text(entries: Sequence[Mapping], name: str) -> str:
    """Mean over seeds of the value and of the ends of its interval."""
    digits = SHOWN[name][1]
    ends = [entry["interval"] for entry in entries if entry["interval"]]
    value = mean_text([entry["value"] for entry in entries], digits)
    if not ends:
        return value
    low, high = (statistics.fmean(end) for end in zip(*ends, strict=True))
    return f"{value} [{low:.{digits}f}, {high:.{digits}f}]"


def _data_of(block: Block) -> str:
    data = next(record["data"] for cell in block.cells for record in cell.records)
    return f"{data['name']}{' (synthetic)' if data.get('synthetic') else ''}"

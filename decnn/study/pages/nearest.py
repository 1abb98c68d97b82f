"""Which reading of the paper's open choices comes nearest to what it prints, and what each choice changes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

from decnn.data import CORRUPTIONS
from decnn.study.evaluation.shifts import EPSILONS
from decnn.study.pages.calibration import unweighted
from decnn.study.pages.readings import grid_html, mean_text
from decnn.study.runs.records import Records, measured
from decnn.study.runs.runner import fill
from decnn.study.specifications import PROFILES, Profile, Spec, open_choices
from decnn.study.specifications.open_choices import KL_WEIGHTS, OUTLIERS, RHOS
from decnn.study.tables import TABLES, specifications
from decnn.study.tables.paper import FULLEST_FIRST, Block, Cell, findings

__all__ = [
    "CALIBRATION",
    "DEPTHS_OF_MISTAKES",
    "DEPTHS_OF_SCORES",
    "MISTAKES",
    "OF_ATTRIBUTES",
    "SCORES",
    "STRENGTHS",
    "Runs",
    "attributes_html",
    "nearest_html",
    "nearest_line",
]

Reading = Callable[[dict, Cell], float | None]


def _mistakes(name: str) -> Reading:
    return lambda record, cell: record["metrics"]["readings"]["misclassification_auroc"][name]


def _at(path: str) -> Reading:
    return lambda record, cell: measured(record, path)


def _score(name: str) -> Reading:
    """The same cell of Table 2 with another score of the same samples."""
    return lambda record, cell: cell.query.by(name).value(record)


def _depth_of_mistakes(depth: int) -> Reading:
    return lambda record, cell: _of_depth(record["metrics"], depth, "misclassification_auroc")


def _depth_of_score(depth: int) -> Reading:
    """The votes of one depth; the mean over the corruptions is the mean of theirs."""

    def read(record: dict, cell: Cell) -> float | None:
        kind, name, *_ = cell.query.metric.split("/")
        sets = record["metrics"]["sets"]
        if kind == "corruptions":
            values = [_of_depth(sets[corruption], depth) for corruption in CORRUPTIONS]
            own = "mean" if cell.query.metric.endswith("mean") else "sd"
            return None if None in values else {"mean": statistics.fmean, "sd": statistics.pstdev}[own](values)
        return _of_depth(sets[name], depth)

    return read


def _of_depth(entry: dict, depth: int, name: str | None = None) -> float | None:
    course = entry.get("by_depth", [])
    if len(course) < max(depth, 2):  # the only "depth" of what is no path is its vote
        return None
    return course[depth - 1] if name is None else course[depth - 1][name]


def _strength(eps: float, score: str) -> Reading:
    def read(record: dict, cell: Cell) -> float | None:
        fgsm = cell.paper.row.startswith("Adversarial")
        return measured(record, f"sets/fgsm-{eps:g}/scores/{score}/auroc") if fgsm else None

    return read


SCORE_NAMES = {
    "vote_entropy": "votes of the last depth",
    "vote_entropy_all_depths": "votes of all depths",
    "mean_entropy": "entropy of the mean probability",
}
WHOSE = {"first_pass": "the first pass", "mean_probs": "the mean probability", "votes": "the majority"}
MISTAKES = {
    f"{title}; mistakes of {who}": _mistakes(f"{score} / {whose}")
    for score, title in SCORE_NAMES.items()
    for whose, who in WHOSE.items()
}
SCORES = {title: _score(score) for score, title in SCORE_NAMES.items()}
STRENGTHS = {
    f"eps = {eps:g}; {SCORE_NAMES[score]}": _strength(eps, score)
    for score in ("vote_entropy", "mean_entropy")
    for eps in EPSILONS
}
DEPTHS_OF_MISTAKES = {f"depth {depth}": _depth_of_mistakes(depth) for depth in range(1, 9)}
DEPTHS_OF_SCORES = {f"depth {depth}": _depth_of_score(depth) for depth in range(1, 9)}
CALIBRATION = {
    **{f"{bins} bins": _at(f"ece_by_bins/{bins}") for bins in ("10", "15", "20")},
    "15 bins, unweighted sum": lambda record, cell: unweighted(record["metrics"]["reliability"]),
    "15 bins, as a fraction": lambda record, cell: record["metrics"]["ece"] / 100,
}

OF_ATTRIBUTES = {  # what the paper leaves open where an image has many answers, by table
    "table_01b": {
        "pairs": _at("misclassification_auroc"),
        "images, mean (or sum) over attributes": _at("misclassification_auroc_of_images/vote_entropy"),
        "images, the largest": _at("misclassification_auroc_of_images/largest_vote_entropy"),
    },
    "table_02": {
        "mean (or sum) over attributes": _score("vote_entropy"),
        "the largest": _score("largest_vote_entropy"),
    },
    "table_04a": {
        "pairs of all attributes together": _at("ece"),
        "the same, of the first pass": lambda record, cell: _first_pass(record),
        "each attribute by itself, of the first pass": _at("ece_mean_of_attributes"),
    },
}


def _first_pass(record: dict) -> float:
    """Of a method that is not sampled, the only pass."""
    metrics = record["metrics"]
    return metrics["readings"]["ece_first_pass"] if "readings" in metrics else metrics["ece"]


def attributes_html(found: list[Block], digits: int) -> str:
    """Cells of data sets with attributes under every reading of `OF_ATTRIBUTES`, beside the printed values."""
    readings = OF_ATTRIBUTES[found[0].table.name]
    parts = []
    for block in findings(found):
        cells = [c for c in block.cells if c.records and c.query.case and "CelebA" in c.paper.column]
        rows = {
            f"{cell.paper.row}, {cell.query.subject}" if cell.query.subject != cell.paper.row else cell.paper.row: [
                cell.paper.text or "-",
                *(mean_text([read(record, cell) for record in cell.records], digits) for read in readings.values()),
            ]
            for cell in cells
        }
        title = f"{block.table.title}: CelebA, {block.profile.name} profile, means over seeds"
        parts.append(grid_html(title, ["", "paper", *readings], rows, smoke=False) if rows else "")
    command = f"<code>decnn run {found[0].table.name} --profile reader</code>"
    return "".join(parts) or f'<p class="not-run">not run: {command} fills the cells of CelebA.</p>'


def nearest_html(title: str, found: list[Block], readings: Mapping[str, Reading], ratio: bool = False) -> str:
    """How far each reading of the same records lies from the printed values: the mean distance by subject.

    Arguments:
        title: what is read.
        found: blocks of one table; smoke blocks are left out.
        readings: name -> function of a record and its cell.
        ratio: measure |ln(ours / printed)| in place of |ours - printed|, where readings differ in scale: on an
            absolute scale, whatever is near 0 would be near all small numbers.
    """
    parts = []
    for block, rows, count in _measured(found, readings, ratio):
        head = ["reading", *block.table.subjects, "all"]
        measure = "absolute logarithm of ours / printed" if ratio else "absolute difference from the printed values"
        caption = f"{title}, {block.profile.name} profile: mean {measure}"
        sentence = f"<p>Nearest over {count} printed cells: <strong>{_nearest(rows)}</strong>.</p>"
        parts.append(grid_html(caption, head, rows, smoke=False) + sentence * bool(_nearest(rows)))
    return "".join(parts) or '<p class="not-run">Not run but for smoke.</p>'


def nearest_line(title: str, found: list[Block], readings: Mapping[str, Reading], ratio: bool = False) -> str:
    """Markdown: the nearest reading at each profile, and the methods that have no say in it; see `nearest_html`."""
    told = []
    for block, rows, _ in _measured(found, readings, ratio):
        columns = list(zip(*rows.values(), strict=True))
        absent = [subject for subject, of in zip(block.table.subjects, columns, strict=False) if set(of) == {"-"}]
        without = f", without {', '.join(absent)}" * bool(absent)
        told += [f"*{_nearest(rows)}* ({block.profile.name}{without})"] * bool(_nearest(rows))
    return f"- {title}: {'; '.join(told) or 'not run but for smoke'}."


def _measured(
    found: list[Block], readings: Mapping[str, Reading], ratio: bool
) -> Iterator[tuple[Block, dict[str, list[str]], int]]:
    """Of each block that tells readings apart: mean distances, a row for each reading, and the number of cells."""
    for block in findings(found):
        rows, count = {}, 0
        for name, read in readings.items():
            distances = [_distances(block, subject, read, ratio) for subject in block.table.subjects]
            together = [x for d in distances for x in d]
            count = len(together)
            rows[name] = [mean_text(d, 3) for d in distances] + [mean_text(together, 3)]
        if any(values[-1] != "-" for values in rows.values()):
            yield block, rows, count


def _distances(block: Block, subject: str, read: Reading, ratio: bool) -> list[float]:
    """Of a subject's printed cells that have records."""
    cells = [c for c in block.cells if c.query and c.query.case and c.query.subject == subject]
    found = []
    for cell in (c for c in cells if c.paper.value is not None):
        values = [v for record in cell.records if (v := read(record, cell)) is not None]
        if values:
            ours, printed = statistics.fmean(values), cell.paper.value
            found.append(abs(math.log(ours / printed)) if ratio else abs(ours - printed))
    return found


def _nearest(rows: Mapping[str, list[str]]) -> str:
    """The name of the nearest of several readings; equal distances share the place."""
    known = {name: float(values[-1]) for name, values in rows.items() if values[-1].replace(".", "").isdigit()}
    return " = ".join(n for n, distance in known.items() if distance == min(known.values())) if len(known) > 1 else ""


class Runs:
    """The records behind the chapter on open choices, at the profile that has most of them; else smoke runs."""

    def __init__(self, compute: str, device: str = "cpu") -> None:
        if compute != "smoke":
            fill(open_choices.alternatives(PROFILES[compute], PROFILES[compute].seeds), Records.of(compute), device)
        self.size, self.store = max(map(_asked, FULLEST_FIRST), key=lambda asked: asked[2])[:2]
        if not _asked(self.size.name)[2]:
            self.size, self.store = PROFILES["smoke"], Records.of("smoke")
            fill(open_choices.alternatives(self.size, self.size.seeds), self.store, progress=False)

    @property
    def smoke(self) -> bool:
        """Whether the numbers are of smoke runs, and so no findings."""
        return self.size.name == "smoke"

    @property
    def title(self) -> str:
        """The profile as a caption names it."""
        kind = "SMOKE RUN, not a finding" if self.smoke else f"{self.size.name} profile"
        return f"MNIST, {kind}: means over seeds (number of seeds)"

    def spreads_html(self) -> str:
        """BayesNN by initial standard deviation and weight of the KL divergence."""
        rows = {}
        for rho in RHOS:
            for weight in KL_WEIGHTS:
                name = f"initial sd {_softplus(rho):.2g}, KL / number of {weight}"
                rows[name] = self._line(
                    lambda seed, out, r=rho, w=weight: open_choices.spread(self.size, seed, r, w, out), self.size.seeds
                )
        return grid_html(f"BayesNN. {self.title}", HEAD, rows, self.smoke)

    def initials_html(self) -> str:
        """Methods by the rule of their initial weights."""
        rows = {
            f"{method}{', own statistics' * own}, {init}": self._line(
                lambda seed, out, m=method, o=own, i=init: open_choices.initialised(self.size, seed, m, o, i, out),
                self.size.seeds,
            )
            for method, own in open_choices.INITIALISED
            for init in open_choices.INITS
        }
        return grid_html(f"Initial weights. {self.title}", HEAD, rows, self.smoke)

    def courses(self, outliers: bool) -> dict[str, list[dict]]:
        """Method -> AUROC of mistakes, or of Fashion-MNIST as outliers, against the number of votes."""
        found = {}
        for method, own in open_choices.VOTING:
            kind = OUTLIERS if outliers else None
            record = self.store.find(open_choices.sampled(self.size, self.size.seeds[0], method, own, kind))
            if record:
                metrics = record["metrics"]
                name = method if not own else f"{method}, own statistics"
                found[name] = metrics["sets"][OUTLIERS]["by_samples"] if outliers else metrics["by_samples"]
        return found

    def _line(self, spec: Callable[[int, str | None], Spec], seeds: Sequence[int]) -> list[str]:
        """Accuracy, ECE, mean entropy and both AUROCs of one setting."""
        own = [r for seed in seeds if (r := self.store.find(spec(seed, None)))]
        outside = [r for seed in seeds if (r := self.store.find(spec(seed, OUTLIERS)))]
        columns = [[r["metrics"].get(name) for r in own] for name in NUMBERS]
        scores = [next(iter(r["metrics"]["sets"][OUTLIERS]["scores"].values()))["auroc"] for r in outside]
        shown = [
            mean_text(v, digits) if any(x is not None for x in v) else "-"
            for v, digits in zip(columns, DIGITS, strict=True)
        ]
        return [*shown, mean_text(scores, 3), str(len(own))]


NUMBERS, DIGITS = ("accuracy", "ece", "mean_vote_entropy", "misclassification_auroc"), (2, 2, 3, 3)
HEAD = ("", "accuracy, %", "ECE, %", "mean vote entropy, nats", "AUROC of mistakes", "AUROC of Fashion-MNIST", "seeds")


def _asked(profile: str) -> tuple[Profile, Records, int]:
    """A profile, its records, and how many of the alternatives (runs that no table asks for) are among them."""
    size, store = PROFILES[profile], Records.of(profile)
    tabled = {spec for name in TABLES for spec in specifications(name, profile)}
    own = set(open_choices.alternatives(size, size.seeds)) - tabled
    return size, store, sum(store.path(spec).exists() for spec in own)


def _softplus(rho: float) -> float:
    return math.log1p(math.exp(rho))

"""Fragments of pages that follow from code and records: profiles, minutes, versions, speed."""

from __future__ import annotations

import dataclasses
import platform
import statistics
from importlib import metadata
from pathlib import Path

from decnn.checkpoints import write_atomically
from decnn.study import paths
from decnn.study.benchmarks import bench, memory, schedule
from decnn.study.pages.first_page import answer
from decnn.study.runs import machines
from decnn.study.runs.machines import EMULATED
from decnn.study.runs.records import Records, device_name
from decnn.study.site import citing, touch
from decnn.study.specifications import METHODS, PROFILES, Profile, Spec, specification, steps
from decnn.study.tables import precision_pair, specifications

__all__ = ["write"]

MINUTES_OF = ("table_01a", "table_01b", "speech_fsdd", "speech_commands")


def write() -> list[Path]:
    """Write all fragments, and what the pages to touch load, to book/chapters; returns their paths."""
    fragments = {
        "_profiles.md": _profiles(),
        "_minutes.md": _minutes(),
        "_environment.md": _environment(),
        "_speed.md": _speed(),
        "_precision.md": _precision(),
        "_schedule.md": _schedule(),
        "_memory.md": _memory(),
        "_compute.md": _compute(),
        "_answer.md": answer(),
        "_cite_paper.md": f"```bibtex\n{citing.paper()}\n```",
        "_cite_software.md": f"```bibtex\n{citing.software()}\n```",
    }
    folder = paths.root() / "book" / "chapters"
    for name, text in fragments.items():
        write_atomically(folder / name, (text + "\n").encode())
    return [*(folder / name for name in fragments), *touch.write()]


def _profiles() -> str:
    """One column for each profile, one row for each setting."""
    settings = [field.name for field in dataclasses.fields(next(iter(PROFILES.values()))) if field.name != "name"]
    shown = {None: "all", (0, 1, 2): "0, 1, 2", (0,): "0"}
    rows = [
        [name.replace("_", " "), *(_setting(getattr(p, name), shown) for p in PROFILES.values())] for name in settings
    ]
    longer = ["steps on all of CelebA", *(f"{steps(p, 'celeba'):,}" for p in PROFILES.values())]
    rows.insert(settings.index("steps") + 1, longer)
    return _table(["setting", *PROFILES], rows)


def _setting(value: object, shown: dict) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(shown[value]) if value is None or isinstance(value, tuple) else str(value)


def _minutes() -> str:
    """Median minutes of training and evaluation for one seed, by method and profile, as recorded."""
    times: dict[tuple[str, str], list[float]] = {}
    devices = set()
    asked = {spec.key for t in MINUTES_OF for p in PROFILES for spec in specifications(t, p)}
    for record in (r for r in Records(paths.records()).all() if r["key"] in asked):
        spec, device = record["specification"], record["device"]
        size = _profile(spec["training"]["batch_size"])
        total = record["seconds"]["training"] + record["seconds"]["evaluation"]
        times.setdefault((_row(record), size.name), []).append(total / 60)
        devices.add(f"{device['name']} ({device['threads']} thread{'s' * (device['threads'] > 1)})")
    if not times:
        return "No records yet."
    profiles = [name for name in PROFILES if any(key[1] == name for key in times)]
    names = (name for method in METHODS for name in (method, method + EMULATED) if name in {row for row, _ in times})
    rows = [
        [name, *(f"{statistics.median(times[name, p]):.1f}" if (name, p) in times else "not run" for p in profiles)]
        for name in names
    ]
    table = _table(["minutes for one seed", *profiles], rows)
    return (
        f"{table}\n\nMeasured on {', '.join(sorted(devices))}. Seeds of a method without decoder were trained together."
    )


def _profile(batch_size: int) -> Profile:
    """The profile of a record, which its batch size alone tells: steps differ by data set."""
    return next(size for size in PROFILES.values() if size.batch_size == batch_size)


def _row(record: dict) -> str:
    """The method, and whether the machine computed its bfloat16 in float32."""
    slow = record["precision"] == "bfloat16" and record["device"].get("bfloat16") == "emulated"
    return record["specification"]["evaluation"]["method"] + EMULATED * slow


def _compute() -> str:
    """What all committed records took, in core-hours by profile; weights that several records share count once."""
    training: dict[tuple[str, str], float] = {}
    totals = {name: [0, 0.0, 0.0] for name in PROFILES}
    for record in Records(paths.records()).all():
        spec = Spec.from_dict(record["specification"])
        size = _profile(spec.training.batch_size)
        hours = record["device"]["threads"] / 3600
        totals[size.name][0] += 1
        totals[size.name][2] += record["seconds"]["evaluation"] * hours
        training[size.name, spec.training_key] = record["seconds"]["training"] * hours
    for (name, _), hours in training.items():
        totals[name][1] += hours
    rows = [[name, f"{n:,}", f"{t:.1f}", f"{e:.1f}"] for name, (n, t, e) in totals.items() if n]
    return _table(["profile", "records", "training, core-hours", "evaluation, core-hours"], rows)


def _environment() -> str:
    pins = {name.split("==")[0]: name.split("==")[1] for name in _pinned()}
    rows = [[name, pin, metadata.version(name)] for name, pin in sorted(pins.items())]
    built = f"Built with Python {platform.python_version()} on {platform.system()}, {device_name('cpu')}."
    return f"{built}\n\n{_table(['package', 'pinned', 'installed'], rows)}"


def _pinned() -> list[str]:
    import tomllib

    project = tomllib.loads((paths.root() / "pyproject.toml").read_text())
    return project["project"]["optional-dependencies"]["companion"]


def _speed() -> str:
    """The committed benchmark, one table for each machine."""
    parts = []
    for record in machines.saved("speed"):
        rows = [[row["what"], row["plain"], row["ours"], row["ratio"], _target(row)] for row in record["rows"]]
        parts.append(f"{record['machine']}, {record['date'][:10]}, commit {record['commit'][:10]}:\n\n")
        parts.append(_table(["what", "plain", "ours", "ratio", "target"], rows) + "\n\n")
    return "".join(parts) or "No benchmark has been recorded: run `decnn bench`."


def _target(row: dict) -> str:
    return bench.TARGETS.get(row["what"], row["target"])


def _precision() -> str:
    """bfloat16 beside float32, same seed, at the fullest profile that has both."""
    store = Records(paths.records())
    for size in (PROFILES["paper"], PROFILES["overnight"], PROFILES["reader"]):
        records = [store.find(spec) for spec in precision_pair(size)]
        if all(records):
            break
    else:
        return "Not run: `decnn run precision --profile reader`."
    names = {
        "accuracy": "accuracy, %",
        "misclassification_auroc": "misclassification AUROC",
        "nll": "NLL of the votes' mean",
    }
    rows = [[title, *(f"{record['metrics'][name]:.4g}" for record in records)] for name, title in names.items()]
    rows.append(["training, minutes", *(f"{record['seconds']['training'] / 60:.1f}" for record in records)])
    intro = (
        f"ReDecNN on MNIST, seed 0, {size.name} profile, {records[0]['metrics']['voted_examples']:,} examples voted on:"
    )
    return f"{intro}\n\n{_table(['', 'bfloat16', 'float32'], rows)}{_beside_seeds(size, records, store)}"


def _beside_seeds(size: Profile, pair: list[dict], store: Records) -> str:
    """The differences of the pair beside what another seed changes, from the bfloat16 runs of all seeds."""
    found = [store.find(specification("ReDecNN", "mnist", size, seed)) for seed in size.seeds]
    if not all(found) or len(found) < 2:
        return ""
    words = []
    for title, name, digits in (("accuracy", "accuracy", 2), ("AUROC", "misclassification_auroc", 3)):
        fast, exact = (record["metrics"][name] for record in pair)
        sd = statistics.stdev(record["metrics"][name] for record in found)
        inside = "less" if abs(fast - exact) <= sd else "more"
        words.append(f"{title} by {fast - exact:+.{digits}f}, {inside} than the sd over seeds, {sd:.{digits}f}")
    return (
        f"\n\nbfloat16 changes {'; '.join(words)} ({len(found)} seeds in bfloat16). One pair cannot show a cost "
        "smaller than that spread, nor rule it out."
    )


def _schedule() -> str:
    """The paper profile's runs in their order, with a forecast for each machine whose speed is recorded."""
    parts = []
    for record in machines.saved("speed"):
        rate = schedule.operations_per_second(record)
        expected = schedule.forecasts(schedule.ORDER.values(), rate)
        rows = [
            [what, f"{hours.training:,.0f}", f"{hours.evaluation:,.0f}"]
            for what, hours in zip(schedule.ORDER, expected, strict=True)
        ]
        parts.append(
            f"{_table(['hours', 'training', 'evaluation'], rows)}\n\nExtrapolated, not measured: the operations of "
            f"training steps and votes, counted, at {rate / 1e9:,.0f} GFLOP/s, the rate of the measured step of Eq. 5 "
            f"at width {PROFILES['paper'].width} (below); the models that Equation 7 composes with train in "
            f"float32, which is slower. {record['machine']}, {record['date'][:10]}, commit {record['commit'][:10]}."
            f"{_hindsight(record)}\n\n"
        )
    commands = "\n".join(f"# {what}\n{selection.command}" for what, selection in schedule.ORDER.items())
    return f"```bash\n{commands}\n```\n\n" + ("".join(parts) or "No speed has been recorded: run `decnn bench`.")


def _hindsight(record: dict) -> str:
    """How the forecast fares where its outcome is known."""
    size = PROFILES["reader"]
    ratios = schedule.hindsight(record, Records.of(size.name).all(), size)
    if not ratios:
        return ""
    return (
        f" Where it can be checked: the {len(ratios)} recorded trainings of ReDecNN at the {size.name} "
        f"profile took {ratios[0]:.1f} to {ratios[-1]:.1f} times what the same rule says at width {size.width}, with "
        f"batches of {size.batch_size} and on a machine with other work."
    )


def _memory() -> str:
    """What a training step takes, as counted for the widest decoder."""
    found = machines.saved("memory")
    return memory.memory_markdown(found[0]) if found else "Not counted: run `decnn bench --memory paper --save`."


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

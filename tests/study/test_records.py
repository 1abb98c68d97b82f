"""Records: keys depend on every setting, and a record belongs to one specification."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest

from decnn.study import tables
from decnn.study.runs.records import BrokenRecord, Records
from decnn.study.specifications import METHODS, Evaluation, Spec, Training, specification
from decnn.study.tables import specifications

FULL = Spec(
    Training(
        "mnist", "recursive", 1, 600, 32, 1e-3, "he", "bfloat16", "mlp", members=2, dropout=0.1, train_size=500,
        width=8, depth=4, alpha=0.5, beta=10.0, filters=16, rho=-3.0, kl_weight="batches",
        attribute="Beard", held_out="Bald", confounding=0.5, pretrained="linear", protected="Bald",
        recipe="viewmaker",
    ),
    Evaluation("ReDecNN", samples=30, vote_size=100, depth=4, reference=16, outliers="shifts", groups="Bald"),
)  # fmt: skip
BARE = Spec(Training("mnist", "standard", 0, 9, 32, 1e-3, "he", "float32"), Evaluation("Standard"))
CONTENT = {
    "metrics": {"accuracy": 97.5, "reliability": {"count": [1, 2, 3], "accuracy": [0.1, 0.2, 1 / 3]}},
    **dict.fromkeys(("seconds", "device", "commit", "date", "versions", "data"), "..."),
}


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "records")


def changed(value):
    return value + "x" if isinstance(value, str) else value + 1


# --- keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Training)])
def test_both_keys_depend_on_every_setting_of_training(field):
    value = changed(getattr(FULL.training, field))
    other = dataclasses.replace(FULL, training=dataclasses.replace(FULL.training, **{field: value}))
    assert other.key != FULL.key
    assert other.training_key != FULL.training_key


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Evaluation)])
def test_the_key_but_not_the_weights_depend_on_every_setting_of_evaluation(field):
    value = changed(getattr(FULL.evaluation, field))
    other = dataclasses.replace(FULL, evaluation=dataclasses.replace(FULL.evaluation, **{field: value}))
    assert other.key != FULL.key
    assert other.training_key == FULL.training_key


def test_both_keys_depend_on_the_version_of_their_meaning():
    other = dataclasses.replace(FULL, version=FULL.version + 1)
    assert other.key != FULL.key
    assert other.training_key != FULL.training_key


def test_a_setting_that_does_not_apply_leaves_the_keys_alone():
    """So that a later version may add settings without orphaning the records of this one."""
    later = dataclasses.make_dataclass("Later", [("new", int | None, None)], bases=(Training,), frozen=True)
    wider = dataclasses.replace(BARE, training=later(**dataclasses.asdict(BARE.training)))
    assert (wider.key, wider.training_key) == (BARE.key, BARE.training_key)
    used = dataclasses.replace(wider, training=dataclasses.replace(wider.training, new=1))
    assert used.key != BARE.key


def test_keys_stay_what_they_are():
    """Published records are found by them: whoever changes one raises specifications.VERSION on purpose."""
    added = ("filters", "rho", "kl_weight", "attribute", "held_out", "confounding", "pretrained", "protected", "recipe")
    older = dataclasses.replace(FULL.training, **dict.fromkeys(added))
    asked = dataclasses.replace(FULL.evaluation, outliers=None, groups=None)
    assert Spec(older, asked, version=1).key == "c63f1229c531a681"
    assert dataclasses.replace(BARE, version=1).training_key == "11d055fa153cc5d4"


@pytest.mark.parametrize("spec", [FULL, BARE], ids=["full", "bare"])
def test_a_specification_survives_json(spec):
    again = Spec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert again == spec
    assert again.key == spec.key


def test_methods_share_weights_exactly_where_they_are_trained_alike(tiny):
    by_weights = {}
    for method in METHODS:
        key = specification(method, "mnist", tiny, 0).training_key
        by_weights.setdefault(key, set()).add(method)
    shared = [names for names in by_weights.values() if len(names) > 1]
    assert shared == [{"Dropout", "MC-Dropout"}]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: specifications("table_1a", "smoke"), "expected a table, one of table_01a, .*got 'table_1a'; did"),
        (lambda: specifications("table_01a", "papre"), "expected a profile, one of smoke, .*; did you mean 'paper'"),
        (lambda: tables.table("x"), "expected a table, one of .*, got 'x'$"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- records -----------------------------------------------------------------------------------------------


def test_a_record_round_trips_and_only_its_own_specification_finds_it(records):
    assert records.find(FULL) is None
    assert records.all() == []
    path = records.write(FULL, CONTENT)
    assert path == records.path(FULL)
    assert records.find(FULL) == {"key": FULL.key, "specification": FULL.to_dict(), **CONTENT}
    assert records.all() == [records.find(FULL)]
    assert records.broken() == []
    assert records.find(BARE) is None


def spoil_field(name, value=None):
    def spoil(text: str) -> str:
        record = json.loads(text)
        record.pop(name) if value is None else record.update({name: value})
        return json.dumps(record)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text[:-20], "JSONDecodeError"),
        (lambda text: "", "JSONDecodeError"),
        (lambda text: "[]", "TypeError"),
        (lambda text: "null", "TypeError"),
        (spoil_field("metrics", {"readings": {"accuracy": [90.0, "91.0"]}}), "no numbers"),
        (spoil_field("metrics", {}), "its metrics are none"),
        (spoil_field("metrics"), "no metrics"),
        (spoil_field("specification"), "KeyError: 'specification'"),
        (spoil_field("specification", {"training": {}, "evaluation": {}, "version": 1}), "TypeError"),
        (spoil_field("specification", BARE.to_dict()), f"its key {FULL.key} is not that of its content"),
        (spoil_field("key", BARE.key), f"its key {BARE.key} is not that of its content"),
        (lambda text: text.replace('"steps": 600', '"steps": 60'), f"its key {FULL.key} is not that of its"),
    ],
    ids=range(12),
)
def test_a_broken_record_is_reported_with_its_path_and_never_read(records, spoil, message):
    records.write(BARE, CONTENT)
    path = records.write(FULL, CONTENT)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(BrokenRecord, match=message) as caught:
        records.find(FULL)
    assert f"broken record {path}: " in str(caught.value)
    assert "restore it with git, or delete it" in str(caught.value)
    with pytest.raises(BrokenRecord):
        records.all()
    assert records.broken() == [str(caught.value)]
    assert records.find(BARE)["metrics"] == CONTENT["metrics"]


def test_a_whole_record_under_another_specifications_name_is_not_read(records):
    records.path(BARE).parent.mkdir(parents=True)
    records.write(FULL, CONTENT).replace(records.path(BARE))
    with pytest.raises(BrokenRecord, match=f"its key {FULL.key} is not that of"):
        records.find(BARE)


@pytest.mark.parametrize(
    "content", [{"metrics": {}}, CONTENT | {"metrics": {"ece": float("nan")}}], ids=["incomplete", "nan"]
)
def test_what_is_no_record_is_not_written(records, content):
    records.write(FULL, CONTENT)
    with pytest.raises(ValueError, match=r"one without \['metrics'|one without|not JSON compliant"):
        records.write(FULL, content)
    assert records.find(FULL)["metrics"] == CONTENT["metrics"]


def test_a_write_that_fails_keeps_the_former_record(records, monkeypatch):
    records.write(FULL, CONTENT)
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="what was there before is untouched"):
        records.write(FULL, CONTENT | {"metrics": {"accuracy": 0.0}})
    assert records.find(FULL)["metrics"] == CONTENT["metrics"]
    assert len(list(records.folder.rglob("*.*"))) == 1

"""The claim ledger: the committed one covers the paper; a wrong entry is refused by a message that helps."""

import math

import pytest

from decnn.study import paths
from decnn.study.verdicts import ledger

ENTRY = """
- id: accuracy
  section: "4.1"
  sentence: one is as accurate as another
  table: table_01a
  left: [DecNN, "{data}"]
  relation: about
  right: [Standard, "{data}"]
  over: {data: [MNIST, Fashion]}
  tolerance: 1.0
"""


def read(tmp_path, text=ENTRY):
    path = tmp_path / "claims.yml"
    path.write_text(text)
    return ledger.read(path)


def test_the_paper_is_covered():
    claims = [claim for claim in ledger.read() if claim.section != ledger.BEYOND]
    assert len(claims) >= 30
    printed = {path.stem for path in paths.paper_numbers().glob("*.csv")}
    assert {name for claim in claims for name in claim.tables} == printed
    assert {"Abstract", "1", "3", "4.1", "4.2", "5", "6", "7", "8"} <= {claim.section for claim in claims}


def test_the_printed_numbers_bear_the_sentences_out_but_where_the_errata_say():
    found = {
        claim.id: [comparison.case for comparison in claim.comparisons if comparison.borne_out is False]
        for claim in ledger.read()
    }
    assert {name: cases for name, cases in found.items() if cases} == {
        "accuracy-decnn": ["Fashion"],  # better, by more than our point
        "calibration-others": ["MC-Dropout, CelebA"],
        "depth-gains": ["2, 4, 6, OOD (CelebA)"],
        "linear-calibration": ["CelebA"],
        "linear-mc-dropout": ["OOD (FashionMNIST), MNIST"],
        "mlp-mc-dropout": [
            f"Corrupt ({name})"
            for name in ("Brightness", "Dotted Line", "Glass Blur", "Spatter", "Fog", "Scale", "Shot Noise", "Stripe")
        ],
    }


def test_every_exception_is_noted():
    for claim in ledger.read():
        assert claim.note or all(comparison.borne_out is not False for comparison in claim.comparisons)


def test_a_case_for_each_value(tmp_path):
    (claim,) = read(tmp_path)
    assert [comparison.case for comparison in claim.comparisons] == ["MNIST", "Fashion"]
    assert claim.comparisons[0].weights == (
        (("table_01a", "DecNN", "MNIST"), 1.0),
        (("table_01a", "Standard", "MNIST"), -1.0),
    )
    assert claim.comparisons[0].printed == pytest.approx(97.8 - 97.1)


@pytest.mark.parametrize(
    ("left", "right", "scale", "printed"),
    [
        ("[Standard, MNIST]", "90", "difference", 97.1 - 90),
        ("{minus: [[Standard, MNIST], [Dropout, MNIST]]}", "{times: [2, 0.5]}", "difference", 1.2 - 1),
        ("{mean: [[Standard, MNIST], [Standard, Fashion]]}", "[table_04a, Standard, MNIST]", "difference", 92.4 - 1.18),
        ("[table_10, ReDecNN, MNIST]", "{times: [6, [table_10, Standard, MNIST]]}", "ratio", math.log(78.6 / 6 / 13.5)),
        (
            "{minus: [[Dropout, MNIST], [Standard, MNIST]]}",
            "{minus: [[DecNN, MNIST], [Standard, MNIST]]}",
            "size",
            1.2 - 0.7,
        ),
        ("{mean: [4, 9]}", "[table_10, Standard, MNIST]", "ratio", math.log(6 / 13.5)),
    ],
)
def test_sides_are_sums_of_cells(tmp_path, left, right, scale, printed):
    text = f"""
- id: a
  section: "1"
  sentence: s
  table: table_01a
  left: {left}
  relation: ">"
  right: {right}
  scale: {scale}
  tolerance: 2
"""
    ((comparison,),) = [claim.comparisons for claim in read(tmp_path, text)]
    assert comparison.printed == pytest.approx(printed)


def test_what_the_paper_leaves_empty_is_no_case(tmp_path):
    text = ENTRY.replace("table_01a", "table_02").replace("about", '">"')
    text = text.replace('[DecNN, "{data}"]', '[OOD (MNIST), "{data}: ReDecNN"]').replace('[Standard, "{data}"]', "0.5")
    (claim,) = read(tmp_path, text.replace("Fashion", "FashionMNIST"))
    assert [comparison.case for comparison in claim.comparisons] == ["FashionMNIST"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("table: table_01a", "table: table_1a", "claim accuracy: expected a table.*did you mean 'table_01a'"),
        ("[DecNN,", "[DekNN,", "expected a row of table_01a.*got 'DekNN'; did you mean 'DecNN'"),
        ("[MNIST, Fashion]", "[MNIST, Fashon]", "expected a column of table_01a.*did you mean 'Fashion'"),
        ("relation: about", "relation: abut", "expected a relation, one of >, <, about, got 'abut'; did you mean"),
        ("relation: about", "relaton: about", "expected a key, one of .*got 'relaton'; did you mean 'relation'"),
        ("tolerance: 1.0", "tolerance: 0", "expected a tolerance above 0, got 0"),
        ("tolerance: 1.0", "tolerance: 1.0\n  scale: ratio", "expected a tolerance above 1, got 1.0"),
        ("  tolerance: 1.0\n", "", "expected tolerance, got none"),
        ('right: [Standard, "{data}"]', 'right: {sum: [1, 2]}', "expected a way to make a side of sides, one of mean"),
        ('right: [Standard, "{data}"]', 'right: "1.0"', "expected a number, .row, column., .*got '1.0'"),
        ('right: [Standard, "{data}"]', 'right: [Standard, "{set}"]', "expected a name in `over`, one of data, got"),
        ('right: [Standard, "{data}"]', "right: {minus: [1]}", "expected two parts of minus, got 1"),
        ('right: [Standard, "{data}"]', "scale: size\n  right: 1", "expected cells on both sides of sizes"),
        ("tolerance: 1.0", "tolerance: 1.0\n  untested: why", "expected one of left, rests_on, untested, got left and"),
        ("tolerance: 1.0", "tolerance: 1.0\n  profiles: [papr]", "expected a profile.*did you mean 'paper'"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused(tmp_path, before, after, message):
    assert before in ENTRY
    with pytest.raises(ValueError, match=message):
        read(tmp_path, ENTRY.replace(before, after))


def test_ids_are_taken_once_and_sums_rest_on_tests(tmp_path):
    with pytest.raises(ValueError, match="claim accuracy: expected an id of its own"):
        read(tmp_path, ENTRY + ENTRY)
    summed = '- {id: all, section: "1", sentence: s, rests_on: [acuracy]}\n'
    with pytest.raises(ValueError, match=r"claim all: expected a claim with a test.*did you mean 'accuracy'"):
        read(tmp_path, ENTRY + summed)

"""Tables as files: every digit, one schema, and nothing that a spreadsheet computes."""

import csv
import io
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.io.votable import parse_single_table

from exposures.errors import GalprojectError
from exposures.tables import (
    ColumnKind,
    TableColumn,
    batched,
    csv_pieces,
    parquet_pieces,
    plain,
    votable_bytes,
    write_csv,
)
from exposures.tables.spreadsheet_text import harmless

PROJECT = Path(__file__).resolve().parents[2]
COLUMNS = [
    TableColumn("name", ColumnKind.TEXT, "", "what it is called"),
    TableColumn("n", ColumnKind.INTEGER),
    TableColumn("ra", ColumnKind.DOUBLE, "deg", "ICRS"),
    TableColumn("mag", ColumnKind.SINGLE, "mag"),
    TableColumn("is_flagged", ColumnKind.BOOLEAN),
]
FULL = ["ά" * 300, 2**50 + 1, 266.1234567890123, np.float32(18.123457), True]
EMPTY = [None] * 5


def csv_of(rows, names=("cell",)):
    return list(csv.reader(io.StringIO("".join(csv_pieces(names, [rows])), newline="")))[1:]


def parquet_of(columns, chunks):
    return pyarrow.parquet.read_table(io.BytesIO(b"".join(parquet_pieces(columns, chunks))))


@pytest.mark.parametrize(
    "text",
    [
        "=HYPERLINK(1)",
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1)",
        "\tfaint",
        "\nfaint",
        "  =1+1",
        "\xa0=1",
        "\ufeff=1",
        "\u200b+1+1",
        '"=1"',
        "'=1",
        "'\tfaint",
        "\x01=1",
        "＝1+1",
        "＠SUM(1)",
        "-",
        "- faint",
        "-1-1",
        "+1e",
    ],
)
def test_what_a_spreadsheet_would_compute_is_text(text):
    ((cell,),) = csv_of([[text]])
    assert cell == f"'{text}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\n=1", "'\n'=1"),
        ("seen;=1+1", "seen;'=1+1"),
        ("seen; =1+1", "seen;' =1+1"),
        ("seen|@SUM(1)", "seen|'@SUM(1)"),
        ("seen\t+1+1", "seen\t'+1+1"),
        ("seen\r\n\uff1d1", "seen\r'\n'\uff1d1"),
        ('seen;"=1"', 'seen;\'"=1"'),
        ("a;-1;b;=2", "a;'-1;b;'=2"),
        (";;=1", ";;'=1"),
    ],
)
def test_a_text_in_which_other_settings_see_cells_has_none_that_is_computed(text, expected):
    assert csv_of([[text]]) == [[expected]]


def test_every_text_comes_back_and_begins_no_formula_whatever_ends_a_cell():
    rng = np.random.default_rng(2)
    signs, ends = "=+-@\uff1d\uff20", ";|\t\r\n"
    characters = np.array([*signs, *ends, *" \"'a1.,\xa0\ufeff"])
    texts = ["".join(rng.choice(characters, rng.integers(9))) for _ in range(20_000)]
    cells = [harmless(text) for text in texts]
    assert [plain(one) for one in cells] == texts
    for text, one in zip(texts, cells, strict=True):
        begun = [part.lstrip(' "\xa0\ufeff')[:1] for part in re.split(f"[{ends}]", one)]
        assert (one == text and is_number(text)) or not set(begun) & set(signs), text


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-1.5, "-1.5"),
        ("-1.5", "-1.5"),
        ("+2", "+2"),
        ("-1e-5", "-1e-5"),
        (-3, "-3"),
        (np.float32(-16.543), "-16.543"),
        (np.float64(-1 / 3), "-0.3333333333333333"),
        ("a = b", "a = b"),
        ("x@y", "x@y"),
        ("", ""),
        (None, ""),
        (float("nan"), ""),
        (np.float32("nan"), ""),
        (True, "True"),
        ([1.5, -2.0], "[1.5, -2.0]"),
        ({"=a": "=1"}, '{"=a": "=1"}'),
        ([{"a": "b;=1|+2"}], '[{"a": "b\\u003b=1\\u007c+2"}]'),
        ("it's 12:30 - cloudy", "it's 12:30 - cloudy"),
        ("a; b | c\td", "a; b | c\td"),
        ("'", "'"),
        (Path("=1"), "'=1"),
        (datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "2026-01-02T03:04:05.678901+00:00"),
    ],
)
def test_all_else_is_as_it_was(value, expected):
    assert csv_of([[value, "end"]], ("a", "b")) == [[expected, "end"]]


def test_numbers_come_back_from_csv_bit_for_bit():
    rng = np.random.default_rng(1)
    doubles = np.concatenate([rng.uniform(0, 360, 500), 10.0 ** rng.uniform(-300, 300, 500)])
    singles = doubles.clip(1e-30, 1e30).astype("f4")
    rows = csv_of(list(zip(doubles, singles, strict=True)), ("double", "single"))
    assert [float(row[0]) for row in rows] == doubles.tolist()
    assert np.array_equal(np.array([row[1] for row in rows], "f4"), singles)


@pytest.mark.parametrize("rows", [[], [EMPTY], [FULL], [EMPTY, FULL]])
def test_the_schema_of_parquet_is_that_of_the_columns_whatever_the_rows(rows):
    table = parquet_of(COLUMNS, [rows])
    types = [pa.string(), pa.int64(), pa.float64(), pa.float32(), pa.bool_()]
    assert table.schema.types == types and table.num_rows == len(rows)
    assert table.schema.field("ra").metadata == {b"unit": b"deg", b"description": b"ICRS"}
    assert [list(row.values()) for row in table.to_pylist()] == rows


def test_parquet_has_moments_lists_and_what_is_nested():
    columns = [
        TableColumn("t", ColumnKind.TIME),
        TableColumn("numbers", ColumnKind.NUMBERS),
        TableColumn("more", ColumnKind.JSON),
    ]
    rows = [[datetime(2026, 1, 2, tzinfo=UTC), [1.5, 2.0], [{"a": 1}]], [None, None, None]]
    table = parquet_of(columns, [rows[:1], rows[1:]])
    assert table.schema.field("t").type == pa.timestamp("us", "UTC")
    assert [list(row.values()) for row in table.to_pylist()] == [
        [rows[0][0], [1.5, 2.0], '[{"a": 1}]'],
        [None, None, None],
    ]


@pytest.mark.parametrize("rows", [[], [EMPTY], [FULL], [FULL, EMPTY]])
def test_a_votable_has_every_value_and_says_what_is_unknown(rows):
    text = votable_bytes(COLUMNS, rows, "Stars", "stars")
    table = parse_single_table(io.BytesIO(text)).to_table()
    assert len(table) == len(rows) and str(table["ra"].unit) == "deg"
    assert [c.dtype.kind for c in table.columns.values()][1:] == ["i", "f", "f", "b"]
    for row, expected in zip(table, rows, strict=True):
        assert row["name"] == (expected[0] or "")
        for value, wanted in list(zip(row.values(), expected, strict=True))[1:]:
            assert np.ma.is_masked(value) if wanted is None else value == wanted


def test_rows_come_in_batches():
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]] and list(batched([], 2)) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(GalprojectError, match=r"no/there\.csv can't be written"):
        write_csv([["a"]], str(tmp_path / "no" / "there.csv"), None)
    write_csv([["a"], ["=1"], [-1.5]], str(tmp_path / "there.csv"), None)
    assert (tmp_path / "there.csv").read_text() == "a\n'=1\n-1.5\n"


@pytest.mark.parametrize("redirect", ["stdout", "both"])
def test_a_command_whose_reader_goes_ends_quietly(redirect):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "manage.py", "options"],
        cwd=PROJECT,
        stdout=writing,
        stderr=writing if redirect == "both" else subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 141 and not done.stderr


def test_other_errors_of_a_command_are_still_told():
    done = subprocess.run(
        [sys.executable, "manage.py", "options", "--check", "no-such-file.toml"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode not in (0, 141) and done.stderr

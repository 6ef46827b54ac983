"""Statements: two periods that meet agree, files carry the balances, and nothing is a formula.

The oracle adds up what is exported of the ledger, by days.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.ledger import statement_files
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import ARTIST, ESCROW, UPHELD
from core.ledger.statement_files import statement_csv, statement_parquet
from tests.core.ledger.quickly import book_many, set_clock
from tests.runs import NAMES

DAYS = ("2026-01-05", "2026-01-31", "2026-02-01", "2026-02-14", "2026-03-01")
BOUNDS = (*DAYS, "2025-01-01", "2026-02-02", "2026-03-02", "2027-01-01", "2026-01-01")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Entries on several days, a reversal, a dispute that is decided and one that is open."""
    opened = open_ledger(tmp_path_factory.mktemp("statements") / "ledger.sqlite3")
    opened.know_artists(NAMES)
    with pytest.MonkeyPatch.context() as patch:
        for number, day in enumerate(DAYS):
            set_clock(patch, f"{day}T10:00:00.000Z")
            book_many(opened, [10 * number, 10 * number + 1])
            if number == 1:
                opened.open_dispute(1, artist_id="indigo", reason="=mine", actor="bob")
            if number == 2:
                opened.resolve_dispute(1, UPHELD, paid_to="ochre", reason="yes", actor="ann")
                opened.reverse(3, reason="mistake", actor="ann")
            if number == 3:
                opened.open_dispute(2, artist_id="indigo", reason="mine too", actor="bob")
    assert opened.verify().ok
    yield opened
    opened.close()


def balance(ledger: Ledger, artist: str, account: str, until: str | None) -> int:
    """What is on an account before a day, from the export."""
    return sum(
        line["micro"]
        for entry in json.loads("".join(ledger.export_json()))
        if until is None or entry["created_at"] < until
        for line in entry["postings"]
        if (line["artist_id"], line["account"]) == (artist, account)
    )


@given(
    bounds=st.lists(st.sampled_from(BOUNDS), min_size=1, max_size=4, unique=True).map(sorted),
    artist=st.sampled_from(list(NAMES)),
)
def test_periods_that_meet_agree_and_add_up(ledger: Ledger, bounds: list[str], artist: str) -> None:
    edges = [None, *bounds, None]
    parts = [ledger.artist_statement(artist, days=days) for days in pairwise(edges)]
    assert (parts[0].opening, parts[0].escrow_opening) == (0, 0)
    for one, after in pairwise(parts):
        assert one.closing == after.opening
        assert one.escrow_closing == after.escrow_opening
        assert one.head_after == after.head_before
    for one in parts:
        assert one.micro == sum(micro for _, micro in one.lines)
        assert one.closing == balance(ledger, artist, ARTIST, one.until)
        assert one.escrow_closing == balance(ledger, artist, ESCROW, one.until)
    whole = ledger.artist_statement(artist)
    assert [line for one in parts for line in one.lines] == list(whole.lines)
    assert parts[-1].closing == whole.closing == ledger.balances()[artist, ARTIST]


def test_a_month_opens_with_what_the_month_before_closed_with(ledger: Ledger) -> None:
    january, february = (ledger.artist_statement("indigo", f"2026-0{n}") for n in (1, 2))
    assert (january.opening, january.closing) == (0, february.opening)
    assert february.opening == 3 * 412_000
    assert (february.escrow_opening, february.escrow_micro) == (412_000, 0)


def test_a_file_runs_from_the_opening_to_the_closing_balance(ledger: Ledger) -> None:
    made = ledger.artist_statement("indigo", "2026-02")
    rows = list(csv.DictReader(io.StringIO(statement_csv(made))))
    assert tuple(rows[0]) == statement_files.COLUMNS
    assert [row["line"] for row in rows] == ["opening", *["entry"] * len(made.lines), "closing"]
    assert int(rows[0]["balance_micro"]) == made.opening
    assert int(rows[-1]["balance_micro"]) == made.closing
    assert int(rows[-1]["escrow_balance_micro"]) == made.escrow_closing
    running = made.opening
    for row in rows[1:-1]:
        running += int(row["micro"])
        assert int(row["balance_micro"]) == running
    assert rows[-1]["hash"] == made.head_after
    all_time = statement_csv(ledger.artist_statement("indigo"))
    assert ",'=mine," in all_time  # no spreadsheet runs it
    assert {row["kind"] for row in csv.DictReader(io.StringIO(all_time)) if row["kind"]} == {
        "credit",
        "reversal",
        "adjustment",
    }


def test_parquet_holds_the_same_rows(ledger: Ledger) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    made = ledger.artist_statement("indigo")
    table = parquet.read_table(io.BytesIO(statement_parquet(made)))
    assert tuple(table.column_names) == statement_files.COLUMNS
    assert [tuple(row.values()) for row in table.to_pylist()] == list(statement_files.rows_of(made))


def test_without_pyarrow_it_says_what_to_install(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"\.\[parquet\]"):
        statement_parquet(ledger.artist_statement("indigo"))

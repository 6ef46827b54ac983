"""An export is the ledger at its start: every line once, nothing later, no formula."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.ledger.export import COLUMNS, PART, for_spreadsheets, neutral
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import LedgerFilter
from tests.core.ledger.quickly import book_many
from tests.runs import SHARES, key, record

FILTERS = [LedgerFilter(), LedgerFilter(style="ukiyo_e"), LedgerFilter(artist="indigo")]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.close()


def numbers_of(text: str, form: str) -> list[int]:
    if form == "json":
        return [entry["number"] for entry in json.loads(text)]
    rows = csv.DictReader(io.StringIO(text))
    return list(dict.fromkeys(int(row["entry"]) for row in rows))


def exported(ledger: Ledger, form: str, selected: LedgerFilter) -> Iterator[str]:
    return ledger.export_json(selected) if form == "json" else ledger.export_csv(selected)


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("selected", FILTERS, ids=["all", "style", "artist"])
def test_an_export_holds_the_ledger_at_its_start_while_it_grows(
    ledger: Ledger, form: str, selected: LedgerFilter
) -> None:
    book_many(ledger, range(700))
    before = numbers_of("".join(exported(ledger, form, selected)), form)
    parts = exported(ledger, form, selected)
    begun = [next(parts), next(parts)]
    book_many(ledger, range(1000, 1005))
    ledger.reverse(3, reason="mistake", actor="ann")
    text = "".join([*begun, *parts])
    assert numbers_of(text, form) == before
    assert '"reversed_by": 706' not in text
    assert len(numbers_of("".join(exported(ledger, form, selected)), form)) > len(before)


def test_the_parts_of_an_export_may_be_taken_by_several_threads(ledger: Ledger) -> None:
    book_many(ledger, range(300))
    parts = ledger.export_csv()
    with ThreadPoolExecutor(3) as pool:
        taken = [pool.submit(next, parts, "").result() for _ in range(12)]
    assert "".join(taken) == "".join(ledger.export_csv())


def test_an_export_that_is_left_gives_its_connection_back(ledger: Ledger) -> None:
    book_many(ledger, range(3))
    for _ in range(20):
        parts = ledger.export_csv()
        next(parts)
        parts.close()  # type: ignore[attr-defined]
    assert ledger.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_more_exports_than_the_pool_keeps_do_not_wait_for_each_other(ledger: Ledger) -> None:
    book_many(ledger, range(600))
    many = [ledger.export_csv() for _ in range(30)]
    assert len({next(parts) for parts in many}) == 1
    assert ledger.totals().entries == 600


def test_an_export_goes_out_in_parts_of_some_64_kb(ledger: Ledger) -> None:
    book_many(ledger, range(400))
    for parts in (list(ledger.export_csv()), list(ledger.export_json())):
        assert len(parts) > 2
        assert all(PART <= len(part) < PART + 4096 for part in parts[:-1])


def test_answers_do_not_depend_on_how_many_values_a_query_may_bind(ledger: Ledger) -> None:
    """SQLite allows some 32,000; the law is the same with a hundred and more entries than that."""
    book_many(ledger, range(150))
    with ledger.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 40)
    statement = ledger.artist_statement("indigo")
    assert [entry.number for entry, _ in statement.lines] == list(range(1, 151))
    assert statement.micro == 150 * SHARES.artist_micro["indigo"]
    assert len(ledger.entries(per_page=500).items) == 150
    assert numbers_of("".join(ledger.export_csv(LedgerFilter(artist="indigo"))), "csv") == list(
        range(1, 151)
    )


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        " =1",
        "\t=1",
        "\n=1",
        "\r=1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        "\u2060=1",
        "\u202e=1",
        "\x00=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
        " ＝1",
        "\u2800=1",
        "\tname",
        "\nname",
        "\u200bname",
        "﹦1",
    ],
)
def test_what_a_spreadsheet_would_run_is_neutralised(text: str) -> None:
    assert neutral(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "Žofie", " a=b", "1-2", "(=)", "é", "北斎", "x@y"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert neutral(text) == text


def test_a_hostile_name_reaches_a_spreadsheet_neutralised(ledger: Ledger) -> None:
    run = record()
    names = {"indigo": "\u00a0=1+1", "ochre": "＝cmd"}
    ledger.record(run, SHARES, key(run), names)
    rows = list(csv.DictReader(io.StringIO("".join(ledger.export_csv()))))
    assert [row["artist"] for row in rows] == ["", "'\u00a0=1+1", "'＝cmd", ""]


@pytest.mark.parametrize("names", ["Žofie Müller", "Анна", "北斎", "Anna"])
def test_a_spreadsheet_knows_by_the_mark_that_names_are_utf_8(ledger: Ledger, names: str) -> None:
    """What Excel opens by itself: with the mark as UTF-8, else in an old code page."""
    run = record()
    ledger.record(run, SHARES, key(run), {"indigo": names, "ochre": "Bo"})
    plain = "".join(ledger.export_csv())
    data = "".join(for_spreadsheets(ledger.export_csv())).encode()
    assert data == b"\xef\xbb\xbf" + plain.encode() and not plain.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert names in {row["artist"] for row in rows} and set(rows[0]) == set(COLUMNS)

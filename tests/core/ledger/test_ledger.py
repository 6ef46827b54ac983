"""The ledger: adds and never changes; what is shown is what was booked; nothing half-booked."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect

from core.errors import LedgerError, UsageError
from core.ledger import schema
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import LedgerFilter, RunView
from core.ledger.shares import DEFAULT_RULE, WHOLE, Shares
from tests.core.ledger.quickly import set_clock
from tests.runs import NAMES, SHARES, key, record


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.close()


def booked(ledger: Ledger, seed: int = 7, shares: Shares = SHARES, **more: str) -> RunView:
    run = record(seed, **more)
    return ledger.record(run, shares, key(run), NAMES)


def test_a_generation_is_recorded_and_credited_in_one_go(ledger: Ledger) -> None:
    run = record()
    view = ledger.record(run, SHARES, key(run), NAMES)
    assert (view.number, view.entry, view.record) == (1, 1, run)
    entry = ledger.entry(1)
    assert entry is not None
    assert sum(line.micro for line in entry.postings) == 0
    assert [(line.account, line.artist, line.micro) for line in entry.postings] == [
        ("issued", None, -WHOLE),
        ("artist", "Indigo Workshop", 412_000),
        ("artist", "Ochre Workshop", 227_500),
        ("unattributed", None, 360_500),
    ]
    assert ledger.verify().ok


def test_an_upload_books_nothing(ledger: Ledger) -> None:
    view = ledger.record(record(kind="upload"))
    assert view.entry is None
    assert ledger.totals().entries == 0


def test_the_same_picture_is_paid_once(ledger: Ledger) -> None:
    first, again = booked(ledger), booked(ledger)
    assert (first.number, again.number) == (1, 2)
    assert first.entry == again.entry == 1
    assert ledger.totals().total_micro == WHOLE
    assert ledger.verify().ok


def test_totals_are_the_sums_of_the_entries(ledger: Ledger) -> None:
    for seed in range(5):
        booked(ledger, seed)
    result = ledger.totals()
    assert [(row.artist_id, row.micro, row.entries) for row in result.artists] == [
        ("indigo", 5 * 412_000, 5),
        ("ochre", 5 * 227_500, 5),
    ]
    assert result.unattributed_micro == 5 * 360_500
    assert result.total_micro == 5 * WHOLE
    assert sum(row.share for row in result.artists) + 0.3605 == pytest.approx(1)
    assert [row.works for row in result.artists] == [1, 1]


def test_all_unattributed_is_an_entry_too(ledger: Ledger) -> None:
    view = booked(ledger, shares=Shares(DEFAULT_RULE))
    assert view.entry == 1
    assert ledger.totals().unattributed_micro == WHOLE


def test_filters_choose_by_artist_class_kind_and_day(ledger: Ledger) -> None:
    booked(ledger, 1, style="cubism")
    booked(ledger, 2, Shares(DEFAULT_RULE, {"ochre": WHOLE}, 0))
    booked(ledger, 3, kind="upload")
    assert ledger.totals(LedgerFilter(style="cubism")).entries == 1
    assert ledger.totals(LedgerFilter(kind="upload")).entries == 1
    assert ledger.totals(LedgerFilter(artist="indigo")).entries == 2
    assert ledger.totals(LedgerFilter(since="2999-01-01")).entries == 0
    assert ledger.totals(LedgerFilter(until="2999-01-01")).entries == 3
    assert ledger.runs(LedgerFilter(style="cubism")).total == 1


def test_pages_are_cut_in_order(ledger: Ledger) -> None:
    for seed in range(7):
        booked(ledger, seed)
    numbers = [
        entry.number for page in (1, 2, 3) for entry in ledger.entries(page=page, per_page=3).items
    ]
    assert numbers == [7, 6, 5, 4, 3, 2, 1]
    assert ledger.entries(page=1, per_page=3).pages == 3
    assert [view.number for view in ledger.runs(page=2, per_page=5).items] == [2, 1]


def test_a_reversal_takes_back_and_both_stay(ledger: Ledger) -> None:
    booked(ledger)
    reversal = ledger.reverse(1, reason="Traced with a wrong model", actor="ann")
    assert (reversal.number, reversal.reverses, reversal.reason) == (
        2,
        1,
        "Traced with a wrong model",
    )
    assert ledger.totals().total_micro == 0
    entry = ledger.entry(1)
    assert entry is not None
    assert entry.reversed_by == 2
    assert ledger.verify().ok


def test_days_that_only_take_back_have_no_shares(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, "2026-03-01T10:00:00.000Z")
    booked(ledger)
    set_clock(monkeypatch, "2026-03-20T10:00:00.000Z")
    booked(ledger, 8)
    ledger.reverse(1, reason="Traced with a wrong model", actor="ann")
    ledger.reverse(2, reason="Traced with a wrong model", actor="ann")
    both = ledger.totals(LedgerFilter(until="2026-03-02"))
    assert both.apportioned
    assert sum(row.share for row in both.artists) == pytest.approx(0.6395)
    later = ledger.totals(LedgerFilter(since="2026-03-19"))
    assert later.total_micro < 0 and not later.apportioned
    assert {row.share for row in later.artists} == {0.0}


def test_a_second_reversal_and_one_of_a_reversal_are_refused(ledger: Ledger) -> None:
    booked(ledger)
    ledger.reverse(1, reason="mistake", actor="ann")
    with pytest.raises(LedgerError, match="already reversed, by entry 2"):
        ledger.reverse(1, reason="again", actor="ann")
    with pytest.raises(LedgerError, match="itself a reversal"):
        ledger.reverse(2, reason="again", actor="ann")
    with pytest.raises(LedgerError, match="no entry 9"):
        ledger.reverse(9, reason="again", actor="ann")
    booked(ledger, 8)
    with pytest.raises(LedgerError, match="needs its reason"):
        ledger.reverse(3, reason="  ", actor="ann")
    assert ledger.totals().entries == 3


def test_opting_out_is_kept_with_its_reason(ledger: Ledger) -> None:
    booked(ledger)
    ledger.set_artist_status("indigo", "opted-out", reason="On request", actor="ann")
    assert ledger.opted_out() == frozenset({"indigo"})
    ledger.set_artist_status("indigo", "active", reason="Came back", actor="ann")
    assert ledger.opted_out() == frozenset()
    changes = ledger.artist_statement("indigo").changes
    assert [change.reason for change in changes] == ["On request", "Came back"]
    assert ledger.verify().ok
    with pytest.raises(LedgerError, match="no artist 'vermeer'"):
        ledger.set_artist_status("vermeer", "active", reason="x", actor="ann")
    with pytest.raises(UsageError, match="opted-out"):
        ledger.set_artist_status("indigo", "away", reason="x", actor="ann")


def test_a_statement_lists_what_touched_the_artist(ledger: Ledger) -> None:
    booked(ledger, 1)
    booked(ledger, 2, Shares(DEFAULT_RULE, {"ochre": WHOLE}, 0))
    ledger.reverse(2, reason="mistake", actor="ann")
    statement = ledger.artist_statement("ochre")
    assert [(entry.number, micro) for entry, micro in statement.lines] == [
        (1, 227_500),
        (2, WHOLE),
        (3, -WHOLE),
    ]
    assert statement.micro == 227_500
    assert ledger.artist_statement("ochre", "2001-02").lines == ()
    with pytest.raises(LedgerError, match="YYYY-MM"):
        ledger.artist_statement("ochre", "2001-13")


def test_csv_and_json_hold_every_line_and_no_formula(ledger: Ledger) -> None:
    run = record()
    names = {**NAMES, "indigo": '=HYPERLINK("http://x")', "ochre": "+1 | @SUM"}
    ledger.record(run, SHARES, key(run), names)
    rows = list(csv.DictReader(io.StringIO("".join(ledger.export_csv()))))
    assert [row["artist"] for row in rows] == ["", '\'=HYPERLINK("http://x")', "'+1 | @SUM", ""]
    assert sum(int(row["micro"]) for row in rows) == 0
    assert rows[1]["credit"] == "0.412000"
    entries = json.loads("".join(ledger.export_json()))
    assert entries[0]["postings"][1]["artist"] == '=HYPERLINK("http://x")'
    assert json.loads("".join(ledger.export_json(LedgerFilter(style="none")))) == []


def test_an_export_longer_than_a_batch_is_complete(ledger: Ledger) -> None:
    for seed in range(205):
        booked(ledger, seed)
    exported = [entry["number"] for entry in json.loads("".join(ledger.export_json()))]
    assert exported == list(range(1, 206))


def test_eight_threads_of_fifty_postings_lose_and_double_nothing(ledger: Ledger) -> None:
    def post(thread: int) -> list[int | None]:
        return [booked(ledger, 1000 * thread + number).entry for number in range(50)]

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for part in pool.map(post, range(8)) for number in part]
    assert sorted(numbers) == list(range(1, 401))
    assert ledger.totals().total_micro == 400 * WHOLE
    proof = ledger.verify()
    assert (proof.ok, proof.entries) == (True, 400)


def test_two_threads_with_one_picture_book_it_once(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        entries = {view.entry for view in pool.map(lambda _: booked(ledger, 5), range(16))}
    assert entries == {1}
    assert ledger.totals().total_micro == WHOLE


# --- refusals of the database itself -------------------------------------------------------


def attack(ledger: Ledger, *statements: str) -> None:
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("table", ["run", "influence", "rule", "ledger_txn", "ledger_posting"])
@pytest.mark.parametrize("verb", ["DELETE FROM {0}", "UPDATE {0} SET rowid = rowid + 100"])
def test_rows_can_be_neither_changed_nor_deleted(ledger: Ledger, table: str, verb: str) -> None:
    booked(ledger)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        attack(ledger, verb.format(table))


TXN = (
    "INSERT INTO ledger_txn (seq, id, kind, idempotency_key, rule_id, created_at, prev_hash, hash)"
    " VALUES ({seq}, 'x', 'credit', 'k', (SELECT id FROM rule), 't', {previous}, 'h')"
)
LAST = "(SELECT hash FROM ledger_txn ORDER BY seq DESC LIMIT 1)"
LINES = (
    "INSERT INTO ledger_posting VALUES ('x', 1, 'issued', NULL, NULL, -10)",
    "INSERT INTO ledger_posting VALUES ('x', 2, 'unattributed', NULL, NULL, {0})",
)


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        ((TXN.format(seq=2, previous=LAST),), "at least two postings"),
        ((LINES[0], LINES[1].format(9), TXN.format(seq=2, previous=LAST)), "sum to 0"),
        ((LINES[0], LINES[1].format(10), TXN.format(seq=3, previous=LAST)), "without gaps"),
        (
            (LINES[0], LINES[1].format(10), TXN.format(seq=2, previous="'forged'")),
            "follow the last",
        ),
        (
            ("INSERT INTO ledger_posting SELECT id, 9, 'issued', NULL, NULL, 1 FROM ledger_txn",),
            "sealed",
        ),
    ],
)
def test_a_wrong_entry_cannot_be_written(
    ledger: Ledger, statements: tuple[str, ...], reason: str
) -> None:
    booked(ledger)
    with pytest.raises(sqlite3.IntegrityError, match=reason):
        attack(ledger, *statements)
    assert ledger.verify().ok


def test_a_posting_without_an_entry_is_refused_at_the_end(ledger: Ledger) -> None:
    booked(ledger)
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        attack(ledger, LINES[0])


# --- proof ---------------------------------------------------------------------------------

TABLES = {
    name: [column.name for column in table.columns if not column.primary_key]
    for name, table in schema.metadata.tables.items()
    if table not in schema.TOTALS  # those: test_running_totals
}


def without_guards(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for (name,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def guards(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    return [row[0] for row in rows]


def tamper(ledger: Ledger, statement: str) -> None:
    """Change the file as its owner could: drop the guards, change, put the guards back."""
    kept = guards(ledger.path)
    connection = without_guards(ledger.path)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    assert connection.execute(statement).rowcount > 0
    for sql in kept:
        connection.execute(sql)
    connection.close()


@pytest.fixture
def busy(ledger: Ledger) -> Ledger:
    for seed in range(3):
        booked(ledger, seed)
    ledger.reverse(2, reason="mistake", actor="ann")
    ledger.delete_run(ledger.record(record(99)).record.id)
    dispute = ledger.open_dispute(1, artist_id="indigo", reason="it is mine", actor="bob")
    ledger.resolve_dispute(dispute.number, "upheld", paid_to="ochre", reason="shown", actor="ann")
    ledger.set_artist_status("ochre", "opted-out", reason="On request", actor="ann")
    assert ledger.verify().ok
    return ledger


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, names in TABLES.items() for column in names]
)
def test_any_edited_cell_is_found(busy: Ledger, table: str, column: str) -> None:
    kind = str(schema.metadata.tables[table].c[column].type)
    change = f"coalesce({column}, 0) + 1" if kind != "TEXT" else f"coalesce({column}, '') || 'x'"
    tamper(
        busy,
        f"UPDATE {table} SET {column} = {change} WHERE rowid = (SELECT max(rowid) FROM {table})",
    )
    proof = busy.verify()
    assert not proof.ok
    assert proof.first_bad is not None


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("which", ["min", "max"])
def test_any_deleted_row_is_found(busy: Ledger, table: str, which: str) -> None:
    tamper(busy, f"DELETE FROM {table} WHERE rowid = (SELECT {which}(rowid) FROM {table})")
    assert not busy.verify().ok


def test_the_first_bad_entry_is_named(busy: Ledger) -> None:
    tamper(
        busy,
        "UPDATE ledger_posting SET micro = micro + 1 WHERE txn_id = "
        "(SELECT id FROM ledger_txn WHERE seq = 2) AND line = 2",
    )
    bad = busy.verify().first_bad
    assert bad is not None
    assert (bad.entry, bad.reason) == (2, "its postings do not sum to 0")


def test_moving_credit_from_one_artist_to_another_is_found(busy: Ledger) -> None:
    tamper(busy, "UPDATE ledger_posting SET artist_id = 'ochre' WHERE artist_id = 'indigo'")
    bad = busy.verify().first_bad
    assert bad is not None
    assert (bad.entry, bad.reason) == (1, "its contents do not give its hash")


def test_removed_guards_are_found(busy: Ledger) -> None:
    without_guards(busy.path).close()
    bad = busy.verify().first_bad
    assert bad is not None
    assert "guard" in bad.reason


# --- opening and trouble ---------------------------------------------------------------------


def test_the_migrations_make_the_schema_that_queries_expect(ledger: Ledger) -> None:
    result = inspect(ledger.engine)
    for name, table in schema.metadata.tables.items():
        columns = {column["name"] for column in result.get_columns(name)}
        assert columns == {column.name for column in table.columns}, name


def test_opening_again_changes_nothing(ledger: Ledger) -> None:
    booked(ledger)
    again = open_ledger(ledger.path)
    assert again.verify() == ledger.verify()
    again.close()


def test_many_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.sqlite3"
    with ThreadPoolExecutor(6) as pool:
        ledgers = list(pool.map(lambda _: open_ledger(path), range(6)))
    assert all(one.verify().ok for one in ledgers)


def test_a_locked_ledger_says_so_and_books_nothing(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite3", busy_ms=100)
    holder = sqlite3.connect(ledger.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="in use by another program.*Nothing was booked"):
        booked(ledger)
    holder.execute("ROLLBACK")
    assert booked(ledger).number == 1


def test_a_full_disk_says_so_and_books_nothing(ledger: Ledger) -> None:
    booked(ledger)
    with ledger.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute(f"PRAGMA max_page_count = {raw.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(LedgerError, match="no room left.*Nothing was booked"):
        for seed in range(100, 400):
            booked(ledger, seed)
    assert ledger.verify().ok
    assert ledger.runs().total == ledger.totals().entries


def test_a_read_only_ledger_says_so(ledger: Ledger) -> None:
    booked(ledger)
    with ledger.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA query_only = ON")
    with pytest.raises(LedgerError, match="cannot be written"):
        booked(ledger, 8)
    assert ledger.totals().entries == 1


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"these are not the bytes of a database" * 100)
    with pytest.raises(LedgerError, match="is not a ledger"):
        open_ledger(tmp_path / "ledger.sqlite3")


def test_a_ledger_of_a_newer_version_is_left_alone(ledger: Ledger) -> None:
    attack(ledger, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="newer version"):
        open_ledger(ledger.path)


def test_a_run_that_cannot_be_credited_is_not_recorded(ledger: Ledger) -> None:
    run = record()
    with pytest.raises(LedgerError, match="no name"):
        ledger.record(run, SHARES, key(run), {"indigo": "Indigo"})
    assert ledger.run(run.id) is None
    assert ledger.verify().ok


def test_a_ledger_that_fails_its_proof_takes_no_more(busy: Ledger) -> None:
    entries = busy.totals().entries
    tamper(busy, "UPDATE ledger_posting SET micro = micro + 1 WHERE line = 1")
    assert not busy.verify().ok
    with pytest.raises(LedgerError, match=r"changed \(entry 1.*backup"):
        booked(busy, 99)
    assert busy.totals().entries == entries

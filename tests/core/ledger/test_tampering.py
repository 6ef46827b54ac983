"""Every column of every table, random bytes by a seed, schema and guards: each is named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.checkpoint import BEGINNING
from core.ledger.ledger import open_ledger
from core.ledger.verification import _faults
from tests.core.ledger.quickly import book_many, tamper
from tests.runs import record

SEED, FLIPS = 20, 300
CELLS = [
    (table.name, column.name) for table in schema.metadata.sorted_tables for column in table.columns
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with something in every table, and the artist 'later', whom nothing credits."""
    path = tmp_path_factory.mktemp("whole") / "ledger.sqlite3"
    ledger = open_ledger(path)
    ledger.know_artists({"later": "Not Credited Yet"})
    book_many(ledger, range(6))
    ledger.reverse(2, reason="mistake", actor="ann")
    ledger.delete_run(ledger.record(record(kind="upload")).record.id)
    ledger.open_dispute(1, artist_id="indigo", reason="it is mine", actor="bob")
    ledger.resolve_dispute(1, "upheld", paid_to="ochre", reason="shown", actor="ann")
    ledger.set_artist_status("ochre", "opted-out", reason="On request", actor="ann")
    assert ledger.verify().ok
    ledger.close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")
        for table in schema.metadata.tables:
            assert raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0], table
    return path


def verdict(path: Path) -> str:
    """What opening, verifying and reading it all says: 'ok', or the words."""
    try:
        with closing(open_ledger(path)) as ledger:
            bad = ledger.verify().first_bad
            return "ok" if bad is None else bad.reason
    except LedgerError as error:
        return error.message


def dumped(path: Path) -> list[str] | None:
    """Everything a database says; None where it says nothing any more."""
    try:
        with closing(sqlite3.connect(path)) as raw:
            raw.text_factory = bytes
            names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master ORDER BY name")]
            rows = [repr(raw.execute("SELECT * FROM sqlite_master ORDER BY name").fetchall())]
            for name in names:
                table = name.decode()
                if table in schema.metadata.tables or table in ("alembic_version",):
                    rows.append(repr(raw.execute(f"SELECT * FROM {table} NOT INDEXED").fetchall()))
            return rows
    except (sqlite3.Error, UnicodeDecodeError):
        return None


@pytest.mark.parametrize(("table", "column"), CELLS)
@pytest.mark.parametrize("place", ["first", "last"])
def test_every_edited_cell_is_named(
    whole: Path, tmp_path: Path, table: str, column: str, place: str
) -> None:
    path = tmp_path / "ledger.sqlite3"
    shutil.copyfile(whole, path)
    keys = [one.name for one in schema.metadata.tables[table].primary_key]
    order = ", ".join(f"{key} {'DESC' if place == 'last' else ''}" for key in keys)
    with closing(sqlite3.connect(path)) as raw:
        row = raw.execute(f"SELECT {', '.join(keys)} FROM {table} ORDER BY {order}").fetchone()
    where = " AND ".join(f"{key} = {value!r}" for key, value in zip(keys, row, strict=True))
    kind = str(schema.metadata.tables[table].c[column].type)
    change = f"coalesce({column}, 0) + 1000" if kind != "TEXT" else f"coalesce({column}, '') || 'x'"
    tamper(path, f"UPDATE {table} SET {column} = {change} WHERE {where}")
    assert verdict(path) != "ok"


@pytest.mark.parametrize("table", [table.name for table in schema.metadata.sorted_tables])
def test_an_emptied_table_is_named(whole: Path, tmp_path: Path, table: str) -> None:
    path = tmp_path / "ledger.sqlite3"
    shutil.copyfile(whole, path)
    tamper(path, f"DELETE FROM {table}")
    assert verdict(path) != "ok"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM artist WHERE id = 'later'", "artist 'later' was removed"),
        ("DELETE FROM dispute_event WHERE kind = 'resolved'", "events of disputes were removed"),
        ("DELETE FROM dispute_event", "it moves credit, and no dispute says why"),
        ("UPDATE dispute_event SET paid_to = 'indigo'", "event 1 of a dispute was tampered with"),
    ],
)
def test_what_a_share_does_not_depend_on_cannot_vanish_either(
    whole: Path, tmp_path: Path, statement: str, words: str
) -> None:
    path = tmp_path / "ledger.sqlite3"
    shutil.copyfile(whole, path)
    tamper(path, statement)
    with closing(open_ledger(path)) as ledger, ledger._reading() as connection:
        raw = connection.connection.driver_connection
        assert words in "; ".join(bad.reason for bad in _faults(raw, BEGINNING))


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("DROP TRIGGER run_no_delete",), "guard 'run_no_delete' was removed"),
        (
            (
                "DROP TRIGGER run_no_delete",
                "CREATE TRIGGER run_no_delete BEFORE DELETE ON run BEGIN SELECT 1; END",
            ),
            "guard 'run_no_delete' was changed",
        ),
        (
            ("CREATE TRIGGER more AFTER INSERT ON run BEGIN SELECT 1; END",),
            "guard 'more' does not belong",
        ),
        (("CREATE TABLE more (x)",), "table 'more' does not belong"),
        (("ALTER TABLE rule ADD COLUMN more TEXT",), "table 'rule' was changed"),
        (("DROP INDEX txn_by_time",), "index 'txn_by_time' was removed"),
        (("DROP TRIGGER totals_follow_entry",), "guard 'totals_follow_entry' was removed"),
    ],
)
def test_a_changed_schema_is_named(
    whole: Path, tmp_path: Path, statements: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "ledger.sqlite3"
    shutil.copyfile(whole, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for statement in statements:
            raw.execute(statement)
    assert words in verdict(path)


def test_every_byte_that_changes_content_is_found_and_none_ends_in_an_unforeseen_error(
    whole: Path, tmp_path: Path
) -> None:
    """A flipped byte that changes no content (free space, a page's spare bytes) is no harm."""
    data, before = whole.read_bytes(), dumped(whole)
    places = [place for place, byte in enumerate(data) if byte]  # most of the rest is free space
    chance = random.Random(SEED)
    changed, missed = 0, []
    for number in range(FLIPS):
        place = chance.choice(places)
        flipped = bytearray(data)
        flipped[place] ^= 1 << chance.randrange(8)
        path = tmp_path / f"{number}.sqlite3"
        path.write_bytes(flipped)
        after = dumped(path)
        says = verdict(path)
        if after != before:
            changed += 1
            if says == "ok":
                missed.append(place)
        for rest in tmp_path.glob(f"{number}.sqlite3*"):
            rest.unlink()
    assert missed == []
    assert changed > FLIPS / 2

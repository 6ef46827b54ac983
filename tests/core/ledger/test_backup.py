"""A backup is whole though somebody books; nothing is replaced by what does not verify."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.errors import LedgerError
from core.ledger import backup as module
from core.ledger.backup import backup, restore
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.shares import WHOLE
from tests.core.ledger.quickly import book_many, tamper
from tests.runs import NAMES, SHARES, key, record

DATA = Path(__file__).resolve().parents[2] / "data"
WHY = {"reason": "disk lost", "actor": "ann"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "home" / "ledger.sqlite3", publishes=True)
    book_many(opened, range(5))
    yield opened
    opened.close()


def test_a_backup_is_one_moment_while_others_book(ledger: Ledger, tmp_path: Path) -> None:
    stop = threading.Event()

    def post() -> None:
        seed = 1000
        while not stop.is_set():
            run = record(seed := seed + 1)
            ledger.record(run, SHARES, key(run), NAMES)

    writer = threading.Thread(target=post)
    writer.start()
    try:
        copies = [backup(ledger, tmp_path / f"copy-{number}") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    for copy in copies:
        opened = open_ledger(copy.path)
        assert opened.verify().ok
        assert opened.totals().total_micro == copy.entries * WHOLE
        assert opened.totals().head_hash == copy.head_hash
        opened.close()
    assert ledger.verify().ok
    assert copies[0].entries < ledger.size()


def test_whoever_has_it_open_sees_the_restored_ledger(ledger: Ledger, tmp_path: Path) -> None:
    copy = backup(ledger, tmp_path / "copy")
    tamper(ledger.path, "UPDATE ledger_posting SET micro = micro + 1 WHERE rowid = 2")
    assert not ledger.verify().ok
    done = restore(ledger.path, copy.path, **WHY)
    assert (done.entries, done.before, done.head_hash) == (5, 5, copy.head_hash)
    assert ledger.verify().ok
    run = record(77)
    assert ledger.record(run, SHARES, key(run), NAMES).entry == 6
    assert done.kept is not None
    assert not open_ledger(done.kept).verify().ok  # what was replaced is still there


def test_a_backup_that_ends_earlier_is_refused_unless_that_is_said(
    ledger: Ledger, tmp_path: Path
) -> None:
    copy = backup(ledger, tmp_path / "copy")
    book_many(ledger, range(10, 13))
    longer = ledger.publish()
    with pytest.raises(LedgerError, match="ends with entry 5, and there were 8"):
        restore(ledger.path, copy.path, **WHY)
    assert ledger.size() == 8
    restore(ledger.path, copy.path, **WHY, lose_newer=True)
    assert (ledger.size(), ledger.verify().ok) == (5, True)
    assert ledger.publisher is not None
    last = ledger.publisher.heads()[-1]
    assert last.reason == "restored: disk lost (by ann)"
    assert "cut off" in ledger.compare((longer,), ledger.publisher.keys())[0].reason
    book_many(ledger, range(20, 25))
    ledger.publish()
    assert ledger.verify().ok


def test_what_is_no_entry_is_not_lost_silently_either(ledger: Ledger, tmp_path: Path) -> None:
    """A wish to be left out, a withheld name, a run that was not booked: newer than the backup."""
    copy = backup(ledger, tmp_path / "copy")
    ledger.set_artist_status("indigo", "opted-out", reason="asked", actor="ann", masked=True)
    run = record(400)
    ledger.record(run, None, None, NAMES)
    with pytest.raises(LedgerError, match="changes of artists' status, runs"):
        restore(ledger.path, copy.path, **WHY)
    assert "indigo" in ledger.masked() and ledger.run(run.id) is not None
    restore(ledger.path, copy.path, **WHY, lose_newer=True)
    assert not ledger.masked() and ledger.verify().ok


def test_another_history_of_the_same_length_is_not_put_in_its_place(
    ledger: Ledger, tmp_path: Path
) -> None:
    early = backup(ledger, tmp_path / "copy")
    book_many(ledger, range(30, 31))
    fork = open_ledger(early.path)
    book_many(fork, range(40, 41))
    fork.close()
    with pytest.raises(LedgerError, match="does not hold the newest of: entries"):
        restore(ledger.path, early.path, **WHY)
    assert ledger.size() == 6 and ledger.verify().ok


@pytest.mark.parametrize("lose", [False, True])
def test_what_is_booked_while_it_is_restored_is_not_lost(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lose: bool
) -> None:
    copy, real = backup(ledger, tmp_path / "copy"), module._lost

    def slow(*arguments: Any) -> str:
        words = real(*arguments)
        book_many(ledger, range(50, 51))
        return words

    monkeypatch.setattr(module, "_lost", slow)
    with pytest.raises(LedgerError, match="booked meanwhile"):
        restore(ledger.path, copy.path, **WHY, lose_newer=lose)
    assert ledger.size() == 6 and ledger.verify().ok


def test_nobody_books_between_the_kept_copy_and_the_restored_ledger(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, real, refused = backup(ledger, tmp_path / "copy"), module.copy_database, []

    def copying(source: Path, target: Path, *held: Any) -> None:
        real(source, target, *held)
        if ".replaced-" in target.name:
            with closing(sqlite3.connect(ledger.path, timeout=0)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    refused.append(str(error))

    monkeypatch.setattr(module, "copy_database", copying)
    restore(ledger.path, copy.path, **WHY)
    assert refused == ["database is locked"]


def test_the_ledger_is_no_place_for_its_own_backup(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="is the ledger itself"):
        backup(ledger, ledger.path)
    assert ledger.verify().ok


@pytest.mark.parametrize("harm", ["edited", "bytes", "not a ledger", "missing"])
def test_nothing_is_replaced_by_what_does_not_verify(
    ledger: Ledger, tmp_path: Path, harm: str
) -> None:
    copy = backup(ledger, tmp_path / "copy").path
    if harm == "edited":
        tamper(copy, "UPDATE influence SET z = z + 1 WHERE rowid = 1")
    elif harm == "bytes":
        data = bytearray(copy.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
        copy.write_bytes(data)
    elif harm == "not a ledger":
        copy.write_text("no database" * 500)
    else:
        copy.unlink()
    before = ledger.totals()
    with pytest.raises(LedgerError):
        restore(ledger.path, copy, **WHY)
    assert ledger.totals() == before
    assert ledger.verify().ok
    assert not list(ledger.path.parent.glob("*.replaced-*"))
    assert not list(ledger.path.parent.glob(".*.restoring*"))


def test_a_backup_of_another_ledger_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.publish()
    other = open_ledger(tmp_path / "other.sqlite3")
    book_many(other, range(50, 60))
    copy = backup(other, tmp_path / "copy").path
    for lose in (False, True):
        with pytest.raises(LedgerError, match="not of this ledger"):
            restore(ledger.path, copy, **WHY, lose_newer=lose)
    assert ledger.verify().ok


@pytest.mark.parametrize("gone", ["removed", "overwritten"])
def test_a_ledger_that_is_gone_is_restored(ledger: Ledger, tmp_path: Path, gone: str) -> None:
    copy = backup(ledger, tmp_path / "copy")
    ledger.close()
    if gone == "removed":
        ledger.path.unlink()
    else:
        ledger.path.write_bytes(b"these are not the bytes of a database" * 100)
    assert restore(ledger.path, copy.path, **WHY).before is None
    assert open_ledger(ledger.path).verify().entries == 5


def test_a_restoration_without_a_reason_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    copy = backup(ledger, tmp_path / "copy")
    with pytest.raises(LedgerError, match="needs its reason"):
        restore(ledger.path, copy.path, reason=" ", actor="ann")


def test_a_migration_keeps_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    shutil.copyfile(DATA / "ledger-v1.db", path)
    open_ledger(path).close()
    (kept,) = tmp_path.glob("ledger.sqlite3.schema-*")
    with sqlite3.connect(DATA / "ledger-v1.db") as old, sqlite3.connect(kept) as copy:
        assert list(copy.iterdump()) == list(old.iterdump())
    assert open_ledger(kept).verify().ok


def test_an_old_backup_is_brought_to_the_newest_schema(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    assert restore(path, DATA / "ledger-v1.db", **WHY).entries == 7
    assert open_ledger(path).verify().ok

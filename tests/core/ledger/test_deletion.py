"""Runs that were not booked can be deleted, and that is noted; what is booked stays for ever."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import LedgerError
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import RunView
from tests.core.ledger.quickly import tamper
from tests.runs import NAMES, SHARES, key, record


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(tmp_path / "ledger.sqlite3")


def upload(ledger: Ledger, seed: int = 1, title: str = "secret name.png") -> RunView:
    return ledger.record(replace(record(seed, kind="upload"), title=title))


def booked(ledger: Ledger, seed: int = 7) -> RunView:
    run = record(seed)
    return ledger.record(run, SHARES, key(run), NAMES)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["first", "middle", "last"])
def test_an_unbooked_run_goes_with_its_influences_and_the_ledger_verifies(
    ledger: Ledger, which: int
) -> None:
    views = [upload(ledger), booked(ledger), upload(ledger, 3)]
    views = views if which != 1 else [booked(ledger, 8), upload(ledger, 4), booked(ledger, 9)]
    gone = views[which]
    assert ledger.delete_run(gone.record.id).number == gone.number
    assert ledger.run(gone.record.id) is None
    assert gone.number not in {view.number for view in ledger.runs().items}
    with sqlite3.connect(ledger.path) as raw:
        left = raw.execute("SELECT count(*) FROM influence WHERE run_id = ?", (gone.record.id,))
        assert left.fetchone() == (0,)
    assert ledger.verify().ok
    again = open_ledger(ledger.path)
    assert again.verify_new().ok


def test_its_number_is_not_given_again(ledger: Ledger) -> None:
    gone = upload(ledger)
    ledger.delete_run(gone.record.id)
    assert upload(ledger, 2).number == gone.number + 1
    assert ledger.verify().ok


def test_of_a_deleted_run_no_name_stays_in_the_file(ledger: Ledger) -> None:
    gone = upload(ledger, title="Frau Mustermann.png")
    ledger.delete_run(gone.record.id)
    with sqlite3.connect(ledger.path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"Mustermann" not in ledger.path.read_bytes()


def test_a_booked_run_cannot_be_deleted_and_neither_can_one_that_repeats_it(
    ledger: Ledger,
) -> None:
    first = booked(ledger)
    repeated = ledger.record(record(7), SHARES, key(record(7)), NAMES)
    assert repeated.entry == first.entry
    for view in (first, repeated):
        with pytest.raises(LedgerError, match="kept for ever"):
            ledger.delete_run(view.record.id)
    ledger.reverse(1, reason="mistake", actor="ann")
    with pytest.raises(LedgerError, match="kept for ever"):
        ledger.delete_run(first.record.id)
    assert ledger.runs().total == 2


def test_an_example_and_a_run_that_is_not_there_are_refused_in_words(ledger: Ledger) -> None:
    example = ledger.record(record(kind="example"))
    with pytest.raises(LedgerError, match="belongs to its collection"):
        ledger.delete_run(example.record.id)
    gone = upload(ledger)
    ledger.delete_run(gone.record.id)
    with pytest.raises(LedgerError, match="may have been deleted already"):
        ledger.delete_run(gone.record.id)


NOTE = (
    "INSERT INTO run_deleted (number, run_id, digest, created_at, prev_hash, hash) SELECT number, "
    "id, digest, 't', '" + "0" * 64 + "', 'h' FROM run WHERE number = {}"
)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM run WHERE number = 2", "append-only"),
        ("DELETE FROM influence", "append-only"),
        (NOTE.format(1), "was not booked"),
        ("UPDATE run_deleted SET digest = 'x'", "append-only"),
        ("DELETE FROM run_deleted", "append-only"),
        (NOTE.format(2), "must follow"),
    ],
)
def test_the_database_itself_refuses_what_is_not_noted_or_booked(
    ledger: Ledger, statement: str, words: str
) -> None:
    booked(ledger)
    upload(ledger)
    ledger.delete_run(upload(ledger, 3).record.id)
    with (
        sqlite3.connect(ledger.path) as raw,
        pytest.raises(sqlite3.IntegrityError, match=words),
    ):
        raw.execute(statement)
    assert ledger.verify().ok


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM run WHERE number = 1",  # booked: its entry knows it
        "DELETE FROM run WHERE number = 2",  # not noted
        "DELETE FROM run WHERE number = 4",  # the last, not noted
        "DELETE FROM run_deleted",
        "UPDATE run_deleted SET number = 2",
        "UPDATE run_deleted SET created_at = 'x'",
    ],
)
def test_a_deletion_that_was_not_noted_or_a_note_that_was_changed_is_found(
    ledger: Ledger, statement: str
) -> None:
    booked(ledger)
    upload(ledger)
    ledger.delete_run(upload(ledger, 3).record.id)
    upload(ledger, 4)
    assert ledger.verify().ok
    tamper(ledger.path, statement)
    assert not ledger.verify().ok

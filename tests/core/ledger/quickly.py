"""Many bookings in one transaction, and tampering as the owner of the file could do it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from core.ledger import write as posting
from core.ledger.ledger import Ledger
from core.ledger.shares import Shares
from tests.runs import NAMES, SHARES, key, record


def book_many(ledger: Ledger, seeds: Iterable[int], shares: Shares = SHARES) -> None:
    """One run and one entry per seed; every third of another class."""
    with ledger._writing() as connection:
        posting.write_artists(connection, NAMES)
        for seed in seeds:
            run = record(seed, style="ukiyo_e" if seed % 3 else "cubism")
            run = replace(run, artist_micro=dict(shares.artist_micro))
            posting.write_run(connection, run, key(run))
            posting.write_credit(connection, run.id, shares, key(run), NAMES)


def tamper(path: Path, statement: str) -> None:
    """Drop the guards, change, put the guards back."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    kept = guards.fetchall()
    for name, _ in kept:
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(statement).rowcount > 0
    for _, sql in kept:
        connection.execute(sql)
    connection.close()


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """From now on it is `moment` for everything that is booked."""
    monkeypatch.setattr(posting, "now", lambda: moment)

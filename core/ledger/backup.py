"""Backup and restoration while the studio runs, by SQLite's own way of copying a database.

In: the ledger's path, a file. Out: a whole copy of one moment; or the ledger replaced by a copy
that was verified first, in one transaction that everybody who has it open sees. Nothing is replaced
by what does not verify, and what is replaced is kept beside.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from core.errors import LedgerError
from core.files import write_via
from core.ledger.checkpoint import note_of
from core.ledger.database import copy_database, in_plain_words, lock_of
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.published_heads import RUNS, differences, in_force
from core.ledger.publisher import Publisher
from core.ledger.write import plain_text

Ends = dict[str, tuple[int, str]]
# what must not be lost: table, number, and what says that it is the same
CHAINS = {
    "entries": ("ledger_txn", "seq", "hash"),
    "status": ("artist_status", "seq", "hash"),
    "names": ("artist_name", "seq", "hash"),
    "disputes": ("dispute_event", "seq", "hash"),
    "deleted": ("run_deleted", "seq", "hash"),
    "runs": (RUNS, "number", "digest"),
}
CALLED = {
    "entries": "entries",
    "status": "changes of artists' status",
    "names": "artists' names",
    "disputes": "events of disputes",
    "deleted": "deletions of runs",
    "runs": "runs",
}


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A copy: where it lies, how many entries it has, and the hash of the last."""

    path: Path
    entries: int
    head_hash: str


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """What was done: entries now and before (None: it could not be read), where the old one is
    kept (None: there was none)."""

    entries: int
    head_hash: str
    before: int | None
    kept: Path | None


def backup(ledger: Ledger, target: Path) -> Backup:
    """Copy the ledger as it is at one moment into `target`, and verify the copy.

    `LedgerError` where the copy does not verify: `target` is as it was then.
    """
    made: list[Backup] = []

    if target.exists() and target.samefile(ledger.path):
        raise LedgerError(
            f"'{target.name}' is the ledger itself. Write the backup to another file."
        )

    def copy(draft: Path) -> None:
        with in_plain_words(ledger.path):
            copy_database(ledger.path, draft)
        made.append(_verified(draft, "The ledger"))

    write_via(target, copy)
    return Backup(path=target, entries=made[0].entries, head_hash=made[0].head_hash)


def restore(
    ledger: Path, source: Path, *, reason: str, actor: str, lose_newer: bool = False
) -> Restoration:
    """Put the backup `source` in the place of the ledger, whoever has it open.

    The backup is copied, brought to the newest schema and verified before anything is replaced.
    One that ends before the ledger, or before what was published, is refused without
    `lose_newer`; with it, the checkpoints say from then on that entries were lost, and why.
    """
    reason, actor = plain_text(reason), plain_text(actor)
    if not reason or not actor:
        raise LedgerError(
            "A restoration needs its reason and the name of who does it; both are published."
        )
    if not source.is_file():
        raise LedgerError(f"There is no backup '{source.name}'. `ledger backup` makes one.")
    with _verified_copy(source, ledger) as (draft, copy):
        before = _entries(ledger)
        ends = _ends(ledger)
        lost = _lost(draft, ledger, copy, before, ends)
        if lost and not lose_newer:
            raise LedgerError(f"Nothing was restored: {lost}. Say --lose-newer to lose them.")
        kept = ledger.with_name(f"{ledger.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        _replace(ledger, draft, kept, ends)
    note_of(ledger).unlink(missing_ok=True)
    opened = open_ledger(ledger, publishes=True)
    try:
        if lost:
            opened.publish(reason=f"restored: {reason} (by {actor})")
        proof = opened.verify()
    finally:
        opened.close()
    if proof.first_bad is not None:
        raise LedgerError(
            f"The ledger was restored but does not verify ({proof.first_bad.reason}). What was "
            f"there before is '{kept.name}'."
        )
    old = kept if kept.exists() else None
    return Restoration(entries=proof.entries, head_hash=proof.head_hash, before=before, kept=old)


@contextlib.contextmanager
def _verified_copy(source: Path, ledger: Path) -> Iterator[tuple[Path, Backup]]:
    """A copy of the backup beside the ledger, of the newest schema, found whole."""
    draft = ledger.with_name(f".{ledger.name}.restoring")
    try:
        ledger.parent.mkdir(parents=True, exist_ok=True)
        _remove(draft)
        with in_plain_words(source):
            copy_database(source, draft)
        yield draft, _verified(draft, f"The backup '{source.name}'")
    finally:
        _remove(draft)


def _verified(path: Path, what: str) -> Backup:
    opened = open_ledger(path)
    try:
        proof = opened.verify()
    finally:
        opened.close()
        note_of(path).unlink(missing_ok=True)
        lock_of(path).unlink(missing_ok=True)
    if proof.first_bad is not None:
        bad = proof.first_bad
        raise LedgerError(
            f"{what} does not verify (entry {bad.entry}: {bad.reason}). Nothing was replaced; use "
            "another backup."
        )
    return Backup(path=path, entries=proof.entries, head_hash=proof.head_hash)


def _entries(ledger: Path) -> int | None:
    """How many entries the ledger has now; None where it cannot be read."""
    try:
        with contextlib.closing(_reading(ledger)) as raw:
            row = raw.execute("SELECT coalesce(max(seq), 0) FROM ledger_txn").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        return None
    return int(row[0])


def _lost(draft: Path, ledger: Path, copy: Backup, before: int | None, ends: Ends) -> str:
    """What is lost by the restoration, in words; empty where nothing is.

    `LedgerError` where the backup is of another history than the one that was published.
    """
    heads = in_force(Publisher(ledger).heads())
    with contextlib.closing(_reading(draft)) as raw:
        entries, runs, changes, disputes = (
            raw.execute(f"SELECT coalesce(max({number}), 0) FROM {table}").fetchone()[0]
            for number, table in (
                ("seq", "ledger_txn"),
                ("number", RUNS),
                ("seq", "artist_status"),
                ("seq", "dispute_event"),
            )
        )
        fitting = [
            head
            for head in heads
            if head.entries <= entries
            and head.runs <= runs
            and head.changes <= changes
            and head.disputes <= disputes
        ]
        bad = next(differences(raw, fitting), None)
    if bad is not None:
        raise LedgerError(
            f"Nothing was restored: the backup is not of this ledger ({bad.reason}). Use a backup "
            "that this studio made."
        )
    last = max((before or 0, *(head.entries for head in heads)))
    if last > copy.entries:
        return f"the backup ends with entry {copy.entries}, and there were {last}"
    if len(fitting) < len(heads):
        return "the backup ends before runs, changes of status or disputes that were published"
    there = _ends(draft, of=ends)
    missing = [CALLED[name] for name, end in ends.items() if there.get(name) != end]
    if missing:
        return f"the backup does not hold the newest of: {', '.join(missing)}"
    return ""


def _ends(path: Path, of: Ends | None = None) -> Ends:
    """Of every chain of a ledger its last number and what is written there; with `of`, what is
    written at those numbers. A chain that cannot be read, or is of another schema, is left out."""
    ends: Ends = {}
    try:
        with contextlib.closing(_reading(path)) as raw:
            for name, (table, number, kept) in CHAINS.items():
                with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
                    last = f"(SELECT max({number}) FROM {table})"
                    at = last if of is None else "?"
                    values = () if of is None else (of[name][0],) if name in of else (0,)
                    query = f"SELECT {number}, {kept} FROM {table} WHERE {number} = {at}"
                    row = raw.execute(query, values).fetchone()
                    if row is not None:
                        ends[name] = (int(row[0]), str(row[1]))
    except sqlite3.Error:
        return {}
    return ends


def _replace(ledger: Path, draft: Path, kept: Path, ends: Ends) -> None:
    """Keep what is there, then put the copy in its place.

    `ends`: of the ledger when it was compared. `LedgerError` where it was written to since.
    """

    def keep() -> None:
        if _ends(ledger) != ends:
            raise LedgerError(
                "Nothing was restored: something was booked meanwhile. Stop the studio, or try "
                "again."
            )
        copy_database(ledger, kept)

    with FileLock(lock_of(ledger)):
        try:  # one transaction for whoever has it open
            copy_database(draft, ledger, keep if ledger.exists() else None)
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "busy" in str(error) or "full" in str(error):
                with in_plain_words(ledger):
                    raise
            # what is there is no database: nobody can have it open in earnest
            kept.unlink(missing_ok=True)
            for end in ("", "-wal", "-shm"):
                old = ledger.with_name(ledger.name + end)
                if old.exists():
                    old.replace(kept.with_name(kept.name + end))
            with in_plain_words(ledger):
                copy_database(draft, ledger)


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _remove(draft: Path) -> None:
    for end in ("", "-wal", "-shm"):
        draft.with_name(draft.name + end).unlink(missing_ok=True)

"""The ledger: one object over one SQLite file, safe for several threads and processes.

Every call is one transaction: it is done whole, or a `LedgerError` says why not and nothing was
booked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import Connection

from core.errors import LedgerError, UsageError
from core.ledger import export, verification
from core.ledger import queries as reading
from core.ledger import write as posting
from core.ledger.database import BUSY_MS, connect, migrate, told
from core.ledger.records import (
    Entry,
    KnownArtist,
    LedgerFilter,
    Page,
    RunRecord,
    RunView,
    Statement,
    Totals,
    Verification,
)
from core.ledger.shares import Shares

EVERYTHING = LedgerFilter()
BATCH = 200
STATUSES = ("active", "opted-out")


class Ledger:
    """Double entry in integer micro-credits; adds, never changes."""

    def __init__(self, path: Path, busy_ms: int = BUSY_MS) -> None:
        self.path = path
        self.engine = connect(path, busy_ms)
        self._frozen = ""

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with told(self.path), self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._frozen:
            raise LedgerError(self._frozen)
        with told(self.path), self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def know_artists(self, names: Mapping[str, str]) -> None:
        """Make artists (id -> name) known, so that they have a page before any credit."""
        with self._writing() as connection:
            posting.write_artists(connection, names)

    def record(
        self,
        run: RunRecord,
        shares: Shares | None = None,
        key: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> RunView:
        """Record a run and, with `shares` and `key`, credit it: both or neither.

        A key that was booked before books nothing again; the run then points to that entry.
        `names` are the credited artists' names.
        """
        if (shares is None) != (key is None):
            raise UsageError("Shares and their idempotency key go together.")
        with self._writing() as connection:
            posting.write_artists(connection, names or {})
            posting.write_run(connection, run, key)
            if shares is not None and key is not None and not posting.existing(connection, key):
                posting.write_credit(connection, run.id, shares, key, names or {})
        view = self.run(run.id)
        assert view is not None
        return view

    def reverse(self, number: int, *, reason: str, actor: str) -> Entry:
        """Take entry `number` back by a counter-entry; both stay."""
        with self._writing() as connection:
            made = posting.write_reversal(connection, number, reason, actor)
        found = self.entry(made)
        assert found is not None
        return found

    def set_artist_status(self, artist_id: str, status: str, *, reason: str, actor: str) -> None:
        """Opt an artist out (future shares go to unattributed) or back in, with a reason."""
        if status not in STATUSES:
            raise UsageError(f"There is no status '{status}'. Choose: {', '.join(STATUSES)}.")
        if not reason.strip():
            raise LedgerError("A change of status needs its reason; it is kept for ever.")
        if artist_id not in {one.id for one in self.artists()}:
            raise LedgerError(f"The ledger knows no artist '{artist_id}'.")
        with self._writing() as connection:
            posting.write_status(connection, artist_id, status, reason.strip(), actor)

    def artists(self) -> list[KnownArtist]:
        """Every artist it knows, by name."""
        with self._reading() as connection:
            return reading.artists(connection)

    def opted_out(self) -> frozenset[str]:
        """The ids of artists whose future shares go to unattributed."""
        return frozenset(one.id for one in self.artists() if one.status == "opted-out")

    def run(self, run_id: str) -> RunView | None:
        """A recorded run with its influences."""
        with self._reading() as connection:
            return reading.run_view(connection, run_id)

    def runs(
        self, selected: LedgerFilter = EVERYTHING, *, page: int = 1, per_page: int = 24
    ) -> Page[RunView]:
        """Recorded runs, newest first, without influences."""
        with self._reading() as connection:
            return reading.runs(connection, selected, page, per_page)

    def totals(self, selected: LedgerFilter = EVERYTHING) -> Totals:
        """Net credit an artist, and what is unattributed."""
        with self._reading() as connection:
            return reading.totals(connection, selected)

    def entries(
        self, selected: LedgerFilter = EVERYTHING, *, page: int = 1, per_page: int = 50
    ) -> Page[Entry]:
        """Entries, newest first."""
        with self._reading() as connection:
            return reading.entries(connection, selected, page, per_page)

    def entry(self, number: int) -> Entry | None:
        """An entry by its number."""
        with self._reading() as connection:
            return reading.entry(connection, number)

    def entry_by_id(self, entry_id: str) -> Entry | None:
        """An entry by its id."""
        with self._reading() as connection:
            number = reading.entry_number(connection, entry_id)
            return None if number is None else reading.entry(connection, number)

    def artist_statement(self, artist_id: str, period: str | None = None) -> Statement:
        """An artist's entries of a month (YYYY-MM), or of all time."""
        with self._reading() as connection:
            return reading.statement(connection, artist_id, period)

    def verify(self) -> Verification:
        """Recompute everything from the first entry on; a ledger that fails takes no more."""
        with self._reading() as connection:
            proof = verification.verify(connection)
        bad = proof.first_bad
        self._frozen = (
            ""
            if bad is None
            else (
                f"The ledger was changed (entry {bad.entry}: {bad.reason}), so nothing more is "
                "booked. Restore the database from a backup."
            )
        )
        return proof

    def export_csv(self, selected: LedgerFilter = EVERYTHING) -> Iterator[str]:
        """The chosen entries, oldest first, as CSV."""
        return export.as_csv(self._oldest_first(selected))

    def export_json(self, selected: LedgerFilter = EVERYTHING) -> Iterator[str]:
        """The chosen entries, oldest first, as a JSON array."""
        return export.as_json(self._oldest_first(selected))

    def _oldest_first(self, selected: LedgerFilter) -> Iterator[Entry]:
        pages = self.entries(selected, page=1, per_page=BATCH).pages
        for page in range(pages, 0, -1):
            yield from reversed(self.entries(selected, page=page, per_page=BATCH).items)


def open_ledger(path: Path, *, busy_ms: int = BUSY_MS) -> Ledger:
    """The ledger in `path`, made if there is none and brought to the newest schema."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"The folder '{path.parent.name}' for the ledger cannot be made "
            f"({error.strerror or error}). Set CREDITLINE_HOME to a folder you may write to."
        ) from error
    ledger = Ledger(path, busy_ms)
    with told(path):
        migrate(ledger.engine, path)
    return ledger

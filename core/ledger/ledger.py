"""The ledger: one object over one SQLite file, safe for several threads and processes.

Every call is one transaction: all of it is done, or a `LedgerError` says why not and nothing was
booked.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection

from core.errors import LedgerError, UsageError
from core.ledger import export, queries, verification, write
from core.ledger.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from core.ledger.database import BUSY_MS, connect, identity, in_plain_words, migrate
from core.ledger.deletion import write_deletion
from core.ledger.records import (
    ALL_RUNS,
    EVERYTHING,
    Entry,
    KnownArtist,
    LedgerFilter,
    Page,
    RunRecord,
    RunSearch,
    RunView,
    Statement,
    Totals,
    Verification,
)
from core.ledger.reversal import write_reversal
from core.ledger.shares import ShareRule, Shares
from core.ledger.statement import statement as artist_statement

STATUSES = ("active", "opted-out")


class Reader(ABC):
    """What can be read of a ledger."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Connection]:
        """A connection inside a transaction."""

    def artists(self) -> list[KnownArtist]:
        """Every artist it knows, by name."""
        with self._reading() as connection:
            return queries.artists(connection)

    def opted_out(self) -> frozenset[str]:
        """The ids of artists whose future shares go to unattributed."""
        return frozenset(one.id for one in self.artists() if one.status == "opted-out")

    def styles(self) -> tuple[str, ...]:
        """The classes of its runs, each once, sorted."""
        with self._reading() as connection:
            return queries.styles(connection)

    def rules(self) -> tuple[ShareRule, ...]:
        """The share rules by which its entries were booked, the newest entry's first."""
        with self._reading() as connection:
            return queries.rules(connection)

    def run(self, run_id: str) -> RunView | None:
        """A recorded run with its influences."""
        with self._reading() as connection:
            return queries.run_view(connection, run_id)

    def runs(
        self,
        selected: LedgerFilter = EVERYTHING,
        search: RunSearch = ALL_RUNS,
        *,
        page: int = 1,
        per_page: int = 24,
    ) -> Page[RunView]:
        """Recorded runs that both let through, newest first, without influences."""
        with self._reading() as connection:
            return queries.runs(connection, selected, search, page, per_page)

    def size(self) -> int:
        """How many entries it has."""
        with self._reading() as connection:
            return queries.size(connection)

    def head(self) -> str:
        """The hash of the newest entry: it stands for all before it."""
        with self._reading() as connection:
            return queries.head(connection)

    def totals(self, selected: LedgerFilter = EVERYTHING) -> Totals:
        """Net credit per artist, and what is unattributed."""
        with self._reading() as connection:
            return queries.totals(connection, selected)

    def entries(
        self, selected: LedgerFilter = EVERYTHING, *, page: int = 1, per_page: int = 50
    ) -> Page[Entry]:
        """Entries, newest first."""
        with self._reading() as connection:
            return queries.entries(connection, selected, page, per_page)

    def entry(self, number: int) -> Entry | None:
        """An entry by its number."""
        with self._reading() as connection:
            return queries.entry(connection, number)

    def entry_by_id(self, entry_id: str) -> Entry | None:
        """An entry by its id."""
        with self._reading() as connection:
            number = queries.entry_number(connection, entry_id)
            return None if number is None else queries.entry(connection, number)

    def artist_statement(self, artist_id: str, period: str | None = None) -> Statement:
        """An artist's entries of a month (YYYY-MM), or of all time."""
        with self._reading() as connection:
            return artist_statement(connection, artist_id, period)

    def export_csv(self, selected: LedgerFilter = EVERYTHING) -> Iterator[str]:
        """The chosen entries, oldest first, as CSV: the ledger as it was at the first part."""
        return export.as_csv(self._oldest_first(selected))

    def export_json(self, selected: LedgerFilter = EVERYTHING) -> Iterator[str]:
        """The chosen entries, oldest first, as a JSON array: the ledger as it was at first."""
        return export.as_json(self._oldest_first(selected))

    def _oldest_first(self, selected: LedgerFilter) -> Iterator[Entry]:
        with self._reading() as connection:
            yield from queries.every_entry(connection, selected)


class Moment(Reader):
    """The ledger as it is at one moment, whatever is booked meanwhile: see `Ledger.moment`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _reading(self) -> AbstractContextManager[Connection]:
        return contextlib.nullcontext(self._connection)


class Ledger(Reader):
    """Double entry in integer micro-credits; adds, never changes. Only a run that no entry knows
    can be deleted, and that it was there stays noted."""

    def __init__(self, path: Path, busy_ms: int = BUSY_MS) -> None:
        self.path = path
        self.engine = connect(path, busy_ms)
        self._frozen = ""
        self._file: tuple[int, int] | None = None
        self.wholly_verified = False

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with in_plain_words(self.path), self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._frozen:
            raise LedgerError(self._frozen)
        self._require_same_file()
        with (
            in_plain_words(self.path),
            self.engine.execution_options(writes=True).begin() as connection,
        ):
            self._require_same_file()  # once more, now that nobody else writes
            yield connection

    def _require_same_file(self) -> None:
        """Raise `LedgerError` where the path leads to another file than the one that was opened."""
        if identity(self.path) != self._file:
            raise LedgerError(
                f"The ledger '{self.path.name}' was replaced or moved while this program had it "
                "open. Nothing was booked. Put the file back, or start the program again to go on "
                "with the one that is there now."
            )

    def migrate(self) -> None:
        """Make the file or bring it to the newest schema; from here on it is this very file."""
        with in_plain_words(self.path):
            migrate(self.engine, self.path)
        self._file = identity(self.path)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    @contextlib.contextmanager
    def moment(self) -> Iterator[Moment]:
        """Several readings of one and the same moment."""
        with self._reading() as connection:
            yield Moment(connection)

    def know_artists(self, names: Mapping[str, str]) -> None:
        """Make artists (id -> name) known, so that they have a page before any credit."""
        known = {one.id: one.name for one in self.artists()}
        new = {who: name for who, name in names.items() if known.get(who) != name}
        if new:
            with self._writing() as connection:
                write.write_artists(connection, new)

    def record(
        self,
        run: RunRecord,
        shares: Shares | None = None,
        key: str | None = None,
        names: Mapping[str, str] | None = None,
        *,
        rule: ShareRule | None = None,
        unpaid: frozenset[str] = frozenset(),
    ) -> RunView:
        """Record a run and, with `shares` and `key`, credit it: both or neither.

        A key that was booked before books nothing again; the run then points to that entry. A run
        that is recorded already is not recorded twice. `names` holds the credited artists' names;
        others in it are left alone. `rule`: the run's own, kept though nothing is booked. What is
        owed to the ids in `unpaid`, makers whom nobody knows, is kept in escrow.
        """
        if (shares is None) != (key is None):
            raise UsageError("Shares and their idempotency key go together.")
        credited = {} if shares is None else shares.artist_micro
        named = {who: name for who, name in (names or {}).items() if who in credited}
        with self._writing() as connection:
            write.write_artists(connection, named)
            write.write_run(connection, run, key)
            if rule is not None:
                write.write_rule(connection, rule)
            if shares is not None and key is not None and not write.existing(connection, key):
                write.write_credit(connection, run.id, shares, key, named, unpaid)
            view = queries.run_view(connection, run.id)
        assert view is not None
        return view

    def record_once(self, run: RunRecord) -> RunView:
        """The run that is recorded under this id; `run` is recorded if there is none yet."""
        with self._writing() as connection:
            view = queries.run_view(connection, run.id)
            if view is None:
                write.write_run(connection, run, None)
                view = queries.run_view(connection, run.id)
        assert view is not None
        return view

    def delete_run(self, run_id: str) -> RunView:
        """Delete a run that was not booked; returns what it was. Its number is not given again."""
        with self._writing() as connection:
            view = queries.run_view(connection, run_id)
            write_deletion(connection, view)
        assert view is not None
        return view

    def reverse(self, number: int, *, reason: str, actor: str) -> Entry:
        """Take entry `number` back by a counter-entry; both stay."""
        with self._writing() as connection:
            made = queries.entry(connection, write_reversal(connection, number, reason, actor))
        assert made is not None
        return made

    def set_artist_status(self, artist_id: str, status: str, *, reason: str, actor: str) -> None:
        """Opt an artist out (future shares go to unattributed) or back in, with a reason."""
        if status not in STATUSES:
            raise UsageError(f"There is no status '{status}'. Choose: {', '.join(STATUSES)}.")
        with self._writing() as connection:
            write.write_status(connection, artist_id, status, reason, actor)

    def verify(self) -> Verification:
        """Recompute everything from the first entry on; a ledger that fails takes no more."""
        return self._verified(None)

    def verify_new(self) -> Verification:
        """Recompute what came after the last verified head; everything where none is noted.

        The rule stands in `core.ledger.verification`. A ledger that failed before stays closed
        until the whole is verified.
        """
        return self._verified(read_checkpoint(self.path))

    def _verified(self, since: Checkpoint | None) -> Verification:
        with self._reading() as connection:
            proof, reached = verification.verify(connection, since)
        bad = proof.first_bad
        if bad is not None:
            self._frozen = (
                f"The ledger was changed (entry {bad.entry}: {bad.reason}), so nothing more is "
                "booked. Restore the database from a backup."
            )
        elif proof.whole:
            self._frozen, self.wholly_verified = "", True
        if bad is None and reached != since:
            write_checkpoint(self.path, reached)
        return proof


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
    ledger.migrate()
    return ledger

"""The ledger: one object over one SQLite file, safe for several threads and processes.

Every call is one transaction: all of it is done, or a `LedgerError` says why not and nothing was
booked.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from core.errors import CreditlineError, LedgerError, UsageError
from core.ledger import dispute_queries, disputes, export, queries, verification, write
from core.ledger.chain import head, size
from core.ledger.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from core.ledger.database import BUSY_MS, connect, identity, in_plain_words, migrate
from core.ledger.deletion import write_deletion
from core.ledger.inclusion import InclusionProof, prove
from core.ledger.masks import masked
from core.ledger.published_heads import PublishedHead
from core.ledger.publisher import Published, Publisher, against, fault_at_once
from core.ledger.records import (
    ALL_RUNS,
    EVERYTHING,
    Dispute,
    Entry,
    FirstBad,
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
from core.ledger.shares import KNOWN_RULES, ShareRule, Shares
from core.ledger.signing import PublicKeys
from core.ledger.statement import statement as artist_statement
from core.ledger.totals import balances, months, totals

LOG = logging.getLogger(__name__)
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
        with self._reading() as connection:
            return queries.opted_out(connection)

    def artist_count(self) -> int:
        """How many artists it knows."""
        with self._reading() as connection:
            return queries.artist_count(connection)

    def artist(self, artist_id: str) -> KnownArtist | None:
        """The artist with this id."""
        with self._reading() as connection:
            return queries.known_artist(connection, artist_id)

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
            return size(connection)

    def head(self) -> str:
        """The hash of the newest entry: it stands for all before it."""
        with self._reading() as connection:
            return head(connection)

    def totals(self, selected: LedgerFilter = EVERYTHING, *, most: int | None = None) -> Totals:
        """Net credit per artist, and what is unattributed; `most`: how many artists are listed."""
        with self._reading() as connection:
            return totals(connection, selected, most)

    def balances(self) -> dict[tuple[str, str], int]:
        """(artist id, account) -> net micro-credits, of everybody whom an entry ever touched."""
        with self._reading() as connection:
            return balances(connection)

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

    def artist_statement(
        self,
        artist_id: str,
        period: str | None = None,
        *,
        newest: int | None = None,
        days: tuple[str | None, str | None] = (None, None),
    ) -> Statement:
        """An artist's entries of a month (YYYY-MM), of days [since, until), or of all time;
        `newest`: only the last ones, the sums over all."""
        with self._reading() as connection:
            return artist_statement(connection, artist_id, period, newest, days)

    def dispute(self, number: int) -> Dispute | None:
        """A dispute by its number."""
        with self._reading() as connection:
            return dispute_queries.dispute(connection, number)

    def disputes(
        self,
        *,
        entries: Collection[int] | None = None,
        artist_id: str | None = None,
        only_open: bool = False,
        page: int = 1,
        per_page: int = 50,
    ) -> Page[Dispute]:
        """Disputes, the newest first: about some entries, an artist's, or all."""
        with self._reading() as connection:
            return dispute_queries.disputes(
                connection,
                entries=entries,
                artist_id=artist_id,
                only_open=only_open,
                page=page,
                per_page=per_page,
            )

    def true_names(self) -> dict[str, str]:
        """Artist id -> name, withheld ones too: for what compares names, never to be shown."""
        with self._reading() as connection:
            return queries.true_names(connection)

    def masked(self) -> frozenset[str]:
        """The ids of artists whose name is withheld."""
        with self._reading() as connection:
            return masked(connection)

    def artist_months(self, artist_id: str) -> tuple[str, ...]:
        """The months (YYYY-MM) in which entries touched an artist, the newest first."""
        with self._reading() as connection:
            return months(connection, artist_id)

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

    def __init__(
        self, path: Path, busy_ms: int = BUSY_MS, publisher: Publisher | None = None
    ) -> None:
        self.path = path
        self.engine = connect(path, busy_ms)
        self.publisher = publisher
        self._broken: FirstBad | None = None
        self._file: tuple[int, int] | None = None
        self.wholly_verified = False

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with in_plain_words(self.path), self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        bad = self._broken
        if bad is not None:
            raise LedgerError(
                f"The ledger was changed (entry {bad.entry}: {bad.reason}), so nothing more is "
                "booked. Restore the database from a backup."
            )
        self._require_same_file()
        with (
            in_plain_words(self.path),
            self.engine.execution_options(writes=True).begin() as connection,
        ):
            self._require_same_file()  # once more, now that nobody else writes
            yield connection
            entries = size(connection)
        self._publish_if_due(entries)

    def _publish_if_due(self, entries: int) -> None:
        """What was booked is booked: a head that cannot be published now is published later."""
        if self.publisher is None:
            return
        try:
            if self.publisher.is_due(entries):
                self.publish()
        except CreditlineError as error:
            LOG.warning(error.message)

    def publish(self, reason: str = "") -> PublishedHead:
        """Publish the head as it is now, whether or not a line is due; `reason`: of a restoration
        that lost entries."""
        if self.publisher is None:
            raise LedgerError(
                "This ledger is opened without its signing key. Use `ledger publish`."
            )
        with self._reading() as connection:
            return self.publisher.publish(_raw(connection), reason)

    def prove(self, number: int, head: PublishedHead) -> InclusionProof:
        """The proof that entry `number` is in the ledger of which `head` was published."""
        with self._reading() as connection:
            bad = fault_at_once(_raw(connection), head)
            if bad is not None:
                raise LedgerError(f"Nothing can be proved by this checkpoint: {bad.reason}.")
            return prove(_raw(connection), number, head)

    def compare(self, heads: tuple[PublishedHead, ...], keys: PublicKeys) -> list[FirstBad]:
        """Where the ledger is not the one whose heads somebody kept."""
        with self._reading() as connection:
            return against(_raw(connection), heads, keys)

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
        known = self.true_names()
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
        given = names or {}
        named = {who: given[who] for who in credited if who in given}
        with self._writing() as connection:
            write.write_artists(connection, named)
            write.write_run(connection, run, key)
            written = None
            if shares is not None and key is not None and not write.existing(connection, key):
                write.write_credit(connection, run.id, shares, key, named, unpaid)
                written = shares.rule
            own = rule or KNOWN_RULES.get(run.rule)
            if own is not None and own != written:
                write.write_rule(connection, own)
            view = queries.run_view(connection, run.id)
        assert view is not None
        return view

    def record_once(self, run: RunRecord) -> RunView:
        """The run that is recorded under this id; `run` is recorded if there is none yet."""
        with self._writing() as connection:
            view = queries.run_view(connection, run.id)
            if view is None:
                write.write_run(connection, run, None)
                if run.rule in KNOWN_RULES:
                    write.write_rule(connection, KNOWN_RULES[run.rule])
                view = queries.run_view(connection, run.id)
        assert view is not None
        return view

    def delete_run(self, run_id: str, *, actor: str | None = None) -> RunView:
        """Delete a run that was not booked; returns what it was. Its number is not given again.

        `actor`: by whom, as it is kept.
        """
        with self._writing() as connection:
            view = queries.run_view(connection, run_id)
            write_deletion(connection, view, actor)
        assert view is not None
        return view

    def reverse(self, number: int, *, reason: str, actor: str) -> Entry:
        """Take entry `number` back by a counter-entry; both stay."""
        with self._writing() as connection:
            made = queries.entry(connection, write_reversal(connection, number, reason, actor))
        assert made is not None
        return made

    def open_dispute(
        self, number: int, *, artist_id: str | None = None, reason: str, actor: str
    ) -> Dispute:
        """Dispute what entry `number` credits to an artist, or to everybody: it goes to escrow."""
        with self._writing() as connection:
            opened = disputes.open_dispute(connection, number, artist_id, reason, actor)
            made = dispute_queries.dispute(connection, opened)
        assert made is not None
        return made

    def comment_dispute(self, number: int, *, reason: str, actor: str) -> Dispute:
        """Say something about an open dispute."""
        with self._writing() as connection:
            disputes.comment_dispute(connection, number, reason, actor)
            made = dispute_queries.dispute(connection, number)
        assert made is not None
        return made

    def resolve_dispute(
        self, number: int, outcome: str, *, paid_to: str | None = None, reason: str, actor: str
    ) -> Dispute:
        """End a dispute: rejected, the credit goes back; upheld, it is paid to `paid_to`, or stays
        in escrow."""
        with self._writing() as connection:
            disputes.resolve_dispute(connection, number, outcome, paid_to, reason, actor)
            made = dispute_queries.dispute(connection, number)
        assert made is not None
        return made

    def set_artist_status(
        self,
        artist_id: str,
        status: str,
        *,
        reason: str,
        actor: str,
        masked: bool | None = None,
    ) -> None:
        """Opt an artist out (future shares go to unattributed) or back in, with a reason; `masked`:
        whether the name is withheld from then on (None: as before)."""
        if status not in STATUSES:
            raise UsageError(f"There is no status '{status}'. Choose: {', '.join(STATUSES)}.")
        with self._writing() as connection:
            write.write_status(connection, artist_id, status, reason, actor, masked)

    def verify(self) -> Verification:
        """Recompute everything from the first entry on; a ledger that fails takes no more."""
        return self._verified(None)

    def verify_new(self) -> Verification:
        """Recompute what came after the last verified head; everything where none is noted.

        The rule stands in `core.ledger.verification`. A ledger that failed before stays closed, and
        fails again, until the whole is verified.
        """
        return self._verified(read_checkpoint(self.path))

    def _verified(self, since: Checkpoint | None) -> Verification:
        published = self.publisher.published() if self.publisher is not None else Published()
        with self._reading() as connection:
            proof, reached = verification.verify(connection, since)
            if proof.ok:
                faults = published.faults(_raw(connection), whole=proof.whole)
                if faults:
                    proof = replace(proof, ok=False, first_bad=faults[0])
        if proof.ok and not proof.whole and self._broken is not None:
            return replace(proof, ok=False, first_bad=self._broken)
        if proof.first_bad is not None:
            self._broken = proof.first_bad
        elif proof.whole:
            self._broken, self.wholly_verified = None, True
        if proof.ok and reached != since:
            write_checkpoint(self.path, reached)
        return proof


def _raw(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    assert raw is not None
    return raw


def open_ledger(path: Path, *, busy_ms: int = BUSY_MS, publishes: bool = False) -> Ledger:
    """The ledger in `path`, made if there is none and brought to the newest schema.

    `publishes`: its heads are signed and published as they are due, and it is held against them.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"The folder '{path.parent.name}' for the ledger cannot be made "
            f"({error.strerror or error}). Set CREDITLINE_HOME to a folder you may write to."
        ) from error
    ledger = Ledger(path, busy_ms, Publisher(path) if publishes else None)
    ledger.migrate()
    return ledger

"""When heads are published, and where: one line per day and per so many entries.

In: the ledger's path. Out: `published/checkpoints.jsonl` and `published/key.pem` beside it, made to
be copied to others; the private key in `keys/`, which stays. Several processes may publish.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock

from core.errors import CreditlineError, LedgerError
from core.files import write_text
from core.ledger.hashes import GENESIS, canonical
from core.ledger.published_heads import (
    RUNS,
    PublishedHead,
    Roots,
    append_head,
    differences,
    faults_of_heads,
    read_heads,
)
from core.ledger.records import FirstBad
from core.ledger.signing import (
    PublicKeys,
    fingerprint,
    public_pem,
    read_public_keys,
    sign,
    signing_key,
)
from core.ledger.write import now

EVERY = 1_000  # entries


@dataclass(frozen=True)
class Published:
    """The lines up to some moment and the keys they are signed by; `bad`: why they are no proof."""

    heads: tuple[PublishedHead, ...] = ()
    keys: PublicKeys = field(default_factory=dict)
    bad: FirstBad | None = None

    def faults(self, raw: sqlite3.Connection, *, whole: bool = True) -> list[FirstBad]:
        """Where the ledger is not the one that was published; nothing was: none.

        `raw`: a connection that reads the ledger of this moment or a later one. Not `whole`: only
        whether the last line still fits.
        """
        if self.bad is not None:
            return [self.bad]
        if whole:
            return against(raw, self.heads, self.keys)
        bad = fault_at_once(raw, self.heads[-1]) if self.heads else None
        return [] if bad is None else [bad]


class Publisher:
    """Publishes the heads of one ledger."""

    def __init__(self, ledger: Path, every: int = EVERY) -> None:
        self.every = every
        self.checkpoints = ledger.parent / "published" / "checkpoints.jsonl"
        self.public_key = ledger.parent / "published" / "key.pem"
        self._private_key = ledger.parent / "keys" / "ledger.pem"
        self._roots = Roots()
        self._last: PublishedHead | None = None

    def heads(self) -> tuple[PublishedHead, ...]:
        """Everything that was published here."""
        return read_heads(self.checkpoints)

    def is_due(self, entries: int) -> bool:
        """Whether the day or the number of entries asks for a line."""
        if self._last is None:
            self._last = next(reversed(self.heads()), None)
        last = self._last
        return (
            last is None
            or last.published_at[:10] != now()[:10]
            or entries >= last.entries + self.every
        )

    def publish(self, raw: sqlite3.Connection, reason: str = "") -> PublishedHead:
        """A line for the ledger as it is; the last line where nothing came since.

        `raw`: a connection in a transaction. `reason`: of a restoration, after which a line may say
        less than the one before it. `LedgerError` where the ledger is not the one that was
        published: nothing is signed then.
        """
        self.checkpoints.parent.mkdir(parents=True, exist_ok=True)
        key = signing_key(self._private_key)
        with FileLock(self.checkpoints.with_name(".checkpoints.lock")):
            self._publish_key(public_pem(key))
            heads = self.heads()
            last = heads[-1] if heads else None
            if reason or last is None or last != self._last:
                self._roots = Roots()  # what was read before may be another history
            if last is not None and not reason:
                bad = fault_at_once(raw, last)
                if bad is not None:
                    raise LedgerError(
                        f"No checkpoint was published: {bad.reason}. Verify the ledger; a backup "
                        "is put back by `ledger restore`, which says so in the checkpoints."
                    )
            head = self._roots.now(raw)
            if last is not None and not reason and _counts(last) == _counts(head):
                self._last = last
                return last
            head = replace(
                head,
                number=last.number + 1 if last else 1,
                published_at=max(now(), last.published_at if last else ""),
                previous=last.digest if last else GENESIS,
                reason=reason,
            ).signed(key)
            append_head(self.checkpoints, head)
            self._last = head
        return head

    def _publish_key(self, pem: str) -> None:
        """A key that was changed joins the ones before, by which older lines are signed."""
        kept = self.public_key.read_text("ascii") if self.public_key.exists() else ""
        if pem not in kept:
            write_text(self.public_key, kept + pem)

    def public_pem(self) -> bytes:
        """The public keys as text, the one in use among them: made on first use."""
        key = signing_key(self._private_key)
        self.public_key.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.checkpoints.with_name(".checkpoints.lock")):
            self._publish_key(public_pem(key))
        return self.public_key.read_bytes()

    def sign(self, values: Mapping[str, str]) -> dict[str, str]:
        """Something else that the studio says, with the `key`'s fingerprint and its `signature`;
        what kind of thing it is must be among the values."""
        key = signing_key(self._private_key)
        signed = {**values, "key": fingerprint(key.public_key())}
        return signed | {"signature": sign(key, canonical(signed).encode("ascii"))}

    def keys(self) -> PublicKeys:
        """By which the lines here are signed."""
        return read_public_keys(self.public_key)

    def published(self) -> Published:
        """What was published up to now. Whoever holds a ledger against it reads this first: a
        snapshot taken later knows every entry that it speaks of."""
        try:
            heads = self.heads()
            return Published(heads, self.keys() if heads else {})
        except CreditlineError as error:
            return Published(bad=FirstBad(0, error.message))


def _counts(head: PublishedHead) -> tuple[int, ...]:
    return head.entries, head.runs, head.changes, head.disputes


def fault_at_once(raw: sqlite3.Connection, head: PublishedHead) -> FirstBad | None:
    """Whether the ledger is shorter than a head, or has another hash there: known from three rows.

    An entry's hash covers every entry before it, so this finds every history that was written
    again, as far as the ledger itself verifies.
    """
    for words, query, count, expected in (
        ("entry", "SELECT hash FROM ledger_txn WHERE seq = ?", head.entries, head.head),
        ("run", f"SELECT digest FROM {RUNS} WHERE number = ?", head.runs, None),
        ("change", "SELECT hash FROM artist_status WHERE seq = ?", head.changes, head.changes_head),
        (
            "event of a dispute",
            "SELECT hash FROM dispute_event WHERE seq = ?",
            head.disputes,
            head.disputes_head,
        ),
    ):
        row = raw.execute(query, (count,)).fetchone()
        if count and (row is None or expected not in (None, row[0])):
            return next(differences(raw, [head]), None) or FirstBad(
                0, f"{words} {count} is not what checkpoint {head.number} says"
            )
    return None


def against(
    raw: sqlite3.Connection, heads: tuple[PublishedHead, ...], keys: PublicKeys
) -> list[FirstBad]:
    """The first fault of the lines, or else every difference of the ledger from them."""
    bad = next(faults_of_heads(heads, keys), None)
    return [bad] if bad is not None else list(differences(raw, heads))

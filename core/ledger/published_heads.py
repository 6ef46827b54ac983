"""Published heads: what the ledger said of itself, signed, a line each, in a file others can keep.

In: a ledger's connection, a folder. Out: lines of `checkpoints.jsonl`, and where a ledger differs
from lines that somebody kept. A chain of hashes shows that no entry was edited; it cannot show that
the whole was written again, or that its end was cut off: a line that lies elsewhere can. A line
holds, for entries and runs, how many there are and a Merkle root over their hashes (RFC 6962), the
last entry's and the last change of status's hash, and the hash of the line before.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.errors import LedgerError
from core.ledger.hashes import GENESIS, canonical
from core.ledger.merkle import Growing
from core.ledger.records import FirstBad
from core.ledger.signing import PublicKeys, fingerprint, is_signed, sign

# a run that was deleted keeps its place: its digest is noted
RUNS = "(SELECT number, digest FROM run UNION ALL SELECT number, digest FROM run_deleted)"
# chains beside the entries, of which a line holds the last hash
BESIDE = {"changes": "artist_status", "disputes": "dispute_event"}
CALLED = {"changes": "changes of artists' status", "disputes": "events of disputes"}
FORMAT = "creditline-checkpoint@1"
NOTHING = Growing().root().hex()


@dataclass(frozen=True, kw_only=True)
class PublishedHead:
    """One line. Hashes in hex; `reason` is empty but after a restoration, which may lose entries.

    `number`: of the line, from 1. `disputes`: how many events of disputes. `previous`: sha256 of
    the line before. `key`: the fingerprint of the public key. `signature`: Ed25519 over the line
    without it, in base64.
    """

    number: int
    published_at: str
    entries: int
    head: str
    entries_root: str
    runs: int
    runs_root: str
    changes: int
    changes_head: str
    previous: str
    reason: str = ""
    key: str = ""
    signature: str = ""
    format: str = FORMAT
    disputes: int = 0
    disputes_head: str = GENESIS

    def message(self) -> bytes:
        """What is signed."""
        values = self._values()
        del values["signature"]
        return canonical(values).encode("ascii")

    def line(self) -> str:
        """The line of the file, without its end."""
        return canonical(self._values())

    def _values(self) -> dict[str, Any]:
        """Before the first dispute a line is as it was when there were none to speak of."""
        values = asdict(self)
        if not self.disputes:
            del values["disputes"], values["disputes_head"]
        return values

    @property
    def digest(self) -> str:
        """What the next line calls `previous`."""
        return hashlib.sha256(self.line().encode("ascii")).hexdigest()

    def signed(self, key: Ed25519PrivateKey) -> PublishedHead:
        """The same, signed."""
        named = replace(self, key=fingerprint(key.public_key()))
        return replace(named, signature=sign(key, named.message()))


def read_heads(path: Path) -> tuple[PublishedHead, ...]:
    """The lines of a checkpoint file; none where there is no file. `LedgerError` for a bad line.

    A last line without its end was never published: the machine stopped while it was written.
    """
    try:
        text = path.read_bytes().decode("ascii")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(
            f"The checkpoints '{path.name}' cannot be read. Get them again."
        ) from error
    whole = text[: text.rfind("\n") + 1]
    return tuple(read_head(line, path.name) for line in whole.splitlines() if line.strip())


def read_head(line: str, name: str = "checkpoint") -> PublishedHead:
    """One line; `LedgerError` where it is none."""
    try:
        values = json.loads(line)
        head = PublishedHead(**values)
    except (ValueError, TypeError) as error:
        raise LedgerError(f"A line of '{name}' is not a checkpoint. Get the file again.") from error
    counts = (head.number, head.entries, head.runs, head.changes, head.disputes)
    texts = (value for key, value in asdict(head).items() if not isinstance(value, int))
    if (
        head.format != FORMAT
        or not all(type(count) is int and count >= 0 for count in counts)
        or not all(isinstance(text, str) for text in texts)
    ):
        raise LedgerError(
            f"A line of '{name}' is not a checkpoint that this program knows. Get the file again, "
            "or update the program."
        )
    return head


def append_head(path: Path, head: PublishedHead) -> None:
    """Write one line at the end, on the disk when this returns; half a line of before goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as stream:
        if stream.tell():
            with open(path, "rb+") as whole:
                data = whole.read()
                whole.truncate(data.rfind(b"\n") + 1)
        stream.write(f"{head.line()}\n".encode("ascii"))
        stream.flush()
        os.fsync(stream.fileno())


class Roots:
    """The Merkle trees over entries and runs, grown as far as the ledger was read."""

    def __init__(self) -> None:
        self.entries, self.runs = Growing(), Growing()

    def now(self, raw: sqlite3.Connection) -> PublishedHead:
        """The head of the ledger as it is, not yet numbered, dated or signed."""
        for query, tree in (
            ("SELECT hash FROM ledger_txn WHERE seq > ? ORDER BY seq", self.entries),
            (f"SELECT digest FROM {RUNS} WHERE number > ? ORDER BY number", self.runs),
        ):
            for (leaf,) in raw.execute(query, (tree.size,)):
                tree.add(leaf.encode("ascii"))
        head = _one(raw, "SELECT hash FROM ledger_txn ORDER BY seq DESC LIMIT 1")
        changes, disputes = (
            raw.execute(f"SELECT seq, hash FROM {table} ORDER BY seq DESC LIMIT 1").fetchone()
            or (0, GENESIS)
            for table in BESIDE.values()
        )
        return PublishedHead(
            number=0,
            published_at="",
            entries=self.entries.size,
            head=head or GENESIS,
            entries_root=self.entries.root().hex(),
            runs=self.runs.size,
            runs_root=self.runs.root().hex(),
            changes=changes[0],
            changes_head=changes[1],
            disputes=disputes[0],
            disputes_head=disputes[1],
            previous=GENESIS,
        )


def _one(raw: sqlite3.Connection, query: str, *values: object) -> Any:
    row = raw.execute(query, values).fetchone()
    return row[0] if row else None


def faults_of_heads(heads: Sequence[PublishedHead], keys: PublicKeys) -> Iterator[FirstBad]:
    """Lines that are not the studio's: a signature that does not fit, a line taken out."""
    before: PublishedHead | None = None
    for head in heads:
        name = f"checkpoint {head.number} of {head.published_at[:10]}"
        key = keys.get(head.key)
        if key is None:
            yield FirstBad(0, f"{name} is signed by a key ({head.key[:16]}) that was not given")
        elif not is_signed(key, head.message(), head.signature):
            yield FirstBad(0, f"{name} was altered: its signature does not fit")
        if before is not None and (head.number, head.previous) != (
            before.number + 1,
            before.digest,
        ):
            yield FirstBad(0, f"{name} does not follow the line before it")
        before = head


def in_force(heads: Sequence[PublishedHead]) -> list[PublishedHead]:
    """The lines that the ledger must still fit: a restoration, which says why, ends longer ones."""
    standing: list[PublishedHead] = []
    for head in heads:
        if head.reason:
            standing = [
                one
                for one in standing
                if one.entries <= head.entries
                and one.runs <= head.runs
                and one.changes <= head.changes
                and one.disputes <= head.disputes
            ]
        standing.append(head)
    return standing


def differences(raw: sqlite3.Connection, heads: Sequence[PublishedHead]) -> Iterator[FirstBad]:
    """Where the ledger is not the one that was published: cut off, or written again."""
    standing = in_force(heads)
    for words, query, size, root in (
        ("entry", "SELECT hash FROM ledger_txn ORDER BY seq", "entries", "entries_root"),
        ("run", f"SELECT digest FROM {RUNS} ORDER BY number", "runs", "runs_root"),
    ):
        tree, good = Growing(), 0
        leaves = raw.execute(query)
        for head in sorted(standing, key=lambda one: getattr(one, size)):
            count = getattr(head, size)
            day = head.published_at[:10]
            while tree.size < count and (row := leaves.fetchone()) is not None:
                tree.add(str(row[0]).encode("utf-8", "surrogateescape"))
            number = good + 1 if words == "entry" else 0
            if tree.size < count:
                yield FirstBad(
                    tree.size + 1 if words == "entry" else 0,
                    f"the ledger was cut off after {words} {tree.size}, or an older copy was put "
                    f"back: checkpoint {head.number} of {day} knows {count}",
                )
                break
            if tree.root().hex() != getattr(head, root):
                yield FirstBad(
                    number,
                    f"history was written again between {words} {good + 1} and {count}: it is not "
                    f"what checkpoint {head.number} of {day} says",
                )
                break
            good = count
    for head, (words, table) in product(standing, BESIDE.items()):
        number, expected = getattr(head, words), getattr(head, f"{words}_head")
        if number and _one(raw, f"SELECT hash FROM {table} WHERE seq = ?", number) != expected:
            yield FirstBad(
                0,
                f"{CALLED[words]} up to {number} are not what checkpoint {head.number} of "
                f"{head.published_at[:10]} says",
            )
            return

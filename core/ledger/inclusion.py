"""Proof that one entry is in the ledger, for somebody who has a published head and no ledger.

In: a connection, an entry's number, a published head. Out: the entry with its lines and its rule,
the path from its hash to the head's Merkle root, and whether such a proof holds. Opens no ledger to
check it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import CreditlineError, LedgerError
from core.ledger import schema
from core.ledger.hashes import canonical, entry_hash
from core.ledger.merkle import inclusion_path, root_by_path
from core.ledger.published_heads import PublishedHead, read_head
from core.ledger.signing import PublicKeys, is_signed

FORMAT = "creditline-inclusion@1"


@dataclass(frozen=True, kw_only=True)
class InclusionProof:
    """`entry` and `postings` are rows as they are hashed, `rule` the text of the entry's rule;
    `path`: hashes in hex from the entry up to `head.entries_root`."""

    entry: Mapping[str, Any]
    postings: tuple[Mapping[str, Any], ...]
    rule: str
    path: tuple[str, ...]
    head: PublishedHead

    def text(self) -> str:
        """As JSON, one line."""
        return canonical({"format": FORMAT, **asdict(self)})


def prove(raw: sqlite3.Connection, number: int, head: PublishedHead) -> InclusionProof:
    """The proof for entry `number` against a head that knows it."""
    if not 1 <= number <= head.entries:
        raise LedgerError(
            f"Entry {number} is not in checkpoint {head.number}, which knows {head.entries}. "
            "`ledger publish` makes one that does."
        )
    leaves = [
        row[0].encode("ascii")
        for row in raw.execute(
            "SELECT hash FROM ledger_txn WHERE seq <= ? ORDER BY seq", (head.entries,)
        )
    ]
    (entry,) = _rows(raw, schema.txn.name, schema.txn.columns.keys(), "seq", number)
    postings = _rows(raw, schema.posting.name, schema.posting.columns.keys(), "txn_id", entry["id"])
    (rule,) = _rows(raw, schema.rule.name, schema.rule.columns.keys(), "id", entry["rule_id"])
    path = inclusion_path(leaves, number - 1)
    return InclusionProof(
        entry=entry,
        postings=tuple(sorted(postings, key=lambda row: row["line"])),
        rule=canonical(rule),
        path=tuple(one.hex() for one in path),
        head=head,
    )


def _rows(
    raw: sqlite3.Connection, table: str, columns: list[str], key: str, value: object
) -> list[dict[str, Any]]:
    rows = raw.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = ?", (value,))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def read_proof(text: str) -> InclusionProof:
    """The inverse of `InclusionProof.text`; `LedgerError` where it is none."""
    try:
        values = json.loads(text)
        if values.pop("format") != FORMAT:
            raise ValueError(text)
        head = read_head(json.dumps(values.pop("head")))
        return InclusionProof(
            entry=dict(values["entry"]),
            postings=tuple(dict(row) for row in values["postings"]),
            rule=str(values["rule"]),
            path=tuple(str(one) for one in values["path"]),
            head=head,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerError(
            "This is not a proof of an entry. Ask the studio for it again."
        ) from error


def fault_of_proof(proof: InclusionProof, keys: PublicKeys) -> str | None:
    """Why the proof does not hold, in words; None where it does."""
    head = proof.head
    key = keys.get(head.key)
    if key is None:
        return f"its checkpoint is signed by a key ({head.key[:16]}) that was not given"
    if not is_signed(key, head.message(), head.signature):
        return "its checkpoint was altered: the signature does not fit"
    try:
        computed = entry_hash(proof.entry, proof.postings, proof.rule)
        path = [bytes.fromhex(one) for one in proof.path]
        index = int(proof.entry["seq"]) - 1
    except (CreditlineError, ValueError, KeyError, TypeError):
        return "it is damaged"
    if computed != proof.entry.get("hash"):
        return "the entry was altered: its contents do not give its hash"
    root = root_by_path(computed.encode("ascii"), index, head.entries, path)
    if root is None or root.hex() != head.entries_root:
        return "the entry is not in the ledger that the checkpoint is of"
    return None

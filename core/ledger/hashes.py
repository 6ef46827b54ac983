"""What is hashed: canonical JSON, the same bytes for the same values everywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import LedgerError

GENESIS = "0" * 64
# columns that rows of before do not have
LATER = ("evidence", "remainder", "part", "makers", "actor", "masked")


def canonical(value: object) -> str:
    """Sorted keys, no spaces, ASCII, no NaN."""
    try:
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
        )
    except ValueError as error:
        raise LedgerError(
            "A value that is not a finite number cannot be recorded; nothing was booked."
        ) from error


def digest(value: object) -> str:
    """sha256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def run_digest(run: Mapping[str, Any], influences: Iterable[Mapping[str, Any]]) -> str:
    """Over a run's row (without its number and its own digest) and its influences, in order.

    A later column that is empty is left out, so that runs of before keep their digest.
    """
    kept = {
        name: value for name, value in _present(run).items() if name not in ("number", "digest")
    }
    rows = sorted((_present(row) for row in influences), key=lambda row: (row["side"], row["rank"]))
    return digest([kept, rows])


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: value for k, value in row.items() if value is not None or k not in LATER}


def entry_hash(entry: Mapping[str, Any], postings: Iterable[Mapping[str, Any]], rule: str) -> str:
    """Over an entry's row (without its own hash), its postings and the text of its rule."""
    kept = {name: value for name, value in entry.items() if name != "hash"}
    rows = sorted((dict(row) for row in postings), key=lambda row: row["line"])
    return digest([kept, rows, rule])


def chained_hash(row: Mapping[str, Any]) -> str:
    """Over a row of a chain beside the entries, without its own hash: a change of status, a name,
    an event of a dispute, the note of a deleted run."""
    return digest({name: value for name, value in _present(row).items() if name != "hash"})


def name_digest(artist_id: str, name: str) -> str:
    """Over an artist's id and the name for display, which may be replaced."""
    return digest([artist_id, name])

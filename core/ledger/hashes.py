"""What is hashed: canonical JSON, the same bytes for the same values everywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
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

    A later column that is empty is left out, so that runs of before keep their digest. The evidence
    counts by its own sha256, so that of thousands of artists' numbers some can be shown and the
    rest proved: `evidence_sha256` may stand in the row in place of `evidence`.
    """
    kept = _kept(run)
    if "evidence" in kept:
        kept["evidence_sha256"] = evidence_sha256(kept.pop("evidence"))
    return digest([kept, _in_order(influences)])


def evidence_sha256(text: str) -> str:
    """Over the evidence column, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def is_run_digest(
    recorded: str, run: Mapping[str, Any], influences: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether a run has this digest: as it is made today, or as it was made before, of the evidence
    as it stands."""
    return recorded in (run_digest(run, influences), digest([_kept(run), _in_order(influences)]))


def _kept(run: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in _present(run).items() if name not in ("number", "digest")
    }


def _in_order(influences: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = (_present(row) for row in influences)
    return sorted(rows, key=lambda row: (row["side"], row["rank"]))


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

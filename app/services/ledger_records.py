"""What the `ledger` verbs and pages ask of the ledger, and its answers as plain records.

In: settings, names and filters as a person wrote them. Out: records for JSON and for lines. Sums
nothing: the ledger does.
"""

from __future__ import annotations

from typing import Any

from app.services.collections import chosen_collection
from app.services.ledger_filter import read_filter
from app.settings import Settings
from core.errors import UsageError
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import Entry, LedgerFilter, Page, Statement, Totals, Verification


def our_ledger(settings: Settings) -> Ledger:
    """The ledger of CREDITLINE_HOME."""
    return open_ledger(settings.ledger_file)


def find_entry(ledger: Ledger, name: str) -> Entry:
    """By number (12, #12 or 000012) or by id."""
    text = name.lstrip("#")
    found = ledger.entry(int(text)) if text.isdigit() and len(text) < 12 else None
    found = found or ledger.entry_by_id(name)
    if found is None:
        raise UsageError(f"There is no entry '{name}'. `ledger entries` lists them.")
    return found


def chosen(settings: Settings, ledger: Ledger, **words: str | None) -> LedgerFilter:
    """The filter of a verb's options; a class may also be one of the chosen collection's."""
    return read_filter(ledger, words, lambda: chosen_collection(settings).styles)


def totals_record(totals: Totals) -> dict[str, Any]:
    """The object that `ledger totals --json` prints."""
    return {
        "artists": [
            {
                "artist": row.name, "artist_id": row.artist_id, "micro": row.micro,
                "share": row.share, "works": row.works, "entries": row.entries,
            }
            for row in totals.artists
        ],
        "unattributed_micro": totals.unattributed_micro,
        "total_micro": totals.total_micro,
        "entries": totals.entries,
        "head_hash": totals.head_hash,
    }  # fmt: skip


def entry_record(entry: Entry) -> dict[str, Any]:
    """One entry with its postings."""
    credited = [line for line in entry.postings if line.artist is not None]
    return {
        "entry": entry.number, "id": entry.id, "kind": entry.kind,
        "created_at": entry.created_at, "run": entry.run_id, "run_kind": entry.run_kind,
        "class": entry.style, "rule": entry.rule_id, "reverses": entry.reverses,
        "reversed_by": entry.reversed_by, "reason": entry.reason, "actor": entry.actor,
        "credited": ", ".join(str(line.artist) for line in credited) or "unattributed",
        "postings": [
            {
                "account": line.account, "artist": line.artist, "artist_id": line.artist_id,
                "micro": line.micro,
            }
            for line in entry.postings
        ],
        "hash": entry.hash,
    }  # fmt: skip


def page_record(page: Page[Entry]) -> dict[str, Any]:
    """A page of entries."""
    return {
        "entries": [entry_record(entry) for entry in page.items],
        "page": page.page, "pages": page.pages, "per_page": page.per_page, "total": page.total,
    }  # fmt: skip


def artist_record(ledger: Ledger, artist_id: str) -> dict[str, Any]:
    """One artist: status, credit, works that were proponents, entries, changes."""
    with ledger.moment() as moment:
        statement = moment.artist_statement(artist_id)
        totals = moment.totals(LedgerFilter(artist=artist_id))
    row = next((one for one in totals.artists if one.artist_id == artist_id), None)
    return {
        "artist": statement.artist.name, "artist_id": artist_id,
        "status": statement.artist.status, "micro": statement.micro,
        "works": row.works if row else 0, "entries": row.entries if row else 0,
        "changes": statement.changes,
    }  # fmt: skip


def statement_record(statement: Statement) -> dict[str, Any]:
    """An artist's month, or all time."""
    return {
        "artist": statement.artist.name, "artist_id": statement.artist.id,
        "period": statement.period, "micro": statement.micro,
        "entries": [
            {
                "entry": entry.number, "created_at": entry.created_at, "kind": entry.kind,
                "run": entry.run_id, "micro": micro,
            }
            for entry, micro in statement.lines
        ],
    }  # fmt: skip


def verification_record(proof: Verification) -> dict[str, Any]:
    """The object that `ledger verify --json` prints."""
    bad = proof.first_bad
    return {
        "ok": proof.ok, "entries": proof.entries, "head_hash": proof.head_hash,
        "first_bad": None if bad is None else {"entry": bad.entry, "reason": bad.reason},
    }  # fmt: skip

"""What the files of an evidence pack say of each other, once each is known to be unchanged.

In: files and records of a pack. Out: their values, and whether one fits the other. What a stranger
wrote may raise any of `STRANGE`: whoever asks takes it as a fault of the file.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from app.services.run_tables import works_table
from app.services.serialize_ledger import RecordedRun
from app.services.serialize_provenance import PackRunRecord
from core.ledger.abridged import Rest
from core.ledger.export import neutral
from core.ledger.hashes import canonical, is_run_digest, run_digest
from core.ledger.inclusion import InclusionProof
from core.ledger.records import RunRecord, RunView
from core.ledger.shares import ShareRule
from core.ledger.write import run_rows
from core.provenance.content_credentials import Credentials
from core.provenance.pack import FORMAT

STRANGE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)
MOST_ARTISTS = 200_000  # that a stranger's pack may let stand for the rest


def read_seal(data: bytes) -> dict[str, str]:
    """The values of a MANIFEST.sig, exactly as it is written."""
    values = json.loads(data)
    wanted = {"format", "run", "made_at", "program", "manifest", "key", "signature"}
    if (
        values.keys() != wanted
        or values["format"] != FORMAT
        or not all(isinstance(value, str) for value in values.values())
        or data != f"{canonical(values)}\n".encode("ascii")
    ):
        raise ValueError("not a seal")
    return dict(values)


def hash_of(entry: object) -> object:
    """The hash that an entry of `entry.json` has; None where it is none."""
    return entry.get("hash") if isinstance(entry, dict) else None


def facts_of_run(run: RecordedRun) -> dict[str, Any]:
    """What is shown of the run."""
    return {name: getattr(run, name) for name in PackRunRecord.model_fields}


def rest_of(run: RecordedRun) -> Rest | None:
    """What stands for the artists who are not listed; None where all are."""
    if run.evidence is None or run.evidence.rest is None:
        return None
    rest = run.evidence.rest
    if not len(rest.influence) <= rest.artists <= MOST_ARTISTS:
        raise ValueError("more artists than any collection has")
    return Rest(artists=rest.artists, influence=rest.influence, sha256=rest.sha256)


def is_of_entry(record: RunRecord, rest: Rest | None, proof: InclusionProof) -> bool:
    """Whether the entry names the digest of this run."""
    row, rows = run_rows(record, proof.entry["idempotency_key"])
    if rest is None:
        return is_run_digest(proof.entry["run_digest"], row, rows)
    del row["evidence"]
    return run_digest({**row, "evidence_sha256": rest.sha256}, rows) == proof.entry["run_digest"]


def as_posted(record: RunRecord, proof: InclusionProof) -> bool:
    """Whether the entry's lines are the run's shares."""
    posted: dict[str, int] = {}
    for row in proof.postings:
        if row["artist_id"] is not None:
            posted[row["artist_id"]] = posted.get(row["artist_id"], 0) + row["micro"]
    return posted == dict(record.artist_micro)


def entry_is_proved(entry: dict[str, Any], proof: InclusionProof) -> bool:
    """Whether `entry.json` says what the proof does: its number, its rule, and who got how much."""
    lines = [(row["account"], row["artist_id"], row["micro"]) for row in entry["postings"]]
    proved = [(row["account"], row["artist_id"], row["micro"]) for row in proof.postings]
    return (
        entry["hash"] == proof.entry["hash"]
        and entry["entry"] == proof.entry["seq"]
        and entry["run"] == proof.entry["run_id"]
        and entry["rule"] == proof.entry["rule_id"]
        and sorted(lines, key=repr) == sorted(proved, key=repr)
    )


def credit_is_of_run(table: bytes, record: RunRecord) -> bool:
    """Whether `credit.csv` gives everybody what the run does."""
    rows = [(row["artist_id"], int(row["micro"])) for row in _rows(table)]
    shares = [(neutral(who), micro) for who, micro in record.artist_micro.items()]
    return sorted(rows) == sorted([*shares, ("", record.unattributed_micro)])


def works_are_of_run(table: bytes, number: int, record: RunRecord) -> bool:
    """Whether `works.csv` is that of the run."""
    return table.decode("utf-8-sig") == works_table(RunView(number, record, None))


def written_rule(rule: dict[str, Any]) -> ShareRule:
    """The rule of `rule.json`, by its own words."""
    parameters = tuple(sorted((str(name), float(value)) for name, value in rule["parameters"]))
    return ShareRule(rule["name"], rule["version"], parameters)


def _rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""), strict=True))


def speaks_of(credentials: Credentials, record: RunRecord) -> bool:
    """Whether the picture's assertion is of this run and gives nobody another share."""
    try:
        credit = credentials.credit or {}
        shares = {one["artist_id"]: one["micro"] for one in credit["shares"]}
        return (
            credit["run"] == record.id
            and credit["unattributed_micro"] == record.unattributed_micro
            and all(record.artist_micro.get(who) == micro for who, micro in shares.items())
        )
    except STRANGE:
        return False

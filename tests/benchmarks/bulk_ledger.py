"""A large ledger in little time: whole entries with their runs, as the studio would book them.

In: a ledger, how many entries and artists, a seed. Out: the ledger grown, every hash in its place.
Rows go in by batches; nothing else differs from what `Ledger.record` writes.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from core.ledger import schema, write
from core.ledger.hashes import GENESIS, canonical, entry_hash, run_digest
from core.ledger.ledger import Ledger
from core.ledger.shares import DEFAULT_RULE, WHOLE
from tests.runs import key, record

BATCH = 2_000
FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
STYLES = tuple(f"style_{number:02d}" for number in range(20))
PROPONENTS, OPPONENTS, CREDITED, WORKS_EACH = 8, 2, 4, 12


def artist_id(number: int) -> str:
    return f"artist-{number:05d}"


def names(artists: int) -> dict[str, str]:
    return {artist_id(number): f"Artist {number}" for number in range(artists)}


def fill(ledger: Ledger, entries: int, artists: int, seed: int = 0) -> None:
    """Book `entries` generations, spread over a year, on an empty ledger.

    A few artists have much and most have little (the chance of the k-th falls as 1 / (k + 10)).
    """
    with ledger._writing() as connection:
        write.write_artists(connection, names(artists))
        rule = write.write_rule(connection, DEFAULT_RULE)
        rows = _rows(entries, artists, rule, random.Random(seed))
        while batch := list(islice(rows, BATCH)):
            connection.execute(insert(schema.run), [run for run, _, _, _ in batch])
            connection.execute(
                insert(schema.influence), [row for _, more, _, _ in batch for row in more]
            )
            connection.execute(
                insert(schema.posting), [row for _, _, more, _ in batch for row in more]
            )
            connection.execute(insert(schema.txn), [entry for _, _, _, entry in batch])


Row = dict[str, Any]


def _rows(
    entries: int, artists: int, rule: str, chance: random.Random
) -> Iterator[tuple[Row, list[Row], list[Row], Row]]:
    weights = [1 / (k + 10) for k in range(artists)]
    people = iter(())
    called, previous = names(artists), GENESIS
    for number in range(1, entries + 1):
        moment = FIRST_DAY + timedelta(seconds=number * 365 * 86_400 / (entries + 1))
        date = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        while len(who := list(dict.fromkeys(people))[:PROPONENTS]) < PROPONENTS:
            people = iter(chance.choices(range(artists), weights, k=4 * PROPONENTS))
        base = record(number, style=STYLES[chance.randrange(len(STYLES))], created_at=date)
        micro = sorted(chance.sample(range(1, 700_000), CREDITED))
        shares = [b - a for a, b in zip([0, *micro], micro, strict=False)]
        given = {artist_id(one): part for one, part in zip(who, shares, strict=False)}
        run = replace(
            base, artist_micro=given, unattributed_micro=WHOLE - sum(given.values()), influences=()
        )
        influences = [
            _influence(run.id, side, rank, who[rank - 1], chance, called)
            for side, many in (("proponent", PROPONENTS), ("opponent", OPPONENTS))
            for rank in range(1, many + 1)
        ]
        row = {
            name: canonical(value) if name in write.JSON_FIELDS and value is not None else value
            for name, value in asdict(run).items()
            if name != "influences"
        }
        row["entry_key"] = key(run)
        row["digest"] = run_digest(row, influences)
        entry = {
            "seq": number,
            "id": uuid.UUID(int=chance.getrandbits(128)).hex,
            "kind": "credit",
            "idempotency_key": row["entry_key"],
            "run_id": run.id,
            "run_digest": row["digest"],
            "rule_id": DEFAULT_RULE.id,
            "reverses": None,
            "reason": None,
            "actor": None,
            "created_at": date,
            "prev_hash": previous,
        }
        lines = [("issued", None, None, -WHOLE)]
        lines += [("artist", one, called[one], part) for one, part in given.items()]
        lines += [("unattributed", None, None, run.unattributed_micro)]
        postings = [
            {
                "txn_id": entry["id"],
                "line": line,
                "account": account,
                "artist_id": one,
                "artist": name,
                "micro": part,
            }
            for line, (account, one, name, part) in enumerate(lines, start=1)
        ]
        entry["hash"] = previous = entry_hash(entry, postings, rule)
        yield row, influences, postings, entry


def _influence(
    run_id: str, side: str, rank: int, who: int, chance: random.Random, called: dict[str, str]
) -> Row:
    work = chance.randrange(WORKS_EACH)
    return {
        "run_id": run_id,
        "side": side,
        "rank": rank,
        "work_id": f"{artist_id(who)}-{work:04d}",
        "title": f"Work {work}",
        "artist_id": artist_id(who),
        "artist": called[artist_id(who)],
        "style": STYLES[who % len(STYLES)],
        "year": "2026",
        "licence": "CC0-1.0",
        "file": f"images/{who}-{work}.jpg",
        "score": 3.5 / rank,
        "z": 4.0 / rank,
        "self_influence": 0.4,
        "part": 0.1 / rank,
        "makers": None,
    }

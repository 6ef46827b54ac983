"""A ledger of before opens: its runs verify with the digests they were written with."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

from core.ledger.evidence import ArtistPart, Evidence
from core.ledger.hashes import canonical, digest
from core.ledger.ledger import open_ledger
from core.ledger.verification import GUARDS
from tests.runs import NAMES, SHARES, influence, key, record

KEPT = Evidence(0.8, (ArtistPart("indigo", 2.5, 0.01, 4.0),), {"explained": 0.9})


def test_a_run_without_evidence_has_the_digest_of_before(tmp_path: Path) -> None:
    """The digest as revision 0001 computed it: over columns that it had, and no other."""
    ledger = open_ledger(tmp_path / "ledger.sqlite3")
    run = record()
    ledger.record(run, SHARES, key(run), NAMES)
    later = ("evidence", "remainder", "actor", "influences")
    row = {name: value for name, value in asdict(run).items() if name not in later}
    row |= {name: canonical(row[name]) for name in ("versions", "seconds", "artist_micro")}
    row["entry_key"] = key(run)
    works = [{"run_id": run.id, **asdict(one)} for one in run.influences]
    for one in works:
        del one["part"], one["makers"]
    works.sort(key=lambda one: (one["side"], one["rank"]))
    with sqlite3.connect(ledger.path) as raw:
        (written,) = raw.execute("SELECT digest FROM run").fetchone()
    assert written == digest([row, works])


def test_what_joined_the_row_is_covered_by_its_digest(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite3")
    run = replace(
        record(),
        evidence=KEPT,
        remainder={"base": 200_000, "weak": 160_500, "withheld": 0},
        influences=(replace(influence(1), part=0.4),),
    )
    assert ledger.record(run, SHARES, key(run), NAMES).record == run
    assert ledger.verify().ok
    ledger.close()
    for change in (
        "UPDATE run SET evidence = replace(evidence, '0.8', '0.9')",
        "UPDATE run SET evidence = NULL",
        "UPDATE influence SET part = 0.5",
    ):
        place = tmp_path / "changed.sqlite3"
        with sqlite3.connect(ledger.path) as source, sqlite3.connect(place) as raw:
            source.backup(raw)
            guards = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            kept = guards.fetchall()
            for name, _ in kept:
                raw.execute(f"DROP TRIGGER {name}")
            raw.execute(change)
            for _, text in kept:
                raw.execute(text)
        changed = open_ledger(place)
        proof = changed.verify()
        assert proof.first_bad is not None
        assert "changed" in proof.first_bad.reason
        changed.close()
        place.unlink()


def test_a_ledger_of_the_first_revision_grows_and_stays_as_it_was(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    from core.ledger.database import MIGRATIONS, connect

    old = tmp_path / "old.sqlite3"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = connect(old)
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    new = open_ledger(tmp_path / "new.sqlite3")
    run = record()
    new.record(run, SHARES, key(run), NAMES)
    new.close()
    with sqlite3.connect(new.path) as source, sqlite3.connect(old) as raw:
        for table in ("artist", "rule", "run", "influence", "ledger_posting", "ledger_txn"):
            columns = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
            rows = source.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            raw.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) "
                f"VALUES ({', '.join('?' * len(columns))})",
                rows,
            )
    opened = open_ledger(old)
    assert opened.verify().ok
    view = opened.run(run.id)
    assert view is not None
    assert view.record == run
    opened.close()
    with sqlite3.connect(old) as raw:
        guards = {
            row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        }
    assert guards >= GUARDS

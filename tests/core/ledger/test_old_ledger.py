"""A ledger that an earlier version wrote opens, verifies and says the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from app.services.serialize_ledger import LedgerTotals, StatementRecord, VerificationRecord
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import LedgerFilter

DATA = Path(__file__).resolve().parents[2] / "data"
ANSWERS = json.loads((DATA / "ledger-v1.answers.json").read_text(encoding="utf-8"))


@pytest.fixture
def old(tmp_path: Path) -> Ledger:
    shutil.copyfile(DATA / "ledger-v1.db", tmp_path / "ledger.sqlite3")
    return open_ledger(tmp_path / "ledger.sqlite3")


def test_it_verifies(old: Ledger) -> None:
    said = VerificationRecord.model_validate(old.verify()).plain()
    then = ANSWERS["verification"]
    assert said == then | {"whole": True, "verified": then["entries"]}  # told besides since
    assert old.verify_new().ok


def test_its_totals_and_statements_are_what_they_were(old: Ledger) -> None:
    none = {"unknown_micro": 0}  # told apart since
    assert LedgerTotals.of(old.totals()).plain() == ANSWERS["totals"] | none
    cubism = LedgerTotals.of(old.totals(LedgerFilter(style="cubism")))
    assert cubism.plain() == ANSWERS["cubism"] | none
    for artist, statement in ANSWERS["statements"].items():
        said = StatementRecord.of(old.artist_statement(artist)).plain()
        lines = zip(said["entries"], statement["entries"], strict=True)
        assert [{key: new[key] for key in then} for new, then in lines] == statement["entries"]
        rest = {key: value for key, value in statement.items() if key != "entries"}
        assert {key: said[key] for key in rest} == rest  # balances are told besides since
    assert {one.id: one.status for one in old.artists()} == ANSWERS["status"]
    assert [view.record.id for view in old.runs().items] == ANSWERS["runs"]


def test_its_export_is_the_same_byte_for_byte(old: Ledger) -> None:
    assert "".join(old.export_csv()).encode() == (DATA / "ledger-v1.csv").read_bytes()
    assert "".join(old.export_json()).encode() == (DATA / "ledger-v1.json").read_bytes()


def test_it_takes_more(old: Ledger) -> None:
    made = old.reverse(1, reason="A test", actor="ann")
    assert made.number == ANSWERS["totals"]["entries"] + 1
    assert old.verify().ok

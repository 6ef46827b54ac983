"""The ledger held to account on the command line: what an outsider types, and what it answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app import cli
from core.ledger.ledger import open_ledger
from tests.core.ledger.quickly import book_many

LAST = "published/checkpoints.jsonl"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose ledger has five entries and a checkpoint; also the folder that is."""
    home = tmp_path / "home"
    monkeypatch.setenv("CREDITLINE_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    book(home, range(5))
    assert cli.main(["ledger", "publish"]) == 0
    shutil.copytree(home / "published", tmp_path / "kept")
    return home


def book(home: Path, seeds: range) -> None:
    ledger = open_ledger(home / "ledger.sqlite3", publishes=True)
    book_many(ledger, seeds)
    ledger.close()


KEPT = ["--against", "kept/checkpoints.jsonl", "--key", "kept/key.pem"]


def test_the_ledger_is_the_one_that_was_published(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book(home, range(10, 12))
    assert cli.main(["ledger", "verify", *KEPT]) == 0
    assert "It is the ledger of which" in capsys.readouterr().out


def test_another_ledger_in_its_place_is_refused_by_who_kept_the_checkpoints(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(home)
    book(home, range(20, 30))
    assert cli.main(["ledger", "verify"]) == 0
    assert cli.main(["ledger", "verify", *KEPT]) == 1
    assert "history was written again" in capsys.readouterr().err


def test_entries_that_a_restoration_lost_are_told(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ledger", "backup", "-o", "copy"]) == 0
    book(home, range(10, 12))
    restore = ["ledger", "restore", "copy", "--reason", "disk lost", "--actor", "ann"]
    assert cli.main(restore) == 1
    assert "--lose-newer" in capsys.readouterr().err
    assert cli.main([*restore, "--lose-newer"]) == 0
    assert cli.main(["ledger", "verify", "--against", str(home / LAST)]) == 0
    assert "later entries were lost: restored: disk lost (by ann)" in capsys.readouterr().out


def test_a_proof_is_checked_without_the_ledger(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ledger", "prove", "3", "-o", "proof.json"]) == 0
    shutil.rmtree(home)
    assert cli.main(["ledger", "check", "proof.json", *KEPT]) == 0
    proof = Path("proof.json")
    proof.write_text(proof.read_text().replace("Indigo Workshop", "Ochre Workshop"))
    assert cli.main(["ledger", "check", "proof.json", *KEPT]) == 1
    assert "the entry was altered" in capsys.readouterr().err
    assert not home.exists()

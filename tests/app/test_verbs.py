"""The verbs that need a model, on a small real collection: documented JSON, exit codes, effects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli
from core.collection.types import Collection
from tests.small import picture

ATTRIBUTION_KEYS = {
    "collection",
    "method",
    "spec_digest",
    "query",
    "trust",
    "query_leverage",
    "proponents",
    "opponents",
    "shares",
    "unattributed_micro",
    "seconds",
}


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ready: Collection) -> None:
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CREDITLINE_COLLECTION", str(ready.path))
    monkeypatch.setenv("CREDITLINE_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)


def answers(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict]:  # type: ignore[type-arg]
    assert cli.main(list(arguments)) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_generate_paints_traces_and_credits(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (one,) = answers(
        capsys, "generate", "--class", "cubism", "--seed", "4", "-o", "a.png", "--json"
    )
    assert one.keys() >= ATTRIBUTION_KEYS
    assert (tmp_path / "a.png").is_file()
    assert sum(share["micro"] for share in one["shares"]) + one["unattributed_micro"] == 1_000_000
    (totals,) = answers(capsys, "ledger", "totals", "--json")
    assert totals.keys() == {
        "artists",
        "unknown_micro",
        "unattributed_micro",
        "total_micro",
        "entries",
        "head_hash",
    }
    assert totals["entries"] == 1
    assert totals["total_micro"] == 1_000_000
    (proof,) = answers(capsys, "ledger", "verify", "--json")
    assert proof["ok"] is True
    assert proof["first_bad"] is None
    (again,) = answers(capsys, "generate", "--prompt", "a cubism painting", "--seed", "4", "--json")
    assert again["image_sha256"] == one["image_sha256"]
    assert answers(capsys, "ledger", "totals", "--json")[0]["entries"] == 1


def test_attribute_prints_one_object_a_picture_and_goes_on_after_a_refusal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture(1, 40).save(tmp_path / "one.png")
    (tmp_path / "two.png").write_bytes(b"\x89PNG no")
    picture(3, 40).save(tmp_path / "three.png")
    rows = answers(
        capsys,
        "attribute",
        "one.png",
        "two.png",
        "gone.png",
        "three.png",
        "--top",
        "2",
        "--json",
        code=1,
    )
    assert [("error" in row) for row in rows] == [False, True, True, False]
    assert rows[0].keys() >= ATTRIBUTION_KEYS
    assert len(rows[0]["proponents"]) <= 2
    assert rows[0]["proponents"][0].keys() == {
        "work_id",
        "title",
        "artist",
        "style",
        "score",
        "z",
        "self_influence",
        "part",
        "file",
    }
    assert rows[0]["trust"].keys() == {"familiarity", "verdict", "words"}
    assert rows[0]["query"].keys() == {"sha256", "width", "height", "class"}
    assert rows[0]["seconds"].keys() == {"encode", "gradient", "score", "total"}
    assert answers(capsys, "ledger", "totals", "--json")[0]["entries"] == 0


def test_recording_an_upload_books_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture(1, 40).save(tmp_path / "one.png")
    (row,) = answers(capsys, "attribute", "one.png", "--class", "cubism", "--record", "--json")
    assert row["entry"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["attribute", "x.png", "--class", "fauvism"],
        ["attribute", "x.png", "--method", "magic"],
        ["generate", "--class", "fauvism"],
        ["generate"],
        ["generate", "--class", "cubism", "--steps", "5000"],
        ["generate", "--class", "cubism", "-o", "x.tiff"],
        ["ledger", "artist", "vermeer"],
        ["ledger", "reverse", "9", "--reason", "x"],
        ["ledger", "totals", "--since", "yesterday"],
    ],
    ids=" ".join,
)
def test_names_that_do_not_exist_are_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_an_entry_is_reversed_listed_and_exported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answers(capsys, "generate", "--class", "cubism", "--seed", "1", "--json")
    (made,) = answers(capsys, "ledger", "reverse", "1", "--reason", "A test", "--json")
    assert (made["entry"], made["reverses"]) == (2, 1)
    (listed,) = answers(capsys, "ledger", "entries", "--json")
    assert [entry["entry"] for entry in listed["entries"]] == [2, 1]
    assert answers(capsys, "ledger", "totals", "--json")[0]["total_micro"] == 0
    assert cli.main(["ledger", "export", "-o", "out.csv"]) == 0
    assert (tmp_path / "out.csv").read_text().startswith("entry,date,kind")


def test_an_artist_opts_out_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    answers(capsys, "generate", "--class", "cubism", "--json")
    assert cli.main(["ledger", "artist", "artist-0", "--status", "opted-out"]) == 2
    capsys.readouterr()
    (row,) = answers(
        capsys,
        "ledger",
        "artist",
        "Atelier 0",
        "--status",
        "opted-out",
        "--reason",
        "Asked",
        "--json",
    )
    assert row["status"] == "opted-out"
    (statement,) = answers(capsys, "ledger", "statement", "artist-0", "--json")
    assert statement["artist"] == "Atelier 0"


def test_a_tampered_ledger_is_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import sqlite3

    answers(capsys, "generate", "--class", "cubism", "--json")
    with sqlite3.connect(tmp_path / "home" / "ledger.sqlite3") as connection:
        connection.execute("DROP TRIGGER ledger_posting_no_update")
        connection.execute("UPDATE ledger_posting SET micro = micro + 1 WHERE line = 1")
    (proof,) = answers(capsys, "ledger", "verify", "--json", code=1)
    assert proof["ok"] is False
    assert proof["first_bad"]["entry"] == 1


def test_methods_and_doctor_answer(capsys: pytest.CaptureFixture[str]) -> None:
    (rows,) = answers(capsys, "methods", "--json")
    assert {row["name"] for row in rows} >= {"d-trak", "trak", "gradient-cosine"}
    (health,) = answers(capsys, "doctor", "--json")
    assert health["ok"] is True
    assert {check["name"] for check in health["checks"]} >= {"torch", "model", "index", "database"}


def test_retrieval_is_checked_where_the_truth_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    (checks,) = answers(capsys, "evaluate", "retrieval", "--limit", "4", "--json")
    values = {row["check"]: row["value"] for row in checks["rows"]}
    aside = {"style precision@10", "artist top-1", "artist top-3"}
    assert values.keys() == {
        "self-retrieval",
        *aside,
        *(f"{check}, itself aside" for check in aside),
    }
    assert all(0 <= value <= 1 for value in values.values())
    assert values["self-retrieval"] == 1.0


def test_featurize_again_changes_nothing(
    capsys: pytest.CaptureFixture[str], ready: Collection
) -> None:
    before = (ready.path / "features" / "latents" / "header.json").read_bytes()
    arguments = ["featurize", str(ready.path), "--name", "latents", "--objective", "square"]
    assert cli.main(arguments) == 1  # these flags are other features than 'latents' holds
    assert "made otherwise" in capsys.readouterr().err
    assert (ready.path / "features" / "latents" / "header.json").read_bytes() == before

"""Laws of the command line: fast help, exit codes, one sentence for an error, documented JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app import cli
from app.settings import PREFIX, Settings
from core.errors import ModelError
from tests.faults import raising

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "gradio", "diffusers", "transformers", "sqlalchemy", "PIL", "numpy", "fastapi")
VERBS = (
    "serve",
    "collections",
    "import",
    "remove",
    "train",
    "featurize",
    "generate",
    "attribute",
    "score",
    "methods",
    "doctor",
    "mcp",
    "evaluate lds",
    "evaluate counterfactual",
    "evaluate artists",
    "evaluate artist",
    "evaluate pictures",
    "evaluate report",
    "evaluate retrieval",
    "ledger totals",
    "ledger entries",
    "ledger artist",
    "ledger statement",
    "ledger reverse",
    "summary",
    "ledger dispute",
    "ledger comment",
    "ledger resolve",
    "ledger disputes",
    "ledger verify",
    "ledger publish",
    "ledger prove",
    "ledger check",
    "ledger backup",
    "ledger restore",
    "ledger export",
    "accounts add",
    "accounts list",
    "accounts password",
    "accounts revoke",
    "accounts token",
    "artists review",
    "artists answer",
    "artists decide",
    "artists decisions",
    "artists undo",
    "artists export",
    "artists import",
    "artists opt-out",
    "artists opt-in",
    "artists opt-outs",
    "verify",
    "provenance init",
    "provenance show",
    "workshops list",
    "workshops paint",
    "workshops build",
)


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A CREDITLINE_HOME of the test's own, and none of the person's settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Settings that the studio would have been served with."""
    calls: list[Settings] = []
    serve_by(monkeypatch, calls.append)
    return calls


def serve_by(monkeypatch: pytest.MonkeyPatch, serve: Callable[[Settings], object]) -> None:
    """Put this in the place of the server."""
    fake: Any = types.ModuleType("app.web.server")
    fake.serve = serve
    monkeypatch.setitem(sys.modules, "app.web.server", fake)


def picture_folder(root: Path) -> Path:
    """Two styles, three works, and one file that is no picture."""
    for style, artist, tone in (
        ("cubism", "ada-berg", 40),
        ("cubism", "bo-ask", 90),
        ("fauvism", "cy-dorn", 200),
    ):
        folder = root / style
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.linear_gradient("L").resize((64, 64)).point(lambda v, t=tone: (v + t) % 256)
        image.convert("RGB").save(folder / f"{artist}_work.png")
    (root / "cubism" / "dee_broken.png").write_bytes(b"no picture")
    return root


def test_help_answers_within_a_second_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['app', '--help']\n"
        "from app.cli import main\n"
        "status = main()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], status)\n"
    )
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - began)
        assert done.stdout.splitlines()[-1] == "[] 0"
    assert min(seconds) < 1.0, seconds


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*verb.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: python -m app" in shown
    assert "Options:" in shown


def test_the_verbs_are_these_and_no_others() -> None:
    groups = {
        "accounts": cli.accounts.verbs,
        "artists": cli.artists.verbs,
        "ledger": cli.ledger.verbs,
        "evaluate": cli.evaluate.verbs,
        "provenance": cli.provenance.verbs,
        "workshops": cli.workshops.verbs,
    }
    names = {command.name for command in cli.app.registered_commands}
    for name, group in groups.items():
        names |= {f"{name} {command.name}" for command in group.registered_commands}
    assert names == set(VERBS)


def test_no_verb_serves(served: list[Settings]) -> None:
    assert cli.main([]) == 0
    assert cli.main(["--port", "8111", "--no-open"]) == 0
    assert [(call.port, call.open) for call in served] == [(7860, True), (8111, False)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["paint-me"],
        ["ledger", "burn"],
        ["workshops", "paint"],
        ["workshops", "paint", "--workshop", "nobody", "-o", "x.png"],
        ["workshops", "paint", "--workshop", "nobody", "--seed", "-1", "-o", "x.png"],
        ["serve", "--port", "seven"],
        ["serve", "--port", "70000"],
        ["generate", "--collection", "nowhere"],
        ["attribute"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_a_wrong_question_is_one_sentence_and_exit_code_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str], served: list[Settings]
) -> None:
    assert cli.main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.strip().splitlines()) == 1
    assert "Traceback" not in shown.err
    assert not served


def test_a_refusal_is_one_sentence_and_exit_code_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve_by(monkeypatch, raising(ModelError("No model in 'x'. Train one.")))
    assert cli.main(["serve"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "No model in 'x'. Train one."


def test_an_unforeseen_error_is_kept_in_the_log_and_shown_without_a_stack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_home: Path
) -> None:
    serve_by(monkeypatch, raising(ZeroDivisionError("secret detail")))
    assert cli.main(["serve"]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert "secret detail" not in message
    assert "Traceback" not in message
    log = (own_home / "logs" / "errors.log").read_text(encoding="utf-8")
    assert "secret detail" in log
    reference = message.split("The report ")[1].split()[0]
    assert f"ref {reference}" in log


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m app workshops list --json | head -c 5 >/dev/null",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


def test_workshops_are_listed_as_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["workshops", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 24
    assert all(set(row) == {"slug", "name", "style"} for row in rows)
    assert len({row["slug"] for row in rows}) == len(rows)


def test_a_workshop_paints_the_same_work_from_the_same_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["workshops", "list", "--json"])
    slug = json.loads(capsys.readouterr().out)[0]["slug"]
    files = [tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"]
    for file, seed in zip(files, ("5", "5", "6"), strict=True):
        paint = ["workshops", "paint", "--workshop", slug, "--seed", seed, "-o", str(file)]
        assert cli.main(paint) == 0
    first, again, other = (file.read_bytes() for file in files)
    assert first == again
    assert first != other


def test_a_picture_with_an_unknown_ending_is_refused_before_it_is_painted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cli.main(["workshops", "list", "--json"])
    slug = json.loads(capsys.readouterr().out)[0]["slug"]
    assert cli.main(["workshops", "paint", "--workshop", slug, "-o", str(tmp_path / "x.doc")]) == 2
    assert ".png" in capsys.readouterr().err


def test_import_counts_every_file_and_names_what_it_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = picture_folder(tmp_path / "pictures"), tmp_path / "made"
    command = ["import", str(source), "--to", str(target), "--size", "32", "--json"]
    assert cli.main(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["works"], report["imported"], len(report["refused"])) == (3, 3, 1)
    assert "dee_broken" in report["refused"][0]["row"]
    assert cli.main(command) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["works"], again["imported"], again["unchanged"]) == (3, 0, 3)


def test_collections_at_hand_are_listed_as_documented(
    tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = picture_folder(tmp_path / "pictures")
    target = own_home / "collections" / "mine"
    assert cli.main(["import", str(source), "--to", str(target), "--size", "32"]) == 0
    capsys.readouterr()
    assert cli.main(["collections", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows["mine"]) == {"name", "path", "classes", "works", "artists"}
    assert (rows["mine"]["works"], rows["mine"]["artists"]) == (3, 3)
    assert rows["mine"]["classes"] == ["cubism", "fauvism"]


def test_doctor_looks_at_every_part_and_gives_a_remedy_for_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = picture_folder(tmp_path / "pictures"), tmp_path / "made"
    assert cli.main(["import", str(source), "--to", str(target), "--size", "32"]) == 0
    capsys.readouterr()
    assert cli.main(["doctor", "--collection", str(target), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check for check in report["checks"]}
    expected = ["python", "torch", "device", "collection", "model", "index", "database", "disk"]
    assert list(checks) == expected
    assert not report["ok"]
    assert checks["python"]["ok"] and checks["collection"]["ok"] and checks["disk"]["ok"]
    assert not checks["model"]["ok"]
    assert checks["model"]["remedy"]

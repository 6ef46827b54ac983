"""The examples of `assets/docs/api.md`, run in their order against a server of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.services.ledger_proofs import checked
from app.settings import read_settings
from core.accounts.roles import AccountRole, actions_named
from core.accounts.store import Accounts
from core.accounts.tokens import Tokens
from core.collection.types import Collection
from tests.server import ROOT, Server, free_port

TEXT = (ROOT / "assets" / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def running(ready: Collection, tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A server, and a token for it."""
    home = tmp_path / "home"
    accounts = Accounts(read_settings(home=home).accounts_file)
    accounts.add("anna", AccountRole.CURATOR, None, by="tests")
    scopes = actions_named(["look", "generate", "trace"])
    _, secret = Tokens(accounts).make("anna", scopes, label="", days=1, by="tests")
    made = Server(ready.path, home, free_port()).start()
    yield made, secret
    made.stop()


def test_the_examples_of_the_documents_do_what_they_say(
    running: tuple[Server, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server, secret = running
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    assert len(EXAMPLES) >= 7
    for example in EXAMPLES:
        here = example.replace("http://127.0.0.1:7860", server.url)
        exec(compile(here.replace("creditline_...", secret), "api.md", "exec"), known)
    said = capsys.readouterr().out
    assert known["run"]["seed"] == 8 and known["traced"]["actor"] == known["run"]["actor"]
    assert known["run"]["entry"] is not None and known["run"]["actor"].startswith("anna (token ")
    assert known["picture"].startswith(b"\x89PNG")
    assert known["traced"]["kind"] == "upload" and known["traced"]["entry"] is None
    assert known["verification"]["ok"] is True and known["totals"]["entries"] >= 1
    assert known["statement"]["artist_id"] == known["artists"][0]["artist_id"]
    assert known["refused"].status_code == 422 and "no class 'none of these'" in said
    proof = checked(Path("proof.json"), Path("key.pem"), Path("checkpoints.jsonl"))
    assert proof.entry["seq"] == known["newest"][0]["entry"]

"""Accounts by the command line: passwords are read from a pipe, never from the words typed."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from app import cli
from app.settings import PREFIX, Settings
from core.accounts.roles import AccountRole
from core.accounts.store import Accounts
from core.accounts.tokens import Tokens

PASSWORD = "a lantern on the quay"


@pytest.fixture(autouse=True)
def accounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Accounts:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Accounts(tmp_path / "home" / "accounts.sqlite3")


def run(monkeypatch: pytest.MonkeyPatch, *words: str, typed: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return cli.main(["accounts", *words])


def test_an_account_is_added_listed_and_revoked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], accounts: Accounts
) -> None:
    add = ("add", "anna", "--role", "keeper", "--password-stdin")
    assert run(monkeypatch, *add, typed=f"{PASSWORD}\n") == 0
    account = accounts.with_password("anna", PASSWORD)
    assert account is not None and account.role is AccountRole.KEEPER
    assert run(monkeypatch, "token", "anna", "--scope", "export", "--for", "site") == 0
    secret = capsys.readouterr().out.splitlines()[-1]
    assert Tokens(accounts).owner(secret) is not None
    assert run(monkeypatch, "list") == 0
    shown = capsys.readouterr().out
    assert "anna" in shown and "export" in shown and secret not in shown
    assert run(monkeypatch, "revoke", "anna") == 0
    assert accounts.with_password("anna", PASSWORD) is None
    assert Tokens(accounts).owner(secret) is None
    capsys.readouterr()
    assert run(monkeypatch, "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["accounts"][0]["revoked_at"] and PASSWORD not in json.dumps(listed)


def test_a_token_alone_is_revoked_by_its_number(
    monkeypatch: pytest.MonkeyPatch, accounts: Accounts
) -> None:
    run(monkeypatch, "add", "anna", "--no-password")
    run(monkeypatch, "token", "anna", "--scope", "look", "--scope", "record")
    (token,) = Tokens(accounts).all()
    assert token.expires_at is not None
    assert run(monkeypatch, "revoke", "--token", token.id) == 0
    assert Tokens(accounts).all()[0].revoked_at and accounts.named("anna") is not None


@pytest.mark.parametrize(
    ("words", "typed", "code", "sentence"),
    [
        (("add", "anna"), "", 2, "Nobody is here to type a password.*--password-stdin"),
        (("add", "anna", "--role", "admin", "--no-password"), "", 2, "no role 'admin'"),
        (("add", "anna", "--password-stdin"), "short\n", 1, "at least 12 letters"),
        (("add", "a b", "--no-password"), "", 1, "cannot be an account's name"),
        (("password", "bo", "--password-stdin"), f"{PASSWORD}\n", 1, "no account 'bo'"),
        (("revoke",), "", 2, "Say which account"),
        (("revoke", "bo", "--token", "1"), "", 2, "Say which account"),
        (("revoke", "bo"), "", 1, "no account 'bo'"),
        (("token", "bo", "--scope", "look"), "", 1, "no account 'bo'"),
        (("token", "bo"), "", 2, "A token needs a scope"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    typed: str,
    code: int,
    sentence: str,
) -> None:
    assert run(monkeypatch, *words, typed=typed) == code
    assert re.search(sentence, capsys.readouterr().err)


def test_a_new_password_takes_the_place_of_the_old(
    monkeypatch: pytest.MonkeyPatch, accounts: Accounts
) -> None:
    run(monkeypatch, "add", "anna", "--password-stdin", typed=f"{PASSWORD}\n")
    assert (
        run(monkeypatch, "password", "anna", "--password-stdin", typed="another one of mine") == 0
    )
    assert accounts.with_password("anna", PASSWORD) is None
    assert accounts.with_password("anna", "another one of mine") is not None

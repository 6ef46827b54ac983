"""Tokens by which programs ask in somebody's name: each with its scopes, kept as a digest.

In: an account and what the token may be used for; or a token. Out: the token, shown once; or whose
it is and for what. A token never does more than its owner may at that moment.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from core.accounts.roles import Action, allowed_to
from core.accounts.sessions import digest_of
from core.accounts.store import Account, Accounts, moment
from core.errors import AccountError

PREFIX = "creditline_"  # so that a token that leaked is recognised by scanners
LONGEST_LABEL = 80


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token without its secret; `scopes` are the actions that it was made for."""

    id: str
    account: str
    label: str
    scopes: frozenset[Action]
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None


class Tokens:
    """The tokens of one home; safe to ask from any thread."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.time) -> None:
        self.accounts, self._clock = accounts, clock

    def make(
        self, name: str, scopes: frozenset[Action], *, label: str, days: int | None, by: str
    ) -> tuple[Token, str]:
        """A new token of an account, and its secret, which is shown this once.

        Raises `AccountError` for a scope that the account's role does not have.
        """
        account = self.accounts.required(name)
        beyond = sorted(scopes - allowed_to(account.role))
        if beyond:
            raise AccountError(
                f"{account.name} is a {account.role.value}, who may not: {', '.join(beyond)}. "
                "A token never does more than its owner."
            )
        secret, number = PREFIX + secrets.token_urlsafe(32), secrets.token_hex(4)
        expires = None if days is None else self._clock() + 86400 * days
        with self.accounts.writing() as connection:
            connection.execute(
                "INSERT INTO token (id, digest, account, label, scopes, created_at, created_by, "
                "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    digest_of(secret),
                    account.name,
                    " ".join(label.split())[:LONGEST_LABEL],
                    " ".join(sorted(scopes)),
                    moment(),
                    by,
                    expires,
                ),
            )
            row = connection.execute("SELECT * FROM token WHERE id = ?", (number,)).fetchone()
        return _token(row), secret

    def all(self) -> tuple[Token, ...]:
        """Every token, without secrets, the oldest first."""
        with self.accounts.reading() as connection:
            rows = connection.execute("SELECT * FROM token ORDER BY created_at, id").fetchall()
        return tuple(_token(row) for row in rows)

    def revoke(self, number: str) -> Token:
        """End a token. Raises `AccountError` where there is none of this number."""
        with self.accounts.writing() as connection:
            connection.execute(
                "UPDATE token SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (moment(), number),
            )
            row = connection.execute("SELECT * FROM token WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise AccountError(f"There is no token '{number}'. `accounts list` shows all.")
        return _token(row)

    def owner(self, secret: str) -> tuple[Account, Token] | None:
        """Whose token this is, and what for; None for one that is over, ended, or never was."""
        if not secret.startswith(PREFIX):
            return None
        with self.accounts.reading() as connection:
            row = connection.execute(
                "SELECT * FROM token WHERE digest = ? AND revoked_at IS NULL "
                "AND (expires_at IS NULL OR expires_at >= ?)",
                (digest_of(secret), self._clock()),
            ).fetchone()
        if row is None:
            return None
        account = self.accounts.named(row["account"])
        return None if account is None else (account, _token(row))


def _token(row: sqlite3.Row) -> Token:
    expires = row["expires_at"]
    return Token(
        id=row["id"],
        account=row["account"],
        label=row["label"],
        scopes=frozenset(Action(name) for name in row["scopes"].split()),
        created_at=row["created_at"],
        expires_at=None
        if expires is None
        else datetime.fromtimestamp(expires, UTC).isoformat(timespec="seconds"),
        revoked_at=row["revoked_at"],
    )

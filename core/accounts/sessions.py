"""Signed-in browsers: each holds a signed cookie, and the home holds its digest.

In: an account that has shown its password, or a cookie. Out: the cookie's value, or the account.
Signed, so that no value is looked up that this home did not give; kept, so that signing out and
revoking end it at once.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from itsdangerous import BadSignature, URLSafeTimedSerializer

from core.accounts.store import Account, Accounts

LASTS = 12 * 3600  # seconds: a working day


class Sessions:
    """The sessions of one home; safe to ask from any thread."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.time) -> None:
        self.accounts, self._clock = accounts, clock
        self._signer: URLSafeTimedSerializer | None = None

    def begin(self, account: Account) -> str:
        """The value of a new cookie; sessions that are over are forgotten on the way."""
        name = secrets.token_urlsafe(24)
        with self.accounts.writing() as connection:
            connection.execute("DELETE FROM session WHERE expires_at < ?", (self._clock(),))
            connection.execute(
                "INSERT INTO session (digest, account, expires_at) VALUES (?, ?, ?)",
                (digest_of(name), account.name, self._clock() + LASTS),
            )
        return self._signing().dumps(name)

    def account(self, cookie: str) -> Account | None:
        """Whose session this is; None for one that is over, ended, or never was."""
        digest = self._digest(cookie)
        if digest is None:
            return None
        with self.accounts.reading() as connection:
            row = connection.execute(
                "SELECT account FROM session WHERE digest = ? AND expires_at >= ?",
                (digest, self._clock()),
            ).fetchone()
        return None if row is None else self.accounts.named(row["account"])

    def end(self, cookie: str) -> None:
        """Sign out: the cookie is worth nothing from now on, wherever a copy of it lies."""
        digest = self._digest(cookie)
        if digest is not None:
            with self.accounts.writing() as connection:
                connection.execute("DELETE FROM session WHERE digest = ?", (digest,))

    def _digest(self, cookie: str) -> str | None:
        if not cookie or not self.accounts.path.exists():
            return None
        try:
            return digest_of(str(self._signing().loads(cookie, max_age=LASTS)))
        except BadSignature:
            return None

    def _signing(self) -> URLSafeTimedSerializer:
        if self._signer is None:
            self._signer = URLSafeTimedSerializer(self.accounts.secret(), salt="session")
        return self._signer


def digest_of(secret: str) -> str:
    """What is kept of a random secret: enough to know it again, of no use to whoever reads it."""
    return hashlib.sha256(secret.encode()).hexdigest()

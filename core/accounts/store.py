"""The accounts of a home: one small SQLite file beside the ledger, readable by its owner alone.

In: the file, and who does what. Out: accounts as frozen values, and transactions for what else is
kept there (`sessions`, `tokens`). A name stays one person's for ever, because the ledger writes it
down: a revoked account is kept, and its name is not given again.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.accounts.passwords import hashed, matches
from core.accounts.roles import AccountRole
from core.errors import AccountError

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?")
RESERVED = {"visitor", "keeper", "curator", "nobody", "creditline"}  # would be misread as a role
SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, role TEXT NOT NULL, password TEXT,
  created_at TEXT NOT NULL, created_by TEXT NOT NULL, revoked_at TEXT, revoked_by TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS session (
  digest TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL REFERENCES account (name),
  expires_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS token (
  id TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL REFERENCES account (name), label TEXT NOT NULL, scopes TEXT NOT NULL,
  created_at TEXT NOT NULL, created_by TEXT NOT NULL, expires_at REAL, revoked_at TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS secret (value TEXT NOT NULL) STRICT;
"""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A person who may do more than a visitor. `signs_in`: with a password of their own, not only
    by a proxy that knows them."""

    name: str
    role: AccountRole
    signs_in: bool
    created_at: str
    created_by: str
    revoked_at: str | None = None

    @property
    def stands(self) -> bool:
        """Whether it was not revoked."""
        return self.revoked_at is None


class Accounts:
    """The file; safe to ask from any thread and process. Nothing is made before it is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, name: str, role: AccountRole, password: str | None, *, by: str) -> Account:
        """A new account; without a password it is known only through a proxy.

        Raises `AccountError` for a name that cannot be, or that was given before.
        """
        name = name.strip()
        if not NAME.fullmatch(name) or name.lower() in RESERVED:
            raise AccountError(
                f"'{name}' cannot be an account's name. Use 1 to 64 letters, digits and . _ - @ +, "
                "and no role's name."
            )
        kept = None if password is None else hashed(password)
        with self.writing() as connection:
            if self._row(connection, name) is not None:
                raise AccountError(
                    f"The name '{name}' was given before, and the ledger may have written it down. "
                    "Choose another; `accounts list` shows all."
                )
            connection.execute(
                "INSERT INTO account (name, role, password, created_at, created_by) "
                "VALUES (?, ?, ?, ?, ?)",
                (name, role.value, kept, moment(), by),
            )
        return self.required(name)

    def all(self) -> tuple[Account, ...]:
        """Every account, revoked ones too, by name."""
        with self.reading() as connection:
            rows = connection.execute("SELECT * FROM account ORDER BY name").fetchall()
        return tuple(_account(row) for row in rows)

    def named(self, name: str) -> Account | None:
        """The account that stands under this name; None for nobody."""
        with self.reading() as connection:
            row = self._row(connection, name)
        account = None if row is None else _account(row)
        return account if account is not None and account.stands else None

    def required(self, name: str) -> Account:
        """The account that stands under this name. Raises `AccountError` without one."""
        account = self.named(name)
        if account is None:
            raise AccountError(f"There is no account '{name}'. `accounts list` shows all.")
        return account

    def set_password(self, name: str, password: str) -> Account:
        """A new password; everywhere else the account is signed out."""
        account, kept = self.required(name), hashed(password)
        with self.writing() as connection:
            connection.execute(
                "UPDATE account SET password = ? WHERE name = ?", (kept, account.name)
            )
            connection.execute("DELETE FROM session WHERE account = ?", (account.name,))
        return self.required(name)

    def revoke(self, name: str, *, by: str) -> Account:
        """End an account, its sessions and its tokens; its name stays in the ledger."""
        account = self.required(name)
        with self.writing() as connection:
            connection.execute(
                "UPDATE account SET password = NULL, revoked_at = ?, revoked_by = ? WHERE name = ?",
                (moment(), by, account.name),
            )
            connection.execute("DELETE FROM session WHERE account = ?", (account.name,))
            connection.execute(
                "UPDATE token SET revoked_at = ? WHERE account = ? AND revoked_at IS NULL",
                (moment(), account.name),
            )
            row = self._row(connection, account.name)
        assert row is not None
        return _account(row)

    def with_password(self, name: str, password: str) -> Account | None:
        """The account, if this is its password; a name that nobody has takes as long to refuse."""
        with self.reading() as connection:
            row = self._row(connection, name)
        good = matches(None if row is None else row["password"], password)
        return _account(row) if good and row is not None else None

    def secret(self) -> str:
        """What this home signs with; made when first needed, and never shown."""
        with self.writing() as connection:
            row = connection.execute("SELECT value FROM secret").fetchone()
            if row is None:
                value = secrets.token_urlsafe(32)
                connection.execute("INSERT INTO secret (value) VALUES (?)", (value,))
                return value
        return str(row["value"])

    # --- the file --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read by; of a home without accounts, an empty one."""
        with self._words(), contextlib.closing(self._connected(write=False)) as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction: all of it is kept, or nothing."""
        with self._words(), contextlib.closing(self._connected(write=True)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _connected(self, *, write: bool) -> sqlite3.Connection:
        there = self.path.exists()
        if write and not there:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # for its owner alone from the first byte on
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        place = str(self.path) if there or write else ":memory:"
        connection = sqlite3.connect(place, timeout=5.0, isolation_level=None)
        connection.row_factory = sqlite3.Row
        if write or not there:
            connection.executescript(SCHEMA)
        return connection

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise AccountError(
                f"The accounts in '{self.path.name}' cannot be read or written ({error}). Check "
                "the file, its rights and the disk; nothing was changed."
            ) from error

    @staticmethod
    def _row(connection: sqlite3.Connection, name: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = connection.execute(
            "SELECT * FROM account WHERE name = ?", (name,)
        ).fetchone()
        return row


def moment() -> str:
    """This moment in UTC, to the second, as ISO 8601."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")


def _account(row: sqlite3.Row) -> Account:
    return Account(
        name=row["name"],
        role=AccountRole(row["role"]),
        signs_in=row["password"] is not None,
        created_at=row["created_at"],
        created_by=row["created_by"],
        revoked_at=row["revoked_at"],
    )

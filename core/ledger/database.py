"""The database behind the ledger: opened, migrated, and its faults put into plain words.

In: a file. Out: connections for reading and for writing (BEGIN IMMEDIATE). Knows no rule of
bookkeeping.
"""

from __future__ import annotations

import contextlib
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.errors import LedgerError
from core.files import write_via

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
BUSY_MS = 10_000
ONE_AT_A_TIME = Lock()
SCHEMA = (  # but how Alembic writes its own table, and what ANALYZE leaves
    "SELECT type, name, tbl_name || ': ' || coalesce(sql, '') FROM sqlite_master "
    "WHERE name <> 'alembic_version' AND name NOT LIKE 'sqlite#_stat%' ESCAPE '#'"
)
FAULTS = {
    "could not decode": "is damaged: a text in it is not text. `ledger verify` says where",
    "locked": "is in use by another program. Wait a moment, then try again",
    "busy": "is in use by another program. Wait a moment, then try again",
    "readonly": "cannot be written. Give yourself the right to write the file and its folder",
    "read-only": "cannot be written. Give yourself the right to write the file and its folder",
    "unable to open": "cannot be opened. Check that its folder exists and may be written",
    "full": "has no room left on the disk. Free some space, then try again",
    "i/o error": "cannot be read or written: the disk reports an error. Check the disk",
    "not a database": "is not a ledger. Put it aside, or restore it from a backup",
    "malformed": "is damaged. Put it aside and restore it from a backup",
    "no such column": "is damaged. Put it aside and restore it from a backup",
    "no such table": "is not a ledger of this program. Put it aside, or restore it from a backup",
}


def connect(path: Path, busy_ms: int = BUSY_MS) -> Engine:
    """An engine over a SQLite file: WAL, foreign keys, full synchronisation."""
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": busy_ms / 1000},
        max_overflow=-1,  # an export holds its connection as long as its reader takes
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by sqlite3
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {busy_ms}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # of a deleted run no name stays in the file
        cursor.close()
        connection.create_function("folded", 1, folded, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextlib.contextmanager
def in_plain_words(path: Path) -> Iterator[None]:
    """Turn a database's errors into one `LedgerError` with cause and remedy."""
    try:
        yield
    except IntegrityError as error:
        raise LedgerError(
            f"The ledger refused the entry ({error.orig}). Nothing was booked."
        ) from error
    except (DBAPIError, sqlite3.Error) as error:
        cause = str(getattr(error, "orig", error)).lower()
        words = next((text for mark, text in FAULTS.items() if mark in cause), None)
        raise LedgerError(
            f"The ledger '{path.name}' {words or f'answered: {cause}'}. Nothing was booked."
        ) from error
    except UnicodeDecodeError as error:
        raise LedgerError(
            f"The ledger '{path.name}' is damaged: a text in it is not text. Put it aside and "
            "restore it from a backup. Nothing was booked."
        ) from error
    except UnicodeEncodeError as error:
        raise LedgerError(
            "A text holds half a character (a lone surrogate), which no ledger can keep. "
            "Correct the text, then try again. Nothing was booked."
        ) from error


def folded(text: str) -> str:
    """A text as it is searched: in any case, accents composed alike (macOS writes them apart)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def identity(path: Path) -> tuple[int, int] | None:
    """Which file lies under this name: device and inode; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def lock_of(path: Path) -> Path:
    """The file by which one process at a time changes the ledger as a whole."""
    return path.with_name(f".{path.name}.lock")


STEPPED = (0, 101)  # of SQLite: a step was taken, or the last one; not: somebody is writing


def copy_database(source: Path, target: Path, while_held: Callable[[], None] | None = None) -> None:
    """One moment of `source` into `target` by SQLite's backup, while others read and write either.

    Whoever has `target` open sees all of it or nothing. `while_held` is called once when nobody
    else can write to `target` any more; what it raises leaves `target` as it was. Raises
    `sqlite3.Error`.
    """
    address = f"{source.resolve().as_uri()}?mode=rw"
    with (
        contextlib.closing(sqlite3.connect(address, uri=True, timeout=BUSY_MS / 1000)) as old,
        contextlib.closing(sqlite3.connect(target, timeout=BUSY_MS / 1000)) as new,
    ):
        if while_held is None:
            old.backup(new)
            return
        called: list[bool] = []

        def step(status: int, remaining: int, total: int) -> None:
            if not called and status in STEPPED:  # a page was written, so the lock is held
                called.append(True)
                while_held()

        old.backup(new, pages=1, progress=step)


def backup_before_migration(path: Path, version: str) -> Path:
    """Where the ledger of an older schema is kept before it is changed; made here."""
    kept = path.with_name(f"{path.name}.schema-{version}")
    if not kept.exists():
        write_via(kept, lambda draft: copy_database(path, draft))
    return kept


def migrate(engine: Engine, path: Path) -> None:
    """Bring the file to the newest schema, one process at a time."""
    config = _config()
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head()
    if _version(engine) == newest:
        return
    with FileLock(lock_of(path)):
        current = _version(engine)
        if current == newest:
            return
        if current is not None and current not in {one.revision for one in script.walk_revisions()}:
            raise LedgerError(
                f"The ledger '{path.name}' was written by a newer version of this program "
                f"(schema {current}). Update the program; the file is untouched."
            )
        if current is not None:
            backup_before_migration(path, current)
        with engine.execution_options(writes=True).begin() as connection:
            _upgrade(config, connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _upgrade(config: Config, connection: Connection) -> None:
    config.attributes["connection"] = connection
    with ONE_AT_A_TIME:  # Alembic keeps what it is doing in its module
        command.upgrade(config, "head")


@cache
def expected_schema() -> Mapping[tuple[str, str], str]:
    """(kind, name) -> the text of every table, index and trigger that the migrations make."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _upgrade(_config(), connection)
        rows = connection.exec_driver_sql(SCHEMA).all()
    engine.dispose()
    return {(kind, name): text for kind, name, text in rows}


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()

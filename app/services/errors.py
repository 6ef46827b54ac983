"""Errors at the edge: one that is ours becomes its words, another a reference to the log.

In: an exception, or a stream of updates that may raise one. Out: words for a person, never a path
or a traceback; what nobody foresaw is kept whole in CREDITLINE_HOME/logs/errors.log. Knows no page
and no verb.
"""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.settings import read_settings
from core.errors import CreditlineError, UsageError

LARGEST_LOG = 5 * 1024 * 1024  # bytes; then it is put aside, in place of the one before


def log_file() -> Path:
    """Where reports are kept."""
    return read_settings().home / "logs" / "errors.log"


def keep_report(error: BaseException) -> str:
    """Append the traceback to the log and return its reference, or "none" where it cannot be."""
    reference = secrets.token_hex(2).upper()
    try:
        log = log_file()
        log.parent.mkdir(parents=True, exist_ok=True)
        # whoever finds a way to fail on purpose must not fill the disk with it
        if log.exists() and log.stat().st_size >= LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"{moment} ref {reference}\n")
            stream.write("".join(traceback.format_exception(error)) + "\n")
    except (OSError, UsageError):
        return "none"
    return reference


OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def words_of(error: Exception) -> str:
    """One error as words for a person: never a path, never a traceback."""
    if isinstance(error, CreditlineError):
        return error.message
    if isinstance(error, MemoryError) or any(m in str(error).lower() for m in OUT_OF_MEMORY):
        keep_report(error)
        return "The memory of this machine ran out. Try fewer steps, or close other programs."
    reference = keep_report(error)
    return (
        "Something went wrong that was not foreseen; nothing was half-recorded. Try again; if it "
        f"happens again, report it with the reference {reference}."
    )


def guarded(events: Iterator[Any], show: Callable[[str], Any]) -> Iterator[Any]:
    """Hand on the events; an error ends them with what `show` makes of its words."""
    try:
        yield from events
    except Exception as error:  # noqa: BLE001 - the edge: a person gets words, the log the story
        yield show(words_of(error))

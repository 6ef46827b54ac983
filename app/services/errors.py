"""Errors nobody foresaw: kept whole in a log, told as a short reference.

In: an exception. Out: a reference that finds its story in CREDITLINE_HOME/logs/errors.log. Knows no
page and no verb.
"""

from __future__ import annotations

import secrets
import traceback
from datetime import UTC, datetime
from pathlib import Path

from app.settings import read_settings
from core.errors import UsageError


def log_file() -> Path:
    """Where reports are kept."""
    return read_settings().home / "logs" / "errors.log"


def keep_report(error: BaseException) -> str:
    """Append the traceback to the log and return its reference, or "none" where it cannot be."""
    reference = secrets.token_hex(2).upper()
    try:
        log = log_file()
        log.parent.mkdir(parents=True, exist_ok=True)
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"{moment} ref {reference}\n")
            stream.write("".join(traceback.format_exception(error)) + "\n")
    except (OSError, UsageError):
        return "none"
    return reference

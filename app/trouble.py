"""Errors nobody foresaw: kept whole in a log, told as a short reference.

In: an exception. Out: a sentence that says where its story lies. Knows no page and no verb.
"""

from __future__ import annotations

import secrets
import traceback
from datetime import UTC, datetime

from app.settings import read_settings
from core.errors import UsageError


def keep_report(error: BaseException) -> str:
    """Append the traceback to CREDITLINE_HOME/logs/errors.log; say so, or say why not."""
    reference = secrets.token_hex(2).upper()
    try:
        log = read_settings().home / "logs" / "errors.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"{moment} ref {reference}\n")
            stream.write("".join(traceback.format_exception(error)) + "\n")
    except (OSError, UsageError):
        return f"No report could be kept: {error}"
    return f"The report {reference} is in {log}."

"""Whatever goes wrong in an event of a page becomes words on the page; the story goes to the log.

In: a generator of updates and a way to show words. Out: the same generator, which never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from app.services.errors import keep_report
from core.errors import CreditlineError

OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def told(error: Exception) -> str:
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
        yield show(told(error))

"""Which entries a person means: one parser for the command line, the pages, CSV and JSON.

In: words as they were typed or stand in an address. Out: a `LedgerFilter`, an artist, an entry, or
a `UsageError` that names the word and what would be right. Both days of a range are included. Knows
no page, no verb.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta

from core.errors import LedgerError, UsageError
from core.ledger.ledger import Reader
from core.ledger.records import (
    EXAMPLE,
    GENERATION,
    UPLOAD,
    Entry,
    KnownArtist,
    LedgerFilter,
    RunSearch,
)
from core.ledger.statement import month

WORDS = ("artist", "style", "kind", "since", "until", "period")
RUN_KINDS = (GENERATION, UPLOAD, EXAMPLE)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
VERDICTS = ("familiar", "uncertain", "unfamiliar")
LONGEST_TEXT = 200  # letters that are searched for
QUOTED = 60  # characters of a wrong word that its refusal repeats


def read_filter(
    ledger: Reader,
    words: Mapping[str, str | None],
    styles: Callable[[], Collection[str]] = tuple,
) -> LedgerFilter:
    """The filter that `words` describe; missing and empty ones let everything through.

    `artist` is an id or a name; `style` a class of the ledger's runs or one of `styles()`; `kind`
    one of `RUN_KINDS`; `since` and `until` days (YYYY-MM-DD), both included; `period` a month
    (YYYY-MM) in place of days. Other words are left alone.
    """
    values = {name: (words.get(name) or "").strip() for name in WORDS}
    since, until = _days(values["since"], values["until"], values["period"])
    return LedgerFilter(
        artist=find_artist(ledger, values["artist"]).id if values["artist"] else None,
        style=_style(ledger, values["style"], styles) if values["style"] else None,
        kind=_kind(values["kind"]) if values["kind"] else None,
        since=since,
        until=until,
    )


def read_search(words: Mapping[str, str | None]) -> RunSearch:
    """What a search among the runs says beside the filter: `verdict` and `text`."""
    verdict = (words.get("verdict") or "").strip()
    text = " ".join((words.get("text") or "").split())
    if verdict and verdict not in VERDICTS:
        raise UsageError(
            f"There is no verdict '{_cut(verdict)}'. Choose one of: {', '.join(VERDICTS)}."
        )
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"Search for at most {LONGEST_TEXT} letters of a file's name.")
    return RunSearch(verdict=verdict or None, text=text or None)


def find_artist(ledger: Reader, name: str) -> KnownArtist:
    """By id, or by name in any case; a `UsageError` when none or several answer."""
    by_id = ledger.artist(name)
    if by_id is not None:
        return by_id
    known = ledger.artists()
    same = [one for one in known if one.name.casefold() == name.casefold()]
    if len(same) == 1:
        return same[0]
    if same:
        ids = ", ".join(one.id for one in same)
        raise UsageError(f"Several artists are called '{_cut(name)}'. Use one of the ids: {ids}.")
    near = [one.id for one in known if name.casefold() in f"{one.id} {one.name}".casefold()]
    hint = f" Did you mean {', '.join(near[:3])}?" if near else ""
    raise UsageError(f"The ledger knows no artist '{_cut(name)}'.{hint}")


def find_entry(ledger: Reader, name: str) -> Entry:
    """By number (12, #12 or 000012) or by id; a `UsageError` when none answers."""
    text = name.lstrip("#")
    # ASCII: '²' is a digit to `isdigit`, and nothing that `int` reads
    is_number = text.isascii() and text.isdigit() and len(text) < 12
    by_number = ledger.entry(int(text)) if is_number else None
    entry = by_number or ledger.entry_by_id(name)
    if entry is None:
        raise UsageError(f"There is no entry '{_cut(name)}'. `ledger entries` lists them.")
    return entry


def _style(ledger: Reader, name: str, styles: Callable[[], Collection[str]]) -> str:
    """The class a person meant: exact, or in other letters' case, or with spaces for marks."""
    recorded = ledger.styles()
    known = recorded if name in recorded else sorted({*recorded, *styles()})
    for same in (lambda style: style == name, lambda style: _folded(style) == _folded(name)):
        for style in known:
            if same(style):
                return style
    choices = f"Choose one of: {', '.join(known)}." if known else "No run is recorded yet."
    raise UsageError(f"The ledger knows no class '{_cut(name)}'. {choices}")


def _cut(word: str) -> str:
    return word if len(word) <= QUOTED else f"{word[:QUOTED]}…"


def _folded(text: str) -> str:
    return text.casefold().replace("_", " ").replace("-", " ").strip()


def _kind(name: str) -> str:
    if name not in RUN_KINDS:
        raise UsageError(
            f"There is no kind of run '{_cut(name)}'. Choose one of: {', '.join(RUN_KINDS)}."
        )
    return name


def _days(since: str, until: str, period: str) -> tuple[str | None, str | None]:
    """The first day and the day after the last one; None: no bound."""
    if not period:
        return (_day(since).isoformat() if since else None), (_day_after(until) if until else None)
    if since or until:
        raise UsageError(f"Choose either the month '{_cut(period)}' or days, not both.")
    try:
        return month(_cut(period))
    except LedgerError as error:
        raise UsageError(error.message) from error


def _day(text: str) -> date:
    try:
        if not DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"There is no day '{_cut(text)}'. Write it as YYYY-MM-DD.") from error


def _day_after(text: str) -> str | None:
    day = _day(text)
    return None if day == date.max else (day + timedelta(days=1)).isoformat()

"""A run as tables for a spreadsheet: who is credited, and which works were named.

In: a recorded run and the artists' names. Out: CSV text; numbers stay numbers, and no cell is a
formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.ledger.export import credits, csv_text, neutral
from core.ledger.records import RunRecord, RunView
from core.ledger.shares import WHOLE

CREDIT_COLUMNS = ("run", "artist_id", "artist", "credit", "micro", "percent", "entry")
WORK_COLUMNS = (
    "run",
    "side",
    "rank",
    "work",
    "title",
    "artist_id",
    "artist",
    "year",
    "class",
    "licence",
    "part",
    "z",
    "score",
    "self_influence",
)
NOBODY = "unattributed"


def credit_table(view: RunView, names: Mapping[str, str]) -> str:
    """One line per artist, the largest share first, and one for what nobody gets."""
    record = view.record
    ranked = sorted(record.artist_micro.items(), key=lambda item: (-item[1], item[0]))
    lines = [(who, names.get(who, who), micro) for who, micro in ranked]
    lines.append(("", NOBODY, record.unattributed_micro))
    return csv_text(CREDIT_COLUMNS, (_credit(view, *line) for line in lines))


def _credit(view: RunView, who: str, name: str, micro: int) -> Iterable[object]:
    percent = f"{100 * micro / WHOLE:.4f}"
    entry = "" if view.entry is None else view.entry
    return view.number, neutral(who), neutral(name), credits(micro), micro, percent, entry


def works_table(view: RunView) -> str:
    """One line per work that the run names, by side and rank."""
    return csv_text(WORK_COLUMNS, _works(view.number, view.record))


def _works(number: int, record: RunRecord) -> Iterable[Iterable[object]]:
    for row in record.influences:
        texts = (row.work_id, row.title, row.artist_id, row.artist, row.year, row.style)
        part = "" if row.part is None else row.part
        yield (
            number,
            row.side,
            row.rank,
            *(neutral(text) for text in (*texts, row.licence)),
            part,
            row.z,
            row.score,
            row.self_influence,
        )

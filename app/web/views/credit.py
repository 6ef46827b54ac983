"""Credit as bars from zero: who, how much, from how many works; the rest stays visible.

In: micro-credits of a run or of the ledger. Out: bars as plain values, widest first at full length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.web.formatting import counted, credits, percentages
from app.web.views.rules import earned_by
from core.ledger.records import PROPONENT, RunRecord, Totals
from core.ledger.shares import ShareRule

UNATTRIBUTED = "Unattributed"
WHY = "what is too weak to tell from chance is given to nobody"
# of runs that tell what is unattributed apart: name and reason
REST = {
    "base": ("The base model's", "not owed to this collection: the model could do it before"),
    "weak": ("Too weak to tell", "owed to the collection, but to no artist above chance"),
    "withheld": ("Kept back", "of artists who opted out, or above a cap"),
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar; `fraction` of the longest. `artist_id` is None for what nobody got."""

    artist_id: str | None
    name: str
    share: str
    fraction: float
    note: str


def run_bars(
    record: RunRecord, names: Mapping[str, str], rule: ShareRule | None
) -> tuple[Bar, ...]:
    """The shares of one picture, the largest first.

    `rule` is the run's own, from which the works that earned a share are counted.
    """
    ranked = sorted(record.artist_micro.items(), key=lambda item: (-item[1], item[0]))
    recorded = {row.artist_id: row.artist for row in record.influences}
    earned = earned_by(rule, record.side(PROPONENT))
    rows = [
        (artist, recorded.get(artist) or names.get(artist, artist), micro, earned(artist))
        for artist, micro in ranked
    ]
    if record.remainder is None:
        return _bars(rows, [(UNATTRIBUTED, record.unattributed_micro, WHY)])
    rest = [(name, record.remainder.get(key, 0), why) for key, (name, why) in REST.items()]
    return _bars(rows, [row for row in rest if row[1]])


def total_bars(totals: Totals) -> tuple[Bar, ...]:
    """The ledger's bars, in its order; none where nothing is credited."""
    rows = [
        (
            row.artist_id,
            row.name,
            row.micro,
            f"{credits(row.micro)} credits · {counted(row.works, 'work')}",
        )
        for row in totals.artists
    ]
    return _bars(rows, [(UNATTRIBUTED, totals.unattributed_micro, "")])


def _bars(
    rows: Sequence[tuple[str, str, int, str]], rest: Sequence[tuple[str, int, str]]
) -> tuple[Bar, ...]:
    """`rows`: artist id, name, micro-credits, note; `rest`: what nobody got, without the id."""
    everyone = [*rows, *((None, name, micro, why) for name, micro, why in rest)]
    micros = [max(0, micro) for _, _, micro, _ in everyone]
    if not any(micros):
        return ()
    longest = max(micros)
    return tuple(
        Bar(artist_id=artist, name=name, share=share, fraction=micro / longest, note=note)
        for (artist, name, _, note), micro, share in zip(
            everyone, micros, percentages(micros), strict=True
        )
    )

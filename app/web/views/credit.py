"""Credit as bars from zero: who, how much, from how many works; the rest stays visible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from app.web.views.html import artist_address, counted, e, percentages
from core.ledger.records import PROPONENT, RunRecord
from core.ledger.shares import credited_places

UNATTRIBUTED = "Unattributed"
WHY = "what is too weak to tell from chance is given to nobody"
# of runs that tell what is unattributed apart: name and reason
REST = {
    "base": ("The base model's", "not owed to this collection: the model could do it before"),
    "weak": ("Too weak to tell", "owed to the collection, but to no artist above chance"),
    "withheld": ("Kept back", "of artists who opted out, or above a cap"),
}


def run_bars(record: RunRecord, names: Mapping[str, str]) -> str:
    """The shares of one picture; a click on an artist filters the works below."""
    ranked = sorted(record.artist_micro.items(), key=lambda item: (-item[1], item[0]))
    said = {row.artist_id: row.artist for row in record.influences}
    rows = record.side(PROPONENT)
    if record.remainder is None:
        places = credited_places([row.z for row in rows])
        rest = [(UNATTRIBUTED, WHY, record.unattributed_micro)]
    else:
        places = [place for place, row in enumerate(rows) if row.part]
        parts = [(*REST[name], record.remainder.get(name, 0)) for name in REST]
        rest = [part for part in parts if part[2]]
    works = Counter(rows[place].artist_id for place in places)
    micros = [*(micro for _, micro in ranked), *(micro for _, _, micro in rest)]
    shares = percentages(micros)
    largest = max(micros)
    bars = []
    for (artist, micro), share in zip(ranked, shares, strict=False):
        name = said.get(artist) or names.get(artist, artist)
        # runs of before kept the highest scores only, and credit follows z
        note = counted(works[artist], "work") if works[artist] else "works not kept with this run"
        bars.append(
            f'<li><button type="button" class="cl-bar" data-filter="{e(artist)}" '
            f'aria-pressed="false" aria-label="{e(name)}, {e(share)}. Show only their works">'
            f"{_bar(name, share, micro / largest, note)}</button></li>"
        )
    for (name, why, micro), share in zip(rest, shares[len(ranked) :], strict=True):
        bars.append(
            f'<li><div class="cl-bar cl-rest">{_bar(name, share, micro / largest, why)}</div></li>'
        )
    return f'<ul class="cl-bars">{"".join(bars)}</ul>'


def _bar(name: str, share: str, fraction: float, note: str) -> str:
    return (
        f'<span class="cl-bar-name">{e(name)}</span>'
        f'<span class="cl-bar-track"><span class="cl-bar-fill" style="width:{100 * fraction:.2f}%">'
        f'</span></span><span class="cl-bar-share">{e(share)}</span>'
        f'<span class="cl-bar-note">{e(note)}</span>'
    )


def total_bars(rows: Sequence[tuple[str, str, int, str]], unattributed: int) -> str:
    """The ledger's bars: (artist id, name, micro, note); a click opens the artist's page."""
    micros = [max(0, micro) for _, _, micro, _ in rows] + [max(0, unattributed)]
    if not any(micros):
        return ""
    shares, largest = percentages(micros), max(micros)
    items = [
        f'<li><a class="cl-bar" href="{e(artist_address(artist))}">'
        f"{_bar(name, share, max(0, micro) / largest, note)}</a></li>"
        for (artist, name, micro, note), share in zip(rows, shares, strict=False)
    ]
    items.append(
        f'<li><div class="cl-bar cl-rest">'
        f"{_bar(UNATTRIBUTED, shares[-1], micros[-1] / largest, '')}</div></li>"
    )
    return f'<ul class="cl-bars">{"".join(items)}</ul>'

"""Works as cards: picture, caption, influence; a click opens the detail view."""

from __future__ import annotations

from collections.abc import Iterable

from app.web.views.html import artist_address, e, sigma, style_name, work_address
from app.web.views.notices import empty
from core.collection.types import Work
from core.ledger.records import MEMORISED, OPPONENT, PROPONENT, RunInfluence

NOTHING = {
    PROPONENT: "No work pulls this picture towards itself: nothing to name.",
    OPPONENT: "No work pulled away from this picture.",
    MEMORISED: "No self-influence was recorded.",
}
LEADS = {
    PROPONENT: "Training works that shaped this picture most (its proponents): learning them made "
    "the model paint more like this. Press an artist's bar for every work that earned the share.",
    OPPONENT: "Training works that pulled away (its opponents): learning them made the model paint "
    "less like this. They are shown, never debited.",
    MEMORISED: "Self-influence: how strongly the model depends on each work for the work itself. "
    "High means memorised, whatever is painted.",
}


def gallery(side: str, rows: Iterable[RunInfluence], shown: int = 12) -> str:
    """One side of a run, best first; those after `shown` are for whoever asks for one artist's."""
    chosen = list(rows)
    if not chosen:
        return empty(NOTHING[side])
    cards = "".join(_card(row, place >= shown) for place, row in enumerate(chosen))
    return f'<p class="cl-lead">{e(LEADS[side])}</p><div class="cl-cards">{cards}</div>'


def _card(row: RunInfluence, deeper: bool) -> str:
    mark, said = _mark(row)
    alt = f"{row.title}, by {row.artist}, rank {row.rank}, {said}"
    data = {
        "id": row.work_id, "src": work_address(row.work_id), "title": row.title,
        "artist": row.artist, "artist-id": row.artist_id, "artist-page":
        artist_address(row.artist_id), "style": style_name(row.style), "year": row.year,
        "licence": row.licence, "rank": row.rank, "side": row.side, "z": sigma(row.z),
        "score": f"{row.score:.4g}", "self": f"{100 * row.self_influence:.1f} %",
    }  # fmt: skip
    attributes = " ".join(f'data-{name}="{e(value)}"' for name, value in data.items())
    if deeper:
        attributes += " data-deeper hidden"
    return (
        f'<button type="button" class="cl-card" {attributes} aria-label="{e(alt)}. Open details">'
        f'<img src="{e(work_address(row.work_id))}" alt="{e(alt)}" loading="lazy" '
        f'width="128" height="128">'
        f'<span class="cl-mark">{e(mark)}</span>'
        f'<span class="cl-caption"><b>{e(row.artist)}</b><span>{e(row.title)}</span></span>'
        "</button>"
    )


def _mark(row: RunInfluence) -> tuple[str, str]:
    """What stands on a card, and what it is: on a proponent's, what ranks it and what is paid."""
    if row.side == MEMORISED:
        mark = f"{100 * row.self_influence:.0f} %"
        return mark, f"self-influence {mark}"
    if row.side == PROPONENT and row.part is not None:
        mark = f"{100 * row.part:.1f} %"
        return mark, f"its part of this picture: {mark}"
    return sigma(row.z), f"influence {sigma(row.z)}"


def plain_gallery(works: Iterable[tuple[Work, str]], names: dict[str, str]) -> str:
    """Works with a word each, for artists' pages and for similarity."""
    cards = "".join(
        f'<figure class="cl-card cl-plain"><img src="{e(work_address(work.id))}" '
        f'alt="{e(work.title)}, by {e(names.get(work.artist_id, work.artist_id))}" '
        f'loading="lazy" width="128" height="128"><figcaption class="cl-caption">'
        f"<b>{e(work.title)}</b><span>{e(word)}</span></figcaption></figure>"
        for work, word in works
    )
    return f'<div class="cl-cards">{cards}</div>'

"""Every run as a thumbnail that leads to its page."""

from __future__ import annotations

from app.web.views.html import KINDS, e, moment, run_address, run_picture, style_name
from app.web.views.ledger import pager
from app.web.views.notices import empty
from app.web.views.run import alt_of
from core.ledger.records import Page, RunView


def page(runs: Page[RunView], query: dict[str, str]) -> str:
    """The runs of one page, newest first."""
    if not runs.total:
        return empty("No runs yet. What you paint or trace is kept here.", "/", "Paint a picture")
    cards = "".join(_card(view) for view in runs.items)
    return f'<div class="cl-cards">{cards}</div>' + pager("/history", runs.page, runs.pages, query)


def _card(view: RunView) -> str:
    record = view.record
    what = f"{KINDS.get(record.kind, record.kind)}, {style_name(record.style)}"
    booked = f"entry #{view.entry:06d}" if view.entry else "not booked"
    return (
        f'<a class="cl-card" href="{e(run_address(record.id))}">'
        f'<img src="{e(run_picture(record.id))}" alt="{e(alt_of(record))}" loading="lazy" '
        f'width="128" height="128"><span class="cl-caption"><b>#{view.number:06d} {e(what)}</b>'
        f"<span>{e(moment(record.created_at))}</span><span>{e(booked)}</span></span></a>"
    )

"""Artists: everyone at a glance, and one artist's page with works and statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.web.views.html import (
    artist_address,
    counted,
    credit,
    e,
    moment,
    run_address,
    style_name,
    work_address,
)
from app.web.views.works import plain_gallery
from core.collection.types import Artist, Work
from core.ledger.records import ArtistTotal, Statement

LINKS = {
    "wikidata": "https://www.wikidata.org/wiki/{}",
    "ulan": "https://vocab.getty.edu/ulan/{}",
    "isni": "https://isni.org/isni/{}",
    "viaf": "https://viaf.org/viaf/{}",
    "orcid": "https://orcid.org/{}",
}


def everyone(
    artists: Sequence[Artist],
    works: Mapping[str, Sequence[Work]],
    totals: Mapping[str, ArtistTotal],
) -> str:
    """A card an artist: three works, style, credit so far."""
    cards = []
    for artist in artists:
        own = works.get(artist.id, ())
        total = totals.get(artist.id)
        said = f"{credit(total.micro)} credits" if total and total.micro else "not credited yet"
        styles = ", ".join(sorted({style_name(work.style) for work in own}))
        pictures = "".join(
            f'<img src="{e(work_address(work.id))}" alt="" loading="lazy" width="96" height="96">'
            for work in own[:3]
        )
        cards.append(
            f'<a class="cl-artist" href="{e(artist_address(artist.id))}"><span class="cl-strip">'
            f"{pictures}</span><b>{e(artist.name)}</b><span>{e(styles)} · "
            f"{counted(len(own), 'work')}</span><span>{e(said)}</span></a>"
        )
    return f'<div class="cl-artists">{"".join(cards)}</div>'


def one(artist: Artist, works: Sequence[Work], statement: Statement, months: Sequence[str]) -> str:
    """An artist's page."""
    out = statement.artist.status == "opted-out" or artist.status == "opted-out"
    note = (
        '<div class="cl-notice" role="status">This artist has opted out: future shares go to '
        "unattributed; what was booked before stays.</div>"
        if out
        else ""
    )
    chosen = {artist.id: artist.name}
    ids = "".join(_identifier(scheme, value) for scheme, value in artist.identifiers)
    return (
        f'<p><a href="/artists">All artists</a></p><h2 class="cl-h2">{e(artist.name)}</h2>{note}'
        f'<dl class="cl-figures"><div><dt>Credits</dt><dd>{credit(statement.micro)}</dd></div>'
        f"<div><dt>Entries</dt><dd>{len(statement.lines):,}</dd></div>"
        f"<div><dt>Works</dt><dd>{len(works):,}</dd></div></dl>"
        f'<p class="cl-links">{ids}</p>{_written(artist)}'
        f"<h3>Statement{e(' of ' + statement.period) if statement.period else ''}</h3>"
        f"{_months(artist.id, months, statement.period)}{_lines(statement)}{_changes(statement)}"
        f"<h3>Works</h3>"
        + plain_gallery([(work, work.year or style_name(work.style)) for work in works], chosen)
    )


def _written(artist: Artist) -> str:
    if not artist.written:
        return ""
    return f'<p class="cl-lead">Also written: {e("; ".join(artist.written))}</p>'


def _identifier(scheme: str, value: str) -> str:
    address = LINKS.get(scheme.lower())
    text = f"{scheme} {value}"
    if address is None:
        return f"<span>{e(text)}</span>"
    return f'<a href="{e(address.format(value))}" rel="noopener noreferrer">{e(text)}</a>'


def _months(artist_id: str, months: Sequence[str], chosen: str | None) -> str:
    if not months:
        return ""
    links = [
        f'<a href="{e(artist_address(artist_id))}"{_current(chosen is None)}>All time</a>',
        *(
            f'<a href="{e(artist_address(artist_id))}&amp;period={e(month)}"'
            f"{_current(month == chosen)}>{e(month)}</a>"
            for month in months
        ),
    ]
    return f'<p class="cl-links">{"".join(links)}</p>'


def _current(yes: bool) -> str:
    return ' aria-current="page"' if yes else ""


def _lines(statement: Statement) -> str:
    if not statement.lines:
        return '<p class="cl-lead">Not credited yet.</p>'
    rows = "".join(
        f'<tr><td class="cl-num">#{entry.number:06d}</td><td>{e(moment(entry.created_at))}</td>'
        f"<td>{_run_link(entry.run_id, entry.kind)}</td>"
        f'<td class="cl-num">{credit(micro)}</td></tr>'
        for entry, micro in reversed(statement.lines[-200:])
    )
    return (
        '<div class="cl-scroll"><table class="cl-table"><thead><tr><th>Entry</th><th>When</th>'
        f"<th>What</th><th>Credit</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _run_link(run_id: str | None, kind: str) -> str:
    return f'<a href="{e(run_address(run_id))}">{e(kind)}</a>' if run_id else e(kind)


def _changes(statement: Statement) -> str:
    if not statement.changes:
        return ""
    items = "".join(
        f"<li>{e(moment(change.created_at))}: {e(change.status)}, by {e(change.actor)}: "
        f"{e(change.reason)}</li>"
        for change in statement.changes
    )
    return f"<h3>Changes of status</h3><ul>{items}</ul>"

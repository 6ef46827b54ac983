"""The ledger's page: key figures, filters, bars, entries; and an artist's statement lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.web.views.credit import total_bars
from app.web.views.html import (
    KINDS,
    counted,
    credit,
    e,
    moment,
    run_address,
    style_name,
    with_query,
)
from app.web.views.notices import empty
from core.ledger.records import Entry, KnownArtist, Page, Totals, Verification

FIELDS = ("artist", "style", "kind", "since", "until", "period")
EMPTY = "No credits yet. The first painting writes line 1."


def page(
    totals: Totals,
    entries: Page[Entry],
    runs: int,
    proof: Verification | None,
    artists: Sequence[KnownArtist],
    styles: Sequence[str],
    query: dict[str, str],
) -> str:
    """Everything below the title."""
    chosen = {name: query.get(name, "") for name in FIELDS}
    filtered = any(chosen.values())
    if not totals.entries and not filtered:
        return _proof(proof) + empty(EMPTY, "/", "Paint the first picture")
    bars = total_bars(
        [(row.artist_id, row.name, row.micro, f"{credit(row.micro)} credits · "
          f"{counted(row.works, 'work')}") for row in totals.artists],
        totals.unattributed_micro,
    )  # fmt: skip
    body = (
        bars + _table(entries) + _pages(entries, chosen)
        if totals.entries
        else empty("No entry matches these filters.", "/ledger", "Clear the filters")
    )
    return (
        _figures(totals, runs, proof) + _proof(proof) + _filters(artists, styles, chosen)
        + _exports(chosen) + body
    )  # fmt: skip


def _figures(totals: Totals, runs: int, proof: Verification | None) -> str:
    rest = totals.unattributed_micro / totals.total_micro if totals.total_micro else 0
    chain = "not checked" if proof is None else "verified ✓" if proof.ok else "broken"
    cells = (
        ("Runs", f"{runs:,}"),
        ("Entries", f"{totals.entries:,}"),
        ("Artists credited", f"{sum(row.micro > 0 for row in totals.artists):,}"),
        ("Credits", credit(totals.total_micro)),
        ("Unattributed", f"{100 * rest:.1f} %"),
        ("Chain", f"{chain} · {totals.head_hash[:8]}"),
    )
    items = "".join(f"<div><dt>{e(name)}</dt><dd>{e(value)}</dd></div>" for name, value in cells)
    return f'<dl class="cl-figures">{items}</dl>'


def _proof(proof: Verification | None) -> str:
    if proof is None or proof.ok:
        return ""
    bad = proof.first_bad
    where = f"entry #{bad.entry:06d}: {bad.reason}" if bad else "unknown"
    return (
        f'<div class="cl-notice cl-bad" role="alert"><strong>The ledger was changed.</strong> '
        f"{e(where)}. Nothing more is booked. Restore the database from a backup.</div>"
    )


def _options(values: Iterable[tuple[str, str]], chosen: str, everything: str) -> str:
    listed = [("", everything), *values]
    return "".join(
        f'<option value="{e(value)}"{" selected" if value == chosen else ""}>{e(label)}</option>'
        for value, label in listed
    )


def _filters(artists: Sequence[KnownArtist], styles: Sequence[str], chosen: dict[str, str]) -> str:
    return (
        '<form class="cl-filters" method="get" action="/ledger" aria-label="Filter the ledger">'
        f'<label>Artist <select name="artist">'
        f"{_options(((a.id, a.name) for a in artists), chosen['artist'], 'All artists')}"
        f'</select></label><label>Style <select name="style">'
        f"{_options(((s, style_name(s)) for s in styles), chosen['style'], 'All styles')}"
        f'</select></label><label>Kind <select name="kind">'
        f"{_options(KINDS.items(), chosen['kind'], 'All kinds')}</select></label>"
        f'<label>From <input type="date" name="since" value="{e(chosen["since"])}"></label>'
        f'<label>To <input type="date" name="until" value="{e(chosen["until"])}"></label>'
        '<button class="cl-button" type="submit">Filter</button>'
        '<a class="cl-button cl-second" href="/ledger">Clear</a></form>'
    )


def _exports(chosen: dict[str, str]) -> str:
    return (
        '<p class="cl-links">'
        f'<a href="{e(with_query("/ledger.csv", chosen))}" download>Export CSV</a>'
        f'<a href="{e(with_query("/ledger.json", chosen))}" download>Export JSON</a>'
        f'<a href="{e(with_query("/ledger", {**chosen, "verify": "1"}))}">Verify every entry</a>'
        "</p>"
    )


def _table(entries: Page[Entry]) -> str:
    rows = "".join(_row(entry) for entry in entries.items)
    return (
        '<div class="cl-scroll"><table class="cl-table"><caption>Entries, newest first</caption>'
        "<thead><tr><th>Entry</th><th>When</th><th>What</th><th>Credited</th><th>Unattributed</th>"
        f"<th>Hash</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(entry: Entry) -> str:
    named = [line for line in entry.postings if line.artist is not None]
    named.sort(key=lambda line: -abs(line.micro))
    who = ", ".join(f"{e(line.artist)} {credit(line.micro)}" for line in named[:3])
    if len(named) > 3:
        who += f" and {len(named) - 3} more"
    rest = sum(line.micro for line in entry.postings if line.account == "unattributed")
    what = e(f"{KINDS.get(entry.run_kind, entry.run_kind)}, {style_name(entry.style)}")
    if entry.run_id:
        what = f'<a href="{e(run_address(entry.run_id))}">{what}</a>'
    if entry.kind == "reversal":
        what += f"<br>Reverses #{entry.reverses:06d}: {e(entry.reason)}"
    elif entry.reversed_by:
        what += f"<br>Reversed by #{entry.reversed_by:06d}"
    struck = ' class="cl-struck"' if entry.reversed_by else ""
    return (
        f'<tr{struck}><td class="cl-num">#{entry.number:06d}</td><td>{e(moment(entry.created_at))}'
        f"</td><td>{what}</td><td>{who or 'nobody'}</td>"
        f'<td class="cl-num">{credit(rest)}</td><td class="cl-num">{e(entry.hash[:8])}</td></tr>'
    )


def _pages(found: Page[Entry], chosen: dict[str, str]) -> str:
    return pager("/ledger", found.page, found.pages, chosen)


def pager(address: str, number: int, pages: int, query: dict[str, str]) -> str:
    """Older and newer, as links."""
    if pages <= 1:
        return ""
    newer = with_query(address, {**query, "page": str(number - 1)}) if number > 1 else ""
    older = with_query(address, {**query, "page": str(number + 1)}) if number < pages else ""
    parts = [
        f'<a class="cl-button cl-second" href="{e(newer)}">Newer</a>' if newer else "",
        f"<span>Page {number} of {pages}</span>",
        f'<a class="cl-button cl-second" href="{e(older)}">Older</a>' if older else "",
    ]
    return f'<nav class="cl-pager" aria-label="Pages">{"".join(parts)}</nav>'

"""Escaping, numbers and addresses: the small things every view needs.

In: values. Out: text that is safe inside HTML. Knows no page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from urllib.parse import quote, urlencode

HUNDRED = 10_000  # hundredths of a percent
VERDICTS = {"familiar": "Familiar", "uncertain": "Uncertain", "unfamiliar": "Unfamiliar"}
KINDS = {"generation": "Painting", "upload": "Upload", "example": "Example"}


def e(value: object) -> str:
    """Escaped for text and for quoted attributes."""
    return escape(str(value), quote=True)


def sigma(z: float) -> str:
    """How far above its usual score: +4.1σ."""
    return f"{z:+.1f}σ".replace("-", "−")


def percentages(micros: Sequence[int]) -> list[str]:
    """Shares as percent with two decimals that sum to the rounded total (largest remainders)."""
    total = sum(micros)
    if not total:
        return ["0.00 %" for _ in micros]
    exact = [HUNDRED * micro / total for micro in micros]
    whole = [int(value) for value in exact]
    order = sorted(range(len(micros)), key=lambda i: (whole[i] - exact[i], i))
    for place in order[: HUNDRED - sum(whole)]:
        whole[place] += 1
    return [f"{value / 100:.2f} %" for value in whole]


def counted(number: int, one: str, many: str = "") -> str:
    """1 work, 2 works."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def credit(micro: int) -> str:
    """Micro-credits as credits with three decimals, for tables; exports carry all six."""
    return f"{micro / 1_000_000:,.3f}".replace("-", "−")


def moment(iso: str) -> str:
    """A time in UTC, as people write it."""
    try:
        return f"{datetime.fromisoformat(iso):%d %b %Y, %H:%M} UTC"
    except ValueError:
        return iso


def style_name(style: str) -> str:
    """A class as a title: ukiyo_e -> Ukiyo e."""
    text = style.replace("_", " ")
    return text[:1].upper() + text[1:]


def work_address(work_id: str) -> str:
    """Where a work's picture is served."""
    return f"/media/works/{quote(work_id, safe='')}"


def run_picture(run_id: str) -> str:
    """Where a run's picture is served."""
    return f"/media/runs/{quote(run_id, safe='')}.png"


def run_address(run_id: str) -> str:
    """A run's permalink."""
    return f"/?{urlencode({'run': run_id})}"


def artist_address(artist_id: str) -> str:
    """An artist's page."""
    return f"/artists?{urlencode({'id': artist_id})}"


def with_query(page: str, query: dict[str, str]) -> str:
    """A page's address with the parts of its query that say something."""
    kept = {name: value for name, value in query.items() if value}
    return f"{page}?{urlencode(kept)}" if kept else page

"""How values are written on the pages: numbers, dates, names. Pure functions; filters of templates.

In: plain values. Out: text without markup. Knows no page, no template.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

HUNDRED = 10_000  # hundredths of a percent
KINDS = {"generation": "Painting", "upload": "Upload", "example": "Example"}
SIGNALS = {
    "explained": ("Explained by the works", "of what learning it would change; 1 is all"),
    "gain": ("What the collection taught", "loss that the LoRA took off; 0 is none"),
    "fine_loss": ("Loss in the finest detail", "the lower, the better the model knows it"),
}
VERDICTS = {"familiar": "Familiar", "uncertain": "Uncertain", "unfamiliar": "Unfamiliar"}


def decimal(value: float, places: int) -> str:
    """So many digits after the point: 3.14."""
    return f"{value:.{places}f}"


def number(value: int) -> str:
    """A whole number by thousands: 12,345."""
    return f"{value:,}"


def counted(value: int, one: str) -> str:
    """1 work, 2 works."""
    return f"{value:,} {one if value == 1 else one + 's'}"


def numbered(value: int) -> str:
    """A run or an entry by its number: #000042."""
    return f"#{value:06d}"


def percent(fraction: float, places: int = 0) -> str:
    """A fraction of one as percent: 41 %."""
    return f"{100 * fraction:.{places}f} %"


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


def credits(micro: int) -> str:
    """Micro-credits as credits with three decimals, for tables; exports carry all six."""
    return f"{micro / 1_000_000:,.3f}".replace("-", "−")


def sigma(z: float) -> str:
    """How far above its usual score: +4.1σ."""
    return f"{z:+.1f}σ".replace("-", "−")


def score(value: float) -> str:
    """A raw score with four significant digits."""
    return f"{value:.4g}"


def moment(iso: str) -> str:
    """A time in UTC, as people write it; what is not a time stays as it is."""
    try:
        return f"{datetime.fromisoformat(iso):%d %b %Y, %H:%M} UTC"
    except ValueError:
        return iso


def style_name(style: str) -> str:
    """A class as a title: ukiyo_e -> Ukiyo e."""
    text = style.replace("_", " ")
    return text[:1].upper() + text[1:]


def kind_name(kind: str) -> str:
    """A kind of run as people call it: generation -> Painting."""
    return KINDS.get(kind, kind)


def verdict_name(verdict: str) -> str:
    """A verdict as a word that opens a sentence."""
    return VERDICTS.get(verdict, verdict)


FILTERS = (
    decimal,
    number,
    counted,
    numbered,
    percent,
    credits,
    sigma,
    score,
    moment,
    style_name,
    kind_name,
    verdict_name,
)

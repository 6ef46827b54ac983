"""How values are written on the pages: numbers, dates, names, addresses; and templates rendered.

In: plain values. Out: text, addresses with every part quoted (within this server, or https; no text
from a collection ever becomes a whole address), and by `render` HTML in which every value is text:
escaping is Jinja's (autoescape), and nothing else in `app` writes markup. Knows no page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"
HUNDRED = 10_000  # hundredths of a percent
KINDS = {"generation": "Painting", "upload": "Upload", "example": "Example"}
SIGNALS = {
    "explained": ("Explained by the works", "of what learning it would change; 1 is all"),
    "gain": ("What the collection taught", "loss that the LoRA took off; 0 is none"),
    "fine_loss": ("Loss in the finest detail", "the lower, the better the model knows it"),
}
VERDICTS = {"familiar": "Familiar", "uncertain": "Uncertain", "unfamiliar": "Unfamiliar"}
ELSEWHERE = {
    "wikidata": "https://www.wikidata.org/wiki/{}",
    "ulan": "https://vocab.getty.edu/ulan/{}",
    "isni": "https://isni.org/isni/{}",
    "viaf": "https://viaf.org/viaf/{}",
    "orcid": "https://orcid.org/{}",
}


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


def part(fraction: float) -> str:
    """A part of one as percent that is never rounded to none or all: over 99 %."""
    if 0 < fraction < 0.01:
        return "under 1 %"
    if 0.99 < fraction < 1:
        return "over 99 %"
    return percent(fraction)


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
    return f"{value:.4g}".replace("-", "−")


def moment(iso: str) -> str:
    """A time in UTC, as people write it; what is not a time stays as it is."""
    try:
        return f"{datetime.fromisoformat(iso):%d %b %Y, %H:%M} UTC"
    except ValueError:
        return iso


def era(year: int) -> str:
    """A year as people write it: -499 -> 499 BC."""
    return f"{-year} BC" if year < 0 else str(year)


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


def work_picture(work_id: str) -> str:
    """A work's picture, as small as a card shows it."""
    return f"/media/thumbnails/works/{quote(work_id, safe='')}"


def whole_work(work_id: str) -> str:
    """A work's picture at its own size."""
    return f"/media/works/{quote(work_id, safe='')}"


def run_thumbnail(run_id: str) -> str:
    """A run's picture, as small as a card shows it."""
    return f"/media/thumbnails/runs/{quote(run_id, safe='')}"


def run_picture(run_id: str) -> str:
    """A run's picture."""
    return f"/media/runs/{quote(run_id, safe='')}.png"


def picture_without(run_id: str, artist_id: str, way: str) -> str:
    """The picture of a run painted again without an artist."""
    place = f"/media/runs/{quote(run_id, safe='')}/without/{quote(artist_id, safe='')}.png"
    return with_query(place, {"way": way})


def relative(address: str) -> str:
    """An address of this server for a stylesheet in the page, which knows no path before it."""
    return address.removeprefix("/")


def run_page(run_id: str) -> str:
    """A run's permalink."""
    return with_query("/", {"run": run_id})


def run_settings(run_id: str) -> str:
    """The studio with the settings of a run."""
    return with_query("/", {"run": run_id, "settings": "1"})


def comparison(run_id: str, other: str) -> str:
    """Two runs side by side."""
    return with_query("/compare", {"a": run_id, "b": other})


def run_file(run_id: str, ending: str) -> str:
    """What can be taken along of a run: `.json`, `/evidence.zip`."""
    return f"/runs/{quote(run_id, safe='')}{ending}"


def artist_page(artist_id: str, period: str = "") -> str:
    """An artist's page; of one month, if `period` names one."""
    return with_query("/artists", {"id": artist_id, "period": period})


def with_query(address: str, /, query: Mapping[str, str], **more: object) -> str:
    """An address with the parts of a query, and of `more`, that say something."""
    kept = {name: value for name, value in {**query, **more}.items() if value}
    return f"{address}?{urlencode(kept)}" if kept else address


def identifier_page(scheme: str, value: str) -> str | None:
    """Where an identifier's keeper says who it is; None for a scheme that is not known."""
    template = ELSEWHERE.get(scheme.lower())
    return template.format(quote(value, safe="")) if template else None


FILTERS = (
    decimal,
    number,
    counted,
    numbered,
    percent,
    part,
    credits,
    sigma,
    score,
    moment,
    era,
    style_name,
    kind_name,
    verdict_name,
    work_picture,
    whole_work,
    run_thumbnail,
    relative,
    run_picture,
    picture_without,
    run_page,
    run_settings,
    comparison,
    run_file,
    artist_page,
    with_query,
)

ROOTED = re.compile(r'((?:href|src|action|data-src)=)"/(?!/)')

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
environment.filters |= {one.__name__: one for one in FILTERS}
environment.globals |= {
    "KINDS": KINDS,
    "SIGNALS": SIGNALS,
    "VERDICTS": VERDICTS,
    "identifier_page": identifier_page,
}


def render(name: str, **values: object) -> str:
    """HTML of `name`: "ledger" is all of ledger.html, "run.recipe" the macro `recipe` of run.html.

    Raises `UndefinedError` for a value that the template needs and does not get, `TypeError` for
    one that the macro does not take.
    """
    file, _, macro = name.partition(".")
    template = environment.get_template(f"{file}.html")
    if not macro:
        return _relative(template.render(values))
    return _relative(str(getattr(template.module, macro)(**values)))


def _relative(html: str) -> str:
    """The same with links from the page's own place: every page lies in one folder, and only the
    browser knows below which path a proxy shows it. A quote in a value is escaped before."""
    return ROOTED.sub(r'\1"./', html)

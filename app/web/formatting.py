"""How values are written on the pages: numbers, dates, names, addresses; and templates rendered.

In: plain values, and the language of whoever reads. Out: text, addresses with every part quoted
(within this server, or https; no text from a collection ever becomes a whole address), and by
`render` HTML in which every value is text: escaping is Jinja's (autoescape), and nothing else in
`app` writes markup. Knows no page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote, urlencode

from babel.dates import format_date, format_skeleton
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web.language import ENGLISH, FIGURE, LANGUAGES, Language
from app.web.sentences import marked, marked_count
from core.ledger.records import WITHHELD

TEMPLATES = Path(__file__).parent / "templates"
HUNDRED = 10_000  # hundredths of a percent
KINDS = {
    "generation": marked("Painting"),
    "upload": marked("Upload"),
    "example": marked("Example"),
}
KINDS_INSIDE = {
    "generation": marked("painting"),
    "upload": marked("upload"),
    "example": marked("example"),
}
STATUSES = {"active": marked("active"), "opted-out": marked("opted-out")}
DECISIONS = {
    "makers": marked("makers"),
    "nobody": marked("nobody"),
    "same": marked("same"),
    "different": marked("different"),
}
ENTRY_KINDS = {
    "credit": marked("credit"),
    "reversal": marked("reversal"),
    "adjustment": marked("moved by a dispute"),
}
SIGNALS = {
    "explained": (
        marked("Explained by the works"),
        marked("of what learning it would change; 1 is all"),
    ),
    "gain": (
        marked("What the collection taught"),
        marked("loss that the LoRA took off; 0 is none"),
    ),
    "fine_loss": (
        marked("Loss in the finest detail"),
        marked("the lower, the better the model knows it"),
    ),
}
VERDICTS = {
    "familiar": marked("Familiar"),
    "uncertain": marked("Uncertain"),
    "unfamiliar": marked("Unfamiliar"),
}
THINGS = {
    "artist": marked_count("%(number)s artist", "%(number)s artists"),
    "run": marked_count("%(number)s run", "%(number)s runs"),
    "work": marked_count("%(number)s work", "%(number)s works"),
}
ELSEWHERE = {
    "wikidata": "https://www.wikidata.org/wiki/{}",
    "ulan": "https://vocab.getty.edu/ulan/{}",
    "isni": "https://isni.org/isni/{}",
    "viaf": "https://viaf.org/viaf/{}",
    "orcid": "https://orcid.org/{}",
}


def decimal(value: float, places: int, language: Language = ENGLISH) -> str:
    """So many digits after the point: 3.14."""
    return language.figures(f"{value:.{places}f}")


def plain(value: object, language: Language = ENGLISH) -> str:
    """A figure as it was given, with the marks of the language; what is none stays as it is."""
    text = str(value)
    return language.figures(text) if FIGURE.fullmatch(text) else text


def number(value: int, language: Language = ENGLISH) -> str:
    """A whole number by thousands: 12,345."""
    return language.figures(f"{value:,}")


def counted(value: int, one: str, language: Language = ENGLISH) -> str:
    """1 work, 2 works; `one` is a name in `THINGS`."""
    return language.count(*THINGS[one], value, number=number(value, language))


def numbered(value: int) -> str:
    """A run or an entry by its number: #000042."""
    return f"#{value:06d}"


def percent(fraction: float, places: int = 0, language: Language = ENGLISH) -> str:
    """A fraction of one as percent: 41 %."""
    return _as_percent(f"{100 * fraction:.{places}f}", language)


def _as_percent(text: str, language: Language) -> str:
    sign = " %" if language is ENGLISH else language.locale.percent_formats[None].suffix[0]
    return f"{language.figures(text)}{sign}"


def part(fraction: float, language: Language = ENGLISH) -> str:
    """A part of one as percent that is never rounded to none or all: over 99 %."""
    if 0 < fraction < 0.01:
        return language.say("under %(part)s", part=percent(0.01, language=language))
    if 0.99 < fraction < 1:
        return language.say("over %(part)s", part=percent(0.99, language=language))
    return percent(fraction, language=language)


def percentages(micros: Sequence[int], language: Language = ENGLISH) -> list[str]:
    """Shares as percent with two decimals that sum to the rounded total (largest remainders)."""
    total = sum(micros)
    if not total:
        return [_as_percent("0.00", language) for _ in micros]
    exact = [HUNDRED * micro / total for micro in micros]
    whole = [int(value) for value in exact]
    order = sorted(range(len(micros)), key=lambda i: (whole[i] - exact[i], i))
    for place in order[: HUNDRED - sum(whole)]:
        whole[place] += 1
    return [_as_percent(f"{value / 100:.2f}", language) for value in whole]


def credits(micro: int, language: Language = ENGLISH) -> str:
    """Micro-credits as credits with three decimals, for tables; exports carry all six."""
    return language.figures(f"{micro / 1_000_000:,.3f}").replace("-", "−")


def sigma(z: float, language: Language = ENGLISH) -> str:
    """How far above its usual score: +4.1σ."""
    return language.figures(f"{z:+.1f}σ").replace("-", "−")


def score(value: float, language: Language = ENGLISH) -> str:
    """A raw score with four significant digits."""
    return language.figures(f"{value:.4g}").replace("-", "−")


def moment(iso: str, language: Language = ENGLISH) -> str:
    """A time in UTC, as people write it; what is not a time stays as it is."""
    try:
        time = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{_date(time, language)}, {time:%H:%M} UTC"


def day(iso: str, language: Language = ENGLISH) -> str:
    """A date, as people write it; what is not a date stays as it is."""
    try:
        return _date(datetime.fromisoformat(iso), language)
    except ValueError:
        return iso


def month(text: str, language: Language = ENGLISH) -> str:
    """A month: 2026-03 -> March 2026; what is not a month stays as it is."""
    try:
        first = datetime.strptime(text, "%Y-%m")
    except ValueError:
        return text
    return format_skeleton("yMMMM", first, locale=language.locale)


def _date(time: datetime, language: Language) -> str:
    if language is ENGLISH:
        return format_date(time, "dd MMM y", locale=language.locale)
    return format_skeleton("yMMMd", time, locale=language.locale)


def era(year: int, language: Language = ENGLISH) -> str:
    """A year as people write it: -499 -> 499 BC."""
    return language.say("%(year)s BC", year=-year) if year < 0 else str(year)


def style_name(style: str, language: Language = ENGLISH) -> str:
    """A class as a title: ukiyo_e -> Ukiyo e; a style that a catalogue knows, by its name there."""
    text = style.replace("_", " ")
    known = language.catalogue.gettext(text.lower()) if text else ""
    if known != text.lower():
        return known
    return text[:1].upper() + text[1:]


def style_inside(style: str, language: Language = ENGLISH) -> str:
    """A class within a sentence: in English in small letters, as it was written."""
    return style.replace("_", " ") if language is ENGLISH else style_name(style, language)


def kind_name(kind: str, language: Language = ENGLISH) -> str:
    """A kind of run as people call it: generation -> Painting."""
    return language.say(KINDS[kind]) if kind in KINDS else kind


def kind_inside(kind: str, language: Language = ENGLISH) -> str:
    """The same within a sentence: generation -> painting."""
    return language.say(KINDS_INSIDE[kind]) if kind in KINDS_INSIDE else kind.lower()


def entry_kind(kind: str, language: Language = ENGLISH) -> str:
    """A kind of entry as people call it."""
    return language.say(ENTRY_KINDS[kind]) if kind in ENTRY_KINDS else kind


def status_name(status: str, language: Language = ENGLISH) -> str:
    """An artist's status as people call it."""
    return language.say(STATUSES[status]) if status in STATUSES else status


def decision_name(what: str, language: Language = ENGLISH) -> str:
    """What was decided about a name, in a word or two."""
    return language.say(DECISIONS[what]) if what in DECISIONS else what


def verdict_name(verdict: str, language: Language = ENGLISH) -> str:
    """A verdict as a word that opens a sentence."""
    return language.say(VERDICTS[verdict]) if verdict in VERDICTS else verdict


def translated(words: str, language: Language = ENGLISH) -> str:
    """A sentence that was made in English, by core or the services."""
    return language.translated(words)


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


def statement_file(artist_id: str, kind: str, period: str = "") -> str:
    """An artist's statement as a file; of one month, if `period` names one."""
    return with_query(f"/statements/{quote(artist_id, safe='')}.{kind}", {"period": period})


def with_query(address: str, /, query: Mapping[str, str], **more: object) -> str:
    """An address with the parts of a query, and of `more`, that say something."""
    kept = {name: value for name, value in {**query, **more}.items() if value}
    return f"{address}?{urlencode(kept)}" if kept else address


def identifier_page(scheme: str, value: str) -> str | None:
    """Where an identifier's keeper says who it is; None for a scheme that is not known."""
    template = ELSEWHERE.get(scheme.lower())
    return template.format(quote(value, safe="")) if template else None


LOCALISED = (
    decimal,
    number,
    counted,
    percent,
    part,
    credits,
    sigma,
    score,
    moment,
    day,
    month,
    era,
    style_name,
    style_inside,
    kind_name,
    kind_inside,
    entry_kind,
    status_name,
    decision_name,
    plain,
    verdict_name,
    translated,
)
FILTERS = (
    numbered,
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
    statement_file,
    with_query,
)

ROOTED = re.compile(r'((?:href|src|action|data-src)=)"/(?!/)')


def _without_names(language: Language, value: object) -> object:
    """What an expression gives; the word in the place of a withheld name in the language."""
    return language.say(WITHHELD) if value == WITHHELD else value


@cache
def environment_of(language: Language) -> Environment:
    """The templates with their sentences, numbers and dates in one language."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=partial(_without_names, language),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(  # type: ignore[attr-defined]  # the extension adds it
        language.catalogue, newstyle=True
    )
    made.filters |= {one.__name__: one for one in FILTERS}
    made.filters |= {one.__name__: partial(one, language=language) for one in LOCALISED}
    made.globals |= {
        "KINDS": {name: language.say(words) for name, words in KINDS.items()},
        "SIGNALS": {
            name: (language.say(title), language.say(words))
            for name, (title, words) in SIGNALS.items()
        },
        "VERDICTS": {name: language.say(words) for name, words in VERDICTS.items()},
        "LANGUAGES": tuple(LANGUAGES.values()),
        "language": language,
        "identifier_page": identifier_page,
    }
    return made


environment = environment_of(ENGLISH)


def render(name: str, language: Language = ENGLISH, /, **values: object) -> str:
    """HTML of `name`: "ledger" is all of ledger.html, "run.recipe" the macro `recipe` of run.html.

    Raises `UndefinedError` for a value that the template needs and does not get, `TypeError` for
    one that the macro does not take.
    """
    file, _, macro = name.partition(".")
    template = environment_of(language).get_template(f"{file}.html")
    if not macro:
        return _relative(template.render(values))
    return _relative(str(getattr(template.module, macro)(**values)))


def _relative(html: str) -> str:
    """The same with links from the page's own place: every page lies in one folder, and only the
    browser knows below which path a proxy shows it. A quote in a value is escaped before."""
    return ROOTED.sub(r'\1"./', html)

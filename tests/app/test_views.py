"""What the pages show: escaped, exact, with words for everything; pure functions of values."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.errors import guarded, told
from app.web.views import artists, history, ledger, method, notices, run, works
from app.web.views.credit import run_bars, total_bars
from app.web.views.html import credit, percentages, sigma
from core.attribution.methods import METHODS
from core.collection.types import Artist, Collection, Work
from core.errors import ImageRefused
from core.ledger.records import (
    ArtistTotal,
    Entry,
    KnownArtist,
    Page,
    Posting,
    RunInfluence,
    RunView,
    Statement,
    Totals,
    Verification,
)
from tests.runs import influence, record

EVIL = "<img src=x onerror=alert(1)>\"'&<script>"


class Tags(HTMLParser):
    """Collects the tags and attribute names of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


def evil_influence() -> RunInfluence:
    return RunInfluence(
        "proponent", 1, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, 1.0, 4.0, 0.5
    )


def evil_work() -> Work:
    return Work(EVIL, "images/x.png", EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, "0" * 64)


def evil_entry() -> Entry:
    return Entry(
        EVIL, 1, "reversal", EVIL, EVIL, 7, 8, EVIL, EVIL, EVIL, EVIL,
        (Posting("artist", EVIL, EVIL, 5),), EVIL, EVIL, EVIL,
    )  # fmt: skip


def evil_report() -> dict[str, object]:
    """A report whose every text is hostile."""
    figures = {
        "lds_validation": 1.0, "lds_generation": None, "group_lds_validation": 2.0,
        "group_lds_generation": 3.0, "sd": 1.0, "artist_top1": 0.5,
    }  # fmt: skip
    return {
        "date": EVIL, "facts": {"works": EVIL, "regimes": []},
        "roc": {"auc": 0.5, "known": EVIL, "foreign": EVIL, "points": [[0.0, 0.0], [1.0, 1.0]]},
        "methods": [{"method": EVIL, **figures}], "checks": [["d-trak: " + EVIL, 1.0, 2]],
        "counterfactual": {
            "removed": EVIL, "works": EVIL,
            "rows": [{"method": EVIL, "l2_median": 1.0, "l2": [1.0]}]
        },
    }  # fmt: skip


def everything_evil() -> dict[str, str]:
    evil_run = replace(
        record(), id=EVIL, kind="upload", style=EVIL, prompt=EVIL, title=EVIL, collection=EVIL,
        method=EVIL, device=EVIL, verdict=EVIL, words=EVIL, rule=EVIL, created_at=EVIL,
        artist_micro={EVIL: 1_000_000}, unattributed_micro=0, influences=(evil_influence(),),
    )  # fmt: skip
    view = RunView(1, evil_run, 1)
    artist = Artist(EVIL, EVIL, EVIL, ((EVIL, EVIL), ("wikidata", EVIL)), EVIL)
    known = KnownArtist(EVIL, EVIL, "opted-out")
    collection = Collection(Path("x"), EVIL, EVIL, EVIL, 8, (evil_work(),), (artist,))
    total = ArtistTotal(EVIL, EVIL, 5, 0.5, 1, 1)
    query = dict.fromkeys(("artist", "style", "kind", "since", "until", "page"), EVIL)
    entries = Page((evil_entry(),), 1, 1, 5)
    totals = Totals((total,), 3, 8, 1, EVIL)
    return {
        "gallery": works.gallery("proponent", evil_run.influences),
        "plain gallery": works.plain_gallery([(evil_work(), EVIL)], {}),
        "bars": run_bars(evil_run, {}),
        "total bars": total_bars([(EVIL, EVIL, 5, EVIL)], 3),
        "picture": run.picture(evil_run),
        "trust": run.trust(evil_run),
        "heading": run.heading(view),
        "recipe": run.recipe(view),
        "ledger": ledger.page(
            totals, entries, 1, Verification(True, 1, EVIL), [known], [EVIL], query
        ),
        "artists": artists.everyone([artist], {EVIL: [evil_work()]}, {EVIL: total}),
        "artist": artists.one(
            artist, [evil_work()], Statement(known, EVIL, 5, ((evil_entry(), 5),)), [EVIL]
        ),
        "history": history.page(Page((view,), 1, 1, 3), query),
        "method": method.page(collection, tuple(METHODS.values()), [], {EVIL: EVIL}, evil_report()),
        "trouble": notices.trouble(EVIL, EVIL),
        "done": notices.done(EVIL),
        "progress": notices.progress(EVIL, 1, 2, 3.0),
        "empty": notices.empty(EVIL, EVIL, EVIL),
    }


@pytest.mark.parametrize("name", everything_evil())
def test_no_text_becomes_a_tag_or_an_attribute(name: str) -> None:
    tags = parsed(everything_evil()[name])
    assert "script" not in tags.found
    assert not {attribute for attribute in tags.attributes if attribute.startswith("on")}


def test_a_name_stays_readable() -> None:
    assert EVIL in parsed(notices.trouble(EVIL)).text
    assert "Ž É Ł" in works.gallery("proponent", [replace(influence(1), artist="Ž É Ł")])


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30))
def test_percentages_sum_to_a_hundred(micros: list[int]) -> None:
    shares = [round(float(share.rstrip(" %")) * 100) for share in percentages(micros)]
    assert sum(shares) == (10_000 if any(micros) else 0)


def test_bars_start_at_zero_and_the_rest_is_always_there() -> None:
    html = run_bars(record(), {})
    assert html.index("Indigo Workshop") < html.index("Ochre Workshop") < html.index("Unattributed")
    assert 'style="width:100.00%"' in html
    assert f'style="width:{100 * 227_500 / 412_000:.2f}%"' in html
    assert "41.20 %" in html
    assert "36.05 %" in html


def test_a_bar_counts_the_works_that_earned_it() -> None:
    rows = [replace(influence(rank), z=z) for rank, z in ((1, 4.1), (2, 1.9), (30, 2.2))]
    html = run_bars(replace(record(), influences=tuple(rows)), {})
    assert "2 works" in html
    assert "works not kept with this run" in html  # the other artist's


def test_what_is_unattributed_is_told_apart_where_the_run_tells_it() -> None:
    told = {"base": 200_000, "weak": 160_500, "withheld": 0}
    rows = (replace(influence(1), part=0.25, z=0.1), replace(influence(2), part=0.0, z=9.0))
    html = run_bars(replace(record(), remainder=told, influences=rows), {})
    assert "Unattributed" not in html
    assert html.index("The base model&#x27;s") < html.index("Too weak to tell")
    assert "20.00 %" in html
    assert "16.05 %" in html
    assert "Kept back" not in html  # nothing was
    assert "1 work<" in html  # by what is paid, not by z


def test_a_card_shows_the_part_that_ranks_and_pays_it() -> None:
    html = works.gallery("proponent", [replace(influence(1), part=0.123)])
    assert '<span class="cl-mark">12.3 %</span>' in html
    assert "its part of this picture: 12.3 %" in html
    assert "σ" in works.gallery("proponent", [influence(1)])  # runs of before


def test_works_beyond_the_twelve_wait_for_their_artists_bar() -> None:
    html = works.gallery("proponent", [influence(rank) for rank in range(1, 15)])
    assert html.count("<button") == 14
    assert html.count("data-deeper hidden") == 2


def test_words_for_numbers() -> None:
    assert sigma(4.12) == "+4.1σ"
    assert sigma(-0.5) == "−0.5σ"
    assert credit(1_234_567) == "1.235"
    assert credit(-500_000) == "−0.500"


def test_every_picture_has_alternative_text() -> None:
    for name in ("gallery", "plain gallery", "picture", "history"):
        html = everything_evil()[name]
        assert html.count("<img") == html.count("alt=") > 0


def test_an_upload_shows_trust_and_never_says_booked() -> None:
    view = RunView(3, replace(record(), kind="upload", verdict="unfamiliar"), None)
    assert "Not booked" in run.heading(view)
    assert "cl-unfamiliar" in run.trust(view.record)


def test_a_broken_chain_is_a_red_banner() -> None:
    from core.ledger.records import FirstBad

    proof = Verification(False, 3, "h", FirstBad(2, "its contents do not give its hash"))
    html = ledger.page(Totals((), 0, 0, 0, "h"), Page((), 1, 1, 0), 0, proof, [], [], {})
    assert "entry #000002" in html
    assert 'role="alert"' in html


def test_an_unforeseen_error_becomes_words_with_a_reference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path))

    def broken():  # type: ignore[no-untyped-def]
        yield "one"
        raise ZeroDivisionError("secret /path")

    shown = list(guarded(broken(), lambda words: words))
    assert shown[0] == "one"
    assert "secret" not in shown[1]
    reference = shown[1].rstrip(".").split()[-1]
    assert f"ref {reference}" in (tmp_path / "logs" / "errors.log").read_text()
    assert told(ImageRefused("Too large.")) == "Too large."
    assert "memory" in told(RuntimeError("CUDA out of memory"))

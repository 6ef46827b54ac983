"""What the pages show: exact figures, with words for everything."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from app.web.formatting import render
from app.web.pages import ledger, method, run
from app.web.views import credit, rules
from app.web.views.credit import run_bars, total_bars
from app.web.views.disputes import dispute_lines
from core.collection.types import Collection, Work
from core.evaluation.artist_report import SHOWN
from core.evaluation.report import artist_figures
from core.ledger.evidence import ArtistPart, Evidence
from core.ledger.ledger import open_ledger
from core.ledger.records import (
    ArtistTotal,
    Entry,
    FirstBad,
    Page,
    Posting,
    RunView,
    Totals,
    Verification,
)
from core.ledger.shares import (
    ARTIST_FIRST,
    ARTIST_INFLUENCE,
    DEFAULT_RULE,
    HYBRID,
    ROYALTY_POOL,
    RULES,
    ShareRule,
    rule_in_force,
    shares_by_evidence,
)
from tests.core.evaluation.measured_artists import artists_json
from tests.runs import NAMES, SHARES, influence, key, record


def words_of(html: str) -> str:
    """The text of a page as it is read, with single spaces."""
    parts: list[str] = []
    parser = HTMLParser()
    parser.handle_data = parts.append  # type: ignore[method-assign]
    parser.feed(html)
    return " ".join("".join(parts).split())


def test_a_rejection_says_it_gave_back_only_where_it_did(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite3")
    ledger.record(one := record(), SHARES, key(one), NAMES)

    def state_of(number: int, outcome: str, paid_to: str | None = None) -> str:
        ledger.open_dispute(1, artist_id="indigo", reason="a", actor="bob")
        return dispute_lines(
            [ledger.resolve_dispute(number, outcome, paid_to=paid_to, reason="b", actor="ann")]
        )[0].state

    assert state_of(1, "rejected") == "rejected: it was given back"
    assert state_of(2, "upheld") == "upheld: it stays in escrow"
    assert state_of(3, "rejected") == "rejected: nothing moved, it stays in escrow"
    assert state_of(4, "upheld", "indigo") == "upheld: it was paid to Indigo Workshop"
    assert [line.moved for line in dispute_lines(ledger.disputes().items)] == [
        False,
        False,
        True,
        True,
    ]
    ledger.close()


def test_bars_start_at_zero_and_the_rest_is_always_there() -> None:
    html = run.credit(RunView(1, record(), 1, rule=DEFAULT_RULE), {})
    assert html.index("Indigo Workshop") < html.index("Ochre Workshop") < html.index("Unattributed")
    assert 'style="width:100.00%"' in html
    assert f'style="width:{100 * 227_500 / 412_000:.2f}%"' in html
    assert "41.20 %" in html
    assert "36.05 %" in html


def test_a_bar_counts_the_works_that_earned_it() -> None:
    rows = [replace(influence(rank), z=z) for rank, z in ((1, 4.1), (2, 1.9), (30, 2.2))]
    bars = run_bars(replace(record(), influences=tuple(rows)), {}, DEFAULT_RULE)
    assert [bar.note for bar in bars[:2]] == ["2 works", "works not kept with this run"]


@pytest.mark.parametrize(
    ("rule", "notes"),
    [
        (ShareRule("top-k-positive", 2, (("top_k", 1), ("z_floor", 1.0))), ["1 work", "not kept"]),
        (ShareRule("top-k-positive", 3, (("top_k", 9), ("z_floor", 1.0))), ["3 works", "not kept"]),
        (ShareRule("top-k-positive", 4, (("top_k", 9), ("z_floor", 5.0))), ["not kept"] * 2),
        (HYBRID, ["2 works", "an equal part"]),
        (ARTIST_FIRST, ["their works together"] * 2),
        (None, ["a rule that is not kept"] * 2),
    ],
    ids=str,
)
def test_a_bar_counts_works_by_the_runs_own_rule(rule: ShareRule | None, notes: list[str]) -> None:
    rows = [replace(influence(rank), z=z) for rank, z in ((1, 4.1), (2, 1.9), (30, 2.2))]
    bars = run_bars(replace(record(), influences=tuple(rows)), {}, rule)
    assert all(note in bar.note for note, bar in zip(notes, bars[:2], strict=True))


def test_the_method_page_says_the_rules_that_are_there() -> None:
    work = Work("w", "w.png", "W", "a", "cubism", "1910", "CC0-1.0", "tests", "0" * 64)
    collection = Collection(Path("x"), "c", "C", "", 8, (work,), ())
    strict = ShareRule("top-k-positive", 7, (("top_k", 13), ("z_floor", 3.25)))
    html = method.method_view(
        collection=collection,
        methods=(),
        at_hand=[],
        facts={},
        report=None,
        rules=[strict, HYBRID, strict],
    )
    text = words_of(html)
    assert text.count("Of the 13 strongest works, what lies above +3.25σ") == 2  # story and list
    assert f"{strict.id} (in force)" in text
    assert f"{HYBRID.id}: 20 % is shared alike" in text
    assert "+2σ" not in text.replace(rules.rule_words(HYBRID), "")


def test_every_known_rule_has_words_with_its_own_numbers() -> None:
    assert rules.WORDS.keys() == rules.TITLES.keys() == RULES.keys()
    by_works = (("alpha", 0.35), ("top_k", 17), ("z_floor", 1.5))
    by_artists = (("cap", 0.17), ("discovery_rate", 0.015))
    for name in RULES:
        own = by_artists if name in ("artist-influence", "royalty-pool") else by_works
        words = rules.rule_words(ShareRule(name, 9, own))
        assert "17" in words
        assert "1.5" in words
    assert "equally among all artists" in rules.rule_words(ROYALTY_POOL)
    assert "x@1" in rules.rule_words(ShareRule("x"))


def test_what_is_unattributed_is_told_apart_where_the_run_tells_it() -> None:
    rest = {"base": 200_000, "weak": 160_500, "withheld": 0}
    bars = run_bars(replace(record(), remainder=rest), {}, ARTIST_INFLUENCE)
    nobody = [(bar.name, bar.share) for bar in bars if bar.artist_id is None]
    assert nobody == [("The base model's", "20.00 %"), ("Too weak to tell", "16.05 %")]


def test_what_is_shared_equally_is_shown_apart() -> None:
    measured = evidence(0.5, ("a", 9.0, 0.001), ("b", 1.0, 0.9))
    pool = shares_by_evidence(measured, ROYALTY_POOL)
    booked = replace(
        record(),
        evidence=measured,
        artist_micro=pool.artist_micro,
        unattributed_micro=pool.unattributed_micro,
        remainder=pool.remainder,
    )
    bars = {bar.artist_id: (bar.share, bar.note) for bar in run_bars(booked, {}, ROYALTY_POOL)}
    assert bars == {
        "a": ("72.50 %", "27.50 % of it shared equally"),
        "b": ("27.50 %", "27.50 % of it shared equally"),
    }


def test_a_card_shows_the_part_that_ranks_and_pays_it() -> None:
    owed = render("works.gallery", side="proponent", rows=[replace(influence(1), part=0.123)])
    assert '<span class="cl-mark">12.3 %</span>' in owed
    assert "its part of this picture 12.3 %" in owed
    assert "learnt by heart" not in owed
    alone = replace(influence(1), part=0.123, self_influence=0.995)
    assert "learnt by heart" in render("works.gallery", side="proponent", rows=[alone])
    away = replace(influence(1, side="opponent"), part=0.0, score=-0.0123)
    assert '<span class="cl-mark">−0.0123</span>' in render(
        "works.gallery", side="opponent", rows=[away]
    )
    before = render("works.gallery", side="proponent", rows=[influence(1)])
    assert "σ" in before and "its part" not in before


def test_of_a_foreign_picture_the_nearest_works_are_shown_and_said_to_be_no_more() -> None:
    foreign = replace(influence(1), part=0.0)
    gallery = render("works.gallery", side="proponent", rows=[foreign])
    assert "No work has a part of this picture" in gallery
    assert "made the model paint more like this" not in gallery
    assert '<span class="cl-mark">0.0 %</span>' in gallery
    view = RunView(1, replace(record(), influences=(foreign,)), None)
    paper = on_paper(view)
    assert "Works that come nearest" in paper and "No work has a part" in paper
    assert "Works that shaped it most" not in paper
    owed = on_paper(replace(view, record=replace(record(), influences=(influence(1),))))
    assert "Works that shaped it most" in owed and "No work has a part" not in owed


def on_paper(view: RunView) -> str:
    return render(
        "paper.run",
        view=view,
        shares=(),
        decided=None,
        stands=None,
        entry=None,
        address="./?run=1",
        as_of="2026-11-28",
        disputes=(),
    )


def evidence(attributable: float, *rows: tuple[str, float, float]) -> Evidence:
    return Evidence(attributable, tuple(ArtistPart(*row) for row in rows), {"gain": 0.2})


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (None, ""),
        (evidence(0.0, ("a", 9.0, 0.001)), ""),
        (evidence(0.9, ("a", 9.0, 0.001), ("b", 1.0, 0.9)), "A's works shaped this picture more"),
        (evidence(0.9, ("a", 5.0, 0.001), ("b", 5.0, 0.001)), "2 artists shaped it"),
        (evidence(0.9, ("a", 9.0, 0.5), ("b", 1.0, 0.9)), "nobody's works stand out"),
    ],
)
def test_a_run_says_whether_one_artist_decided_it(measured: Evidence | None, words: str) -> None:
    said = credit.decided(replace(record(), evidence=measured), {"a": "A"})
    assert words in said and bool(words) == bool(said)


def test_a_run_stands_under_every_rule_side_by_side() -> None:
    measured = evidence(0.5, ("a", 9.0, 0.001), ("b", 1.0, 0.9))
    booked = replace(record(), evidence=measured, rule=ARTIST_INFLUENCE.id)
    rows = {one.id: one for one in credit.side_by_side(booked, {"a": "A"})}
    assert rows[ARTIST_INFLUENCE.id].own
    assert rows[ARTIST_INFLUENCE.id].credited == (("A", "45.0 %"),)
    assert rows[ARTIST_INFLUENCE.id].nobody == "55.0 %"
    assert rows[ROYALTY_POOL.id].credited == (("A", "72.5 %"), ("b", "27.5 %"))
    assert rows[ROYALTY_POOL.id].nobody == "0.0 %"
    withdrawn = credit.side_by_side(booked, {}, frozenset({"a"}))
    assert next(one for one in withdrawn if one.own).credited == ()
    older = {one.id: one for one in credit.side_by_side(record(), {})}
    assert older[ARTIST_INFLUENCE.id].credited is None
    assert older[DEFAULT_RULE.id].credited is not None
    capped = rule_in_force(ARTIST_INFLUENCE.name, 0.2)
    own = credit.side_by_side(replace(booked, rule=capped.id), {"a": "A"}, own=capped)
    assert [one.credited for one in own if one.own] == [(("A", "20.0 %"),)]
    assert len(own) == len(rows)
    html = run.credit(RunView(1, booked, None, False, ARTIST_INFLUENCE), {"a": "A"})
    assert "Owed to this collection: 50 %" in html
    why = render("run.why", record=booked, rules=credit.side_by_side(booked, {"a": "A"}))
    assert "A 45.0 %" in why


def test_works_beyond_the_twelve_wait_for_their_artists_bar() -> None:
    html = render(
        "works.gallery", side="proponent", rows=[influence(rank) for rank in range(1, 15)]
    )
    assert html.count("<button") == 14
    assert html.count("data-deeper hidden") == 2


def test_an_upload_shows_trust_and_never_says_booked() -> None:
    view = RunView(3, replace(record(), kind="upload", verdict="unfamiliar"), None)
    html = run.credit(view, {})
    assert "Not booked" in html
    assert html.index("cl-unfamiliar") < html.index("Not booked")


def test_a_painting_without_an_entry_does_not_speak_of_uploads() -> None:
    html = run.credit(RunView(3, record(), None), {})
    assert "Not booked: it was painted without recording credit" in html
    assert "uploads" not in html


def test_a_broken_chain_is_a_red_banner() -> None:
    proof = Verification(False, 3, "h", FirstBad(2, "its contents do not give its hash"))
    html = ledger_page(Totals((), 0, 0, 0, "h"), Page((), 1, 1, 0), proof)
    assert "entry #000002" in html
    assert 'role="alert"' in html


def test_the_ledgers_bars_are_of_what_is_positive() -> None:
    rows = (ArtistTotal("a", "A", 300, 0.0, 2, 1), ArtistTotal("b", "B", -200, 0.0, 1, 1))
    bars = total_bars(Totals(rows, 100, 200, 2, "h"))
    assert [bar.share for bar in bars] == ["75.00 %", "0.00 %", "25.00 %"]
    assert [bar.fraction for bar in bars] == [1.0, 0.0, 100 / 300]
    assert bars[0].note == "0.000 credits · 2 works"
    assert total_bars(Totals((), 0, 0, 2, "h")) == ()


def test_what_takes_back_more_than_it_gives_has_no_percentages() -> None:
    rows = (ArtistTotal("a", "A", 300_000, 0.0, 2, 1),)
    taken = Totals(rows, -900_000, -600_000, 2, "h", apportioned=False)
    assert [bar.share for bar in total_bars(taken)] == ["0.300", "−0.900"]
    html = ledger_page(taken, Page((), 1, 1, 0), None)
    assert "−0.900" in html and "%" not in html.split("<form")[0]


def test_an_entry_names_its_three_largest_and_how_many_more() -> None:
    postings = tuple(
        Posting("artist", name, name.upper(), micro)
        for name, micro in (
            ("a", 1_000),
            ("b", -4_000),
            ("c", 3_000),
            ("d", 2_000),
            ("e", 500),
        )
    )
    entry = Entry(
        "e",
        7,
        "credit",
        "r",
        "rule",
        None,
        None,
        None,
        None,
        "2026-03-04T05:06:07+00:00",
        "h" * 64,
        (*postings, Posting("unattributed", None, None, 9_000)),
    )
    text = words_of(ledger_page(Totals((), 9_000, 9_000, 1, "h"), Page((entry,), 1, 1, 1), None))
    assert "B −0.004, C 0.003, D 0.002 and 2 more" in text
    assert "0.009 hhhhhhhh" in text


def ledger_page(totals: Totals, entries: Page[Entry], proof: Verification | None) -> str:
    return ledger.ledger_view(
        totals=totals, entries=entries, runs=0, proof=proof, artists=[], styles=[], query={}
    )


NOTHING: dict[str, Any] = {
    "date": "2026-11-26",
    "facts": {},
    "methods": [],
    "checks": [],
    "roc": None,
    "counterfactual": None,
}


def test_an_empty_or_older_report_says_nothing_of_artists() -> None:
    for report in (NOTHING, {**NOTHING, "artists": None}):
        html = method.section(report)
        assert "is not known" in html and "Measured on 26 Nov 2026" in html
        assert "right artists" not in html and "<svg" not in html and "→" not in html


def test_figures_by_artist_are_those_of_the_file() -> None:
    figures = artist_figures(artists_json())
    html = method.section({**NOTHING, "artists": figures})
    text = words_of(html)
    rows = {(row["name"], row["split"]): row for row in figures["rows"]}
    right = {
        name: f"{100 * rows[name, 'generation']['intervals']['top1']['value']:.0f} %"
        for name in ("booked", "random, summed", "pixels", "measured by one seed")
    }
    assert "without each of 24 artists, 3 times each" in text and "did to 40 paintings" in text
    assert f"In {right['booked']} of them (8 % to 29 %)" in text
    assert f"guessing would be right in {right['random, summed']}" in text
    assert f"likeness of pixels in {right['pixels']}" in text
    assert f"yet another training in {right['measured by one seed']}." in text
    assert "stand for 10.2 points (9.1 to 11.3)" in text and "as large as effects" in text
    assert html.index("missed") < html.index("<svg") < html.index("<details")
    for name, words in method.BOOKINGS.items():
        for split in ("generation", "validation"):
            top1 = rows[name, split]["intervals"]["top1"]
            chosen = "p = 1" if name == SHOWN[-1] else ""
            assert f"{words}{chosen} 0.73 0.64 to 0.81" in text
            assert f"{100 * top1['low']:.0f} % to {100 * top1['high']:.0f} %" in text
    assert text.count("31 %") >= 4 and "62 52 to 72" in text and "−0.04 to 0.66" in text
    assert "reliability of 0.94" in text and "reliability of 0.91" in text and "0.97" in text
    assert "44 % of paintings (34 % to 54 %) when it is taught what the model answered" in text
    assert "77 % of paintings (67 % to 87 %) when it is taught what the nearest" in text
    assert "measured on 8 artists; guessing would be right in 12 %" in text


def test_every_booking_that_is_shown_has_words() -> None:
    assert tuple(method.BOOKINGS) == SHOWN


def test_the_curve_of_what_is_booked_is_drawn_between_its_axes() -> None:
    figures = artist_figures(artists_json())
    html = method.section({**NOTHING, "artists": figures})
    # 0 to 0.8: booked 0.6 lies at 75 of 100, measured 0.71 at 11.2 from above
    assert html.count('points="0.0,98.8 12.5,90.0 75.0,11.2"') == 2
    assert (
        'aria-label="The share that is booked' in html and "60 % booked and 71 % measured" in html
    )
    figures["rows"] = [row for row in figures["rows"] if row["name"] != "booked"]
    older = method.section({**NOTHING, "artists": figures})
    assert "<svg" not in older and "was not held against that yet" in older and "DAS" in older


def test_without_forgetting_nothing_is_said_of_it() -> None:
    figures = {**artist_figures(artists_json()), "forgetting": []}
    assert "forget" not in method.section({**NOTHING, "artists": figures})


def test_sharpened_scores_stand_in_the_same_cell() -> None:
    figures = dict.fromkeys(
        ("lds_validation", "lds_generation", "group_lds_validation", "sd", "artist_top1")
    )
    old = {**figures, "method": "das", "group_lds_generation": 77.4}
    new = {**old, "sharpened_group_lds_generation": 80.6}
    before, after = (method.section({**NOTHING, "methods": [row]}) for row in (old, new))
    assert ">77<" in before and "sharpened" not in before
    assert ">77 → 81<" in after and "as the scores are → sharpened" in after

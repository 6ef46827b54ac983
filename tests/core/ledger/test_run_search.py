"""Runs are searched by verdict, by letters of a file's name in any writing, and by number."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.ledger.database import folded
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import LedgerFilter, RunSearch
from tests.runs import record

NAMES = ("Übung 5 %.png", "100_percent.JPG", "Straße.webp", "", "a'; DROP TABLE run; --.png")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = open_ledger(tmp_path / "ledger.sqlite3")
    for seed, title in enumerate(NAMES, start=1):
        kind = "upload" if title else "generation"
        verdict = "familiar" if seed % 2 else "unfamiliar"
        opened.record(replace(record(seed, kind=kind), title=title, verdict=verdict))
    return opened


def titles(ledger: Ledger, **search: str) -> list[str]:
    return [view.record.title for view in ledger.runs(search=RunSearch(**search)).items]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("übung", NAMES[0]),
        ("ÜBUNG", NAMES[0]),
        (unicodedata.normalize("NFD", "Übung"), NAMES[0]),
        ("5 %", NAMES[0]),
        ("_per", NAMES[1]),
        ("STRASSE", NAMES[2]),
        ("'; drop", NAMES[4]),
        ("#2", NAMES[1]),
        ("000002", NAMES[1]),
    ],
)
def test_letters_and_numbers_lead_to_the_file(ledger: Ledger, text: str, title: str) -> None:
    assert titles(ledger, text=text) == [title]


def test_a_sign_that_stands_for_any_letter_in_sql_is_a_letter(ledger: Ledger) -> None:
    assert titles(ledger, text="%.png") == [NAMES[0]]
    assert titles(ledger, text="a_b") == []
    assert titles(ledger, text="9" * 40) == []


def test_a_verdict_and_the_filter_both_count(ledger: Ledger) -> None:
    assert len(titles(ledger, verdict="familiar")) == 3
    search = RunSearch(verdict="unfamiliar")
    selected = ledger.runs(LedgerFilter(kind="generation"), search)
    assert [view.record.title for view in selected.items] == [""]
    assert selected.total == 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12))
def test_every_name_is_in_a_search_for_itself(ledger: Ledger, name: str) -> None:
    view = ledger.record(replace(record(kind="upload"), title=f"x{name}y"))
    numbers = {one.number for one in ledger.runs(search=RunSearch(text=name), per_page=99).items}
    assert view.number in numbers
    ledger.delete_run(view.record.id)


@given(st.text(max_size=12))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)

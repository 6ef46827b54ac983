"""Laws of every credit line, whatever the cells hold."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from core.collection.importing.credit_lines.line import (
    UNCREDITED,
    UNKNOWN_MAKER,
    CreditCells,
    CreditLine,
    Kind,
)
from core.collection.importing.credit_lines.nobody import is_nobody
from core.collection.importing.credit_lines.read import read_credit_lines

WORDS = [
    *re.split(
        r"\|",
        "Petra|Eismann|Robert|Kohl|Rembrandt|van|der|de|Jan|Steen|Rubens|Maria|the Elder|II|Jr.|"
        "Sir|"
        "workshop|Workshop of|after|nach|Werkstatt|d'après|atelier de|circle of|(circle of)|"
        "attributed to|(?)|?|and|&|und|et|y|e|with|or|by|published by|printed by|Unknown|Anonymous|"
        "Dutch|School|17th century|(1606-1669)|born 1932|1606–1669|Co.|Studio|New York|Paris|"
        "Master of|Monogrammist|Q5582|http://www.wikidata.org/entity/Q5582|[|]|(|)|;|/|-|.|n/a|"
        "Künstler|Илья|Репин|北斎|'s|,",
    ),
    "|",
]
CELL = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=6).map(", ".join),
)
SHORT = st.one_of(
    st.just(""), st.sampled_from(["After", "|After", "Artist|Artist", "?", "xyz"]), CELL
)
ROW = st.builds(
    CreditCells,
    name=CELL,
    sort_name=SHORT,
    role=SHORT,
    prefix=SHORT,
    suffix=SHORT,
    bio=SHORT,
    born=SHORT,
    died=SHORT,
    nationality=SHORT,
    identifiers=st.one_of(
        st.just(()),
        st.tuples(st.tuples(st.sampled_from(["local", "ulan", "wikidata"]), SHORT)),
    ),
)


def lawful(line: CreditLine) -> None:
    assert line.contributors
    assert all(sentence.strip() for sentence in line.doubts)
    if line.question:
        (one,) = line.contributors
        assert one.kind is Kind.UNDECIDED
        return
    assert any(one.role not in UNCREDITED for one in line.contributors)
    for one in line.contributors:
        assert one.kind is not Kind.UNDECIDED
        if one.kind is Kind.NOBODY:
            assert one.name == UNKNOWN_MAKER
        else:
            assert one.name.strip() == one.name != ""
            assert not is_nobody(one.name), one
            assert "|" not in one.name


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(ROW, max_size=4))
def test_any_table_has_a_lawful_line_per_row(rows: list[CreditCells]) -> None:
    lines = read_credit_lines(rows)
    assert len(lines) == len(rows)
    for line in lines:
        lawful(line)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(CELL)
def test_a_clean_name_reads_as_itself(written: str) -> None:
    (line,) = read_credit_lines([CreditCells(name=written)])
    for one in line.contributors:
        if one.kind in (Kind.NOBODY, Kind.UNDECIDED):
            continue
        (again,) = read_credit_lines([CreditCells(name=one.name)])
        assert [other.name for other in again.contributors] == [one.name]


def test_the_order_of_rows_does_not_change_their_lines() -> None:
    rows = [
        CreditCells(name=name)
        for name in ("Komar, Melamid", "Kokoschka, Oskar", "Komar", "Melamid", "Unknown", "")
    ]
    assert read_credit_lines(rows[::-1]) == read_credit_lines(rows)[::-1]


def test_an_empty_table_has_no_lines() -> None:
    assert read_credit_lines([]) == ()

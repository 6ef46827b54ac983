"""Years as catalogues write them are read as a span, or as none; never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.years import is_undated, year_range


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1872", (1872, 1872)),
        ("c. 1650–55", (1650, 1655)),
        ("c.1395", (1395, 1395)),
        ("1889-1890", (1889, 1890)),
        ("1898 to 1902", (1898, 1902)),
        ("1930/31", (1930, 1931)),
        ("1950s", (1950, 1959)),
        ("the 1860’s", (1860, 1869)),
        ("17th century", (1601, 1700)),
        ("late 18th-century", (1701, 1800)),
        ("1775-01-01", (1775, 1775)),
        ("begun 1503, finished 1506", (1503, 1506)),
        ("[1901?]", (1901, 1901)),
        ("2011", (2011, 2011)),
    ],
)
def test_a_span_of_years_is_read(text: str, span: tuple[int, int]) -> None:
    assert year_range(text) == span
    assert not is_undated(text)


@pytest.mark.parametrize(
    "text",
    ["", "autumn", "99", "12345", "500 BC", "c. 1200 B.C.E.", "inv. 187", "July 8"],
)
def test_what_names_no_year_is_read_as_none(text: str) -> None:
    assert year_range(text) is None


@pytest.mark.parametrize("text", ["", "0", "n.d.", " Unknown ", "s.d.", "?", "б.г.", "NaN"])
def test_undated_is_said_in_many_ways(text: str) -> None:
    assert is_undated(text)


def test_a_range_that_runs_backwards_is_its_first_year() -> None:
    assert year_range("1900-1890") == (1900, 1900)


@given(st.integers(1000, 2099), st.integers(0, 99))
def test_a_short_second_year_is_of_the_same_century(first: int, tail: int) -> None:
    low, high = year_range(f"{first}–{tail:02d}") or (0, 0)
    assert low == first and (high == first // 100 * 100 + tail or high == first)


@given(st.text(max_size=60))
def test_any_text_is_read_and_a_span_never_runs_backwards(text: str) -> None:
    span = year_range(text)
    assert span is None or (span[0] <= span[1] and span[0] >= 1)

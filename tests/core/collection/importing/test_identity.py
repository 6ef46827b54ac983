"""One person, several spellings; what is no person's name is left as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.identity import natural_name
from tests.tables import becomes


@becomes(
    """
    Warhol, Andy -> Andy Warhol
    GENTILESCHI, ARTEMISIA -> ARTEMISIA GENTILESCHI
    van Gogh, Vincent -> Vincent van Gogh
    Bruegel, Pieter, the Elder -> Pieter Bruegel the Elder
    Pieter Bruegel, the Younger -> Pieter Bruegel the Younger
    Репин, Илья, 1844-1930 -> Илья Репин
    Albers, Josef (1888–1976) -> Josef Albers
    Adams, Robert, born 1917 -> Robert Adams
    Andy Warhol -> Andy Warhol
    """
)
def test_a_name_is_put_in_its_natural_order(text: str, expected: str) -> None:
    assert natural_name(text) == expected


@pytest.mark.parametrize(
    "written",
    [
        "Gropper Art Gallery, Inc.",
        "Annenberg, Walter H., The Honorable and Mrs.",
        "de Ménil, Lois and Georges, Doctors",
        "Unknown, Italian",
        "Charles and Ray Eames, Los Angeles",
        "Skidmore, Owings & Merrill",
        "Paris, France (1900)",
        "smith, john q. public, esq., and others",
        "葛飾北斎",
        "",
        ",",
    ],
)
def test_what_is_no_inverted_name_stays_as_written(written: str) -> None:
    assert natural_name(written) in (written, written.strip(" ,;"))


@given(st.text(max_size=60))
def test_the_natural_order_of_a_natural_name_is_itself_and_nothing_is_lost(written: str) -> None:
    """No name becomes empty, and no letter is invented."""
    natural = natural_name(written)
    assert bool(natural) == bool(written)
    assert set(natural) <= set(written) | {" "}

"""Numbers that name an artist elsewhere: checked as far as they can be, asked of nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.identifiers import SCHEMES, identifier

FIFTEEN = st.text("0123456789", min_size=15, max_size=15)


def isni_check_digit(fifteen: str) -> str:
    """ISO 7064, MOD 11-2: the sixteenth character of an ISNI (or ORCID) from the first fifteen."""
    total = 0
    for digit in fifteen:
        total = (total + int(digit)) * 2
    result = (12 - total % 11) % 11
    return "X" if result == 10 else str(result)


@pytest.mark.parametrize(
    ("scheme", "text", "value"),
    [
        ("wikidata", "Q5582", "Q5582"),
        ("wikidata", "http://www.wikidata.org/entity/q5582", "Q5582"),
        ("ulan", "500115588", "500115588"),
        ("ulan", "500115588.0", "500115588"),  # a table that took it for a measure
        ("ulan", "http://vocab.getty.edu/ulan/500115588/", "500115588"),
        ("isni", "0000 0001 2095 5689", "0000000120955689"),
        ("isni", "https://isni.org/isni/0000000120955689", "0000000120955689"),
        ("viaf", "https://viaf.org/viaf/9854560", "9854560"),
    ],
)
def test_a_number_is_known_bare_or_as_an_address(scheme: str, text: str, value: str) -> None:
    assert identifier(scheme, text) == (value, "")


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("wikidata", "5582"),
        ("wikidata", "Q0"),
        ("ulan", "300115588"),  # things, not people
        ("ulan", "5001155"),
        ("isni", "0000000120955688"),  # the last digit does not prove the others
        ("viaf", "VIAF"),
    ],
)
def test_a_wrong_number_is_left_out_with_the_reason(scheme: str, text: str) -> None:
    value, reason = identifier(scheme, text)
    assert value == "" and text in reason and "left out" in reason


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", ["", "  ", "0", "None", "n/a", "-"])
def test_none_given_is_no_fault(scheme: str, text: str) -> None:
    assert identifier(scheme, text) == ("", "")


@given(FIFTEEN)
def test_an_isni_with_its_check_digit_is_taken(fifteen: str) -> None:
    whole = fifteen + isni_check_digit(fifteen)
    assert identifier("isni", whole) == (whole, "")


@given(FIFTEEN, st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_anywhere_is_found(fifteen: str, place: int, by: int) -> None:
    """The law of MOD 11-2: 11 is prime, so no change of one digit keeps the remainder."""
    digit = str((int(fifteen[place]) + by) % 10)
    changed = fifteen[:place] + digit + fifteen[place + 1 :] + isni_check_digit(fifteen)
    assert identifier("isni", changed)[0] == ""


@given(FIFTEEN, st.integers(0, 13))
def test_two_neighbours_exchanged_are_found(fifteen: str, place: int) -> None:
    one, other = fifteen[place : place + 2]
    swapped = fifteen[:place] + other + one + fifteen[place + 2 :] + isni_check_digit(fifteen)
    assert (identifier("isni", swapped)[0] == "") is (one != other)


@given(st.sampled_from(SCHEMES), st.text(max_size=40))
def test_any_cell_gives_a_number_or_a_reason_or_neither(scheme: str, text: str) -> None:
    value, reason = identifier(scheme, text)
    assert not (value and reason)
    assert not value or identifier(scheme, value) == (value, "")

"""Ids are ASCII, stable, and two people never share one because their script has no Latin form."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.collection.importing.fields import (
    FIELDS,
    SCHEMES,
    SYNONYMS,
    compared_name,
    identifier,
    is_known,
    licence,
    plain_text,
    readable,
    slug,
)
from tests.tables import becomes


@becomes(
    """
    Eugène Boudin -> eugene-boudin
    Mikalojus Konstantinas Čiurlionis -> mikalojus-konstantinas-ciurlionis
    Jørgen Sørensen -> jorgen-sorensen
    "  Vincent   van Gogh " -> vincent-van-gogh
    Roger van der Weyden -> roger-van-der-weyden
    """
)
def test_latin_names_become_plain_slugs(text: str, expected: str) -> None:
    assert slug(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("Иван I", "Пётр I"), ("葛飾北斎", "歌川広重"), ("!", "?"), ("a" * 90, "a" * 91)],
)
def test_different_names_keep_different_slugs(one: str, other: str) -> None:
    assert slug(one) != slug(other)


@example("a" * 200)
@example("é Ж " * 90)
@given(st.text())
def test_every_text_has_a_slug_fit_for_a_file_and_an_address(text: str) -> None:
    made = slug(text)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made) and len(made) <= 100
    assert slug(made) == made


@becomes(
    """
    vincent-van-gogh -> Vincent van Gogh
    utagawa-kunisada-ii -> Utagawa Kunisada II
    pieter-bruegel-the-elder -> Pieter Bruegel the Elder
    Claude_Monet -> Claude Monet
    van-gogh -> Van Gogh
    "" -> ""
    """
)
def test_slugs_read_as_names(text: str, expected: str) -> None:
    assert readable(text) == expected


@given(st.text(st.characters(exclude_categories=())))
def test_plain_text_is_one_clean_line_of_bounded_length(text: str) -> None:
    line = plain_text(text, 50)
    assert len(line) <= 50 and line == " ".join(line.split())
    assert not any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in line)
    line.encode("utf-8")


@becomes(
    """
    https://creativecommons.org/licenses/by-sa/4.0/ -> CC BY-SA 4.0
    http://creativecommons.org/licenses/by/3.0/deed.en -> CC BY 3.0
    https://creativecommons.org/publicdomain/zero/1.0/ -> CC0
    https://www.creativecommons.org/publicdomain/mark/1.0/ -> Public domain
    True -> Public domain
    0 -> Not in the public domain
    " © the estate, 1999 " -> © the estate, 1999
    https://example.org/licenses/by/4.0 -> https://example.org/licenses/by/4.0
    "" -> ""
    """
)
def test_a_licence_has_one_name(text: str, expected: str) -> None:
    """Among them what ArtBench's column is_public_domain says: True, 0."""
    assert licence(text) == expected
    assert licence(expected) == expected


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


@pytest.mark.parametrize(
    "name",
    ["Artist Display Name", "artist_display_name", "artistDisplayName", " ARTIST-DISPLAYNAME"],
)
def test_spelling_does_not_count(name: str) -> None:
    assert compared_name(name) == "artistdisplayname" and is_known(name)


def test_accents_and_other_scripts() -> None:
    assert is_known("Künstler") and is_known("Título") and is_known("Художник")
    assert not is_known("imageNum") and not is_known("") and not is_known("---")


def test_every_synonym_is_written_as_it_is_compared_and_means_one_thing() -> None:
    names = [name for names in SYNONYMS.values() for name in names]
    assert all(compared_name(name) == name for name in names)
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_a_web_address_is_a_reason_and_no_field_to_ask_for() -> None:
    assert "address" in SYNONYMS and "address" not in FIELDS


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("dc:title", "title"),
        ("dc.title", "title"),
        ("DC.Title", "title"),
        ("dc_title", "title"),
        ("dcterms:title", "title"),
        ("dcterms.created", "year"),
        ("dcterms:created", "year"),
        ("dc:date", "year"),
        ("dc.date.created", "year"),
        ("dc:rights", "licence"),
        ("dcterms:license", "licence"),
        ("dc:source", "source"),
        ("dc.title[en]", "title"),
        ("dc.title[de_DE]", "title"),
        ("oai_dc:title", "title"),
        ("http://purl.org/dc/terms/title", "title"),
        ("{http://purl.org/dc/elements/1.1/}title", "title"),
        ("dc:creator", "artist"),
    ],
)
def test_dublin_core_s_columns_are_known(name: str, field: str) -> None:
    assert compared_name(name) in SYNONYMS[field]


@pytest.mark.parametrize(
    "name", ["created", "dc:type", "dc:subject", "dc:format", "dcterms:issued"]
)
def test_what_dublin_core_says_of_other_things_is_not_taken_for_a_field(name: str) -> None:
    assert not is_known(name)


def test_a_caption_is_a_title_only_where_no_column_is_one() -> None:
    assert SYNONYMS["title"][-2:] == ("caption", "text")

"""Ids are ASCII, stable, and two people never share one because their script has no Latin form."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.collection.importing.slugs import plain_text, readable, slug
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

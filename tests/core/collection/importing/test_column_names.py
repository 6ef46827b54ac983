"""Columns by the names that museums and data sets give them."""

from __future__ import annotations

from collections import Counter

import pytest

from core.collection.importing.column_names import FIELDS, SYNONYMS, compared_name, is_known


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

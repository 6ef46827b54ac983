"""The prompt of a class reads as an English sentence would."""

from __future__ import annotations

import pytest

from core.collection.prompts import class_prompt


@pytest.mark.parametrize(
    ("style", "prompt"),
    [
        ("Ukiyo-e", "a ukiyo-e painting"),
        ("Art_Nouveau", "an art nouveau painting"),
        ("Impressionism", "an impressionism painting"),
        ("POST-IMPRESSIONISM", "a post-impressionism painting"),
        ("  Early   Renaissance ", "an early renaissance painting"),
        ("op art", "an op art painting"),
        ("", "a painting"),
    ],
)
def test_a_class_is_painted_by_name(style: str, prompt: str) -> None:
    assert class_prompt(style) == prompt

"""The prompt of a class reads as an English sentence would."""

from __future__ import annotations

from core.collection.types import class_prompt
from tests.tables import becomes


@becomes(
    """
    Ukiyo-e -> a ukiyo-e painting
    Art_Nouveau -> an art nouveau painting
    Impressionism -> an impressionism painting
    POST-IMPRESSIONISM -> a post-impressionism painting
    "  Early   Renaissance " -> an early renaissance painting
    op art -> an op art painting
    "" -> a painting
    """
)
def test_a_class_is_painted_by_name(text: str, expected: str) -> None:
    assert class_prompt(text) == expected

"""Who paints: every hand by its slug, and how many works each gives.

Seeds below HELD_OUT_FIRST_SEED are works of the collection (or of base training); seeds from it on
are held out: the same hand, never seen by a model.
"""

from __future__ import annotations

from difflib import get_close_matches

from core.errors import UsageError
from core.workshops.hand import Hand
from core.workshops.painters import (
    art_nouveau,
    color_field,
    cubism,
    pointillism,
    suprematism,
    ukiyo_e,
)

WORKS_PER_HAND = 25
HELD_OUT_PER_HAND = 10
HELD_OUT_FIRST_SEED = 1000

MODULES = (ukiyo_e, pointillism, cubism, suprematism, color_field, art_nouveau)
STYLES = tuple(module.STYLE for module in MODULES)
ALL_HANDS: tuple[Hand, ...] = tuple(hand for module in MODULES for hand in module.HANDS)
COLLECTION_HANDS = tuple(hand for hand in ALL_HANDS if hand.in_collection)
BASE_HANDS = tuple(hand for hand in ALL_HANDS if not hand.in_collection)


def hand(slug: str) -> Hand:
    """The hand of this slug, or a `UsageError` with the nearest names."""
    for candidate in ALL_HANDS:
        if candidate.slug == slug:
            return candidate
    slugs = [candidate.slug for candidate in COLLECTION_HANDS]
    near = get_close_matches(slug, slugs, n=3) or slugs[:3]
    raise UsageError(
        f"There is no workshop '{slug}'. Did you mean: {', '.join(near)}? "
        "`python -m app workshops list` shows all."
    )

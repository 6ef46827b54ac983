"""Text as it is compared: without capitals and accents, letter for letter.

In: a text. Out: the same number of characters, so that a place in one is a place in the other.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_LETTERS: dict[str, str] = {
    **dict.fromkeys("’‘`´ʼ", "'"),
    **dict.fromkeys("–—‐‑‒−", "-"),
    "ł": "l",
    "ø": "o",
    "đ": "d",
    "ß": "s",
    "ı": "i",
    "й": "и",
    "ё": "е",
}


@lru_cache(maxsize=100_000)
def flat(text: str) -> str:
    """'Käthe Müller’s' -> 'kathe muller's'; as long as `text`."""
    if text.isascii():
        return text.lower()
    return "".join(map(_plain, text))


def _plain(letter: str) -> str:
    known = _LETTERS.get(letter)
    if known is None:
        base = unicodedata.normalize("NFKD", letter)[0].lower()[:1] or letter
        known = _LETTERS[letter] = _LETTERS.get(base, base) if not base.isspace() else " "
    return known


def one_line(text: str) -> str:
    """Composed, with single blanks, and full-width marks as ASCII ones."""
    if text.isascii():
        return " ".join(text.split())
    return " ".join(unicodedata.normalize("NFC", text).translate(_MARKS).split())


@lru_cache(maxsize=100_000)
def compared(text: str) -> str:
    """A name as it is looked up: words alone, folded."""
    return " ".join(re.findall(r"[^\W_]+", flat(text)))


_MARKS = str.maketrans(
    {"，": ",", "；": ";", "（": "(", "）": ")", "、": ";", "？": "?", "\u200b": "", "\ufeff": ""}
)


def words(text: str) -> frozenset[str]:
    """The words of a list that is written as text."""
    return frozenset(text.split())


def entries(text: str) -> frozenset[str]:
    """The entries of a list that is written as text, with bars between; as names are compared."""
    return frozenset(compared(one) for one in text.split("|") if one.strip())

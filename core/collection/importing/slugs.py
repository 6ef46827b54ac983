"""Names to ids and back: stable, ASCII, never empty.

In: any text. Out: a slug fit for ids, file names and addresses; or a readable name from a slug.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"}
)
PARTICLES = frozenset(
    [
        "a",
        "af",
        "al",
        "am",
        "and",
        "at",
        "av",
        "by",
        "d",
        "da",
        "das",
        "de",
        "degli",
        "dei",
        "del",
        "della",
        "den",
        "der",
        "des",
        "di",
        "do",
        "dos",
        "du",
        "e",
        "el",
        "et",
        "for",
        "from",
        "in",
        "la",
        "las",
        "le",
        "les",
        "lo",
        "los",
        "of",
        "on",
        "or",
        "the",
        "ter",
        "to",
        "und",
        "van",
        "von",
        "with",
        "y",
        "zu",
        "zum",
    ]
)
_ROMAN = re.compile(r"(ii|iii|iv|vi|vii|viii|ix)")


def slug(text: str) -> str:
    """'Eugène Boudin' -> 'eugene-boudin'. Where a script has no Latin form, a digest is added.

    Without the digest, 'Иван I' and 'Пётр I' would be one artist.
    """
    folded = unicodedata.normalize("NFC", " ".join(text.split())).casefold()
    plain = unicodedata.normalize("NFKD", folded.translate(_LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    kept = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    lost = any(letter.isalnum() and not letter.isascii() for letter in plain)
    if kept and not lost and len(kept) <= 80:
        return kept
    digest = hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{kept[:71].strip('-') or 'x'}-{digest}"


def readable(text: str) -> str:
    """'vincent-van-gogh' -> 'Vincent van Gogh'; text with capitals keeps them."""
    words = re.sub(r"[-_\s]+", " ", text).strip().split()
    if any(letter.isupper() for letter in text):
        return " ".join(words)
    shown = []
    for place, word in enumerate(words):
        if _ROMAN.fullmatch(word) and place == len(words) - 1:
            shown.append(word.upper())
        else:
            shown.append(word if place and word in PARTICLES else word[:1].upper() + word[1:])
    return " ".join(shown)


def plain_text(text: str, longest: int = 500) -> str:
    """One line of real characters: no controls, no half characters, no runs of space."""
    known = text.encode("utf-8", "ignore").decode("utf-8")
    spaced = "".join(
        " " if letter.isspace() else letter
        for letter in known
        if letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cn", "Co")
    )
    line = unicodedata.normalize("NFC", " ".join(spaced.split()))
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"

"""One person, several spellings: 'Warhol, Andy' and 'Andy Warhol' are one artist.

In: a name as somebody wrote it. Out: the name in its natural order, from which an id is made; what
was written is kept by whoever asks. Guesses nothing about scripts: no letter is transliterated.
"""

from __future__ import annotations

import re

from core.collection.importing.slugs import PARTICLES

_LIFE = re.compile(
    r"[,;]?\s*\(?\b(?:(?:1[0-9]|20)[0-9]{2}\s*[-–—]\s*(?:(?:1[0-9]|20)[0-9]{2})?|"
    r"(?:b\.|born)\s*(?:1[0-9]|20)[0-9]{2})\s*\)?$"
)
_GENERATION = frozenset(
    {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "the elder", "the younger", "the older"}
)
_BODIES = frozenset(
    {"inc", "inc.", "ltd", "ltd.", "llc", "co", "co.", "gmbh", "sa", "s.a.", "plc", "architects"}
)
_TITLES = frozenset({"mr", "mr.", "mrs", "mrs.", "dr", "dr.", "doctors", "the", "professor"})
_NOBODY = frozenset({"unknown", "anonymous", "unidentified", "artist", "school"})
_JOINED = frozenset({"and", "&", "with", "after", "or", "und", "et", "y", "и"})


def natural_name(written: str) -> str:
    """'Surname, First' -> 'First Surname'; years of life are left out; all else stays as written.

    >>> natural_name("Bruegel, Pieter, the Elder"), natural_name("Репин, Илья, 1844-1930")
    ('Pieter Bruegel the Elder', 'Илья Репин')
    """
    name = _LIFE.sub("", written).strip(" ,;") or written
    parts = [part.strip() for part in name.split(",")]
    if len(parts) == 2 and parts[1].casefold() in _GENERATION:
        return f"{parts[0]} {parts[1]}"
    if not 2 <= len(parts) <= 3 or not _is_inverted(parts[0], parts[1]):
        return name
    if len(parts) == 2:
        return f"{parts[1]} {parts[0]}"
    if parts[2].casefold() in _GENERATION:
        return f"{parts[1]} {parts[0]} {parts[2]}"
    return name


def _is_inverted(surname: str, first: str) -> bool:
    """Whether both halves look like the two halves of one person's name."""
    before, after = surname.split(), first.split()
    if not 1 <= len(before) <= 4 or not 1 <= len(after) <= 4:
        return False
    words = [word.casefold() for word in (*before, *after)]
    if set(words) & (_BODIES | _TITLES | _NOBODY | _JOINED):
        return False
    if re.search(r"[\d()\[\]/:;?\"]", surname + first):
        return False
    return all(
        word[0].isupper() or word.casefold() in PARTICLES or word[0] in "'’"
        for word in (*before, *after)
    )

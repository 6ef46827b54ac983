"""Licences by one name, where they were given by their address or as yes and no.

In: the text of a cell. Out: a short name, or the text as it was written. Judges no right.
"""

from __future__ import annotations

import re

_YES, _NO = frozenset({"true", "yes", "1", "t"}), frozenset({"false", "no", "0", "f"})
_CC = re.compile(r"https?://(?:www\.)?creativecommons\.org/licenses/([a-z-]+)/([0-9.]+)", re.I)


def licence(text: str) -> str:
    """'https://creativecommons.org/licenses/by-sa/4.0/' -> 'CC BY-SA 4.0'."""
    said = text.strip()
    match = _CC.match(said)
    if match:
        return f"CC {match[1].upper()} {match[2]}"
    if re.match(r"https?://(?:www\.)?creativecommons\.org/publicdomain/zero/", said, re.I):
        return "CC0"
    if re.match(r"https?://(?:www\.)?creativecommons\.org/publicdomain/mark/", said, re.I):
        return "Public domain"
    if said.casefold() in _YES:  # a column such as ArtBench's is_public_domain
        return "Public domain"
    return "Not in the public domain" if said.casefold() in _NO else said

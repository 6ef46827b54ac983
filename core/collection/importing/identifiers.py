"""Who an artist is to others: Wikidata, ULAN, ISNI and VIAF, checked as far as they can be.

In: the text of a cell, a bare number or an address. Out: the number in its own form, or the reason
why it is none. Asks nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from stdnum import isni

SCHEMES = ("wikidata", "ulan", "isni", "viaf")
_NONE = frozenset({"", "0", "none", "null", "nan", "n/a", "-", "unknown"})


def identifier(scheme: str, text: str) -> tuple[str, str]:
    """(value, "") for a good one, ("", reason) for a bad one, ("", "") where none is given."""
    if text.strip().casefold() in _NONE:
        return "", ""
    # an address ends with the number; a table of numbers may have made 500010588 a 500010588.0
    bare = re.sub(r"\.0$", "", text.strip().rstrip("/").rpartition("/")[2])
    value = _FORMS[scheme](bare)
    if value:
        return value, ""
    return "", f"'{text.strip()[:80]}' is no {_NAMES[scheme]}; it was left out."


def _wikidata(text: str) -> str:
    match = re.fullmatch(r"[Qq]([1-9][0-9]{0,11})", text)
    return f"Q{match[1]}" if match else ""


def _ulan(text: str) -> str:
    """Nine digits from 500: the part of Getty's vocabularies that holds people."""
    return text if re.fullmatch(r"500[0-9]{6}", text) else ""


def _isni(text: str) -> str:
    plain = re.sub(r"(?i)^isni:?|[\s-]", "", text).upper()
    # the library cleans more from around a number than is one here
    return plain if re.fullmatch(r"[0-9]{15}[0-9X]", plain) and isni.is_valid(plain) else ""


def _viaf(text: str) -> str:
    return text if re.fullmatch(r"[1-9][0-9]{0,21}", text) else ""


_FORMS: dict[str, Callable[[str], str]] = {
    "wikidata": _wikidata, "ulan": _ulan, "isni": _isni, "viaf": _viaf,
}  # fmt: skip
_NAMES = {
    "wikidata": "Wikidata item (Q and a number)",
    "ulan": "ULAN number (nine digits from 500)",
    "isni": "ISNI (sixteen digits, the last of which proves the others)",
    "viaf": "VIAF number",
}

"""Which language a browser is answered in: what its reader chose here, else what it asks for.

In: a request's headers. Out: a language; English where neither names one of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from app.web.language import ENGLISH, LANGUAGES, Language

COOKIE = "creditline_language"
WEIGHT = re.compile(r";\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*$")


def language_of(headers: Mapping[str, str]) -> Language:
    """The language of whoever sent these headers (names in lower case, or of any case)."""
    chosen = _chosen(headers.get("cookie") or "")
    return chosen or _asked_for(headers.get("accept-language") or "") or ENGLISH


def _chosen(cookie: str) -> Language | None:
    try:
        morsel = SimpleCookie(cookie).get(COOKIE)
    except CookieError:
        return None
    return LANGUAGES.get(morsel.value) if morsel is not None else None


def _asked_for(accepted: str) -> Language | None:
    """The first of ours by weight, then by place: "nl-BE, de;q=0.8" is Dutch."""
    wishes = []
    for place, part in enumerate(accepted.split(",")):
        tag, _, rest = part.partition(";")
        weight = WEIGHT.search(f";{rest}") if rest else None
        value = float(weight[1]) if weight else 1.0
        language = LANGUAGES.get(tag.strip().lower().partition("-")[0])
        if language is not None and value > 0:
            wishes.append((-value, place, language))
    return min(wishes, key=lambda wish: wish[:2])[2] if wishes else None

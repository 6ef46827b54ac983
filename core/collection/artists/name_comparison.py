"""Whether two names may be one person's: letters folded, scripts transliterated, parts compared.

In: names as people write them. Out: a key that equal names share, and a judgement of nearness that
would rather ask once too often. Decides nothing: who acts on a near name asks a person first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations

from anyascii import anyascii
from rapidfuzz.fuzz import ratio

from core.collection.importing.fields import PARTICLES

LETTERS_ALIKE, SOUND_ALIKE, LETTERS_SHARED = 74.0, 80.0, 40.0  # of 100
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "å": "aa"}
)
# how one sound is spelt in different languages; applied in this order
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"dzh|dzs|dj|dsch", "j"),
        (r"tsch|tch|tsh|cz|ch|sch|sh|sz|zh|rz|cs|s|z|c(?=[eiy])|ts|tz|ss", "s"),
        (r"ck|kh|gh|qu|q|k|c|x|g", "k"),
        (r"ph|pf|v|w|f", "f"),
        (r"th|dt|tt|d|t", "t"),
        (r"b|p", "p"),
        (r"m|n", "n"),
        (r"l|r", "l"),
        (r"j|y|i|h|a|e|o|u", ""),
    )
)
# words beside a name that do not tell two persons apart
_TITLES = ("dr", "prof", "sir", "mr", "mrs", "ms", "mme", "mlle", "herr", "frau", "jr", "sr")
_HOUSES = ("workshop", "atelier", "studio", "werkstatt", "werkplaats", "bottega", "taller")
_BESIDE = frozenset({*_TITLES, *_HOUSES})


def folded(name: str) -> str:
    """A name in small Latin letters with single spaces, accents and marks left out.

    >>> folded("Žofie  DVOŘÁKOVÁ"), folded("Dvořáková, Žofie")
    ('zofie dvorakova', 'zofie dvorakova')
    """
    text = unicodedata.normalize("NFC", name)
    parts = text.split(",")
    if len(parts) == 2:  # surname first
        text = f"{parts[1]} {parts[0]}"
    return " ".join(re.findall(r"[a-z0-9]+", anyascii(text).lower()))


def name_key(name: str) -> str:
    """What names that differ in accents, case, marks or order alone have in common.

    Umlauts count as their vowels, written out or not: 'Kaethe Mueller' is 'Käthe Müller'.
    """
    words = folded(name.translate(_UMLAUTS)).split()
    return " ".join(sorted(re.sub(r"(?<=[aou])e", "", word) for word in words))


def may_be_one(one: str, other: str) -> bool:
    """Whether two names may be one person's, spelt, transliterated or shortened otherwise.

    The surnames must be near, by letters or by sound, and no first name may contradict.
    """
    return _near(one, other) or _near(other, one)


@lru_cache(maxsize=65_536)
def _words(name: str) -> tuple[tuple[str, ...], ...]:
    """The words of a name as they may be read: umlauts written out, and not."""
    readings = {folded(name), folded(name.translate(_UMLAUTS))}
    return tuple(
        tuple(word for word in text.split() if word not in PARTICLES and word not in _BESIDE)
        for text in sorted(readings)
    )


@lru_cache(maxsize=65_536)
def _sound(word: str) -> str:
    kept = word[:1] if word[:1] in "aeiou" else ""
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return kept + re.sub(r"(.)\1+", r"\1", word)


def _near(one: str, other: str) -> bool:
    return any(_fits(a, b) for a in _words(one) for b in _words(other) if a and b)


def _fits(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Whether every word of the shorter name has its own near word in the longer one, the last
    word of one of them, its surname, among these."""
    shorter, longer = sorted((a, b), key=len)
    if "".join(a) == "".join(b):  # 'De Kooning' and 'DeKooning'
        return True
    left, whole = list(longer), 0
    for word in shorter:
        near = next((each for each in left if _word_near(word, each)), None)
        if near is None:
            return False
        left.remove(near)
        whole += len(word) > 1 and len(near) > 1
    if len(shorter) == 1:  # a single name: only the other's surname
        other = b[-1] if shorter is a else a[-1]
        return len(shorter[0]) > 2 and ratio(shorter[0], other) >= LETTERS_ALIKE
    return whole >= 1


def _word_near(one: str, other: str) -> bool:
    if len(one) == 1 or len(other) == 1:  # an initial
        return one[0] == other[0] or _sound(one)[:1] == _sound(other)[:1] != ""
    if ratio(one, other) >= LETTERS_ALIKE:
        return True
    sounds = _sound(one), _sound(other)
    if ratio(one, other) < LETTERS_SHARED:
        return False
    return min(map(len, sounds)) >= 2 and ratio(*sounds) >= SOUND_ALIKE


def near_pairs(names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places of names that may be one person's, each pair once: only names that share the sound of
    a word's beginning are compared, so thousands of names take seconds."""
    buckets: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        keys = {_sound(word)[:2] for words in _words(name) for word in words if len(word) > 2}
        for key in keys - {""}:
            buckets.setdefault(key, []).append(place)
    seen: set[tuple[int, int]] = set()
    for places in buckets.values():
        for one, other in combinations(places, 2):
            if (one, other) not in seen and may_be_one(names[one], names[other]):
                seen.add((one, other))
                yield one, other

"""What the name of a picture's file says: an artist, a title, a year; or that a machine gave it.

In: a file's name without its ending, or a folder's. Out: names and titles, empty where there is
none. Cameras, scanners, phones, messengers and programs name most files in the world, and a credit
to 'IMG' or 'Screenshot' is worse than none: an artist is believed only where the words look like
the name of a person or a body.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.collection.importing.fields import PARTICLES, plain_text, readable, slug
from core.collection.importing.name_words import (
    ARTICLES,
    BODIES,
    MACHINE,
    MARKS,
    NEVER_IN_NAMES,
    PROGRAMS,
    THINGS,
)


@dataclass(frozen=True)
class NameFields:
    """What a file's name says; each is empty where it says nothing."""

    artist: str
    title: str
    year: str


def fields_of_name(stem: str) -> NameFields:
    """'ivan-shishkin_hut-1878' -> Ivan Shishkin, Hut, 1878; 'IMG_0012' says nothing."""
    prompt = _prompt(stem)
    if prompt:
        return NameFields("", sentence(prompt), "")
    artist, divider, rest = stem.partition("_")
    if divider and (name := artist_of(artist, rest)):
        return NameFields(name, *_title_of(rest))
    if is_machine_name(stem):
        return NameFields("", "", "")
    title, year = split_year(_without_marks(stem))
    return NameFields("", sentence(title), year)


def title_under(artist: str, stem: str) -> tuple[str, str]:
    """Title and year of a file in its artist's folder; the artist's name before it is left out."""
    before, divider, rest = stem.partition("_")
    return _title_of(rest if divider and slug(before) == slug(artist) else stem)


def _title_of(text: str) -> tuple[str, str]:
    """Title and year of the part of a name that is no artist's."""
    title, year = split_year(text)
    if is_machine_name(title) and not title.casefold().startswith("untitled"):
        return "", ""
    return sentence(title), year


def artist_of(text: str, title: str) -> str:
    """The name before `title` in a file's name, readable; empty where it is not surely one."""
    if not is_name(text):
        return ""
    words = _words(text)
    is_small = text == text.lower() != text.upper()
    if set(map(_bare, _parts(title))) & PROGRAMS:
        return ""  # 'Leonardo_Diffusion_XL_a_harbour'
    if len(words) == 1 and "_" in title:
        return ""  # 'Anna_Berg_Sea' says not where the name ends
    if len(words) == 1 and not _has_words(title):
        return ""  # 'SAM_0001', 'hiroshige_3'
    if len(words) == 1 and is_small and not _is_slug(title):
        return ""  # 'sunset_beach' is a title, 'hiroshige_rabbits-under-moon' has WikiArt's form
    if len(words) > 1 and is_small and "-" not in text and not _has_words(title):
        return ""  # 'misty forest_0001': a prompt, or somebody's own words
    return plain_text(readable(text))


def is_name(text: str) -> bool:
    """Whether words look like the name of a person or a body, not of a thing or a file."""
    bare = _LIFE.sub("", text).strip(" _-")
    words = _words(bare)
    if not words or len(words) > 8 or re.search(r"\d|[@#=+$%!?*{}<>|\"~^:;]|['’]s\b", bare):
        return False
    small = [word.casefold() for word in words]
    plain = [_bare(word) for word in small]
    if any(one in MACHINE or two in MACHINE for one, two in zip(small, plain, strict=True)):
        return False
    if all(
        word in THINGS or word in MARKS or _STYLE.search(word) or word in PARTICLES
        for word in plain
    ):
        return len(words) > 1 and all(len(word) == 1 for word in words)  # initials
    if set(plain) & NEVER_IN_NAMES or small[0] in ARTICLES:
        return False
    is_article = small[0] == "the" or (words[0] == "a" and len(words[1 % len(words)]) > 2)
    if is_article and not set(plain) & BODIES:
        return False
    if len(words) == 1:
        return len(bare) > 1 and _is_pronounceable(plain[0]) and not _is_jumbled(bare)
    return not any(_is_jumbled(word) for word in words)


def is_machine_name(stem: str) -> bool:
    """Whether a camera, a scanner, a messenger or a program gave this name: it is no title."""
    parts = _parts(stem)
    if re.fullmatch(r"_?[A-Z]{2,5}[\s_-]?\d{3,}", stem):
        return True
    if re.fullmatch(r"(?:1[0-9]|20)[0-9]{2}", stem.strip()):
        return False  # a year alone may be a title
    return any(len(part) > 1 or part.isdecimal() for part in parts) and all(map(_is_mark, parts))


def split_year(title: str) -> tuple[str, str]:
    """'self-portrait-1904-2' -> 'self-portrait-2', '1904': WikiArt numbers works of one name."""
    match = _YEAR_LAST.fullmatch(title)
    if match is None:
        return title, ""
    number = match["number"] or match["nth"]
    return match["title"] + (f" {number}" if number else ""), match["year"]


def sentence(title: str) -> str:
    """'the-12-months' -> 'The 12 months'."""
    words = plain_text(re.sub(r"[-_]+", " ", title))
    return words[:1].upper() + words[1:]


_YEAR_LAST = re.compile(
    r"(?P<title>.+?)[-_ ]\(?(?P<year>1[0-9]{3}|20[0-9]{2})\)?"
    r"(?:[-_ ]?\((?P<nth>[0-9]{1,2})\)|[-_ ](?P<number>[0-9]{1,2}))?"
)
_LIFE = re.compile(r"\(?\b1[0-9]{3}\s*[-–]\s*(?:(?:1[0-9]|20)[0-9]{2})?\)?\s*$")
_STYLE = re.compile(r"ism(?:us|e|o|i|a)?$|изм$")
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s\-_.,&()/]+", text) if re.search(r"[^\W\d_]", word)]


def _parts(stem: str) -> list[str]:
    """Runs of letters and digits, after what is known to be an id or a time was taken out."""
    text = re.sub(_UUID, " 0 ", stem, flags=re.IGNORECASE)
    text = re.sub(r"(?i)dall\W?e\b", "dalle", text)
    return [part for part in re.split(r"[\s\-_.,&()\[\]{}+#@=~·:;!'’]+", text) if part]


def _bare(word: str) -> str:
    wide = unicodedata.normalize("NFKD", word.casefold())
    return "".join(one for one in wide if not unicodedata.combining(one))


def _is_mark(part: str) -> bool:
    """Whether a part of a name is a number, a code, or a device's or program's word."""
    word = _bare(part)
    letters = re.sub(r"\d+", "", word)
    if len(letters) < 2 or letters in MACHINE or letters in MARKS:
        return True
    if not word.isascii():
        return False
    has_digit = letters != word
    if has_digit:
        long_code = len(word) >= 8 and len(re.findall(r"\d+", word)) > 1
        return (
            len(letters) <= 2
            or not _is_pronounceable(letters)
            or bool(re.fullmatch(r"[0-9a-f]{3,}", word))
            or long_code
        )
    return bool(re.fullmatch(r"[b-df-hj-np-tv-xz]{3,}|[a-f]{8,}", word)) or _is_jumbled(part)


def _is_pronounceable(word: str) -> bool:
    """Whether there is a vowel; letters of other scripts count as one."""
    return bool(re.search(r"[aeiouy]|[^\x00-\x7f]", word))


def _is_jumbled(word: str) -> bool:
    """'aXbTqR': capitals among small letters, as in ids; 'McKay' and 'LeWitt' have one."""
    return len(re.findall(r"(?<=[a-z])[A-Z]", word)) > 1


def _has_words(text: str) -> bool:
    """Whether something is left of a title without its numbers and marks."""
    return any(not _is_mark(part) or _bare(part) in ("work", "works") for part in _parts(text))


def _is_slug(title: str) -> bool:
    return bool(re.fullmatch(r"[^\W_]+(?:-[^\W_]+)+(?:\(\d+\))?", title)) and title == title.lower()


def _without_marks(stem: str) -> str:
    """'00012-1234567-a harbour_final' -> 'a harbour': without codes before and after a title."""
    text = re.sub(rf"[\s_-]*{_UUID}(?:[\s_-]*\d+)?", "", stem, flags=re.IGNORECASE)
    pieces = re.split(r"([\s\-_]+)", text)
    while len(pieces) > 2 and _is_code(pieces[0], leading=True):
        pieces = pieces[2:]
    while len(pieces) > 2 and _is_code(pieces[-1], leading=False):
        pieces = pieces[:-2]
    return "".join(pieces).strip(" _-")


def _is_code(piece: str, *, leading: bool) -> bool:
    """A counter, a seed, a mark of a version: no part of a title, and no year of it."""
    if piece.isdecimal():
        return len(piece) >= 5 or (piece.startswith("0")) or (len(piece) == 3)
    word = _bare(re.sub(r"\d+", "", piece))
    if leading:
        return word in MACHINE or (bool(re.search(r"\d", piece)) and _is_mark(piece))
    return word in MACHINE or word in ("final", "copy", "kopie", "v", "edit", "hd", "hq", "x")


def _prompt(stem: str) -> str:
    """The words that a program was given, where it names its pictures by them."""
    prompted = re.fullmatch(
        r"(?i)dall\W?e[\s_]+\d{4}-\d\d-\d\d[\s_]+[\d.\-]+[\s_]+-?[\s_]*(?P<words>.+)", stem
    )
    if prompted is None:  # Midjourney: a user, the prompt, an id
        prompted = re.fullmatch(
            rf"(?i)(?P<user>[^_\s]+)_(?P<words>[^_]+(?:_[^_]+)+?)_(?:{_UUID})(?:_\d)?", stem
        )
    return prompted["words"] if prompted is not None else ""

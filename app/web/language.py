"""The languages of the pages: a sentence in English becomes the same sentence in another.

In: English words with named values, and for what is counted both forms. Out: the words of one
language, by its catalogue (`languages/*.po`, compiled in memory), English where it has none. A
language is a value that is handed on; nothing here knows who reads, nor any page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from gettext import NullTranslations
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from app.web.sentences import SENTENCES

CATALOGUES = Path(__file__).parent / "languages"
NAMES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "nl": "Nederlands",
    "es": "Español",
}
FIGURE = re.compile(r"[+−-]?\d+(?:,\d{3})*(?:\.\d+)?")
BETWEEN_SENTENCES = re.compile(r"(?<=[.?!]) (?=[^a-z])")


@dataclass(frozen=True, kw_only=True, eq=False)
class Language:
    """One language; `name`: as those call it who speak it."""

    code: str
    name: str

    @cached_property
    def catalogue(self) -> NullTranslations:
        """Its sentences; read when the first is needed."""
        return _loaded(self.code)

    @cached_property
    def locale(self) -> Locale:
        """How its numbers and dates are written."""
        return Locale.parse(self.code)

    def say(self, sentence: str, /, **values: object) -> str:
        """`sentence` with its `%(name)s` filled in."""
        return self.catalogue.gettext(sentence) % values

    def about(self, context: str, word: str, /) -> str:
        """A word that means different things in different places; `context` says which."""
        return self.catalogue.pgettext(context, word)

    def count(self, one: str, many: str, number: int, /, **values: object) -> str:
        """The form that `number` things have."""
        return self.catalogue.ngettext(one, many, number) % values

    def translated(self, words: str) -> str:
        """A sentence, or several, that was made in English where nobody knows who reads: as a
        whole, by its pattern, or sentence by sentence; what is not known stays English."""
        if self.code == "en" or not words:
            return words
        whole = self._known(words)
        if whole is not None:
            return whole
        parts = BETWEEN_SENTENCES.split(words)
        return " ".join(self._known(part) or part for part in parts)

    def figures(self, text: str) -> str:
        """A number as Python writes it, with the marks of the language."""
        symbols = self.locale.number_symbols["latn"]
        marks = {",": symbols["group"], ".": symbols["decimal"]}
        return text.translate(str.maketrans(marks))

    def _known(self, words: str) -> str | None:
        plain = words.replace("%", "%%")
        same = self.catalogue.gettext(plain)
        if same != plain:
            return same.replace("%%", "%")
        for pattern, sentence in _patterns():
            if match := pattern.fullmatch(words):
                return self.say(sentence, **self._values(match.groupdict()))
        return None

    def _values(self, values: Mapping[str, str]) -> dict[str, str]:
        return {
            name: self.figures(value)
            if FIGURE.fullmatch(value)
            else self.catalogue.gettext(value)  # what is spoken of is a phrase of its own
            if name == "what"
            else value
            for name, value in values.items()
        }


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What a sentence with values looks like when they are filled in."""
    made = []
    for sentence in SENTENCES:
        parts = re.split(r"%\((\w+)\)s", sentence)
        if len(parts) > 1:
            # by turns what is said, and the name of a value
            pieces = [
                f"(?P<{part}>.+?)"
                if place % 2
                else re.sub(r"(\W)", r"\\\1", part.replace("%%", "%"))
                for place, part in enumerate(parts)
            ]
            made.append((re.compile("".join(pieces), re.DOTALL), sentence))
    return tuple(made)


def _loaded(code: str) -> NullTranslations:
    """The catalogue of a language; English is what the sentences are written in."""
    if code == "en":
        return NullTranslations()
    with (CATALOGUES / f"{code}.po").open("rb") as stream:
        catalogue = read_po(stream, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


LANGUAGES: Mapping[str, Language] = {
    code: Language(code=code, name=name) for code, name in NAMES.items()
}
ENGLISH = LANGUAGES["en"]

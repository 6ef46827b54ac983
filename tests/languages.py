"""The catalogues brought up to date with the sentences of the pages: `python -m tests.languages`.

Collects every sentence of the templates and of `app/web`, and merges it into each language's file;
what is new stands there without a translation, which `tests/app/web/test_languages.py` tells.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from app.web.language import CATALOGUES, NAMES

WEB = CATALOGUES.parent
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "say": None,
    "count": (1, 2),
    "about": ((1, "c"), 2),
    "marked": None,
    "marked_count": (1, 2),
}
OTHERS = tuple(code for code in NAMES if code != "en")


def sentences() -> Catalog:
    """Every sentence of the pages, with where it stands."""
    template = Catalog(project="Creditline", charset="utf-8")
    for file, _, message, comments, context in extract_from_dir(
        str(WEB), METHODS, OPTIONS, KEYWORDS
    ):
        template.add(message, None, [(file, 0)], auto_comments=comments, context=context)
    return template


def catalogue(code: str) -> Catalog:
    """What stands in the file of a language."""
    with path_of(code).open("rb") as stream:
        return read_po(stream, locale=code)


def path_of(code: str) -> Path:
    """Where the file of a language lies."""
    return CATALOGUES / f"{code}.po"


def update(code: str) -> None:
    """Merge what the pages say today into the file of a language; nothing is guessed."""
    known = catalogue(code)
    known.update(sentences(), no_fuzzy_matching=True, update_creation_date=False)
    known.obsolete.clear()
    save(code, known)


def save(code: str, known: Catalog) -> None:
    """Write the file: by file and sentence, without line numbers, so that changes stay small."""
    with path_of(code).open("wb") as stream:
        write_po(stream, known, width=100, include_lineno=False, ignore_obsolete=True)


if __name__ == "__main__":
    for language in OTHERS:
        update(language)

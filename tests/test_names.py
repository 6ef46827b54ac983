"""Names and English: one meaning per class name, nouns for values, *per* for the distributive."""

from __future__ import annotations

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTICIPLES = ("found", "asked", "told", "drawn")
UNITS = (
    "work|picture|artist|query|GPU|verb|row|record|line|step|pass|class|timestep|model|method|"
    "check|page|part|style|channel|file|layer|example|parameter|shard|table|subset|epoch"
)
NUMBERS = "one|two|three|four|five|ten|a hundred|[0-9][0-9,.]*|k|K"
SMALL = "of|in|by|to|for|as|with|at|on|is|was|like|than|from|into|and|or|that|if|has"
COUNTED = "sums|features|rows|entries|gradients|bytes|bits|GB|MB|digits|draws|scales?|seconds"
DIALECT = (
    rf"\b(?:{NUMBERS}) an? (?:{UNITS})\b",  # "k a work", "one a verb"
    rf"\b(?:{NUMBERS}) (?!(?:{SMALL})\b)[a-z]+ an? (?:{UNITS})\b",  # "two bytes a row"
    rf"\b(?:{COUNTED}) an? (?:{UNITS})\b(?! (?:is|are|of|that|who|which|has|may|was)\b)",
    r"\banew\b",
    r"\bwhole or not at all\b",
)


def sources() -> Iterator[tuple[str, str]]:
    """Name and text of every Python file of `app` and `core`."""
    for folder in ("app", "core"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            yield name, path.read_text(encoding="utf-8")


def classes(files: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Class name -> the files that define it."""
    where: dict[str, list[str]] = defaultdict(list)
    for name, text in files:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                where[node.name].append(name)
    return where


def participles(text: str) -> list[str]:
    """Identifiers that say what happened to a value instead of what it is, with their lines."""
    return [
        f"{token.start[0]}: {token.string}"
        for token in tokenize.generate_tokens(StringIO(text).readline)
        if token.type == tokenize.NAME and token.string.endswith(PARTICIPLES)
        if token.string in PARTICIPLES or token.string.endswith(tuple(f"_{w}" for w in PARTICIPLES))
    ]


def dialect(text: str) -> list[str]:
    """Words in comments and texts that an engineer would not write, with their lines."""
    return [
        f"{token.start[0]}: {match[0]}"
        for token in tokenize.generate_tokens(StringIO(text).readline)
        if token.type in (tokenize.COMMENT, tokenize.STRING)
        for pattern in DIALECT
        for match in re.finditer(pattern, " ".join(token.string.split()))
    ]


def test_no_class_name_has_two_meanings() -> None:
    assert {name: files for name, files in classes(sources()).items() if files[1:]} == {}


def test_values_are_called_by_what_they_are() -> None:
    breaches = [f"{name}:{one}" for name, text in sources() for one in participles(text)]
    assert breaches == []


def test_comments_and_messages_are_plain_english() -> None:
    breaches = [f"{name}:{one}" for name, text in sources() for one in dialect(text)]
    assert breaches == []


def test_a_second_meaning_is_seen() -> None:
    files = [("a.py", "class Row:\n    class Cell: ...\n"), ("b.py", "class Row: ...\n")]
    assert {name: where for name, where in classes(files).items() if where[1:]} == {
        "Row": ["a.py", "b.py"]
    }


@pytest.mark.parametrize(
    "source",
    [
        "found = 1",
        "def asked(): ...",
        "def f(rows_told): ...",
        "x.drawn",
        "f(asked=1)",
        "told: int",
    ],
)
def test_a_participle_is_seen(source: str) -> None:
    assert participles(source + "\n")


@pytest.mark.parametrize(
    "source", ["'found'", "# asked", "foundation = 1", "unasked = {'told': 1}"]
)
def test_a_word_in_a_text_is_not_a_name(source: str) -> None:
    assert participles(source + "\n") == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "sums an artist",
            "one a verb",
            "k a work",
            "features\n    a work (k)",
            "50 works a file",
        ),
        *("a scale a row", "fitted anew", "written whole or not at all", "two bytes a row"),
    ],
)
def test_the_distributive_article_is_seen(text: str) -> None:
    assert dialect(f'"""{text}."""\n')
    if "\n" not in text:
        assert dialect(f"# {text}\n")


@pytest.mark.parametrize(
    "text", ["sums per artist", "the rows of a work", "what a work adds", "one of a class's works"]
)
def test_plain_english_passes(text: str) -> None:
    assert dialect(f"# {text}\n") == []

"""What an import could not decide about names: kept in plain text until somebody answers.

In: names as written, with the sentence that asks and the rows it concerns. Out: `questions.csv` in
the collection, one row per question.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.collection.importing.credit_lines.line import CreditLine
from core.collection.importing.fields import slug
from core.collection.store import table_text
from core.errors import CollectionError
from core.files import write_text

QUESTIONS = "questions.csv"
COLUMNS = ("what", "subject", "other", "words", "readings", "rows")
NAME, WISH = "name", "opt-out"
KEPT_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question. `what`: whom the name `subject` names (`readings`: answers to choose from, each
    a tuple of names), or whether `subject` is the person `other` who opted out. `words` asks it;
    `rows` are those of the source that wait for it."""

    what: str
    subject: str
    other: str = ""
    words: str
    readings: tuple[tuple[str, ...], ...] = ()
    rows: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same for the same question."""
        return f"{self.what}/{slug(self.subject)}/{slug(self.other)}"

    @property
    def standing(self) -> bool:
        """Whether it is about an artist who is here, so that no import asks it again."""
        return self.what == WISH and not self.rows

    @classmethod
    def of_name(cls, written: str, words: str, line: CreditLine) -> Question:
        """Whom a cell names."""
        return cls(what=NAME, subject=written, words=words, readings=line.readings)

    @classmethod
    def of_wish(cls, name: str, wished: str, words: str) -> Question:
        """Whether a name is somebody's who opted out."""
        return cls(what=WISH, subject=name, other=wished, words=words)


def read_questions(root: Path) -> tuple[Question, ...]:
    """The questions of the last import into `root`. Raises `CollectionError` for a damaged file."""
    try:
        text = (root / QUESTIONS).read_text(encoding="utf-8-sig")
        return tuple(
            Question(
                what=row["what"],
                subject=row["subject"],
                other=row["other"],
                words=row["words"],
                readings=tuple(tuple(names) for names in json.loads(row["readings"] or "[]")),
                rows=tuple(json.loads(row["rows"] or "[]")),
            )
            for row in csv.DictReader(io.StringIO(text), strict=True)
        )
    except FileNotFoundError:
        return ()
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise CollectionError(
            f"'{QUESTIONS}' of the collection '{root.name}' is damaged. Delete it, and import "
            "again: the questions come again."
        ) from error


def save_questions(root: Path, questions: Iterable[Question]) -> None:
    """Write the questions; no file where there are none."""
    rows = [
        (
            one.what,
            one.subject,
            one.other,
            one.words,
            json.dumps(one.readings, ensure_ascii=False) if one.readings else "",
            json.dumps(one.rows[:KEPT_ROWS], ensure_ascii=False),
        )
        for one in questions
    ]
    if rows:
        write_text(root / QUESTIONS, table_text(COLUMNS, rows))
    else:
        (root / QUESTIONS).unlink(missing_ok=True)

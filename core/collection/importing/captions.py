"""What somebody wrote that a picture shows, from a row's columns, whole.

In: a table's header and a record's cells. Out: the caption; empty where no column has one.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.collection.importing.fields import compared_name, plain_text
from core.collection.types import LONGEST_PROMPT

COLUMNS = ("caption", "text", "prompt")  # as they are compared


def caption_places(header: Sequence[str]) -> tuple[int, ...]:
    """The columns of what a picture shows, in the header's order."""
    names = [compared_name(name) for name in header]
    return tuple(at for at, name in enumerate(names) if name in COLUMNS)


def caption_in(cells: Sequence[str], places: Sequence[int]) -> str:
    """The first of these columns that holds something."""
    texts = (plain_text(cells[at], LONGEST_PROMPT) for at in places if at < len(cells))
    return next(filter(None, texts), "")

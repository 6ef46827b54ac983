"""Importing from the browser: by whom, from where, and to where.

In: settings, who asks, and what a keeper wrote into the form. Out: the events of a preview or an
import; or the words with which it is refused. Collections only ever land in CREDITLINE_HOME.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings
from core.collection.importing.column_names import column_map
from core.collection.importing.fields import plain_text, readable, slug
from core.collection.importing.importer import Form, ImportReport, iter_import, iter_preview
from core.errors import UsageError
from core.progress import Progress

SIZES = (32, 64, 128, 256, 512)
ELSEWHERE = (
    "Importing reads folders of the studio's machine, so it is open to its keeper alone. Open the "
    "studio at the address with a key that it printed when it started, or run there: "
    "python -m app import FOLDER --to DIR"
)


@dataclass(frozen=True)
class Wish:
    """What the form says."""

    source: str
    title: str = ""
    size: int = 128
    columns: str = ""
    pictures: str = ""


def destination(settings: Settings, wish: Wish) -> Path:
    """The folder of the collection: one name inside CREDITLINE_HOME/collections, never a path."""
    title = plain_text(wish.title, 80) or readable(source_of(wish).stem)
    return settings.collections / slug(title)


def source_of(wish: Wish) -> Path:
    """The folder or file that the form names, from the root of the disk or the keeper's home."""
    return _path(wish.source, "Write where the pictures are")


def previewed(settings: Settings, wish: Wish) -> Generator[Progress | ImportReport, None, None]:
    """What importing would do; nothing is written."""
    yield from iter_preview(
        source_of(wish), destination(settings, wish), size=wish.size, name=_name(settings, wish),
        form=_form(wish),
    )  # fmt: skip


def imported(settings: Settings, wish: Wish) -> Generator[Progress | ImportReport, None, None]:
    """Import, into CREDITLINE_HOME/collections."""
    yield from iter_import(
        source_of(wish), destination(settings, wish), size=wish.size, name=_name(settings, wish),
        form=_form(wish),
    )  # fmt: skip


def _form(wish: Wish) -> Form:
    asked = wish.columns.strip()
    pictures = _path(wish.pictures, "") if wish.pictures.strip() else None
    return Form(columns=column_map([asked] if asked else ()), pictures=pictures)


def _name(settings: Settings, wish: Wish) -> str | None:
    """The title as written, for a new collection; one that is there keeps its own."""
    is_new = not destination(settings, wish).exists()
    return plain_text(wish.title, 80) or None if is_new else None


def _path(text: str, empty: str) -> Path:
    said = text.strip().strip('"')
    if not said or "\0" in said:
        raise UsageError(f"{empty}: the whole path of a folder, a table or an archive.")
    try:
        path = Path(said).expanduser()
    except RuntimeError as error:  # ~somebody who is not known here
        raise UsageError(f"There is no home folder '{said}'. Write the whole path.") from error
    if not path.is_absolute():
        raise UsageError(f"'{said}' is only part of a path. Write the whole path, from its root.")
    return path

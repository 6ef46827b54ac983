"""Importing from the browser: by whom, from where, and to where.

In: settings, who asks, and what a keeper wrote into the form. Out: the events of a preview or an
import; or the words with which it is refused. Collections only ever land in CREDITLINE_HOME.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.services.artists import standing_opt_outs
from app.settings import Settings
from core.collection.artists.opt_outs import OptOuts
from core.collection.importing.columns import column_map
from core.collection.importing.fields import plain_text, readable, slug
from core.collection.importing.importer import (
    Events,
    Form,
    ImportOptions,
    iter_import,
    iter_preview,
)
from core.errors import UsageError
from core.ledger.ledger import open_ledger

SIZES = (32, 64, 128, 256, 512)
ELSEWHERE = (
    "Importing reads folders of the studio's machine, so it is open to its keeper alone. Open the "
    "studio at the address with a key that it printed when it started, or run there: "
    "python -m app import FOLDER --to DIR"
)


@dataclass(frozen=True)
class ImportRequest:
    """What the form says. `permission`: by whose word works are taken whose files say no to being
    learnt from; without one none is."""

    source: str
    title: str = ""
    size: int = 128
    columns: str = ""
    pictures: str = ""
    permission: str = ""


def destination(settings: Settings, request: ImportRequest) -> Path:
    """The folder of the collection: one name inside CREDITLINE_HOME/collections, never a path."""
    title = plain_text(request.title, 80) or readable(source_of(request).stem)
    return settings.collections / slug(title)


def source_of(request: ImportRequest) -> Path:
    """The folder or file that the form names, from the root of the disk or the keeper's home."""
    return _path(request.source, "Write where the pictures are")


def previewed(settings: Settings, request: ImportRequest) -> Events:
    """What importing would do; nothing is written."""
    yield from iter_preview(
        source_of(request), destination(settings, request), **_options(settings, request)
    )


def imported(settings: Settings, request: ImportRequest) -> Events:
    """Import, into CREDITLINE_HOME/collections."""
    yield from iter_import(
        source_of(request), destination(settings, request), **_options(settings, request)
    )


def _options(settings: Settings, request: ImportRequest) -> ImportOptions:
    return {
        "size": request.size,
        "name": _name(settings, request),
        "form": _form(request),
        "opt_outs": wishes_at_import(settings),
        "permission": plain_text(request.permission, 500),
    }


def wishes_at_import(settings: Settings) -> OptOuts:
    """Who is not learnt from: by this home's list, and by its ledger where there is one."""
    if not settings.ledger_file.is_file():
        return standing_opt_outs(settings)
    ledger = open_ledger(settings.ledger_file, publishes=True)
    try:
        return standing_opt_outs(settings, ledger)
    finally:
        ledger.close()


def _form(request: ImportRequest) -> Form:
    columns = request.columns.strip()
    pictures = _path(request.pictures, "") if request.pictures.strip() else None
    return Form(columns=column_map([columns] if columns else ()), pictures=pictures)


def _name(settings: Settings, request: ImportRequest) -> str | None:
    """The title as written, for a new collection; one that is there keeps its own."""
    is_new = not destination(settings, request).exists()
    return plain_text(request.title, 80) or None if is_new else None


def _path(text: str, empty: str) -> Path:
    stripped = text.strip().strip('"')
    if not stripped or "\0" in stripped:
        raise UsageError(f"{empty}: the whole path of a folder, a table or an archive.")
    try:
        path = Path(stripped).expanduser()
    except RuntimeError as error:  # ~somebody who is not known here
        raise UsageError(f"There is no home folder '{stripped}'. Write the whole path.") from error
    if not path.is_absolute():
        raise UsageError(
            f"'{stripped}' is only part of a path. Write the whole path, from its root."
        )
    return path

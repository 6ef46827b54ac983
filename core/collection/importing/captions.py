"""What somebody wrote that a picture shows: in a row's columns, or in a file beside the picture.

In: a table's header and a record's cells; a folder or archive and the names in it. Out: the words,
and sentences on those that were not taken as written. Decodes no picture.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from core.collection.images.open import read_regular
from core.collection.importing.containers import Archive, Folder
from core.collection.importing.fields import compared_name, plain_text
from core.collection.importing.rows import Candidate
from core.collection.importing.table import WESTERN, decoded
from core.collection.types import LONGEST_PROMPT
from core.errors import CollectionError, ImageRefused

COLUMNS = ("caption", "text", "prompt")  # as they are compared
_ENDINGS = (".txt", ".caption")
_LARGEST = 65_536  # bytes; a longer text beside a picture is no caption


def with_caption(row: Candidate, text: str) -> Candidate:
    """The row with its caption on one line, as long as a prompt may be; it knows whether more was
    written."""
    line = plain_text(text, 4 * len(text) + 1)  # of any length
    return replace(
        row, caption=line[:LONGEST_PROMPT].rstrip(), caption_cut=len(line) > LONGEST_PROMPT
    )


def cut_note(rows: Sequence[str]) -> tuple[str, ...]:
    """A sentence on the rows whose caption is longer than a prompt may be."""
    if not rows:
        return ()
    return (
        f"Captions longer than {LONGEST_PROMPT} letters were cut there: {len(rows)} (the first: "
        f"'{plain_text(rows[0], 120)}'). Shorten them to choose what is learnt.",
    )


# --- in a table ----------------------------------------------------------------------------------


def caption_places(header: Sequence[str]) -> tuple[int, ...]:
    """The columns of what a picture shows, in the header's order."""
    names = [compared_name(name) for name in header]
    return tuple(at for at, name in enumerate(names) if name in COLUMNS)


def caption_in(cells: Sequence[str], places: Sequence[int]) -> str:
    """The first of these columns that holds something."""
    texts = (cells[at] for at in places if at < len(cells))
    return next((text for text in texts if plain_text(text)), "")


# --- beside pictures -----------------------------------------------------------------------------


@dataclass(frozen=True)
class CaptionFiles:
    """The words beside pictures, by the picture's name, and the files that hold them."""

    texts: dict[str, str]
    files: frozenset[str]
    notes: tuple[str, ...]


def captions_beside(
    container: Folder | Archive, pictures: Sequence[str], beside: Collection[str]
) -> CaptionFiles:
    """The captions of `pictures` among the files `beside` them; encodings as tables have them."""
    texts: dict[str, str] = {}
    files: list[str] = []
    western: list[str] = []
    unreadable: list[str] = []
    for picture in pictures:
        stem = picture.rpartition(".")[0]
        name = next((stem + end for end in _ENDINGS if stem + end in beside), "")
        if not name or not container.holds(name):
            continue
        try:
            data = _bytes(container, name)
            text, encoding = decoded(data, name) if data else ("", "")
        except (OSError, ValueError, ImageRefused, CollectionError):
            unreadable.append(name)
            continue
        if not text.strip():
            continue
        texts[picture] = text.strip()
        files.append(name)
        if encoding == WESTERN:
            western.append(name)
    notes = (
        *_note(western, "that are not UTF-8 were read as Western text (Windows-1252)", ""),
        *_note(unreadable, "could not be read and were left out", " Save them as UTF-8 text."),
    )
    return CaptionFiles(texts, frozenset(files), notes)


def _bytes(container: Folder | Archive, name: str) -> bytes:
    """The file. Raises `ValueError` where it is too long, or none."""
    if isinstance(container, Folder):
        data = read_regular(container.picture(name), _LARGEST + 1)
    else:
        data = container.picture(name).read()
    if data is None or len(data) > _LARGEST:
        raise ValueError(name)
    return data


def _note(names: Sequence[str], what: str, remedy: str) -> tuple[str, ...]:
    if not names:
        return ()
    first = plain_text(names[0], 120)
    return (f"Captions {what}: {len(names)} (the first: '{first}').{remedy}",)

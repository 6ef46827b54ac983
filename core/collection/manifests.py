"""Where pictures to import come from: a CSV manifest, or folders named after styles.

In: a folder or a CSV file. Out: `Candidate` rows (a file and what is said of it) and `Refusal`s.
Opens no picture and writes nothing.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.collection.slugs import plain_text, readable
from core.collection.store import is_inside
from core.errors import CollectionError

Kind = Literal["auto", "folder", "csv"]

UNKNOWN_ARTIST = "Unknown artist"
_MANIFESTS = ("metadata.csv", "manifest.csv", "works.csv")
_ALIASES = {
    "file": ("file", "filename", "file_name", "path", "image"),
    "title": ("title", "name"),
    "artist": ("artist", "artist_name", "creator"),
    "style": ("style", "class", "label"),
    "year": ("year", "date"),
    "licence": ("licence", "license", "license_note", "licence_note", "rights"),
    "source": ("source", "source_repo", "url", "credit"),
}
_CLUTTER = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Refusal:
    """A row or file that was not imported, and the sentence that says why."""

    row: str
    reason: str


@dataclass(frozen=True)
class Candidate:
    """A picture file and what its source says of it; `row` names it in reports."""

    row: str
    path: Path
    title: str
    artist: str
    style: str
    year: str
    licence: str
    source: str

    @property
    def said(self) -> tuple[str, ...]:
        """All that the source says of the picture; changes when a cell changes."""
        return (self.title, self.artist, self.style, self.year, self.licence, self.source)


def candidates(source: Path, kind: Kind = "auto") -> list[Candidate | Refusal]:
    """Every row (CSV) or file (folders) of `source`, in its order; or a CollectionError."""
    if not source.exists():
        raise CollectionError(f"There is no '{source.name}' to import. Check the path.")
    table = _manifest(source)
    if kind == "folder" or (kind == "auto" and table is None and source.is_dir()):
        if not source.is_dir():
            raise CollectionError(
                f"'{source.name}' is a file. Give a folder that holds one folder for each style."
            )
        return _from_folders(source)
    if table is None:
        raise CollectionError(
            f"'{source.name}' holds no manifest. Give a CSV file with the columns file, title, "
            "artist, style, or unpack the pictures into one folder for each style."
        )
    return _from_table(table)


def _manifest(source: Path) -> Path | None:
    if source.is_file():
        return source if source.suffix.lower() in (".csv", ".tsv") else None
    named = [source / name for name in _MANIFESTS if (source / name).is_file()]
    return named[0] if named else None


def _from_table(table: Path) -> list[Candidate | Refusal]:
    text = _decode(table)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CollectionError(
            f"'{table.name}' is not a well-formed table ({error}). Correct its quotes."
        ) from error
    header = [cell.strip().lower().replace(" ", "_") for cell in rows[0]] if rows else []
    places = {
        field: [header.index(alias) for alias in aliases if alias in header]
        for field, aliases in _ALIASES.items()
    }
    missing = [field for field in ("file", "artist", "style") if not places[field]]
    if missing:
        raise CollectionError(
            f"'{table.name}' lacks the column {' and '.join(missing)}. Its first line must name "
            "the columns: file, title, artist, style, and if known year, licence, source."
        )
    return [
        _from_row(table.parent, number, row, len(header), places)
        for number, row in enumerate(rows[1:], start=1)
        if any(cell.strip() for cell in row)
    ]


def _from_row(
    folder: Path, number: int, row: list[str], width: int, places: dict[str, list[int]]
) -> Candidate | Refusal:
    def cell(field: str) -> str:
        values = (plain_text(row[place]) for place in places[field] if place < len(row))
        return next((value for value in values if value), "")

    file = next((row[place].strip() for place in places["file"] if place < len(row)), "")
    name = f"{number}: {plain_text(file, 120) or 'no file'}"
    if len(row) > width:
        return Refusal(name, "The row has more cells than the header. Quote cells with commas.")
    if not file:
        return Refusal(name, "The row names no file. Fill in its file cell.")
    if re.match(r"[a-z][a-z0-9+.-]*://", file, re.IGNORECASE):
        return Refusal(name, "The file is a web address; nothing is downloaded. Save it first.")
    path = _inside(folder, file.replace("\\", "/"))
    if path is None:
        return Refusal(name, "The file lies outside the manifest's folder. Move it inside.")
    if not path.is_file():
        return Refusal(name, "There is no such file beside the manifest. Correct the file cell.")
    if not cell("style"):
        return Refusal(name, "The row names no style, so it has no class. Fill in its style cell.")
    return Candidate(
        row=name,
        path=path,
        title=cell("title") or "Untitled",
        artist=cell("artist") or UNKNOWN_ARTIST,
        style=cell("style"),
        year=cell("year"),
        licence=cell("licence"),
        source=cell("source"),
    )


def _from_folders(root: Path) -> list[Candidate | Refusal]:
    found: list[Candidate | Refusal] = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or path.name.lower() in _CLUTTER or path.is_dir():
            continue
        name = plain_text(relative.as_posix(), 200)
        if _inside(root, relative.as_posix()) is None:
            found.append(Refusal(name, "The link leads outside the folder. Copy the file inside."))
        elif len(relative.parts) == 1:
            found.append(Refusal(name, "The file lies in no style's folder. Move it into one."))
        else:
            found.append(_from_path(path, relative, name))
    return found


def _from_path(path: Path, relative: Path, name: str) -> Candidate:
    stem = relative.stem
    if len(relative.parts) > 2:
        artist, title = relative.parts[1], stem
    else:
        artist, divider, title = stem.partition("_")
        if not divider:
            artist, title = "", stem
    title, year = _split_year(title)
    return Candidate(
        row=name,
        path=path,
        title=_sentence(title) or "Untitled",
        artist=plain_text(readable(artist)) or UNKNOWN_ARTIST,
        style=plain_text(relative.parts[0].replace("_", " ")),
        year=year,
        licence="",
        source="",
    )


def _split_year(title: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.+?)[-_ ]\(?(1[0-9]{3}|20[0-9]{2})\)?", title)
    return (match[1], match[2]) if match else (title, "")


def _sentence(title: str) -> str:
    words = plain_text(re.sub(r"[-_]+", " ", title))
    return words[:1].upper() + words[1:]


def _inside(folder: Path, file: str) -> Path | None:
    """The file's place, unless the path or a link in it leads out of the folder."""
    if not is_inside(file):
        return None
    path = folder / file
    try:
        return path if path.resolve().is_relative_to(folder.resolve()) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _decode(table: Path) -> str:
    try:
        data = table.read_bytes()
    except OSError as error:
        raise CollectionError(
            f"'{table.name}' could not be read. Check that you may open it."
        ) from error
    if data.startswith(b"version https://git-lfs"):
        raise CollectionError(
            f"'{table.name}' is a Git LFS pointer that stands for the table. "
            "Fetch the table itself (git lfs pull) and import again."
        )
    try:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise CollectionError(
            f"'{table.name}' is not UTF-8 text, so names would be garbled. "
            "Save it as 'CSV UTF-8' and import again."
        ) from error

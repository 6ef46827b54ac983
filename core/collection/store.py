"""A collection on disk: collection.toml, works.csv, artists.csv, images/.

In: a directory. Out: a `Collection`, checked; or one CollectionError that names what is wrong and
the remedy. Writing is atomic, file by file. Decodes no picture.
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path, PurePosixPath
from typing import Any

from core.collection.importing.fields import slug
from core.collection.types import (
    ACTIVE,
    KINDS,
    NOBODY,
    PERSON,
    UNKNOWN_MAKER,
    Artist,
    Collection,
    Contributor,
    Work,
)
from core.errors import CollectionError
from core.files import write_text

FORMAT = 1
BY_CLASS, BY_CAPTION = "class", "caption"  # what prompts are
MANIFEST, WORKS, ARTISTS, HELD_OUT = (
    "collection.toml",
    "works.csv",
    "artists.csv",
    "held_out.csv",
)
CONTRIBUTORS = "contributors"  # a column only where some work has more to say than its artist
FURTHER = (CONTRIBUTORS, "caption")  # columns only where some work has something in them
WORK_COLUMNS = tuple(field.name for field in fields(Work) if field.name not in FURTHER)
ARTIST_COLUMNS = ("id", "slug", "name", "status", "identifiers")
# columns only where some artist has something in them
FURTHER_COLUMNS = ("written", "kind", "of", "born", "died", "nationality")
OPTIONAL = {WORKS: FURTHER, HELD_OUT: FURTHER, ARTISTS: FURTHER_COLUMNS}


def load_collection(path: Path | str, *, check_files: bool = True) -> Collection:
    """Read and check the collection in `path`; without `check_files`, pictures may be missing."""
    root = Path(path)
    settings = _read_settings(root)
    artists = tuple(_artist(row, root) for row in _read_table(root, ARTISTS, ARTIST_COLUMNS))
    works = tuple(_work(row, root, WORKS) for row in _read_table(root, WORKS, WORK_COLUMNS))
    try:
        collection = Collection(
            path=root,
            name=str(settings["name"]),
            title=str(settings.get("title", settings["name"])),
            description=str(settings.get("description", "")),
            image_size=int(settings["image_size"]),
            works=works,
            artists=artists,
            default_steps=int(settings.get("default_steps", 20)),
            default_guidance=float(settings.get("default_guidance", 2.0)),
            by_caption=str(settings.get("prompts", BY_CLASS)) == BY_CAPTION,
        )
    except KeyError as error:
        raise CollectionError(
            f"'{MANIFEST}' of the collection '{root.name}' lacks the key {error}. "
            "Add it, or import the collection again."
        ) from error
    except (TypeError, ValueError) as error:
        raise CollectionError(
            f"'{MANIFEST}' of the collection '{root.name}' holds a value of the wrong kind. "
            "image_size and default_steps are whole numbers, default_guidance a number."
        ) from error
    _check_values(collection, works)
    if check_files:
        _check_files(collection, works)
    return collection


def load_held_out(collection: Collection) -> tuple[Work, ...]:
    """Works by the same artists that no model of this collection has seen; none is common."""
    if not (collection.path / HELD_OUT).is_file():
        return ()
    root = collection.path
    works = tuple(_work(row, root, HELD_OUT) for row in _read_table(root, HELD_OUT, WORK_COLUMNS))
    _check_values(collection, works)
    _check_files(collection, works)
    return works


def save_collection(collection: Collection) -> None:
    """Write the three files; artists first, so that a reader never meets an unknown artist."""
    _check_values(collection, collection.works)
    root = collection.path
    write_text(root / ARTISTS, _artists_text(collection.artists))
    write_text(root / WORKS, _works_text(collection.works))
    settings: dict[str, str | float] = {
        "format": FORMAT,
        "name": collection.name,
        "title": collection.title,
        "description": collection.description,
        "image_size": collection.image_size,
        "default_steps": collection.default_steps,
        "default_guidance": float(collection.default_guidance),
    }
    if collection.by_caption:
        settings["prompts"] = BY_CAPTION
    lines = (f"{key} = {_toml_value(value)}\n" for key, value in settings.items())
    write_text(root / MANIFEST, "".join(lines))


def save_held_out(collection: Collection, works: Sequence[Work]) -> None:
    """Write held_out.csv beside works.csv."""
    _check_values(collection, works)
    write_text(collection.path / HELD_OUT, _works_text(works))


def find_collections(roots: Sequence[Path]) -> list[Path]:
    """Every root that is a collection, and every collection directly inside a root, each once."""
    collections: dict[Path, Path] = {}
    for root in roots:
        if not root.is_dir():
            continue
        inside = sorted(entry for entry in root.iterdir() if entry.is_dir())
        for folder in (root, *inside):
            if (folder / MANIFEST).is_file():
                collections.setdefault(folder.resolve(), folder)
    return list(collections.values())


def table_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A CSV with a header. Quoted wherever a cell holds a comma, a quote or any line break."""
    buffer = io.StringIO(newline="")
    for row in (columns, *rows):
        buffer.write(",".join(_cell(value) for value in row) + "\n")
    return buffer.getvalue()


def is_inside(file: str) -> bool:
    """Whether a relative path, with forward slashes, stays inside the folder it is relative to."""
    path = PurePosixPath(file)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        return False
    return not any(mark in file for mark in "\\\0") and ":" not in path.parts[0]


def _works_text(works: Sequence[Work]) -> str:
    rows = [
        (*values[:-2], _json([list(astuple(one)) for one in work.contributors]), work.caption)
        for work in works
        for values in [astuple(work)]
    ]
    return _table_of(WORK_COLUMNS, FURTHER, rows)


def _artists_text(artists: Sequence[Artist]) -> str:
    rows = [
        (
            one.id,
            one.slug,
            one.name,
            one.status,
            _json(one.identifiers),
            _json(_spellings(one)),
            "" if one.kind == PERSON else one.kind,
            one.of,
            one.born,
            one.died,
            one.nationality,
        )
        for one in artists
    ]
    return _table_of(ARTIST_COLUMNS, FURTHER_COLUMNS, rows)


def _spellings(artist: Artist) -> list[object]:
    """Each spelling, with the day on which it came where that is known."""
    days = (*artist.written_on, *[""] * len(artist.written))
    return [[name, day] if day else name for name, day in zip(artist.written, days, strict=False)]


def _table_of(
    columns: Sequence[str], optional: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """A table with those of the optional columns, which come last, that hold something."""
    first = len(columns)
    kept = [at for at in range(first, first + len(optional)) if any(row[at] for row in rows)]
    places = [*range(first), *kept]
    header = (*columns, *optional)
    return table_text([header[at] for at in places], ([row[at] for at in places] for row in rows))


def _json(values: Sequence[object]) -> str:
    return json.dumps(values, ensure_ascii=False) if values else ""


def _cell(value: str) -> str:
    if any(mark in value for mark in ',"\n\r') or value != value.strip():
        return '"' + value.replace('"', '""') + '"'
    return value


def _toml_value(value: str | float) -> str:
    if isinstance(value, str):
        # JSON's escapes are TOML's, save for DEL, which TOML wants escaped too
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def _read_settings(root: Path) -> dict[str, Any]:
    try:
        text = (root / MANIFEST).read_text(encoding="utf-8")
        settings = tomllib.loads(text)
    except FileNotFoundError as error:
        raise CollectionError(
            f"'{root.name}' is not a collection: it has no '{MANIFEST}'. "
            "Choose a collection's folder, or make one with the import command."
        ) from error
    except OSError as error:
        raise CollectionError(
            f"'{MANIFEST}' of '{root.name}' could not be read. Check the folder's permissions."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CollectionError(
            f"'{MANIFEST}' of the collection '{root.name}' is not valid TOML in UTF-8. "
            "Correct it, or import the collection again."
        ) from error
    if settings.get("format") != FORMAT:
        raise CollectionError(
            f"The collection '{root.name}' has format {settings.get('format')!r}; this version "
            f"reads format {FORMAT}. Update the program, or import the collection again."
        )
    return settings


def _read_table(root: Path, name: str, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with (root / name).open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream, strict=True))
    except FileNotFoundError as error:
        raise CollectionError(
            f"The collection '{root.name}' has no '{name}'. Restore it, or import again."
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CollectionError(
            f"'{name}' of the collection '{root.name}' is not a readable CSV in UTF-8. "
            "Correct it, or import the collection again."
        ) from error
    header = rows[0] if rows else []
    missing = [column for column in columns if column not in header]
    if missing:
        raise CollectionError(
            f"'{name}' of the collection '{root.name}' lacks the column "
            f"{', '.join(missing)}. Add it, or import the collection again."
        )
    kept = [*columns, *(column for column in OPTIONAL[name] if column in header)]
    places = [header.index(column) for column in kept]
    table = []
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise CollectionError(
                f"'{name}' of the collection '{root.name}', record {number}: {len(row)} cells "
                f"where the header has {len(header)}. Quote cells that hold commas."
            )
        table.append({column: row[place] for column, place in zip(kept, places, strict=True)})
    return table


def _work(row: dict[str, str], root: Path, table: str) -> Work:
    written = row.pop(CONTRIBUTORS, "")
    try:
        listed = json.loads(written) if written else []
        named = tuple(Contributor(str(who), str(role), int(part)) for who, role, part in listed)
    except (ValueError, TypeError) as error:
        raise CollectionError(
            f"'{table}' of the collection '{root.name}': the contributors of '{row['id']}' are not "
            'a list of artist, role and weight. Write [["artist-id", "maker", 1]], or leave the '
            "cell empty."
        ) from error
    return Work(**row, contributors=named)


def _artist(row: dict[str, str], root: Path) -> Artist:
    try:
        pairs = json.loads(row["identifiers"]) if row["identifiers"] else []
        identifiers = tuple((str(kind), str(value)) for kind, value in pairs)
        written = json.loads(row["written"]) if row.get("written") else []
        spellings = [(one, "") if isinstance(one, str) else (one[0], one[1]) for one in written]
    except (ValueError, TypeError, IndexError) as error:
        raise CollectionError(
            f"'{ARTISTS}' of the collection '{root.name}': the identifiers of '{row['id']}' are "
            'not a list of pairs, or its spellings not a list. Write [["wikidata", "Q5582"]] and '
            '["Name"], or leave the cell empty.'
        ) from error
    return Artist(
        row["id"],
        row["slug"],
        row["name"],
        identifiers,
        row["status"] or ACTIVE,
        tuple(str(name) for name, _ in spellings),
        tuple(str(day) for _, day in spellings) if any(day for _, day in spellings) else (),
        row.get("kind") or (NOBODY if row["id"] == UNKNOWN_MAKER else PERSON),
        row.get("of", ""),
        row.get("born", ""),
        row.get("died", ""),
        row.get("nationality", ""),
    )


def _check_files(collection: Collection, works: Sequence[Work]) -> None:
    missing = [work.file for work in works if not (collection.path / work.file).is_file()]
    if missing:
        raise CollectionError(
            f"The collection '{collection.name}' lacks {len(missing)} of {len(works)} picture "
            f"files (the first: '{missing[0]}'). Restore them, or import the collection again."
        )


def _check_values(collection: Collection, works: Sequence[Work]) -> None:
    artists = {artist.id for artist in collection.artists}
    if len(artists) != len(collection.artists):
        raise _contradiction(collection, "names one artist id twice")
    if len({work.id for work in works}) != len(works):
        raise _contradiction(collection, "names one work id twice")
    for artist in collection.artists:  # the id names folders: it must not be a path
        if not artist.id or slug(artist.id) != artist.id:
            raise _contradiction(
                collection, f"has the artist id '{artist.id}', which is not a slug"
            )
        if artist.kind not in KINDS:
            raise _contradiction(
                collection,
                f"calls '{artist.id}' a '{artist.kind}', which is none of {', '.join(KINDS)}",
            )
    if not 1 <= collection.image_size <= 4096:
        raise _contradiction(collection, "has an image_size outside 1 to 4096")
    for work in works:
        if work.artist_id not in artists:
            raise _contradiction(collection, f"credits work '{work.id}' to an unlisted artist")
        named = [one.artist_id for one in work.contributors]
        if not artists.issuperset(named) or len(set(named)) < len(named):
            raise _contradiction(
                collection, f"names an unlisted artist, or one twice, for work '{work.id}'"
            )
        if any(one.weight < 0 for one in work.contributors) or (
            named and work.makers[0][0] != work.artist_id
        ):
            raise _contradiction(
                collection, f"divides the credit of work '{work.id}' otherwise than its artist_id"
            )
        if not is_inside(work.file):
            raise _contradiction(collection, f"places work '{work.id}' outside its folder")


def _contradiction(collection: Collection, what: str) -> CollectionError:
    return CollectionError(
        f"The collection '{collection.name}' {what}. Correct its tables, or import it again."
    )

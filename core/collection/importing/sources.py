"""What kind of source somebody named, and all its rows.

In: a path, and what is known of its form. Out: a `Reading`, or a CollectionError that says what the
path is instead. Opens no picture; writes nothing; downloads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from core.collection.importing.cifar import is_cifar, read_cifar
from core.collection.importing.columns import said_of_all
from core.collection.importing.containers import Archive, Folder, open_container
from core.collection.importing.datasets_hub import is_dataset, read_dataset
from core.collection.importing.fields import plain_text
from core.collection.importing.folders import (
    beside_note,
    hidden_note,
    is_beside,
    is_split,
    read_folders,
)
from core.collection.importing.manifest import read_manifest
from core.collection.importing.rows import (
    PICTURE_ENDINGS,
    Candidate,
    EmbeddedPicture,
    Reading,
    Refusal,
)
from core.collection.importing.spreadsheet import SHEET_ENDINGS
from core.collection.importing.table import DELIMITED_ENDINGS, JSON_ENDINGS, Syntax, read_table
from core.errors import CollectionError, UsageError

Kind = Literal["auto", "folder", "csv", "json", "cifar", "datasets"]
MANIFESTS = (
    *(
        f"{stem}{ending}"
        for stem in ("metadata", "manifest", "works")
        for ending in (".csv", ".tsv", ".json", ".jsonl", *SHEET_ENDINGS)
    ),
    "ArtBench-10.csv",
)
_SAID_OF_FOLDERS = frozenset({"title", "artist", "style", "year", "licence", "source"})
_ARCHIVES = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


@dataclass(frozen=True)
class Form:
    """What is known of a source: its kind, its columns by field, its text's encoding, where its
    pictures lie if not beside the table, and whether a name of the hub may be fetched."""

    kind: Kind = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    pictures: Path | None = None
    download: bool = False


UNKNOWN = Form()


def read_source(source: Path, form: Form = UNKNOWN) -> Reading:
    """Every row of `source`, in its order."""
    kind = form.kind
    if kind == "datasets":
        _check_options(source, form, for_data_set=True)
        return read_dataset(source, form.columns, download=form.download)
    if not source.exists():
        raise CollectionError(f"There is no '{source.name}' to import. Check the path.")
    if source.is_dir() and not any(source.iterdir()):
        raise CollectionError(f"The folder '{source.name}' is empty. Put pictures into it first.")
    _check_fetched(source)
    table = _manifest(source, kind)
    if table is None and kind != "folder" and (tables := _tables_of_splits(source, kind)):
        return _imagefolder(source, tables, form)
    if kind == "folder" or (kind == "auto" and table is None):
        return _pictures(source, form)
    if kind == "cifar":
        _check_options(source, form)
        return read_cifar(source)
    table = table or (source if source.is_file() else None)
    if table is None:
        raise CollectionError(
            f"'{source.name}' holds no manifest. Give a CSV file with the columns file, title, "
            "artist, style, or unpack the pictures into one folder for each style."
        )
    syntax: Syntax | None = "csv" if kind == "csv" else "json" if kind == "json" else None
    container = open_container(form.pictures or table.parent)
    reading = read_manifest(read_table(table, syntax, form.encoding), container, form.columns)
    if form.pictures is None and source.is_file():
        return reading  # the folder was not named: what else lies there is not part of the source
    return replace(reading, notes=(*reading.notes, *_unnamed(reading, container, table)))


def _imagefolder(source: Path, tables: list[Path], form: Form) -> Reading:
    """Hugging Face's imagefolder: a table in each split, whose files lie beside it."""
    _check_options(source, replace(form, columns={}, encoding=None))
    syntax: Syntax | None = "csv" if form.kind == "csv" else "json" if form.kind == "json" else None
    rows: list[Candidate | Refusal] = []
    notes: list[str] = []
    for table in tables:
        split = table.parent.relative_to(source).as_posix()
        container = open_container(table.parent)
        reading = read_manifest(read_table(table, syntax, form.encoding), container, form.columns)
        rows += [replace(row, row=f"{split} {row.row}") for row in reading.rows]
        notes += [*reading.notes, *_unnamed(reading, container, table, f"{split}/")]
    splits = [table.parent.name for table in tables]
    if len(splits) > 1:
        notes.append(f"The parts {', '.join(splits)} were taken together.")
    described = [f"{table.parent.relative_to(source).as_posix()}/" for table in tables]
    whole = Folder(source)
    others = [
        name
        for name in whole.names
        if name.lower().endswith(PICTURE_ENDINGS) and not name.startswith(tuple(described))
    ]
    if others:
        notes.append(
            f"Pictures in parts without a table were left out: {len(others)} (the first: "
            f"'{plain_text(others[0], 120)}')."
        )
    beside = [name for name in whole.names if is_beside(name) and source / name not in tables]
    return Reading(rows, tuple(dict.fromkeys((*notes, *beside_note(beside), *hidden_note(whole)))))


def _unnamed(
    reading: Reading, container: Folder | Archive, table: Path, within: str = ""
) -> tuple[str, ...]:
    """A sentence on the files that lie among the pictures and that no row names."""
    pictures = [row.picture for row in reading.rows if isinstance(row, Candidate)]
    named = {one.name if isinstance(one, EmbeddedPicture) else one for one in pictures}
    rest = [
        name
        for name in container.names
        if name.lower().endswith(PICTURE_ENDINGS) and _key(container, name) not in named
    ]
    if not rest:
        return ()
    first = plain_text(rest[0], 120)
    return (
        f"Pictures that no row of '{within}{table.name}' names were left out: "
        f"{len(rest)} (the first: '{first}').",
    )


def _key(container: Folder | Archive, name: str) -> Path | str:
    return container.picture(name) if isinstance(container, Folder) else name


def _pictures(source: Path, form: Form) -> Reading:
    """Pictures without a table: CIFAR, a data set, an archive, or a folder of styles."""
    is_styles = _folder_of_styles(source) is not None and not is_dataset(source)
    constants = said_of_all(form.columns) if is_styles or form.kind == "folder" else {}
    constants = {field: text for field, text in constants.items() if field in _SAID_OF_FOLDERS}
    columns = {field: name for field, name in form.columns.items() if field not in constants}
    _check_options(
        source,
        replace(form, columns=columns),
        for_data_set=is_dataset(source) and form.kind != "folder",
    )
    if form.kind == "folder":
        if (styles := _folder_of_styles(source)) is not None:
            return read_folders(styles, constants)
        raise CollectionError(
            f"'{source.name}' is a file. Give a folder that holds one folder for each style."
        )
    if source.suffix.lower() in _ARCHIVES and source.is_file():
        raise CollectionError(
            f"'{source.name}' is a compressed archive. Unpack it, and import the folder; a plain "
            "tar is read as it is."
        )
    if is_dataset(source):
        return read_dataset(source, form.columns, download=form.download)
    if is_cifar(source):
        return read_cifar(source)
    if (styles := _folder_of_styles(source)) is not None:
        return read_folders(styles, constants)
    raise CollectionError(
        f"'{source.name}' is not a source that is known here. Give a folder of styles, a table "
        "(CSV, TSV, JSON, JSON lines, XLSX, ODS, XLS), a tar, a CIFAR npz or batch, or parquet."
    )


def _folder_of_styles(source: Path) -> Folder | Archive | None:
    """The folder, or the plain tar, that the source may be."""
    if source.is_dir():
        return Folder(source)
    return Archive(source) if source.suffix.lower() == ".tar" else None


def _check_fetched(source: Path) -> None:
    """Refuse the pointer that stands for a large file which Git LFS did not fetch."""
    if not source.is_file():
        return
    with source.open("rb") as stream:
        if stream.read(24).startswith(b"version https://git-lfs"):
            raise CollectionError(
                f"'{source.name}' is a Git LFS pointer that stands for the file. Fetch the file "
                "itself (git lfs pull) and import again."
            )


def _manifest(source: Path, kind: Kind) -> Path | None:
    """The table that `source` is or holds; of several, the first of this kind."""
    if source.is_file():
        known = (*DELIMITED_ENDINGS, *JSON_ENDINGS, *SHEET_ENDINGS)
        return source if source.suffix.lower() in known else None
    endings = {"json": JSON_ENDINGS, "csv": (*DELIMITED_ENDINGS, *SHEET_ENDINGS)}.get(kind, ("",))
    fitting = (name for name in MANIFESTS if name.endswith(endings) and (source / name).is_file())
    return next((source / name for name in fitting), None)


def _tables_of_splits(source: Path, kind: Kind) -> list[Path]:
    """The tables of an imagefolder's splits, where the folder itself has none; links do not count.

    Raises `CollectionError` for a table in a form that is not read beside pictures.
    """
    if not source.is_dir() or kind not in ("auto", "csv", "json"):
        return []
    inner = [one for one in sorted(source.iterdir()) if one.is_dir() and not one.is_symlink()]
    folders = [one for one in inner if is_split(one.name)]
    if not folders and len(inner) == 1:  # 'data/train'
        deeper = sorted(inner[0].iterdir())
        folders = [
            one for one in deeper if is_split(one.name) and one.is_dir() and not one.is_symlink()
        ]
    if not folders and kind == "auto":
        folders = inner if all(any(one.glob("metadata.*")) for one in inner) else []
    for folder in (source, *folders):
        names = [f"metadata{ending}" for ending in (".csv", ".jsonl", ".json")]
        if (folder / "metadata.parquet").is_file() and not _has_any(folder, names):
            raise CollectionError(
                f"'{folder.name}/metadata.parquet' is parquet, which is not read beside pictures. "
                "Save it as metadata.csv or metadata.jsonl."
            )
    tables = (_manifest(folder, kind) for folder in folders)
    return [table for table in tables if table is not None and table.stem == "metadata"]


def _has_any(folder: Path, names: list[str]) -> bool:
    return any((folder / name).is_file() for name in names)


def _check_options(source: Path, form: Form, *, for_data_set: bool = False) -> None:
    """Refuse what is said of a table where there is none, rather than pass over it."""
    options = {
        "--map": bool(form.columns) and not for_data_set,
        "--pictures": form.pictures is not None,
        "--encoding": form.encoding is not None,
    }
    idle = [option for option, is_set in options.items() if is_set]
    if idle:
        raise UsageError(
            f"'{source.name}' is not read as a table, so {' and '.join(idle)} would do nothing. "
            "Leave it out, or give the table itself as the source."
        )

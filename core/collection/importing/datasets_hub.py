"""Data sets in the form of Hugging Face `datasets`: a saved folder, parquet files, or a hub name.

In: a path or a name. Out: rows. Needs the extra `datasets`; reaches for the network only for a name
that is nowhere on this machine, and only where the caller lets it. Decodes no picture.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.collection.importing.captions import caption_in, caption_places, with_caption
from core.collection.importing.columns import columns_note, columns_of, constants_of
from core.collection.importing.fields import plain_text
from core.collection.importing.manifest import described
from core.collection.importing.rows import Candidate, EmbeddedPicture, Reading, Refusal
from core.collection.importing.table import Table, TableRow
from core.errors import CollectionError, ImageRefused

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def is_dataset(source: Path) -> bool:
    """Whether `source` was written by `save_to_disk`, or is parquet."""
    if source.is_file():
        return source.suffix == ".parquet"
    marks = ("dataset_info.json", "dataset_dict.json", "state.json")
    return any((source / mark).is_file() for mark in marks) or bool(_parquet(source))


def read_dataset(
    source: Path, columns: Mapping[str, str] | None = None, *, download: bool = False
) -> Reading:
    """A row for every example of every split. `download`: a name of the hub may be fetched, where
    `HF_HUB_OFFLINE=0` allows it too."""
    parts = _opened(source, download)
    rows: list[Candidate | Refusal] = []
    notes: list[str] = []
    for split, dataset in parts.items():
        reading = read_split(dataset, split if len(parts) > 1 else "", columns or {})
        rows += reading.rows
        notes += reading.notes
    if len(parts) > 1:
        notes.append(f"The splits {', '.join(parts)} were taken together.")
    return Reading(rows, tuple(dict.fromkeys(notes)))


def read_split(dataset: Any, split: str, columns: Mapping[str, str]) -> Reading:
    """The rows of one split: `dataset` has `features`, `cast_column`, `remove_columns` and rows."""
    features = dataset.features
    pictures = [name for name, kind in features.items() if type(kind).__name__ == "Image"]
    picture_column = columns.get("file") or next(iter(pictures), "")
    if picture_column not in pictures:
        raise CollectionError(
            "The data set has no column of pictures"
            f"{f' {picture_column!r}' if picture_column else ''}; its columns are "
            f"{', '.join(features)}.  Name one with --map file=COLUMN."
        )
    held = dataset.cast_column(picture_column, type(features[picture_column])(decode=False))
    words = dataset.remove_columns(pictures)
    labels = {
        name: kind.names
        for name, kind in words.features.items()
        if type(kind).__name__ == "ClassLabel"
    }
    header = tuple(words.features)
    records = [
        TableRow(number, tuple(_text(one[name], labels.get(name)) for name in header))
        for number, one in enumerate(words, start=1)
    ]
    table = Table(Path(split or "data set"), header, tuple(records))
    others = {field: column for field, column in columns.items() if field != "file"}
    places, constants = columns_of(table, others), constants_of(table, others)
    if not places["style"] and "style" not in constants:
        raise CollectionError(
            f"The data set has no column of styles; its columns are {', '.join(features)}. Name "
            "one with --map style=COLUMN, or say it of all rows: --map 'style=\"TEXT\"'."
        )
    captions = caption_places(header)
    rows: list[Candidate | Refusal] = []
    for record in records:
        made = _row(held, picture_column, split, record, places, constants)
        if isinstance(made, Candidate):
            made = with_caption(made, caption_in(record.cells, captions))
        rows.append(made)
    return Reading(rows, columns_note(table, places, constants, captions))


def _row(
    dataset: Any,
    column: str,
    split: str,
    record: TableRow,
    places: Mapping[str, Sequence[int]],
    constants: Mapping[str, str],
) -> Candidate | Refusal:
    def cell(field: str) -> str:
        values = (plain_text(record.cells[at]) for at in places[field])
        return next((value for value in values if value), constants.get(field, ""))

    row = f"{split} {record.number}".strip()
    if not cell("style"):
        return Refusal(row, "The row names no style, so it has no class. Fill in its style.")
    picture = EmbeddedPicture(row, lambda: _bytes(dataset[record.number - 1][column]))
    return described(row, picture, cell("style"), cell)


def _bytes(value: Any) -> bytes:
    """A picture that was not decoded: its bytes, or the file that it names."""
    if value is None or not (value.get("bytes") or value.get("path")):
        raise ImageRefused("The row holds no picture. Add it to the data set.")
    if value.get("bytes"):
        return bytes(value["bytes"])
    path = Path(value["path"])
    if not path.is_file():
        raise ImageRefused("The row names a picture file that is not on this machine. Fetch it.")
    return path.read_bytes()


def _text(value: Any, names: Sequence[str] | None) -> str:
    if value is None or (names is not None and not 0 <= int(value) < len(names)):
        return ""
    return names[int(value)] if names is not None else str(value)


def _parquet(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix == ".parquet" else []
    return sorted(source.glob("*.parquet")) or sorted(source.glob("data/*.parquet"))


def _opened(source: Path, download: bool) -> dict[str, Any]:
    """Splits by name."""
    try:
        import datasets
    except ImportError as error:
        raise CollectionError(
            f"'{source.name}' is a data set of Hugging Face's `datasets`, which is not installed. "
            "Install it: pip install -e '.[datasets]'."
        ) from error
    try:
        if not source.exists():
            opened = _from_hub(datasets, source, download)
        elif files := _parquet(source):
            # what parquet is unpacked to: rows read from it until the process ends
            cache = tempfile.mkdtemp(prefix="creditline-")
            atexit.register(shutil.rmtree, cache, ignore_errors=True)
            opened = datasets.Dataset.from_parquet([str(file) for file in files], cache_dir=cache)
        else:
            opened = datasets.load_from_disk(str(source))
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise CollectionError(
            f"'{source.name}' could not be opened as a data set ({type(error).__name__}). Check "
            "that it is whole, or save it again with save_to_disk."
        ) from error
    return dict(opened) if isinstance(opened, Mapping) else {"train": opened}


def _from_hub(datasets: Any, source: Path, download: bool) -> Any:
    name = source.as_posix()
    if not HUB_NAME.fullmatch(name):
        raise CollectionError(f"There is no '{name}' here, and it is not a name of the hub either.")
    try:
        return datasets.load_dataset(name)
    except (OSError, ValueError) as error:
        if not download:
            raise CollectionError(
                f"'{name}' is not on this machine, and nothing is fetched unasked. Look up its "
                "size on the hub, then run again with HF_HUB_OFFLINE=0 to download it."
            ) from error
        raise

"""The rows of a table become pictures and what is said of them, or refusals with their reason.

In: a `Table`, where its pictures lie, and which column says what. Out: a `Reading` in which every
record stands. Opens no picture and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.collection.importing.captions import caption_in, caption_places, with_caption
from core.collection.importing.columns import (
    Places,
    columns_note,
    columns_of,
    constants_of,
)
from core.collection.importing.containers import Archive, Finder, Folder
from core.collection.importing.credit_lines.line import CreditCells
from core.collection.importing.fields import (
    SCHEMES,
    compared_name,
    is_undated,
    licence,
    plain_text,
    readable,
    year_range,
)
from core.collection.importing.file_cells import is_address, named_file
from core.collection.importing.file_names import title_under
from core.collection.importing.folders import (
    NOTHING,
    PathFields,
    fields_of_path,
    has_wikiart_form,
    label_folder,
)
from core.collection.importing.rows import (
    UNKNOWN_ARTIST,
    UNTITLED,
    Candidate,
    EmbeddedPicture,
    Reading,
    Refusal,
)
from core.collection.importing.table import Table, TableRow, read_table
from core.errors import CollectionError, ImageRefused

_LONGEST_YEAR = 60
_SLUG = re.compile(r"[^\W_]+(-[^\W_]+)*")


@dataclass(frozen=True)
class _TableForm:
    """How this table's rows are read: its columns, and whether paths say what columns do not."""

    places: Places
    width: int
    described_by_path: bool
    names_are_slugs: bool
    classes: Mapping[str, str]
    constants: Mapping[str, str]
    styles_are_labels: bool = False
    captions: tuple[int, ...] = ()

    def cell(self, record: TableRow, field: str) -> str:
        """The first of the field's columns that holds something, or what every row says."""
        cells = record.cells
        values = (plain_text(cells[at]) for at in self.places[field] if at < len(cells))
        return next((value for value in values if value), self.constants.get(field, ""))

    def cells_of(self, record: TableRow) -> Callable[[str], str]:
        """The row's cells by field; an artist that all rows write as a slug, as a name."""

        def cell(field: str) -> str:
            text = self.cell(record, field)
            slugs = field == "artist" and self.names_are_slugs and field not in self.constants
            return readable(text) if slugs else text

        return cell


def read_manifest(
    table: Table, container: Folder | Archive, columns: Mapping[str, str] | None = None
) -> Reading:
    """Every record of `table`, its picture looked for in `container`; `columns` by field."""
    form = _form(table, columns or {})
    finder = Finder(container)
    rows = [
        record if isinstance(record, Refusal) else _row(record, form, finder)
        for record in table.records
    ]
    said = columns_note(table, form.places, form.constants, form.captions)
    return Reading(rows, (*table.notes, *said))


def _form(table: Table, columns: Mapping[str, str]) -> _TableForm:
    places = columns_of(table, columns)
    files = [
        named_file(row[at]) for row in table.sample for at in places["file"][:1] if at < len(row)
    ]
    by_path = sum(map(has_wikiart_form, files)) > 0.8 * len(files) if files else False
    constants = constants_of(table, columns)
    missing = [f for f in ("artist", "style") if not places[f] and f not in constants]
    by_label = "style" in missing and _have_labels(table, places, files)
    missing = [field for field in missing if not (field == "style" and by_label)]
    if places["file"] and missing and not by_path:
        raise CollectionError(
            f"'{table.name}' lacks the column {' and '.join(missing)}. A table of pictures names "
            "file, artist, style, and if known title, year, licence, source. Add it, or say in "
            f"--map (on the page: Columns) which column it is, {missing[0]}=COLUMN, or in quotes "
            f'what all rows say, {missing[0]}="TEXT".'
        )
    classes = _class_names(table.path) if by_path and not columns else {}
    artists = [row[at] for row in table.sample for at in places["artist"][:1] if at < len(row)]
    slugs = any("-" in name for name in artists) and (
        sum(map(_is_slug, artists)) > 0.8 * len(artists)
    )
    captions = caption_places(table.header)
    return _TableForm(
        places, len(table.header), by_path, slugs, classes, constants, by_label, captions
    )


def _have_labels(table: Table, places: Places, files: list[str]) -> bool:
    """Whether this is an imagefolder's table ('file_name') whose files lie in folders by label."""
    names = [compared_name(table.header[at]) for at in places["file"][:1] if table.header]
    labels = [label_folder(PurePosixPath(file)) for file in files]
    return names == ["filename"] and bool(labels) and all(labels)


def _is_slug(name: str) -> bool:
    """'frans-snyders'; ArtBench names artists so. No name without small letters is one."""
    return name == name.lower() != name.upper() and bool(_SLUG.fullmatch(name.strip()))


def _row(record: TableRow, form: _TableForm, finder: Finder) -> Candidate | Refusal:
    cells, places = record.cells, form.places
    names = [cells[at].strip() for at in places["file"] if at < len(cells) and cells[at].strip()]
    named = (named_file(one) for one in names if not is_address(one))
    file = next(named, names[0] if names else "")
    shown = f"{record.number}: {plain_text(file, 120) or form.cell(record, 'title') or 'no file'}"
    if form.width and any(cell.strip() for cell in cells[form.width :]):
        return Refusal(shown, "The row has more cells than the header. Quote cells with commas.")
    if not file:
        return Refusal(shown, _without_picture(record, form))
    if is_address(file):
        return Refusal(shown, "The file is a web address; nothing is downloaded. Save it first.")
    path = PurePosixPath(file)
    from_path = fields_of_path(path) if form.described_by_path else NOTHING
    style = form.cell(record, "style") or from_path.style
    style = style or (label_folder(path) if form.styles_are_labels else "")
    style = form.classes.get(cells[-1].strip(), style) if form.classes else style
    try:
        name = finder.find(file, style)
    except ImageRefused as error:
        return Refusal(shown, error.message)
    if not style:
        return Refusal(shown, "The row names no style, so it has no class. Fill in its style cell.")
    cell_of = form.cells_of(record)
    if not form.described_by_path and not places["title"]:
        from_path = _fields_of_name(PurePosixPath(name).name, cell_of("artist"))
    made = described(shown, finder.container.picture(name), style, cell_of, from_path)
    return with_caption(made, caption_in(cells, form.captions))


def _fields_of_name(file: str, artist: str) -> PathFields:
    """Title and year as the file's name has them (better than none), without the artist's name."""
    return PathFields("", "", *title_under(artist, PurePosixPath(file).stem))


def described(
    row: str,
    picture: Path | EmbeddedPicture,
    style: str,
    cell: Callable[[str], str],
    from_path: PathFields = NOTHING,
) -> Candidate:
    """What the row's cells say, and the path where a cell says nothing."""
    year, doubts = _year(cell("year") or from_path.year)
    artist = cell("artist") or from_path.artist
    return Candidate(
        row=row,
        picture=picture,
        title=cell("title") or from_path.title or UNTITLED,
        artist=artist or UNKNOWN_ARTIST,
        style=plain_text(style.replace("_", " ")),
        year=year,
        licence=licence(cell("licence")),
        source=cell("source"),
        doubts=doubts,
        makers=CreditCells(
            name=artist,
            sort_name=cell("sortname"),
            role=cell("role"),
            prefix=cell("prefix"),
            suffix=cell("suffix"),
            bio=cell("bio"),
            born=cell("born"),
            died=cell("died"),
            nationality=cell("nationality"),
            identifiers=tuple(
                (scheme, text) for scheme in (*SCHEMES, "local") if (text := cell(scheme))
            ),
        ),
    )


def _without_picture(record: TableRow, form: _TableForm) -> str:
    if form.cell(record, "address"):
        return (
            "The row names its picture only by a web address; nothing is downloaded. Save the "
            "pictures, and name them in a column 'file'."
        )
    if form.places["file"]:
        return "The row names no file. Fill in its file cell."
    if form.places["address"]:
        return (
            "The row names no picture, neither as a file nor by a web address. Save its picture, "
            "and name it in a column 'file'."
        )
    return (
        "The table has no column of picture files, so this row has no picture. Add a column "
        "'file', or name one with --map file=COLUMN. (A list of artists is not a source of works.)"
    )


def _year(text: str) -> tuple[str, tuple[str, ...]]:
    """The year as written; a doubt where it can be read as none."""
    if is_undated(text):
        return "", ()
    if year_range(text) is None:
        return text, (
            f"'{plain_text(text, _LONGEST_YEAR)}' cannot be read as a year; it stays as text.",
        )
    return text, ()


def _class_names(table: Path) -> dict[str, str]:
    """Style names by number, from the class file that WikiArt's lists come with; else nothing.

    `style_train.csv` stands beside `style_class.txt`. Lists by artist or genre have a class that
    is not a style; there the folder says the style.
    """
    stem = re.sub(r"_(train|val|test)$", "", table.stem)
    if not stem.endswith("style"):
        return {}
    beside = [table.with_name(f"{stem}_class{ending}") for ending in (".txt", "")]
    file = next((path for path in beside if path.is_file()), None)
    if file is None:
        return {}
    named = [one.cells for one in read_table(file, "csv").records if isinstance(one, TableRow)]
    return {row[0].strip(): plain_text(row[1].replace("_", " ")) for row in named if len(row) == 2}

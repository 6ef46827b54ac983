"""Pictures in folders by style, named as WikiArt and ArtBench name them.

In: a folder or an archive. Out: a row for every picture in it; style, artist, title and year are
read from the path: `style/artist-name_title-of-the-work-1887.jpg`, `style/Artist Name/Title.jpg`.
The layouts of Hugging Face's imagefolder (train and test around the styles) and of kohya's trainers
(`10_style`, captions beside the pictures) are known. What else is beside the pictures is passed
over in one sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.collection.importing.captions import captions_beside, with_caption
from core.collection.importing.containers import Archive, Folder
from core.collection.importing.fields import licence, plain_text, readable
from core.collection.importing.file_names import fields_of_name, is_name, title_under
from core.collection.importing.rows import UNKNOWN_ARTIST, UNTITLED, Candidate, Reading, Refusal
from core.errors import CollectionError

_SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation"})
_KOHYA_PARTS = frozenset({"img", "reg"})  # pictures to learn from, and those to compare with
_WRAPPERS = re.compile(
    r"(artbench|wikiart|imagefolder|images?$|^img$|pictures$|data$|dataset)", re.I
)
_BESIDE = frozenset(
    [
        *(".txt", ".caption", ".captions", ".npz", ".npy", ".json", ".jsonl", ".ndjson", ".csv"),
        *(".tsv", ".md", ".rst", ".yaml", ".yml", ".toml", ".xml", ".xmp", ".ini", ".cfg", ".log"),
        *(".sha256", ".md5", ".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".py", ".ipynb"),
        *(".html", ".url", ".lnk", ".db", ".parquet", ".arrow", ".lock", ".xlsx", ".xls", ".ods"),
    ]
)
_BESIDE_NAMES = frozenset(
    {"readme", "license", "licence", "copying", "notice", "authors", "citation", "changelog"}
)
_REPEATS = re.compile(r"([0-9]{1,4})_+\s*(\S.*)")
_PLACEHOLDERS = frozenset({"sks", "ohwx", "zwx", "shs", "zkz", "xyz"})  # tokens that name nothing


@dataclass(frozen=True)
class PathFields:
    """What a path says of its picture; the artist is empty where it names none."""

    style: str
    artist: str
    title: str
    year: str


NOTHING = PathFields("", "", "", "")


def fields_of_path(path: PurePosixPath) -> PathFields:
    """'Realism/ivan-shishkin_hut-1878.jpg' -> Realism, Ivan Shishkin, Hut, 1878."""
    style = plain_text(path.parts[0].replace("_", " ")) if len(path.parts) > 1 else ""
    folder = path.parts[1] if len(path.parts) > 2 else ""
    if folder and is_name(folder):
        title, year = title_under(folder, path.stem)
        return PathFields(style, plain_text(readable(folder)), title, year)
    name = fields_of_name(path.stem)
    return PathFields(style, name.artist, name.title, name.year)


def has_wikiart_form(path: str) -> bool:
    """Whether a path has WikiArt's form: one folder, then an artist and a title."""
    return bool(re.fullmatch(r"[^/]+/[^/_]+_[^/]+\.\w+", path))


def label_folder(path: PurePosixPath) -> str:
    """The folder that labels a picture of a Hugging Face imagefolder; empty where none does."""
    folder = path.parent.name
    is_outer = folder.casefold() in _SPLITS | _KOHYA_PARTS or bool(_WRAPPERS.search(folder))
    return "" if is_outer else plain_text(folder.replace("_", " "))


def is_split(name: str) -> bool:
    """Whether a folder's name is that of a part of a data set: train, test, validation."""
    return name.casefold() in _SPLITS


def read_folders(
    container: Folder | Archive, constants: Mapping[str, str] | None = None
) -> Reading:
    """A row for every picture; the first folder of its path is its style.

    `constants`: what is said of all rows, by field; it wins over what paths say.
    """
    beside = [name for name in container.names if is_beside(name)]
    names = [name for name in container.names if not is_beside(name)]
    captions = captions_beside(container, names, frozenset(beside))
    skipped = _wrapping(names)
    repeats = _repeats(names, skipped)
    form = _FolderForm(container, captions.texts, repeats, dict(constants or {}))
    rows = [form.row(name, _inner(name, skipped)) for name in names]
    rows += container.refused
    passed_over = [name for name in beside if name not in captions.files]
    notes = (*captions.notes, *beside_note(passed_over), *hidden_note(container))
    if not rows:
        raise CollectionError(f"There are no pictures in it to import. {' '.join(notes)}".strip())
    return Reading(rows, (*_split_note(names, skipped), *form.notes(rows), *notes))


@dataclass(frozen=True)
class _FolderForm:
    """How this folder's paths are read: its kohya names, its captions, what is said of all."""

    container: Folder | Archive
    captions: Mapping[str, str]
    repeats: Mapping[str, str]
    constants: Mapping[str, str]

    def row(self, name: str, parts: tuple[str, ...]) -> Candidate | Refusal:
        """One picture, or why it is none."""
        shown, container = plain_text(name, 200), self.container
        if isinstance(container, Folder) and not container.contains(name):
            return Refusal(shown, "The link leads outside the folder. Copy the file inside.")
        if isinstance(container, Folder) and container.picture(name).is_dir():
            return Refusal(
                shown, "This is a link to a folder, which is not followed. Copy the folder."
            )
        style = self.constants.get("style", "")
        if len(parts) == 1 and not style:
            return Refusal(
                shown,
                "The file lies in no style's folder. Move it into one, or say the style of all "
                "with --map 'style=\"TEXT\"'.",
            )
        path = fields_of_path(PurePosixPath(*(parts if len(parts) > 1 else ("", *parts))))
        own = parts[0] if len(parts) > 1 else ""
        style = style or self.repeats.get(own, path.style)
        text = self.captions.get(name, "")
        title = path.title or self._title(text, own)
        said = self.constants
        made = Candidate(
            row=shown,
            picture=container.picture(name),
            title=said.get("title") or title or UNTITLED,
            artist=said.get("artist") or path.artist or UNKNOWN_ARTIST,
            style=style,
            year=said.get("year") or path.year,
            licence=licence(said.get("licence", "")),
            source=said.get("source", ""),
        )
        return with_caption(made, text)

    def _title(self, text: str, folder: str) -> str:
        """A caption's first line, without the words that name the picture's style."""
        line = plain_text(next(iter(text.splitlines()), ""), 200)
        words = re.sub(r"^[0-9]+_+", "", folder).replace("_", " ").strip()
        for known in (words, self.repeats.get(folder, "")):
            if known and line.casefold().startswith(known.casefold()):
                line = line[len(known) :].lstrip(" ,.;:-")
        return line[:1].upper() + line[1:]

    def notes(self, rows: list[Candidate | Refusal]) -> tuple[str, ...]:
        """What was read otherwise than it is written."""
        notes: list[str] = []
        if self.repeats:
            first, style = next(iter(self.repeats.items()))
            notes.append(
                "Folders are named as kohya's trainers want it; the number of repeats was left out "
                f"of the style ('{plain_text(first, 80)}' is '{style}')."
            )
        pictures = [row for row in rows if isinstance(row, Candidate)]
        unnamed = [row for row in pictures if row.artist == UNKNOWN_ARTIST]
        if unnamed:
            notes.append(
                f"Files whose name names no artist: {len(unnamed)} of {len(pictures)} (the first: "
                f"'{plain_text(unnamed[0].row, 120)}'). Name them artist_title, or give a table."
            )
        return tuple(notes)


def is_beside(name: str) -> bool:
    """Whether a file is known to stand beside pictures: a caption, a table, a program's notes."""
    path = PurePosixPath(name)
    return path.suffix.lower() in _BESIDE or path.name.casefold() in _BESIDE_NAMES


def beside_note(names: list[str]) -> tuple[str, ...]:
    """One sentence on all files that stand beside the pictures."""
    if not names:
        return ()
    kinds = Counter(
        PurePosixPath(name).suffix.lower() or PurePosixPath(name).name for name in names
    )
    listed = ", ".join(kind for kind, _ in kinds.most_common(6))
    return (
        f"Files beside the pictures were passed over: {len(names)} ({listed}; the first: "
        f"'{plain_text(names[0], 120)}').",
    )


def hidden_note(container: Folder | Archive) -> tuple[str, ...]:
    """A sentence on what was left out because it is hidden."""
    hidden = container.hidden
    if not hidden:
        return ()
    first = plain_text(hidden[0], 120)
    return (f"Hidden files were left out: {len(hidden)} (the first: '{first}').",)


def _inner(name: str, skipped: int) -> tuple[str, ...]:
    """The parts of a path below the folders around the styles; at least its last."""
    parts = PurePosixPath(name).parts
    return parts[min(skipped, len(parts) - 1) :]


def _split_note(names: list[str], skipped: int) -> tuple[str, ...]:
    if not skipped:
        return ()
    paths = [PurePosixPath(name).parts for name in names]
    parts = {path[skipped - 1] for path in paths if len(path) > skipped}
    if len(parts) < 2 or not {part.casefold() for part in parts} & (_SPLITS | _KOHYA_PARTS):
        return ()
    return (f"The parts {', '.join(sorted(parts))} were taken together.",)


def _wrapping(names: list[str]) -> int:
    """How many outer folders hold styles and are none: a data set's own name, train and test."""
    paths = [parts for name in names if len(parts := PurePosixPath(name).parts) > 1]
    depth = 0
    while paths and all(len(parts) > depth + 1 for parts in paths):
        outer = {parts[depth].casefold() for parts in paths}
        is_deep = all(len(parts) > depth + 2 for parts in paths)
        is_wrapper = len(outer) == 1 and bool(_WRAPPERS.search(next(iter(outer))))
        if not (outer <= _SPLITS or (is_deep and (is_wrapper or outer <= _KOHYA_PARTS))):
            break
        depth += 1
    return depth


def _repeats(names: list[str], skipped: int) -> dict[str, str]:
    """Style by folder, where all folders of styles are named '10_style' for kohya's trainers."""
    paths = [PurePosixPath(name).parts[skipped:] for name in names]
    folders = dict.fromkeys(parts[0] for parts in paths if len(parts) > 1)
    if not folders or not all(_REPEATS.fullmatch(folder) for folder in folders):
        return {}
    return {folder: _class_of(_REPEATS.sub(r"\2", folder)) for folder in folders}


def _class_of(words: str) -> str:
    """'sks watercolour' -> 'watercolour': without the token that stands for no word."""
    own = words.replace("_", " ").split()
    named = [word for word in own if word.casefold() not in _PLACEHOLDERS]
    return plain_text(" ".join(named or own))

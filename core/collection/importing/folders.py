"""Pictures in folders by style, named as WikiArt and ArtBench name them.

In: a folder or an archive. Out: a row for every file in it; style, artist, title and year are read
from the path: `style/artist-name_title-of-the-work-1887.jpg`, or `style/Artist Name/Title.jpg`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.collection.importing.containers import Archive, Folder
from core.collection.importing.fields import plain_text, readable
from core.collection.importing.rows import UNKNOWN_ARTIST, UNTITLED, Candidate, Reading, Refusal
from core.errors import CollectionError

_SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation"})
_WRAPPERS = re.compile(r"(artbench|wikiart|imagefolder|images?$|pictures$|data$|dataset)", re.I)
_YEAR_LAST = re.compile(
    r"(?P<title>.+?)[-_ ]\(?(?P<year>1[0-9]{3}|20[0-9]{2})\)?"
    r"(?:[-_ ]?\((?P<nth>[0-9]{1,2})\)|[-_ ](?P<number>[0-9]{1,2}))?"
)


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
    if len(path.parts) > 2:
        artist, title = path.parts[1], path.stem
    else:
        artist, divider, title = path.stem.partition("_")
        if not divider:
            artist, title = "", path.stem
    title, year = _split_year(title)
    style = path.parts[0] if len(path.parts) > 1 else ""
    return PathFields(
        plain_text(style.replace("_", " ")), plain_text(readable(artist)), _sentence(title), year
    )


def has_wikiart_form(path: str) -> bool:
    """Whether a path has WikiArt's form: one folder, then an artist and a title."""
    return bool(re.fullmatch(r"[^/]+/[^/_]+_[^/]+\.\w+", path))


def read_folders(container: Folder | Archive) -> Reading:
    """A row for every file; the first folder of its path is its style."""
    names = container.names
    skipped = _wrapping(names)
    rows = [_row(container, name, PurePosixPath(name).parts[skipped:]) for name in names]
    rows += container.refused
    notes = hidden_note(container)
    if not rows:
        raise CollectionError(f"There are no pictures in it to import. {' '.join(notes)}".strip())
    split = {PurePosixPath(name).parts[skipped - 1] for name in names} if skipped else set()
    if split & _SPLITS and len(split) > 1:
        notes = (f"The parts {', '.join(sorted(split))} were taken together.", *notes)
    return Reading(rows, notes)


def hidden_note(container: Folder | Archive) -> tuple[str, ...]:
    """A sentence on what was left out because it is hidden."""
    hidden = container.hidden
    if not hidden:
        return ()
    first = plain_text(hidden[0], 120)
    return (f"Hidden files were left out: {len(hidden)} (the first: '{first}').",)


def _wrapping(names: tuple[str, ...]) -> int:
    """How many outer folders hold styles and are none: a data set's own name, train and test."""
    paths = [PurePosixPath(name).parts for name in names]
    depth = 0
    while paths and all(len(parts) > depth + 2 for parts in paths):
        outer = {parts[depth].casefold() for parts in paths}
        if not (len(outer) == 1 and _WRAPPERS.search(next(iter(outer)))) and not outer <= _SPLITS:
            break
        depth += 1
    return depth


def _row(container: Folder | Archive, name: str, parts: tuple[str, ...]) -> Candidate | Refusal:
    shown = plain_text(name, 200)
    if isinstance(container, Folder) and not container.contains(name):
        return Refusal(shown, "The link leads outside the folder. Copy the file inside.")
    if isinstance(container, Folder) and container.picture(name).is_dir():
        return Refusal(shown, "This is a link to a folder, which is not followed. Copy the folder.")
    if len(parts) == 1:
        return Refusal(shown, "The file lies in no style's folder. Move it into one.")
    from_path = fields_of_path(PurePosixPath(*parts))
    return Candidate(
        row=shown,
        picture=container.picture(name),
        title=from_path.title or UNTITLED,
        artist=from_path.artist or UNKNOWN_ARTIST,
        style=from_path.style,
        year=from_path.year,
        licence="",
        source="",
    )


def _split_year(title: str) -> tuple[str, str]:
    """'self-portrait-1904-2' -> 'self-portrait-2', '1904': WikiArt numbers works of one name."""
    match = _YEAR_LAST.fullmatch(title)
    if match is None:
        return title, ""
    number = match["number"] or match["nth"]
    return match["title"] + (f" {number}" if number else ""), match["year"]


def _sentence(title: str) -> str:
    words = plain_text(re.sub(r"[-_]+", " ", title))
    return words[:1].upper() + words[1:]

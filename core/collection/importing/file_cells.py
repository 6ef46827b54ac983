"""What file a table's cell names, however a program wrote it.

In: a cell. Out: the path that it names, with forward slashes, or the cell itself where it is a web
address; and the paths at which a file may be looked for inside a folder. Opens nothing, and never
gives a path that leads out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from core.collection.importing.rows import PICTURE_ENDINGS

_ENDING = "|".join(re.escape(ending) for ending in PICTURE_ENDINGS)
_ATTACHED = re.compile(
    r"\s*(?P<name>[^,;]*?[^\s,;(][^()]*?)\s*\(https?://[^\s()]*(?:\([^\s()]*\))*[^\s()]*\)"
)
_SEVERAL = re.compile(rf"(?P<first>[^,;|\n]+(?:{_ENDING}))\s*[,;|\n]\s*\S", re.IGNORECASE)
_EMBEDDED = re.compile(
    r"!\[\[(?P<wiki>[^\]|]+)[^\]]*\]\]|!\[[^\]]*\]\((?P<marked><[^>]+>|[^)\s]+)[^)]*\)"
)
_DRIVE = re.compile(r"[A-Za-z]:/")


def named_file(cell: str) -> str:
    """The path in a cell: of an attachment its name, of a `file:` address its path.

    >>> named_file("sea.jpg (https://example.org/a/b)"), named_file("C:\\\\pics\\\\sea.jpg")
    ('sea.jpg', 'C:/pics/sea.jpg')
    """
    text = cell.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":  # Windows' 'copy as path'
        text = text[1:-1].strip()
    if (embedded := _EMBEDDED.fullmatch(text)) is not None:
        text = (embedded["wiki"] or embedded["marked"]).strip("<> ")
    if (attached := _ATTACHED.match(text)) is not None:
        return attached["name"].replace("\\", "/")
    if text.lower().startswith("file:"):
        return _of_file_address(text)
    if "://" not in text and (several := _SEVERAL.match(text)) is not None:
        text = several["first"].strip()
    return text if "://" in text else text.replace("\\", "/")


def is_address(cell: str) -> bool:
    """Whether a cell names something on the web, and no file."""
    return "://" in named_file(cell)


def places_of(file: str) -> Iterator[str]:
    """Where the file may lie inside a folder: as it is written, then without '%20' and the like;
    of an absolute path its tails, the longest first. A path with '..' is given as it is."""
    for spelling in dict.fromkeys((file, unquote(file))):
        if ".." in PurePosixPath(spelling).parts or not is_absolute(spelling):
            yield spelling
            continue
        parts = [part for part in PurePosixPath(_DRIVE.sub("/", spelling, count=1)).parts if part]
        names = [part for part in parts if part not in ("/", "//", "~")]
        yield from ("/".join(names[at:]) for at in range(len(names)))


def is_absolute(file: str) -> bool:
    """Whether a path begins at a root, a drive, a share or somebody's home."""
    return file.startswith(("/", "~/")) or bool(_DRIVE.match(file))


def _of_file_address(address: str) -> str:
    path = unquote(urlsplit(address.replace("\\", "/")).path)
    return path[1:] if re.match(r"/[A-Za-z]:/", path) else path

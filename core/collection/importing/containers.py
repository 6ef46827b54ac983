"""Where picture files lie: in a folder, or in a tar archive that is never unpacked.

In: a path. Out: names and, for a name, the picture. Nothing outside the folder or archive is ever
reached: no link that leads out, no name with '..'. Opens no picture.
"""

from __future__ import annotations

import os
import tarfile
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from core.collection.images.open import LIMITS
from core.collection.importing.fields import plain_text, slug
from core.collection.importing.file_cells import is_absolute, places_of
from core.collection.importing.rows import PICTURE_ENDINGS, EmbeddedPicture, Refusal
from core.collection.store import is_inside
from core.errors import CollectionError, ImageRefused

CLUTTER = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})  # what systems leave behind


class PictureContainer(Protocol):
    """Files by their names, relative and with forward slashes."""

    @property
    def names(self) -> Sequence[str]:
        """All of them, sorted; hidden ones left out."""

    @property
    def hidden(self) -> Sequence[str]:
        """Files that are left out because their name, or a folder's, begins with a dot."""

    @property
    def refused(self) -> Sequence[Refusal]:
        """What is here but cannot be reached, with the reason."""

    def holds(self, name: str) -> bool:
        """Whether there is such a file, here and not elsewhere."""

    def picture(self, name: str) -> Path | EmbeddedPicture:
        """The file, for one of `names`."""


class Folder:
    """A folder and everything below it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def names(self) -> tuple[str, ...]:
        """Every file below the folder, and links to folders, which are not followed."""
        return tuple(name for name in self._walked[0] if not _hidden(name))

    @property
    def hidden(self) -> tuple[str, ...]:
        """Files that are left out because their name, or a folder's, begins with a dot."""
        return tuple(name for name in self._walked[0] if _hidden(name) and not _clutter(name))

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Folders that may not be opened."""
        reason = "The folder cannot be opened. Ask for permission to read it."
        return tuple(Refusal(plain_text(name, 200), reason) for name in self._walked[1])

    @cached_property
    def _walked(self) -> tuple[list[str], list[str]]:
        """Every file and every link, and the folders that cannot be read."""
        paths: list[PurePosixPath] = []
        closed: list[str] = []
        for folder, folders, files in os.walk(
            self.root, onerror=lambda error: closed.append(str(error.filename))
        ):
            here = Path(folder)
            links = [name for name in folders if (here / name).is_symlink()]
            below = PurePosixPath(here.relative_to(self.root).as_posix())
            paths += [below / name for name in (*files, *links)]
        shut = [Path(name).relative_to(self.root).as_posix() for name in closed]
        return [path.as_posix() for path in sorted(paths)], sorted(shut)

    def holds(self, name: str) -> bool:
        """Whether there is such a file, and no link in its path leads out of the folder."""
        try:
            return self.contains(name) and (self.root / name).is_file()
        except OSError:  # a name longer than names may be
            return False

    def contains(self, name: str) -> bool:
        """Whether the name, and every link in it, stays inside."""
        if not is_inside(name):
            return False
        try:
            return (self.root / name).resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError, ValueError):
            return False

    def picture(self, name: str) -> Path:
        """The file itself."""
        return self.root / name


class Archive:
    """An uncompressed tar, read in place: members that are links or devices are not in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115 - open as long as rows are read
            members = self._tar.getmembers()
        except (tarfile.TarError, OSError) as error:
            raise CollectionError(
                f"'{path.name}' cannot be read as a plain tar archive. Unpack it (tar -xf), and "
                "import the folder."
            ) from error
        within = [one for one in members if not one.isdir() and is_inside(one.name)]
        self._members = {
            name: one
            for one in within
            if one.isfile() and not _hidden(name := str(PurePosixPath(one.name)))
        }
        self._hidden = sorted({one.name for one in within if _hidden(one.name)})
        self._others = [one for one in members if not (one.isdir() or one.isfile())]
        self._outside = [one for one in members if one.isfile() and not is_inside(one.name)]

    @property
    def names(self) -> tuple[str, ...]:
        """Every plain member, sorted."""
        return tuple(sorted(self._members))

    @property
    def hidden(self) -> tuple[str, ...]:
        """Members that are left out because their name, or a folder's, begins with a dot."""
        return tuple(name for name in self._hidden if not _clutter(name))

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Members that are links or devices, or would lie outside the archive's folder."""
        linked = "The archive holds a link or a device here, not a file. Pack the file itself."
        outside = "The name leads out of the archive's folder. Pack the files again, by tar."
        return (
            *(Refusal(plain_text(one.name, 200), linked) for one in self._others),
            *(Refusal(plain_text(one.name, 200), outside) for one in self._outside),
        )

    def holds(self, name: str) -> bool:
        """Whether there is such a member."""
        return name in self._members

    def picture(self, name: str) -> EmbeddedPicture:
        """The member's bytes, read when needed."""
        return EmbeddedPicture(name, lambda: self._read(name))

    def _read(self, name: str) -> bytes:
        try:
            stream = self._tar.extractfile(self._members[name])
            assert stream is not None  # members are plain files
            return stream.read(LIMITS.max_bytes + 1)
        except (tarfile.TarError, OSError) as error:
            raise ImageRefused(
                "The archive is cut off before the picture ends. Download the archive again."
            ) from error


def open_container(path: Path) -> Folder | Archive:
    """The folder or archive at `path`."""
    if path.is_dir():
        return Folder(path)
    if not path.is_file():
        raise CollectionError(f"There is no '{path.name}' with pictures. Check the path.")
    return Archive(path)


class Finder:
    """Finds what a table's cell names: by its path, or by its bare name where that is unique.

    ArtBench-10 lists names without folders, and keeps the pictures in folders by style. Where
    nothing is spelt as the cell, capitals and the way an accent is stored do not count (tables come
    from Windows, pictures from a Mac), and a name without an ending may be a number or an id.
    """

    def __init__(self, container: Folder | Archive) -> None:
        self.container = container

    def find(self, file: str, style: str) -> str:
        """The name of the file in the container; raises ImageRefused with the reason."""
        leads_out = is_absolute(file)
        for place in places_of(file):
            if not is_inside(place) or not self._contains(place):
                leads_out = True
            elif (name := self._find(PurePosixPath(place).as_posix(), style)) is not None:
                return name
        if leads_out:
            raise ImageRefused(
                "The path leads outside the folder of the pictures, and no file inside has its "
                "name. Move the file inside, or say with --pictures where it lies."
            )
        raise ImageRefused(
            "There is no such file among the pictures. Correct the file cell, or say with "
            "--pictures where they are."
        )

    def _contains(self, place: str) -> bool:
        return not isinstance(self.container, Folder) or self.container.contains(place)

    def _find(self, file: str, style: str) -> str | None:
        """The one name that `file` means; raises ImageRefused where there are several."""
        container = self.container
        if container.holds(file):
            return file
        alike = self._alike(file)
        fitting = alike
        if len(alike) > 1:
            fitting = [one for one in alike if slug(PurePosixPath(one).parent.name) == slug(style)]
        if len(fitting) == 1 and (isinstance(container, Archive) or container.holds(fitting[0])):
            return fitting[0]
        if len(alike) > 1:
            raise ImageRefused("Several files have this name. Write the folder into the file cell.")
        return None

    def _alike(self, file: str) -> list[str]:
        """Names whose last parts are the file's: spelt the same, else alike."""
        ending = f"/{_folded(file)}"
        matches = [
            name
            for name in self._by_last_part.get(PurePosixPath(ending).name, ())
            if f"/{_folded(name)}".endswith(ending)
        ]
        exact = [name for name in matches if f"/{name}".endswith(f"/{file}")]
        if exact or matches:
            return exact or matches
        bare = self._by_stem.get(PurePosixPath(ending).name, ())
        return [name for name in bare if f"/{_stem(_folded(name))}".endswith(ending)]

    @cached_property
    def _by_last_part(self) -> dict[str, list[str]]:
        names_of: dict[str, list[str]] = {}
        for name in self.container.names:
            names_of.setdefault(_folded(PurePosixPath(name).name), []).append(name)
        return names_of

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        names_of: dict[str, list[str]] = {}
        for last, names in self._by_last_part.items():
            if last.endswith(PICTURE_ENDINGS):
                names_of.setdefault(_stem(last), []).extend(names)
        return names_of


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") for part in parts) or _clutter(name)


def _clutter(name: str) -> bool:
    """What no person put there: the notes that systems keep, and a Mac's halves of files."""
    last = PurePosixPath(name).name
    return last.lower() in CLUTTER or last.startswith("._")

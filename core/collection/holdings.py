"""Where picture files lie: in a folder, or in a tar archive that is never unpacked.

In: a path. Out: names and, for a name, the picture. Nothing outside the folder or archive is ever
reached: no link that leads out, no name with '..'. Opens no picture.
"""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from core.collection.candidates import Held
from core.collection.images import LIMITS
from core.collection.slugs import slug
from core.collection.store import is_inside
from core.errors import CollectionError, ImageRefused

CLUTTER = frozenset({"thumbs.db", "desktop.ini"})


class Holding(Protocol):
    """Files by their names, relative and with forward slashes."""

    @property
    def names(self) -> Sequence[str]:
        """All of them, sorted; hidden ones left out."""

    def holds(self, name: str) -> bool:
        """Whether there is such a file, here and not elsewhere."""

    def picture(self, name: str) -> Path | Held:
        """The file, for one of `names`."""


class Folder:
    """A folder and everything below it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every file below the folder, and links to folders, which are not followed."""
        below = sorted(self.root.rglob("*"))
        found = (path for path in below if path.is_symlink() or not path.is_dir())
        return tuple(
            name for path in found if not _hidden(name := path.relative_to(self.root).as_posix())
        )

    def holds(self, name: str) -> bool:
        """Whether there is such a file, and no link in its path leads out of the folder."""
        return self.contains(name) and (self.root / name).is_file()

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
        self._members = {
            str(PurePosixPath(one.name)): one for one in members
            if one.isfile() and is_inside(one.name) and not _hidden(one.name)
        }  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """Every plain member, sorted."""
        return tuple(sorted(self._members))

    def holds(self, name: str) -> bool:
        """Whether there is such a member."""
        return name in self._members

    def picture(self, name: str) -> Held:
        """The member's bytes, when asked for."""
        return Held(PurePosixPath(name).name, lambda: self._read(name))

    def _read(self, name: str) -> bytes:
        try:
            stream = self._tar.extractfile(self._members[name])
            assert stream is not None  # members are plain files
            return stream.read(LIMITS.max_bytes + 1)
        except (tarfile.TarError, OSError) as error:
            raise ImageRefused(
                "The archive is cut off before the picture ends. Download the archive again."
            ) from error


def open_holding(path: Path) -> Folder | Archive:
    """The folder or archive at `path`."""
    if path.is_dir():
        return Folder(path)
    if not path.is_file():
        raise CollectionError(f"There is no '{path.name}' with pictures. Check the path.")
    return Archive(path)


class Finder:
    """Finds what a table's cell names: by its path, or by its bare name where that is unique.

    ArtBench-10 lists names without folders, and keeps the pictures in folders by style.
    """

    def __init__(self, holding: Folder | Archive) -> None:
        self.holding = holding

    @cached_property
    def _by_last_part(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.holding.names:
            found.setdefault(PurePosixPath(name).name, []).append(name)
        return found

    def find(self, file: str, style: str) -> str:
        """The name of the file in the holding; raises ImageRefused with the reason."""
        holding = self.holding
        if isinstance(holding, Folder) and not holding.contains(file):
            raise ImageRefused("The file lies outside the manifest's folder. Move it inside.")
        if holding.holds(file):
            return file
        last = PurePosixPath(file).name
        below = [
            name for name in self._by_last_part.get(last, ()) if f"/{name}".endswith(f"/{file}")
        ]
        if len(below) > 1:
            below = [name for name in below if slug(PurePosixPath(name).parent.name) == slug(style)]
        if len(below) == 1 and (isinstance(holding, Archive) or holding.holds(below[0])):
            return below[0]
        if last == file and len(self._by_last_part.get(last, ())) > 1:
            raise ImageRefused("Several files have this name. Write the folder into the file cell.")
        raise ImageRefused("There is no such file beside the manifest. Correct the file cell.")


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") for part in parts) or parts[-1].lower() in CLUTTER

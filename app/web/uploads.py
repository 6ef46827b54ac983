"""What visitors bring: whose each file is, how much may lie here, and for how long.

In: a visitor's token and the files that Gradio stored. Out: whether a file is that visitor's, or
the words with which an upload is refused. Files are named by their content, so two who bring the
same picture share the file; each of them must have brought it. Opens no picture.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """What visitors may use; bytes and seconds."""

    per_file: int = 25 * MIB
    around_file: int = 64 * 1024  # of a request, beside the file itself
    per_visitor: int = 250 * MIB
    all_visitors: int = 1024 * MIB
    kept_for: float = 3600.0
    free_disk: int = 512 * MIB  # never less is left for the ledger and the pictures
    jobs_per_visitor: int = 4
    jobs_per_address: int = 16
    per_hour: int = 60  # pictures painted or traced per address without an account


class UploadRefused(Exception):
    """An upload that is not taken, in words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


NO_VISITOR = "Open the studio in the browser first, then choose the picture again."
ONE_FILE = "One picture at a time, please."
TOO_LARGE = "The file is larger than 25 MB. Reduce the picture or save it as JPEG."
FULL = "Too many pictures are waiting here just now. Try again in a few minutes."
NO_DISK = "The disk of this machine is nearly full; pictures cannot be taken until there is room."


@dataclass
class _Kept:
    size: int
    since: float


class Uploads:
    """The upload folder, with its owners; safe to ask from any thread."""

    def __init__(
        self, folder: Path, budgets: Budgets, clock: Callable[[], float] = time.time
    ) -> None:
        self.folder, self.budgets, self._clock = folder.resolve(), budgets, clock
        self._lock = threading.Lock()
        self._owned: dict[str, dict[str, _Kept]] = {}  # visitor -> path -> file
        self._reserved = 0  # bytes of uploads under way

    def owns(self, visitor: str, path: str) -> bool:
        """Whether this visitor brought the file, and it still is a plain file in the folder."""
        with self._lock:
            known = path in self._owned.get(visitor, {})
        return bool(visitor) and known and self._is_plain(path)

    @contextmanager
    def room_for(self, visitor: str, length: int) -> Iterator[Callable[[object], None]]:
        """Room for a request of `length` bytes; yields what takes the stored files' names.

        Raises `UploadRefused` where a budget is spent, or where more than one file came.
        """
        budgets = self.budgets
        if not visitor:
            raise UploadRefused(403, NO_VISITOR)
        if length > budgets.per_file + budgets.around_file:
            raise UploadRefused(413, TOO_LARGE)
        self.sweep()
        with self._lock:
            if shutil.disk_usage(self.folder).free - self._reserved - length < budgets.free_disk:
                raise UploadRefused(507, NO_DISK)
            if self._lying() + self._reserved + length > budgets.all_visitors:
                raise UploadRefused(503, FULL)
            self._reserved += length
        try:
            yield lambda answer: self._stored(visitor, answer)
        finally:
            with self._lock:
                self._reserved -= length

    def sweep(self) -> None:
        """Remove what is older than it may be, whoever brought it, and forget it."""
        oldest = self._clock() - self.budgets.kept_for
        with self._lock:
            for path in self._files():
                with suppress(OSError):
                    if path.lstat().st_mtime < oldest:
                        self._remove(path)
            for visitor, files in list(self._owned.items()):
                for name in [name for name in files if not os.path.lexists(name)]:
                    del files[name]
                if not files:
                    del self._owned[visitor]

    def _stored(self, visitor: str, answer: object) -> None:
        names = [str(name) for name in answer] if isinstance(answer, list) else []
        if len(names) != 1:
            for name in names:
                if self._is_plain(name):
                    with suppress(OSError):
                        self._remove(Path(name))
            raise UploadRefused(400, ONE_FILE)
        with self._lock, suppress(OSError):
            size = os.lstat(names[0]).st_size
            files = self._owned.setdefault(visitor, {})
            files[names[0]] = _Kept(size, self._clock())
            os.utime(names[0])  # brought again: as new as the last time
            while sum(file.size for file in files.values()) > self.budgets.per_visitor:
                oldest = min(files, key=lambda name: files[name].since)
                files.pop(oldest)
                if not any(oldest in others for others in self._owned.values()):
                    self._remove(Path(oldest))

    def _files(self) -> list[Path]:
        return [Path(top) / name for top, _, names in os.walk(self.folder) for name in names]

    def _lying(self) -> int:
        total = 0
        for path in self._files():
            with suppress(OSError):
                total += path.lstat().st_size
        return total

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        if path.parent != self.folder:
            with suppress(OSError):  # others may lie beside it
                path.parent.rmdir()

    def _is_plain(self, name: str) -> bool:
        """A regular file below the folder, reached through no link."""
        try:
            path = Path(name)
            return (
                path.is_absolute()
                and path.resolve() == path
                and path.is_relative_to(self.folder)
                and stat.S_ISREG(path.lstat().st_mode)
            )
        except (OSError, ValueError, RuntimeError):
            return False

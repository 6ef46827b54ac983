"""What visitors bring: whose each file is, how much may lie here, and for how long.

In: a visitor's token and the files that Gradio stored. Out: whether a file is that visitor's, or
the words with which an upload is refused. Files are named by their content, so two who bring the
same picture share the file; each of them must have brought it. What lies here is counted as it
comes and goes, not looked up: a request costs the same however many files there are. Opens no
picture.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.web.sentences import marked

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """What visitors may use; bytes and seconds."""

    per_file: int = 25 * MIB
    around_file: int = 64 * 1024  # of a request, beside the file itself
    per_visitor: int = 250 * MIB
    per_address: int = 500 * MIB  # of all visitors of one neighbourhood
    all_visitors: int = 1024 * MIB
    files_per_visitor: int = 100
    files_per_address: int = 500
    files_altogether: int = 20_000
    under_way_per_address: int = 8  # requests whose body is still arriving
    quiet_for: float = 20.0  # between two pieces of a body
    arrives_within: float = 300.0  # a whole body: 25 MB over a slow line
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
NEAR_FULL = marked(
    "Several files from your network are on their way already. Wait until they are here."
)
FULL = "Too many pictures are waiting here just now. Try again in a few minutes."
NO_DISK = "The disk of this machine is nearly full; pictures cannot be taken until there is room."


@dataclass(frozen=True)
class _Kept:
    """A file as one visitor has brought it, from one neighbourhood."""

    visitor: str
    near: str
    path: str
    size: int
    since: float

    @property
    def key(self) -> tuple[str, str]:
        return self.visitor, self.path

    @property
    def groups(self) -> tuple[str, str]:
        return f"visitor {self.visitor}", f"address {self.near}"


class Arriving:
    """A request whose body is under way. What has arrived takes room, not what was announced:
    whoever sends nothing takes none."""

    def __init__(self, uploads: Uploads, visitor: str, near: str) -> None:
        self._uploads, self.visitor, self.near = uploads, visitor, near
        self.size = 0

    def takes(self, count: int) -> None:
        """So many bytes more are here; raises `UploadRefused` where there is no room for them."""
        self._uploads._arrived(self, count)

    def stored(self, answer: object) -> None:
        """The names of the stored files; raises `UploadRefused` where it is not one."""
        self._uploads._stored(self, answer)


class Uploads:
    """The upload folder, with its owners; safe to ask from any thread."""

    def __init__(
        self, folder: Path, budgets: Budgets, clock: Callable[[], float] = time.time
    ) -> None:
        self.folder, self.budgets, self._clock = folder.resolve(), budgets, clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}  # the oldest first, in the groups too
        self._groups: dict[str, dict[tuple[str, str], _Kept]] = {}
        self._bearers: Counter[str] = Counter()  # path -> how many have brought it
        self._sizes: dict[str, int] = {}  # path -> bytes, of the same files
        self._lying = 0  # their bytes together
        self._others = 0  # bytes that lie here otherwise, as of the last sweep
        self._arriving = 0  # bytes of requests under way
        self._under_way: Counter[str] = Counter()  # neighbourhood -> requests

    def owns(self, visitor: str, path: str) -> bool:
        """Whether this visitor brought the file, and it still is a plain file in the folder."""
        with self._lock:
            known = (visitor, path) in self._kept
        return bool(visitor) and known and self._is_plain(path)

    @contextmanager
    def room_for(self, visitor: str, near: str, length: int) -> Iterator[Arriving]:
        """Room for a request of `length` bytes out of a neighbourhood, for as long as it arrives.

        Raises `UploadRefused` where a budget is spent already.
        """
        budgets = self.budgets
        if not visitor:
            raise UploadRefused(403, NO_VISITOR)
        if length > budgets.per_file + budgets.around_file:
            raise UploadRefused(413, TOO_LARGE)
        with self._lock:
            self._let_the_old_go()
            if self._under_way[near] >= budgets.under_way_per_address:
                raise UploadRefused(429, NEAR_FULL)
            if len(self._bearers) >= budgets.files_altogether:
                raise UploadRefused(503, FULL)
            self._require_room(length)
            self._under_way[near] += 1
        arriving = Arriving(self, visitor, near)
        try:
            yield arriving
        finally:
            with self._lock:
                self._arriving -= arriving.size
                self._under_way[near] -= 1
                if not self._under_way[near]:
                    del self._under_way[near]

    def sweep(self) -> None:
        """Remove what is older than it may be, whoever brought it, forget what is gone, and count
        what else lies here. Walks the folder: not for every request."""
        now, others = self._clock(), 0
        oldest = now - self.budgets.kept_for
        with self._lock:
            self._let_the_old_go()
            known = list(self._kept.values())
        gone = [one for one in known if not os.path.lexists(one.path)]
        brought = {one.path for one in known}
        for path in self._files():
            with suppress(OSError):
                made = path.lstat()
                if str(path) in brought:
                    continue
                if made.st_mtime < oldest:
                    with self._lock:
                        if not self._bearers[str(path)]:  # brought again meanwhile
                            self._remove(path)
                elif made.st_mtime < now - self.budgets.arrives_within:  # else under way, perhaps
                    others += made.st_size
        with self._lock:
            for one in gone:
                if self._kept.get(one.key) is one:
                    self._let_go(one)
            self._others = others

    def _require_room(self, count: int) -> None:
        if shutil.disk_usage(self.folder).free - count < self.budgets.free_disk:
            raise UploadRefused(507, NO_DISK)
        if self._lying + self._others + self._arriving + count > self.budgets.all_visitors:
            raise UploadRefused(503, FULL)

    def _arrived(self, arriving: Arriving, count: int) -> None:
        with self._lock:
            self._require_room(count)
            arriving.size += count
            self._arriving += count

    def _stored(self, arriving: Arriving, answer: object) -> None:
        names = [str(name) for name in answer] if isinstance(answer, list) else []
        if len(names) != 1:
            for name in names:
                if self._is_plain(name):
                    with suppress(OSError):
                        self._remove(Path(name))
            raise UploadRefused(400, ONE_FILE)
        budgets = self.budgets
        with self._lock, suppress(OSError):
            size = os.lstat(names[0]).st_size
            os.utime(names[0])  # brought again: as new as the last time
            kept = _Kept(arriving.visitor, arriving.near, names[0], size, self._clock())
            self._keep(kept)
            of_visitor, of_address = kept.groups
            self._make_room(of_visitor, budgets.files_per_visitor, budgets.per_visitor)
            self._make_room(of_address, budgets.files_per_address, budgets.per_address)

    def _keep(self, kept: _Kept) -> None:
        if not self._bearers[kept.path]:
            self._sizes[kept.path] = kept.size
            self._lying += kept.size
        self._bearers[kept.path] += 1
        if (before := self._kept.get(kept.key)) is not None:
            self._let_go(before)
        self._kept[kept.key] = kept
        for group in kept.groups:
            self._groups.setdefault(group, {})[kept.key] = kept

    def _let_go(self, kept: _Kept) -> None:
        """Its visitor has it no more; the file goes with the last who brought it."""
        del self._kept[kept.key]
        for group in kept.groups:
            del self._groups[group][kept.key]
            if not self._groups[group]:
                del self._groups[group]
        self._bearers[kept.path] -= 1
        if not self._bearers[kept.path]:
            del self._bearers[kept.path]
            self._lying -= self._sizes.pop(kept.path)
            with suppress(OSError):
                self._remove(Path(kept.path))

    def _let_the_old_go(self) -> None:
        oldest = self._clock() - self.budgets.kept_for
        while self._kept and (first := next(iter(self._kept.values()))).since < oldest:
            self._let_go(first)

    def _make_room(self, group: str, most: int, largest: int) -> None:
        """Of those who share a budget, what was brought longest ago goes."""
        files = self._groups.get(group, {})
        size = sum(one.size for one in files.values())
        while files and (len(files) > most or size > largest):
            first = next(iter(files.values()))
            size -= first.size
            self._let_go(first)

    def _files(self) -> Iterator[Path]:
        for top, _, names in os.walk(self.folder):
            yield from (Path(top) / name for name in names)

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

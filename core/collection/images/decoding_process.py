"""Pictures are decoded in child processes, which a deadline, a memory limit or Cancel can end.

In: the bytes of a file. Out: upright RGB pixels and notes, or `ImageRefused` in words. A library
that hangs in a crafted file cannot be interrupted in a thread; a process can. At most two children
run; each is started at its first picture, kept for the next ones, and replaced after it died or
was ended. They get bytes and give bytes: JSON headers and raw pixels, nothing that could run code
here. A picture that takes long yields the processor to everybody else. Knows no format: the
child's side is `decoding_child`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Protocol

from PIL import Image

from core.collection.images.container_limits import ImageLimits
from core.errors import DecodingCancelled, ImageRefused

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

COMMAND = (sys.executable, "-m", "core.collection.images.decoding_child")

_MIB = 1024 * 1024
_POLL = 0.05  # seconds between two looks at the clock and at `cancelled`
_START_SECONDS = 30.0  # for a child to be ready; 0.2 on an idle machine
_CHILDREN = 2
_SWIFT = 0.8  # seconds of work at normal priority: honest pictures open on a busy machine too
_NICENESS = 10  # after that: a tenth of a processor that others want
_SERVES = 500  # pictures per child, so that nothing a library leaks can pile up
_BAND = 4 * _MIB  # bytes of pixels that are unpacked at a time
_LONGEST_HEADER = 64 * 1024
_LENGTH = struct.Struct(">I")
_KEPT_VARIABLES = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"),
    *("TEMP", "TMP", "SYSTEMROOT", "USERPROFILE", "APPDATA"),  # Windows
    *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
)


class Stream(Protocol):
    """One end of a pipe, unbuffered: a buffer would be written twice after a fork."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill as much of the buffer as there is; 0: the other end is closed."""

    def write(self, data: memoryview, /) -> int | None:
        """Write as much as there is room for."""


@dataclass(frozen=True)
class DecodingLimits:
    """What opening one picture may take, whatever its container says.

    `seconds` of the clock, from handing over the file to having all pixels; `memory` in bytes,
    where the platform can limit it (not on macOS and Windows).
    """

    seconds: float = 4.0
    memory: int = 900 * _MIB


DECODING = DecodingLimits()


@dataclass(frozen=True, eq=False)
class Decoded:
    """An upright RGB picture without metadata, and sentences on what was changed."""

    image: Image.Image
    notes: tuple[str, ...] = ()


def never() -> bool:
    """The default of `cancelled`."""
    return False


class DecodingPool:
    """Hands pictures to child processes, from any thread."""

    def __init__(self, children: int = _CHILDREN, command: Sequence[str] = COMMAND) -> None:
        """`command` starts a child; it must speak as `decoding_child` does."""
        self._children, self._command = children, command
        self._idle: list[_Child] = []
        self._running: set[_Child] = set()
        self._forget()

    def decode(
        self,
        data: bytes,
        image_limits: ImageLimits,
        limits: DecodingLimits = DECODING,
        cancelled: Callable[[], bool] = never,
    ) -> Decoded:
        """Decode in a child; waits while all are busy.

        Raises `ImageRefused` in the child's words, or because the child took too long, ended or
        answered nonsense; `DecodingCancelled` soon after `cancelled` says so. Whatever is raised
        here, no process goes on with the picture.
        """
        free = self._free
        while not free.acquire(timeout=_POLL):
            if cancelled():
                raise DecodingCancelled
        try:
            return self._decode(data, image_limits, limits, cancelled)
        finally:
            free.release()

    def close(self) -> None:
        """End every child. A picture that is under way is refused; the next one starts afresh."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._running.difference_update(idle)
            busy = list(self._running)
        for child in idle:
            child.end()
        for child in busy:  # whoever waits for it sees that, and ends it
            child.process.kill()

    def process_ids(self) -> list[int]:
        """Of the children that run, busy or idle."""
        with self._lock:
            return [child.process.pid for child in self._running if child.is_alive()]

    def _decode(
        self,
        data: bytes,
        image_limits: ImageLimits,
        limits: DecodingLimits,
        cancelled: Callable[[], bool],
    ) -> Decoded:
        if cancelled():
            raise DecodingCancelled
        child = self._taken()
        try:
            answer = child.ask(data, image_limits, limits, cancelled)
        finally:
            self._give_back(child)
        if isinstance(answer, ImageRefused):
            raise answer
        return answer

    def _taken(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    return child
                self._running.discard(child)
                child.end()
        child = _Child(self._command)
        with self._lock:
            self._running.add(child)
        return child

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            if child.is_reusable and child in self._running:
                self._idle.append(child)
                return
            self._running.discard(child)
        child.end()

    def _forget(self) -> None:
        """Begin with no child; in a forked process, those there are belong to its parent."""
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(self._children)
        self._idle, self._running = [], set()


class _Child:
    """One process and the pipes to it."""

    def __init__(self, command: Sequence[str]) -> None:
        self.served = 0
        self.is_reusable = False  # only after an answer that could be believed
        self._stepped_back = False
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd=Path(__file__).resolve().parents[3],
                env=child_environment(os.environ),
                process_group=0 if os.name == "posix" else None,  # Ctrl-C is for the parent
                creationflags=_windows_flags(),
            )
        except (OSError, ValueError, TypeError) as error:  # TypeError: Python knows no own path
            raise ImageRefused(
                "No picture can be opened, because the process that decodes them cannot be "
                "started. Close other programs or start again, then choose the picture again."
            ) from error
        _widen(self.process.stdin, self.process.stdout)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """Kill the process, wait for it, close the pipes."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def ask(
        self,
        data: bytes,
        image_limits: ImageLimits,
        limits: DecodingLimits,
        cancelled: Callable[[], bool],
    ) -> Decoded | ImageRefused:
        """One picture: the answer, or `ImageRefused` raised where none can be waited for.

        A thread talks to the pipes, whose reads cannot time out on every platform. It ends with
        the process, so it is over when this raises.
        """
        self.is_reusable = False
        outcomes: SimpleQueue[Decoded | ImageRefused | None] = SimpleQueue()
        talk = threading.Thread(
            target=self._talk,
            args=(data, image_limits, limits, outcomes),
            name="decoding",
            daemon=True,
        )
        deadline = time.monotonic() + (limits.seconds if self.served else _START_SECONDS)
        swift = self._work_done() + _SWIFT
        talk.start()
        try:
            while True:
                try:
                    outcome = outcomes.get(timeout=_POLL)
                except Empty:
                    if cancelled():
                        raise DecodingCancelled from None
                    if time.monotonic() > deadline:
                        raise _too_slow(limits) from None
                    if not self._stepped_back and self._work_done() > swift:
                        self._step_back()
                    continue
                if outcome is not None:
                    return outcome
                deadline = time.monotonic() + limits.seconds  # the child is ready
        except BaseException:
            self.process.kill()
            raise
        finally:
            talk.join()

    def _work_done(self) -> float:
        """Processor seconds of the child so far; where the system does not tell, those passed."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_bytes().rpartition(b")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError, AttributeError):
            return time.monotonic()

    def _step_back(self) -> None:
        """Let others go first. That is for good: only a new child has normal priority again."""
        self._stepped_back = True
        with contextlib.suppress(OSError, AttributeError):  # it ended; Windows: low from the start
            os.setpriority(os.PRIO_PROCESS, self.process.pid, _NICENESS)

    def _talk(
        self,
        data: bytes,
        image_limits: ImageLimits,
        limits: DecodingLimits,
        outcomes: SimpleQueue[Decoded | ImageRefused | None],
    ) -> None:
        """Puts None once a new child is ready, then the outcome; every failure is an outcome."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        requests: Any = self.process.stdin
        answers: Any = self.process.stdout
        header = {
            "bytes": len(data),
            "memory": limits.memory,
            "seconds": limits.seconds,
            "limits": asdict(image_limits),
        }
        try:
            if not self.served:
                if read_header(answers) is None:
                    raise EOFError
                outcomes.put(None)
            write_message(requests, header, data)
            answer = _received(answers, image_limits)
        except MemoryError:  # of this process, for the pixels
            outcomes.put(out_of_memory())
        except (OSError, EOFError, ValueError, TypeError, KeyError, RecursionError):
            outcomes.put(_ended())
        else:
            self.served += 1
            self.is_reusable = self.served < _SERVES and not self._stepped_back
            outcomes.put(answer)


def write_message(stream: Stream, header: Mapping[str, object], body: bytes = b"") -> None:
    """A JSON header with its length before it, then `body` as it is."""
    text = json.dumps(header).encode("ascii")
    for part in (_LENGTH.pack(len(text)) + text, body):
        rest = memoryview(part)
        while rest:
            rest = rest[stream.write(rest) or 0 :]


def read_header(stream: Stream) -> dict[str, Any] | None:
    """The header of a message; None: the other end is closed. Raises ValueError for nonsense."""
    try:
        (length,) = _LENGTH.unpack(read_exactly(stream, _LENGTH.size))
    except EOFError:
        return None
    if length > _LONGEST_HEADER:
        raise ValueError("a header beyond every length")
    header = json.loads(read_exactly(stream, length))
    if not isinstance(header, dict):
        raise ValueError("a header that is not an object")
    return header


def read_exactly(stream: Stream, size: int) -> bytearray:
    """`size` bytes; raises EOFError where the other end closes before."""
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        count = stream.readinto(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data


def out_of_memory() -> ImageRefused:
    """The refusal of a picture that needs more memory than there is or may be used."""
    return ImageRefused("There is not enough memory to open the picture. Reduce it and try again.")


def band_rows(width: int) -> int:
    """How many rows of a picture are packed and sent at a time."""
    return max(1, _BAND // (3 * width))


def _received(answers: Stream, image_limits: ImageLimits) -> Decoded | ImageRefused:
    """What the child says, believed only as far as it can be checked."""
    header = read_header(answers)
    if header is None:
        raise EOFError
    if "refused" in header:
        return ImageRefused(_text(header["refused"]))
    width, height = header["width"], header["height"]
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        raise ValueError("a size that is none")
    if width * height > image_limits.max_pixels:
        raise ValueError("more pixels than were allowed")
    notes = tuple(_text(note) for note in header["notes"])
    image = Image.new("RGB", (width, height))
    step = band_rows(width)
    for top in range(0, height, step):
        rows = min(step, height - top)
        band = read_exactly(answers, 3 * width * rows)
        image.paste(Image.frombytes("RGB", (width, rows), band), (0, top))
    return Decoded(image, notes)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 1000:
        raise ValueError("words that are none")
    return value


def _too_slow(limits: DecodingLimits) -> ImageRefused:
    return ImageRefused(
        f"Opening the picture took more than {limits.seconds:g} seconds, so it was stopped. "
        "Reduce it or export it again, then try that."
    )


def _ended() -> ImageRefused:
    return ImageRefused(
        "The process that opened the picture ended before it was done: the file is damaged or "
        "needs too much memory. Export it again or reduce it, then try that."
    )


def _widen(*pipes: IO[bytes] | None) -> None:
    """Let a pipe hold a mebibyte, where that can be set: fewer turns of two processes."""
    for pipe in pipes:
        with contextlib.suppress(OSError, AttributeError):  # no right to more; not Linux
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _MIB)  # type: ignore[arg-type]


def child_environment(own: Mapping[str, str]) -> dict[str, str]:
    """What a child needs to start, and no secrets; one thread, so that one processor is enough."""
    kept = {name: value for name, value in own.items() if name.upper() in _KEPT_VARIABLES}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
    return kept | single


def _windows_flags() -> int:
    names = ("CREATE_NO_WINDOW", "BELOW_NORMAL_PRIORITY_CLASS")
    return sum(getattr(subprocess, name, 0) for name in names)


POOL = DecodingPool()
atexit.register(POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL._forget)

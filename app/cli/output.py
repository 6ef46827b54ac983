"""What a command shows: text and JSON on stdout, the progress bar on stderr.

In: values and streams of events. Out: lines. The bar is drawn only where a person watches (stderr
is a terminal); a table is plain text in a file or a pipe, the same bytes everywhere, and fits the
window of a terminal. Knows no verb and no part of the core but `Progress`.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from core.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

    from app.services.serialize import Record

E = TypeVar("E")
WIDTH = 24  # of the bar, in letters
EVERY = 0.1  # seconds between two drawings of the bar


# what steers a terminal, or turns the order of its letters: never from a file, a pack or a name
STEERING = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def inert(text: str) -> str:
    """The text with a mark in the place of every letter that would steer a terminal."""
    return STEERING.sub("\ufffd", text)


def say(text: str = "") -> None:
    """One line for a person, on stdout."""
    _write(inert(text))


def show_json(answer: Record | Sequence[Record]) -> None:
    """One object, or a list of them, on one line of stdout."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf8")
    value: object
    if isinstance(answer, Sequence):
        value = [record.plain() for record in answer]
    else:
        value = answer.plain()
    line = json.dumps(value, ensure_ascii=not utf8, allow_nan=False)
    _write(STEERING.sub(lambda one: f"\\u{ord(one[0]):04x}", line))


def complain(sentence: str) -> None:
    """One sentence on stderr."""
    _write(inert(" ".join(sentence.split())), error=True)


def _write(text: str, *, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    try:
        stream.write(text + "\n")
    except UnicodeEncodeError:  # a terminal that knows fewer letters than artists' names have
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns; numbers to the right."""
    cells = [[inert(str(cell)) for cell in row] for row in rows]
    right = [
        bool(cells) and all(_is_number(row[column]) for row in cells)
        for column in range(len(headers))
    ]
    lines = _fitted if sys.stdout.isatty() else _aligned
    for line in lines(headers, cells, right):
        _write(line)  # its heads may be bold


def _aligned(
    headers: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]
) -> Iterator[str]:
    """A table as programs read it: one row per line, however long."""
    lines = [headers, *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    for line in lines:
        aligned = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        yield "  ".join(aligned).rstrip()


def _fitted(
    headers: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]
) -> Iterator[str]:
    """A table as a person reads it: long cells go on below, within the window's width."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header, to_right in zip(headers, right, strict=True):
        grid.add_column(Text(header), justify="right" if to_right else "left", overflow="fold")
    for row in cells:
        grid.add_row(*(Text(cell) for cell in row))
    console = Console()
    with console.capture() as shown:
        console.print(grid)
    yield from (line.rstrip() for line in shown.get().splitlines())


def _is_number(text: str) -> bool:
    return text.removesuffix(" %").lstrip("+-").replace(".", "", 1).replace(",", "").isdigit()


class ProgressBar:
    """Draws `Progress` on stderr, in place, with the time that is left; silent elsewhere."""

    def __init__(self) -> None:
        self.watched = sys.stderr.isatty()
        self.display: Display | None = None
        self.task: TaskID | None = None
        self.phase = ""
        self.last = 0.0

    def show(self, progress: Progress) -> None:
        """Draw, at most ten times a second, and always the last step of a phase."""
        if not self.watched:
            return
        if progress.phase != self.phase:
            self.close()
            self._begin(progress)
        now = time.monotonic()
        if self.display is None or self.task is None:
            return
        if now - self.last < EVERY and progress.done < progress.total:
            return
        self.last = now
        self.display.update(
            self.task, completed=progress.done, note=inert(progress.note), refresh=True
        )

    def _begin(self, progress: Progress) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Display

        self.display = Display(
            TextColumn("{task.description}", markup=False),
            MofNCompleteColumn(),
            BarColumn(WIDTH),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(stderr=True),
            auto_refresh=False,  # no thread: the work may fork
            redirect_stdout=False,  # what is printed on the way is the answer, not the bar's
            redirect_stderr=False,
        )
        self.display.start()
        self.phase, self.last = progress.phase, 0.0
        self.task = self.display.add_task(
            inert(progress.phase),
            total=progress.total,
            completed=progress.done,
            note=inert(progress.note),
        )

    def close(self) -> None:
        """End the line that is being drawn."""
        if self.display is not None:
            self.display.stop()
        self.display, self.task, self.phase = None, None, ""


def watch(events: Iterable[E | Progress]) -> Generator[E, None, None]:
    """Draw the progress among `events`, hand on the rest; leaving early closes the work."""
    bar = ProgressBar()
    try:
        for event in events:
            if isinstance(event, Progress):
                bar.show(event)
            else:
                bar.close()  # what is said of the event begins on a line of its own
                yield event
    finally:
        bar.close()
        if hasattr(events, "close"):
            events.close()


def last(events: Iterable[Any], kind: type[E]) -> E:
    """The final event of this kind, with the bar drawn on the way."""
    result: E | None = None
    with contextlib.closing(watch(events)) as watched:
        for event in watched:
            if isinstance(event, kind):
                result = event
    if result is None:
        raise RuntimeError(f"the work ended without a {kind.__name__}")
    return result


def run(events: Iterable[Any]) -> None:
    """Work whose result lies on the disk: draw its bar to the end."""
    for _ in watch(events):
        pass

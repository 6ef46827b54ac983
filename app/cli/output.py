"""What a command shows: text and JSON on stdout, the progress bar on stderr.

In: values and streams of events. Out: lines. The bar is drawn only where a person watches (stderr
is a terminal). Knows no verb and no part of the core but `Progress`.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from core.progress import Progress

E = TypeVar("E")
WIDTH = 24
EVERY = 0.1  # seconds between two drawings of the bar


def say(text: str = "") -> None:
    """One line for a person, on stdout."""
    _write(text)


def show_json(value: object) -> None:
    """One JSON value on one line of stdout; what is no number becomes null."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf8")
    _write(json.dumps(plain(value), ensure_ascii=not utf8, allow_nan=False))


def complain(sentence: str) -> None:
    """One sentence on stderr."""
    _write(" ".join(sentence.split()), error=True)


def _write(text: str, *, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    try:
        stream.write(text + "\n")
    except UnicodeEncodeError:  # a terminal that knows fewer letters than artists' names have
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


def plain(value: Any) -> Any:
    """Dataclasses, tuples, paths and dates as JSON knows them."""
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "tolist"):  # a numpy number or vector
        return plain(value.tolist())
    return [plain(item) for item in value]


def credits(micro: int) -> str:
    """Micro-credits as credits, to the last one: 412000 -> 0.412000."""
    sign, whole = "-" if micro < 0 else "", abs(micro)
    return f"{sign}{whole // 1_000_000}.{whole % 1_000_000:06d}"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [
        max(len(header), *(len(row[column]) for row in cells)) if cells else len(header)
        for column, header in enumerate(headers)
    ]
    right = [
        bool(cells) and all(_is_number(row[column]) for row in cells)
        for column in range(len(headers))
    ]
    for line in [list(headers), *cells]:
        aligned = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        say("  ".join(aligned).rstrip())


def _is_number(text: str) -> bool:
    return text.removesuffix(" %").lstrip("+-").replace(".", "", 1).replace(",", "").isdigit()


class Bar:
    """Draws `Progress` on stderr, in place, with the time that is left; silent elsewhere."""

    def __init__(self) -> None:
        self.drawn = sys.stderr.isatty()
        self.phase = ""
        self.began = self.last = 0.0

    def show(self, progress: Progress) -> None:
        """Draw, at most ten times a second, and always the last step of a phase."""
        if not self.drawn:
            return
        now = time.monotonic()
        if progress.phase != self.phase:
            self.close()
            self.phase, self.began, self.last = progress.phase, now, 0.0
        if now - self.last < EVERY and progress.done < progress.total:
            return
        self.last = now
        filled = round(WIDTH * progress.fraction)
        left = ""
        if 0 < progress.done < progress.total:
            seconds = (now - self.began) * (progress.total - progress.done) / progress.done
            left = f"  {_duration(seconds)} left"
        bar = "▓" * filled + "░" * (WIDTH - filled)
        line = f"{progress.phase}  {progress.done}/{progress.total}  {bar}{left}"
        sys.stderr.write(f"\r\x1b[K{line}  {progress.note}"[:200])
        sys.stderr.flush()

    def close(self) -> None:
        """End the line that is being drawn."""
        if self.drawn and self.phase:
            sys.stderr.write("\n")
            sys.stderr.flush()
        self.phase = ""


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def watch(events: Iterable[E | Progress]) -> Generator[E, None, None]:
    """Draw the progress among `events`, hand on the rest; leaving early closes the work."""
    bar = Bar()
    try:
        for event in events:
            if isinstance(event, Progress):
                bar.show(event)
            else:
                yield event
    finally:
        bar.close()
        if hasattr(events, "close"):
            events.close()


def last(events: Iterable[Any], kind: type[E]) -> E:
    """The final event of this kind, with the bar drawn on the way."""
    found: E | None = None
    with contextlib.closing(watch(events)) as watched:
        for event in watched:
            if isinstance(event, kind):
                found = event
    if found is None:
        raise RuntimeError(f"the work ended without a {kind.__name__}")
    return found


def run(events: Iterable[Any]) -> None:
    """Work whose result lies on the disk: draw its bar to the end."""
    for _ in watch(events):
        pass

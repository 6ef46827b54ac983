"""How long jobs take: learnt from those that were done.

In: when jobs begin, are some steps further, and end. Out: seconds that one would take, and that one
under way still needs; None while nothing is known. Not safe between threads by itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

REMEMBERED = 8  # jobs whose mean is taken: a machine's speed changes with what else it does
Work = tuple[str, int | None]  # kind, and steps of a painting; None: the collection's usual number


class JobTimes:
    """The times of one studio's jobs. What is known of one number of steps is scaled to others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: dict[Work, deque[float]] = {}
        self._began: dict[str, float] = {}
        self._said: dict[str, tuple[float, float]] = {}  # seconds left, and when that was said

    def begin(self, job: str) -> None:
        """It starts now."""
        self._began[job] = self._clock()

    def step(self, job: str, seconds_left: float) -> None:
        """It is a step further, and says itself how long it will still paint."""
        self._said[job] = (seconds_left, self._clock())

    def end(self, job: str, work: Work, *, finished: bool) -> None:
        """It is over; what was cancelled teaches nothing."""
        began, _ = self._began.pop(job), self._said.pop(job, None)
        if finished:
            self._done.setdefault(work, deque(maxlen=REMEMBERED)).append(self._clock() - began)

    def of(self, work: Work) -> float | None:
        """Seconds that such a job takes."""
        if times := self._done.get(work):
            return sum(times) / len(times)
        kind, steps = work
        for (known_kind, known_steps), times in self._done.items():
            if known_kind == kind:
                scale = steps / known_steps if steps and known_steps else 1.0
                return scale * sum(times) / len(times)
        # nothing was ever finished: as long as one that is under way looks now
        for job, (seconds_left, said) in self._said.items():
            return said - self._began[job] + seconds_left
        return None

    def left(self, job: str, work: Work) -> float | None:
        """Seconds that one under way still needs."""
        now, usual = self._clock(), self.of(work)
        if usual is not None:
            return max(0.0, self._began[job] + usual - now)
        if job in self._said:
            seconds_left, said = self._said[job]
            return max(0.0, said + seconds_left - now)
        return None

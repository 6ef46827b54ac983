"""A run is cancelled or recorded, never both: whoever asks first decides, and the page says which.

Closing a stream of events does not stop the thread that makes the next one: without a word agreed
between the two, a page could say "nothing was recorded" while the ledger is being written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cancellation(Generic[T]):
    """Between one run and whoever may cancel it, from any thread. T: what recording ends with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recording, self._cancelled = False, False
        self._ended = threading.Event()
        self._outcome: T | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled, so that nothing of it may be recorded."""
        return self._cancelled

    @property
    def ended(self) -> bool:
        """Whether recording is over."""
        return self._ended.is_set()

    def cancel(self) -> bool:
        """Cancel the run. False: it is being recorded or has been; `outcome` says with what."""
        with self._lock:
            self._cancelled = not self._recording
            return self._cancelled

    def record(self, recording: Callable[[], T]) -> T | None:
        """Do `recording`, which can no longer be cancelled then; None: it was cancelled before."""
        with self._lock:
            if self._cancelled:
                return None
            self._recording = True
        try:
            self._outcome = recording()
        finally:
            self._ended.set()
        return self._outcome

    def outcome(self) -> T | None:
        """What recording ended with, waited for; None where it failed unforeseen."""
        self._ended.wait()
        return self._outcome

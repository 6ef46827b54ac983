"""How often something may happen: so many times within a window that slides.

In: keys, as addresses and names. Out: whether there is room, and how long to wait. Kept in memory:
a restart forgets it, which costs whoever guesses more than it gives.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import deque
from collections.abc import Callable

MOST_KEYS = 50_000  # kept; then those that are longest ago go


class Throttle:
    """At most `most` per key within `seconds`; safe to ask from any thread."""

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most, self.seconds, self._clock = most, seconds, clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def wait(self, key: str) -> float:
        """Seconds until there is room again; 0 where there is room now."""
        with self._lock:
            times = self._recent(key)
            return 0.0 if len(times) < self.most else times[0] + self.seconds - self._clock()

    def count(self, key: str) -> None:
        """It has happened once more."""
        with self._lock:
            times = self._recent(key)
            times.append(self._clock())
            self._times.pop(key, None)
            self._times[key] = times  # the newest last
            while len(self._times) > MOST_KEYS:
                self._times.pop(next(iter(self._times)))

    def forget(self, key: str) -> None:
        """As if it had never happened."""
        with self._lock:
            self._times.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        times = self._times.get(key, deque())
        while times and times[0] <= self._clock() - self.seconds:
            times.popleft()
        return times


def neighbourhood(address: str) -> str:
    """Whom an address stands for: itself, or of IPv6 the /64 that one household has."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is None:
        return str(ipaddress.ip_network((number, 64), strict=False))
    return str(number)

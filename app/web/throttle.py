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
from contextlib import ExitStack

MOST_KEYS = 50_000  # kept; then those that are longest ago go
SHORTEST = 1e-3  # seconds: no wait is rounded to none


class Throttle:
    """At most `most` per key within `seconds`; safe to ask from any thread."""

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most, self.seconds, self._clock = most, seconds, clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def take(self, key: str) -> float:
        """Count it, where there is room; else seconds until there is. One step: however many ask
        at once, no more than `most` get 0."""
        return take_all((self, key))

    def forget(self, key: str) -> None:
        """As if it had never happened."""
        with self._lock:
            self._times.pop(key, None)

    def _wait(self, key: str) -> float:
        times = self._recent(key)
        if len(times) < self.most:
            return 0.0
        return max(times[0] + self.seconds - self._clock(), SHORTEST)

    def _count(self, key: str) -> None:
        times = self._recent(key)
        times.append(self._clock())
        self._times.pop(key, None)
        self._times[key] = times  # the newest last
        while len(self._times) > MOST_KEYS:
            self._times.pop(next(iter(self._times)))

    def _recent(self, key: str) -> deque[float]:
        times = self._times.get(key, deque())
        while times and times[0] <= self._clock() - self.seconds:
            times.popleft()
        return times


def take_all(*claims: tuple[Throttle, str]) -> float:
    """Count it for each of these throttles, where each has room for its key; else for none, and the
    longest wait. Always name the same ones in the same order."""
    with ExitStack() as held:
        for throttle, _ in claims:
            held.enter_context(throttle._lock)
        wait = max(throttle._wait(key) for throttle, key in claims)
        if not wait:
            for throttle, key in claims:
                throttle._count(key)
        return wait


def neighbourhood(address: str) -> str:
    """Whom an address stands for: itself, or of IPv6 the /64 that one household has."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is None:
        return str(ipaddress.ip_network((number, 64), strict=False))
    return str(number)

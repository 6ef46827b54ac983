"""A queue that is fair between callers: in every round each of them gets one turn.

In: items, each with its owner. Out: the next one; and the order in which all would come. One who
brings a hundred at once waits behind everybody's first. Not safe between threads by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Round robin over owners; of one owner, first come, first served."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[T]] = {}  # the owner whose turn is next comes first

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def put(self, owner: str, item: T) -> None:
        """At the end of this owner's line; a new owner comes behind the others."""
        self._lines.setdefault(owner, deque()).append(item)

    def take(self) -> T | None:
        """The next one; None where nothing waits. Its owner's turn comes again after the others."""
        for owner, line in self._lines.items():
            item = line.popleft()
            del self._lines[owner]
            if line:
                self._lines[owner] = line
            return item
        return None

    def remove(self, item: T) -> bool:
        """Take it out of its line; False where it does not wait (any more)."""
        for owner, line in self._lines.items():
            if item in line:
                line.remove(item)
                if not line:
                    del self._lines[owner]
                return True
        return False

    def order(self) -> Iterator[T]:
        """Every item in the order of `take`, if nothing more came."""
        lines = [deque(line) for line in self._lines.values()]
        while lines:
            for line in lines:
                yield line.popleft()
            lines = [line for line in lines if line]

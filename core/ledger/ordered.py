"""Two answers of the database in the same order, read side by side.

In: rows ordered by a number. Out: the rows of one number at a time. Holds one group, however many
rows there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Generic, TypeVar

R = TypeVar("R")


class OrderedGroups(Generic[R]):
    """Rows ordered by `number`, taken number by number in that order."""

    def __init__(self, rows: Iterable[R], number: Callable[[R], int]) -> None:
        self._groups = groupby(rows, key=number)
        self._next = next(self._groups, None)

    def take(self, number: int) -> list[R]:
        """The rows of `number`, which is greater than every number taken before; may be none."""
        if self._next is None or self._next[0] != number:
            return []
        rows = list(self._next[1])
        self._next = next(self._groups, None)
        return rows

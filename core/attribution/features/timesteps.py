"""Which timesteps a feature is made of.

In: a rule. Out: K of the schedule's timesteps. Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import UsageError, require_one_of

TIMESTEP_KINDS = ("uniform", "cumulative")


@dataclass(frozen=True)
class TimestepRule:
    """`uniform`: range(0, T, T // count), where count divides T; `cumulative`: range(count)."""

    kind: str = "uniform"
    count: int = 10

    def __post_init__(self) -> None:
        require_one_of("timestep rule", self.kind, TIMESTEP_KINDS)

    def timesteps(self, length: int) -> list[int]:
        """The K timesteps out of `length`. Raises `UsageError` where the rule cannot be kept."""
        if not 1 <= self.count <= length:
            raise UsageError(f"{self.count} timesteps cannot be taken out of {length}.")
        if self.kind == "cumulative":
            return list(range(self.count))
        if length % self.count:
            raise UsageError(
                f"{self.count} uniform timesteps do not divide {length}. "
                "Choose a divisor, 10 or 100 for example."
            )
        return list(range(0, length, length // self.count))

"""The shape of a score: a generic step after any method, so that strong scores count for more.

In: scores. Out: sign(s) |s|^p, or the positive part to the power p. The order of positive scores
stays; what changes is how much the strongest weigh in a sum over works.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Sharpening:
    """`exponent` p > 0; `positive`: opponents count for nothing instead of against."""

    exponent: float = 1.0
    positive: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.exponent) and self.exponent > 0):
            raise UsageError(
                f"Scores cannot be sharpened by the exponent {self.exponent}: give a number "
                "greater than 0; 1 leaves them as they are."
            )

    def __str__(self) -> str:
        """As a table states it."""
        return f"{'positive, ' if self.positive else ''}p = {self.exponent:g}"

    def of(self, scores: Matrix) -> Matrix:
        """The scores `[...]` in this shape."""
        size: Matrix = np.abs(scores) ** self.exponent
        return np.where(scores > 0, size, 0.0) if self.positive else np.sign(scores) * size


PLAIN = Sharpening()
SHARPENINGS = tuple(
    Sharpening(exponent, positive) for positive in (False, True) for exponent in (1.0, 2.0, 3.0)
)

"""What a run measured, whichever rule shares by it: how much is owed, and to whom, above chance.

In: influence and chance per artist. Out: evidence that a ledger keeps, the artists whose influence
is above chance, and whether one of them decided the picture. Knows no rule and no database.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from core.errors import UsageError

# a work's maker by id, or (id, parts of the work's credit) of several
Makers = str | Sequence[tuple[str, int]]
DISCOVERY_RATE = 0.05  # expected share of false names among the artists who are credited


@dataclass(frozen=True)
class ArtistPart:
    """What a run measured for one artist, whichever rule shares by it.

    `influence`: the sum over the artist's works of the squared positive raw score, near-copies
    counted as one work. `chance`: how often pictures that this artist did not shape reach as much.
    `joined_z`: the works' z by Stouffer, for the rule that joins works first.
    """

    artist_id: str
    influence: float
    chance: float
    joined_z: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.influence) and self.influence >= 0 and 0 <= self.chance <= 1):
            raise UsageError(
                f"The evidence for the artist '{self.artist_id}' is out of range (influence "
                f"{self.influence}, chance {self.chance}): nothing can be shared by it."
            )


@dataclass(frozen=True)
class Evidence:
    """`attributable` in [0, 1]: how much of the picture is owed to the collection at all.

    `artists`: every artist of the collection once. `signals`: the numbers behind `attributable`,
    for whoever asks why. `departed`: the influence of works that left the collection, which the
    model still knows: it is nobody's here, and must not become the others'.
    """

    attributable: float
    artists: tuple[ArtistPart, ...] = ()
    signals: Mapping[str, float] = field(default_factory=dict)
    departed: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.attributable <= 1:
            raise UsageError(
                f"A picture cannot be owed to a collection by {self.attributable}: the part lies "
                "between 0 and 1."
            )
        if not (math.isfinite(self.departed) and self.departed >= 0):
            raise UsageError(f"The influence of works that left is out of range ({self.departed}).")
        if len({part.artist_id for part in self.artists}) < len(self.artists):
            raise UsageError("The evidence names an artist twice: join their parts first.")

    @classmethod
    def of(
        cls,
        attributable: float,
        artists: Mapping[str, tuple[float, float]],
        z: Sequence[float],
        makers: Sequence[Makers],
        signals: Mapping[str, float],
        departed: float = 0.0,
    ) -> Evidence:
        """From (influence, chance) per artist and the works' `z [n]`, `makers [n]`."""
        joined = joined_by_stouffer(z, makers)
        parts = [
            ArtistPart(artist, influence, chance, joined.get(artist, 0.0))
            for artist, (influence, chance) in sorted(artists.items())
        ]
        return cls(attributable, tuple(parts), dict(signals), departed)

    def plain(self) -> dict[str, Any]:
        """For json."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Evidence:
        """The inverse of `plain`."""
        parts = tuple(ArtistPart(**row) for row in values["artists"])
        return cls(values["attributable"], parts, values["signals"], values.get("departed", 0.0))


def significant_artists(evidence: Evidence, discovery_rate: float) -> frozenset[str]:
    """Whose influence is above chance, at this expected share of false names among them.

    Benjamini and Hochberg (1995): with chances p_(1) <= ... <= p_(a), the k artists of the largest
    k with p_(k) <= k / a x rate. Who had no influence is never among them.
    """
    ranked = sorted(evidence.artists, key=lambda part: (part.chance, part.artist_id))
    last = 0
    for k, part in enumerate(ranked, start=1):
        if part.chance <= k * discovery_rate / len(ranked):
            last = k
    return frozenset(part.artist_id for part in ranked[:last] if part.influence > 0)


@dataclass(frozen=True)
class Decision:
    """Who decided a picture: `significant` artists above chance; `artist_id` has more than half of
    all influence, None where nobody has; `part`: the largest significant part of it, in [0, 1]."""

    significant: int
    artist_id: str | None
    part: float


def decision(evidence: Evidence, discovery_rate: float = DISCOVERY_RATE) -> Decision:
    """Whether one artist's works decided a picture, several artists' together, or nobody's."""
    credited = significant_artists(evidence, discovery_rate) if evidence.attributable else ()
    total = math.fsum([evidence.departed, *(part.influence for part in evidence.artists)])
    parts = [(one.influence / total, one.artist_id) for one in evidence.artists if total]
    largest = max((one for one in parts if one[1] in credited), default=(0.0, ""))
    return Decision(len(credited), largest[1] if largest[0] > 0.5 else None, largest[0])


def portions(makers: Makers) -> tuple[tuple[str, Fraction], ...]:
    """(artist id, portion of the work's credit) of each maker: exact, together 1.

    Raises `UsageError` where nobody has a part, or somebody a negative one.
    """
    if isinstance(makers, str):
        return ((makers, Fraction(1)),)
    whole = sum(weight for _, weight in makers)
    if whole <= 0 or min(weight for _, weight in makers) < 0:
        raise UsageError(
            f"The makers {makers} of a work cannot share its credit: give positive weights."
        )
    return tuple((who, Fraction(weight, whole)) for who, weight in makers if weight)


def joined_by_stouffer(z: Sequence[float], makers: Sequence[Makers]) -> dict[str, float]:
    """Each artist's z from the works' `z [n]` and their `makers [n]`, weighed by their portions w:
    sum of w z / sqrt(sum of w^2), which is sum / sqrt(works) where every work is one maker's."""
    sums: dict[str, tuple[list[float], list[float]]] = {}
    for value, own in zip(z, makers, strict=True):
        for artist, portion in portions(own):
            values, squares = sums.setdefault(artist, ([], []))
            values.append(float(portion) * value)
            squares.append(float(portion) ** 2)
    return {
        artist: math.fsum(values) / math.sqrt(math.fsum(squares))
        for artist, (values, squares) in sorted(sums.items())
    }

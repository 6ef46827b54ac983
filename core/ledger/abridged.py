"""A run's evidence without the thousands of artists who have no part in it.

In: evidence of every artist. Out: the same with those whose numbers decide something, and what
stands for the rest: how many, their influence exactly, and the hash of the whole. From it the rules
that share by significant artists give the same shares as from the whole.
"""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass, replace
from fractions import Fraction

from core.ledger.evidence import DISCOVERY_RATE, ArtistPart, Evidence, significant_artists
from core.ledger.hashes import canonical, evidence_sha256

LISTED = 250  # artists up to which all are listed


@dataclass(frozen=True, kw_only=True)
class Rest:
    """`artists` who are not listed, the numbers whose exact sum is their `influence`, and the
    `sha256` of the whole evidence as the run's digest covers it."""

    artists: int
    influence: tuple[float, ...]
    sha256: str


def abridged(evidence: Evidence, credited: Set[str]) -> tuple[Evidence, Rest | None]:
    """The evidence of the `credited` and of whoever is above chance, and the rest; the whole, and
    None, where few artists are in it."""
    if len(evidence.artists) <= LISTED:
        return evidence, None
    wanted = credited | significant_artists(evidence, DISCOVERY_RATE)
    listed = tuple(part for part in evidence.artists if part.artist_id in wanted)
    left = [part for part in evidence.artists if part.artist_id not in wanted]
    if not left:
        return evidence, None
    total = sum((Fraction(part.influence) for part in left), Fraction(0))
    whole = evidence_sha256(canonical(evidence.plain()))
    return replace(evidence, artists=listed), Rest(
        artists=len(left), influence=_summands(total), sha256=whole
    )


def with_rest(evidence: Evidence, rest: Rest) -> Evidence:
    """The listed, and nameless artists in the place of the rest: as many, with as much influence
    together, and none of it above chance."""
    amounts = [*rest.influence, *[0.0] * (rest.artists - len(rest.influence))]
    nameless = (
        ArtistPart(f"\0{number}", amount, 1.0)  # no artist's id
        for number, amount in enumerate(amounts)
    )
    return replace(evidence, artists=(*evidence.artists, *nameless))


def _summands(total: Fraction) -> tuple[float, ...]:
    """Floating-point numbers, each as large as it can be, whose exact sum is `total`: a sum of such
    numbers, so it ends."""
    summands = []
    while total:
        largest = float(total)
        if Fraction(largest) > total:
            largest = math.nextafter(largest, 0.0)
        summands.append(largest)
        total -= Fraction(largest)
    return tuple(summands)

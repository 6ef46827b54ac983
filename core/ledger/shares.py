"""Signed scores to shares that sum exactly: rules as rows, integers as results.

In: a z a work and who made it. Out: micro-credits an artist and what stays unattributed, together
1,000,000. Opponents are never debited. Knows no database.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from core.errors import UsageError

WHOLE = 1_000_000  # micro-credits a generation

Weights = dict[str, Fraction]


@dataclass(frozen=True)
class ShareRule:
    """A rule by name and version with its parameters; a change is a new version or parameter."""

    name: str = "top-k-positive"
    version: int = 1
    parameters: tuple[tuple[str, float], ...] = (("top_k", 20), ("z_floor", 2.0))

    @property
    def id(self) -> str:
        """Name, version and a digest of the parameters."""
        text = json.dumps(sorted(self.parameters), separators=(",", ":"))
        return f"{self.name}@{self.version}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def __getitem__(self, key: str) -> float:
        values = dict(self.parameters)
        if key not in values:
            raise UsageError(f"The share rule '{self.name}' needs the parameter '{key}'.")
        return values[key]


DEFAULT_RULE = ShareRule()
ARTIST_FIRST = ShareRule("artist-first", 1, (("top_k", 20), ("z_floor", 2.0)))
HYBRID = ShareRule("hybrid", 1, (("alpha", 0.2), ("top_k", 20), ("z_floor", 2.0)))
KNOWN_RULES = {rule.id: rule for rule in (DEFAULT_RULE, ARTIST_FIRST, HYBRID)}


def read_rule(row: Mapping[str, Any]) -> ShareRule:
    """A rule from its row: name, version, and its parameters as JSON."""
    parameters = json.loads(row["parameters"])
    return ShareRule(row["name"], row["version"], tuple(sorted(parameters.items())))


@dataclass(frozen=True)
class Shares:
    """`artist_micro` (artist id -> micro-credits > 0) and the rest; the sum is 1,000,000."""

    rule: ShareRule
    artist_micro: Mapping[str, int] = field(default_factory=dict)
    unattributed_micro: int = WHOLE

    def __post_init__(self) -> None:
        if sum(self.artist_micro.values()) + self.unattributed_micro != WHOLE:
            raise UsageError("Shares must sum to exactly 1,000,000 micro-credits.")


def shares(
    z: Sequence[float],
    artist_ids: Sequence[str],
    rule: ShareRule = DEFAULT_RULE,
    opted_out: frozenset[str] = frozenset(),
) -> Shares:
    """The shares that `rule` draws from `z [n]`; `artist_ids [n]` says whose work each is.

    Shares of artists who opted out go to unattributed. Raises `UsageError` for an unknown rule, for
    lengths that differ, and for a z that is no number.
    """
    if len(z) != len(artist_ids):
        raise UsageError(f"{len(z)} scores do not fit {len(artist_ids)} works.")
    values = [float(value) for value in z]
    if not all(math.isfinite(value) for value in values):
        raise UsageError("A score is not a finite number: nothing can be shared by it.")
    if rule.name not in RULES:
        raise UsageError(
            f"There is no share rule '{rule.name}'. Choose one of: {', '.join(RULES)}."
        )
    weights, unattributed = RULES[rule.name](values, artist_ids, rule)
    for artist in opted_out & set(weights):
        unattributed += weights.pop(artist)
    return _rounded(weights, unattributed, rule)


def strongest_places(z: Sequence[float], rule: ShareRule = DEFAULT_RULE) -> list[int]:
    """The works, as places in `z [n]`, from which `rule` draws all shares, strongest first.

    Raises `UsageError` for a rule that does not look at single works.
    """
    if rule.name not in BY_WORKS:
        raise UsageError(
            f"The share rule '{rule.name}' credits no single works. "
            f"Choose one of: {', '.join(BY_WORKS)}."
        )
    positive = (place for place in range(len(z)) if z[place] > 0)
    return heapq.nsmallest(int(rule["top_k"]), positive, key=lambda place: (-z[place], place))


def credited_places(z: Sequence[float], rule: ShareRule = DEFAULT_RULE) -> list[int]:
    """Those of `strongest_places` that stand above the floor and so earn their artist a share."""
    return [place for place in strongest_places(z, rule) if z[place] > rule["z_floor"]]


def _top_k_positive(
    z: Sequence[float], artist_ids: Sequence[str], rule: ShareRule
) -> tuple[Weights, Fraction]:
    """The k works with the highest positive z; of each, what noise can explain stays unattributed.

    A work with z above the floor gives z - floor to its artist and the floor to nobody; a work
    below it gives all of its z to nobody.
    """
    chosen = [(artist_ids[place], Fraction(z[place])) for place in strongest_places(z, rule)]
    return _above(Fraction(rule["z_floor"]), chosen)


def _artist_first(
    z: Sequence[float], artist_ids: Sequence[str], rule: ShareRule
) -> tuple[Weights, Fraction]:
    """Each artist's z by Stouffer, sum / sqrt(works), so that many works alone do not win."""
    by_artist: dict[str, list[float]] = {}
    for value, artist in zip(z, artist_ids, strict=True):
        by_artist.setdefault(artist, []).append(value)
    joined = [
        (artist, Fraction(math.fsum(values) / math.sqrt(len(values))))
        for artist, values in sorted(by_artist.items())
    ]
    best = sorted((pair for pair in joined if pair[1] > 0), key=lambda pair: (-pair[1], pair[0]))
    return _above(Fraction(rule["z_floor"]), best[: int(rule["top_k"])])


def _hybrid(
    z: Sequence[float], artist_ids: Sequence[str], rule: ShareRule
) -> tuple[Weights, Fraction]:
    """alpha shared alike by all artists of the collection, the rest by top-k-positive."""
    weights, unattributed = _top_k_positive(z, artist_ids, rule)
    total = sum(weights.values(), unattributed)
    alpha = Fraction(rule["alpha"])
    artists = sorted(set(artist_ids))
    if not total:
        weights, unattributed, total = {}, Fraction(1), Fraction(1)
    mixed = {artist: (1 - alpha) * weights.get(artist, Fraction(0)) / total for artist in artists}
    return {artist: share + alpha / len(artists) for artist, share in mixed.items()}, (
        (1 - alpha) * unattributed / total
    )


RULES: dict[str, Callable[[Sequence[float], Sequence[str], ShareRule], tuple[Weights, Fraction]]]
RULES = {
    "top-k-positive": _top_k_positive,
    "artist-first": _artist_first,
    "hybrid": _hybrid,
}
BY_WORKS = ("top-k-positive", "hybrid")


def _above(floor: Fraction, rows: Sequence[tuple[str, Fraction]]) -> tuple[Weights, Fraction]:
    weights: Weights = {}
    unattributed = Fraction(0)
    for artist, value in rows:
        if value > floor:
            weights[artist] = weights.get(artist, Fraction(0)) + value - floor
        unattributed += min(value, floor)
    return weights, unattributed


def _rounded(weights: Weights, unattributed: Fraction, rule: ShareRule) -> Shares:
    """Largest remainders (Hamilton), exact; ties go by artist id, unattributed last."""
    total = sum(weights.values(), unattributed)
    if not total:
        return Shares(rule)
    exact = {artist: WHOLE * weight / total for artist, weight in weights.items()}
    whole = {artist: int(value) for artist, value in exact.items()}
    rest = WHOLE * unattributed / total
    left = WHOLE - sum(whole.values()) - int(rest)
    remainders = [(-(value - int(value)), 0, artist) for artist, value in exact.items()]
    remainders.append((-(rest - int(rest)), 1, ""))
    nobody = int(rest)
    for _, last, artist in sorted(remainders)[:left]:
        if last:
            nobody += 1
        else:
            whole[artist] += 1
    return Shares(rule, {name: micro for name, micro in sorted(whole.items()) if micro}, nobody)

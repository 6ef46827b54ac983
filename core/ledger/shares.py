"""From what a run measured to shares that sum exactly: rules as rows, integers as results.

In: a z per work and who made it, or the run's evidence per artist. Out: micro-credits per artist
and what stays unattributed, together 1,000,000. Opponents are never debited. Knows no database.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from core.errors import UsageError
from core.ledger.evidence import (
    Evidence,
    Makers,
    joined_by_stouffer,
    portions,
    significant_artists,
)

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
ARTIST_INFLUENCE = ShareRule("artist-influence", 2, (("cap", 1.0), ("discovery_rate", 0.05)))
ROYALTY_POOL = ShareRule("royalty-pool", 1, (("cap", 1.0), ("discovery_rate", 0.05)))
BOOKED_RULE = ARTIST_INFLUENCE  # of runs that bring evidence; the others keep DEFAULT_RULE
ARTIST_FIRST = ShareRule("artist-first", 1, (("top_k", 20), ("z_floor", 2.0)))
HYBRID = ShareRule("hybrid", 1, (("alpha", 0.2), ("top_k", 20), ("z_floor", 2.0)))
KNOWN_RULES = {
    rule.id: rule for rule in (DEFAULT_RULE, ARTIST_FIRST, HYBRID, ARTIST_INFLUENCE, ROYALTY_POOL)
}


def rule_in_force(name: str, cap: float = 1.0) -> ShareRule:
    """The rule that a keeper chose, by its name, with the largest share per artist.

    Raises `UsageError` for a rule that does not share by artists, or a cap outside (0, 1].
    """
    rules = {rule.name: rule for rule in (ARTIST_INFLUENCE, ROYALTY_POOL)}
    if name not in rules:
        raise UsageError(
            f"New pictures cannot be credited by '{name}'. Choose one of: {', '.join(rules)}."
        )
    if not 0 < cap <= 1:
        raise UsageError(f"The cap {cap} is no share of a picture: give more than 0, at most 1.")
    parameters = {**dict(rules[name].parameters), "cap": float(cap)}
    return replace(rules[name], parameters=tuple(sorted(parameters.items())))


def read_rule(row: Mapping[str, Any]) -> ShareRule:
    """A rule from its row: name, version, and its parameters as JSON."""
    parameters = json.loads(row["parameters"])
    return ShareRule(row["name"], row["version"], tuple(sorted(parameters.items())))


@dataclass(frozen=True)
class Shares:
    """`artist_micro` (artist id -> micro-credits > 0) and the rest; the sum is 1,000,000.

    The rest has parts: `base_micro`, what the base model owes to nobody here; `withheld_micro`,
    what a cap, an artist's opting out, or works that left keep back; `weak_micro`, what is too weak
    to tell. A rule that cannot tell them apart calls all of it weak. `pool_micro`: what of
    `artist_micro` was not attributed but shared equally.
    """

    rule: ShareRule
    artist_micro: Mapping[str, int] = field(default_factory=dict)
    unattributed_micro: int = WHOLE
    base_micro: int = 0
    withheld_micro: int = 0
    pool_micro: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if sum(self.artist_micro.values()) + self.unattributed_micro != WHOLE:
            raise UsageError("Shares must sum to exactly 1,000,000 micro-credits.")
        if min(self.base_micro, self.withheld_micro, self.weak_micro) < 0:
            raise UsageError("The parts of what is unattributed must not exceed it.")
        if any(micro > self.artist_micro.get(who, 0) for who, micro in self.pool_micro.items()):
            raise UsageError("An artist's part of the pool must not exceed their share.")

    @property
    def weak_micro(self) -> int:
        """Unattributed, and neither the base model's nor kept back: too weak to tell."""
        return self.unattributed_micro - self.base_micro - self.withheld_micro

    @property
    def remainder(self) -> dict[str, int]:
        """What is unattributed, by its reason, in micro-credits."""
        parts = {"base": self.base_micro, "weak": self.weak_micro}
        return parts | {"withheld": self.withheld_micro}


def shares(
    z: Sequence[float],
    makers: Sequence[Makers],
    rule: ShareRule = DEFAULT_RULE,
    opted_out: frozenset[str] = frozenset(),
) -> Shares:
    """The shares that `rule` draws from `z [n]`; `makers [n]` says whose work each is: of a work by
    several, each has their portion of its credit.

    Shares of artists who opted out go to unattributed. Raises `UsageError` for an unknown rule, for
    lengths that differ, and for a z that is no number.
    """
    if len(z) != len(makers):
        raise UsageError(f"{len(z)} scores do not fit {len(makers)} works.")
    values = [float(value) for value in z]
    if not all(math.isfinite(value) for value in values):
        raise UsageError("A score is not a finite number: nothing can be shared by it.")
    by_works = _row(rule).by_works
    if by_works is None:
        raise UsageError(
            f"The share rule '{rule.name}' shares by artists, not by single works: give it the "
            "evidence of a run."
        )
    weights, unattributed = by_works(values, makers, rule)
    for artist in opted_out & set(weights):
        unattributed += weights.pop(artist)
    return _rounded(weights, {"weak": unattributed}, rule)


def shares_by_evidence(
    evidence: Evidence,
    rule: ShareRule = ARTIST_INFLUENCE,
    opted_out: frozenset[str] = frozenset(),
) -> Shares:
    """The shares that `rule` draws from a run's evidence.

    Shares of artists who opted out are withheld. Raises `UsageError` for an unknown rule, and for
    one that shares by single works.
    """
    by_artists = _row(rule).by_artists
    if by_artists is None:
        raise UsageError(
            f"The share rule '{rule.name}' shares by single works: give it their z scores."
        )
    if not evidence.artists:
        return Shares(rule, base_micro=WHOLE)
    weights, rest = by_artists(evidence, rule)
    for artist in opted_out & set(weights):
        rest["withheld"] += weights.pop(artist)
    rounded = _rounded(weights, rest, rule)
    return _with_pool(rounded, evidence) if rule.name == ROYALTY_POOL.name else rounded


def shares_by_joined_z(
    evidence: Evidence, rule: ShareRule, opted_out: frozenset[str] = frozenset()
) -> Shares:
    """What `artist-first` draws, from the joined z that a run keeps."""
    joined = {part.artist_id: part.joined_z for part in evidence.artists}
    weights, unattributed = _by_joined_z(joined, rule)
    for artist in opted_out & set(weights):
        unattributed += weights.pop(artist)
    return _rounded(weights, {"weak": unattributed}, rule)


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
    z: Sequence[float], makers: Sequence[Makers], rule: ShareRule
) -> tuple[Weights, Fraction]:
    """The k works with the highest positive z; of each, what noise can explain stays unattributed.

    A work with z above the floor gives z - floor to its artist and the floor to nobody; a work
    below it gives all of its z to nobody.
    """
    chosen = [(makers[place], Fraction(z[place])) for place in strongest_places(z, rule)]
    return _above(Fraction(rule["z_floor"]), chosen)


def _artist_first(
    z: Sequence[float], makers: Sequence[Makers], rule: ShareRule
) -> tuple[Weights, Fraction]:
    """Each artist's z by Stouffer, sum / sqrt(works), so that many works alone do not win."""
    return _by_joined_z(joined_by_stouffer(z, makers), rule)


def _by_joined_z(joined: Mapping[str, float], rule: ShareRule) -> tuple[Weights, Fraction]:
    pairs = [(artist, Fraction(value)) for artist, value in joined.items() if value > 0]
    best = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    return _above(Fraction(rule["z_floor"]), best[: int(rule["top_k"])])


def _hybrid(
    z: Sequence[float], makers: Sequence[Makers], rule: ShareRule
) -> tuple[Weights, Fraction]:
    """alpha shared alike by all artists of the collection, the rest by top-k-positive."""
    weights, unattributed = _top_k_positive(z, makers, rule)
    total = sum(weights.values(), unattributed)
    alpha = Fraction(rule["alpha"])
    artists = sorted({artist for own in makers for artist, _ in portions(own)})
    if not total:
        weights, unattributed, total = {}, Fraction(1), Fraction(1)
    mixed = {artist: (1 - alpha) * weights.get(artist, Fraction(0)) / total for artist in artists}
    return {artist: share + alpha / len(artists) for artist, share in mixed.items()}, (
        (1 - alpha) * unattributed / total
    )


def _artist_influence(evidence: Evidence, rule: ShareRule) -> tuple[Weights, dict[str, Fraction]]:
    """`attributable`, sliced by influence; what no significant artist gets is too weak to tell.

    Where the significant artists' slices are capped, the excess is withheld, not given to others;
    so is the slice of works that left the collection.
    """
    owed = Fraction(evidence.attributable)
    departed = Fraction(evidence.departed)
    total = sum((Fraction(part.influence) for part in evidence.artists), departed)
    credited = significant_artists(evidence, rule["discovery_rate"])
    cap = Fraction(rule["cap"])
    weights: Weights = {}
    withheld = owed * departed / total if total else Fraction(0)
    rest = {"base": 1 - owed, "weak": Fraction(0), "withheld": withheld}
    for part in evidence.artists:
        slice_ = owed * Fraction(part.influence) / total if total else Fraction(0)
        if part.artist_id in credited:
            weights[part.artist_id] = min(slice_, cap)
            rest["withheld"] += max(slice_ - cap, Fraction(0))
        else:
            rest["weak"] += slice_
    if not total:
        rest["weak"] = owed
    return weights, rest


def _royalty_pool(evidence: Evidence, rule: ShareRule) -> tuple[Weights, dict[str, Fraction]]:
    """As `artist-influence`; then what was the base model's or too weak goes to all alike."""
    weights, rest = _artist_influence(evidence, rule)
    each = (rest["base"] + rest["weak"]) / len(evidence.artists)
    for part in evidence.artists:
        weights[part.artist_id] = weights.get(part.artist_id, Fraction(0)) + each
    return weights, {"base": Fraction(0), "weak": Fraction(0), "withheld": rest["withheld"]}


def _with_pool(rounded: Shares, evidence: Evidence) -> Shares:
    """What each artist would not have under the rule without a pool."""
    alone = shares_by_evidence(
        evidence, replace(ARTIST_INFLUENCE, parameters=rounded.rule.parameters)
    )
    pool = {
        artist: micro - alone.artist_micro.get(artist, 0)
        for artist, micro in rounded.artist_micro.items()
    }
    kept = {artist: micro for artist, micro in pool.items() if micro > 0}
    return replace(rounded, pool_micro=kept)


ByWorks = Callable[[Sequence[float], Sequence[Makers], ShareRule], tuple[Weights, Fraction]]
ByArtists = Callable[[Evidence, ShareRule], tuple[Weights, dict[str, Fraction]]]


@dataclass(frozen=True)
class RuleRow:
    """How a rule shares: from single works, or from the evidence per artist."""

    by_works: ByWorks | None = None
    by_artists: ByArtists | None = None


RULES: dict[str, RuleRow] = {
    "artist-influence": RuleRow(by_artists=_artist_influence),
    "royalty-pool": RuleRow(by_artists=_royalty_pool),
    "top-k-positive": RuleRow(by_works=_top_k_positive),
    "artist-first": RuleRow(by_works=_artist_first),
    "hybrid": RuleRow(by_works=_hybrid),
}
BY_WORKS = ("top-k-positive", "hybrid")


def _row(rule: ShareRule) -> RuleRow:
    if rule.name not in RULES:
        raise UsageError(
            f"There is no share rule '{rule.name}'. Choose one of: {', '.join(RULES)}."
        )
    return RULES[rule.name]


def _above(floor: Fraction, rows: Sequence[tuple[Makers, Fraction]]) -> tuple[Weights, Fraction]:
    weights: Weights = {}
    unattributed = Fraction(0)
    for makers, value in rows:
        for artist, portion in portions(makers) if value > floor else ():
            weights[artist] = weights.get(artist, Fraction(0)) + portion * (value - floor)
        unattributed += min(value, floor)
    return weights, unattributed


def _rounded(weights: Weights, rest: Mapping[str, Fraction], rule: ShareRule) -> Shares:
    """Largest remainders (Hamilton), exact; ties go by artist id, what is unattributed last."""
    total = sum(weights.values(), sum(rest.values(), Fraction(0)))
    if not total:
        return Shares(rule)
    parts = {(0, artist): WHOLE * weight / total for artist, weight in weights.items()}
    parts |= {(1, name): WHOLE * weight / total for name, weight in rest.items()}
    whole = {key: int(value) for key, value in parts.items()}
    left = WHOLE - sum(whole.values())
    for key in sorted(parts, key=lambda key: (whole[key] - parts[key], key))[:left]:
        whole[key] += 1
    given = {name: micro for (last, name), micro in sorted(whole.items()) if micro and not last}
    return Shares(
        rule,
        given,
        WHOLE - sum(given.values()),
        base_micro=whole.get((1, "base"), 0),
        withheld_micro=whole.get((1, "withheld"), 0),
    )

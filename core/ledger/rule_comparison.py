"""Any recorded run under every share rule, from what was stored with it.

In: a run record. Out: per rule the shares by it, or None where the run
was recorded before the numbers that the rule needs were kept. Books nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.ledger.records import PROPONENT, RunRecord
from core.ledger.shares import (
    ARTIST_FIRST,
    ARTIST_INFLUENCE,
    BY_WORKS,
    DEFAULT_RULE,
    HYBRID,
    ROYALTY_POOL,
    ShareRule,
    Shares,
    shares,
    shares_by_evidence,
    shares_by_joined_z,
)

SHOWN = (ARTIST_INFLUENCE, ROYALTY_POOL, DEFAULT_RULE, ARTIST_FIRST, HYBRID)


@dataclass(frozen=True)
class UnderRule:
    """One rule over one run; `shares` None: the run does not keep what this rule needs."""

    rule: ShareRule
    shares: Shares | None


def under_every_rule(
    record: RunRecord, opted_out: frozenset[str] = frozenset(), own: ShareRule | None = None
) -> Iterator[UnderRule]:
    """Every rule side by side, the default first; `own`: the run's, with its own cap or rate in the
    place of the usual ones."""
    for usual in SHOWN:
        alike = own is not None and (own.name, own.version) == (usual.name, usual.version)
        rule = own if own is not None and alike else usual
        yield UnderRule(rule, shares_under(record, rule, opted_out))


def shares_under(
    record: RunRecord, rule: ShareRule, opted_out: frozenset[str] = frozenset()
) -> Shares | None:
    """The shares of a run under `rule`; None where it was recorded without what this needs."""
    evidence = record.evidence
    if rule.name in BY_WORKS:
        rows = record.side(PROPONENT)
        z, makers = [row.z for row in rows], [row.made_by for row in rows]
        if rule.name == HYBRID.name:  # shares a part among all, with works among these or not
            if evidence is None:
                return None
            named = {who for own in makers for who, _ in own}
            others = sorted({part.artist_id for part in evidence.artists} - named)
            z += [0.0 for _ in others]
            makers += [((who, 1),) for who in others]
        return shares(z, makers, rule, opted_out)
    if evidence is None:
        return None
    if rule.name == ARTIST_FIRST.name:
        return shares_by_joined_z(evidence, rule, opted_out)
    return shares_by_evidence(evidence, rule, opted_out)

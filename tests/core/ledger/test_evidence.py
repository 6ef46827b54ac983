"""Shares by evidence: what is owed is sliced exactly, chance earns nothing, the rest has names."""

from __future__ import annotations

import json
import math
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from core.ledger.evidence import ArtistPart, Evidence, significant_artists
from core.ledger.hashes import digest
from core.ledger.idempotency import FIRST_RULE
from core.ledger.ledger import open_ledger
from core.ledger.rule_comparison import shares_under, under_every_rule
from core.ledger.shares import (
    ARTIST_FIRST,
    ARTIST_INFLUENCE,
    DEFAULT_RULE,
    HYBRID,
    ROYALTY_POOL,
    WHOLE,
    ShareRule,
    Shares,
    rule_in_force,
    shares,
    shares_by_evidence,
)
from tests.runs import SHARES, key, record

SURELY, BY_CHANCE = 0.0001, 0.9
unit = st.floats(0, 1, allow_nan=False)
amount = st.one_of(st.just(0.0), st.floats(1e-6, 1e6, allow_nan=False))
parts = st.lists(st.tuples(amount, unit), max_size=30)


def evidence(attributable: float, **artists: tuple[float, float]) -> Evidence:
    rows = [ArtistPart(name, *values) for name, values in sorted(artists.items())]
    return Evidence(attributable, tuple(rows))


@settings(max_examples=500, deadline=None)
@given(unit, parts, st.sampled_from([ARTIST_INFLUENCE, ROYALTY_POOL]))
def test_shares_sum_exactly_and_every_part_is_whole(
    attributable: float, rows: list[tuple[float, float]], rule: ShareRule
) -> None:
    found = shares_by_evidence(
        evidence(attributable, **{f"a{i}": r for i, r in enumerate(rows)}), rule
    )
    assert sum(found.artist_micro.values()) + found.unattributed_micro == WHOLE
    assert found.base_micro + found.weak_micro + found.withheld_micro == found.unattributed_micro
    assert min(found.base_micro, found.weak_micro, found.withheld_micro) >= 0
    assert all(micro > 0 for micro in found.artist_micro.values())


def test_the_rule_by_hand() -> None:
    """Owed 0.8; influence 6, 2, 2 of 10; the last could be chance."""
    found = shares_by_evidence(evidence(0.8, a=(6.0, SURELY), b=(2.0, SURELY), c=(2.0, BY_CHANCE)))
    assert found.artist_micro == {"a": 480_000, "b": 160_000}
    assert (found.base_micro, found.weak_micro, found.withheld_micro) == (200_000, 160_000, 0)


def test_a_picture_that_owes_nothing_credits_nobody() -> None:
    found = shares_by_evidence(evidence(0.0, a=(6.0, SURELY)))
    assert found == Shares(ARTIST_INFLUENCE, {}, WHOLE, base_micro=WHOLE)


def test_where_nobody_is_above_chance_what_is_owed_is_too_weak_to_tell() -> None:
    found = shares_by_evidence(evidence(0.7, a=(6.0, BY_CHANCE), b=(1.0, 0.5)))
    assert found.artist_micro == {}
    assert (found.base_micro, found.weak_micro) == (300_000, 700_000)
    assert shares_by_evidence(evidence(0.7, a=(0.0, SURELY))).weak_micro == 700_000


@given(parts, st.floats(0.001, 0.5))
def test_the_significant_are_those_of_benjamini_and_hochberg(
    rows: list[tuple[float, float]], rate: float
) -> None:
    """An independent oracle: scipy's adjusted chances, compared with the rate."""
    from scipy.stats import false_discovery_control

    found = significant_artists(
        evidence(1.0, **{f"a{i:02d}": (1.0 + r[0], r[1]) for i, r in enumerate(rows)}), rate
    )
    adjusted = false_discovery_control([r[1] for r in rows]) if rows else []
    border = [abs(value - rate) < 1e-12 for value in adjusted]
    wanted = {f"a{i:02d}" for i, value in enumerate(adjusted) if value <= rate}
    assert any(border) or found == wanted


@given(parts, st.floats(0.01, 100))
def test_the_scale_of_the_scores_does_not_matter(
    rows: list[tuple[float, float]], scale: float
) -> None:
    one = evidence(0.9, **{f"a{i}": r for i, r in enumerate(rows)})
    two = evidence(0.9, **{f"a{i}": (scale * r[0], r[1]) for i, r in enumerate(rows)})
    first, second = shares_by_evidence(one), shares_by_evidence(two)
    for artist in set(first.artist_micro) | set(second.artist_micro):
        gap = first.artist_micro.get(artist, 0) - second.artist_micro.get(artist, 0)
        assert abs(gap) <= 1  # a product of floats may round


def test_a_cap_withholds_the_excess_and_gives_it_to_nobody_else() -> None:
    capped = replace(ARTIST_INFLUENCE, parameters=(("cap", 0.3), ("discovery_rate", 0.05)))
    one = evidence(0.8, a=(6.0, SURELY), b=(2.0, SURELY))
    found = shares_by_evidence(one, capped)
    assert found.artist_micro == {"a": 300_000, "b": 200_000}
    assert (found.base_micro, found.withheld_micro, found.weak_micro) == (200_000, 300_000, 0)
    assert capped.id != ARTIST_INFLUENCE.id


def test_who_opted_out_is_withheld() -> None:
    one = evidence(0.8, a=(6.0, SURELY), b=(2.0, SURELY))
    found = shares_by_evidence(one, opted_out=frozenset("a"))
    assert found.artist_micro == {"b": 200_000}
    assert (found.withheld_micro, found.base_micro) == (600_000, 200_000)


def test_the_pool_shares_the_rest_alike_and_shows_it_apart() -> None:
    one = evidence(0.8, a=(6.0, SURELY), b=(2.0, SURELY), c=(2.0, BY_CHANCE), d=(0.0, 1.0))
    found = shares_by_evidence(one, ROYALTY_POOL)
    each = (200_000 + 160_000) // 4
    assert found.artist_micro == {"a": 480_000 + each, "b": 160_000 + each, "c": each, "d": each}
    assert found.pool_micro == dict.fromkeys("abcd", each)
    assert found.unattributed_micro == 0


def test_a_run_is_shown_under_every_rule() -> None:
    z, artist_ids = [6.0, 5.0, 3.0, -1.0], ["indigo", "ochre", "indigo", "umber"]
    kept = Evidence.of(
        0.8,
        {"indigo": (6.0, SURELY), "ochre": (2.0, SURELY), "umber": (2.0, BY_CHANCE)},
        z,
        artist_ids,
        {"explained": 0.9},
    )
    base = record()
    rows = tuple(
        replace(base.side("proponent")[0], rank=i + 1, z=z[i], artist_id=artist_ids[i])
        for i in range(3)
    )
    run = replace(base, evidence=kept, influences=rows)
    every = {one.rule: one.shares for one in under_every_rule(run)}
    assert every[ARTIST_INFLUENCE] == shares_by_evidence(kept)
    assert every[ROYALTY_POOL] == shares_by_evidence(kept, ROYALTY_POOL)
    for rule in (DEFAULT_RULE, ARTIST_FIRST, HYBRID):  # as drawn from all works when it was traced
        assert every[rule] == shares(z, artist_ids, rule)


def test_works_that_only_a_rule_over_z_needs_are_not_shown_as_having_shaped_it() -> None:
    base = record()
    rows = tuple(
        replace(base.side("proponent")[0], rank=rank, part=part)
        for rank, part in enumerate((0.4, 0.0, None), start=1)
    )
    run = replace(base, influences=rows)
    assert [row.rank for row in run.shown("proponent")] == [1, 3]
    assert len(run.side("proponent")) == 3


def test_a_picture_of_which_no_work_has_a_part_shows_what_comes_nearest_and_names_none() -> None:
    base = record()
    rows = tuple(replace(base.side("proponent")[0], rank=rank, part=0.0) for rank in (1, 2))
    run = replace(base, influences=rows)
    assert run.shaped == ()
    assert [row.rank for row in run.shown("proponent")] == [1, 2]


def test_a_run_of_before_has_the_rule_of_before_and_no_other() -> None:
    run = record()
    assert run.evidence is None
    rows = run.side("proponent")
    assert shares_under(run, DEFAULT_RULE) == shares(
        [r.z for r in rows], [r.artist_id for r in rows]
    )
    known = {one.rule.name for one in under_every_rule(run) if one.shares is not None}
    assert known == {DEFAULT_RULE.name}


def test_evidence_survives_json() -> None:
    one = Evidence.of(0.5, {"a": (1 / 3, 0.02)}, [1.5], ["a"], {"gain": -0.1})
    assert Evidence.from_plain(json.loads(json.dumps(one.plain()))) == one
    assert one.artists[0].joined_z == 1.5


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_what_is_out_of_range_is_no_evidence(value: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        Evidence(value)
    with pytest.raises(UsageError, match="out of range"):
        ArtistPart("a", 1.0, value)


@pytest.mark.parametrize("influence", [-1.0, math.inf, math.nan])
def test_an_influence_is_finite_and_never_negative(influence: float) -> None:
    with pytest.raises(UsageError, match="out of range"):
        ArtistPart("a", influence, 0.5)


def test_an_artist_is_named_once() -> None:
    with pytest.raises(UsageError, match="twice"):
        Evidence(0.5, (ArtistPart("a", 1.0, 0.5), ArtistPart("a", 2.0, 0.5)))


def test_a_rule_is_given_what_it_shares_by() -> None:
    with pytest.raises(UsageError, match="evidence"):
        shares([1.0], ["a"], ARTIST_INFLUENCE)
    with pytest.raises(UsageError, match="z scores"):
        shares_by_evidence(evidence(0.5, a=(1.0, 0.0)), DEFAULT_RULE)


def test_parts_that_contradict_each_other_cannot_exist() -> None:
    with pytest.raises(UsageError, match="parts"):
        Shares(ARTIST_INFLUENCE, {"a": WHOLE}, 0, base_micro=1)
    with pytest.raises(UsageError, match="pool"):
        Shares(ROYALTY_POOL, {"a": WHOLE}, 0, pool_micro={"a": WHOLE + 1})


def test_exactness_is_that_of_fractions() -> None:
    """Seven alike: 900,000 / 7 leaves a remainder that the first ids take."""
    one = evidence(0.9, **{f"a{i}": (1.0, SURELY) for i in range(7)})
    found = shares_by_evidence(one)
    exact = Fraction(0.9) * WHOLE / 7
    assert all(abs(micro - exact) < 1 for micro in found.artist_micro.values())


@pytest.mark.parametrize("rule", [ARTIST_INFLUENCE, ROYALTY_POOL], ids=lambda rule: rule.name)
def test_what_works_that_left_have_of_a_picture_becomes_nobody_elses(rule: ShareRule) -> None:
    """As if the artist who left had opted out: the others get what they had."""
    three = tuple(
        ArtistPart(who, value, SURELY) for who, value in zip("abc", (6, 3, 1), strict=True)
    )
    stayed = shares_by_evidence(Evidence(0.8, three), rule, frozenset("a"))
    left = shares_by_evidence(Evidence(0.8, three[1:], departed=6.0), rule)
    assert left.withheld_micro == 480_000
    if rule == ARTIST_INFLUENCE:
        assert left.artist_micro == stayed.artist_micro
        assert left.remainder == stayed.remainder
    assert Evidence.from_plain(Evidence(0.8, three, departed=6.0).plain()).departed == 6.0
    older = {key: value for key, value in Evidence(0.8, three).plain().items() if key != "departed"}
    assert Evidence.from_plain(older).departed == 0.0
    with pytest.raises(UsageError, match="left"):
        Evidence(0.8, three, departed=-1.0)


def test_a_picture_that_an_older_rule_credited_is_not_credited_again(tmp_path: Path) -> None:
    """Keys of before named the one rule that there was; they are the same under every rule."""
    assert DEFAULT_RULE.id == FIRST_RULE
    run = record()
    before = digest([run.image_sha256, run.model_digest, DEFAULT_RULE.id, run.method])
    assert key(run) == before
    with closing(open_ledger(tmp_path / "ledger.sqlite3")) as ledger:
        names = dict.fromkeys(SHARES.artist_micro, "A")
        first = ledger.record(run, SHARES, before, names)
        evidence = Evidence(1.0, tuple(ArtistPart(who, 1.0, 0.001) for who in names))
        pool = shares_by_evidence(evidence, rule_in_force("royalty-pool", 0.5))
        later = replace(run, id="later", rule=pool.rule.id)
        again = ledger.record(later, pool, key(later), names, rule=pool.rule)
        assert (again.entry, again.entry_rule) == (first.entry, DEFAULT_RULE.id)
        assert again.rule == pool.rule  # the run's own words stay its own
        assert ledger.size() == 1
        assert ledger.verify().ok


@pytest.mark.parametrize(("name", "cap"), [("hybrid", 1.0), ("royalty-pool", 0.0), ("x", 1.0)])
def test_only_a_rule_by_artists_can_be_put_in_force(name: str, cap: float) -> None:
    with pytest.raises(UsageError):
        rule_in_force(name, cap)
    assert rule_in_force("artist-influence") == ARTIST_INFLUENCE
    assert rule_in_force("royalty-pool") == ROYALTY_POOL

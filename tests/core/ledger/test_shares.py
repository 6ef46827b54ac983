"""Share rules: sums are exact, opponents are never debited, scale and order do not matter."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from core.ledger.shares import (
    ARTIST_FIRST,
    DEFAULT_RULE,
    HYBRID,
    WHOLE,
    ShareRule,
    Shares,
    credited_places,
    shares,
    strongest_places,
)

RULES = (DEFAULT_RULE, ARTIST_FIRST, HYBRID)
numbers = st.floats(-50, 50, allow_nan=False)


@settings(max_examples=1000, deadline=None)
@given(st.lists(numbers, max_size=60), st.integers(1, 9), st.sampled_from(RULES))
def test_shares_sum_exactly(z: list[float], artists: int, rule: ShareRule) -> None:
    names = [f"a{i % artists}" for i in range(len(z))]
    if rule is HYBRID and not z:
        return
    result = shares(z, names, rule)
    assert sum(result.artist_micro.values()) + result.unattributed_micro == WHOLE
    assert all(micro > 0 for micro in result.artist_micro.values())
    assert result.unattributed_micro >= 0


def test_a_thousand_random_score_vectors_sum_exactly() -> None:
    rng = np.random.default_rng(0)
    for _ in range(1000):
        z = rng.standard_t(3, size=600) * rng.uniform(0.1, 5)
        names = [f"a{i % 24}" for i in range(600)]
        result = shares(z.tolist(), names)
        assert sum(result.artist_micro.values()) + result.unattributed_micro == WHOLE


def test_the_default_rule_by_hand() -> None:
    """z 6, 5, 3, 1: above the floor 4, 3, 1, 0; noise 2, 2, 2, 1; of 15."""
    result = shares([6.0, -9.0, 5.0, 3.0, 1.0], ["a", "b", "c", "a", "d"])
    assert result.artist_micro == {"a": round(5 / 15 * WHOLE), "c": 200_000}
    assert result.unattributed_micro == WHOLE - 333_333 - 200_000


def test_only_the_k_best_count() -> None:
    rule = ShareRule(parameters=(("top_k", 1), ("z_floor", 2.0)))
    assert shares([4.0, 8.0], ["a", "b"], rule).artist_micro == {"b": 750_000}


@given(st.lists(st.floats(-50, 0), max_size=40))
def test_without_support_nothing_is_attributed(z: list[float]) -> None:
    assert shares(z, ["a"] * len(z)).unattributed_micro == WHOLE


@given(st.lists(numbers, min_size=1, max_size=30), st.integers(0, 29), st.floats(-50, 0))
def test_an_opponent_changes_no_share(z: list[float], place: int, opponent: float) -> None:
    names = [f"a{i % 4}" for i in range(len(z))]
    at = place % (len(z) + 1)
    more = shares([*z[:at], opponent, *z[at:]], [*names[:at], "foe", *names[at:]])
    assert more == shares(z, names)


@given(st.lists(numbers, min_size=2, max_size=30, unique=True), st.randoms())
def test_the_order_of_works_does_not_matter(z: list[float], random: object) -> None:
    names = [f"a{i % 4}" for i in range(len(z))]
    order = list(range(len(z)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert shares([z[i] for i in order], [names[i] for i in order]) == shares(z, names)


def test_largest_remainders_break_ties_by_artist() -> None:
    rule = ShareRule(parameters=(("top_k", 20), ("z_floor", 0.0)))
    result = shares([1.0, 1.0, 1.0], ["c", "a", "b"], rule)
    assert result.artist_micro == {"a": 333_334, "b": 333_333, "c": 333_333}


def test_who_opted_out_leaves_the_share_unattributed() -> None:
    z, names = [6.0, 5.0], ["a", "b"]
    before, after = shares(z, names), shares(z, names, opted_out=frozenset("a"))
    assert after.artist_micro == {"b": before.artist_micro["b"]}
    assert after.unattributed_micro == before.unattributed_micro + before.artist_micro["a"]


def test_artist_first_does_not_let_many_works_win() -> None:
    z, names = [3.0] * 10 + [8.0], ["many"] * 10 + ["one"]
    result = shares(z, names, ARTIST_FIRST)
    many = Fraction(30 / math.sqrt(10))
    assert result.artist_micro["many"] == int(WHOLE * (many - 2) / (many + 8) + Fraction(1, 2))
    assert shares(z, names).artist_micro["many"] > shares(z, names).artist_micro["one"]


def test_hybrid_gives_every_artist_a_floor() -> None:
    result = shares([9.0, -1.0], ["a", "b"], HYBRID)
    assert result.artist_micro["b"] == 100_000


def test_a_rules_id_knows_its_parameters() -> None:
    other = ShareRule(parameters=(("top_k", 10), ("z_floor", 2.0)))
    assert other.id != DEFAULT_RULE.id
    assert DEFAULT_RULE.id.startswith("top-k-positive@1:")


@pytest.mark.parametrize(
    ("z", "names", "rule"),
    [
        ([1.0], ["a", "b"], DEFAULT_RULE),
        ([math.nan], ["a"], DEFAULT_RULE),
        ([math.inf], ["a"], DEFAULT_RULE),
        ([1.0], ["a"], ShareRule("softmax")),
        ([1.0], ["a"], ShareRule(parameters=())),
    ],
)
def test_what_cannot_be_shared_is_refused(
    z: list[float], names: list[str], rule: ShareRule
) -> None:
    with pytest.raises(UsageError):
        shares(z, names, rule)


def test_shares_that_do_not_sum_cannot_exist() -> None:
    with pytest.raises(UsageError, match="exactly"):
        Shares(DEFAULT_RULE, {"a": 1}, WHOLE)


@given(st.lists(numbers, max_size=60), st.sampled_from([DEFAULT_RULE, HYBRID]))
def test_the_strongest_works_are_enough_to_draw_the_shares_again(
    z: list[float], rule: ShareRule
) -> None:
    names = [f"a{i % 5}" for i in range(len(z))]
    kept = sorted(strongest_places(z, rule))
    again = shares([z[i] for i in kept], [names[i] for i in kept])
    assert again == shares(z, names)


@given(st.lists(numbers, max_size=60))
def test_who_is_credited_has_a_work_above_the_floor(z: list[float]) -> None:
    names = [f"a{i % 5}" for i in range(len(z))]
    credited = {names[place] for place in credited_places(z)}
    assert set(shares(z, names).artist_micro) <= credited  # a share may round to nothing


def test_credited_places_by_hand() -> None:
    z = [2.0, -9.0, 5.0, 0.5, 7.0]
    assert strongest_places(z) == [4, 2, 0, 3]
    assert credited_places(z) == [4, 2]


def test_a_rule_over_artists_names_no_works() -> None:
    with pytest.raises(UsageError, match="no single works"):
        credited_places([3.0], ARTIST_FIRST)

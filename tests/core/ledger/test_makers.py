"""Works by several makers, and by makers whom nobody knows: what a rule gives, and what is booked.

The oracle for a split is Fraction arithmetic written out; sums are exact under every rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from core.ledger.evidence import ArtistPart, Evidence, joined_by_stouffer, portions
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import ARTIST, ESCROW, LedgerFilter
from core.ledger.rule_comparison import shares_under
from core.ledger.shares import (
    ARTIST_FIRST,
    ARTIST_INFLUENCE,
    DEFAULT_RULE,
    HYBRID,
    WHOLE,
    ShareRule,
    Shares,
    shares,
    shares_by_evidence,
)
from tests.runs import NAMES, key, record

Own = tuple[tuple[str, int], ...]
own = st.lists(
    st.tuples(st.sampled_from("abcde"), st.integers(1, 9)),
    min_size=1,
    max_size=4,
    unique_by=lambda pair: pair[0],
).map(tuple)
works = st.lists(st.tuples(st.floats(-20, 60, allow_nan=False), own), min_size=1, max_size=30)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.close()


@pytest.mark.parametrize("rule", [DEFAULT_RULE, ARTIST_FIRST, HYBRID], ids=lambda rule: rule.name)
@given(rows=works)
def test_shares_among_several_makers_sum_exactly(
    rule: ShareRule, rows: list[tuple[float, Own]]
) -> None:
    z, makers = [value for value, _ in rows], [each for _, each in rows]
    result = shares(z, makers, rule)
    assert sum(result.artist_micro.values()) + result.unattributed_micro == WHOLE
    assert set(result.artist_micro) <= {who for each in makers for who, _ in each}
    alone = shares(z, [((f"w{at:02d}", 1),) for at in range(len(z))], rule)
    if rule is DEFAULT_RULE:  # what a work earns does not depend on how many made it
        expected: dict[str, Fraction] = {}
        for at, each in enumerate(makers):
            for who, weight in each:
                portion = Fraction(weight, sum(part for _, part in each))
                micro = alone.artist_micro.get(f"w{at:02d}", 0)
                expected[who] = expected.get(who, Fraction(0)) + portion * micro
        for who, value in expected.items():  # each rounding moves less than one micro-credit
            assert abs(result.artist_micro.get(who, 0) - value) <= len(z)


@given(rows=works)
def test_a_work_by_one_maker_is_the_same_however_that_is_written(
    rows: list[tuple[float, Own]],
) -> None:
    z, first = [value for value, _ in rows], [each[0][0] for _, each in rows]
    for rule in (DEFAULT_RULE, ARTIST_FIRST, HYBRID):
        assert shares(z, first, rule) == shares(z, [((who, 7),) for who in first], rule)


def test_equal_makers_get_equal_parts_to_the_last_micro_credit() -> None:
    pair = (("a", 1), ("b", 1))
    micro = shares([9.0], [pair]).artist_micro
    assert micro == {"a": 388_889, "b": 388_889}
    three = shares([9.0], [(("a", 1), ("b", 1), ("c", 2))]).artist_micro
    assert three["c"] - three["a"] - three["b"] in (-1, 0, 1)


def test_makers_who_cannot_share_are_refused() -> None:
    for makers in ((), (("a", 0),), (("a", 2), ("b", -1))):
        with pytest.raises(UsageError, match="cannot share its credit"):
            portions(makers)


@given(rows=works)
def test_joined_scores_of_shared_works_have_unit_variance(rows: list[tuple[float, Own]]) -> None:
    """sum of w z / sqrt(sum of w^2): were every z 1, it would be sum of w / its length."""
    joined = joined_by_stouffer([1.0] * len(rows), [each for _, each in rows])
    for who, value in joined.items():
        w = [
            weight / sum(part for _, part in each)
            for _, each in rows
            for name, weight in each
            if name == who
        ]
        assert value == pytest.approx(sum(w) / sum(x * x for x in w) ** 0.5)


def _record_by(number: int, makers: Sequence[tuple[str, str, int]]):  # type: ignore[no-untyped-def]
    run = record(number)
    first = replace(
        run.influences[0],
        artist_id=makers[0][0],
        artist=" and ".join(name for _, name, _ in makers),
        makers=tuple(makers),
    )
    return replace(run, influences=(first, *run.influences[1:]))


def test_a_run_keeps_its_makers_and_every_rule_splits_by_them(ledger: Ledger) -> None:
    makers = (("indigo", "Indigo", 1), ("ochre", "Ochre", 2))
    run = _record_by(1, makers)
    kept = ledger.record(run)
    again = ledger.run(run.id)
    assert again is not None and again.record == run
    assert kept.record.influences[0].makers == makers
    assert ledger.verify().ok
    proponents = run.side("proponent")
    assert shares_under(run, DEFAULT_RULE) == shares(
        [row.z for row in proponents], [row.made_by for row in proponents]
    )
    for artist in ("indigo", "ochre"):
        assert ledger.runs(LedgerFilter(artist=artist)).total == 1
    assert ledger.runs(LedgerFilter(artist="och")).total == 0


def test_what_unknown_makers_are_owed_is_kept_and_paid_to_nobody(ledger: Ledger) -> None:
    names = NAMES | {"unknown-artist": "Unknown maker"}
    credited = Shares(ARTIST_INFLUENCE, {"indigo": 300_000, "unknown-artist": 500_000}, 200_000)
    run = record(1)
    ledger.record(run, credited, key(run), names, unpaid=frozenset({"unknown-artist"}))
    entry = ledger.entry(1)
    assert entry is not None
    accounts = {(line.account, line.artist_id): line.micro for line in entry.postings}
    assert accounts[(ESCROW, "unknown-artist")] == 500_000
    assert accounts[(ARTIST, "indigo")] == 300_000
    totals = ledger.totals()
    assert [row.artist_id for row in totals.artists] == ["indigo"]
    assert (totals.unknown_micro, totals.unattributed_micro) == (500_000, 200_000)
    statement = ledger.artist_statement("unknown-artist")
    assert (statement.micro, statement.escrow_micro) == (0, 500_000)
    ledger.reverse(1, reason="mistake", actor="ann")
    totals = ledger.totals()
    assert (totals.unknown_micro, totals.unattributed_micro, totals.total_micro) == (0, 0, 0)
    assert ledger.verify().ok


@settings(deadline=None)  # a ledger is made for each: a busy machine may take its time
@given(
    influence=st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1e6), min_size=1),
    attributable=st.floats(0, 1),
    unpaid=st.frozensets(st.sampled_from("abcde")),
)
def test_a_reversal_takes_back_exactly_what_was_booked(
    influence: dict[str, float],
    attributable: float,
    unpaid: frozenset[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    parts = tuple(ArtistPart(who, value, 0.001) for who, value in sorted(influence.items()))
    credited = shares_by_evidence(Evidence(attributable, parts))
    opened = open_ledger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite3")
    try:
        run = record(1)
        names = {who: who.upper() for who in influence}
        opened.record(run, credited, key(run), names, unpaid=unpaid)
        opened.reverse(1, reason="mistake", actor="ann")
        booked, back = opened.entry(1), opened.entry(2)
        assert booked is not None and back is not None
        assert [line.micro for line in back.postings] == [-line.micro for line in booked.postings]
        totals = opened.totals()
        assert not any(row.micro for row in (*totals.artists, *totals.unknown))
        assert opened.verify().ok
    finally:
        opened.close()

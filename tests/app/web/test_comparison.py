"""Two runs beside each other: whom both credit comes first, and nothing is summed anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.views.comparison import RunComparison
from core.ledger.records import RunRecord, RunView
from core.ledger.shares import WHOLE
from tests.runs import NAMES, influence, record


def compared(a: RunRecord, b: RunRecord) -> RunComparison:
    return RunComparison.of(RunView(1, a, 1), RunView(2, b, None), NAMES)


def credited(**micro: int) -> RunRecord:
    rest = WHOLE - sum(micro.values())
    return replace(record(), artist_micro=micro, unattributed_micro=rest, influences=())


def test_whom_both_credit_stands_first_and_a_share_of_nothing_is_no_number() -> None:
    pair = compared(credited(ochre=900_000), credited(ochre=1_000, indigo=800_000))
    assert [(one.name, one.first, one.second, one.both) for one in pair.artists] == [
        ("Ochre Workshop", "90.00 %", "0.10 %", True),
        ("Indigo Workshop", "", "80.00 %", False),
    ]
    assert pair.shared == 1
    assert pair.nobody == ("10.00 %", "19.90 %")


def test_works_that_shaped_both_are_named_with_their_places() -> None:
    a = replace(record(), influences=(influence(1), influence(2)))
    b = replace(record(), influences=(influence(2), influence(3)))
    assert [(one.work.work_id, one.first, one.second) for one in compared(a, b).works] == [
        ("indigo-0002", 2, 2)
    ]
    elsewhere = replace(b, collection="other")  # the same id there is another work
    assert compared(a, elsewhere).works == ()


def test_the_recipe_says_what_differs() -> None:
    painted, brought = record(3), replace(record(), seed=None, steps=None, guidance=None)
    rows = {one.name: one for one in compared(painted, brought).recipe}
    assert rows["Class"].same and not rows["Seed"].same
    assert (rows["Seed"].first, rows["Seed"].second) == ("3", "not painted")


SHARES = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, WHOLE // 6), max_size=6)


@given(SHARES, SHARES)
def test_comparing_the_other_way_round_says_the_same(
    one: dict[str, int], other: dict[str, int]
) -> None:
    there = compared(credited(**one), credited(**other))
    back = compared(credited(**other), credited(**one))
    assert [(row.id, row.first, row.second) for row in there.artists] == [
        (row.id, row.second, row.first) for row in back.artists
    ]
    assert there.shared == len(one.keys() & other.keys())
    assert all(0 <= row.first_length <= 1 for row in there.artists)
    longest = max((max(row.first_length, row.second_length) for row in there.artists), default=1)
    assert longest == pytest.approx(1)

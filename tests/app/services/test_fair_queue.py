"""Turns are taken in rounds, whoever brings how much."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.services.fair_queue import FairQueue

Items = list[tuple[str, int]]
OWNERS = st.lists(st.sampled_from("abcd"), max_size=30)


def filled(owners: list[str]) -> FairQueue[tuple[str, int]]:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for number, owner in enumerate(owners):
        queue.put(owner, (owner, number))
    return queue


def taken(queue: FairQueue[tuple[str, int]]) -> Items:
    items = []
    while (item := queue.take()) is not None:
        items.append(item)
    return items


@given(OWNERS)
def test_the_order_that_is_said_is_the_order_of_the_turns(owners: list[str]) -> None:
    queue = filled(owners)
    said = list(queue.order())
    assert len(queue) == len(owners)
    assert taken(queue) == said and len(queue) == 0


@given(OWNERS)
def test_of_one_owner_the_first_comes_first_and_nothing_is_lost(owners: list[str]) -> None:
    items = taken(filled(owners))
    assert sorted(number for _, number in items) == list(range(len(owners)))
    for owner in set(owners):
        own = [number for who, number in items if who == owner]
        assert own == sorted(own)


@given(OWNERS)
def test_between_two_turns_of_one_everybody_else_who_waits_has_one(owners: list[str]) -> None:
    items = taken(filled(owners))
    for place, (owner, _) in enumerate(items):
        rest = [who for who, _ in items[place + 1 :]]
        if owner in rest:
            between = rest[: rest.index(owner)]
            assert sorted(between) == sorted(set(rest) - {owner})


def test_one_who_comes_late_waits_for_one_round_at_most() -> None:
    queue = filled(["a"] * 50)
    queue.take()
    queue.put("b", ("b", 0))
    assert [queue.take(), queue.take()] == [("a", 1), ("b", 0)]


def test_what_was_taken_out_has_no_turn() -> None:
    queue = filled(["a", "b", "a"])
    assert queue.remove(("b", 1)) and not queue.remove(("b", 1))
    assert taken(queue) == [("a", 0), ("a", 2)]

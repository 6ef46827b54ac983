"""So many times within a window that slides, per key."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.throttle import Throttle, neighbourhood, take_all


class Hand:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 5))
def test_within_any_window_there_are_never_more_than_allowed(waits: list[float], most: int) -> None:
    clock = Hand()
    throttle, admitted = Throttle(most, 60.0, clock), []
    for wait in waits:
        clock.now += wait
        if not throttle.take("a"):
            admitted.append(clock.now)
    for moment in admitted:
        assert sum(moment - 60.0 < other <= moment for other in admitted) <= most


def test_after_the_wait_that_is_told_there_is_room_and_others_never_wait() -> None:
    clock = Hand()
    throttle = Throttle(2, 60.0, clock)
    for _ in range(2):
        assert throttle.take("a") == 0
        clock.now += 10
    assert throttle.take("a") == 40
    assert throttle.take("b") == 0
    clock.now += 40
    assert throttle.take("a") == 0
    assert throttle.take("a") > 0
    throttle.forget("a")
    assert throttle.take("a") == 0


def test_many_at_once_get_no_more_than_allowed() -> None:
    """Between seeing that there is room and taking it nobody else comes in."""
    throttle, start = Throttle(5, 60.0), threading.Barrier(32)

    def one(_: int) -> float:
        start.wait()
        return throttle.take("a")

    with ThreadPoolExecutor(32) as pool:
        waits = list(pool.map(one, range(32)))
    assert waits.count(0.0) == 5


def test_where_one_has_no_room_the_others_count_nothing() -> None:
    clock = Hand()
    wide, narrow = Throttle(3, 60.0, clock), Throttle(1, 30.0, clock)
    assert take_all((wide, "a"), (narrow, "b")) == 0
    for _ in range(5):
        assert take_all((wide, "a"), (narrow, "b")) == 30
    assert [wide.take("a") for _ in range(3)] == [0, 0, 60]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("203.0.113.1", "203.0.113.2", False),
        ("::ffff:203.0.113.1", "::ffff:203.0.113.2", False),
        ("testclient", "other", False),
    ],
)
def test_a_household_is_one_address(one: str, other: str, same: bool) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is same

"""A learnt work, itself set aside: what the others say of it."""

from __future__ import annotations

import numpy as np
import pytest

from app.services.retrieval import RetrievalCheck, _itself_aside

MAKERS = [((artist, 1),) for artist in "aabbc"]
STYLES = ["x", "x", "y", "y", "y"]


def rows(z: list[list[float]], own: list[int]) -> dict[str, RetrievalCheck]:
    table = np.array(z)
    return {row.check: row for row in _itself_aside(table, table, own, MAKERS, STYLES)}


def test_a_works_own_score_counts_for_nothing() -> None:
    # work 0 scores itself highest, then its artist's other work; work 2 the wrong artist's
    checks = rows([[99.0, 9.0, 0.0, 0.0, 5.0], [9.0, 0.0, 99.0, 5.0, 0.0]], [0, 2])
    assert checks["artist top-1, itself aside"] == RetrievalCheck(
        "artist top-1, itself aside", 0.5, 2
    )
    assert checks["artist top-3, itself aside"].value == 1.0
    # of the other four works one, and two, are of the class
    assert checks["style precision@10, itself aside"].value == pytest.approx((1 / 4 + 2 / 4) / 2)


def test_an_artist_of_one_work_is_not_asked_for() -> None:
    checks = rows([[0.0, 9.0, 0.0, 0.0, 99.0]], [4])
    assert set(checks) == {"style precision@10, itself aside"}

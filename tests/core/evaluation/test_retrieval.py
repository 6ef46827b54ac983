"""Precision figures on vectors whose answer can be read off."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import UsageError
from core.evaluation.retrieval import (
    group_precision,
    positive_mass,
    precision_at,
    self_retrieval,
)

SCORES = np.array([[3.0, 2.0, 1.0, -1.0], [0.0, 5.0, -2.0, 4.0]])


def test_self_retrieval_counts_the_rows_whose_own_work_is_first() -> None:
    assert self_retrieval(SCORES, [0, 3]).value == 0.5
    assert self_retrieval(SCORES, [0, 1]).value == 1.0


def test_precision_at_k_is_the_mean_share_of_right_labels() -> None:
    labels = ["a", "a", "b", "b"]
    assert precision_at(SCORES, labels, ["a", "a"], k=2).value == pytest.approx((1 + 0.5) / 2)
    assert precision_at(SCORES, labels, ["b", "b"], k=1).value == 0.0


def test_artists_get_only_positive_mass_of_the_top_works() -> None:
    mass = positive_mass(SCORES, ["x", "y", "x", "z"], top=2)
    assert mass == [{"x": 3.0, "y": 2.0}, {"y": 5.0, "z": 4.0}]
    assert group_precision(mass, [{"x"}, {"z"}], k=1).value == 0.5
    assert group_precision(mass, [{"x"}, {"z"}], k=2).value == 1.0
    assert group_precision([{}], [{"x"}]).value == 0.0


def test_scores_that_do_not_fit_the_works_are_refused() -> None:
    with pytest.raises(UsageError, match="3 works"):
        precision_at(SCORES, ["a", "b", "c"], ["a", "a"])

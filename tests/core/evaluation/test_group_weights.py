"""Weights of parameter groups: parts make the whole, weights are those of least squares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from core.attribution.features.gradients import by_group
from core.evaluation.benchmark import GENERATION, SPLITS, VALIDATION, Benchmark
from core.evaluation.booked_rows import BOTH_LEARNT, GROUPS_LEARNT, booked_rows
from core.evaluation.features import make_vectors
from core.evaluation.group_weights import (
    GroupedScores,
    learnt_on_others,
    wanted_groups,
    weighed,
    weights,
    weights_for_lds,
)
from core.evaluation.lds import Truth
from core.evaluation.runner import prepare
from core.evaluation.trials import Contest, Trial, run_trial
from tests.core.evaluation.tiny import opened

TRIAL = Trial(method="d-trak", noise="shared", timesteps=2)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benchmark]:
    bench = opened(tmp_path_factory.mktemp("groups"))
    list(prepare(bench, [TRIAL]))
    yield bench


@pytest.mark.parametrize("split", SPLITS)
def test_the_groups_of_d_trak_sum_up_to_d_trak(bench: Benchmark, split: str) -> None:
    grouped = GroupedScores(bench, TRIAL)
    parts = grouped.parts(split)
    assert grouped.groups(split) == ("blocks.0", "enter", "leave", "norm", "time")
    assert parts.shape == (5, 3, 12)
    whole = Contest(bench, TRIAL).scores(split)
    np.testing.assert_allclose(parts.sum(axis=0), whole, atol=1e-5 * np.abs(whole).max())
    np.testing.assert_array_equal(weighed(parts, np.ones(5)), parts.sum(axis=0))


def test_a_group_holds_its_own_gradient_alone() -> None:
    names = ("down_blocks.1.a.weight", "down_blocks.1.b.weight", "mid_block.weight")
    gradients = {name: torch.ones(2, 3) for name in names}
    groups = by_group(gradients)
    assert list(groups) == ["down_blocks.1", "mid_block"]
    for name in names:
        torch.testing.assert_close(sum(part[name] for part in groups.values()), gradients[name])
    assert not groups["mid_block"]["down_blocks.1.a.weight"].any()


def test_weights_are_those_of_constrained_least_squares() -> None:
    """Against a general minimiser of the written-out sum, in float64; one bound is active."""
    rng = np.random.default_rng(3)
    predicted = rng.normal(size=(3, 9, 4))
    measured = 0.7 * predicted[0] + 0.2 * predicted[1] - 0.5 * predicted[2]
    measured += 0.1 * rng.normal(size=measured.shape)

    def loss(w: np.ndarray) -> float:
        total = 0.0
        for q in range(4):
            parts = [predicted[g, :, q] - predicted[g, :, q].mean() for g in range(3)]
            length = float(np.sqrt(((parts[0] + parts[1] + parts[2]) ** 2).sum()))
            aim = measured[:, q] - measured[:, q].mean()
            aim = aim / np.sqrt((aim**2).sum())
            expected = sum(w[g] * parts[g] for g in range(3)) / length
            total += float(((expected - aim) ** 2).sum())
        return total

    best = minimize(loss, np.full(3, 0.5), bounds=[(0, None)] * 3, tol=1e-14)
    found = weights(predicted, measured)
    np.testing.assert_allclose(found, best.x, atol=1e-5)
    assert found[2] == 0.0 and (found[:2] > 0).all()


def test_a_query_that_says_nothing_and_a_common_shift_change_no_weight() -> None:
    rng = np.random.default_rng(4)
    predicted, measured = rng.normal(size=(2, 6, 3)), rng.normal(size=(6, 3))
    silent = np.concatenate([predicted, np.ones((2, 6, 1))], axis=2)
    more = np.concatenate([measured, rng.normal(size=(6, 1))], axis=1)
    np.testing.assert_allclose(weights(silent, more), weights(predicted, measured))
    np.testing.assert_allclose(
        weights(predicted + 5.0, measured - 2.0), weights(predicted, measured)
    )


def test_no_query_teaches_its_own_weights() -> None:
    rng = np.random.default_rng(5)
    predicted, measured = rng.normal(size=(2, 8, 6)), rng.normal(size=(8, 6))
    even, odd = learnt_on_others(predicted, measured)
    measured[:, 0::2] = predicted[1, :, 0::2]
    even_after, odd_after = learnt_on_others(predicted, measured)
    np.testing.assert_array_equal(even, even_after)
    assert not np.allclose(odd, odd_after)


def test_groups_that_decide_are_found_on_subsets() -> None:
    """Losses that one group alone predicts give the other next to no weight."""
    rng = np.random.default_rng(6)
    parts = rng.normal(size=(2, 4, 12))
    inclusion = rng.random((20, 12)) < 0.5
    truth = Truth(inclusion, -(inclusion.astype(float) @ parts[1].T))
    for by in weights_for_lds(parts, truth):
        assert by[0] < 0.05 * by[1]
        assert truth.lds(weighed(parts, by)) > 99.0
    assert truth.lds(parts.sum(axis=0)) < 95.0


def test_the_lds_has_rows_of_learnt_groups(bench: Benchmark) -> None:
    rows = list(booked_rows(bench, [run_trial(bench, TRIAL)]))
    at = {(row.shape, row.split): row for row in rows}
    parts = GroupedScores(bench, TRIAL).parts(VALIDATION)
    truth = bench.truth("lds", VALIDATION)
    even, odd = weights_for_lds(parts, truth)
    chosen = np.stack([weighed(parts, odd if q % 2 else even)[q] for q in range(3)])
    assert at[GROUPS_LEARNT, VALIDATION].lds == pytest.approx(truth.lds(chosen))
    assert (BOTH_LEARNT, GENERATION) in at


def test_only_d_trak_at_the_least_timesteps_has_groups(bench: Benchmark, tmp_path: Path) -> None:
    others = (
        Trial(method="trak", noise="shared", timesteps=2),
        Trial(method="d-trak", noise="shared", timesteps=4),
        Trial(method="d-trak", noise="shared", timesteps=2, checkpoint=1),
    )
    assert not any(wanted_groups(bench, trial) for trial in others)
    (wanted,) = wanted_groups(bench, TRIAL)
    assert not list(make_vectors(bench, [wanted]))  # they are there already

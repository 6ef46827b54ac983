"""The redirected target is the answer of a denoiser that knows the kept works alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from core.diffusion.pixel import PixelDDPM, residual_mlp
from core.diffusion.schedule import NoiseSchedule
from core.diffusion.training.loop import TrainingSet
from core.errors import UsageError
from core.evaluation.agreement import Interval
from core.evaluation.forgetting import (
    BASE,
    NEIGHBOURS,
    SIGMA_FLOOR,
    ForgettingRow,
    better_target,
    forgetting_set,
    nearest_kept,
    redirected,
    teacher,
)

CONFIG = {"beta_start": 1e-4, "beta_end": 0.02}


def schedule(kind: str) -> NoiseSchedule:
    return NoiseSchedule.from_config({**CONFIG, "prediction_type": kind})


def gaussian(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_the_target_equals_an_explicit_loop(kind: str) -> None:
    rule = schedule(kind)
    own, near, noise = gaussian(0, 2, 1, 2, 2), gaussian(1, 2, 3, 1, 2, 2), gaussian(2, 2, 1, 2, 2)
    times = torch.tensor([50, 700])
    noisy = rule.add_noise(own, noise, times)
    target = redirected(rule, noisy, times, own, near)
    for row, t in enumerate(times.tolist()):
        abar = float(rule.alphas_cumprod[t])
        a, s = math.sqrt(abar), math.sqrt(1 - abar)
        seen = noisy[row].flatten().tolist()
        weights = []
        for work in near[row]:
            gap = sum((x - a * z) ** 2 for x, z in zip(seen, work.flatten().tolist(), strict=True))
            weights.append(math.exp(-gap / (2 * s * s)))
        for place in range(4):
            mean = sum(
                w * float(work.flatten()[place]) for w, work in zip(weights, near[row], strict=True)
            ) / sum(weights)
            before = float(own[row].flatten()[place])
            clean = before + min(1.0, s / SIGMA_FLOOR) * (mean - before)
            eps = (seen[place] - a * clean) / s
            expected = eps if kind == "epsilon" else a * eps - s * clean
            assert float(target[row].flatten()[place]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_where_the_kept_works_are_the_same_picture_nothing_is_redirected(kind: str) -> None:
    rule = schedule(kind)
    own, noise, times = (
        gaussian(0, 3, 1, 2, 2),
        gaussian(1, 3, 1, 2, 2),
        torch.tensor([5, 300, 990]),
    )
    noisy = rule.add_noise(own, noise, times)
    target = redirected(rule, noisy, times, own, own[:, None].expand(-1, 4, -1, -1, -1))
    torch.testing.assert_close(target, rule.target(own, noise, times), rtol=1e-3, atol=1e-5)


def test_the_target_stays_bounded_where_there_is_hardly_any_noise() -> None:
    rule = schedule("v_prediction")
    own, near, noise = gaussian(0, 1, 1, 2, 2), gaussian(1, 1, 3, 1, 2, 2), gaussian(2, 1, 1, 2, 2)
    far = (near - own[:, None]).flatten(2).norm(dim=2).max()
    for t in (0, 1, 10, 100, 500, 999):
        times = torch.tensor([t])
        noisy = rule.add_noise(own, noise, times)
        gap = (redirected(rule, noisy, times, own, near) - rule.target(own, noise, times)).norm()
        assert float(gap) <= float(far) / SIGMA_FLOOR + 1e-9


def test_neighbours_are_the_nearest_kept_works() -> None:
    kept, own = gaussian(0, 9, 1, 2, 2), gaussian(1, 2, 1, 2, 2)
    neighbours = nearest_kept(kept, own, 3)
    for row in range(2):
        order = sorted(range(9), key=lambda n: float((kept[n] - own[row]).square().sum()))
        assert torch.equal(neighbours[row], kept[order[:3]])
    assert nearest_kept(kept[:2], own, 5).shape[1] == 2


def test_forgotten_works_come_as_often_as_all_kept() -> None:
    latents = gaussian(0, 5, 1, 2, 2)
    data = TrainingSet(latents=latents, prompt_of=torch.zeros(5).long(), prompts=("",))
    chosen, kept = forgetting_set(data, [1, 3])
    assert kept == 3
    wanted = latents[[0, 2, 4, 1, 3, 1]]
    assert torch.equal(chosen.latents, wanted)
    with pytest.raises(UsageError, match="others kept"):
        forgetting_set(data, range(5))


def test_kept_works_are_taught_what_they_were() -> None:
    network = residual_mlp(0, sample_size=2, width=8, time_width=4, depth=1)
    model = PixelDDPM(network, DDPMScheduler(50), name="small")
    data = TrainingSet(
        latents=gaussian(0, 6, 1, 2, 2).float(), prompt_of=torch.zeros(6).long(), prompts=("",)
    )
    teach = teacher(model, data, 4, NEIGHBOURS)
    rows, times, usual = torch.tensor([0, 5, 2]), torch.tensor([9, 20, 40]), torch.ones(3, 1, 2, 2)
    noisy = gaussian(3, 3, 1, 2, 2).float()
    targets = teach(rows, noisy, times, None, usual)
    assert torch.equal(targets[[0, 2]], usual[[0, 2]]) and not torch.equal(targets[1], usual[1])
    near = nearest_kept(data.latents[:4], data.latents[4:])
    alone = redirected(model.schedule, noisy[1:2], times[1:2], data.latents[5:6], near[1:2])
    torch.testing.assert_close(targets[1:2], alone)
    assert torch.equal(teach(torch.tensor([0, 1, 2]), noisy, times, None, usual), usual)
    with pytest.raises(UsageError, match="has a base"):
        teacher(model, data, 4, BASE)
    with pytest.raises(UsageError, match="no target 'moon'"):
        teacher(model, data, 4, "moon")


def test_the_better_target_is_the_one_that_agrees_more() -> None:
    def row(target: str, split: str, value: float) -> ForgettingRow:
        one = Interval(value, value, value)
        return ForgettingRow(
            target=target,
            split=split,
            artists=("a", "b", "c"),
            pictures=4,
            pearson=one,
            spearman=one,
            top1=one,
            ndcg3=one,
            loss_ratio=1.0,
        )

    rows = [row(BASE, "v", 0.5), row(BASE, "g", 0.7), row(NEIGHBOURS, "v", 0.4)]
    assert better_target(rows) == BASE
    assert better_target([*rows, row(NEIGHBOURS, "g", 0.9)]) == NEIGHBOURS
    assert np.isclose(rows[0].top1.value, 0.5)

"""Noise and timesteps by rule; nothing depends on batch order or size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.attribution.features.noise import noise_for
from core.attribution.features.spec import EK_FAC, FeatureSpec, NoiseRule
from core.attribution.features.timesteps import TimestepRule
from core.errors import UsageError

SHAPE = (2, 3, 3)


def noise(mode: str, ids: list[str], positions: list[int], **more: int) -> Tensor:
    return noise_for(NoiseRule(mode, **more), [0, 500], ids, positions, SHAPE)


def test_shared_noise_is_the_same_for_all_and_differs_by_timestep() -> None:
    samples = noise("shared", ["a", "b"], [0, 1])
    assert torch.equal(samples[0], samples[1])
    assert not torch.equal(samples[0, 0], samples[0, 1])


def test_independent_noise_follows_the_content_wherever_it_stands() -> None:
    one, two = noise("independent", ["a", "b"], [0, 1]), noise("independent", ["b", "a"], [5, 9])
    assert torch.equal(one[0], two[1])
    assert torch.equal(one[1], two[0])
    assert not torch.equal(one[0], one[1])


def test_cycled_noise_returns_with_the_period() -> None:
    samples = noise("cycle", ["a", "b", "c"], [0, 1, 4], period=4)
    assert torch.equal(samples[0], samples[2])
    assert not torch.equal(samples[0], samples[1])


def test_several_draws_a_timestep_stand_beside_each_other() -> None:
    samples = noise("shared", ["a"], [0], draws=3)
    assert samples.shape == (1, 6, *SHAPE)
    assert len({tuple(row.flatten().tolist()) for row in samples[0]}) == 6


def test_another_seed_is_another_noise() -> None:
    assert not torch.equal(noise("shared", ["a"], [0]), noise("shared", ["a"], [0], seed=1))


def test_uniform_timesteps_are_the_reference_codes() -> None:
    assert TimestepRule("uniform", 10).timesteps(1000) == list(range(0, 1000, 100))
    assert TimestepRule("cumulative", 4).timesteps(1000) == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [300, 3, 0, 1001])
def test_uniform_timesteps_that_do_not_divide_are_refused(count: int) -> None:
    with pytest.raises(UsageError, match="timesteps"):
        TimestepRule("uniform", count).timesteps(1000)


def test_the_digest_knows_every_choice() -> None:
    specs = [
        FeatureSpec(),
        FeatureSpec(objective="simple"),
        FeatureSpec(timesteps=TimestepRule("uniform", 5)),
        FeatureSpec(noise=NoiseRule("independent")),
        FeatureSpec(noise=NoiseRule("shared", seed=1)),
        FeatureSpec(dtype="float64"),
        FeatureSpec(normalised=True),
        FeatureSpec(preconditioner=EK_FAC),
    ]
    assert len({spec.digest for spec in specs}) == len(specs)
    assert all(FeatureSpec.from_plain(spec.plain()) == spec for spec in specs)


def test_a_spec_of_before_keeps_its_digest_and_its_text() -> None:
    """Stores were written before some fields were there: their usual values are not written."""
    before = "711105dd58493eba9c26f8d9eef953fbfeedd8dd214186cda4945f4684322299"
    assert FeatureSpec().digest == before
    assert FeatureSpec().plain().keys() == {
        "objective",
        "timesteps",
        "noise",
        "projection",
        "dtype",
    }
    assert FeatureSpec(normalised=True).plain()["normalised"] is True


@pytest.mark.parametrize(
    "make",
    [
        lambda: NoiseRule("random"),
        lambda: TimestepRule("log", 10),
        lambda: FeatureSpec(preconditioner="adam"),
    ],
)
def test_an_unknown_rule_is_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="Choose one of"):
        make()

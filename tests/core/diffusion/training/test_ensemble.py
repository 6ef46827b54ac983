"""Many models at once are the same models as one after the other, killed or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from safetensors.torch import load_file

from core.diffusion.pixel import PixelDDPM, residual_mlp, tiny_ddpm
from core.diffusion.training.ensemble import (
    Parts,
    load_into,
    model_file,
    parameters_of,
    stackable,
    train_many,
)
from core.diffusion.training.loop import Recipe, TrainingSet
from core.errors import StoreError

PARTS = Parts(((0, 1, 2, 3), (2, 3, 4, 5), (0, 2, 4, 6)), snapshots=(3,))
RECIPE = Recipe(
    steps=6,
    batch_size=2,
    learning_rate=3e-3,
    warmup=2,
    checkpoint_every=2,
    order="epochs",
    times="uniform",
    floor=0.0,
    flip=True,
)


def small() -> PixelDDPM:
    network = residual_mlp(0, sample_size=4, width=8, time_width=4, depth=1)
    return PixelDDPM(network, DDPMScheduler(50), name="small")


@pytest.fixture
def data() -> TrainingSet:
    latents = torch.randn(8, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    return TrainingSet(latents=latents, prompt_of=torch.zeros(8, dtype=torch.long), prompts=("",))


def weights(directory: Path, step: int | None = None) -> list[dict[str, torch.Tensor]]:
    return [load_file(model_file(directory, n, step)) for n in range(len(PARTS.rows))]


def same(left: list[dict[str, torch.Tensor]], right: list[dict[str, torch.Tensor]]) -> None:
    for one, other in zip(left, right, strict=True):
        for name, value in one.items():
            torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("step", [None, 3])
def test_at_once_equals_one_by_one(tmp_path: Path, data: TrainingSet, step: int | None) -> None:
    list(train_many(small(), data, PARTS, RECIPE, tmp_path / "once", at_once=True))
    list(train_many(small(), data, PARTS, RECIPE, tmp_path / "one", at_once=False))
    same(weights(tmp_path / "once", step), weights(tmp_path / "one", step))


@pytest.mark.parametrize("at_once", [True, False])
def test_killed_equals_uninterrupted(tmp_path: Path, data: TrainingSet, at_once: bool) -> None:
    list(train_many(small(), data, PARTS, RECIPE, tmp_path / "whole", at_once=at_once))
    for stop in (3, 5):
        run = train_many(small(), data, PARTS, RECIPE, tmp_path / "halted", at_once=at_once)
        for count, _ in enumerate(run):
            if count == stop:
                break
        run.close()  # type: ignore[attr-defined]
    list(train_many(small(), data, PARTS, RECIPE, tmp_path / "halted", at_once=at_once))
    for one, other in zip(weights(tmp_path / "whole"), weights(tmp_path / "halted"), strict=True):
        assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("stop", [3, 4])
def test_a_snapshot_at_a_checkpoint_outlives_a_kill(
    tmp_path: Path, data: TrainingSet, at_once: bool, stop: int
) -> None:
    """Step 4 is both: whichever is written last must not be the one that says it is done."""
    parts = replace(PARTS, snapshots=(4,))
    run = train_many(small(), data, parts, RECIPE, tmp_path, at_once=at_once)
    for count, _ in enumerate(run):
        if count == stop:
            break
    run.close()  # type: ignore[attr-defined]
    list(train_many(small(), data, parts, RECIPE, tmp_path, at_once=at_once))
    assert all(model_file(tmp_path, number, 4).is_file() for number in range(len(PARTS.rows)))


def test_the_model_ends_as_it_began(tmp_path: Path, data: TrainingSet) -> None:
    model = small()
    before = parameters_of(model)
    list(train_many(model, data, PARTS, RECIPE, tmp_path))
    after = parameters_of(model)
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    load_into(model, model_file(tmp_path, 1))
    assert any(not torch.equal(value, before[name]) for name, value in parameters_of(model).items())


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="model-007"):
        load_into(small(), model_file(tmp_path, 7))


def test_only_plain_layers_and_equal_parts_are_stacked() -> None:
    assert stackable(small(), PARTS, RECIPE)
    assert not stackable(tiny_ddpm(0), PARTS, RECIPE)
    assert not stackable(small(), replace(PARTS, rows=((0, 1), (1,))), RECIPE)
    assert not stackable(small(), PARTS, replace(RECIPE, ema=0.9))


COUPLED = Parts(((0, 1, 2, 3, 4, 5, 6, 7), (0, 1, 2, 3, 4, 5), (3,)), coupled=True)


def test_coupled_models_are_the_same_at_once_and_one_by_one(
    tmp_path: Path, data: TrainingSet
) -> None:
    """The last one learns a single work, so that most of its batches are empty."""
    list(train_many(small(), data, COUPLED, RECIPE, tmp_path / "once", at_once=True))
    list(train_many(small(), data, COUPLED, RECIPE, tmp_path / "one", at_once=False))
    same(weights(tmp_path / "once"), weights(tmp_path / "one"))


def test_a_coupled_model_of_all_works_is_the_plain_one(tmp_path: Path, data: TrainingSet) -> None:
    plain = Parts((COUPLED.rows[0],))
    list(train_many(small(), data, plain, RECIPE, tmp_path / "plain", at_once=False))
    list(train_many(small(), data, COUPLED, RECIPE, tmp_path / "coupled", at_once=False))
    one, other = (load_file(model_file(tmp_path / n, 0)) for n in ("plain", "coupled"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_coupled_model_never_meets_the_works_left_out(tmp_path: Path, data: TrainingSet) -> None:
    other = replace(data, latents=data.latents.clone())
    other.latents[6:] = 5.0
    for name, works in (("first", data), ("second", other)):
        list(train_many(small(), works, COUPLED, RECIPE, tmp_path / name))
    first, second = weights(tmp_path / "first"), weights(tmp_path / "second")
    assert all(torch.equal(first[1][name], second[1][name]) for name in first[1])
    assert any(not torch.equal(first[0][name], second[0][name]) for name in first[0])

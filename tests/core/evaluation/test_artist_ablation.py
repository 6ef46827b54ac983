"""Leaving an artist out: their works are unlearnt; resumed equals uninterrupted. The redirected
target is the answer of a denoiser that knows the kept works alone."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from safetensors.torch import load_file

from core.collection.store import load_collection
from core.collection.types import Collection
from core.diffusion.flow_schedule import FlowSchedule
from core.diffusion.lora import LORA_FILE
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.pixel import PixelDDPM, residual_mlp
from core.diffusion.schedule import NoiseSchedule, Schedule
from core.diffusion.training.base_model import PLAN_FILE, encode_all
from core.diffusion.training.loop import Recipe, TrainingSet
from core.diffusion.training.lora import (
    LoraTrainingPlan,
    kept_plan,
    load_pictures,
    save_plan,
    train_lora,
)
from core.errors import ModelError, UsageError
from core.evaluation.artist_ablation import (
    BASE,
    FORGET,
    FORGETTING,
    NEIGHBOURS,
    REDIRECT,
    RETRAIN,
    SIGMA_FLOOR,
    compare_without,
    forgetting_set,
    lora_without,
    nearest_kept,
    redirected,
    teacher,
)

SHORT = replace(FORGETTING, steps=6, batch_size=4, warmup=1, checkpoint_every=2)
CONFIG = {"beta_start": 1e-4, "beta_end": 0.02}
SAMPLED = {"style": "cubism", "seed": 3, "steps": 2, "guidance": 1.5}


def lora(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "lora" / LORA_FILE)


def test_forgetting_answers_like_the_base_about_own_works_alone(
    ready: Collection, tmp_path: Path
) -> None:
    longer = replace(SHORT, steps=60, learning_rate=5e-3)
    list(lora_without(ready, "artist-0", FORGET, tmp_path / "first", longer))
    list(lora_without(ready, "artist-3", FORGET, tmp_path / "last", longer))
    full = PipelineModel.load(ready.path / "model", ready.path / "lora")
    own = [work for work in ready.works if work.artist_id == "artist-0"]
    latents = encode_all(full, load_pictures(ready, own).images)
    times, given = torch.tensor([300, 500, 700]), full.condition(["a cubism painting"] * 3)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    noisy = full.schedule.add_noise(latents, noise, times)
    base = full.base_predict(noisy, times, given)

    def from_base(directory: Path) -> float:
        model = PipelineModel.load(ready.path / "model", directory / "lora")
        with torch.no_grad():
            return float((model.predict(noisy, times, given) - base).norm())

    assert from_base(tmp_path / "first") < from_base(tmp_path / "last")
    with torch.no_grad():
        assert not torch.equal(full.predict(noisy, times, given), base), "the adapter is on again"


def test_killed_equals_uninterrupted(ready: Collection, tmp_path: Path) -> None:
    list(lora_without(ready, "artist-1", FORGET, tmp_path / "whole", SHORT))
    run = lora_without(ready, "artist-1", FORGET, tmp_path / "halted", SHORT)
    for event in run:
        if event.done == 3:
            break
    run.close()  # type: ignore[attr-defined]
    list(lora_without(ready, "artist-1", FORGET, tmp_path / "halted", SHORT))
    for name, value in lora(tmp_path / "whole").items():
        assert torch.equal(value, lora(tmp_path / "halted")[name]), name


def test_redirecting_learns_something_else_than_the_bases_answer(
    ready: Collection, tmp_path: Path
) -> None:
    list(lora_without(ready, "artist-1", FORGET, tmp_path / "base", SHORT))
    list(lora_without(ready, "artist-1", REDIRECT, tmp_path / "near", SHORT))
    one, two = lora(tmp_path / "base"), lora(tmp_path / "near")
    assert any(not torch.equal(value, two[name]) for name, value in one.items())


def test_retraining_never_meets_the_artist(ready: Collection, tmp_path: Path) -> None:
    list(lora_without(ready, "artist-0", RETRAIN, tmp_path / "one", SHORT))
    list(lora_without(ready, "artist-3", RETRAIN, tmp_path / "two", SHORT))
    one, two = lora(tmp_path / "one"), lora(tmp_path / "two")
    assert any(not torch.equal(value, two[name]) for name, value in one.items())


def test_retraining_follows_the_plan_that_the_loras_training_kept(
    ready: Collection, tmp_path: Path
) -> None:
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("lora", "features"))
    own = load_collection(root)
    recipe = Recipe(steps=7, batch_size=4, learning_rate=2e-3, ema=0.5, seed=5)
    plan = LoraTrainingPlan(3, recipe, "gaussian", "linear")
    list(train_lora(own, own.works, plan, root / "training" / "lora", root / "lora"))
    assert kept_plan(root / "lora") == plan
    place = tmp_path / "without"
    list(lora_without(own, "artist-0", RETRAIN, place))
    learnt, again = (
        json.loads((scratch / "plan.json").read_text())
        for scratch in (root / "training" / "lora", place / "scratch")
    )
    assert again["lora"] == learnt["lora"] and learnt["lora"]["recipe"]["steps"] == 7
    assert len(again["works"]) == 9 and kept_plan(place / "lora") == plan
    before = (place / "lora" / LORA_FILE).stat().st_mtime_ns
    list(lora_without(own, "artist-0", RETRAIN, place))
    assert (place / "lora" / LORA_FILE).stat().st_mtime_ns == before, "what is there is kept"


def test_what_was_retrained_by_another_plan_is_made_anew(ready: Collection, tmp_path: Path) -> None:
    """As versions before plans were kept did it: always by the default."""
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("features"))
    plan = LoraTrainingPlan(4, SHORT)
    save_plan(plan, root / "lora")
    own, place = load_collection(root), tmp_path / "without"
    list(lora_without(own, "artist-0", RETRAIN, place, replace(SHORT, steps=2)))
    (place / "lora" / PLAN_FILE).unlink()
    first = lora(place)
    list(lora_without(own, "artist-0", RETRAIN, place))
    assert kept_plan(place / "scratch") == kept_plan(place / "lora") == plan
    assert any(not torch.equal(value, lora(place)[name]) for name, value in first.items())


def test_without_a_plan_nothing_is_retrained_and_forgetting_remains(
    ready: Collection, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"by which plan .* 'small' .*leave --retrain out"):
        list(lora_without(ready, "artist-0", RETRAIN, tmp_path))
    assert not (tmp_path / "lora").exists()
    list(lora_without(ready, "artist-0", FORGET, tmp_path, replace(SHORT, steps=1)))
    assert (tmp_path / "lora" / LORA_FILE).is_file() and kept_plan(tmp_path / "lora") is None
    (tmp_path / "lora" / PLAN_FILE).write_text("{}")
    with pytest.raises(ModelError, match=r"plan\.json in .* is no training plan"):
        kept_plan(tmp_path / "lora")


def test_the_same_model_changes_nothing(ready: Collection, tmp_path: Path) -> None:
    (tmp_path / "lora").symlink_to(ready.path / "lora")
    figures, _ = compare_without(ready, "artist-0", FORGET, tmp_path, **SAMPLED)  # type: ignore[arg-type]
    assert figures.moved == 0.0
    assert figures.picture_before == figures.picture_after
    assert figures.own_before == figures.own_after and figures.works == 3


def test_a_changed_model_is_seen(ready: Collection, tmp_path: Path) -> None:
    list(lora_without(ready, "artist-0", FORGET, tmp_path, SHORT))
    figures, image = compare_without(ready, "artist-0", FORGET, tmp_path, **SAMPLED)  # type: ignore[arg-type]
    assert figures.moved > 0 and figures.own_after != figures.own_before
    assert image.size == (ready.image_size, ready.image_size)


def test_unknown_artists_and_ways_are_refused(ready: Collection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no artist 'nobody'"):
        list(lora_without(ready, "nobody", FORGET, tmp_path))
    with pytest.raises(UsageError, match="no way 'wish'"):
        list(lora_without(ready, "artist-0", "wish", tmp_path))


KINDS = ("epsilon", "v_prediction", "flow")


def schedule(kind: str) -> Schedule:
    if kind == "flow":
        return FlowSchedule.from_config({"shift": 3.0}, tokens=4)
    return NoiseSchedule.from_config({**CONFIG, "prediction_type": kind})


def gaussian(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_the_target_equals_an_explicit_loop(kind: str) -> None:
    rule = schedule(kind)
    own, near, noise = gaussian(0, 2, 1, 2, 2), gaussian(1, 2, 3, 1, 2, 2), gaussian(2, 2, 1, 2, 2)
    times = torch.tensor([50, 700])
    noisy = rule.add_noise(own, noise, times)
    target = redirected(rule, noisy, times, own, near)
    for row, t in enumerate(times.tolist()):
        a, s = (float(one) for one in rule.coefficients(torch.tensor([t]), noisy))
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
            expected = {"epsilon": eps, "v_prediction": a * eps - s * clean, "flow": eps - clean}
            assert float(target[row].flatten()[place]) == pytest.approx(expected[kind], rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
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

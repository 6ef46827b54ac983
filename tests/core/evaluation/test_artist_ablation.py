"""Leaving an artist out: their works are unlearnt; resumed equals uninterrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.collection.types import Collection
from core.diffusion.lora import LORA_FILE
from core.diffusion.stable import StableDiffusion
from core.diffusion.training.base_model import encode_all
from core.diffusion.training.lora import load_pictures
from core.errors import UsageError
from core.evaluation.artist_ablation import (
    FORGET,
    FORGETTING,
    REDIRECT,
    RETRAIN,
    compare_without,
    lora_without,
)

SHORT = replace(FORGETTING, steps=6, batch_size=4, warmup=1, checkpoint_every=2)
SAMPLED = {"style": "cubism", "seed": 3, "steps": 2, "guidance": 1.5}


def lora(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "lora" / LORA_FILE)


def test_forgetting_answers_like_the_base_about_own_works_alone(
    ready: Collection, tmp_path: Path
) -> None:
    longer = replace(SHORT, steps=60, learning_rate=5e-3)
    list(lora_without(ready, "artist-0", FORGET, tmp_path / "first", longer))
    list(lora_without(ready, "artist-3", FORGET, tmp_path / "last", longer))
    full = StableDiffusion.load(ready.path / "model", ready.path / "lora")
    own = [work for work in ready.works if work.artist_id == "artist-0"]
    latents = encode_all(full, load_pictures(ready, own).images)
    times, given = torch.tensor([300, 500, 700]), full.condition(["a cubism painting"] * 3)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    noisy = full.schedule.add_noise(latents, noise, times)
    base = full.base_predict(noisy, times, given)

    def from_base(directory: Path) -> float:
        model = StableDiffusion.load(ready.path / "model", directory / "lora")
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

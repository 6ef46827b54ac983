"""A stage counts as finished when all of it is there, and only then."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training import base_model as from_scratch
from core.diffusion.training.base_model import (
    BasePlan,
    LabelledImages,
    SmallShape,
    check_plan,
    is_whole,
    make_base,
)
from core.diffusion.training.decoder import DecoderRecipe
from core.diffusion.training.loop import Recipe
from core.errors import ModelError

SHAPE = SmallShape(
    image_size=32,
    latent_channels=4,
    autoencoder=(16, 48, 48, 48),
    unet=(8, 16),
    attention_levels=(True, True),
    heads=2,
    groups=8,
    text_width=16,
    text_layers=1,
)
PLAN = BasePlan(
    shape=SHAPE,
    decoder=DecoderRecipe(steps=2, batch_size=2, crop=4),
    base=Recipe(steps=2, batch_size=2, ema=0.9, checkpoint_every=1),
)
GENERATOR = torch.Generator().manual_seed(0)
PICTURES = LabelledImages(
    torch.randint(0, 256, (8, 3, 32, 32), generator=GENERATOR, dtype=torch.uint8),
    ["cubism", "ukiyo_e"] * 4,
)
PARTS = {
    "vae": "diffusion_pytorch_model",
    "unet": "diffusion_pytorch_model",
    "text_encoder": "model",
}


def made(place: Path) -> str:
    list(make_base(PLAN, PICTURES, place / "scratch", place / "model"))
    return PipelineModel.load(place / "model").digest


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    place = tmp_path_factory.mktemp("undisturbed")
    return place, made(place)


@pytest.mark.parametrize("part", PARTS)
def test_a_stage_killed_between_configuration_and_weights_is_made_again(
    part: str, tmp_path: Path, undisturbed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(module: Any, folder: Path, **options: Any) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "config.json").write_text("{}")
        raise KeyboardInterrupt

    kinds = {
        "vae": from_scratch.AutoencoderKL,
        "unet": from_scratch.UNet2DConditionModel,
        "text_encoder": from_scratch.CLIPTextModel,
    }
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(kinds[part], "save_pretrained", killed)
        made(tmp_path)
    assert not is_whole(tmp_path / "model")
    assert made(tmp_path) == undisturbed[1]
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_weights_that_an_earlier_version_left_unfinished_are_made_again(
    part: str, damage: str, tmp_path: Path, undisturbed: tuple[Path, str]
) -> None:
    made(tmp_path)
    weights = tmp_path / "scratch" / part / f"{PARTS[part]}.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    if damage == "cut off":
        weights.write_bytes(content[:-100])
    (tmp_path / "model" / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    assert made(tmp_path) == undisturbed[1]


def test_what_an_earlier_version_finished_is_not_made_again(
    undisturbed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("a finished stage was made again")

    for stage in ("train_autoencoder", "train_base", "assemble"):
        monkeypatch.setattr(from_scratch, stage, never)
    place, digest = undisturbed
    assert made(place) == digest


def test_the_plan_is_written_once_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(from_scratch.json, "dumps", lambda *_, **__: "half of the pl")
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        check_plan({"steps": 3}, tmp_path)
    assert list(tmp_path.iterdir()) == []
    check_plan({"steps": 3}, tmp_path)
    written = (tmp_path / "plan.json").stat().st_mtime_ns
    check_plan({"steps": 3}, tmp_path)
    assert (tmp_path / "plan.json").stat().st_mtime_ns == written
    assert json.loads((tmp_path / "plan.json").read_text()) == {"steps": 3}
    with pytest.raises(ModelError, match="another plan"):
        check_plan({"steps": 4}, tmp_path)


def test_another_shape_is_another_plan(undisturbed: tuple[Path, str]) -> None:
    place, _ = undisturbed
    other = replace(PLAN, shape=replace(SHAPE, heads=1))
    with pytest.raises(ModelError, match="another plan"):
        list(make_base(other, PICTURES, place / "scratch", place / "model"))

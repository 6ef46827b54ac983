"""A stage counts as finished when all of it is there, and only then."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.diffusion.patch_autoencoder import PatchAutoencoder
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training import base_model as from_scratch
from core.diffusion.training.autoencoder import AutoencoderRecipe
from core.diffusion.training.base_model import (
    BasePlan,
    LabelledImages,
    Round,
    SmallShape,
    check_plan,
    is_whole,
    make_base,
    start_model,
)
from core.diffusion.training.base_model_check import require_fit
from core.diffusion.training.loop import Recipe
from core.diffusion.training.repainting import Repainting
from core.errors import ModelError, UsageError

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
    rounds=(
        Round(
            AutoencoderRecipe(steps=2, batch_size=2, crop=4),
            Recipe(steps=2, batch_size=2, ema=0.9, checkpoint_every=1),
            channels=3,
        ),
        Round(
            AutoencoderRecipe(steps=1, batch_size=2, crop=4, encoder=True),
            Recipe(steps=1, batch_size=2),
        ),
        Round(AutoencoderRecipe(steps=1, batch_size=2, crop=4, repainting=Repainting(1)), None),
    ),
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
    weights = tmp_path / "scratch" / "round-2" / part / f"{PARTS[part]}.safetensors"
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

    for stage in ("train_decoder", "train_base", "assemble"):
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


def test_a_round_of_more_channels_begins_where_the_one_before_ended(
    undisturbed: tuple[Path, str], tmp_path: Path
) -> None:
    """The leading latents stay, and the UNet answers for them as it did, whatever the new say."""
    copytree(undisturbed[0] / "scratch" / "round-1", tmp_path / "round-1")
    coarse, fine = (start_model(PLAN, PICTURES, order, tmp_path) for order in (0, 1))
    seen = PICTURES.images.float() / 127.5 - 1.0
    torch.testing.assert_close(fine.encode(seen)[:, :3], coarse.encode(seen), atol=1e-3, rtol=1e-3)
    latents = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    times = torch.tensor([10, 900])
    with torch.no_grad():
        words = coarse.condition(["", "a cubism painting"])
        few, many = (
            one.network(sample, times, words.text).sample
            for one, sample in ((coarse, latents[:, :3]), (fine, latents))
        )
    torch.testing.assert_close(many[:, :3], few)
    assert not many[:, 3:].any()


@pytest.mark.parametrize("wrong", [{"autoencoder": None}, {"channels": 3}])
def test_a_plan_whose_last_round_makes_no_model_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="last round"):
        replace(PLAN, rounds=(replace(PLAN.rounds[0], **wrong),))


def test_a_patch_autoencoder_goes_from_its_training_into_a_model_that_is_loaded(
    tmp_path: Path,
) -> None:
    shape = replace(SHAPE, patched=True, autoencoder=(32, 48, 48, 48))
    plan = replace(PLAN, shape=shape, rounds=PLAN.rounds[1:])
    list(make_base(plan, PICTURES, tmp_path / "scratch", tmp_path / "model"))
    require_fit(tmp_path / "model", "small")
    model = PipelineModel.load(tmp_path / "model")
    trained = PatchAutoencoder.from_pretrained(tmp_path / "scratch" / "round-2" / "vae")
    latents = torch.randn(1, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        painted = model.pipeline.vae.decode(latents).sample
        torch.testing.assert_close(painted, trained.decode(latents).sample)


def test_a_last_round_teaches_the_decoder_alone_what_the_base_makes(
    undisturbed: tuple[Path, str],
) -> None:
    place, _ = undisturbed
    folder = place / "scratch" / "round-3"
    assert {one.name for one in folder.iterdir()} == {
        "autoencoder.safetensors",
        "repainted.safetensors",
        "vae",
    }
    made_of_them = load_file(folder / "repainted.safetensors")["latents"]
    assert made_of_them.shape == (1, len(PICTURES.images), SHAPE.latent_channels, 4, 4)


def test_a_plan_whose_first_round_trains_no_base_still_has_a_seed(tmp_path: Path) -> None:
    plan = replace(PLAN, rounds=(replace(PLAN.rounds[0], channels=None, base=None),))
    list(make_base(plan, PICTURES, tmp_path / "scratch", tmp_path / "model"))
    assert is_whole(tmp_path / "model")

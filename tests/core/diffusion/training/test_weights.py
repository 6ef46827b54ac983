"""Weights in half precision or in several files are the same weights, under any of their names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model_check import require_fit
from core.diffusion.training.pretrained import (
    checkpoint_folder,
    copy_checkpoint,
    is_copy,
    lacking,
)
from core.errors import ModelError
from tests.tiny_families import PIPELINES

KINDS = ("SD 1.x", "SDXL", "SD 3", "FLUX.1 dev")
WAYS: dict[str, dict[str, Any]] = {
    "one file": {},
    "fp16 alone": {"variant": "fp16"},
    "shards": {"max_shard_size": "20KB"},
    "shards of fp16 alone": {"variant": "fp16", "max_shard_size": "20KB"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_needs_no_variant_and_is_the_same_model(kind: str, way: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "model"
    pipeline = PIPELINES[kind](0).to(torch.float16)
    pipeline.save_pretrained(tmp_path / "plain")
    pipeline.save_pretrained(source, **WAYS[way])
    assert checkpoint_folder(source) == source
    require_fit(source, "source")
    copy_checkpoint(source, target)
    assert is_copy(source, target)
    names = {one.name for one in target.rglob("*.safetensors")}
    assert "shards" in way or names <= {
        "model.safetensors",
        "diffusion_pytorch_model.safetensors",
    }
    require_fit(target, "target")
    digests = {PipelineModel.load(place).digest for place in (source, target, tmp_path / "plain")}
    assert len(digests) == 1


def test_a_second_copy_in_half_precision_is_left_behind(tmp_path: Path) -> None:
    pipeline = PIPELINES["SDXL"](0)
    pipeline.save_pretrained(tmp_path / "source")
    shutil.copyfile(
        tmp_path / "source" / "unet" / "diffusion_pytorch_model.safetensors",
        tmp_path / "source" / "unet" / "diffusion_pytorch_model.fp16.safetensors",
    )
    copy_checkpoint(tmp_path / "source", tmp_path / "model")
    assert not list((tmp_path / "model").rglob("*fp16*"))


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    PIPELINES["SDXL"](0).save_pretrained(tmp_path, max_shard_size="20KB")
    shards = sorted((tmp_path / "unet").glob("*.safetensors"))
    shards[1].unlink()
    with pytest.raises(ModelError, match=f"lacks 'unet/{shards[1].name}', one of the"):
        lacking(tmp_path)


@pytest.mark.parametrize("content", ["{", "{}", '{"weight_map": {"a": "../../secret"}}'])
def test_an_index_that_is_damaged_or_points_elsewhere_is_refused(
    content: str, tmp_path: Path
) -> None:
    PIPELINES["SD 1.x"](0).save_pretrained(tmp_path, max_shard_size="20KB")
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(content)
    with pytest.raises(ModelError, match=r"damaged|lacks 'unet/\.\./\.\./secret'"):
        lacking(tmp_path)


def test_what_nobody_uses_is_not_missed(tmp_path: Path) -> None:
    """No safety checker and no feature extractor, though the index names them."""
    PIPELINES["SD 1.x"](0).save_pretrained(tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    assert not lacking(tmp_path)
    assert PipelineModel.load(tmp_path).pipeline.safety_checker is None

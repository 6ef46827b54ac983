"""CLIP rows, with a randomly initialised CLIP: its embeddings, its refusals. No weights are
downloaded, so nothing here says how good CLIP's similarity is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from core.attribution.features.clip import MEAN, SPREAD, ClipVision
from core.errors import ModelError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    shape = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 16,
        "patch_size": 8,
        "projection_dim": 6,
    }
    path = tmp_path_factory.mktemp("clip")
    CLIPVisionModelWithProjection(CLIPVisionConfig(**shape)).save_pretrained(path)
    return path


def test_embeddings_are_the_models_own(folder: Path) -> None:
    clip = ClipVision.load(folder)
    pixels = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    embeddings = clip.embed(pixels)
    assert embeddings.shape == (3, 6) and embeddings.dtype == torch.float64
    plain = (pixels[1] + 1) / 2
    for channel in range(3):
        plain[channel] = (plain[channel] - MEAN[channel]) / SPREAD[channel]
    with torch.no_grad():
        expected = clip.model(pixel_values=plain[None]).image_embeds[0]
    torch.testing.assert_close(embeddings[1].float(), expected, rtol=1e-4, atol=1e-5)


def test_grey_pictures_of_another_size_are_taken(folder: Path) -> None:
    assert ClipVision.load(folder).embed(torch.zeros(2, 1, 8, 8)).shape == (2, 6)


def test_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No CLIP vision model"):
        ClipVision.load(tmp_path / "nothing")
    with pytest.raises(ModelError, match="openai/clip"):
        ClipVision.load("openai/clip-vit-base-patch32")

"""A LoRA of any family, as others write it, changes the picture as diffusers' own loader does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from core.diffusion.lora import find_lora, install_lora
from core.diffusion.pipeline_model import PipelineModel
from core.errors import ModelError
from tests.tiny_families import PIPELINES, random_model

PROMPTS = ["a cubism painting", "a painting"]
RANK, ALPHA = 4, 2.0
KINDS = ("SDXL", "SD 3", "FLUX.1 dev")
# kohya names SDXL's blocks as the original model does; the tiny UNet has one layer per block
ORIGINAL = {
    "down_blocks_1_attentions_0": "input_blocks_3_1",
    "mid_block_attentions_0": "middle_block_1",
    "up_blocks_0_attentions_0": "output_blocks_0_1",
    "up_blocks_0_attentions_1": "output_blocks_1_1",
}


def answer(model: PipelineModel) -> Tensor:
    x = torch.randn(2, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    return model.predict_noise(x, torch.tensor([10, 900]), model.condition(PROMPTS)).detach()


def pairs(module: nn.Module, ends: tuple[str, ...], seed: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Layer -> down `[r, in]` and up `[out, r]`, of every Linear layer with such a name."""
    generator = torch.Generator().manual_seed(seed)
    matrices = {}
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear) and name.endswith(ends):
            down = torch.randn(RANK, layer.in_features, generator=generator) * 0.3
            matrices[name] = (down, torch.randn(layer.out_features, RANK, generator=generator))
    return matrices


def kohya(prefix: str, module: nn.Module, ends: tuple[str, ...], seed: int) -> dict[str, Tensor]:
    named = {}
    for name, (down, up) in pairs(module, ends, seed).items():
        flat = name.replace(".", "_")
        for ours, theirs in ORIGINAL.items():
            flat = flat.replace(ours, theirs)
        named[f"{prefix}{flat}.lora_down.weight"] = down
        named[f"{prefix}{flat}.lora_up.weight"] = up
        named[f"{prefix}{flat}.alpha"] = torch.tensor(ALPHA)
    return named


@torch.no_grad()
def merge(module: nn.Module, ends: tuple[str, ...], seed: int) -> None:
    """W + (alpha / r) up down, without any adapter."""
    for name, (down, up) in pairs(module, ends, seed).items():
        module.get_submodule(name).weight.add_(ALPHA / RANK * up @ down)


@pytest.fixture
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    PIPELINES[request.param](0).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def as_diffusers_loads_it(kind: str, file: Path) -> PipelineModel:
    pipeline: Any = PIPELINES[kind](0)
    pipeline.load_lora_weights(file.parent, weight_name=file.name)
    return PipelineModel(pipeline, name="diffusers")


@pytest.mark.parametrize("base", ["SDXL"], indirect=True)
def test_kohyas_lora_of_sdxl_with_both_text_encoders(base: Path, tmp_path: Path) -> None:
    pipeline = PIPELINES["SDXL"](0)
    attention, text = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.2"), ("q_proj", "fc1")
    tensors = kohya("lora_unet_", pipeline.unet, attention, 0)
    assert not any("down_blocks" in name for name in tensors)
    file = tmp_path / "style.safetensors"
    save_file(tensors, file)
    own = answer(as_diffusers_loads_it("SDXL", file))
    torch.testing.assert_close(answer(PipelineModel.load(base, file)), own, rtol=1e-4, atol=1e-4)
    # diffusers leaves out half of such text encoders' layers and says nothing: the sum decides
    tensors |= kohya("lora_te1_text_model_", pipeline.text_encoder, text, 1)
    tensors |= kohya("lora_te2_", pipeline.text_encoder_2, text, 2)
    save_file(tensors, file)
    loaded = PipelineModel.load(base, file)
    merge(pipeline.unet, attention, 0)
    merge(pipeline.text_encoder, text, 1)
    merge(pipeline.text_encoder_2, text, 2)
    expected = answer(PipelineModel(pipeline, name="merged"))
    torch.testing.assert_close(answer(loaded), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(expected, own, atol=1e-3)
    assert not torch.allclose(answer(loaded), answer(PipelineModel.load(base)), atol=1e-3)
    assert len(loaded.attributed_parameters()) == 2 * sum(
        name.endswith(".alpha") and name.startswith("lora_unet_") for name in tensors
    )
    loaded.save_lora(tmp_path / "saved")
    again = PipelineModel.load(base, tmp_path / "saved")
    torch.testing.assert_close(answer(again), answer(loaded))
    install_lora(find_lora(file), tmp_path / "installed", "unet")
    assert PipelineModel.load(base, tmp_path / "installed").digest == loaded.digest


@pytest.mark.parametrize(("kind", "base"), [(kind, kind) for kind in KINDS], indirect=["base"])
def test_what_is_saved_here_is_what_diffusers_own_loader_reads(
    kind: str, base: Path, tmp_path: Path
) -> None:
    made = random_model(kind, layers="linear")
    made.save_lora(tmp_path / "lora")
    (file,) = (tmp_path / "lora").iterdir()
    own = as_diffusers_loads_it(kind, file)
    torch.testing.assert_close(answer(own), answer(made), rtol=1e-4, atol=1e-4)
    loaded = PipelineModel.load(base, tmp_path / "lora")
    torch.testing.assert_close(answer(loaded), answer(made), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("base", ["SDXL"], indirect=True)
@pytest.mark.parametrize(("part", "whose"), [("te3_x", "Stable Diffusion 3"), ("te2_x", "")])
def test_every_key_is_used_or_named(base: Path, tmp_path: Path, part: str, whose: str) -> None:
    tensors = kohya("lora_unet_", PIPELINES["SDXL"](0).unet, ("to_q",), 0)
    down, up = torch.ones(RANK, 16), torch.ones(16, RANK)
    more = {f"lora_{part}.lora_down.weight": down, f"lora_{part}.lora_up.weight": up}
    save_file(tensors | more, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=f"LoRA of {whose}" if whose else "changes 'lora_te2_x'"):
        PipelineModel.load(base, tmp_path / "a.safetensors")


@pytest.mark.parametrize("base", KINDS, indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_a_lora_of_another_family_is_refused_before_a_layer_is_changed(
    kind: str, base: Path, tmp_path: Path
) -> None:
    random_model(kind).save_lora(tmp_path / "lora")
    own = type(PipelineModel.load(base).pipeline) is type(PIPELINES[kind](0))
    if own:
        PipelineModel.load(base, tmp_path / "lora")
        return
    with pytest.raises(ModelError, match="is a LoRA of|does not fit the model"):
        PipelineModel.load(base, tmp_path / "lora")

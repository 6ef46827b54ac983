"""A LoRA as other programs write it is loaded as the same LoRA, or refused by its true cause."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from core.diffusion.lora import PEFT_CONFIG, find_lora, install_lora, rank_of
from core.diffusion.pipeline_model import ADAPTER, PipelineModel
from core.diffusion.training.base_model import random_stable_diffusion, tiny_pipeline
from core.errors import ModelError

Tensors = dict[str, Tensor]
LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
FLAT = LAYER.replace(".", "_")
TEXT = "text_model.encoder.layers.0.self_attn.q_proj"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("names") / "model"
    tiny_pipeline(0).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def model() -> PipelineModel:
    return random_stable_diffusion(0, lora_rank=4)


@pytest.fixture
def matrices(model: PipelineModel) -> Tensors:
    """As peft names them: `down_blocks...to_q.lora_A.weight`; alpha is the rank."""
    state = get_peft_model_state_dict(model.pipeline.unet, adapter_name=ADAPTER)
    return {name: value.detach().clone().contiguous() for name, value in state.items()}


def prefixed(prefix: str, adapter: str = "") -> Callable[[Tensors], Tensors]:
    name = f".{adapter}.weight" if adapter else ".weight"
    return lambda tensors: {
        prefix + key.removesuffix(".weight") + name: value for key, value in tensors.items()
    }


def kohya(prefix: str = "lora_unet_", alpha: float | None = 4.0) -> Callable[[Tensors], Tensors]:
    def named(tensors: Tensors) -> Tensors:
        flat = {}
        for key, value in tensors.items():
            layer, _, side = key.removesuffix(".weight").partition(".lora_")
            short = prefix + layer.replace(".", "_")
            flat[f"{short}.lora_{'down' if side == 'A' else 'up'}.weight"] = value
            if alpha is not None:
                flat[f"{short}.alpha"] = torch.tensor(alpha)
        return flat

    return named


def comfys_own(tensors: Tensors) -> Tensors:
    """ComfyUI's prefix with kohya's halves and alphas."""
    named = {}
    for key, value in tensors.items():
        layer, _, side = key.removesuffix(".weight").partition(".lora_")
        named[f"diffusion_model.{layer}.lora_{'down' if side == 'A' else 'up'}.weight"] = value
        named[f"diffusion_model.{layer}.alpha"] = torch.tensor(4.0)
    return named


def answer(model: PipelineModel) -> Tensor:
    x = torch.randn(2, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    prompts = ["a cubism painting", "a painting"]
    return model.predict_noise(x, torch.tensor([10, 900]), model.condition(prompts)).detach()


WRITERS: dict[str, Callable[[Tensors], Tensors]] = {
    "diffusers": prefixed("unet."),
    "diffusers, adapter default": prefixed("unet.", "default"),
    "diffusers, adapter of any name": prefixed("unet.", "my-style"),
    "bare": prefixed(""),
    "bare, adapter default": prefixed("", "default"),
    "ComfyUI": prefixed("diffusion_model."),
    "ComfyUI, adapter default": prefixed("diffusion_model.", "default"),
    "ComfyUI with kohya's halves": comfys_own,
    "a whole model's prefix": prefixed("model.diffusion_model."),
    "peft": prefixed("base_model.model."),
    "peft, adapter default": prefixed("base_model.model.", "default"),
    "peft, adapter of any name": prefixed("base_model.model.", "style_1"),
    "peft around ComfyUI's": prefixed("base_model.model.diffusion_model."),
    "peft around diffusers'": prefixed("base_model.model.unet."),
    "kohya": kohya(),
    "kohya without alphas": kohya(alpha=None),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writers_names_are_the_same_lora(
    writer: str, base: Path, model: PipelineModel, matrices: Tensors, tmp_path: Path
) -> None:
    file = tmp_path / "style.safetensors"
    save_file(WRITERS[writer](matrices), file)
    if writer.startswith("peft"):
        (tmp_path / PEFT_CONFIG).write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 4}))
    assert rank_of(find_lora(file)) == 4
    loaded = PipelineModel.load(base, file)
    torch.testing.assert_close(answer(loaded), answer(model), rtol=1e-4, atol=1e-5)
    assert len(loaded.attributed_parameters()) == len(matrices)
    install_lora(find_lora(file), tmp_path / "own")
    assert PipelineModel.load(base, tmp_path / "own").digest == loaded.digest


def pair(name: str, inner: int = 16, outer: int = 16, side: str = "lora_{}.weight") -> Tensors:
    return {
        f"{name}.{side.format('A')}": torch.ones(4, inner),
        f"{name}.{side.format('B')}": torch.ones(outer, 4),
    }


def flat_pair(name: str, inner: int = 16, outer: int = 16) -> Tensors:
    return {
        f"{name}.lora_down.weight": torch.ones(4, inner),
        f"{name}.lora_up.weight": torch.ones(outer, 4),
    }


def one(name: str, *shape: int) -> Tensors:
    return {name: torch.ones(*(shape or (2, 2)))}


ATTN2 = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
OTHER_FAMILIES: dict[str, tuple[Tensors, str]] = {
    "SDXL, second encoder": (flat_pair("lora_te2_text_model_x"), "LoRA of Stable Diffusion XL"),
    "SDXL, diffusers": (pair("text_encoder_2.text_model.x"), "LoRA of Stable Diffusion XL"),
    "SDXL, deeper block": (
        pair("unet.down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_q"),
        "LoRA of Stable Diffusion XL .*transformer_blocks.1",
    ),
    "SDXL, kohya": (
        flat_pair("lora_unet_input_blocks_7_1_transformer_blocks_9_attn1_to_q"),
        "LoRA of Stable Diffusion XL .*transformer_blocks_9",
    ),
    "SDXL, by its width": (
        pair(f"unet.{ATTN2}", 2048),
        "LoRA of Stable Diffusion XL .*width 2048",
    ),
    "SDXL, by its width, kohya": (
        flat_pair(f"lora_unet_{ATTN2.replace('.', '_')}", 2048),
        "LoRA of Stable Diffusion XL .*width 2048",
    ),
    "FLUX, kohya": (flat_pair("lora_unet_double_blocks_0_img_attn_qkv"), "LoRA of FLUX"),
    "FLUX, diffusers": (pair("transformer.single_transformer_blocks.0.attn.to_q"), "LoRA of FLUX"),
    "FLUX, ComfyUI": (pair("diffusion_model.single_blocks.0.linear1"), "LoRA of FLUX"),
    "SD 3": (flat_pair("lora_unet_joint_blocks_0_x_block_attn_qkv"), "LoRA of Stable Diffusion 3"),
    "SD 3, diffusers": (pair("transformer.transformer_blocks.0.attn.to_q"), "of a transformer"),
}
OTHERS: dict[str, tuple[Tensors, str]] = {
    # of a family that cannot be attributed
    "Cascade": (pair("prior.blocks.0.to_q"), "Stable Cascade"),
    "AnimateDiff": (pair("unet.down_blocks.0.motion_modules.0.to_q"), "AnimateDiff"),
    "Wan": (pair("diffusion_model.blocks.0.self_attn.q"), "Wan"),
    # of another kind
    "OFT": (one(f"lora_unet_{FLAT}.oft_blocks"), "is a OFT"),
    "IA3": (one(f"lora_unet_{FLAT}.on_input"), "is a IA3"),
    "GLoRA": (one(f"lora_unet_{FLAT}.a1.weight"), "is a GLoRA"),
    "VeRA": (one(f"base_model.model.{LAYER}.vera_lambda_b"), "is a VeRA"),
    # with something beside it, or no LoRA at all
    "OneTrainer": (
        one("bundle_emb.mystyle.string_to_param.*") | flat_pair(f"lora_unet_{FLAT}"),
        r"embedding along \('bundle_emb\.mystyle.*OneTrainer.*without bundled",
    ),
    "OneTrainer, two": (
        one("bundle_emb.a.clip_l") | one("bundle_emb.b.clip_l") | flat_pair(f"lora_unet_{FLAT}"),
        "embedding along",
    ),
    "an embedding": (one("emb_params"), "textual inversion"),
    "an embedding of SDXL": (one("clip_l"), "textual inversion"),
    "a whole model": (one("model.diffusion_model.time_embed.0.weight"), "whole model.*--base"),
    "something else": (one("weight"), "holds no LoRA"),
}


@pytest.mark.parametrize("kind", OTHER_FAMILIES)
def test_a_lora_of_another_family_is_refused_by_its_name(
    kind: str, base: Path, tmp_path: Path
) -> None:
    tensors, words = OTHER_FAMILIES[kind]
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=words) as refusal:
        PipelineModel.load(base, tmp_path)
    assert refusal.value.message.startswith("'a.safetensors' ")


def test_the_original_models_names_as_kohya_writes_them_are_the_same_lora(
    base: Path, model: PipelineModel, matrices: Tensors, tmp_path: Path
) -> None:
    """The tiny UNet has one layer per block: two blocks down, one in the middle, two up."""
    places = {
        "down_blocks.0.attentions.0": "input_blocks_1_1",
        "down_blocks.1.attentions.0": "input_blocks_3_1",
        "mid_block.attentions.0": "middle_block_1",
        "up_blocks.0.attentions.0": "output_blocks_0_1",
        "up_blocks.0.attentions.1": "output_blocks_1_1",
        "up_blocks.1.attentions.0": "output_blocks_2_1",
        "up_blocks.1.attentions.1": "output_blocks_3_1",
    }
    original = {}
    for key, value in kohya()(matrices).items():
        for ours, theirs in places.items():
            key = key.replace(ours.replace(".", "_"), theirs)
        original[key] = value
    assert any("output_blocks_3_1" in key for key in original)
    save_file(original, tmp_path / "a.safetensors")
    loaded = PipelineModel.load(base, tmp_path)
    torch.testing.assert_close(answer(loaded), answer(model), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_plain_lora_is_refused_before_a_model_is_read(kind: str, tmp_path: Path) -> None:
    tensors, words = OTHERS[kind]
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=words) as refusal:
        find_lora(tmp_path)
    assert refusal.value.message.startswith("'a.safetensors' ")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("side", ["lora_A", "lora_B"])
@pytest.mark.parametrize("writer", ["diffusers", "ComfyUI", "kohya", "peft, adapter default"])
def test_a_number_that_is_none_is_refused_by_its_tensor(
    value: float, side: str, writer: str, base: Path, matrices: Tensors, tmp_path: Path
) -> None:
    matrices[f"{LAYER}.{side}.weight"][0, 0] = value
    tensors = WRITERS[writer](matrices)
    (spoilt,) = (name for name, one in tensors.items() if not one.isfinite().all())
    save_file(tensors, tmp_path / "a.safetensors")
    (tmp_path / PEFT_CONFIG).write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 4}))
    with pytest.raises(ModelError, match="NaN or infinite") as refusal:
        PipelineModel.load(base, tmp_path / "a.safetensors")
    assert f"'{spoilt}'" in refusal.value.message


@pytest.mark.parametrize("zero", ["lora_A", "lora_B", "both", "alpha"])
@pytest.mark.parametrize("writer", ["diffusers", "ComfyUI", "kohya"])
def test_a_lora_that_changes_nothing_is_refused_for_attribution(
    zero: str, writer: str, base: Path, matrices: Tensors, tmp_path: Path
) -> None:
    if zero == "alpha":
        tensors = kohya(alpha=0.0)(matrices)
    else:
        for name, value in matrices.items():
            if zero == "both" or zero in name:
                value.zero_()
        tensors = WRITERS[writer](matrices)
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="changes nothing: in all of its 56 .*would say nothing"):
        PipelineModel.load(base, tmp_path / "a.safetensors")


def test_one_layer_that_changes_something_is_enough(
    base: Path, matrices: Tensors, tmp_path: Path
) -> None:
    for name, value in matrices.items():
        if "lora_B" in name and LAYER not in name:
            value.zero_()
    save_file(prefixed("unet.")(matrices), tmp_path / "a.safetensors")
    assert PipelineModel.load(base, tmp_path / "a.safetensors").lora_rank == 4


UNFIT: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "two adapters": (
        lambda own: prefixed("unet.", "one")(own) | prefixed("unet.", "two")(own),
        r"several adapters \(one, two\)",
    ),
    "the same layer twice": (
        lambda own: prefixed("unet.")(own) | prefixed("diffusion_model.")(own),
        "same layer twice",
    ),
    "text encoder alone, kohya": (
        lambda own: flat_pair(f"lora_te_{TEXT.replace('.', '_')}"),
        r"text encoder alone \('text_encoder.*q_proj'\).*no Linear layer of the UNet",
    ),
    "text encoder alone, diffusers": (
        lambda own: pair(f"text_encoder.{TEXT}"),
        "text encoder alone .*q_proj",
    ),
    "text encoder alone, peft": (
        lambda own: pair(f"base_model.model.{TEXT}"),
        "text encoder alone .*q_proj",
    ),
    "1.x's width": (
        lambda own: pair(f"unet.{ATTN2}", 768),
        r"texts of width 768 \(Stable Diffusion 1\.x\), the model's wants 16",
    ),
    "2.x's width": (
        lambda own: pair(f"unet.{ATTN2}", 1024),
        r"texts of width 1024 \(Stable Diffusion 2\.x\)",
    ),
    "quantized": (
        lambda own: {name: value.to(torch.int8) for name, value in prefixed("unet.")(own).items()},
        r"quantized \('unet\.",
    ),
    "rank zero": (
        lambda own: (
            {f"unet.{LAYER}.lora_A.weight": torch.ones(0, 16)}
            | {f"unet.{LAYER}.lora_B.weight": torch.ones(16, 0)}
        ),
        r"damaged: .* \(0, 16\)",
    ),
    "a number for a matrix": (
        lambda own: (
            {f"unet.{LAYER}.lora_A.weight": torch.ones(())}
            | {f"unet.{LAYER}.lora_B.weight": torch.ones(16, 4)}
        ),
        r"damaged: .* \(\)",
    ),
    "a layer that is not here": (
        lambda own: pair("diffusion_model.mid_block.other.to_q"),
        "changes 'mid_block.other.to_q', which the model does not have",
    ),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_lora_that_cannot_be_loaded_is_refused_by_its_cause(
    kind: str, base: Path, matrices: Tensors, tmp_path: Path
) -> None:
    make, words = UNFIT[kind]
    tensors = {name: value.clone() for name, value in make(matrices).items()}
    save_file(tensors, tmp_path / "a.safetensors")
    (tmp_path / PEFT_CONFIG).write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 4}))
    with pytest.raises(ModelError, match=words):
        PipelineModel.load(base, tmp_path / "a.safetensors")

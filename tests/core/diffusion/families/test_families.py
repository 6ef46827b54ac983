"""Every family answers as its own diffusers pipeline does, and is the same after loading."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.diffusion.families import FAMILIES
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.sampling import Sampler, ddim, denoise
from core.errors import ModelError
from tests.tiny_families import (
    PIPELINES,
    SIDE,
    random_model,
    tiny_flux,
    tiny_sd3,
    tiny_xl,
    tiny_z_image,
)

PROMPT = "a cubism painting"


def painted(model: PipelineModel, guidance: float) -> Tensor:
    *_, last = denoise(model, [PROMPT], [3], Sampler(steps=4, guidance=guidance))
    return model.decode(last.latents)


def noise(model: PipelineModel) -> Tensor:
    return torch.randn(1, *model.latent_shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_saved_model_with_its_lora_answers_as_before(kind: str, tmp_path: Path) -> None:
    made = random_model(kind)
    PIPELINES[kind](0).save_pretrained(tmp_path / "model")
    made.save_lora(tmp_path / "lora")
    loaded = PipelineModel.load(tmp_path / "model", tmp_path / "lora")
    assert loaded.family is FAMILIES[type(made.pipeline).__name__]
    assert loaded.image_size == SIDE
    again = PipelineModel.load(tmp_path / "model", tmp_path / "lora")
    assert loaded.digest == again.digest != PipelineModel.load(tmp_path / "model").digest
    assert list(loaded.attributed_parameters()) == list(made.attributed_parameters())
    times = torch.tensor([10, 900])
    x = torch.randn(2, *made.latent_shape, generator=torch.Generator().manual_seed(0))
    answers = [
        model.predict_noise(x, times, model.condition([PROMPT, ""])).detach()
        for model in (made, loaded)
    ]
    assert torch.equal(*answers)
    without = loaded.base_predict(x, times, loaded.condition([PROMPT, ""]))
    assert not torch.equal(answers[0], without)


@pytest.mark.parametrize("make", [tiny_sd3, tiny_xl])
@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_painting_with_guidance_is_what_the_familys_own_pipeline_paints(
    make: Callable[[int], Any], guidance: float
) -> None:
    """SDXL's own pipeline is given DDIM, whose steps ours are."""
    pipeline = make(0)
    model = PipelineModel(pipeline, name="own")
    if make is tiny_xl:
        pipeline.scheduler = ddim(model, 4)
    pipeline.set_progress_bar_config(disable=True)
    own = pipeline(
        PROMPT,
        negative_prompt=None if make is tiny_xl else "",
        height=SIDE,
        width=SIDE,
        latents=noise(model),
        num_inference_steps=4,
        guidance_scale=guidance,
        output_type="pt",
    ).images
    torch.testing.assert_close(painted(model, guidance) / 2 + 0.5, own, atol=1e-4, rtol=0)


@pytest.mark.parametrize("distilled", [True, False])
@pytest.mark.parametrize("guidance", [1.0, 3.5])
def test_flux_paints_as_its_own_pipeline_with_the_guidance_as_an_input(
    guidance: float, distilled: bool
) -> None:
    pipeline = tiny_flux(0, guidance=distilled)
    model = PipelineModel(pipeline, name="own")
    pipeline.set_progress_bar_config(disable=True)
    packed = pipeline._pack_latents(noise(model), 1, *model.latent_shape)
    true_guidance = {} if distilled else {"negative_prompt": "", "true_cfg_scale": guidance}
    own = pipeline(
        PROMPT,
        height=SIDE,
        width=SIDE,
        latents=packed,
        num_inference_steps=4,
        guidance_scale=guidance,
        output_type="pt",
        **true_guidance,
    ).images
    torch.testing.assert_close(painted(model, guidance) / 2 + 0.5, own, atol=1e-4, rtol=0)
    if distilled:
        weaker = painted(model, 1.0 if guidance > 1.0 else 2.0)
        assert not torch.allclose(painted(model, guidance), weaker)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_z_image_paints_as_its_own_pipeline_whose_guidance_begins_at_nothing(
    guidance: float,
) -> None:
    """Prompts of two lengths go through the network together."""
    pipeline = tiny_z_image(0)
    model = PipelineModel(pipeline, name="own")
    pipeline.set_progress_bar_config(disable=True)
    own = pipeline(
        PROMPT,
        negative_prompt="",
        height=SIDE,
        width=SIDE,
        latents=noise(model),
        num_inference_steps=4,
        guidance_scale=guidance - 1.0,
        output_type="pt",
    ).images
    torch.testing.assert_close(painted(model, guidance) / 2 + 0.5, own, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", PIPELINES)
def test_the_prompt_changes_the_answer(kind: str) -> None:
    model = random_model(kind)
    x, times = noise(model), torch.tensor([500])
    one, other = (
        model.predict(x, times, model.condition([prompt])) for prompt in ("cubism", "ukiyo-e")
    )
    assert not torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("kind", PIPELINES)
def test_encoding_undoes_what_decoding_assumes(kind: str) -> None:
    """Scale and shift are the autoencoder's own: the raw posterior comes back."""
    model = random_model(kind)
    images = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    vae = model.pipeline.vae
    raw = vae.encode(images).latent_dist.mode()
    mean, _ = model.posterior(images)
    torch.testing.assert_close(model.encode(images), mean)
    torch.testing.assert_close(mean / model.scaling + model.shift, raw)
    torch.testing.assert_close(model.decode(mean), vae.decode(raw).sample.clamp(-1, 1))


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_lora_on_every_linear_layer_reaches_more_than_the_attention(kind: str) -> None:
    attention, linear = random_model(kind), random_model(kind, layers="linear")
    assert attention.lora_layers == "attention"
    assert linear.lora_layers == "linear"
    assert set(attention.attributed_parameters()) < set(linear.attributed_parameters())


def test_the_empty_prompt_of_sdxl_is_zeros_where_its_index_says_so() -> None:
    pipeline = tiny_xl(0)
    model = PipelineModel(pipeline, name="zeros")
    assert not any(values.any() for values in model.condition([""]).tensors)
    assert all(values.any() for values in model.condition([PROMPT]).tensors)
    before = model.digest
    pipeline.register_to_config(force_zeros_for_empty_prompt=False)
    other = PipelineModel(pipeline, name="text")
    assert all(values.any() for values in other.condition([""]).tensors)
    assert other.digest != before


def test_sd3_without_t5_loads_and_answers(tmp_path: Path) -> None:
    tiny_sd3(0, with_t5=False).save_pretrained(tmp_path / "model")
    model = PipelineModel.load(tmp_path / "model")
    assert model.condition([PROMPT]).text.shape[-1] == 40
    assert model.predict(noise(model), torch.tensor([500]), model.condition([PROMPT])).shape[0] == 1


@pytest.mark.parametrize("kind", ["SDXL", "SD 3", "FLUX.1 dev"])
def test_parts_that_do_not_fit_are_refused(kind: str, tmp_path: Path) -> None:
    """A network made for latents and a picture to edit, of every family."""
    PIPELINES[kind](0).save_pretrained(tmp_path)
    family = FAMILIES[type(PIPELINES[kind](0)).__name__]
    place = tmp_path / family.network / "config.json"
    config = json.loads(place.read_text())
    config["in_channels"] *= 2
    place.write_text(json.dumps(config))
    with pytest.raises(ModelError, match="for editing by instruction"):
        PipelineModel.load(tmp_path)


def test_parked_text_encoders_answer_the_same_where_they_lie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was encoded before is kept; another prompt is encoded where the encoders are now."""
    model, other = random_model("SD 3"), random_model("SD 3")
    moved: list[str] = []
    for encoder in model.family.encoders:
        part = model.parts[encoder.part]
        monkeypatch.setattr(
            part, "to", lambda device, name=encoder.part: moved.append(f"{name} {device}")
        )
    model.park_text([PROMPT])
    assert moved == [f"{one.part} cpu" for one in model.family.encoders]
    monkeypatch.setattr(model, "embed_text", lambda prompts: pytest.fail("encoded again"))
    kept = model.condition([PROMPT])
    monkeypatch.undo()
    for one, wanted in zip(kept.tensors, other.condition([PROMPT]).tensors, strict=True):
        assert torch.equal(one, wanted)
    assert torch.equal(model.condition(["a dog"]).text, other.condition(["a dog"]).text)

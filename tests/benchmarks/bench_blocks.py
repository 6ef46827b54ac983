"""SDXL's and FLUX.1's architectures at full width, few blocks, random weights: what a block costs.

Their whole networks (2.6 and 12 billion numbers) do not fit a small machine; a block does, and the
network is its multiple. One work at K = 1, the LoRA of rank 16 on the attention. Each below 4 GB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import FluxTransformer2DModel, UNet2DConditionModel

from core.attribution.features.featurizer import Featurizer
from core.attribution.features.spec import FeatureSpec, ProjectionSpec
from core.attribution.features.timesteps import TimestepRule
from core.diffusion.conditioning import Conditioning
from core.diffusion.pipeline_model import PipelineModel
from tests.benchmarks.bench_full_size import peak, seconds_of
from tests.benchmarks.conftest import Measure
from tests.tiny_families import tiny_flux, tiny_xl

MEMORY = 4.0  # GB
Shown = tuple[Any, tuple[int, int, int], Conditioning, str]


def flux() -> Shown:
    """One double and one single block of 19 and 38; 256 tokens of a picture, 128 of text."""
    pipeline = tiny_flux(0)
    pipeline.transformer = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, guidance_embeds=True
    )
    given = Conditioning(
        text=torch.randn(1, 128, 4096), pooled=torch.randn(1, 768), guidance=torch.ones(1)
    )
    return pipeline, (4, 32, 32), given, "FLUX.1: 1 of 19 double and 1 of 38 single blocks"


def xl() -> Shown:
    """The two lower levels with one transformer per attention of 2 and 10; 256 pixels."""
    pipeline = tiny_xl(0)
    pipeline.unet = UNet2DConditionModel(
        sample_size=32,
        block_out_channels=(320, 640, 1280),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=1,
        cross_attention_dim=2048,
        attention_head_dim=(5, 10, 20),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    )
    given = Conditioning(text=torch.randn(1, 77, 2048), pooled=torch.randn(1, 1280))
    return pipeline, (4, 32, 32), given, "SDXL: 1 transformer per attention of 2 and 10"


@pytest.mark.parametrize(("name", "make"), [("flux", flux), ("sdxl", xl)])
def bench_blocks(name: str, make: Callable[[], Shown], measure: Measure) -> None:
    torch.manual_seed(0)
    pipeline, shape, given, shown = make()
    model = PipelineModel(pipeline, name=f"{name}, random")
    model.add_lora(16, seed=0)
    parameters = model.attributed_parameters()
    with torch.no_grad():
        for key, value in parameters.items():
            if ".lora_B." in key:
                value.normal_(0.0, 0.01)
    model.latent_shape = shape
    spec = FeatureSpec(timesteps=TimestepRule(count=1), projection=ProjectionSpec(dimension=4096))
    model._embeddings["x"] = given
    featurizer = Featurizer(model, spec)
    latents = torch.randn(1, *shape)
    data = featurizer.examples(latents, ["x"], ["x"], [0])
    noisy = model.schedule.add_noise(latents, data.noise[0], data.timesteps)

    def ours() -> None:
        featurizer.features(latents, ["x"], ["x"])

    def plain() -> None:
        for parameter in parameters.values():
            parameter.requires_grad_(True)
        loss = model.predict_noise(noisy, data.timesteps, given).square().mean()
        torch.autograd.grad(loss, list(parameters.values()))

    ours()
    made, stepped = [], []
    for _ in range(3):
        stepped.append(seconds_of(plain))
        made.append(seconds_of(ours))
    count = sum(value.numel() for value in model.network.parameters())
    detail = f"features {min(made):.2f} s, forward+backward {min(stepped):.2f} s; {shown}"
    measure(
        f"features_{name}_block",
        min(made) / min(stepped),
        1.15,
        higher_is_better=False,
        detail=detail,
    )
    measure(
        f"memory_{name}_block",
        peak(),
        MEMORY,
        higher_is_better=False,
        detail=f"GB at peak of the process, {count / 1e6:.0f} M numbers in float32",
    )

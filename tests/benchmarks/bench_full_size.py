"""The architecture of Stable Diffusion 1.x at full size, random weights: what features cost there.

860 million parameters, a LoRA of rank 128 (25.5 million), 256 pixels, K = 10, k = 32,768. Random
weights take the same time as trained ones and need no download. Run it alone (`make bench
ONLY=full_size`): the peak memory is the whole process's.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel

from core.attribution.features.featurizer import Featurizer
from core.attribution.features.gradients import Examples
from core.attribution.features.projection import CHUNK
from core.attribution.features.spec import FeatureSpec, ProjectionSpec
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model import TINY_WORDS, tiny_pipeline
from tests.benchmarks.conftest import Measure

SIDE = 256
RANK = 128
DIMENSION = 32_768
MEMORY = 16.0  # GB


def full_size(device: torch.device | str = "cpu") -> PipelineModel:
    """Every part as in Stable Diffusion 1.x; only the tokenizer is the small one's."""
    torch.manual_seed(0)
    small = tiny_pipeline(words=TINY_WORDS)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49_408,
            hidden_size=768,
            intermediate_size=3072,
            num_hidden_layers=12,
            num_attention_heads=12,
            max_position_embeddings=77,
            hidden_act="quick_gelu",
        )
    )
    autoencoder = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
        sample_size=SIDE,
    )
    network = UNet2DConditionModel(
        sample_size=SIDE // 8,
        cross_attention_dim=768,
        attention_head_dim=8,
        block_out_channels=(320, 640, 1280, 1280),
        layers_per_block=2,
    )
    pipeline = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=text,
        tokenizer=small.tokenizer,
        unet=network,
        scheduler=DDIMScheduler.from_config(small.scheduler.config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    model = PipelineModel(pipeline, name="full size, random", device=device)
    model.add_lora(RANK, seed=0)
    with torch.no_grad():
        for name, parameter in model.attributed_parameters().items():
            if ".lora_B." in name:
                parameter.normal_(0.0, 0.01)
    return model


@pytest.fixture(scope="module")
def model() -> PipelineModel:
    """One for the whole file: it takes seconds and gigabytes."""
    return full_size()


def seconds_of(job: Callable[[], object]) -> float:
    """One run: each takes a minute, so a warm-up would double the wait for a percent."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def peak() -> float:
    """The process's largest resident memory so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def bench_full_size(model: PipelineModel, measure: Measure) -> None:
    spec = FeatureSpec(projection=ProjectionSpec(dimension=DIMENSION))
    featurizer = Featurizer(model, spec)
    latents = torch.randn(1, 4, SIDE // 8, SIDE // 8)
    prompt = "a cubism painting"
    data = featurizer.examples(latents, [prompt], ["x"], [0])
    parameters = list(model.attributed_parameters().values())
    count = sum(parameter.numel() for parameter in parameters)
    assert data.conditioning is not None
    times, noise = data.timesteps, data.noise[0]
    noisy = model.schedule.add_noise(latents.expand_as(noise), noise, times)
    embeddings = data.conditioning.repeat_interleave(len(times))

    def ours() -> None:
        featurizer.features(latents, [prompt], ["x"])

    def plain() -> None:
        for parameter in parameters:
            parameter.requires_grad_(True)
        loss = model.predict_noise(noisy, times, embeddings).square().mean()
        torch.autograd.grad(loss, parameters)

    made = [seconds_of(ours)]  # the first, which also draws the sketch's tables
    reached = peak()
    stepped = []
    for _ in range(2):  # in turn, so that a busy moment hits both
        stepped.append(seconds_of(plain))
        made.append(seconds_of(ours))
    features, step = min(made[1:]), min(stepped)
    measure(
        "full_size_memory",
        reached,
        MEMORY,
        higher_is_better=False,
        detail=f"GB at peak, {count / 1e6:.1f} M LoRA numbers, k = {DIMENSION}",
    )
    measure(
        "features_sd",
        features / step,
        1.15,
        higher_is_better=False,
        detail=f"features {features:.1f} s (the first {made[0]:.1f}), "
        f"forward+backward {step:.1f} s, one work, K = {len(times)}",
    )
    slow, outcome = reference(model, data, count)
    measure(
        "full_size_against_reference", slow / features, 10.0, higher_is_better=True, detail=outcome
    )


def reference(model: PipelineModel, data: Examples, count: int) -> tuple[float, str]:
    """Seconds of the reference's way for one work: vmap(grad) per timestep, summed, then dense.

    One timestep of the K and one chunk of the matrix are measured; both repeat K times and
    p / chunk times without any saving, so the whole is their multiple.
    """
    values = {name: p.detach() for name, p in model.attributed_parameters().items()}
    t, noise = data.timesteps[:1], data.noise[:, 0]
    assert data.conditioning is not None
    embeddings = data.conditioning.text

    def objective(parameters: dict[str, Tensor], x: Tensor, e: Tensor, text: Tensor) -> Tensor:
        noisy = model.schedule.add_noise(x[None], e[None], t)
        answer = functional_call(
            model.network,
            parameters,
            (noisy, t),
            {
                "encoder_hidden_states": text[None],
                "return_dict": False,
            },
        )[0]
        return model.schedule.to_noise(answer, noisy, t).square().mean()

    def one_timestep() -> None:
        with sdpa_kernel(SDPBackend.MATH):
            vmap(grad(objective), (None, 0, 0, 0))(values, data.latents, noise, embeddings)

    part = torch.randn(1, CHUNK)

    def one_chunk() -> Tensor:
        return part @ torch.randn(CHUNK, DIMENSION)

    gradient = seconds_of(one_timestep) * len(data.timesteps)
    one_chunk()
    projection = min(seconds_of(one_chunk) for _ in range(3)) * count / CHUNK
    outcome = (
        f"reference {gradient + projection:.0f} s per work: {gradient:.0f} s of gradients "
        f"(1 of {len(data.timesteps)} timesteps measured), {projection:.0f} s of dense projection "
        f"(1 of {count / CHUNK:.0f} chunks measured)"
    )
    return gradient + projection, outcome

"""Painting: deterministic by seed, cancellable, and the algebra of guidance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.pixel import tiny_ddpm
from core.diffusion.sampling import Painted, Sampler, Step, ddim, denoise, paint, sample
from core.diffusion.training.base_model import random_stable_diffusion, tiny_pipeline
from core.errors import UsageError

PROMPT = "a ukiyo-e painting"


def test_the_same_seed_paints_the_same_bytes_and_another_seed_does_not() -> None:
    model = random_stable_diffusion(0)
    first, again, other = (paint(model, PROMPT, seed=s, steps=3) for s in (7, 7, 8))
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_every_step_is_an_event_and_previews_come_on_request() -> None:
    events = list(sample(random_stable_diffusion(0), PROMPT, seed=1, steps=4, preview_every=2))
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.index for step in steps] == [1, 2, 3, 4]
    assert [step.preview is not None for step in steps] == [True, True, False, False]
    assert isinstance(events[-1], Painted)


def test_guidance_one_equals_no_guidance_and_more_changes_the_picture() -> None:
    model = random_stable_diffusion(0)
    plain = np.asarray(paint(model, PROMPT, seed=1, steps=3, guidance=1.0))
    near = np.asarray(paint(model, PROMPT, seed=1, steps=3, guidance=1.0 + 1e-6))
    strong = np.asarray(paint(model, PROMPT, seed=1, steps=3, guidance=30.0))
    assert np.abs(plain.astype(int) - near.astype(int)).max() <= 1
    assert np.abs(plain.astype(int) - strong.astype(int)).max() > 1


def test_ddim_follows_its_formula() -> None:
    model = tiny_ddpm(0)
    scheduler = ddim(model, 5)
    x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    eps = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    t, s = int(scheduler.timesteps[0]), int(scheduler.timesteps[1])
    a, b = (
        model.schedule.alphas_cumprod[t].item(),
        model.schedule.alphas_cumprod[s].item(),
    )
    clean = (x - (1 - a) ** 0.5 * eps) / a**0.5
    expected = b**0.5 * clean + (1 - b) ** 0.5 * eps
    assert torch.allclose(scheduler.step(eps, t, x).prev_sample, expected, atol=1e-4)


def test_an_impossible_number_of_steps_is_refused() -> None:
    with pytest.raises(UsageError, match="1001"):
        paint(tiny_ddpm(0), "", seed=0, steps=1001)


def test_the_papers_timesteps_lead_from_980_to_0() -> None:
    model = tiny_ddpm(0)
    paper = ddim(model, 50, spacing="leading").timesteps.tolist()
    assert paper == list(range(980, -1, -20))
    stable = ddim(model, 50, spacing="leading", offset=1).timesteps.tolist()
    assert (stable[0], stable[-1]) == (981, 1)
    assert ddim(model, 50).timesteps[0] == 999
    with pytest.raises(UsageError, match="no spacing 'linear'"):
        ddim(model, 50, spacing="linear")


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_eps_and_v_models_paint_what_diffusers_own_pipeline_paints(kind: str) -> None:
    """Stable Diffusion 2.1 at 768 pixels answers v; its noise, guidance and steps are the same."""
    pipeline = tiny_pipeline(0)
    pipeline.scheduler = DDIMScheduler.from_config(
        pipeline.scheduler.config, prediction_type=kind, set_alpha_to_one=True
    )
    pipeline.set_progress_bar_config(disable=True)
    model = PipelineModel(pipeline, name=kind)
    assert model.schedule.prediction_type == kind
    noise = torch.randn(1, *model.latent_shape, generator=torch.Generator().manual_seed(3))
    expected = pipeline(
        PROMPT, num_inference_steps=4, guidance_scale=3.0, latents=noise, output_type="latent"
    ).images
    *_, last = denoise(model, [PROMPT], [3], Sampler(steps=4, guidance=3.0))
    torch.testing.assert_close(last.latents, expected, rtol=1e-3, atol=1e-4)

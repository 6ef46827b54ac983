"""What a model makes of latents that it knows: their composition stays, its own hand comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from core.diffusion.training.loop import TrainingSet
from core.diffusion.training.repainting import AT_ONCE, Repainting, repainted
from core.errors import UsageError
from core.progress import Progress
from tests.small import small_model


@dataclass
class Knowing:
    """A model that has learnt one latent by heart: its noise is what leads to it."""

    inner: Any
    heart: Tensor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def predict_noise(self, noisy: Tensor, timesteps: Tensor, conditioning: Any) -> Tensor:
        kept = self.inner.schedule.alphas_cumprod.to(noisy)[timesteps][:, None, None, None]
        return (noisy - kept.sqrt() * self.heart) / (1 - kept).sqrt()


def training_data(model: Any, count: int) -> TrainingSet:
    generator = torch.Generator().manual_seed(3)
    latents = torch.randn((count, *model.latent_shape), generator=generator)
    return TrainingSet(
        latents=latents,
        prompt_of=torch.arange(count) % 2 + 1,
        prompts=["", "a cubism painting", "an ukiyo-e painting"],
    )


def made(model: Any, data: TrainingSet, how: Repainting, seed: int = 0) -> Tensor:
    events = repainted(model, data, how, seed)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            latents: Tensor = end.value
            return latents
        assert isinstance(event, Progress)


def test_a_model_that_knows_only_one_picture_paints_that_one() -> None:
    model = small_model()
    data = training_data(model, 5)
    knowing = Knowing(model, torch.full(model.latent_shape, 0.25))
    latents = made(knowing, data, Repainting(2))
    assert latents.shape == (2, 5, *model.latent_shape)
    torch.testing.assert_close(latents, torch.full_like(latents, 0.25), atol=1e-3, rtol=1e-3)


def test_the_later_it_begins_the_more_of_the_picture_stays() -> None:
    model = small_model()
    data = training_data(model, 6)
    far = [
        (made(model, data, Repainting(1, share, share + 0.05)) - data.latents)
        .square()
        .mean()
        .item()
        for share in (0.1, 0.4, 0.9)
    ]
    assert far == sorted(far)
    assert far[0] < far[2] / 2


def test_the_same_seed_paints_the_same_however_many_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = small_model()
    data = training_data(model, 7)
    first = made(model, data, Repainting(1), seed=4)
    assert torch.equal(made(model, data, Repainting(1), seed=4), first)
    assert not torch.equal(made(model, data, Repainting(1), seed=5), first)
    monkeypatch.setattr("core.diffusion.training.repainting.AT_ONCE", 2)
    assert AT_ONCE > 2
    torch.testing.assert_close(
        made(model, data, Repainting(1), seed=4), first, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("wrong", [(0, 0.1, 0.6), (1, 0.6, 0.1), (1, -0.1, 0.5), (1, 0.5, 1.0)])
def test_what_cannot_be_painted_is_refused(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(UsageError, match="one version at least"):
        Repainting(*wrong)


def test_shares_between_which_no_timestep_lies_are_refused() -> None:
    model = small_model()
    with pytest.raises(UsageError, match="Choose more steps"):
        made(model, training_data(model, 2), Repainting(1, 0.51, 0.52, steps=4))

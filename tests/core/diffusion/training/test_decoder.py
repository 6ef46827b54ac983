"""The decoder learns to undo the encoder, resumes, and is made sharper by its adversary."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.diffusion.training.autoencoder import patch_components, write_encoder
from core.diffusion.training.base_model import SmallShape, build_pipeline
from core.diffusion.training.decoder import (
    DecoderRecipe,
    decoder_parameters,
    discriminator,
    discriminator_loss,
    learning_rate,
    train_decoder,
)

SHAPE = SmallShape(image_size=32, latent_channels=6, unet=(16, 32), attention_levels=(True, True))


def pictures(count: int, seed: int = 0) -> Tensor:
    """Smooth random pictures `[n, 3, 32, 32]` in [-1, 1]."""
    noise = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 7, 1, 3).mul(4).clamp(-1, 1)


def autoencoder(images: Tensor) -> Any:
    vae = build_pipeline(SHAPE, ["a painting"], 0).vae
    write_encoder(vae, patch_components(images, 6))
    return vae


def trained(images: Tensor, recipe: DecoderRecipe, place: Path, stop: int | None = None) -> Any:
    """The decoder after the recipe, or as it was left at step `stop`."""
    vae = autoencoder(images)
    with torch.no_grad():
        latents = vae.encode(images).latent_dist.mode()
    pixels = ((images + 1) * 127.5).to(torch.uint8)
    for event in train_decoder(vae, pixels, latents, recipe, place):
        if event.done == stop:
            break
    return vae


@pytest.mark.parametrize(
    "recipe",
    [
        DecoderRecipe(steps=6, batch_size=2, crop=2, checkpoint_every=1),
        DecoderRecipe(
            steps=6,
            batch_size=2,
            crop=2,
            checkpoint_every=1,
            adversary_from=4,
            adversary_ahead=1,
            ema=0.9,
        ),
    ],
    ids=["errors alone", "with an adversary"],
)
def test_a_resumed_decoder_equals_an_uninterrupted_one(
    tmp_path: Path, recipe: DecoderRecipe
) -> None:
    images = pictures(6)
    whole = trained(images, recipe, tmp_path / "whole")
    for stop in (3, 5):
        trained(images, recipe, tmp_path / "halted", stop)
    resumed = trained(images, recipe, tmp_path / "halted")
    expected = decoder_parameters(whole)
    for name, value in decoder_parameters(resumed).items():
        assert torch.equal(value, expected[name]), name


def test_only_the_decoder_is_trained(tmp_path: Path) -> None:
    images = pictures(4)
    before = autoencoder(images).encoder.state_dict()
    recipe = DecoderRecipe(
        steps=3, batch_size=2, crop=2, adversary_from=0, adversary_ahead=0, ema=0.5
    )
    vae = trained(images, recipe, tmp_path)
    for name, value in vae.encoder.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(value.requires_grad for value in vae.parameters())


def test_the_adversary_counts_from_its_step_on(tmp_path: Path) -> None:
    images = pictures(4)
    plain = DecoderRecipe(steps=4, batch_size=2, crop=2, adversary_from=4)
    early = DecoderRecipe(steps=4, batch_size=2, crop=2, adversary_from=2)
    results = {}
    for name, recipe in {"plain": plain, "early": early}.items():
        for stop in (2, 3):
            vae = trained(images, recipe, tmp_path / f"{name}{stop}", stop)
            results[name, stop] = vae.decoder.conv_out.weight.detach().clone()
    assert torch.equal(results["plain", 2], results["early", 2])
    assert not torch.equal(results["plain", 3], results["early", 3])


def test_a_discriminator_learns_to_tell_sharp_from_blurred() -> None:
    """The blurred picture is what errors alone would give: the adversary must be able to see it."""
    generator = torch.Generator().manual_seed(0)
    sharp = torch.randn(16, 3, 32, 32, generator=generator).clamp(-1, 1)
    blurred = torch.nn.functional.avg_pool2d(sharp, 3, 1, 1)
    network = discriminator(0)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        discriminator_loss(network, sharp, blurred, 0.5).backward()
        optimizer.step()
    with torch.no_grad():
        assert float(network(sharp).mean()) > 0.5
        assert float(network(blurred).mean()) < -0.5


def test_the_discriminators_loss_is_its_equation() -> None:
    """Against explicit loops in float64; the slope by central differences."""
    network = discriminator(1).double()
    generator = torch.Generator().manual_seed(2)
    real, decoded = torch.randn(2, 2, 3, 8, 8, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        expected = torch.nn.functional.softplus(-network(real)).mean()
        expected = expected + torch.nn.functional.softplus(network(decoded)).mean()
        slopes = torch.zeros_like(real)
        for place in range(real[0].numel()):
            step = torch.zeros(real[0].numel(), dtype=torch.float64)
            step[place] = 1e-5
            step = step.reshape(real[0].shape)
            rise = network(real + step).mean((1, 2, 3)) - network(real - step).mean((1, 2, 3))
            slopes.reshape(2, -1)[:, place] = rise / 2e-5
        expected = expected + 3.0 * slopes.pow(2).sum((1, 2, 3)).mean()
    value = discriminator_loss(network, real, decoded, 3.0)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_rate_is_constant_until_the_adversary_counts_and_falls_afterwards() -> None:
    recipe = DecoderRecipe(steps=1000, adversary_from=400, learning_rate=1.0)
    rates = [learning_rate(recipe, step) for step in range(1000)]
    assert rates[99:400] == [pytest.approx(1.0)] * 301
    assert rates[400] == pytest.approx(0.5) and rates[-1] < 0.02
    assert all(one >= other for one, other in pairwise(rates[400:]))

"""The decoder learns to undo the encoder, resumes, and is made sharper by its adversary."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.diffusion.training.autoencoder import (
    AutoencoderRecipe,
    _pieces,
    discriminator,
    discriminator_loss,
    learning_rate,
    learnt_parameters,
    train_autoencoder,
    wake_encoder,
)
from core.diffusion.training.base_model import SmallShape, build_pipeline
from core.diffusion.training.loop import Execution
from core.diffusion.training.patch_components import patch_components, write_encoder
from core.diffusion.training.repainting import Repainting
from core.errors import UsageError

SHAPE = SmallShape(image_size=32, latent_channels=6, unet=(16, 32), attention_levels=(True, True))


def pictures(count: int, seed: int = 0) -> Tensor:
    """Smooth random pictures `[n, 3, 32, 32]` in [-1, 1]."""
    noise = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 7, 1, 3).mul(4).clamp(-1, 1)


def autoencoder(images: Tensor) -> Any:
    vae = build_pipeline(SHAPE, ["a painting"], 0).vae
    write_encoder(vae, patch_components(images, 6))
    return vae


def trained(
    images: Tensor,
    recipe: AutoencoderRecipe,
    place: Path,
    stop: int | None = None,
    threads: int = 1,
) -> Any:
    """The autoencoder after the recipe, or as it was left at step `stop`."""
    vae = autoencoder(images)
    pixels = ((images + 1) * 127.5).to(torch.uint8)
    for event in train_autoencoder(vae, pixels, recipe, place, Execution(threads=threads)):
        if event.done == stop:
            break
    return vae


@pytest.mark.parametrize(
    "recipe",
    [
        AutoencoderRecipe(steps=6, batch_size=2, crop=2, checkpoint_every=1),
        AutoencoderRecipe(
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
    tmp_path: Path, recipe: AutoencoderRecipe
) -> None:
    images = pictures(6)
    whole = trained(images, recipe, tmp_path / "whole")
    for stop in (3, 5):
        trained(images, recipe, tmp_path / "halted", stop)
    resumed = trained(images, recipe, tmp_path / "halted")
    expected = learnt_parameters(whole)
    for name, value in learnt_parameters(resumed).items():
        assert torch.equal(value, expected[name]), name


def test_only_the_decoder_is_trained(tmp_path: Path) -> None:
    images = pictures(4)
    before = autoencoder(images).encoder.state_dict()
    recipe = AutoencoderRecipe(
        steps=3, batch_size=2, crop=2, adversary_from=0, adversary_ahead=0, ema=0.5
    )
    vae = trained(images, recipe, tmp_path)
    for name, value in vae.encoder.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(value.requires_grad for value in vae.parameters())


def latents_of(vae: Any, images: Tensor) -> Tensor:
    with torch.no_grad():
        latents: Tensor = vae.encode(images).latent_dist.mode()
        return latents


def test_an_encoder_that_is_woken_answers_as_before_and_can_learn_everywhere() -> None:
    images = pictures(4)
    vae = autoencoder(images)
    before = latents_of(vae, images)
    wake_encoder(vae, 0)
    assert torch.equal(latents_of(vae, images), before)
    vae.encode(images).latent_dist.mode().square().mean().backward()
    for block in vae.encoder.down_blocks[:3]:
        assert block.resnets[0].conv2.weight.grad.any()


def test_a_learnt_encoder_changes_its_first_levels_and_nothing_that_holds_its_carriers(
    tmp_path: Path,
) -> None:
    images = pictures(4)
    before = autoencoder(images)
    recipe = AutoencoderRecipe(
        steps=4, batch_size=2, crop=2, encoder=True, halved=0.5, varied=True, seed=3
    )
    vae = trained(images, recipe, tmp_path)
    learnt = learnt_parameters(vae, encoder=True)
    moved = {
        name
        for name, value in vae.named_parameters()
        if not torch.equal(value, before.get_parameter(name))
    }
    assert moved <= set(learnt)
    assert {name for name in learnt if ".conv2.weight" in name} <= moved
    assert not torch.allclose(latents_of(vae, images), latents_of(before, images))


def test_an_encoder_that_has_learnt_goes_on_where_it_was(tmp_path: Path) -> None:
    images = pictures(4)
    recipe = AutoencoderRecipe(steps=2, batch_size=2, crop=2, encoder=True)
    vae = trained(images, recipe, tmp_path)
    reached = latents_of(vae, images)
    wake_encoder(vae, 1)
    assert torch.equal(latents_of(vae, images), reached)


def test_two_pieces_side_by_side_learn_what_one_batch_learns(tmp_path: Path) -> None:
    images = pictures(6)
    recipe = AutoencoderRecipe(steps=1, batch_size=4, crop=2, encoder=True, spread_weight=0.0)
    one, two = (
        trained(images, recipe, tmp_path / str(threads), threads=threads) for threads in (1, 2)
    )
    expected = learnt_parameters(one, encoder=True)
    for name, value in learnt_parameters(two, encoder=True).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4, msg=name)


def test_varied_crops_hold_the_same_colours_in_other_places() -> None:
    images = (pictures(1) * 127.5 + 127.5).to(torch.uint8)
    recipe = AutoencoderRecipe(batch_size=8, crop=4, varied=True)
    (piece,) = _pieces(images, 6, recipe, 0, 1)
    whole = (images[0].float() / 127.5 - 1.0).sort().values
    kinds = set()
    for crop in piece.crops:
        assert torch.equal(crop.flatten().sort().values, whole.flatten().sort().values)
        kinds.add(tuple(crop.flatten()[:6].tolist()))
    assert len(kinds) > 3


def test_repainted_latents_stand_for_a_picture_in_its_turn() -> None:
    """The crop of the latents is that of the picture; the picture's own come as often as a
    version."""
    images = (pictures(3) * 127.5 + 127.5).to(torch.uint8)
    places = torch.arange(16.0).reshape(4, 4).expand(3, 6, 4, 4)
    repainted = torch.stack([places + 100 * version for version in (1, 2)])
    repainted = repainted + 1000 * torch.arange(3.0)[None, :, None, None, None]
    recipe = AutoencoderRecipe(batch_size=64, crop=2, repainting=Repainting(2))
    pieces = _pieces(images, 6, recipe, 0, 2, repainted)
    assert [len(piece.crops) for piece in pieces] == [32, 32]
    own = 0
    for piece in pieces:
        assert piece.latents is not None
        assert piece.repainted is not None
        own += int((~piece.repainted).sum())
        for crop, latents in zip(piece.crops, piece.latents, strict=True):
            row, rest = divmod(int(latents[0, 0, 0]), 1000)
            top, left = divmod(rest % 100, 4)
            shown = images[row, :, 8 * top : 8 * top + 16, 8 * left : 8 * left + 16]
            assert torch.equal(crop, shown.float() / 127.5 - 1.0)
    assert 10 <= own <= 34  # of 64, a third is expected


def test_a_decoder_learns_to_make_the_picture_of_what_a_model_made_of_it(tmp_path: Path) -> None:
    """Latents that are always wrong in the same way: the decoder takes the fault back."""
    images = pictures(6)
    pixels = ((images + 1) * 127.5).to(torch.uint8)
    recipe = AutoencoderRecipe(
        steps=60, batch_size=4, crop=4, latent_noise=0.0, repainting=Repainting(1)
    )
    fault = 2.0 * torch.randn(1, 6, 4, 4, generator=torch.Generator().manual_seed(1))
    errors = {}
    for name in ("untaught", "taught"):
        vae = autoencoder(images)
        wrong = latents_of(vae, images) + fault
        given = wrong[None] if name == "taught" else latents_of(vae, images)[None]
        list(train_autoencoder(vae, pixels, recipe, tmp_path / name, repainted=given))
        with torch.no_grad():
            errors[name] = (vae.decode(wrong).sample - images).abs().mean().item()
    assert errors["taught"] < 0.9 * errors["untaught"], errors


@pytest.mark.parametrize("other", [{"encoder": True}, {"halved": 0.5}])
def test_repainting_needs_an_encoder_that_stays(other: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="leave encoder and halved out"):
        AutoencoderRecipe(repainting=Repainting(1), **other)


def test_the_adversary_counts_from_its_step_on(tmp_path: Path) -> None:
    images = pictures(4)
    plain = AutoencoderRecipe(steps=4, batch_size=2, crop=2, adversary_from=4)
    early = AutoencoderRecipe(steps=4, batch_size=2, crop=2, adversary_from=2)
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
    recipe = AutoencoderRecipe(steps=1000, adversary_from=400, learning_rate=1.0)
    rates = [learning_rate(recipe, step) for step in range(1000)]
    assert rates[99:400] == [pytest.approx(1.0)] * 301
    assert rates[400] == pytest.approx(0.5) and rates[-1] < 0.02
    assert all(one >= other for one, other in pairwise(rates[400:]))

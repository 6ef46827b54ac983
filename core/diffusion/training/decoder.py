"""The decoder of a small model: from latents back to pictures that are sharp.

Errors of pixels alone teach it the mean of what a latent may stand for, and the mean of sharp
pictures is a blurred one. So from a step on a second network, which learns to tell crops of real
pictures from decoded ones (Goodfellow et al. 2014; patches as in Isola et al. 2017), has its say.
In: pictures and their latents. Out: trained weights, and a checkpoint that resumes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.diffusion.training.autoencoder import PATCH
from core.diffusion.training.checkpoint import cosine, follow, load_training, save_training
from core.progress import Progress

LARGEST_BALANCE = 100.0  # of the adversary's weight, where its gradient nearly vanishes


@dataclass(frozen=True, kw_only=True)
class DecoderRecipe:
    """How the decoder is trained: crops of latents with a little noise, L1 on pixels and edges.

    adversary_from: the step from which the discriminator counts; from `adversary_ahead` steps
    before it learns without being heard. adversary_share: its gradient's length at the last layer
    against that of the errors. penalty: of the discriminator's slope at real pictures (R1,
    Mescheder et al. 2018). ema: the moving average that stays; 0 keeps none.
    """

    steps: int = 5000
    batch_size: int = 8
    crop: int = 8
    learning_rate: float = 2e-3
    latent_noise: float = 0.08
    edge_weight: float = 0.5
    adversary_from: int | None = None
    adversary_ahead: int = 400
    adversary_share: float = 0.7
    adversary_rate: float = 1e-3
    penalty: float = 0.5
    ema: float = 0.0
    checkpoint_every: int = 250
    seed: int = 0


def decoder_parameters(autoencoder: Any) -> dict[str, nn.Parameter]:
    """Decoder and its entry convolution, by name."""
    return {
        name: parameter
        for name, parameter in autoencoder.named_parameters()
        if name.startswith(("decoder.", "post_quant_conv."))
    }


def train_decoder(
    autoencoder: Any,
    images: Tensor,
    latents: Tensor,
    recipe: DecoderRecipe,
    directory: Path,
) -> Iterator[Progress]:
    """Train in place; images `[n, 3, h, w]` uint8, latents `[n, c, h/8, w/8]` unscaled; resumable.

    On the device of the autoencoder. Every random choice comes from (seed, step), so a resumed run
    equals an uninterrupted one.
    """
    decoder = decoder_parameters(autoencoder)
    device = next(iter(decoder.values())).device
    adversary = discriminator(recipe.seed).to(device)
    opposing = {f"adversary.{name}": value for name, value in adversary.named_parameters()}
    parameters = {**decoder, **opposing}
    for parameter in decoder.values():
        parameter.requires_grad_(True)
    autoencoder.train()
    optimizer = torch.optim.AdamW(
        [
            {"params": list(decoder.values()), "betas": (0.9, 0.99)},
            {"params": list(opposing.values()), "betas": (0.5, 0.99)},
        ],
        recipe.learning_rate,
    )
    checkpoint = directory / "decoder.safetensors"
    average = {name: value.detach().clone() for name, value in decoder.items()}
    done = load_training(checkpoint, parameters, optimizer, average)
    for step in range(done, recipe.steps):
        rates = (learning_rate(recipe, step), recipe.adversary_rate)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        inputs, target = (part.to(device) for part in _crops(images, latents, recipe, step))
        optimizer.zero_grad(set_to_none=True)
        image = autoencoder.decode(inputs).sample
        loss = reconstruction_loss(image, target, recipe.edge_weight)
        error = loss.item()
        counts_from = recipe.steps if recipe.adversary_from is None else recipe.adversary_from
        if step >= counts_from:
            last = autoencoder.decoder.conv_out.weight
            adversary.requires_grad_(False)
            loss = loss + _balanced(
                loss, functional.softplus(-adversary(image)).mean(), last, recipe
            )
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.values(), 1.0)
        adversary.requires_grad_(True)
        if step >= counts_from - recipe.adversary_ahead:
            discriminator_loss(adversary, target, image.detach(), recipe.penalty).backward()
        optimizer.step()
        if recipe.ema:
            follow(average, decoder, min(recipe.ema, (1 + step) / (10 + step)))
        if (step + 1) % recipe.checkpoint_every == 0 or step + 1 == recipe.steps:
            moving = average if recipe.ema else None
            save_training(checkpoint, parameters, optimizer, step + 1, moving)
        yield Progress("decoder", step + 1, recipe.steps, f"loss {error:.4f}")
    if recipe.ema:
        with torch.no_grad():
            for name, parameter in decoder.items():
                parameter.copy_(average[name])
    autoencoder.requires_grad_(False).eval()


def learning_rate(recipe: DecoderRecipe, step: int) -> float:
    """Constant until the adversary counts, half of it afterwards, with a cosine to the end; one
    cosine from the start without an adversary."""
    start = recipe.adversary_from
    if start is None:
        return cosine(step, recipe.steps, recipe.learning_rate, warmup=100)
    if step < start:
        return cosine(step, start, recipe.learning_rate, warmup=100, floor=1.0)
    return cosine(step - start, recipe.steps - start, recipe.learning_rate / 2, warmup=0)


def _crops(
    images: Tensor, latents: Tensor, recipe: DecoderRecipe, step: int
) -> tuple[Tensor, Tensor]:
    """Noisy crops of latents `[b, c, crop, crop]` and of their pictures, in [-1, 1]."""
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    crop = min(recipe.crop, latents.shape[-1])  # a small picture is its own crop
    rows = torch.randint(len(images), (recipe.batch_size,), generator=generator)
    side = latents.shape[-1] - crop + 1
    corner = torch.randint(side, (recipe.batch_size, 2), generator=generator).tolist()
    span, inputs, crops = crop * PATCH, [], []
    for row, (top, left) in zip(rows.tolist(), corner, strict=True):
        inputs.append(latents[row, :, top : top + crop, left : left + crop])
        down, across = top * PATCH, left * PATCH
        crops.append(images[row, :, down : down + span, across : across + span])
    noisy = torch.stack(inputs)
    spread = torch.rand((recipe.batch_size, 1, 1, 1), generator=generator) * recipe.latent_noise
    noisy = noisy + spread * torch.randn(noisy.shape, generator=generator)
    return noisy, torch.stack(crops).float() / 127.5 - 1.0


def reconstruction_loss(image: Tensor, target: Tensor, edge_weight: float) -> Tensor:
    """L1 on pixels plus L1 on horizontal and vertical differences."""
    loss = functional.l1_loss(image, target)
    for axis in (2, 3):
        loss = loss + edge_weight * functional.l1_loss(image.diff(dim=axis), target.diff(dim=axis))
    return loss


# --- the adversary ------------------------------------------------------------------------------


def discriminator(seed: int) -> nn.Sequential:
    """Pictures `[b, 3, h, w]` -> a number per patch `[b, 1, h/4, w/4]`; positive: it looks real."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 32, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 128, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(128, 1, 3, 1, 1),
        )


def discriminator_loss(
    adversary: nn.Module, real: Tensor, decoded: Tensor, penalty: float
) -> Tensor:
    """E softplus(-D(real)) + E softplus(D(decoded)) + penalty E |grad D(real)|^2."""
    real = real.detach().requires_grad_(True)
    opinion = adversary(real)
    slope = torch.autograd.grad(opinion.mean((1, 2, 3)).sum(), real, create_graph=True)[0]
    apart = functional.softplus(-opinion).mean() + functional.softplus(adversary(decoded)).mean()
    return apart + penalty * slope.pow(2).sum((1, 2, 3)).mean()


def _balanced(error: Tensor, opposed: Tensor, last: Tensor, recipe: DecoderRecipe) -> Tensor:
    """`opposed` with the weight at which its gradient at the `last` layer is `adversary_share` of
    the error's (Esser et al. 2021)."""
    lengths = [
        torch.autograd.grad(part, last, retain_graph=True)[0].norm() for part in (error, opposed)
    ]
    weight = (lengths[0] / (lengths[1] + 1e-6)).clamp(max=LARGEST_BALANCE)
    return recipe.adversary_share * weight.detach() * opposed

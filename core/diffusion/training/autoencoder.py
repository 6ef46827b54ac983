"""The autoencoder of a small model: pictures to latents, and back to pictures that are sharp.

Training begins with an encoder of patch components (`patch_components`) and teaches the decoder to
undo it; a further recipe may let the encoder learn too, from there on. Errors of pixels alone teach
the mean of what a latent may stand for, and the mean of sharp pictures is a blurred one. So from a
step on a second network, which learns to tell crops of real pictures from decoded ones, has its say
too (Goodfellow et al. 2014; its weight balanced as in Esser et al. 2021). In: pictures. Out:
trained weights, and a checkpoint that resumes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.diffusion.patch_autoencoder import PatchAutoencoder
from core.diffusion.training.checkpoint import cosine, follow, load_training, save_training
from core.diffusion.training.loop import PLAIN, Execution, side_by_side
from core.diffusion.training.patch_components import PATCH
from core.diffusion.training.repainting import Repainting
from core.errors import UsageError
from core.progress import Progress

LARGEST_BALANCE = 100.0  # of the adversary's weight, where its gradient nearly vanishes
LEARNT_LEVELS = 3  # of the encoder: what comes before its carriers


@dataclass(frozen=True, kw_only=True)
class AutoencoderRecipe:
    """How an autoencoder is trained: crops of pictures, L1 on pixels and edges.

    crop: side of a crop in latents. latent_noise: the largest deviation of the noise that decoded
    latents bear. encoder: its first levels learn too; `spread_weight` holds the latents' mean
    square at 1, so that they do not grow away from the noise. halved: the share of steps in which
    latents of half the resolution must decode to pictures of half the resolution, which keeps them
    smooth enough to be painted (Skorokhodov et al. 2025). varied: crops mirrored, turned and with
    their colours exchanged, so that it serves pictures of other hands as well.
    adversary_from: the step from which the discriminator counts; from `adversary_ahead` steps
    before it learns without being heard. adversary_share: its gradient's length at the last layer
    against that of the errors. penalty: of the discriminator's slope at real pictures (R1,
    Mescheder et al. 2018). ema: the moving average that stays; 0 keeps none.
    """

    steps: int = 5000
    batch_size: int = 8
    crop: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    latent_noise: float = 0.08
    edge_weight: float = 0.5
    encoder: bool = False
    spread_weight: float = 0.1
    halved: float = 0.0
    varied: bool = False
    adversary_from: int | None = None
    adversary_ahead: int = 400
    adversary_share: float = 0.7
    adversary_rate: float = 1e-3
    penalty: float = 0.5
    ema: float = 0.0
    repainting: Repainting | None = None
    checkpoint_every: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        if self.repainting is not None and (self.encoder or self.halved):
            raise UsageError(
                "Repainted latents are of an encoder that stays as it is, at full resolution: "
                "leave encoder and halved out where there is repainting."
            )


def learnt_parameters(autoencoder: Any, encoder: bool = False) -> dict[str, nn.Parameter]:
    """Decoder and its entry convolution by name; with `encoder` also the encoder's first levels.

    Of a `PatchAutoencoder` not the last layers, which hold its carriers.
    """
    starts: tuple[str, ...] = ("decoder.", "post_quant_conv.")
    carriers: tuple[str, ...] = ("\n",)  # in no name
    if isinstance(autoencoder, PatchAutoencoder):
        last = f"decoder.up_blocks.3.resnets.{len(autoencoder.decoder.up_blocks[3].resnets) - 1}"
        carriers = ("decoder.conv_norm_out.", "decoder.conv_out.", f"{last}.conv2.bias")
    if encoder:
        levels = (f"encoder.down_blocks.{level}." for level in range(LEARNT_LEVELS))
        starts = (*starts, "encoder.conv_in.", *levels)
    return {
        name: parameter
        for name, parameter in autoencoder.named_parameters()
        if name.startswith(starts) and not name.startswith(carriers)
    }


@torch.no_grad()
def wake_encoder(autoencoder: Any, seed: int) -> None:
    """Give an encoder of patch components something to learn with, without changing its answers.

    Its convolutions are zero where components need none, and zeros before zeros never move: the
    first convolution of each residual block gets random weights; the second stays zero.
    """
    generator = torch.Generator().manual_seed(seed)
    for block in autoencoder.encoder.down_blocks[:LEARNT_LEVELS]:
        for resnet in block.resnets:
            if resnet.conv2.weight.any():  # it has learnt already
                continue
            weight = resnet.conv1.weight
            deviation = (2.0 / weight[0].numel()) ** 0.5
            weight.copy_(torch.randn(weight.shape, generator=generator) * deviation)


def train_autoencoder(
    autoencoder: Any,
    images: Tensor,
    recipe: AutoencoderRecipe,
    directory: Path,
    execution: Execution = PLAIN,
    repainted: Tensor | None = None,
) -> Iterator[Progress]:
    """Train in place on images `[n, 3, h, w]` uint8; resumable. `repainted [v, n, c, h', w']`: as
    the decoder takes them, where the recipe has them repainted.

    On the device of the autoencoder. Every random choice comes from (seed, step), so a resumed run
    equals an uninterrupted one.
    """
    learnt = learnt_parameters(autoencoder, recipe.encoder)
    device, channels = autoencoder.device, autoencoder.config.latent_channels
    if recipe.encoder:
        wake_encoder(autoencoder, recipe.seed)
    adversary = discriminator(recipe.seed).to(device)
    opposing = {f"adversary.{name}": value for name, value in adversary.named_parameters()}
    parameters = {**learnt, **opposing}
    for parameter in learnt.values():
        parameter.requires_grad_(True)
    autoencoder.train()
    optimizer = torch.optim.AdamW(
        [
            {"params": list(learnt.values()), "betas": (0.9, 0.99)},
            {"params": list(opposing.values()), "betas": (0.5, 0.99)},
        ],
        recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    checkpoint = directory / "autoencoder.safetensors"
    average = {name: value.detach().clone() for name, value in learnt.items()}
    done = load_training(checkpoint, parameters, optimizer, average)
    for step in range(done, recipe.steps):
        rates = (learning_rate(recipe, step), recipe.adversary_rate)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        pieces = _pieces(images, channels, recipe, step, execution.threads, repainted)
        with side_by_side(execution.threads) as each:
            learn = _Learning(autoencoder, adversary, recipe, step, len(pieces))
            error = torch.stack(list(each(learn, pieces))).sum().item()
        nn.utils.clip_grad_norm_(learnt.values(), 1.0)
        optimizer.step()
        if recipe.ema:
            follow(average, learnt, min(recipe.ema, (1 + step) / (10 + step)))
        if (step + 1) % recipe.checkpoint_every == 0 or step + 1 == recipe.steps:
            moving = average if recipe.ema else None
            save_training(checkpoint, parameters, optimizer, step + 1, moving)
        yield Progress(directory.name, step + 1, recipe.steps, f"loss {error:.4f}")
    if recipe.ema:
        with torch.no_grad():
            for name, parameter in learnt.items():
                parameter.copy_(average[name])
    autoencoder.requires_grad_(False).eval()


def learning_rate(recipe: AutoencoderRecipe, step: int) -> float:
    """Constant until the adversary counts, half of it afterwards, with a cosine to the end; one
    cosine from the start without an adversary."""
    start = recipe.adversary_from
    if start is None:
        return cosine(step, recipe.steps, recipe.learning_rate, warmup=100)
    if step < start:
        return cosine(step, start, recipe.learning_rate, warmup=100, floor=1.0)
    return cosine(step - start, recipe.steps - start, recipe.learning_rate / 2, warmup=0)


# --- one step -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Piece:
    """A piece of a batch: `crops [b, 3, h, w]` in [-1, 1], the noise of their latents, whether they
    are decoded at half the resolution, and the latents that stand for theirs where `repainted [b]`
    is true."""

    crops: Tensor
    noise: Tensor
    halved: bool
    repainted: Tensor | None = None
    latents: Tensor | None = None


@dataclass(frozen=True, eq=False)
class _Learning:
    """What one piece of a batch teaches: called, it adds its gradients to the parameters'."""

    autoencoder: Any
    adversary: nn.Module
    recipe: AutoencoderRecipe
    step: int
    pieces: int

    def __call__(self, piece: _Piece) -> Tensor:
        recipe, device = self.recipe, self.autoencoder.device
        target, noise = piece.crops.to(device), piece.noise.to(device)
        latents = self._encode(target)
        spread = (latents.square().mean() - 1.0).square()
        if piece.halved:
            latents, target = (functional.avg_pool2d(part, 2) for part in (latents, target))
        given = latents + noise
        if piece.latents is not None and piece.repainted is not None:
            instead = piece.repainted[:, None, None, None].to(device)
            given = torch.where(instead, piece.latents.to(device), given)
        image = self.autoencoder.decode(given).sample
        error = reconstruction_loss(image, target, recipe.edge_weight)
        loss = error + recipe.spread_weight * spread if recipe.encoder else error
        counts_from = recipe.steps if recipe.adversary_from is None else recipe.adversary_from
        if self.step >= counts_from and not piece.halved:
            last = _last_layer(self.autoencoder)
            opposed = functional.softplus(-self.adversary(image)).mean()
            loss = loss + _balanced(error, opposed, last, recipe)
        learnt = learnt_parameters(self.autoencoder, recipe.encoder)
        (loss / self.pieces).backward(inputs=list(learnt.values()))
        if self.step >= counts_from - recipe.adversary_ahead and not piece.halved:
            apart = discriminator_loss(self.adversary, target, image.detach(), recipe.penalty)
            (apart / self.pieces).backward(inputs=list(self.adversary.parameters()))
        return error.detach() / self.pieces

    def _encode(self, crops: Tensor) -> Tensor:
        """Latents `[b, c, crop, crop]` by the encoder as it is: its mode, noise is ours."""
        with torch.set_grad_enabled(self.recipe.encoder):
            latents: Tensor = self.autoencoder.encode(crops).latent_dist.mode()
            return latents


def _pieces(
    images: Tensor,
    channels: int,
    recipe: AutoencoderRecipe,
    step: int,
    count: int,
    repainted: Tensor | None = None,
) -> list[_Piece]:
    """One step's random choices in `count` pieces: made for the whole, so they are the same."""
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    side = images.shape[-1] // PATCH
    crop = min(recipe.crop, side)  # a small picture is its own crop
    rows = torch.randint(len(images), (recipe.batch_size,), generator=generator)
    corner = torch.randint(side - crop + 1, (recipe.batch_size, 2), generator=generator).tolist()
    span, crops = crop * PATCH, []
    for row, (top, left) in zip(rows.tolist(), corner, strict=True):
        down, across = top * PATCH, left * PATCH
        part = images[row, :, down : down + span, across : across + span]
        crops.append(_varied(part, generator) if recipe.varied else part)
    halved = crop % 2 == 0 and bool(torch.rand((), generator=generator) < recipe.halved)
    shown = crop // 2 if halved else crop
    spread = torch.rand((recipe.batch_size, 1, 1, 1), generator=generator) * recipe.latent_noise
    noise = spread * torch.randn((recipe.batch_size, channels, shown, shown), generator=generator)
    pictures = torch.stack(crops).float() / 127.5 - 1.0
    parts = zip(pictures.chunk(count), noise.chunk(count), strict=True)
    pieces = [_Piece(crops=part, noise=own, halved=halved) for part, own in parts]
    if repainted is None:
        return pieces
    version = torch.randint(len(repainted) + 1, (recipe.batch_size,), generator=generator)
    latents = torch.stack(
        [
            repainted[max(0, made - 1), row, :, top : top + crop, left : left + crop]
            for made, row, (top, left) in zip(version.tolist(), rows.tolist(), corner, strict=True)
        ]
    )
    return [
        replace(piece, repainted=made > 0, latents=own)
        for piece, made, own in zip(pieces, version.chunk(count), latents.chunk(count), strict=True)
    ]


def _varied(crop: Tensor, generator: torch.Generator) -> Tensor:
    """A crop `[3, s, s]` mirrored, turned by quarters and with its colours in another order."""
    turns, mirrored = torch.randint(4, (2,), generator=generator).tolist()
    turned = torch.rot90(crop, turns, (1, 2))
    if mirrored % 2:
        turned = turned.flip(2)
    return turned[torch.randperm(3, generator=generator)]


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


def _last_layer(autoencoder: Any) -> Tensor:
    """The last weights that learn."""
    decoder = autoencoder.decoder
    patched = isinstance(autoencoder, PatchAutoencoder)
    last = decoder.up_blocks[-1].resnets[-1].conv2 if patched else decoder.conv_out
    weight: Tensor = last.weight
    return weight


def _balanced(error: Tensor, opposed: Tensor, last: Tensor, recipe: AutoencoderRecipe) -> Tensor:
    """`opposed` with the weight at which its gradient at the `last` layer is `adversary_share` of
    the error's (Esser et al. 2021)."""
    lengths = [
        torch.autograd.grad(part, last, retain_graph=True)[0].norm() for part in (error, opposed)
    ]
    weight = (lengths[0] / (lengths[1] + 1e-6)).clamp(max=LARGEST_BALANCE)
    return recipe.adversary_share * weight.detach() * opposed

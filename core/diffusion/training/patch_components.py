"""An autoencoder that is principal components of 8x8 patches, not trained.

They are written exactly into an `AutoencoderKL`'s encoder (space-to-depth twice, then the
components), so latents are fixed and cacheable at once; a plain decoder learns to undo it, and a
`PatchAutoencoder`'s can be written too, and learns what the components leave out. In: pictures.
Out: weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.diffusion.patch_autoencoder import PatchAutoencoder
from core.diffusion.tensors import to_float64
from core.errors import ModelError

PATCH = 8
# GroupNorm divides by a group's spread. Two constant channels of +-CARRIER set that spread, each
# signal travels with its negative so that the mean is zero, and SiLU is the identity far right of
# zero: the encoder's last nonlinear layers then pass the signal through unchanged.
CARRIER = 256.0
LIFT = 24.0


def patches(images: Tensor) -> Tensor:
    """Images `[b, 3, h, w]` -> patch vectors `[b h w / 64, 192]` in the order of the encoder."""
    nested = images
    for _ in range(3):
        nested = space_to_depth(nested)
    return nested.permute(0, 2, 3, 1).reshape(-1, nested.shape[1])


def space_to_depth(images: Tensor) -> Tensor:
    """2x2 blocks to channels: `[b, c, h, w]` -> `[b, 4c, h/2, w/2]`, channel = position * c + i."""
    parts = [images[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return torch.cat(parts, dim=1)


@dataclass(frozen=True)
class PatchComponents:
    """`mean [192]`, `vectors [192, c]`, `scales [c]`: latent = vectors' (x - mean) / scales."""

    mean: Tensor
    vectors: Tensor
    scales: Tensor


def patch_components(
    images: Tensor, count: int, whitening: float = 0.5, leading: int | None = None
) -> PatchComponents:
    """PCA of 8x8 patches; scales = deviation ** whitening, then one factor: the overall spread of
    the `leading` ones (all of them, if None) is 1."""
    rows = to_float64(patches(images))
    mean = rows.mean(0)
    centred = rows - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    order = values.argsort(descending=True)[:count]
    deviations = values[order].clamp_min(1e-8).sqrt()
    scales = deviations**whitening
    spread = ((deviations / scales)[:leading] ** 2).mean().sqrt()
    return PatchComponents(mean, vectors[:, order], scales * spread)


@torch.no_grad()
def write_encoder(autoencoder: Any, components: PatchComponents) -> None:
    """Put `components` into the encoder of a four-level `AutoencoderKL` of enough channels."""
    encoder = autoencoder.encoder
    widths = [block.resnets[0].out_channels for block in encoder.down_blocks]
    latents = components.vectors.shape[1]
    groups = encoder.conv_norm_out.num_groups
    least = (12, 48, max(48, latents), 4 * groups)
    room = groups * _per_group(widths[-1] // groups) if len(widths) == 4 else 0
    if room < latents or any(width < need for width, need in zip(widths, least, strict=True)):
        raise ModelError(
            f"This autoencoder cannot hold {latents} patch components: it needs four levels with "
            f"at least {least} channels, and has {widths} with room for {room} in {groups} groups."
        )
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.zero_()
            if module.bias is not None:
                module.bias.zero_()
    for channel in range(3):
        encoder.conv_in.weight[channel, channel, 1, 1] = 1.0
    for block in encoder.down_blocks[:3]:
        shortcut = block.resnets[0].conv_shortcut
        if shortcut is not None:
            for channel in range(shortcut.weight.shape[1]):
                shortcut.weight[channel, channel, 0, 0] = 1.0
    for level, inner in ((0, 3), (1, 12)):
        down = encoder.down_blocks[level].downsamplers[0].conv
        for position in range(4):
            for channel in range(inner):
                down.weight[position * inner + channel, channel, position // 2, position % 2] = 1.0
    _write_components(encoder, components, widths[3] // groups)
    quantise = autoencoder.quant_conv
    quantise.weight.zero_()
    quantise.bias.zero_()
    for channel in range(latents):
        quantise.weight[channel, channel, 0, 0] = 1.0
    quantise.bias[latents:] = -30.0


@torch.no_grad()
def write_decoder(autoencoder: PatchAutoencoder, components: PatchComponents) -> None:
    """Put the components' inverse into the decoder: `write_encoder`'s latents become the patches
    that they stand for, as near as the components reach.

    Its residual blocks add nothing and are free to learn; its last normalisation passes signals
    through by the same two constants per group as the encoder's, which the last block brings.
    """
    decoder = autoencoder.decoder
    widths = [block.resnets[0].out_channels for block in decoder.up_blocks]
    latents, groups = components.vectors.shape[1], decoder.conv_norm_out.num_groups
    group = widths[-1] // groups
    least = (max(48, latents), 48, 12, 4 * groups)
    if any(width < need for width, need in zip(widths, least, strict=True)) or groups < 3:
        raise ModelError(
            f"This autoencoder's decoder cannot hold {latents} patch components: it needs at least "
            f"{least} channels and 3 groups, and has {widths} and {groups}."
        )
    resnets = [*decoder.mid_block.resnets]
    for block in decoder.up_blocks:
        resnets += block.resnets
        if block.resnets[0].conv_shortcut is not None:
            _identity(block.resnets[0].conv_shortcut)
    for resnet in resnets:
        resnet.conv2.weight.zero_()
        resnet.conv2.bias.zero_()
    _identity(autoencoder.post_quant_conv)
    _identity(decoder.conv_in)
    first, second, third = (block.upsamplers[0].conv for block in decoder.up_blocks[:3])
    for convolution in (first, second, third):
        convolution.weight.zero_()
        convolution.bias.zero_()
    basis = components.vectors * components.scales  # [192, c]
    for position in range(4):
        for channel in range(48):
            row = position * 48 + channel
            first.weight[4 * channel + position, :latents, 1, 1] = basis[row]
            first.bias[4 * channel + position] = components.mean[row]
        for channel in range(12):
            second.weight[4 * channel + position, position * 12 + channel, 1, 1] = 1.0
        for channel in range(3):
            third.weight[4 * channel + position, position * 3 + channel, 1, 1] = 1.0
    shortcut = decoder.up_blocks[3].resnets[0].conv_shortcut
    shortcut.weight.zero_()
    norm, last = decoder.conv_norm_out, decoder.conv_out
    norm.weight.fill_(CARRIER * (2.0 / group) ** 0.5)
    norm.bias.fill_(LIFT)
    last.weight.zero_()
    last.bias.zero_()
    for channel in range(3):
        row = channel * group
        shortcut.weight[row, channel, 0, 0], shortcut.weight[row + 1, channel, 0, 0] = 1.0, -1.0
        last.weight[channel, row, 1, 1], last.weight[channel, row + 1, 1, 1] = 0.5, -0.5
    for start in range(0, widths[-1], group):
        resnets[-1].conv2.bias[start + 2 : start + 4] = torch.tensor([CARRIER, -CARRIER])


def _identity(convolution: Any) -> None:
    """Each channel goes on as it is, as far as there are channels."""
    convolution.weight.zero_()
    convolution.bias.zero_()
    middle = convolution.kernel_size[0] // 2
    for channel in range(min(convolution.weight.shape[:2])):
        convolution.weight[channel, channel, middle, middle] = 1.0


def _per_group(channels: int) -> int:
    """How many signals a group carries beside its two constants."""
    return max(0, (channels - 2) // 2)


def _write_components(encoder: Any, components: PatchComponents, group: int) -> None:
    """The last downsampling convolution computes the components; from there on, or behind the last
    level's shortcut where that level is wider, each group carries some of them."""
    last = encoder.down_blocks[2].downsamplers[0].conv
    basis = (components.vectors / components.scales).T  # [c, 192]
    offset = -(basis @ components.mean)
    packed, constant, positive = _packing(len(basis), group, encoder.conv_norm_out.num_groups)
    shortcut = encoder.down_blocks[3].resnets[0].conv_shortcut
    if shortcut is None:
        basis, offset = packed @ basis, packed @ offset + constant
    else:
        shortcut.weight[:, : len(basis), 0, 0] = packed
        shortcut.bias.copy_(constant)
    for position in range(4):
        last.weight[: len(basis), :48, position // 2, position % 2] = basis[
            :, position * 48 : position * 48 + 48
        ]
    last.bias[: len(basis)] = offset
    norm = encoder.conv_norm_out
    norm.weight.fill_(CARRIER * (2.0 / group) ** 0.5)
    norm.bias.fill_(LIFT)
    for latent, row in enumerate(positive):
        encoder.conv_out.weight[latent, row, 1, 1] = 0.5
        encoder.conv_out.weight[latent, row + 1, 1, 1] = -0.5


def _packing(latents: int, group: int, groups: int) -> tuple[Tensor, Tensor, list[int]]:
    """`[group * groups, latents]` and `[group * groups]`: each signal and its negative side by
    side, spread over the groups, and two constants per group; and the row of each signal."""
    packed = torch.zeros(group * groups, latents, dtype=torch.float64)
    constant = torch.zeros(group * groups, dtype=torch.float64)
    each = -(-latents // groups)
    positive = [latent // each * group + 2 * (latent % each) for latent in range(latents)]
    for latent, row in enumerate(positive):
        packed[row, latent], packed[row + 1, latent] = 1.0, -1.0
    for start in range(0, group * groups, group):
        constant[start + 2 * each], constant[start + 2 * each + 1] = CARRIER, -CARRIER
    return packed, constant, positive

"""An autoencoder whose decoder deals channels out to pixels.

Diffusers' `AutoencoderKL` doubles a side by repeating each pixel and a convolution over the result:
where neighbours are alike, it cannot paint what differs within a patch. Here the convolution
answers for the four new pixels at once (Shi et al. 2016). All else is diffusers' own, so that a
Stable Diffusion pipeline takes it. In: latents. Out: pictures.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

# a pipeline that holds a class of ours looks here for the kind of part that it is
from diffusers import AutoencoderKL, ModelMixin
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ModelMixin", "PatchAutoencoder", "ShuffledUpsample"]


class ShuffledUpsample(nn.Module):
    """`[b, c, h, w]` -> `[b, c, 2h, 2w]`: a convolution to four times the channels, each four of
    which are a channel's two by two pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4 * channels, 3, padding=1)

    def forward(self, hidden_states: Tensor) -> Tensor:
        return functional.pixel_shuffle(self.conv(hidden_states), 2)


class PatchAutoencoder(AutoencoderKL):
    """`AutoencoderKL` with `ShuffledUpsample` in its decoder, of the same configuration."""

    # diffusers reads the configuration's names off the signature
    @wraps(AutoencoderKL.__init__)  # type: ignore[misc]
    def __init__(self, *arguments: Any, **configuration: Any) -> None:
        super().__init__(*arguments, **configuration)
        for block in self.decoder.up_blocks:
            if block.upsamplers is not None:
                block.upsamplers[0] = ShuffledUpsample(block.upsamplers[0].channels)

"""What is written into the convolutions is exactly the principal components of 8x8 patches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.diffusion.patch_autoencoder import PatchAutoencoder
from core.diffusion.training.base_model import SmallShape, build_pipeline
from core.diffusion.training.patch_components import (
    patch_components,
    patches,
    write_decoder,
    write_encoder,
)
from core.errors import ModelError

SHAPE = SmallShape(
    image_size=32,
    latent_channels=6,
    autoencoder=(16, 48, 64, 64),
    unet=(16, 32),
    attention_levels=(True, True),
)
# more signals than groups, and a last level of its own width
MANY = replace(SHAPE, latent_channels=30, autoencoder=(16, 48, 64, 128))


def pictures(count: int, seed: int = 0) -> Tensor:
    """Smooth random pictures `[n, 3, 32, 32]` in [-1, 1]."""
    noise = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 7, 1, 3).mul(4).clamp(-1, 1)


@pytest.mark.parametrize("shape", [SHAPE, MANY], ids=["few", "many"])
def test_encoder_equals_patch_pca_by_explicit_loops(shape: SmallShape) -> None:
    images = pictures(12)
    components = patch_components(images, shape.latent_channels)
    vae = build_pipeline(shape, ["a painting"], 0).vae
    write_encoder(vae, components)
    with torch.no_grad():
        latents = vae.encode(images).latent_dist.mode()
    weights = (components.vectors / components.scales).T
    for n, row, column in ((0, 0, 0), (3, 1, 2), (11, 3, 3)):
        patch = images[n, :, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8].double()
        vector = []
        for third in range(4):  # the last 2x2 grouping varies slowest
            for second in range(4):
                for first in range(4):
                    y = 4 * (third // 2) + 2 * (second // 2) + first // 2
                    x = 4 * (third % 2) + 2 * (second % 2) + first % 2
                    vector += [patch[channel, y, x] for channel in range(3)]
        expected = weights @ (torch.stack(vector) - components.mean)
        assert torch.allclose(latents[n, :, row, column].double(), expected, atol=2e-3)


PATCHED = replace(MANY, patched=True, autoencoder=(32, 48, 64, 128))


def test_a_patch_decoder_is_the_components_inverse() -> None:
    """Against the projection of each patch on the components, by matrices in float64."""
    images = pictures(12)
    components = patch_components(images, 30)
    vae = build_pipeline(PATCHED, ["a painting"], 0).vae
    write_encoder(vae, components)
    write_decoder(vae, components)
    with torch.no_grad():
        decoded = vae.decode(vae.encode(images).latent_dist.mode()).sample
    centred = patches(images).double() - components.mean
    expected = centred @ components.vectors @ components.vectors.T + components.mean
    torch.testing.assert_close(patches(decoded).double(), expected, atol=2e-3, rtol=0)
    # a latent changes its own patch and no other: nothing that neighbours would have to tell
    latents = torch.zeros(1, 30, 4, 4)
    latents[0, 7, 1, 2] = 1.0
    with torch.no_grad():
        changed = (vae.decode(latents).sample - vae.decode(0 * latents).sample).abs()
    outside = changed.clone()
    outside[..., 8:16, 16:24] = 0
    assert changed[..., 8:16, 16:24].max() > 0.01 and outside.max() < 1e-4


def test_a_patch_autoencoder_is_read_back_as_itself(tmp_path: Path) -> None:
    vae = build_pipeline(PATCHED, ["a painting"], 0).vae
    vae.save_pretrained(tmp_path)
    again = PatchAutoencoder.from_pretrained(tmp_path)
    latents = torch.randn(1, 30, 2, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(again.decode(latents).sample, vae.decode(latents).sample)


def test_too_narrow_a_decoder_is_refused() -> None:
    narrow = build_pipeline(replace(PATCHED, autoencoder=(16, 48, 64, 128)), ["a painting"], 0).vae
    with pytest.raises(ModelError, match="decoder"):
        write_decoder(narrow, patch_components(pictures(4), 30))


def test_latents_have_unit_spread() -> None:
    images = pictures(40)
    vae = build_pipeline(SHAPE, ["a painting"], 0).vae
    write_encoder(vae, patch_components(images, 6))
    with torch.no_grad():
        assert vae.encode(images).latent_dist.mode().std().item() == pytest.approx(1.0, abs=0.02)


def test_more_components_leave_the_leading_ones_as_they_were() -> None:
    images = pictures(40)
    few, many = patch_components(images, 6), patch_components(images, 12, leading=6)
    torch.testing.assert_close(many.scales[:6], few.scales)
    torch.testing.assert_close(many.vectors[:, :6], few.vectors)


def test_too_narrow_an_autoencoder_is_refused() -> None:
    narrow = SmallShape(image_size=32, latent_channels=6, autoencoder=(8, 16, 16, 16))
    with pytest.raises(ModelError, match="48"):
        write_encoder(
            build_pipeline(narrow, ["a painting"], 0).vae,
            patch_components(pictures(4), 6),
        )

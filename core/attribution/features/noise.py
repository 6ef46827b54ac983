"""The noise that a work gets at a timestep, by rule: nothing depends on batch order or size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from core.attribution.features.spec import NoiseRule


def noise_for(
    rule: NoiseRule,
    timesteps: Sequence[float],
    content_ids: Sequence[str],
    positions: Sequence[int],
    shape: Sequence[int],
) -> Tensor:
    """Standard normal `[b, K * draws, *shape]`, float32 on the CPU; K-major, draws within it.

    Every sample comes from a generator of its own, seeded by what `rule` names.
    """
    rows = []
    for content, position in zip(content_ids, positions, strict=True):
        rows.append(
            torch.stack(
                [
                    _draw(rule, t, draw, content, position, tuple(shape))
                    for t in timesteps
                    for draw in range(rule.draws)
                ]
            )
        )
    return torch.stack(rows)


def _draw(
    rule: NoiseRule, t: float, draw: int, content: str, position: int, shape: tuple[int, ...]
) -> Tensor:
    key = f"{rule.seed}/{t}/{draw}"
    if rule.mode == "independent":
        key += f"/{content}"
    elif rule.mode == "cycle":
        key += f"/{position % rule.period}"
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))

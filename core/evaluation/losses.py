"""What retrained models do: the loss of every picture under one of them.

In: a model, pictures' latents, a rule. Out: every objective's mean over timesteps and noises, from
one forward pass. The noise is the rule's own, the same for every model (specification, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.attribution.features.noise import noise_for
from core.attribution.features.objectives import OBJECTIVES
from core.attribution.features.spec import NoiseRule, TimestepRule
from core.diffusion.protocol import DiffusionModel

NUMBERS = 400_000  # noise numbers of one forward pass
KEPT_NUMBERS = 100_000_000  # of noise held in memory, to draw it once and not for every model


class Losses:
    """Pictures with the timesteps and noises they are asked with; one object, many models."""

    def __init__(
        self, latents: Tensor, ids: Sequence[str], timesteps: TimestepRule, noise: NoiseRule
    ) -> None:
        self.latents = latents
        self.ids = ids
        self.timesteps = timesteps
        self.noise = noise
        self._drawn: dict[int, Tensor] = {}

    @torch.no_grad()
    def under(self, model: DiffusionModel, conditioning: Tensor | None) -> dict[str, Tensor]:
        """Objective -> `[q]` float64; `conditioning [q, s, d]`, or None."""
        kept = self.timesteps.timesteps(model.schedule.length)
        times = torch.tensor([t for t in kept for _ in range(self.noise.draws)])
        together = max(1, NUMBERS // (len(times) * self.latents[0].numel()))
        found: dict[str, list[Tensor]] = {name: [] for name in OBJECTIVES}
        for start in range(0, len(self.latents), together):
            numbers = range(start, min(start + together, len(self.latents)))
            values = self._rows(model, conditioning, list(numbers), times, kept)
            for name in found:
                found[name].append(values[name].reshape(len(numbers), -1).mean(1))
        return {name: torch.cat(parts) for name, parts in found.items()}

    def _rows(
        self,
        model: DiffusionModel,
        conditioning: Tensor | None,
        numbers: Sequence[int],
        times: Tensor,
        kept: Sequence[int],
    ) -> dict[str, Tensor]:
        """Objective -> one number a picture and time, `[b * t]`."""
        noise = torch.cat([self._noise(number, kept) for number in numbers])
        picture = torch.tensor(numbers).repeat_interleave(len(times))
        asked = times.repeat(len(numbers))
        parts: dict[str, list[Tensor]] = {name: [] for name in OBJECTIVES}
        rows = max(1, NUMBERS // self.latents[0].numel())
        for start in range(0, len(asked), rows):
            at = picture[start : start + rows]
            t = asked[start : start + rows].to(model.device)
            clean = self.latents[at].to(model.device)
            drawn = noise[start : start + rows].to(clean)
            given = None if conditioning is None else conditioning[at.to(conditioning.device)]
            answer = model.predict_noise(model.schedule.add_noise(clean, drawn, t), t, given)
            for name, objective in OBJECTIVES.items():
                values = objective(answer, drawn, t, model.schedule)
                parts[name].append(values.cpu().double())
        return {name: torch.cat(values) for name, values in parts.items()}

    def _noise(self, number: int, kept: Sequence[int]) -> Tensor:
        """`[t, c, h, w]`; kept, because every model is asked with the same."""
        key = 0 if self.noise.mode == "shared" else number
        if key not in self._drawn:
            drawn = noise_for(
                self.noise, kept, [self.ids[number]], [number], self.latents.shape[1:]
            )[0]
            if self.latents.numel() * len(drawn) > KEPT_NUMBERS and key:
                return drawn
            self._drawn[key] = drawn
        return self._drawn[key]

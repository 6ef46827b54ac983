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
        self._noises: dict[int, Tensor] = {}

    @torch.no_grad()
    def under(self, model: DiffusionModel, conditioning: Tensor | None) -> dict[str, Tensor]:
        """Objective -> `[q]` float64; `conditioning [q, s, d]`, or None."""
        kept = self.timesteps.timesteps(model.schedule.length)
        times = torch.tensor([t for t in kept for _ in range(self.noise.draws)])
        together = max(1, NUMBERS // (len(times) * self.latents[0].numel()))
        means: dict[str, list[Tensor]] = {name: [] for name in OBJECTIVES}
        for start in range(0, len(self.latents), together):
            numbers = range(start, min(start + together, len(self.latents)))
            values = self._rows(model, conditioning, list(numbers), times, kept)
            for name in means:
                means[name].append(values[name].reshape(len(numbers), -1).mean(1))
        return {name: torch.cat(parts) for name, parts in means.items()}

    def _rows(
        self,
        model: DiffusionModel,
        conditioning: Tensor | None,
        numbers: Sequence[int],
        times: Tensor,
        kept: Sequence[int],
    ) -> dict[str, Tensor]:
        """Objective -> one number per picture and time, `[b * t]`."""
        noise = torch.cat([self._noise(number, kept) for number in numbers])
        picture = torch.tensor(numbers).repeat_interleave(len(times))
        steps = times.repeat(len(numbers))
        parts: dict[str, list[Tensor]] = {name: [] for name in OBJECTIVES}
        rows = max(1, NUMBERS // self.latents[0].numel())
        for start in range(0, len(steps), rows):
            at = picture[start : start + rows]
            t = steps[start : start + rows].to(model.device)
            clean = self.latents[at].to(model.device)
            eps = noise[start : start + rows].to(clean)
            given = None if conditioning is None else conditioning[at.to(conditioning.device)]
            answer = model.predict_noise(model.schedule.add_noise(clean, eps, t), t, given)
            for name, objective in OBJECTIVES.items():
                values = objective(answer, eps, t, model.schedule)
                parts[name].append(values.cpu().double())
        return {name: torch.cat(values) for name, values in parts.items()}

    def _noise(self, number: int, kept: Sequence[int]) -> Tensor:
        """`[t, c, h, w]`; kept, because every model is asked with the same."""
        key = 0 if self.noise.mode == "shared" else number
        if key not in self._noises:
            noise = noise_for(
                self.noise, kept, [self.ids[number]], [number], self.latents.shape[1:]
            )[0]
            if self.latents.numel() * len(noise) > KEPT_NUMBERS and key:
                return noise
            self._noises[key] = noise
        return self._noises[key]

"""What the LoRA took off a picture's loss: 1 - L_lora / L_base at one timestep and shared noise.

In: a featurizer. Out: the loss of a picture with the LoRA and without, at the timestep of its spec
that is nearest to a fifth of the schedule, and the loss at its first timestep, of the least noise.
What is with the LoRA comes with every feature; a query pays for one row of the base model more.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.attribution.features.featurizer import Featurizer
from core.attribution.features.noise import noise_for
from core.diffusion.pipeline_model import PipelineModel

WHERE = 0.2  # of the schedule, where the gain was measured to tell known from foreign best


class LoraGain:
    """Losses of pictures at the rows that the gain is measured at."""

    def __init__(self, featurizer: Featurizer, model: PipelineModel) -> None:
        self.featurizer = featurizer
        self.model = model
        self._times = featurizer.spec.timesteps.timesteps(model.schedule.length)
        aim = WHERE * model.schedule.length
        self._at = min(range(len(self._times)), key=lambda place: abs(self._times[place] - aim))

    @property
    def timestep(self) -> int:
        """Where the gain is measured."""
        return self._times[self._at]

    def of_rows(self, row_losses: Tensor) -> tuple[Tensor, Tensor]:
        """(loss at `timestep`, loss at the first one), `[b]` each, from a feature's `[b, r]`."""
        draws = self.featurizer.spec.noise.draws
        return row_losses[:, self._at * draws], row_losses[:, 0]

    def with_lora(
        self, latents: Tensor, prompts: Sequence[str], ids: Sequence[str], places: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """The same as `of_rows`, of pictures whose features were stored without their rows."""
        pictures = (latents, prompts, ids, places)
        return self._losses(self.timestep, *pictures), self._losses(self._times[0], *pictures)

    def of_base(
        self, latents: Tensor, prompts: Sequence[str], ids: Sequence[str], places: Sequence[int]
    ) -> Tensor:
        """L_Simple `[b]` at `timestep`, had the model never learnt the collection."""
        with self.model.without_lora():
            return self._losses(self.timestep, latents, prompts, ids, places)

    @torch.no_grad()
    def _losses(
        self,
        timestep: int,
        latents: Tensor,
        prompts: Sequence[str],
        ids: Sequence[str],
        places: Sequence[int],
    ) -> Tensor:
        weight = next(iter(self.model.attributed_parameters().values()))
        rule, shape = self.featurizer.spec.noise, self.model.latent_shape
        noise = noise_for(rule, [timestep], ids, places, shape)[:, 0].to(weight)
        times = torch.full((len(latents),), timestep, device=weight.device)
        noisy = self.model.schedule.add_noise(latents.to(weight), noise, times)
        with self.featurizer.casting():
            answer = self.model.predict_noise(noisy, times, self.model.condition(prompts))
        return (answer - noise).flatten(1).square().mean(1).double().cpu()


def gains(lora: Tensor, base: Tensor) -> Tensor:
    """1 - L_lora / L_base: positive where the collection taught the model this picture. `[b]`."""
    return 1.0 - lora / base.clamp_min(1e-12)

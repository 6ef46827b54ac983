"""Features: a picture's latents and prompt -> phi = P^T (1/K) sum_t grad_theta f.

One picture a pass, its K timesteps in the batch: the arithmetic is the same whatever else is
asked, so no number depends on batch order or size. Knows no store and no collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.attribution.gradients import Examples, per_example_gradients
from core.attribution.noise import noise_for
from core.attribution.objectives import objective
from core.attribution.projection import projection
from core.attribution.spec import FeatureSpec
from core.diffusion.protocol import DiffusionModel
from core.errors import UsageError

LATENTS = "latents"


@dataclass(frozen=True, eq=False)
class Features:
    """`phi [b, k]` and `losses [b]`, the mean denoising loss over the same timesteps and noise."""

    phi: Tensor
    losses: Tensor

    @classmethod
    def stack(cls, parts: Sequence[Features]) -> Features:
        """Several tables as one, in order."""
        return cls(
            torch.cat([part.phi for part in parts]), torch.cat([part.losses for part in parts])
        )


class Featurizer:
    """A model and a spec, ready to turn latents into features; one seam for works and queries."""

    def __init__(self, model: DiffusionModel, spec: FeatureSpec, path: str = "auto") -> None:
        if spec.dtype not in ("float32", "float64"):
            raise UsageError(f"Features in {spec.dtype} are not made: use float32 or float64.")
        self.model = model
        self.spec = spec
        self.path = path
        # latents are a representation too, of pixel baselines: no gradient, no projection
        self._objective = None if spec.objective == LATENTS else objective(spec.objective)
        self._projection = projection(spec.projection)
        kept = spec.timesteps.timesteps(model.schedule.length)
        self._times = [t for t in kept for _ in range(spec.noise.draws)]
        self._steps = kept

    def features(
        self,
        latents: Tensor,
        prompts: Sequence[str],
        content_ids: Sequence[str],
        positions: Sequence[int] | None = None,
    ) -> Features:
        """`latents [b, c, h, w]`, a prompt and a content digest each -> `[b, k]`."""
        places = range(len(latents)) if positions is None else positions
        rows = [
            self._one(latents[i : i + 1], prompts[i], content_ids[i], place)
            for i, place in enumerate(places)
        ]
        return Features.stack(rows)

    def examples(self, latents: Tensor, prompt: str, content: str, position: int) -> Examples:
        """One picture `[1, c, h, w]` with its noise, timesteps and conditioning."""
        weight = next(iter(self.model.attributed_parameters().values()))
        noise = noise_for(
            self.spec.noise, self._steps, [content], [position], self.model.latent_shape
        )
        return Examples(
            latents.to(weight.device, weight.dtype),
            noise.to(weight.device, weight.dtype),
            torch.tensor(self._times, device=weight.device),
            self.model.condition([prompt]),
        )

    def _one(self, latents: Tensor, prompt: str, content: str, position: int) -> Features:
        if self._objective is None:
            rows = latents.flatten(1).to(getattr(torch, self.spec.dtype)).cpu()
            return Features(rows, torch.zeros(1, dtype=torch.float64))
        return self.of_examples(self.examples(latents, prompt, content, position))

    def of_examples(self, examples: Examples) -> Features:
        """Pictures that bring their own noise and timesteps -> `[b, k]`."""
        if self._objective is None:
            raise UsageError("Latents have no gradient: give an objective to trace examples.")
        found = per_example_gradients(self.model, self._objective, examples, self.path)
        phi = self._projection.project(found.by_parameter)
        return Features(phi.to(getattr(torch, self.spec.dtype)).cpu(), found.losses.double().cpu())

"""A picture's feature along the path it was painted on (Journey TRAK), in the paper's reading and
in its code's (specification of D-TRAK, section 6, D4).

In: a model, prompts, seeds and a sampler. Out: the mean over the path of P' grad f. `trajectory`
differentiates at the path's own x_t; `renoised` at the step's estimate of x_0, noised again.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.attribution.features.featurizer import Features, Featurizer
from core.attribution.features.gradients import Examples
from core.attribution.features.noise import noise_for
from core.attribution.features.objectives import of_answer
from core.diffusion.sampling import Denoised, Sampler, denoise
from core.errors import UsageError

READINGS = ("trajectory", "renoised")


def journey_features(
    featurizer: Featurizer,
    prompts: Sequence[str],
    seeds: Sequence[int],
    contents: Sequence[str],
    sampler: Sampler,
    reading: str,
    *,
    stops: int = 50,
) -> Features:
    """`[b, k]`: the mean over at most `stops` evenly spaced steps of the sampling path.

    On the trajectory the noise is the one that x_t holds: (x_t - signal x_0) / sigma with x_0 the
    finished picture. Raises `UsageError` for an unknown reading.
    """
    if reading not in READINGS:
        raise UsageError(f"There is no reading '{reading}'. Choose one of: {', '.join(READINGS)}.")
    model = featurizer.model
    path = list(denoise(model, prompts, seeds, sampler))
    kept = path[:: -(-len(path) // stops)]
    conditioning = model.condition(prompts)
    phi, losses = torch.zeros(0), torch.zeros(0)
    for at in kept:
        if reading == "trajectory":
            latents, noise = path[-1].latents, _noise_held(featurizer, at, path[-1].latents)
        else:
            latents = at.clean
            noise = noise_for(
                featurizer.spec.noise,
                [at.timestep],
                contents,
                range(len(contents)),
                model.latent_shape,
            )[:, 0].to(latents)
        times = torch.tensor([at.timestep], device=latents.device)
        answered = of_answer(featurizer.spec.objective)
        rows = Examples(latents, noise[:, None], times, conditioning, answered)
        features = featurizer.of_examples(rows)
        phi = phi + features.phi if phi.numel() else features.phi
        losses = losses + features.losses if losses.numel() else features.losses
    return Features(phi / len(kept), losses / len(kept))


def _noise_held(featurizer: Featurizer, at: Denoised, finished: Tensor) -> Tensor:
    """The noise `[b, ...]` that makes x_t of the finished latents."""
    times = torch.tensor([at.timestep])
    signal, sigma = featurizer.model.schedule.coefficients(times, finished)
    return (at.noisy - signal * finished) / sigma

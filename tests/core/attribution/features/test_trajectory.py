"""Journeys: the mean gradient along the sampling path, in both readings, against explicit loops."""

from __future__ import annotations

import pytest
import torch

from core.attribution.features.featurizer import Featurizer
from core.attribution.features.noise import noise_for
from core.attribution.features.spec import FeatureSpec, NoiseRule, ProjectionSpec
from core.attribution.features.trajectory import journey_features
from core.diffusion.pixel import tiny_ddpm
from core.diffusion.sampling import Sampler, denoise
from core.errors import UsageError

SAMPLER = Sampler(steps=4, guidance=1.0, clip=True)
PLAIN = FeatureSpec(
    objective="simple",
    noise=NoiseRule("independent"),
    projection=ProjectionSpec("identity"),
    dtype="float64",
)


@pytest.mark.parametrize("reading", ["trajectory", "renoised"])
def test_journeys_equal_an_explicit_loop(reading: str) -> None:
    model = tiny_ddpm(0)
    featurizer = Featurizer(model, PLAIN)
    features = journey_features(featurizer, ["", ""], [5, 6], ["a", "b"], SAMPLER, reading)
    path = list(denoise(model, ["", ""], [5, 6], SAMPLER))
    parameters = list(model.attributed_parameters().values())
    for number, content in enumerate(("a", "b")):
        total = torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64)
        for at in path:
            abar = model.schedule.alphas_cumprod[at.timestep].float()
            if reading == "trajectory":
                noisy = at.noisy[number]
                eps = (noisy - abar.sqrt() * path[-1].latents[number]) / (1 - abar).sqrt()
            else:
                rule = NoiseRule("independent")
                eps = noise_for(rule, [at.timestep], [content], [number], model.latent_shape)[0, 0]
                noisy = abar.sqrt() * at.clean[number] + (1 - abar).sqrt() * eps
            with torch.enable_grad():
                for parameter in parameters:
                    parameter.requires_grad_(True)
                answer = model.predict_noise(noisy[None], torch.tensor([at.timestep]), None)[0]
                loss = (answer - eps).square().mean()
                parts = torch.autograd.grad(loss, parameters)
            total += torch.cat([part.flatten() for part in parts]).double()
        expected = total / len(path)
        gap = (features.phi[number] - expected).norm() / expected.norm()
        assert gap < 1e-3, gap


def test_fewer_stops_are_evenly_spaced_steps() -> None:
    model = tiny_ddpm(0)
    featurizer = Featurizer(model, PLAIN)
    whole = journey_features(featurizer, [""], [5], ["a"], SAMPLER, "renoised")
    half = journey_features(featurizer, [""], [5], ["a"], SAMPLER, "renoised", stops=2)
    assert half.phi.shape == whole.phi.shape and not torch.equal(half.phi, whole.phi)


def test_an_unknown_reading_is_refused() -> None:
    with pytest.raises(UsageError, match="no reading 'backwards'"):
        journey_features(Featurizer(tiny_ddpm(0), PLAIN), [""], [0], ["a"], SAMPLER, "backwards")

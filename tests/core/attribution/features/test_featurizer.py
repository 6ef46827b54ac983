"""Features of a picture: the projected mean gradient; nothing depends on the batch."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.attribution.features.featurizer import Featurizer
from core.attribution.features.gradients import flatten, per_example_gradients
from core.attribution.features.objectives import objective
from core.attribution.features.spec import FeatureSpec, NoiseRule, ProjectionSpec
from core.attribution.features.timesteps import TimestepRule
from core.diffusion.training.base_model import random_stable_diffusion
from core.errors import UsageError

SPEC = FeatureSpec(timesteps=TimestepRule("uniform", 4), projection=ProjectionSpec("sjlt", 128))
PROMPTS = ["a cubism painting", "a painting", "a cubism painting"]
IDS = ["a", "b", "c"]


def latents() -> torch.Tensor:
    shape = random_stable_diffusion(2).latent_shape
    return torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mode", ["shared", "independent"])
def test_no_number_depends_on_batch_order_or_size(mode: str) -> None:
    spec = FeatureSpec(
        objective="square",
        timesteps=SPEC.timesteps,
        noise=NoiseRule(mode),
        projection=SPEC.projection,
    )
    featurizer = Featurizer(random_stable_diffusion(2), spec)
    whole = featurizer.features(latents(), PROMPTS, IDS)
    back = featurizer.features(latents().flip(0), PROMPTS[::-1], IDS[::-1])
    single = featurizer.features(latents()[1:2], PROMPTS[1:2], IDS[1:2])
    assert torch.equal(whole.phi, back.phi.flip(0))
    assert torch.equal(whole.phi[1:2], single.phi)
    assert torch.equal(whole.losses[1:2], single.losses)


def test_without_projection_a_feature_is_the_gradient_itself() -> None:
    spec = FeatureSpec(
        objective="simple", timesteps=SPEC.timesteps, projection=ProjectionSpec("identity")
    )
    model = random_stable_diffusion(2)
    featurizer = Featurizer(model, spec)
    features = featurizer.features(latents()[:1], PROMPTS[:1], IDS[:1]).phi
    data = featurizer.examples(latents()[:1], PROMPTS[:1], IDS[:1], [0])
    expected = flatten(per_example_gradients(model, objective("simple"), data).by_parameter)
    torch.testing.assert_close(features, expected)


def test_the_prompt_matters() -> None:
    featurizer = Featurizer(random_stable_diffusion(2), SPEC)
    same = latents()[:1].repeat(2, 1, 1, 1)
    features = featurizer.features(same, ["a cubism painting", "a painting"], ["a", "a"]).phi
    assert not torch.equal(features[0], features[1])


def test_latents_are_a_representation_too() -> None:
    features = Featurizer(random_stable_diffusion(2), FeatureSpec(objective="latents")).features(
        latents(), PROMPTS, IDS
    )
    assert torch.equal(features.phi, latents().flatten(1))


def test_a_precision_that_is_not_made_is_refused() -> None:
    with pytest.raises(UsageError, match="float32"):
        Featurizer(random_stable_diffusion(2), FeatureSpec(dtype="bfloat16"))


@pytest.mark.parametrize("kind", ["identity", "sjlt", "dense"])
def test_features_by_group_sum_up_to_the_features(kind: str) -> None:
    model = random_stable_diffusion(2)
    spec = replace(SPEC, projection=ProjectionSpec(kind, 128))
    featurizer = Featurizer(model, spec)
    groups = featurizer.group_features(latents()[:1], PROMPTS[:1], IDS[:1], [0])
    assert len(groups) > 2 and {"mid_block", "up_blocks.0"} <= groups.keys()
    whole = featurizer.features(latents()[:1], PROMPTS[:1], IDS[:1]).phi
    torch.testing.assert_close(sum(groups.values()), whole, rtol=1e-4, atol=1e-5)


def test_normalised_features_are_no_longer_than_one() -> None:
    """A mean of unit vectors; of one timestep, exactly one."""
    model = random_stable_diffusion(2)
    for count in (1, 4):
        spec = FeatureSpec(
            timesteps=TimestepRule("uniform", count),
            projection=ProjectionSpec("identity"),
            normalised=True,
        )
        lengths = Featurizer(model, spec).features(latents(), PROMPTS, IDS).phi.norm(dim=1)
        assert (lengths <= 1.0 + 1e-5).all() and (count > 1 or (lengths > 1.0 - 1e-5).all())

"""What the LoRA changed: the same losses either way, and the base's are those of the base."""

from __future__ import annotations

import pytest
import torch

from core.attribution.features.featurizer import Featurizer
from core.attribution.features.lora_gain import LoraGain, gains
from core.attribution.features.spec import FeatureSpec, NoiseRule
from core.attribution.features.timesteps import TimestepRule
from core.diffusion.pipeline_model import PipelineModel
from tests.small import small_model

PROMPTS, IDS, PLACES = ["a cubism painting", "a ukiyo_e painting"], ["one", "two"], [0, 1]
SPECS = (
    FeatureSpec(),
    FeatureSpec(noise=NoiseRule("independent", 3, draws=2)),
    FeatureSpec(timesteps=TimestepRule("cumulative", 4)),
)


def taught() -> PipelineModel:
    """A model whose LoRA changes something."""
    model = small_model()
    with torch.no_grad():
        for name, value in model.attributed_parameters().items():
            if "lora_B" in name:
                value += 0.3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
    return model


def latents_of(model: PipelineModel) -> torch.Tensor:
    return torch.randn((2, *model.latent_shape), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("spec", SPECS)
def test_a_features_rows_hold_the_losses_that_are_made_for_stored_features(
    spec: FeatureSpec,
) -> None:
    model = taught()
    featurizer = Featurizer(model, spec)
    latents = latents_of(model)
    found = featurizer.features(latents, PROMPTS, IDS, PLACES)
    assert found.row_losses is not None
    torch.testing.assert_close(found.row_losses.mean(1), found.losses)
    gain = LoraGain(featurizer, model)
    for one, other in zip(
        gain.of_rows(found.row_losses), gain.with_lora(latents, PROMPTS, IDS, PLACES), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_the_base_loss_is_that_of_a_model_that_never_learnt() -> None:
    model = taught()
    latents = latents_of(model)
    asked = (latents, PROMPTS, IDS, PLACES)
    gain = LoraGain(Featurizer(model, FeatureSpec()), model)
    learnt, base = gain.with_lora(*asked)[0], gain.of_base(*asked)
    assert not torch.allclose(learnt, base)
    torch.testing.assert_close(gain.with_lora(*asked)[0], learnt)  # the LoRA is back
    with torch.no_grad():
        for name, value in model.attributed_parameters().items():
            if "lora_B" in name:
                value.zero_()
    torch.testing.assert_close(gain.with_lora(*asked)[0], base)


def test_the_gain_is_measured_near_a_fifth_of_the_schedule_as_the_spec_allows() -> None:
    model = small_model()
    assert LoraGain(Featurizer(model, SPECS[0]), model).timestep == 200
    assert LoraGain(Featurizer(model, SPECS[2]), model).timestep == 3


def test_a_gain_is_positive_where_the_loss_fell() -> None:
    found = gains(torch.tensor([0.5, 2.0, 1.0]), torch.tensor([1.0, 1.0, 0.0]))
    assert found[0] == 0.5
    assert found[1] == -1.0
    assert torch.isfinite(found).all()

"""What works on Stable Diffusion works on a flow: every method, benchmark and way to unlearn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from core.attribution.engine import Engine
from core.attribution.features.build import build_features
from core.attribution.features.featurizer import Featurizer
from core.attribution.features.objectives import OBJECTIVES
from core.attribution.features.spec import SPECS, FeatureSpec, ProjectionSpec
from core.attribution.features.timesteps import TimestepRule
from core.attribution.features.trajectory import READINGS, journey_features
from core.collection.store import load_collection
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.sampling import Sampler, denoise
from core.errors import UsageError
from core.evaluation.artist_ablation import (
    FORGET,
    FORGETTING,
    REDIRECT,
    RETRAIN,
    compare_without,
    lora_without,
)
from core.evaluation.models import Losses, NoiseRule
from tests.small import PLAN, small_collection
from tests.tiny_families import random_model, tiny_sd3

SHORT = replace(FORGETTING, steps=4, batch_size=4, warmup=1, checkpoint_every=2)
PROMPTS = ["a cubism painting", "a painting"]


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    root = small_collection(tmp_path_factory.mktemp("flow") / "small").path
    tiny_sd3(0).save_pretrained(root / "model")
    random_model("SD 3").save_lora(root / "lora")
    model, collection = PipelineModel.load(root / "model", root / "lora"), load_collection(root)
    for name, spec in SPECS.items():
        list(build_features(model, collection, name, spec, plan=PLAN))
    return collection


@pytest.fixture(scope="module")
def model(flow: Collection) -> PipelineModel:
    return PipelineModel.load(flow.path / "model", flow.path / "lora")


def test_every_method_answers_and_a_work_is_its_own_first_proponent(flow: Collection) -> None:
    engine = Engine.open(flow, device="cpu")
    work = flow.works[2]
    names = engine.methods_available
    assert {"d-trak", "trak"} <= set(names)
    with Image.open(flow.image_path(work)) as image:
        compared = engine.compare(image.convert("RGB"), work.style, names)
        assert engine.attribute(image.convert("RGB")).style in flow.styles
    for name in ("d-trak", "trak"):
        assert torch.tensor(compared[name].scores).argmax().item() == 2
    for name in names:
        assert torch.tensor(compared[name].scores).isfinite().all(), name


@pytest.mark.parametrize("way", [FORGET, REDIRECT, RETRAIN])
def test_an_artist_is_left_out(way: str, flow: Collection, tmp_path: Path) -> None:
    list(lora_without(flow, "artist-0", way, tmp_path, SHORT))
    sampled = {"style": "cubism", "seed": 3, "steps": 2, "guidance": 1.5}
    figures, image = compare_without(flow, "artist-0", way, tmp_path, **sampled)  # type: ignore[arg-type]
    assert figures.moved > 0
    assert image.size == (flow.image_size, flow.image_size)


def test_losses_of_every_objective_are_finite(model: PipelineModel) -> None:
    latents = torch.randn(2, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    losses = Losses(latents, ["a", "b"], TimestepRule("uniform", 10), NoiseRule())
    values = losses.under(model, model.condition(PROMPTS))
    assert values.keys() == OBJECTIVES.keys()
    assert all(one.isfinite().all() and one.shape == (2,) for one in values.values())


@pytest.mark.parametrize("reading", READINGS)
def test_journeys_go_along_the_flow(reading: str, model: PipelineModel) -> None:
    spec = FeatureSpec(objective="simple", projection=ProjectionSpec("identity"))
    features = journey_features(
        Featurizer(model, spec), PROMPTS, [1, 2], ["a", "b"], Sampler(steps=3), reading
    )
    assert len(features.phi) == 2 and features.phi.isfinite().all()


def test_features_are_of_the_noise_or_of_the_velocity_as_their_spec_says(
    model: PipelineModel,
) -> None:
    latents = torch.randn(1, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    identity = ProjectionSpec("identity")
    made = [
        Featurizer(model, FeatureSpec(objective=name, projection=identity)).features(
            latents, PROMPTS[:1], ["a"]
        )
        for name in ("square", "answer-square")
    ]
    assert not torch.allclose(made[0].phi, made[1].phi)
    assert torch.equal(made[0].losses, made[1].losses)


@pytest.mark.parametrize("sampler", [Sampler(eta=1.0), Sampler(clip=True)])
def test_noise_and_clipping_do_not_belong_to_a_flow(sampler: Sampler, model: PipelineModel) -> None:
    with pytest.raises(UsageError, match="without fresh noise and without clipping"):
        next(denoise(model, PROMPTS[:1], [0], sampler))

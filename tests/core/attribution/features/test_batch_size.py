"""A pass keeps within its budget, and gives the same numbers however small it is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from core.attribution.features import batch_size as memory
from core.attribution.features import featurizer as features_module
from core.attribution.features.batch_size import Pass, free_bytes, kept_bytes, plan_pass
from core.attribution.features.featurizer import Features, Featurizer, Means
from core.attribution.features.gradients import Examples, per_example_gradients
from core.attribution.features.objectives import objective
from core.attribution.features.spec import FeatureSpec, ProjectionSpec
from core.attribution.features.timesteps import TimestepRule
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.tensors import chosen_precision
from core.diffusion.training.base_model import random_stable_diffusion
from core.errors import ModelError, UsageError

SPEC = FeatureSpec(timesteps=TimestepRule("uniform", 10), projection=ProjectionSpec("sjlt", 64))
PROMPT = "a cubism painting"


@pytest.fixture(scope="module")
def model() -> PipelineModel:
    return random_stable_diffusion(2)


def examples_of(model: PipelineModel, count: int = 1) -> Examples:
    latents = torch.randn(count, *model.latent_shape, generator=torch.Generator().manual_seed(1))
    ids = [str(number) for number in range(count)]
    return Featurizer(model, SPEC).examples(latents, [PROMPT] * count, ids, range(count))


@pytest.mark.parametrize("path", ["hooks", "functional"])
@pytest.mark.parametrize("rows", [1, 3, 10, 99])
def test_fewer_rows_at_once_give_the_same_gradients(
    model: PipelineModel, rows: int, path: str
) -> None:
    examples = examples_of(model, 2)
    whole = per_example_gradients(model, objective("square"), examples, path)
    parts = per_example_gradients(model, objective("square"), examples, path, rows)
    torch.testing.assert_close(parts.losses, whole.losses)
    for name, value in whole.by_parameter.items():
        torch.testing.assert_close(parts.by_parameter[name], value, rtol=1e-4, atol=1e-6)


def test_a_row_is_counted_with_everything_it_keeps(model: PipelineModel) -> None:
    one = kept_bytes(model, objective("square"), examples_of(model))
    bigger = kept_bytes(
        random_stable_diffusion(2, size=64),
        objective("square"),
        examples_of(random_stable_diffusion(2, size=64)),
    )
    assert one > 4 * torch.Size(model.latent_shape).numel() * 10
    assert 3 < bigger / one < 5  # four times the pixels


def test_the_pass_follows_the_budget(model: PipelineModel) -> None:
    examples, row = examples_of(model), kept_bytes(model, objective("square"), examples_of(model))
    gradients = 8 * sum(value.numel() for value in model.attributed_parameters().values())
    room = gradients + int(3.5 * 1.3 * row)
    assert plan_pass(model, objective("square"), examples, room) == Pass(1, 3)
    assert plan_pass(model, objective("square"), examples, None) == Pass(1, 10)
    assert plan_pass(model, objective("square"), examples, gradients + 1) == Pass(1, 1)
    with pytest.raises(UsageError, match=r"budget of .* --memory"):
        plan_pass(model, objective("square"), examples, gradients)


def test_what_does_not_fit_is_halved_until_it_does(
    model: PipelineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = torch.randn(5, *model.latent_shape)
    ids, prompts = list("abcde"), [PROMPT] * 5
    whole = Featurizer(model, SPEC).features(latents, prompts, ids)
    tight = Featurizer(model, SPEC)
    monkeypatch.setattr(features_module, "plan_pass", lambda *_: Pass(4, 10))
    tried: list[tuple[int, int]] = []
    plain = tight.of_examples

    def crowded(examples: Examples) -> Features:
        assert tight._pass is not None
        tried.append((len(examples.latents), tight._pass.rows))
        if len(examples.latents) * tight._pass.rows > 5:
            raise torch.OutOfMemoryError("full")
        return plain(examples)

    monkeypatch.setattr(tight, "of_examples", crowded)
    features = tight.features(latents, prompts, ids)
    assert tried == [(4, 10), (2, 10), (1, 10), *[(1, 5)] * 5]
    torch.testing.assert_close(features.phi, whole.phi, rtol=1e-4, atol=1e-5)


def test_one_row_that_does_not_fit_is_an_error_with_a_remedy() -> None:
    assert Pass(3, 10).smaller() == Pass(1, 10)
    assert Pass(1, 10).smaller() == Pass(1, 5)
    with pytest.raises(UsageError, match="one timestep.*--device cpu"):
        Pass(1, 1).smaller()


def test_what_overflows_is_named(model: PipelineModel) -> None:
    broken = random_stable_diffusion(3)
    with torch.no_grad():
        next(iter(broken.attributed_parameters().values())).fill_(float("inf"))
    with pytest.raises(ModelError, match="not finite in float32"):
        Featurizer(broken, SPEC).features(torch.randn(1, *broken.latent_shape), [PROMPT], ["x"])


def test_half_precision_is_for_gpus() -> None:
    cpu = torch.device("cpu")
    assert chosen_precision("auto", cpu) == "float32"
    with pytest.raises(UsageError, match="slower"):
        chosen_precision("bfloat16", cpu)
    with pytest.raises(UsageError, match="float8"):
        Featurizer(random_stable_diffusion(2), SPEC, means=Means(precision="float8"))


def test_half_precision_ranks_as_float32_does(
    model: PipelineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = torch.randn(6, *model.latent_shape, generator=torch.Generator().manual_seed(2))
    ids, prompts = list("abcdef"), [PROMPT] * 6
    exact = Featurizer(model, SPEC).features(latents, prompts, ids).phi
    monkeypatch.setattr(features_module, "chosen_precision", lambda *_: "bfloat16")
    half = Featurizer(model, SPEC).features(latents, prompts, ids).phi
    assert half.dtype == torch.float32
    error = (half - exact).norm() / exact.norm()
    assert 0 < float(error) < 0.05


def test_free_memory_is_a_number() -> None:
    assert free_bytes(torch.device("cpu")) > 100 * 1024**2
    assert memory.SHARE < 1


def test_free_memory_is_known_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has no such name in sysconf, Windows no sysconf."""

    def refused(name: str) -> int:
        raise ValueError(f"unrecognized configuration name: {name}")

    monkeypatch.setattr("os.sysconf", refused)
    monkeypatch.setattr("builtins.open", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=123))
    assert free_bytes(torch.device("cpu")) == free_bytes(torch.device("mps")) == 123


@pytest.mark.parametrize("path", ["hooks", "functional"])
def test_parameters_ask_for_gradients_as_before_even_after_a_fault(
    model: PipelineModel, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = list(model.attributed_parameters().values())
    before = [number % 2 == 0 for number in range(len(parameters))]
    for parameter, asks in zip(parameters, before, strict=True):
        parameter.requires_grad_(asks)
    try:
        examples = examples_of(model)
        kept_bytes(model, objective("square"), examples)
        per_example_gradients(model, objective("square"), examples, path)
        monkeypatch.setattr(model, "predict", lambda *_: 1 / 0)
        for work in (
            lambda: kept_bytes(model, objective("square"), examples),
            lambda: per_example_gradients(model, objective("square"), examples, path),
        ):
            with pytest.raises(ZeroDivisionError):
                work()
        assert [parameter.requires_grad for parameter in parameters] == before
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)

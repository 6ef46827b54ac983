"""Per-example gradients: hooks, vmap and explicit loops agree, in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.attribution.features.gradients import Examples, flatten, per_example_gradients
from core.attribution.features.objectives import OBJECTIVES, Objective, objective
from core.diffusion.pixel import tiny_ddpm
from core.diffusion.protocol import DiffusionModel
from core.diffusion.schedule import Schedule
from core.diffusion.training.base_model import random_stable_diffusion
from core.errors import ModelError, UsageError
from tests.tiny_families import PIPELINES, random_model

TIMES = torch.tensor([0, 300, 900])


def stable() -> DiffusionModel:
    model = random_stable_diffusion(3, lora_rank=3)
    model.network.double()
    return model


def stable_on_every_linear_layer() -> DiffusionModel:
    model = random_stable_diffusion(3, lora_rank=3, lora_layers="linear")
    model.network.double()
    return model


def pixel() -> DiffusionModel:
    model = tiny_ddpm(1)
    model.unet.double()
    return model


def examples(model: DiffusionModel, count: int = 3) -> Examples:
    generator = torch.Generator().manual_seed(7)
    shape = model.latent_shape
    latents = torch.randn(count, *shape, generator=generator, dtype=torch.float64)
    noise = torch.randn(count, len(TIMES), *shape, generator=generator, dtype=torch.float64)
    conditioning = model.condition(["a cubism painting", "", "a painting"][:count])
    given = None if conditioning is None else conditioning.to(torch.float64)
    return Examples(latents, noise, TIMES, given)


def loop(model: DiffusionModel, name: str, data: Examples, times: Tensor = TIMES) -> Tensor:
    """The definition: one example, one timestep, one backward at a time."""
    rows = []
    parameters = list(model.attributed_parameters().values())
    for i in range(len(data.latents)):
        total = [torch.zeros_like(parameter) for parameter in parameters]
        for k, t in enumerate(times):
            noisy = model.schedule.add_noise(
                data.latents[i : i + 1], data.noise[i, k : k + 1], t[None]
            )
            conditioning = None if data.conditioning is None else data.conditioning[i : i + 1]
            with torch.enable_grad():
                prediction = model.predict_noise(noisy, t[None], conditioning)
                value = objective(name)(
                    prediction, data.noise[i, k : k + 1], t[None], model.schedule
                )
            gradients = torch.autograd.grad(value.sum(), parameters, allow_unused=True)
            for place, gradient in enumerate(gradients):
                if gradient is not None:
                    total[place] += gradient / len(times)
        rows.append(torch.cat([gradient.flatten() for gradient in total]))
    return torch.stack(rows)


def grads_on(model: DiffusionModel) -> DiffusionModel:
    for parameter in model.attributed_parameters().values():
        parameter.requires_grad_(True)
    return model


def relative(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).norm() / expected.norm())


@pytest.mark.parametrize("make", [stable, stable_on_every_linear_layer])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_hooks_equal_vmap_equal_loop_on_a_lora(
    name: str, make: Callable[[], DiffusionModel]
) -> None:
    model = grads_on(make())
    data = examples(model)
    expected = loop(model, name, data)
    hooks = per_example_gradients(model, objective(name), data, "hooks")
    functional = per_example_gradients(model, objective(name), data, "functional")
    assert relative(flatten(hooks.by_parameter), expected) < 1e-6
    assert relative(flatten(functional.by_parameter), expected) < 1e-6
    torch.testing.assert_close(hooks.losses, functional.losses)


@pytest.mark.parametrize("layers", ["attention", "linear"])
@pytest.mark.parametrize("kind", [kind for kind in PIPELINES if kind != "SD 1.x"])
def test_hooks_equal_vmap_equal_loop_in_every_family(kind: str, layers: str) -> None:
    model = random_model(kind, 3, rank=2, layers=layers)
    model.network.double()
    grads_on(model)
    data = examples(model, 2)
    for name in ("simple", "square"):
        expected = loop(model, name, data)
        hooks = per_example_gradients(model, objective(name), data, "hooks")
        functional = per_example_gradients(model, objective(name), data, "functional")
        assert relative(flatten(hooks.by_parameter), expected) < 1e-6
        assert relative(flatten(functional.by_parameter), expected) < 1e-6
        torch.testing.assert_close(hooks.losses, functional.losses)


@pytest.mark.parametrize("name", ["simple", "square", "average"])
@pytest.mark.parametrize("kind", ["SDXL, v", "SD 3"])
def test_objectives_of_the_networks_own_answer_equal_a_loop(kind: str, name: str) -> None:
    model = random_model(kind, 3, rank=2)
    model.network.double()
    grads_on(model)
    data = examples(model, 2)
    parameters = list(model.attributed_parameters().values())
    expected = []
    for i in range(2):
        x, noise = data.latents[i].expand(len(TIMES), -1, -1, -1), data.noise[i]
        assert data.conditioning is not None
        given = data.conditioning[i : i + 1].repeat_interleave(len(TIMES))
        answer = model.predict(model.schedule.add_noise(x, noise, TIMES), TIMES, given)
        target = model.schedule.target(x, noise, TIMES)
        value = objective(name)(answer, target, TIMES, model.schedule).mean()
        parts = torch.autograd.grad(value, parameters)
        expected.append(torch.cat([part.flatten() for part in parts]))
    answered = replace(data, of_answer=True)
    for path in ("hooks", "functional"):
        made = per_example_gradients(model, objective(f"answer-{name}"), answered, path)
        assert relative(flatten(made.by_parameter), torch.stack(expected)) < 1e-6
    of_noise = per_example_gradients(model, objective(name), data)
    torch.testing.assert_close(made.losses, of_noise.losses)
    assert relative(flatten(of_noise.by_parameter), torch.stack(expected)) > 0.01


def test_where_the_answer_is_the_noise_nothing_changes() -> None:
    model, square = grads_on(stable()), objective("answer-square")
    data = examples(model, 2)
    one, other = (
        flatten(per_example_gradients(model, square, rows).by_parameter)
        for rows in (data, replace(data, of_answer=True))
    )
    assert torch.equal(one, other)


def test_along_a_flow_the_mean_of_noise_and_velocity_differ_by_a_timesteps_scale_alone() -> None:
    """eps = x + (1 - sigma) v: brought to length one, every timestep's gradient is the same."""
    model = random_model("SD 3", 3, rank=2)
    model.network.double()
    data, average = examples(model, 2), objective("average")
    made = [
        flatten(per_example_gradients(model, average, rows, normalised=unit).by_parameter)
        for unit in (True, False)
        for rows in (data, replace(data, of_answer=True))
    ]
    assert relative(made[0], made[1]) < 1e-6
    assert relative(made[2], made[3]) > 0.01


@pytest.mark.parametrize("name", ["simple", "square"])
def test_vmap_equals_loop_on_a_whole_network_with_convolutions(name: str) -> None:
    model = grads_on(pixel())
    data = examples(model)
    gradients = per_example_gradients(model, objective(name), data)
    assert relative(flatten(gradients.by_parameter), loop(model, name, data)) < 1e-6


@pytest.mark.parametrize("name", OBJECTIVES)
def test_one_example_alone_equals_loop_on_a_whole_network(name: str) -> None:
    model = pixel()
    alone = examples(model, 1)
    gradients = per_example_gradients(model, objective(name), alone, "functional")
    assert relative(flatten(gradients.by_parameter), loop(grads_on(model), name, alone)) < 1e-6


def test_losses_are_the_mean_denoising_loss() -> None:
    model = pixel()
    data = examples(model)
    gradients = per_example_gradients(model, objective("square"), data)
    for i in range(3):
        noisy = model.schedule.add_noise(
            data.latents[i].expand(3, -1, -1, -1), data.noise[i], TIMES
        )
        with torch.no_grad():
            prediction = model.predict_noise(noisy, TIMES, None)
        expected = float(((prediction - data.noise[i]) ** 2).mean())
        assert float(gradients.losses[i]) == pytest.approx(expected)


def test_nothing_is_left_behind_on_the_model() -> None:
    model = stable()
    before = {name: p.requires_grad for name, p in model.attributed_parameters().items()}
    per_example_gradients(model, objective("square"), examples(model), "hooks")
    assert before == {name: p.requires_grad for name, p in model.attributed_parameters().items()}
    assert not any(module._forward_hooks for module in model.network.modules())


def test_hooks_that_cannot_reach_a_layer_say_which() -> None:
    model = pixel()
    with pytest.raises(ModelError, match=r"conv_in\.weight"):
        per_example_gradients(model, objective("square"), examples(model), "hooks")


def test_an_unknown_path_is_refused() -> None:
    model = pixel()
    with pytest.raises(UsageError, match="functional"):
        per_example_gradients(model, objective("square"), examples(model), "magic")


@pytest.mark.parametrize("name", ["simple", "square"])
@pytest.mark.parametrize("make", [stable, pixel])
def test_normalised_is_the_mean_of_unit_gradients(
    make: Callable[[], DiffusionModel], name: str
) -> None:
    """Against a loop that takes one timestep at a time and divides it by its length."""
    model = grads_on(make())
    data = examples(model)
    count = sum(parameter.numel() for parameter in model.attributed_parameters().values())
    expected = torch.zeros(3, count, dtype=torch.float64)
    losses = torch.zeros(3, len(TIMES), dtype=torch.float64)
    for k in range(len(TIMES)):
        one = Examples(data.latents, data.noise[:, k : k + 1], TIMES[k : k + 1], data.conditioning)
        for i, gradient in enumerate(loop(model, name, one, TIMES[k : k + 1])):
            expected[i] += gradient / gradient.square().sum().sqrt() / len(TIMES)
        losses[:, k] = per_example_gradients(model, objective(name), one).losses
    for rows in (None, 2):
        found = per_example_gradients(model, objective(name), data, rows=rows, normalised=True)
        assert relative(flatten(found.by_parameter), expected) < 1e-6
        torch.testing.assert_close(found.row_losses, losses)


def test_normalised_forgets_the_scale_of_each_timestep() -> None:
    """c(t) f has the features of f, whatever c(t) > 0; the plain mean has not."""
    model, plain = pixel(), objective("square")
    data = examples(model, 2)

    def weighted(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
        return (1.0 + t.to(prediction)) * plain(prediction, noise, t, schedule)

    def gradients(of: Objective, normalised: bool) -> Tensor:
        made = per_example_gradients(model, of, data, normalised=normalised)
        return flatten(made.by_parameter)

    torch.testing.assert_close(gradients(weighted, True), gradients(plain, True))
    assert relative(gradients(weighted, False), gradients(plain, False)) > 0.5


def test_a_gradient_of_zero_stays_zero() -> None:
    model = pixel()

    def nothing(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
        return 0.0 * prediction.flatten(1).sum(1)

    made = per_example_gradients(model, nothing, examples(model), normalised=True)
    assert not flatten(made.by_parameter).any()

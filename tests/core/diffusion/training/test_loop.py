"""Training learns, and a killed run goes on to the same result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.diffusion.pixel import tiny_ddpm
from core.diffusion.training.base_model import random_stable_diffusion
from core.diffusion.training.checkpoint import load_training, save_training
from core.diffusion.training.loop import Execution, Recipe, TrainingSet, chosen, train
from core.errors import ModelError, UsageError


def toy_set(channels: int, side: int, prompts: tuple[str, ...]) -> TrainingSet:
    generator = torch.Generator().manual_seed(3)
    latents = torch.randn(8, channels, side, side, generator=generator)
    return TrainingSet(
        latents=latents, prompt_of=torch.arange(8) % max(1, len(prompts) - 1) + 1, prompts=prompts
    )


def test_resumed_training_equals_uninterrupted(tmp_path: Path) -> None:
    recipe = Recipe(steps=8, batch_size=4, ema=0.9, checkpoint_every=1, warmup=2)
    data = toy_set(4, 8, ("", "a ukiyo-e painting", "a cubism painting"))
    whole = random_stable_diffusion(0)
    list(train(whole, whole.attributed_parameters(), data, recipe, tmp_path / "whole"))
    halted = random_stable_diffusion(0)
    run = train(halted, halted.attributed_parameters(), data, recipe, tmp_path / "halted")
    for event in run:
        if event.done == 4:
            break
    run.close()  # type: ignore[attr-defined]
    resumed = random_stable_diffusion(0)
    events = list(
        train(resumed, resumed.attributed_parameters(), data, recipe, tmp_path / "halted")
    )
    assert events[0].done == 4  # a step is kept once its event was seen to
    for name, value in whole.attributed_parameters().items():
        assert torch.equal(value, resumed.attributed_parameters()[name]), name


def test_a_resumed_optimizer_lies_where_its_parameters_do(tmp_path: Path) -> None:
    """On a GPU Adam's moments must be there too; a device without memory stands in for it."""
    weight = {"w": nn.Parameter(torch.ones(3))}
    optimizer = torch.optim.AdamW(weight.values())
    weight["w"].grad = torch.ones(3)
    optimizer.step()
    average = {"w": torch.full((3,), 7.0)}
    save_training(tmp_path / "kept", weight, optimizer, 1, average)

    elsewhere = {"w": nn.Parameter(torch.empty(3, device="meta"))}
    resumed = torch.optim.AdamW(elsewhere.values())
    assert load_training(tmp_path / "kept", elsewhere, resumed) == 1
    state = resumed.state[elsewhere["w"]]
    assert state["exp_avg"].device == state["exp_avg_sq"].device == torch.device("meta")

    restored = {"w": torch.zeros(3)}
    again = {"w": nn.Parameter(torch.zeros(3))}
    load_training(tmp_path / "kept", again, torch.optim.AdamW(again.values()), restored)
    assert torch.equal(restored["w"], average["w"]) and torch.equal(again["w"], weight["w"])


@pytest.mark.parametrize(
    "other",
    [{"v": torch.zeros(3)}, {"w": torch.zeros(4)}, {"u": torch.zeros(3), "w": torch.zeros(3)}],
)
def test_the_training_of_another_model_is_refused_in_words_and_restores_nothing(
    other: dict[str, Tensor], tmp_path: Path
) -> None:
    weight = {"w": nn.Parameter(torch.ones(3))}
    save_training(tmp_path / "kept", weight, torch.optim.AdamW(weight.values()), 1)
    parameters = {name: nn.Parameter(value.clone()) for name, value in other.items()}
    with pytest.raises(ModelError, match="is of another model.*Remove that file"):
        load_training(tmp_path / "kept", parameters, torch.optim.AdamW(parameters.values()))
    assert all(torch.equal(value, other[name]) for name, value in parameters.items())


def test_only_the_given_parameters_change(tmp_path: Path) -> None:
    model = random_stable_diffusion(1)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    data = toy_set(4, 8, ("", "a ukiyo-e painting"))
    list(train(model, model.attributed_parameters(), data, Recipe(steps=2), tmp_path))
    changed = {
        name
        for name, value in model.network.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == set(model.attributed_parameters())


def test_a_pixel_ddpm_memorises_a_few_pictures(tmp_path: Path) -> None:
    model = tiny_ddpm(0)
    data = toy_set(3, 8, ("",))
    recipe = Recipe(steps=150, batch_size=8, learning_rate=3e-3, warmup=5)
    losses = [
        float(event.note.split()[1])
        for event in train(model, model.attributed_parameters(), data, recipe, tmp_path)
    ]
    assert sum(losses[-20:]) / 20 < 0.7 * sum(losses[:5]) / 5


def test_sampled_latents_are_drawn_from_their_own_pictures_posterior() -> None:
    plain = toy_set(4, 8, ("",))
    mirror = replace(plain, latents=plain.latents + 100.0, spread=torch.full_like(plain.latents, 2))
    data = replace(plain, spread=torch.full_like(plain.latents, 3.0), mirrored=mirror)
    rows, turned = torch.tensor([1, 5]), torch.tensor([False, True])
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    result = chosen(data, rows, turned, noise)
    assert torch.allclose(result[0], plain.latents[1] + 3.0 * noise[0])
    assert torch.allclose(result[1], plain.latents[5] + 100.0 + 2.0 * noise[1])
    pixels = chosen(plain, rows, turned)
    assert torch.equal(pixels[1], plain.latents[5].flip(-1))
    assert torch.equal(chosen(data.of([1, 5]), torch.tensor([0, 1]), turned, noise), result)


def test_dropout_goes_where_the_recipe_says_and_leaves_no_trace(tmp_path: Path) -> None:
    model = tiny_ddpm(0)
    layers = {n: m for n, m in model.network.named_modules() if isinstance(m, nn.Dropout)}
    before = {name: layer.p for name, layer in layers.items()}
    recipe = Recipe(steps=2, dropout=0.3, dropout_not="to_out")
    run = train(model, model.attributed_parameters(), toy_set(3, 8, ("",)), recipe, tmp_path)
    next(run)
    for name, layer in layers.items():
        assert layer.p == (before[name] if "to_out" in name else 0.3), name
    list(run)
    assert {name: layer.p for name, layer in layers.items()} == before


@pytest.mark.parametrize("way", ["accumulate", "threads"])
@pytest.mark.parametrize("parts", [2, 3, 8])
def test_a_batch_in_parts_learns_what_the_whole_does(tmp_path: Path, parts: int, way: str) -> None:
    recipe = Recipe(steps=4, batch_size=8, warmup=1, flip=True)
    data = toy_set(4, 8, ("", "a ukiyo-e painting", "a cubism painting"))
    models = {1: random_stable_diffusion(0), parts: random_stable_diffusion(0)}
    for count, model in models.items():
        steps = train(
            model,
            model.attributed_parameters(),
            data,
            recipe,
            tmp_path / str(count),
            execution=Execution(**{way: count}),
        )
        notes = [event.note for event in steps]
    whole, split = (model.attributed_parameters() for model in models.values())
    assert notes
    for name, value in whole.items():
        torch.testing.assert_close(split[name], value, rtol=1e-3, atol=1e-5)


def test_two_threads_learn_the_same_bits_every_time(tmp_path: Path) -> None:
    """Two pieces' gradients are summed in either order to the same number."""
    recipe = Recipe(steps=6, batch_size=8, warmup=1)
    data = toy_set(4, 8, ("", "a ukiyo-e painting", "a cubism painting"))
    results = []
    for name in ("one", "two"):
        model = random_stable_diffusion(0)
        lora, execution = model.attributed_parameters(), Execution(threads=2)
        list(train(model, lora, data, recipe, tmp_path / name, execution=execution))
        results.append({key: value.clone() for key, value in lora.items()})
    for key, value in results[0].items():
        assert torch.equal(results[1][key], value), key


def test_dropout_and_threads_are_refused_together(tmp_path: Path) -> None:
    model = tiny_ddpm(0)
    recipe = Recipe(steps=2, dropout=0.3)
    run = train(
        model,
        model.attributed_parameters(),
        toy_set(3, 8, ("",)),
        recipe,
        tmp_path,
        execution=Execution(threads=2),
    )
    with pytest.raises(UsageError, match="dropout"):
        next(run)


def test_what_cannot_be_computed_so_is_refused() -> None:
    with pytest.raises(UsageError, match="0 parts"):
        Execution(accumulate=0)
    with pytest.raises(UsageError, match="0 parts side by side"):
        Execution(threads=0)
    with pytest.raises(UsageError, match="2 parts side by side and in 3 one after the other"):
        Execution(threads=2, accumulate=3)
    with pytest.raises(UsageError, match="slower"):
        Execution(precision="bfloat16").casting(torch.device("cpu"))
    with pytest.raises(UsageError, match="float8"):
        Execution(precision="float8").casting(torch.device("cpu"))
    with pytest.raises(UsageError, match="float16 is not supported.*bfloat16"):
        Execution(precision="float16").casting(torch.device("cuda"))


def test_a_narrow_base_gives_its_lora_the_same_gradient_in_float32() -> None:
    """bfloat16 has 8 bits: what is learnt points the same way, and nothing else is made narrow."""
    gradients = []
    for narrow in (False, True):
        model = random_stable_diffusion(0)
        lora = model.attributed_parameters()
        if narrow:
            model.narrow(torch.bfloat16)
        for parameter in lora.values():
            parameter.requires_grad_(True)
        x = torch.randn(4, *model.latent_shape, generator=torch.Generator().manual_seed(0))
        prompts = model.condition(["a painting"] * 4)
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            answer = model.predict(x, torch.tensor([10, 300, 600, 900]), prompts)
        functional.mse_loss(answer.float(), x.flip(0)).backward()
        assert all(
            value.grad is not None and value.grad.dtype == torch.float32 for value in lora.values()
        )
        widths = {str(v.dtype) for n, v in model.network.named_parameters() if n not in lora}
        assert widths == {"torch.bfloat16" if narrow else "torch.float32"}
        assert next(model.pipeline.vae.parameters()).dtype == torch.float32
        gradients.append(
            torch.cat([value.grad.flatten() for value in lora.values() if value.grad is not None])
        )
    assert functional.cosine_similarity(*gradients, dim=0) > 0.99


def test_training_on_a_narrow_base_resumes_to_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a processor can, if slowly, and stands in for the GPU
    monkeypatch.setattr("core.diffusion.training.loop.chosen_precision", lambda *_: "bfloat16")
    recipe = Recipe(steps=4, batch_size=4, checkpoint_every=1, warmup=1)
    data = toy_set(4, 8, ("", "a ukiyo-e painting", "a cubism painting"))

    def run(place: Path, stop: int) -> dict[str, nn.Parameter]:
        model = random_stable_diffusion(0)
        model.narrow(torch.bfloat16)
        lora = model.attributed_parameters()
        steps = train(model, lora, data, recipe, place, execution=Execution(accumulate=2))
        for event in steps:
            if event.done == stop:
                break
        steps.close()  # type: ignore[attr-defined]
        return lora

    whole = run(tmp_path / "whole", 0)
    run(tmp_path / "halted", 2)
    for name, value in run(tmp_path / "halted", 0).items():
        assert value.dtype == torch.float32 and torch.equal(value, whole[name]), name

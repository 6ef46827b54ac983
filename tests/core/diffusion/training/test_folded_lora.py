"""A LoRA multiplied into its layers learns what it learns as it is, and leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from torch import nn

from core.diffusion.training.base_model import random_stable_diffusion, tiny_pipeline, training_set
from core.diffusion.training.folded_lora import folded
from core.diffusion.training.loop import Execution, Recipe, train
from core.errors import UsageError


def _trained(execution: Execution, directory: Path) -> dict[str, torch.Tensor]:
    model = random_stable_diffusion(lora_rank=4, lora_layers="linear")
    latents = torch.randn((6, *model.latent_shape), generator=torch.Generator().manual_seed(3))
    parameters = model.attributed_parameters()
    data = training_set(latents, ["cubism"] * 3 + ["ukiyo-e"] * 3)
    recipe = Recipe(steps=3, batch_size=4, warmup=1, ema=0.5)
    for _ in train(model, parameters, data, recipe, directory, execution=execution):
        pass
    return {name: value.detach().clone() for name, value in parameters.items()}


def test_a_folded_training_ends_where_one_as_it_is_does(tmp_path: Path) -> None:
    plain = _trained(Execution(), tmp_path / "plain")
    for threads in (1, 2):
        together = _trained(Execution(threads=threads, folded=True), tmp_path / str(threads))
        assert plain.keys() == together.keys()
        for name, value in plain.items():
            torch.testing.assert_close(together[name], value, rtol=2e-3, atol=2e-5)


def test_gradients_are_those_of_the_matrices_and_outside_the_layers_are_as_they_were() -> None:
    model = random_stable_diffusion(lora_rank=4, lora_layers="linear")
    network, parameters = model.network.double(), model.attributed_parameters()
    generator = torch.Generator().manual_seed(1)
    noisy = torch.randn((2, *model.latent_shape), generator=generator, dtype=torch.float64)
    times, given = torch.tensor([10, 700]), model.condition(["a cubism painting", ""])
    text = given.text.double()

    def differentiate() -> None:
        answer = network(noisy, times, encoder_hidden_states=text, return_dict=False)[0]
        answer.square().mean().backward()

    before = {name: type(module) for name, module in network.named_modules()}
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    differentiate()
    own = {name: value.grad.clone() for name, value in parameters.items()}
    for parameter in parameters.values():
        parameter.grad = None
    with folded(network) as fold:
        assert not any(hasattr(module, "base_layer") for module in network.modules())
        fold.fold()
        differentiate()
        fold.hand_on()
    assert {name: type(module) for name, module in network.named_modules()} == before
    for name, parameter in parameters.items():
        torch.testing.assert_close(parameter.grad, own[name], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("options", [{"lora_dropout": 0.1}, {"use_dora": True}])
def test_an_adapter_that_is_more_than_two_matrices_is_refused(options: dict[str, object]) -> None:
    unet = tiny_pipeline().unet
    unet.add_adapter(LoraConfig(r=2, target_modules=["to_q"], **options), adapter_name="own")
    with pytest.raises(UsageError, match="cannot be folded"), folded(unet):
        pass
    assert any(hasattr(module, "base_layer") for module in unet.modules())


def test_a_network_without_a_lora_trains_as_it_is() -> None:
    with folded(nn.Sequential(nn.Linear(2, 2))) as fold:
        fold.fold()
        fold.hand_on()

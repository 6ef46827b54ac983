"""Stable Diffusion on disk: what is saved is what is loaded; what is missing is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from core.diffusion.lora import LORA_FILE
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model import random_stable_diffusion, tiny_pipeline
from core.errors import ModelError, UsageError

PROMPTS = ["a ukiyo-e painting", ""]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("stable")
    random_stable_diffusion(0).save_lora(directory / "lora")
    tiny_pipeline(0).save_pretrained(directory / "model")
    return directory


def test_a_model_and_its_lora_survive_the_disk(saved: Path) -> None:
    made, loaded = (
        random_stable_diffusion(0),
        PipelineModel.load(saved / "model", saved / "lora"),
    )
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, *made.latent_shape, generator=generator)
    times = torch.tensor([10, 900])
    for model in (made, loaded):
        assert len(model.condition(PROMPTS)) == 2
    answers = [
        model.predict_noise(x, times, model.condition(PROMPTS)).detach() for model in (made, loaded)
    ]
    assert torch.allclose(*answers, atol=1e-6)
    assert len(made.attributed_parameters()) == len(loaded.attributed_parameters()) > 0


def test_the_lora_changes_the_answer(saved: Path) -> None:
    x, times = torch.ones(1, 4, 8, 8), torch.tensor([500])
    base, tuned = (PipelineModel.load(saved / "model", lora) for lora in (None, saved / "lora"))
    answers = [m.predict_noise(x, times, m.condition(PROMPTS[:1])).detach() for m in (base, tuned)]
    assert (answers[0] - answers[1]).abs().max() > 1e-4
    assert base.digest != tuned.digest


def test_a_prompt_gives_the_same_embedding_in_any_company() -> None:
    model = random_stable_diffusion(0)
    alone = random_stable_diffusion(0).condition(PROMPTS[:1])
    assert torch.equal(model.condition([*PROMPTS, "a cubism painting"])[:1].text, alone.text)


def test_known_words_are_one_token() -> None:
    tokenizer = random_stable_diffusion(0).pipeline.tokenizer
    assert tokenizer.tokenize("a ukiyo-e painting") == [
        "a</w>",
        "ukiyo</w>",
        "-</w>",
        "e</w>",
        "painting</w>",
    ]
    assert "".join(tokenizer.tokenize("zebra")).replace("</w>", "") == "zebra"


def test_what_is_missing_or_damaged_is_named(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model_index\.json"):
        PipelineModel.load(tmp_path)
    with pytest.raises(ModelError, match="LoRA"):
        PipelineModel.load(saved / "model", tmp_path)
    (tmp_path / LORA_FILE).write_bytes(b"not weights")
    with pytest.raises(ModelError, match="damaged"):
        PipelineModel.load(saved / "model", tmp_path)


def test_nothing_to_attribute_without_a_lora(saved: Path) -> None:
    with pytest.raises(ModelError, match="no LoRA"):
        PipelineModel.load(saved / "model").attributed_parameters()


def test_the_papers_lora_starts_with_a_spread_of_one_over_its_rank() -> None:
    model = PipelineModel(tiny_pipeline(0), name="tiny")
    model.add_lora(8, 3, "gaussian")
    first = [v.flatten() for k, v in model.attributed_parameters().items() if "lora_A" in k]
    second = [v for k, v in model.attributed_parameters().items() if "lora_B" in k]
    assert float(torch.cat(first).detach().std()) == pytest.approx(1 / 8, rel=0.1)
    assert all(bool((value == 0).all()) for value in second)
    with pytest.raises(UsageError, match="no start 'zero'"):
        PipelineModel(tiny_pipeline(0), name="tiny").add_lora(8, 3, "zero")


def test_a_lora_of_every_linear_layer_is_attributed_whole_and_read_back(tmp_path: Path) -> None:
    model = PipelineModel(tiny_pipeline(0), name="tiny")
    linear = {n for n, layer in model.network.named_modules() if isinstance(layer, nn.Linear)}
    model.add_lora(4, 0, layers="linear")
    attributed = model.attributed_parameters()
    assert {name.partition(".lora_")[0] for name in attributed} == linear
    assert model.lora_layers == "linear"
    for value in attributed.values():
        value.data.normal_(generator=torch.Generator().manual_seed(value.numel()))
    tiny_pipeline(0).save_pretrained(tmp_path / "model")
    model.save_lora(tmp_path / "lora")
    again = PipelineModel.load(tmp_path / "model", tmp_path / "lora")
    assert again.lora_layers == "linear" and again.lora_rank == 4
    for name, value in again.attributed_parameters().items():
        assert torch.equal(value, attributed[name]), name


def test_the_layers_of_a_lora_are_named_or_refused() -> None:
    assert random_stable_diffusion(0).lora_layers == "attention"
    with pytest.raises(UsageError, match="no LoRA layers 'convolutions'"):
        PipelineModel(tiny_pipeline(0), name="tiny").add_lora(4, 0, layers="convolutions")


def test_the_posteriors_mean_is_the_latent_that_is_encoded() -> None:
    model = random_stable_diffusion(0)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    mean, spread = model.posterior(images)
    assert torch.allclose(mean, model.encode(images)) and bool((spread > 0).all())

"""One LoRA in three layouts is one LoRA; what is none of them is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from core.attribution.gradients import flatten, per_example_gradients
from core.attribution.objectives import objective
from core.diffusion.adapters import LORA_FILE, PEFT_CONFIG, PEFT_FILE, find_lora, install_lora
from core.diffusion.small_stable import random_stable_diffusion, tiny_pipeline
from core.diffusion.stable import ADAPTER, LORA_TARGETS, StableDiffusion
from core.errors import ModelError

ALPHA = 8.0  # twice the rank: what a layout forgets to scale shows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("adapters") / "model"
    tiny_pipeline(0).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def matrices() -> dict[str, Tensor]:
    """As peft names them: `down_blocks...to_q.lora_A.weight`."""
    model = random_stable_diffusion(0, lora_rank=4)
    return get_peft_model_state_dict(model.pipeline.unet, adapter_name=ADAPTER)


def written(layout: str, place: Path, matrices: dict[str, Tensor]) -> Path:
    """The LoRA with alpha 8 in a layout; the folder."""
    place.mkdir(parents=True, exist_ok=True)
    if layout == "peft":
        named = {f"base_model.model.{name}": value for name, value in matrices.items()}
        save_file({name: value.contiguous() for name, value in named.items()}, place / PEFT_FILE)
        (place / PEFT_CONFIG).write_text(json.dumps({"peft_type": "LORA", "lora_alpha": ALPHA}))
        return place
    if layout == "diffusers":
        StableDiffusionPipeline.save_lora_weights(
            place, {name: value.contiguous() for name, value in matrices.items()},
            weight_name=LORA_FILE,
            unet_lora_adapter_metadata={
                "r": 4, "lora_alpha": ALPHA, "target_modules": list(LORA_TARGETS)
            },
        )  # fmt: skip
        return place
    found = {}
    for name, value in matrices.items():
        layer, _, rest = name.partition(".lora_")
        key = "lora_unet_" + layer.replace(".", "_")
        side = {"A.weight": "lora_down.weight", "B.weight": "lora_up.weight"}[rest]
        found[f"{key}.{side}"] = value.contiguous()
        found[f"{key}.alpha"] = torch.tensor(ALPHA)
    save_file(found, place / "my-style.safetensors")
    return place


def answer(model: StableDiffusion) -> Tensor:
    x = torch.randn(2, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    prompts = ["a cubism painting", "a painting"]
    return model.predict_noise(x, torch.tensor([10, 900]), model.condition(prompts)).detach()


@pytest.fixture(scope="module")
def expected(base: Path, matrices: dict[str, Tensor]) -> Tensor:
    """By hand: W + (alpha / rank) B A in the plain UNet."""
    model = StableDiffusion(tiny_pipeline(0), name="merged")
    with torch.no_grad():
        for name, value in matrices.items():
            if ".lora_A." in name:
                layer = name.partition(".lora_A")[0]
                other = matrices[name.replace(".lora_A.", ".lora_B.")]
                weight = model.network.get_submodule(layer).weight
                weight += ALPHA / len(value) * other @ value
    return answer(model)


@pytest.mark.parametrize("layout", ["diffusers", "peft", "kohya"])
def test_every_layout_paints_and_is_attributed_alike(
    layout: str, base: Path, matrices: dict[str, Tensor], expected: Tensor, tmp_path: Path
) -> None:
    place = written(layout, tmp_path / layout, matrices)
    assert find_lora(place).layout == layout
    model = StableDiffusion.load(base, place)
    torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-5)
    assert len(model.attributed_parameters()) == len(matrices)
    assert model.lora_rank == 4
    install_lora(find_lora(place), tmp_path / "own" / "lora")
    again = StableDiffusion.load(base, tmp_path / "own" / "lora")
    assert torch.equal(answer(again), answer(model)) and again.digest == model.digest


def test_gradients_are_of_the_scaled_lora(
    base: Path, matrices: dict[str, Tensor], tmp_path: Path
) -> None:
    from core.attribution.features import Featurizer
    from core.attribution.spec import FeatureSpec, TimestepRule

    model = StableDiffusion.load(base, written("kohya", tmp_path / "k", matrices))
    spec = FeatureSpec(timesteps=TimestepRule(count=2))
    x = torch.randn(1, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    data = Featurizer(model, spec).examples(x, ["a painting"], ["x"], [0])
    hooks, plain = (
        flatten(per_example_gradients(model, objective("square"), data, path).by_parameter)
        for path in ("hooks", "functional")
    )
    torch.testing.assert_close(hooks, plain, rtol=1e-4, atol=1e-6)


def test_a_file_is_as_good_as_its_folder(
    base: Path, matrices: dict[str, Tensor], tmp_path: Path
) -> None:
    file = written("kohya", tmp_path, matrices) / "my-style.safetensors"
    assert find_lora(file) == find_lora(tmp_path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("lora_unet_x.hada_w1_a", "LoHa"), ("lora_unet_x.lokr_w1", "LoKr"), ("x.dora_scale", "DoRA")],
)
def test_other_adapters_are_refused_by_their_kind(tmp_path: Path, name: str, kind: str) -> None:
    save_file({name: torch.zeros(2, 2)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=f"is a {kind}.*plain LoRAs"):
        find_lora(tmp_path)


def test_what_is_no_lora_is_named(base: Path, matrices: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"No LoRA in .*python -m app train"):
        find_lora(tmp_path)
    (tmp_path / "old.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match="can run code"):
        find_lora(tmp_path / "old.bin")
    save_file({"weight": torch.zeros(2)}, tmp_path / "one.safetensors")
    with pytest.raises(ModelError, match="holds no LoRA"):
        find_lora(tmp_path)
    (tmp_path / "two.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="several LoRAs"):
        find_lora(tmp_path)
    with pytest.raises(ModelError, match="damaged"):
        find_lora(tmp_path / "two.safetensors")
    wrong = {name: torch.zeros(value.shape[0] + 1, 3) for name, value in matrices.items()}
    place = written("diffusers", tmp_path / "wrong", wrong)
    with pytest.raises(ModelError, match="does not fit the model"):
        StableDiffusion.load(base, place)

"""One LoRA in three layouts is one LoRA; what is none of them is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core.attribution.features.gradients import flatten, per_example_gradients
from core.attribution.features.objectives import objective
from core.diffusion.families.stable_diffusion import STABLE_DIFFUSION
from core.diffusion.lora import (
    BROUGHT,
    LORA_FILE,
    PEFT_CONFIG,
    PEFT_FILE,
    find_lora,
    install_lora,
    rank_of,
)
from core.diffusion.pipeline_model import ADAPTER, PipelineModel
from core.diffusion.training.base_model import random_stable_diffusion, tiny_pipeline
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
            place,
            {name: value.contiguous() for name, value in matrices.items()},
            weight_name=LORA_FILE,
            unet_lora_adapter_metadata={
                "r": 4,
                "lora_alpha": ALPHA,
                "target_modules": list(STABLE_DIFFUSION.lora_targets),
            },
        )
        return place
    tensors = {}
    for name, value in matrices.items():
        layer, _, rest = name.partition(".lora_")
        key = "lora_unet_" + layer.replace(".", "_")
        side = {"A.weight": "lora_down.weight", "B.weight": "lora_up.weight"}[rest]
        tensors[f"{key}.{side}"] = value.contiguous()
        tensors[f"{key}.alpha"] = torch.tensor(ALPHA)
    save_file(tensors, place / "my-style.safetensors")
    return place


def answer(model: PipelineModel) -> Tensor:
    x = torch.randn(2, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    prompts = ["a cubism painting", "a painting"]
    return model.predict_noise(x, torch.tensor([10, 900]), model.condition(prompts)).detach()


@pytest.fixture(scope="module")
def expected(base: Path, matrices: dict[str, Tensor]) -> Tensor:
    """By hand: W + (alpha / rank) B A in the plain UNet."""
    model = PipelineModel(tiny_pipeline(0), name="merged")
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
    model = PipelineModel.load(base, place)
    torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-5)
    assert len(model.attributed_parameters()) == len(matrices)
    assert model.lora_rank == 4
    install_lora(find_lora(place), tmp_path / "own" / "lora")
    assert {path.name for path in (tmp_path / "own" / "lora").iterdir()} == {LORA_FILE, BROUGHT}
    again = PipelineModel.load(base, tmp_path / "own" / "lora")
    assert torch.equal(answer(again), answer(model)) and again.digest == model.digest


@pytest.mark.parametrize("kind", ["attention", "everything"])
def test_gradients_are_of_the_scaled_lora(
    kind: str, base: Path, matrices: dict[str, Tensor], tmp_path: Path
) -> None:
    """With convolutions and several layers beside it too: only Linear layers are attributed."""
    from core.attribution.features.featurizer import Featurizer
    from core.attribution.features.spec import FeatureSpec
    from core.attribution.features.timesteps import TimestepRule

    if kind == "everything":
        state = flat("lora_unet_", tiny_pipeline(0).unet, ("attentions", "resnets"))
        save_file(state, tmp_path / "k.safetensors")
        model = PipelineModel.load(base, tmp_path)
    else:
        model = PipelineModel.load(base, written("kohya", tmp_path / "k", matrices))
    spec = FeatureSpec(timesteps=TimestepRule(count=2))
    x = torch.randn(1, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    data = Featurizer(model, spec).examples(x, ["a painting"], ["x"], [0])
    hooks, plain = (
        flatten(per_example_gradients(model, objective("square"), data, path).by_parameter)
        for path in ("hooks", "functional")
    )
    assert plain.abs().max() > 0
    torch.testing.assert_close(hooks, plain, rtol=1e-4, atol=1e-6)


def test_a_file_is_as_good_as_its_folder(
    base: Path, matrices: dict[str, Tensor], tmp_path: Path
) -> None:
    file = written("kohya", tmp_path, matrices) / "my-style.safetensors"
    assert find_lora(file) == find_lora(tmp_path)


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
    with pytest.raises(ModelError, match=r"does not fit the model.*wants"):
        PipelineModel.load(base, place)


@pytest.mark.parametrize("layout", ["diffusers", "peft", "kohya"])
def test_a_layer_is_never_left_out_in_silence(
    layout: str, base: Path, matrices: dict[str, Tensor], tmp_path: Path
) -> None:
    """The libraries load what fits and say nothing of the rest."""
    layer = next(iter(matrices)).partition(".lora_")[0]
    named = {k.replace(layer, layer + "_new"): v for k, v in matrices.items()}
    with pytest.raises(ModelError, match=r"_new', which the model does not have"):
        PipelineModel.load(base, written(layout, tmp_path / "unknown", named))
    half = {k: v for k, v in matrices.items() if k != f"{layer}.lora_B.weight"}
    with pytest.raises(ModelError, match=r"incomplete.*(to_q|to_k|to_v|to_out)"):
        PipelineModel.load(base, written(layout, tmp_path / "half", half))


def randomised(module: nn.Module) -> None:
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if "lora_B" in name:
                value.copy_(torch.randn(value.shape, generator=generator) * 0.1)


def test_several_ranks_alphas_and_convolutions_as_peft_writes_them(
    base: Path, tmp_path: Path
) -> None:
    pipeline = tiny_pipeline(0)
    config = LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules=["to_q", "to_v", "conv1"],
        rank_pattern={"to_v": 2},
        alpha_pattern={"to_q": 3},
    )
    wrapped = get_peft_model(pipeline.unet, config)
    randomised(wrapped)
    wrapped.save_pretrained(tmp_path / "peft")
    expected = answer(PipelineModel(pipeline, name="peft"))
    for place in (tmp_path / "peft", tmp_path / "lora"):
        model = PipelineModel.load(base, place)
        torch.testing.assert_close(answer(model), expected, rtol=1e-5, atol=1e-6)
        kinds = {value.ndim for value in model.attributed_parameters().values()}
        assert kinds == {2} and not any("conv1" in name for name in model.attributed_parameters())
        with pytest.raises(ModelError, match="one rank"):
            _ = model.lora_rank
        if not (tmp_path / "lora").exists():
            install_lora(find_lora(place), tmp_path / "lora")
    model.save_lora(tmp_path / "saved")
    again = PipelineModel.load(base, tmp_path / "saved")
    assert again.digest == model.digest


def test_alpha_is_part_of_the_digest(
    base: Path, matrices: dict[str, Tensor], tmp_path: Path
) -> None:
    scaled = PipelineModel.load(base, written("peft", tmp_path / "p", matrices))
    plain = PipelineModel(tiny_pipeline(0), name="plain")
    plain.add_lora(4, 0)
    plain.save_lora(tmp_path / "plain")
    matrices_alone = {f"unet.{name}": value.contiguous() for name, value in matrices.items()}
    save_file(matrices_alone, tmp_path / "plain" / LORA_FILE)
    assert scaled.digest != PipelineModel.load(base, tmp_path / "plain").digest


def flat(pre: str, module: nn.Module, marks: tuple[str, ...]) -> dict[str, Tensor]:
    """A random LoRA of these layers in kohya's names, alpha 2, merged into `module` by hand."""
    tensors: dict[str, Tensor] = {}
    generator = torch.Generator().manual_seed(6)
    for name, layer in module.named_modules():
        if not any(mark in name for mark in marks):
            continue
        if isinstance(layer, nn.Linear):
            inner, outer, more = layer.in_features, layer.out_features, ()
        elif isinstance(layer, nn.Conv2d):
            inner, outer, more = layer.in_channels, layer.out_channels, layer.kernel_size
        else:
            continue
        down = torch.randn(4, inner, *more, generator=generator) * 0.1
        up = torch.randn(outer, 4, *(1 for _ in more), generator=generator) * 0.1
        with torch.no_grad():
            layer.weight += 0.5 * torch.einsum("or,ri...->oi...", up.flatten(1), down)
        key = pre + name.replace(".", "_")
        tensors |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
        tensors[f"{key}.alpha"] = torch.tensor(2.0)
    return tensors


def test_kohyas_convolutions_and_text_encoder_paint_along(base: Path, tmp_path: Path) -> None:
    """As kohya trains by default: projections, feed-forward, 1 x 1 convolutions, CLIP."""
    pipeline = tiny_pipeline(0)
    state = flat("lora_unet_", pipeline.unet, ("attentions", "resnets"))
    state |= flat("lora_te_text_model_", pipeline.text_encoder, ("self_attn", "mlp"))
    expected = answer(PipelineModel(pipeline, name="merged"))
    save_file(state, tmp_path / "style.safetensors")
    model = PipelineModel.load(base, tmp_path)
    torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-5)
    model.save_lora(tmp_path / "saved")
    again = PipelineModel.load(base, tmp_path / "saved")
    torch.testing.assert_close(answer(again), expected, rtol=1e-4, atol=1e-5)
    assert again.digest == model.digest


def test_the_papers_attention_processors_are_read(base: Path, tmp_path: Path) -> None:
    """`save_attn_procs` of 2023: no `unet.` before the names, `processor.to_q_lora.down`."""
    model = random_stable_diffusion(0, lora_rank=4)
    model.save_lora(tmp_path / "new")
    old = {}
    for key, value in load_file(tmp_path / "new" / LORA_FILE).items():
        for name in ("to_q", "to_k", "to_v", "to_out.0"):
            short = name.removesuffix(".0")
            key = key.replace(f".{name}.lora_A.", f".processor.{short}_lora.down.")
            key = key.replace(f".{name}.lora_B.", f".processor.{short}_lora.up.")
        old[key.removeprefix("unet.")] = value
    assert not any("lora_A" in key for key in old)
    save_file(old, tmp_path / "old.safetensors")
    loaded = PipelineModel.load(base, tmp_path / "old.safetensors")
    assert rank_of(find_lora(tmp_path / "old.safetensors")) == 4
    assert torch.equal(answer(loaded), answer(model))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bias": "all"}, "not a matrix of a plain LoRA"),
        ({"modules_to_save": ["conv_out"]}, "not a matrix of a plain LoRA"),
    ],
)
def test_what_peft_can_do_beyond_a_plain_lora_is_refused(
    change: dict[str, object], words: str, base: Path, tmp_path: Path
) -> None:
    config = LoraConfig(r=2, lora_alpha=2, target_modules=["to_q"], **change)  # type: ignore[arg-type]
    get_peft_model(tiny_pipeline(0).unet, config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=words):
        PipelineModel.load(base, tmp_path)


STARTS = ("pissa", "pissa_niter_4", "olora", "OLoRA", "corda", "loftq", "lora_ga", "mica")


@pytest.mark.parametrize("layout", ["peft", "diffusers"])
@pytest.mark.parametrize("start", [*STARTS, True, False, "gaussian", "eva", "orthogonal"])
def test_a_start_that_pefts_base_lost_is_refused_by_its_name(
    start: str | bool,
    layout: str,
    base: Path,
    matrices: dict[str, Tensor],
    expected: Tensor,
    tmp_path: Path,
) -> None:
    place = written("peft", tmp_path / "lora", matrices)
    config = {"r": 4, "lora_alpha": ALPHA, "init_lora_weights": start}
    (place / PEFT_CONFIG).write_text(json.dumps(config))
    if layout == "diffusers":  # as peft's two files are kept in a collection
        install_lora(find_lora(place), tmp_path / "own")
        place = tmp_path / "own"
    if start in STARTS:
        with pytest.raises(ModelError, match=rf"begun with {start} .*path_initial_model_for"):
            PipelineModel.load(base, place)
    else:
        model = PipelineModel.load(base, place)
        torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_what_peft_began_otherwise_and_converted_paints_as_it_was_trained(
    start: str, base: Path, tmp_path: Path
) -> None:
    """The remedy that the refusal names."""
    pipeline = tiny_pipeline(0)
    config = LoraConfig(r=4, lora_alpha=4, target_modules=["to_q"], init_lora_weights=start)  # type: ignore[arg-type]
    trained = get_peft_model(pipeline.unet, config)
    trained.peft_config["default"].init_lora_weights = True  # as peft asks of the initial adapter
    trained.save_pretrained(tmp_path / "initial")
    trained.peft_config["default"].init_lora_weights = start
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in trained.named_parameters():
            if ".lora_B." in name:
                value += 0.05 * torch.randn(value.shape, generator=generator)
    painted = answer(PipelineModel(pipeline, name="trained"))
    trained.save_pretrained(tmp_path / "as-it-is")
    with pytest.raises(ModelError, match=f"begun with {start} "):
        PipelineModel.load(base, tmp_path / "as-it-is")
    trained.save_pretrained(
        tmp_path / "converted", path_initial_model_for_weight_conversion=str(tmp_path / "initial")
    )
    model = PipelineModel.load(base, tmp_path / "converted")
    torch.testing.assert_close(answer(model), painted, rtol=1e-3, atol=1e-4)


def test_pefts_matrices_without_their_alpha_are_refused(
    base: Path, matrices: dict[str, Tensor], tmp_path: Path
) -> None:
    (written("peft", tmp_path, matrices) / PEFT_CONFIG).unlink()
    with pytest.raises(ModelError, match="adapter_config.json is missing"):
        PipelineModel.load(base, tmp_path)


def test_a_lora_of_the_text_encoder_alone_has_nothing_to_attribute(
    base: Path, tmp_path: Path
) -> None:
    state = flat("lora_te_", tiny_pipeline(0).text_encoder, ("self_attn",))
    save_file(state, tmp_path / "words.safetensors")
    with pytest.raises(ModelError, match="no Linear layer of the UNet"):
        PipelineModel.load(base, tmp_path)

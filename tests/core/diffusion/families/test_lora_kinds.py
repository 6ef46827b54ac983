"""Every kind of adapter, by every trainer's names, is W + dW of the original layers: drawn here in
float64 and merged by hand, by index, whatever the family made of those layers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import Tensor, nn

from core.attribution.features.gradients import Examples, flatten, per_example_gradients
from core.attribution.features.objectives import objective
from core.diffusion.lora import find_lora, put_lora
from core.diffusion.pipeline_model import ADAPTER, PipelineModel
from core.errors import ModelError
from tests import original_layout
from tests.tiny_families import PIPELINES

Tensors = dict[str, Tensor]
RANK, ALPHA = 4, 3.0
ORIGINAL: dict[str, Callable[[Any], Tensors]] = {
    "SD 1.x": original_layout.unet,
    "SDXL": original_layout.unet,
    "SD 3": original_layout.joint_transformer,
    "FLUX.1 dev": original_layout.flux_transformer,
}
WIDE = "model.diffusion_model."
# original layers that a trainer takes: attention, feed-forward, modulation, the last one
TAKEN = r"attn|mlp|ff\.net|linear\d|mod\.lin|adaLN|label_emb|time_in|img_in|y_embedder"


def network_of(pipeline: Any) -> Any:
    return pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer


def factors(number: int) -> tuple[int, int]:
    """The two of a number that are nearest to each other."""
    first = next(one for one in range(math.isqrt(number), 0, -1) if number % one == 0)
    return first, number // first


def drawn(kind: str, weight: Tensor, seed: int) -> tuple[Tensors, Tensor]:
    """An adapter of one layer as trainers name its tensors, and the layer's weight with it, in
    float64."""
    generator = np.random.default_rng(seed)
    out, inner = weight.shape[0], int(np.prod(weight.shape[1:]))

    def random(*shape: int) -> np.ndarray[Any, Any]:
        # as the file holds it
        return generator.normal(0, 0.4, shape).astype(np.float32).astype(np.float64)

    own: dict[str, Any] = {"alpha": np.array(ALPHA)}
    before = weight.double().numpy().reshape(out, inner)
    if kind == "LoHa":
        own |= {f"hada_w{n}_a": random(out, RANK) for n in (1, 2)}
        own |= {f"hada_w{n}_b": random(RANK, inner) for n in (1, 2)}
        delta = (own["hada_w1_a"] @ own["hada_w1_b"]) * (own["hada_w2_a"] @ own["hada_w2_b"])
    elif kind.startswith("LoKr"):
        (a, b), (c, d) = factors(out), factors(inner)
        own["lokr_w1"] = random(a, c)
        second = random(b, d)
        if kind == "LoKr":
            own |= {"lokr_w2_a": random(b, RANK), "lokr_w2_b": random(RANK, d)}
            second = own["lokr_w2_a"] @ own["lokr_w2_b"]
        else:
            own["lokr_w2"] = second
        delta = np.kron(own["lokr_w1"], second)
    elif kind == "diff":
        own = {"diff": random(*weight.shape)}
        delta = own["diff"].reshape(out, inner)
    else:
        own |= {"lora_down.weight": random(RANK, inner), "lora_up.weight": random(out, RANK)}
        delta = own["lora_up.weight"] @ own["lora_down.weight"]
    whole = kind in ("LoKr, whole", "diff")  # of which nothing has a rank
    after = before + delta * (1.0 if whole else ALPHA / RANK)
    if kind == "DoRA":
        own["dora_scale"] = np.abs(random(out, 1)) + 0.5
        after = after * own["dora_scale"] / np.linalg.norm(after, axis=1, keepdims=True)
    if kind == "DoRA of inputs":
        own["dora_scale"] = np.abs(random(1, inner)) + 0.5
        after = after * own["dora_scale"] / np.linalg.norm(after, axis=0, keepdims=True)
    tensors = {name: torch.tensor(value, dtype=torch.float32) for name, value in own.items()}
    return tensors, torch.tensor(after).reshape(weight.shape)


@torch.no_grad()
def merged(pipeline: Any, kind: str, family: str, names: str) -> Tensors:
    """The tensors of every layer taken, by the original names or diffusers'; the network changed by
    hand. Where a number of an original layer lies here is seen by writing indices, not weights."""
    network = network_of(pipeline)
    write = ORIGINAL[family] if names == "original" else lambda one: dict(one.state_dict())
    weights = {key: value.clone() for key, value in write(network).items()}
    kept = {name: value.clone() for name, value in network.named_parameters()}
    start, parameters = 0, dict(network.named_parameters())
    network.double()
    for value in parameters.values():
        value.copy_(torch.arange(start, start + value.numel()).reshape(value.shape))
        start += value.numel()
    places = {key: value.clone().long() for key, value in write(network).items()}
    network.float()
    flat = torch.cat([value.flatten() for value in kept.values()]).double()
    made: Tensors = {}
    for number, (key, weight) in enumerate(weights.items()):
        layer = key.removesuffix(".weight").removeprefix(WIDE)
        if not key.endswith(".weight") or weight.ndim != 2 or not re.search(TAKEN, layer):
            continue
        if "_block" in layer and hasattr(pipeline, "unet") and number % 7:
            continue  # a trainer need not take everything, and a UNet has many
        tensors, after = drawn(kind, weight, number)
        made |= {f"{layer}|{name}": value for name, value in tensors.items()}
        flat[places[key].flatten()] = after.flatten()
    start = 0
    for value in parameters.values():
        value.copy_(flat[start : start + value.numel()].reshape(value.shape))
        start += value.numel()
    return made


def spelled(made: Tensors, prefix: str, *, flat: bool, halves: bool = False) -> Tensors:
    """As a file holds them: the layer behind a prefix, its dots as `_` or not; `halves` as peft
    calls them."""
    named = {}
    for key, value in made.items():
        layer, _, tensor = key.partition("|")
        if halves:
            tensor = tensor.replace("lora_down", "lora_A").replace("lora_up", "lora_B")
        named[f"{prefix}{layer.replace('.', '_') if flat else layer}.{tensor}"] = value
    return named


def answer(model: PipelineModel) -> Tensor:
    x = torch.randn(2, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    prompts = ["a cubism painting", "a painting"]
    return model.predict(x, torch.tensor([100, 900]), model.condition(prompts)).detach()


def loaded(family: str, file: Path) -> PipelineModel:
    model = PipelineModel(PIPELINES[family](0), name="loaded")
    put_lora(model.pipeline, find_lora(file), ADAPTER, model.family)
    return PipelineModel(model.pipeline, name="loaded")


# trainer -> whose names, prefix, flat, peft's halves
WRITERS = {
    "kohya": ("original", "lora_unet_", True, False),
    "ComfyUI, ai-toolkit": ("original", "diffusion_model.", False, True),
    "OneTrainer": ("diffusers", "lora_{}_", True, False),
    "diffusers": ("diffusers", "{}.", False, True),
    "SimpleTuner's LyCORIS": ("diffusers", "lycoris_", True, False),
}
WITHOUT_LORA = {
    "LoKr": ("kohya", "SimpleTuner's LyCORIS"),
    "diff": ("ComfyUI, ai-toolkit", "kohya"),
}
KINDS = ("LoRA", "DoRA", "LoHa", "LoKr", "LoKr, whole", "diff")


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        *((family, "LoRA") for family in ORIGINAL),
        *(("FLUX.1 dev", kind) for kind in KINDS[1:]),
        *(("SD 3", "LoHa"), ("SDXL", "LoKr"), ("SD 1.x", "DoRA")),
    ],
)
def test_every_trainers_names_paint_what_was_merged(family: str, kind: str, tmp_path: Path) -> None:
    plain = answer(PipelineModel(PIPELINES[family](0), name="plain"))
    for names in ("original", "diffusers") if kind in ("LoRA", "LoKr") else ("original",):
        pipeline = PIPELINES[family](0)
        made = merged(pipeline, kind, family, names)
        expected = answer(PipelineModel(pipeline, name="merged"))
        assert not torch.allclose(expected, plain, atol=1e-2)
        for trainer, (whose, prefix, flat, halves) in WRITERS.items():
            if whose != names or (
                kind != "LoRA" and trainer not in WITHOUT_LORA.get(kind, "kohya")
            ):
                continue
            part = "unet" if family.startswith("SD") and family != "SD 3" else "transformer"
            state = spelled(made, prefix.format(part), flat=flat, halves=halves)
            save_file(state, tmp_path / "a.safetensors")
            model = loaded(family, tmp_path / "a.safetensors")
            torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-4)
            assert model.attributed_parameters()
            with model.without_lora():
                torch.testing.assert_close(answer(model), plain)
            if trainer == "kohya":
                model.save_lora(tmp_path / "saved")
                again = loaded(family, tmp_path / "saved")
                torch.testing.assert_close(answer(again), expected, rtol=1e-4, atol=1e-4)


def in_float64(model: PipelineModel) -> Examples:
    model.network.double()
    generator = torch.Generator().manual_seed(3)
    given = model.condition(["a cubism painting", "a painting"]).to(torch.float64)
    noise = torch.randn(2, 2, *model.latent_shape, generator=generator).double()
    latents = torch.randn(2, *model.latent_shape, generator=generator).double()
    return Examples(latents, noise, torch.tensor([100, 800]), given)


@pytest.mark.parametrize(
    ("family", "kind"),
    [("SDXL", "LoHa"), *(("FLUX.1 dev", kind) for kind in ("DoRA", "LoKr", "diff"))],
)
def test_hooks_vmap_and_a_loop_agree_on_the_adapters_own_tensors(
    family: str, kind: str, tmp_path: Path
) -> None:
    """Of FLUX also where one tensor of the file makes q, k and v: its gradient is their sum."""
    made = merged(PIPELINES[family](0), kind, family, "original")
    kept = {k: v for k, v in made.items() if re.search("attn|linear|middle_block.*attn", k)}
    save_file(spelled(kept, "diffusion_model.", flat=False), tmp_path / "a.safetensors")
    model = loaded(family, tmp_path / "a.safetensors")
    examples = in_float64(model)
    hooks, vmapped = (
        per_example_gradients(model, objective("square"), examples, path).by_parameter
        for path in ("hooks", "functional")
    )
    names = {key.split("|")[0] for key in kept}
    per_layer = {"DoRA": 3, "LoHa": 4, "LoKr": 3, "diff": 1}[kind]
    assert len(hooks) == per_layer * len(names)
    for name, value in hooks.items():
        torch.testing.assert_close(value, vmapped[name], rtol=1e-9, atol=1e-12)
    given = examples.conditioning
    assert given is not None
    one = Examples(examples.latents[1:], examples.noise[1:], examples.timesteps, given[1:])
    alone = per_example_gradients(model, objective("square"), one, "functional")
    torch.testing.assert_close(
        flatten(alone.by_parameter), flatten(hooks)[1:], rtol=1e-9, atol=1e-12
    )
    assert flatten(hooks).abs().max() > 1e-6


PEFT = {
    "rsLoRA": LoraConfig(
        r=4,
        lora_alpha=8,
        use_rslora=True,
        rank_pattern={"to_k": 2},
        alpha_pattern={"to_q": 3},
        target_modules=["to_q", "to_k"],
    ),
    "DoRA": LoraConfig(r=4, lora_alpha=8, use_dora=True, target_modules=["to_q", "to_out.0"]),
    "LoHa": LoHaConfig(r=3, alpha=5, target_modules=["to_q", "to_k"], init_weights=False),
    "LoKr": LoKrConfig(
        r=2,
        alpha=5,
        decompose_factor=4,
        rank_pattern={"to_k": 6},
        target_modules=["to_q", "to_k"],
        init_weights=False,
    ),
    "LoKr, both factored": LoKrConfig(
        r=1, alpha=5, decompose_both=True, target_modules=["to_v"], init_weights=False
    ),
}


@pytest.mark.parametrize("kind", PEFT)
@pytest.mark.parametrize("family", ["SD 3"])
def test_what_peft_writes_paints_as_peft_paints(family: str, kind: str, tmp_path: Path) -> None:
    pipeline = PIPELINES[family](0)
    wrapped = get_peft_model(network_of(pipeline), PEFT[kind])
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in wrapped.named_parameters():
            if "lora_B" in name:
                value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
            if "magnitude" in name:
                value.mul_(1.3)
    wrapped.save_pretrained(tmp_path / "lora")
    expected = answer(PipelineModel(pipeline, name="peft"))
    model = loaded(family, tmp_path / "lora")
    torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", ["conv1", "conv_shortcut"])
def test_a_dora_of_pefts_on_convolutions_is_of_their_outputs(layer: str, tmp_path: Path) -> None:
    """It writes `[1, out, 1, 1]`, also where a convolution has as many inputs."""
    pipeline = PIPELINES["SD 1.x"](0)
    convolutions = [one for name, one in pipeline.unet.named_modules() if name.endswith(layer)]
    assert layer != "conv1" or any(one.in_channels == one.out_channels for one in convolutions)
    config = LoraConfig(r=4, lora_alpha=8, use_dora=True, target_modules=["to_q", layer])
    wrapped = get_peft_model(pipeline.unet, config)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in wrapped.named_parameters():
            if "lora_B" in name:
                value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
            if "magnitude" in name:
                value.mul_(1 + torch.rand(value.shape, generator=generator))
    wrapped.save_pretrained(tmp_path / "lora")
    expected = answer(PipelineModel(pipeline, name="peft"))
    model = loaded("SD 1.x", tmp_path / "lora")
    torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("core", [True, False])
def test_convolutions_of_every_kind_paint_along(core: bool, tmp_path: Path) -> None:
    """A LoCon with and without a Tucker core, LoHa's core, a bias and a norm: none is attributed,
    all paint."""
    pipeline = PIPELINES["SD 1.x"](0)
    unet, generator = pipeline.unet, torch.Generator().manual_seed(1)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) * 0.3

    state, layer = {}, unet.mid_block.resnets[0].conv1
    name, out, inner = "lora_unet_mid_block_resnets_0_conv1", layer.out_channels, layer.in_channels
    up, down, mid = random(out, RANK, 1, 1), random(RANK, inner, 1, 1), random(RANK, RANK, 3, 3)
    wide = random(RANK, inner, 3, 3)
    state[f"{name}.lora_up.weight"] = up
    state[f"{name}.lora_down.weight"] = down if core else wide
    if core:
        state[f"{name}.lora_mid.weight"] = mid
        wide = torch.einsum("pqhw,qi->pihw", mid, down[:, :, 0, 0])
    state[f"{name}.diff_b"] = random(out)
    state["lora_unet_conv_norm_out.w_norm"] = random(*unet.conv_norm_out.weight.shape)
    state["lora_unet_conv_norm_out.b_norm"] = random(*unet.conv_norm_out.bias.shape)
    query = unet.mid_block.attentions[0].transformer_blocks[0].attn1.to_q
    flat = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
    state[f"{flat}.lora_up.weight"] = random(query.out_features, RANK)
    state[f"{flat}.lora_down.weight"] = random(RANK, query.in_features)
    save_file(state, tmp_path / "a.safetensors")
    with torch.no_grad():
        layer.weight += torch.einsum("op,pihw->oihw", up[:, :, 0, 0], wide)
        layer.bias += state[f"{name}.diff_b"]
        unet.conv_norm_out.weight += state["lora_unet_conv_norm_out.w_norm"]
        unet.conv_norm_out.bias += state["lora_unet_conv_norm_out.b_norm"]
        query.weight += state[f"{flat}.lora_up.weight"] @ state[f"{flat}.lora_down.weight"]
    expected = answer(PipelineModel(pipeline, name="merged"))
    model = loaded("SD 1.x", tmp_path / "a.safetensors")
    torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-4)
    assert {one.partition(".lora_")[0] for one in model.attributed_parameters()} == {
        "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    }
    assert model.lora_extent == (1, 2)


def test_a_dora_of_inputs_paints_and_of_a_fused_layer_is_refused(tmp_path: Path) -> None:
    pipeline = PIPELINES["SD 1.x"](0)
    made = merged(pipeline, "DoRA of inputs", "SD 1.x", "original")
    save_file(spelled(made, "lora_unet_", flat=True), tmp_path / "a.safetensors")
    expected = answer(PipelineModel(pipeline, name="merged"))
    model = loaded("SD 1.x", tmp_path / "a.safetensors")
    torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-4)
    made = merged(PIPELINES["FLUX.1 dev"](0), "DoRA of inputs", "FLUX.1 dev", "original")
    save_file(spelled(made, "lora_unet_", flat=True), tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=r"magnitudes count inputs.*output axis"):
        loaded("FLUX.1 dev", tmp_path / "a.safetensors")


def test_t5_and_clip_paint_along_by_onetrainers_and_comfyuis_names(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(2)
    for clip, t5 in (
        ("lora_te1_{}", "lora_te2_{}"),
        ("lora_te1_{}", "lora_te3_{}"),
        ("text_encoders.clip_l.transformer.{}", "text_encoders.t5xxl.transformer.{}"),
    ):
        pipeline = PIPELINES["FLUX.1 dev"](0)
        state: Tensors = {}
        for part, prefix, end in (
            (pipeline.transformer, "transformer.{}", "attn.to_q"),
            (pipeline.text_encoder, clip, "q_proj"),
            (pipeline.text_encoder_2, t5, "SelfAttention.q"),
        ):
            for name, layer in part.named_modules():
                if isinstance(layer, nn.Linear) and name.endswith(end):
                    down = torch.randn(RANK, layer.in_features, generator=generator)
                    up = torch.randn(layer.out_features, RANK, generator=generator)
                    key = prefix.format(name if prefix.endswith(".{}") else name.replace(".", "_"))
                    state |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
                    with torch.no_grad():
                        layer.weight += up @ down
        save_file(state, tmp_path / "a.safetensors")
        expected = answer(PipelineModel(pipeline, name="merged"))
        model = loaded("FLUX.1 dev", tmp_path / "a.safetensors")
        torch.testing.assert_close(answer(model), expected, rtol=1e-4, atol=1e-4)
        assert len(model.attributed_parameters()) == 4

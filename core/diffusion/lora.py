"""LoRAs as others write them (diffusers, peft, kohya), put whole into a pipeline, and written.

In: a file or folder, recognised by what is in it, and a pipeline of a family. Out: its layers and
the adapter, all of it, or a `ModelError` that names what is not supported or the first layer that
does not fit. Only safetensors are read.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusers.loaders.lora_conversion_utils import _maybe_map_sgm_blocks_to_diffusers
from diffusers.utils.state_dict_utils import (
    convert_state_dict_to_diffusers,
    convert_state_dict_to_peft,
    convert_unet_state_dict_to_peft,
)
from peft.utils import get_peft_model_state_dict
from peft.utils.other import get_pattern_key
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core.diffusion.families.family import T5, Family
from core.diffusion.lora_names import (
    PEFT_PREFIX,
    LoraFamily,
    family_of_names,
    family_of_width,
    layout_of,
    plain_names,
)
from core.diffusion.tensors import undamaged
from core.errors import ModelError
from core.files import read_json, write_folder, write_via

LORA_FILE = "pytorch_lora_weights.safetensors"  # diffusers', and ours
PEFT_FILE, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
METADATA = "lora_adapter_metadata"  # where diffusers keeps peft's configuration in the file
UNET = "unet"
WORDS = {UNET: "UNet"}  # a part as people call it
# kohya's prefixes -> the part, of those whose names are in the model's own
PREFIXES = {
    "lora_te_": "text_encoder",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
}
ORIGINAL_BLOCKS = {
    "lora_unet_input_blocks": "lora_unet_down_blocks",
    "lora_unet_middle_block": "lora_unet_mid_block",
    "lora_unet_output_blocks": "lora_unet_up_blocks",
}
Parts = Mapping[str, Any]  # modules by name: the network first, then the text encoders
Read = tuple[dict[str, Tensor], dict[str, float]]  # tensors; alphas that stand beside them
HALF = re.compile(r"(.+)\.(?:lora_(A|B|down|up)\.weight|(alpha))")
SIDES = {"A": "down", "B": "up"}


@dataclass(frozen=True)
class LoraSource:
    """Where a LoRA lies, how it is written (`diffusers`, `peft` or `kohya`), and of which family
    its names say it is."""

    file: Path
    layout: str
    family: LoraFamily


@dataclass(frozen=True, kw_only=True, eq=False)
class LoraLayer:
    """W + (alpha / r) up down, of the module `name` in `part` (the network or a text encoder).

    Linear: `down [r, in]`, `up [out, r]`; convolution: `down [r, in, kh, kw]`, `up [out, r, 1, 1]`.
    """

    part: str
    name: str
    down: Tensor
    up: Tensor
    alpha: float


def find_lora(place: Path) -> LoraSource:
    """The LoRA in a file or folder. Raises `ModelError` where there is none, or several."""
    file = place
    if place.is_dir():
        known = [place / name for name in (LORA_FILE, PEFT_FILE) if (place / name).is_file()]
        files = known[:1] or sorted(place.glob("*.safetensors"))
        if len(files) > 1:
            names = ", ".join(path.name for path in files)
            raise ModelError(f"{place} holds several LoRAs ({names}). Name the file of one.")
        file = files[0] if files else place / LORA_FILE
    if not file.is_file():
        raise ModelError(
            f"No LoRA in {place}: {file.name} is missing. Train it with `python -m app train`, or "
            "bring one (diffusers, peft or kohya, as safetensors) with `train --lora`."
        )
    if file.suffix != ".safetensors":
        raise ModelError(
            f"'{file.name}' is not a safetensors file, and others can run code when they are read. "
            "Convert it where you trust it, then name the .safetensors."
        )
    shapes = undamaged(
        lambda: _shapes(file), f"The LoRA '{file.name}'", "Copy or train it again.", ModelError
    )
    return LoraSource(file, layout_of(file.name, shapes), family_of_names(shapes))


def _shapes(file: Path) -> dict[str, list[int]]:
    with safe_open(file, framework="pt") as opened:
        return {name: opened.get_slice(name).get_shape() for name in opened.offset_keys()}


def rank_of(source: LoraSource) -> int:
    """The largest rank in the file, from the shapes alone; 0 where no tensor has one."""
    ranks = [
        shape[0]
        for name, shape in _shapes(source.file).items()
        if any(mark in name for mark in (".lora_A.", ".lora_down.", "lora.down."))
    ]
    return max(ranks, default=0)


def _tensors(source: LoraSource, network: str) -> dict[str, Tensor]:
    """What the file holds, by plain names. Raises `ModelError` for what is not a number."""
    tensors = load_file(source.file)
    for name, value in tensors.items():
        if not value.is_floating_point() and not name.endswith("alpha"):
            raise ModelError(
                f"'{source.file.name}' is quantized ('{name}' is {value.dtype}), which is not "
                "supported. Export it in float32, float16 or bfloat16."
            )
        if not bool(value.float().isfinite().all()):
            raise ModelError(
                f"'{source.file.name}' holds numbers that are none (NaN or infinite) in '{name}': "
                "its training went wrong, and nothing could be painted with it. Bring an earlier "
                "state of it, or train it again."
            )
    plain = plain_names(source.file.name, list(tensors), network)
    return {plain[name]: value for name, value in tensors.items()}


def read_layers(source: LoraSource, parts: Parts) -> list[LoraLayer]:
    """Every layer of a LoRA, named as in the base's `parts` (`unet`, `text_encoder`).

    Raises `ModelError` for tensors that are not a plain LoRA's, and for half a layer.
    """
    reader = {"kohya": _kohya, "peft": read_peft, "diffusers": _diffusers}[source.layout]
    state, named_alphas = reader(source, parts)
    halves: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        match = HALF.fullmatch(key)
        if match is None:
            raise ModelError(
                f"'{source.file.name}' holds '{key}', which is not a matrix of a plain LoRA (a "
                "bias, or a layer trained as a whole). Train or export it without."
            )
        side = match[2] or match[3]
        halves.setdefault(match[1], {})[SIDES.get(side, side)] = value
    layers = []
    for name, matrices in halves.items():
        if "down" not in matrices or "up" not in matrices:
            raise ModelError(
                f"'{source.file.name}' is incomplete: of '{name}' it has only "
                f"{', '.join(sorted(matrices))}. Copy it again."
            )
        part, _, module = name.partition(".")
        down, up = matrices["down"], matrices["up"]
        if down.ndim < 2 or up.ndim < 2 or not len(down):
            raise ModelError(
                f"'{source.file.name}' is damaged: of '{name}' the matrices are "
                f"{tuple(down.shape)} and {tuple(up.shape)}. Copy or train it again."
            )
        # where nobody says otherwise, diffusers' and kohya's rule is W + up down: alpha = rank
        alpha = (
            float(matrices["alpha"]) if "alpha" in matrices else named_alphas.get(name, len(down))
        )
        layers.append(LoraLayer(part=part, name=module, down=down, up=up, alpha=alpha))
    return layers


def _network(parts: Parts) -> str:
    return next(iter(parts))


def _kohya(source: LoraSource, parts: Parts) -> Read:
    """kohya writes a module's name with `_` for `.`: the base's modules say which one it was. Of
    SDXL's UNet it writes the original model's names, which diffusers translates."""
    names: dict[str, str] = {}
    network = _network(parts)
    for prefix, part in {"lora_unet_": network, **PREFIXES}.items():
        if part not in parts:
            continue
        for name, _ in parts[part].named_modules():
            names[prefix + name.replace(".", "_")] = f"{part}.{name}"
            # transformers 5 has no `text_model` around CLIP's encoder any more
            names[f"{prefix}text_model_{name.replace('.', '_')}"] = f"{part}.{name}"
    state = {}
    tensors = _tensors(source, network)
    if network == UNET:
        tensors = _maybe_map_sgm_blocks_to_diffusers(tensors, parts[network].config)
        for original, ours in ORIGINAL_BLOCKS.items():
            tensors = {key.replace(original, ours): value for key, value in tensors.items()}
    for key, value in tensors.items():
        flat, _, rest = key.partition(".")
        if flat not in names and re.match("lora_unet_(double|single|joint)_blocks", flat):
            raise ModelError(
                f"'{source.file.name}' names the transformer's layers as the original model does "
                f"('{flat}'), not as diffusers. Load it into diffusers' own pipeline "
                "(`load_lora_weights`), write it with `save_lora_weights`, and bring the result."
            )
        if flat not in names:
            raise unknown_layer(source, flat)
        state[f"{names[flat]}.{rest}"] = value
    return state, {}


def read_peft(source: LoraSource, parts: Parts) -> Read:
    """peft keeps the alphas in `adapter_config.json` beside the matrices."""
    config, network = peft_config(source), _network(parts)
    state = {
        f"{network}.{name.removeprefix(PEFT_PREFIX).removeprefix(f'{network}.')}": value
        for name, value in _tensors(source, network).items()
    }
    if any(name.startswith(f"{network}.text_model.") for name in state):
        raise text_alone(source, next(iter(state)).removeprefix(f"{network}."), network)
    return state, _alphas(source, config, state)


def peft_config(source: LoraSource) -> dict[str, Any]:
    """`adapter_config.json` beside the matrices. Raises `ModelError` without a lora_alpha."""
    return read_json(
        source.file.parent / PEFT_CONFIG,
        _with_alpha,
        missing=(
            f"{PEFT_CONFIG} is missing beside '{source.file.name}', and without it nobody knows "
            "how strong the LoRA is (lora_alpha). Copy it too."
        ),
        damaged=f"{PEFT_CONFIG} beside '{source.file.name}' names no lora_alpha. Copy it again.",
        error=ModelError,
    )


def _with_alpha(config: Any) -> dict[str, Any]:
    float(config["lora_alpha"])
    return dict(config)


def _diffusers(source: LoraSource, parts: Parts) -> Read:
    """diffusers' own, of today and of the time of attention processors (the paper's)."""
    state: dict[str, Tensor] = {}
    alphas: dict[str, float] = {}
    network = _network(parts)
    tensors = _tensors(source, network)
    bare = not any(name.startswith(tuple(f"{part}." for part in parts)) for name in tensors)
    metadata = _metadata(source)
    for part, module in parts.items():
        prefix = "" if bare and part == network else f"{part}."
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        for key in own:
            del tensors[prefix + key]
        spoken = {k: own.pop(k) for k in list(own) if k.endswith(".alpha")}
        if own and not any(".lora_A." in name for name in own):
            own = _converted(source, own, of_network=part == network)
        named = {f"{part}.{name}": value for name, value in own.items()}
        if part != network and not hasattr(module, "text_model"):
            named = {k.replace(f"{part}.text_model.", f"{part}.", 1): v for k, v in named.items()}
        config = {
            key.removeprefix(f"{part}."): value
            for key, value in metadata.items()
            if key.startswith(f"{part}.")
        }
        if config:
            alphas |= _alphas(source, config, named)
        state |= named | {f"{part}.{name}": value for name, value in spoken.items()}
    if tensors:
        raise unknown_layer(source, next(iter(tensors)))
    return state, alphas


def _converted(
    source: LoraSource, state: dict[str, Tensor], *, of_network: bool
) -> dict[str, Tensor]:
    """diffusers' own translation of its older names."""
    if of_network:
        return dict(convert_unet_state_dict_to_peft(state))
    try:
        return dict(convert_state_dict_to_peft(convert_state_dict_to_diffusers(state)))
    except (ValueError, KeyError) as error:
        raise ModelError(
            f"The names in '{source.file.name}' are of no known layout: {next(iter(state))}. "
            "Save it with diffusers, peft or kohya's scripts of today."
        ) from error


def _metadata(source: LoraSource) -> dict[str, Any]:
    with safe_open(source.file, framework="pt") as opened:
        text = (opened.metadata() or {}).get(METADATA)
    try:
        return {} if text is None else dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"The metadata of '{source.file.name}' are damaged. Copy it again."
        ) from error


def _alphas(
    source: LoraSource, config: Mapping[str, Any], state: Mapping[str, Tensor]
) -> dict[str, float]:
    """What peft's configuration says of each layer (`part.module`), by peft's own matching."""
    if config.get("use_rslora") or config.get("use_dora"):
        raise ModelError(
            f"'{source.file.name}' asks for rsLoRA or DoRA, which is not supported. Use a plain "
            "LoRA."
        )
    pattern = config.get("alpha_pattern") or {}
    alphas = {}
    for name in state:
        layer = name.partition(".lora_")[0]
        module = layer.partition(".")[2]
        alpha = pattern.get(get_pattern_key(list(pattern), module), config["lora_alpha"])
        alphas[layer] = float(alpha)
    return alphas


def text_alone(source: LoraSource, name: str, network: str) -> ModelError:
    """The refusal of a LoRA that changes the text encoder, and no layer that is attributed."""
    word = WORDS.get(network, network)
    return ModelError(
        f"'{source.file.name}' changes the text encoder alone ('{name}') and no Linear layer of "
        f"the {word}, so nothing in it can be attributed. Use a LoRA of the {word}'s attention."
    )


def unknown_layer(source: LoraSource, name: str) -> ModelError:
    """The refusal of a LoRA that changes what the base does not have."""
    return ModelError(
        f"'{source.file.name}' does not fit the model: it changes '{name}', which the model does "
        "not have. Bring the LoRA of this model, or the model of this LoRA."
    )


# --- in a pipeline -------------------------------------------------------------------------------


def adapted_parts(pipeline: Any, family: Family) -> dict[str, Any]:
    """What a LoRA may lie on: the network first, then the text encoders but T5."""
    names = [family.network, *(one.part for one in family.encoders if one.kind != T5)]
    parts = {name: getattr(pipeline, name) for name in names}
    return {name: part for name, part in parts.items() if part is not None}


def put_lora(pipeline: Any, source: LoraSource, adapter: str, family: Family) -> None:
    """Load it into a pipeline's network (and text encoders, if it has parts for them).

    The libraries load what fits and keep silent about the rest, so every layer is checked against
    the base before, and its scale after. Raises `ModelError` naming the first that does not fit.
    """
    if source.family.name and source.family.name not in family.lora_families:
        raise source.family.refusal(source.file.name)
    parts, network = adapted_parts(pipeline, family), family.network
    layers = read_layers(source, parts)
    for layer in layers:
        _check_shape(source, layer, parts[layer.part])
    attributed = [layer for layer in layers if layer.part == network and layer.down.ndim == 2]
    if layers and all(layer.part != network for layer in layers):
        raise text_alone(source, f"{layers[0].part}.{layers[0].name}", network)
    if not attributed:
        word = WORDS.get(network, network)
        raise ModelError(
            f"'{source.file.name}' changes no Linear layer of the {word}, so nothing in it can be "
            f"attributed. Use a LoRA of the {word}'s attention."
        )
    if not any(_changes(layer) for layer in attributed):
        raise ModelError(
            f"'{source.file.name}' changes nothing: in all of its {len(attributed)} Linear layers "
            "the product of the two matrices is zero (B is zero before the first step of a "
            "training, or alpha is zero). Painting and tracing with it would say nothing about "
            "the works: bring the trained one."
        )
    for part, module in parts.items():
        own = [layer for layer in layers if layer.part == part]
        if not own:
            continue
        state = {}
        for layer in own:
            state[f"{part}.{layer.name}.lora_A.weight"] = layer.down
            state[f"{part}.{layer.name}.lora_B.weight"] = layer.up
        alphas = {f"{part}.{one.name}.alpha": one.alpha for one in own}
        if part == network:
            options = {"network_alphas": alphas, "adapter_name": adapter}
            parts[part].load_lora_adapter(state, prefix=part, **options)
        else:
            pipeline.load_lora_into_text_encoder(
                state, alphas, module, prefix=part, adapter_name=adapter
            )
        for layer in own:
            scale = module.get_submodule(layer.name).scaling[adapter]
            if abs(scale - layer.alpha / len(layer.down)) > 1e-6 * abs(scale):
                raise ModelError(
                    f"'{source.file.name}' was loaded with another scale than it names (layer "
                    f"'{layer.name}'). The installed diffusers or peft is too old: update them."
                )


def _changes(layer: LoraLayer) -> bool:
    return layer.alpha != 0 and bool(layer.up.any()) and bool(layer.down.any())


def _check_shape(source: LoraSource, layer: LoraLayer, part: nn.Module) -> None:
    try:
        module = part.get_submodule(layer.name)
    except AttributeError as error:
        raise unknown_layer(source, f"{layer.part}.{layer.name}") from error
    rank = len(layer.down)
    expected: tuple[tuple[int, ...], tuple[int, ...]]
    if isinstance(module, nn.Linear):
        expected = ((rank, module.in_features), (module.out_features, rank))
    elif isinstance(module, nn.Conv2d):
        inner = module.in_channels // module.groups
        expected = ((rank, inner, *module.kernel_size), (module.out_channels, rank, 1, 1))
    else:
        raise ModelError(
            f"'{source.file.name}' changes '{layer.name}', a {type(module).__name__}. Only LoRAs "
            "of Linear layers and convolutions are supported."
        )
    reads_text = layer.name.endswith(("attn2.to_k", "attn2.to_v")) and layer.down.ndim == 2
    if reads_text and layer.down.shape[1] != expected[0][1]:
        own, other = int(layer.down.shape[1]), int(expected[0][1])
        raise ModelError(
            f"'{source.file.name}' does not fit the model: its '{layer.name}' reads texts of width "
            f"{own} ({family_of_width(own)}), the model's wants {other} "
            f"({family_of_width(other)}). Bring the LoRA of this model, or the model of this LoRA."
        )
    if (tuple(layer.down.shape), tuple(layer.up.shape)) != expected:
        raise ModelError(
            f"'{source.file.name}' does not fit the model: its '{layer.name}' is "
            f"{tuple(layer.down.shape)} and {tuple(layer.up.shape)}, the model's wants "
            f"{expected[0]} and {expected[1]}. Bring the LoRA of this model, or the model of this "
            "LoRA."
        )


def install_lora(source: LoraSource, directory: Path, network: str = UNET) -> None:
    """Copy a LoRA into a collection's `lora/`: one file, `LORA_FILE`, whatever its layout.

    peft's two files become one as diffusers would write it of the part `network`; the numbers stay
    as they are.
    """

    def fill(draft: Path) -> None:
        if source.layout == "peft":
            config = {f"{network}.{key}": value for key, value in peft_config(source).items()}
            state, _ = read_peft(source, {network: nn.Module()})
            about = {"format": "pt", METADATA: json.dumps(config, sort_keys=True)}
            save_file(state, draft / LORA_FILE, metadata=about)
        else:
            shutil.copyfile(source.file, draft / LORA_FILE)

    write_folder(directory, fill)


def save_lora(directory: Path, pipeline: Any, adapter: str, family: Family) -> None:
    """Write an adapter in diffusers' own layout, all or nothing; what is scaled takes its
    alphas along."""
    layers: dict[str, Any] = {}
    for part, module in adapted_parts(pipeline, family).items():
        if adapter not in (getattr(module, "peft_config", None) or {}):
            continue
        state = get_peft_model_state_dict(module, adapter_name=adapter)
        layers[f"{part}_lora_layers"] = {name: value.contiguous() for name, value in state.items()}
        if lora_scales(module, adapter):
            layers[f"{part}_lora_adapter_metadata"] = module.peft_config[adapter].to_dict()

    def save(draft: Path) -> None:
        pipeline.save_lora_weights(
            draft.parent, weight_name=draft.name, safe_serialization=True, **layers
        )

    write_via(directory / LORA_FILE, save)


def lora_scales(module: nn.Module, adapter: str) -> dict[str, float]:
    """alpha / rank of every adapted layer where it is not 1; no tensor of the model shows it."""
    scales = {}
    for name, layer in module.named_modules():
        scale = getattr(layer, "scaling", {})
        if isinstance(scale, dict) and scale.get(adapter, 1.0) != 1.0:
            scales[name] = float(scale[adapter])
    return scales

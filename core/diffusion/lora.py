"""LoRAs as others write them (diffusers, peft, kohya), put whole into a pipeline, and written.

In: a file or folder, recognised by what is in it, and a pipeline of a family. Out: its layers and
the adapter, all of it, or a `ModelError` that names what is not supported or the first layer that
does not fit. Only safetensors are read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core.diffusion.families.family import CLIP, CLIP_PROJECTED, Family
from core.diffusion.lora_layers import (
    Configs,
    LayerChange,
    LoraLayer,
    Parts,
    rank_of_tensors,
    read_changes,
    require_shape,
    unknown_layer,
)
from core.diffusion.lora_names import (
    LoraFamily,
    family_of_names,
    family_of_width,
    layout_of,
    plain_names,
)
from core.diffusion.tensors import undamaged
from core.diffusion.weight_changes import KINDS, WeightChange, changes, put_change
from core.errors import ModelError
from core.files import read_json, write_folder, write_via

LORA_FILE = "pytorch_lora_weights.safetensors"  # diffusers', and ours
BROUGHT = "brought.json"  # beside a LoRA that was not learnt here
PEFT_FILE, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
METADATA = "lora_adapter_metadata"  # where diffusers keeps peft's configuration in the file
# peft's starts that leave the base's weights as they are
PLAIN_STARTS = (True, False, None, "gaussian", "eva", "orthogonal")
UNET = "unet"
WORDS = {UNET: "UNet"}  # a part as people call it


@dataclass(frozen=True)
class LoraSource:
    """Where a LoRA lies, how it is written (`diffusers`, `peft` or `kohya`), and of which family
    its names say it is."""

    file: Path
    layout: str
    family: LoraFamily


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


def read_lora(source: LoraSource, parts: Parts, family: Family) -> list[LayerChange]:
    """Every layer of a LoRA, as in the base's `parts`. Raises `ModelError` as `read_changes`."""
    network, file = next(iter(parts)), source.file.name
    tensors = _tensors(source, network)
    alone = next((name for name in tensors if _is_text(name, source.layout)), None)
    if alone is not None:
        raise text_alone(source, alone, network)
    return read_changes(file, tensors, parts, family, _configs(source, tensors, parts))


def _is_text(name: str, layout: str) -> bool:
    return layout == "peft" and name.startswith(("text_model.", "text_encoder."))


def _configs(source: LoraSource, tensors: Mapping[str, Tensor], parts: Parts) -> Configs:
    """What peft's configuration says of each part: beside the file, or in its metadata."""
    if source.layout == "peft":
        config = peft_config(source)
        _require_plain_start(source, config)
        return {next(iter(parts)): config}
    metadata = _metadata(source)
    _require_plain_start(source, metadata)
    configs = {}
    for part in parts:
        own = {
            key.removeprefix(f"{part}."): value
            for key, value in metadata.items()
            if key.startswith(f"{part}.")
        }
        if own:
            configs[part] = own
    return configs


def _require_plain_start(source: LoraSource, config: Mapping[str, Any]) -> None:
    """Raises `ModelError` where peft took the start of the matrices off the base's weights: on the
    base as it is, what was taken off would count twice."""
    for key, start in config.items():
        plain = start.lower() if isinstance(start, str) else start
        if key.rpartition(".")[2] == "init_lora_weights" and plain not in PLAIN_STARTS:
            raise ModelError(
                f"'{source.file.name}' was begun with {start} (init_lora_weights), which changes "
                "the base's weights too, so on the base itself it would paint wrongly. Convert it "
                "with peft, `save_pretrained(..., path_initial_model_for_weight_conversion=...)`, "
                "or train it from a plain start (init_lora_weights=True)."
            )


def peft_config(source: LoraSource) -> dict[str, Any]:
    """`adapter_config.json` beside the matrices. Raises `ModelError` without an alpha."""
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
    float(config["lora_alpha"] if "lora_alpha" in config else config["alpha"])
    return dict(config)


def _metadata(source: LoraSource) -> dict[str, Any]:
    with safe_open(source.file, framework="pt") as opened:
        text = (opened.metadata() or {}).get(METADATA)
    try:
        return {} if text is None else dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"The metadata of '{source.file.name}' are damaged. Copy it again."
        ) from error


def text_alone(source: LoraSource, name: str, network: str) -> ModelError:
    """The refusal of a LoRA that changes the text encoder, and no layer that is attributed."""
    word = WORDS.get(network, network)
    return ModelError(
        f"'{source.file.name}' changes the text encoder alone ('{name}') and no Linear layer of "
        f"the {word}, so nothing in it can be attributed. Use a LoRA of the {word}'s attention."
    )


# --- in a pipeline -------------------------------------------------------------------------------


def adapted_parts(pipeline: Any, family: Family) -> dict[str, Any]:
    """What a LoRA may lie on: the network first, then the text encoders."""
    names = [family.network, *(one.part for one in family.encoders)]
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
    read = read_lora(source, parts, family)
    of_clip = {one.part for one in family.encoders if one.kind in (CLIP, CLIP_PROJECTED)}
    of_peft = {*of_clip, network}
    plain = [change for change in read if change.plain and change.part in of_peft]
    others = [change for change in read if change not in plain or change.bias is not None]
    layers = [layer for change in plain for layer in change.layers]
    for layer in layers:
        _check_shape(source, layer, parts[layer.part])
    for change in others:
        require_shape(source.file.name, change, parts)
    _require_attributable(source, read, parts)
    for part, module in parts.items():
        own = [layer for layer in layers if layer.part == part]
        if own:
            _put_plain(pipeline, source, adapter, part, module, own, network=part == network)
    for change in others:
        _put_change(change, parts[change.part], bias_alone=change in plain)


def _require_attributable(source: LoraSource, read: list[LayerChange], parts: Parts) -> None:
    """Raises `ModelError` where nothing of it is a Linear layer of the network, or nothing there
    changes anything."""
    network = next(iter(parts))
    attributed = [
        one for one in read if one.part == network and one.tensors and _linear(one, parts)
    ]
    if read and all(change.part != network for change in read):
        first = read[0]
        raise text_alone(source, f"{first.part}.{first.targets[0].module}", network)
    if not attributed:
        word = WORDS.get(network, network)
        raise ModelError(
            f"'{source.file.name}' changes no Linear layer of the {word}, so nothing in it can be "
            f"attributed. Use a LoRA of the {word}'s attention."
        )
    if not any(_changes(change) for change in attributed):
        count = sum(len(change.targets) for change in attributed)
        raise ModelError(
            f"'{source.file.name}' changes nothing: in all of its {count} Linear layers "
            "the product of the two matrices is zero (B is zero before the first step of a "
            "training, or alpha is zero). Painting and tracing with it would say nothing about "
            "the works: bring the trained one."
        )


def _linear(change: LayerChange, parts: Parts) -> bool:
    module = parts[change.part].get_submodule(change.targets[0].module)
    return isinstance(module, nn.Linear)


def _changes(change: LayerChange) -> bool:
    own = change.tensors
    if change.scale == 0:
        return False
    if change.kind == "LoRA" and "mid" not in own:
        return bool(own["up"].any()) and bool(own["down"].any())
    if change.kind == "whole layers":
        return bool(own["diff"].any())
    made = KINDS[change.kind](own, (-1,))
    return bool(made.any())


def _put_plain(
    pipeline: Any,
    source: LoraSource,
    adapter: str,
    part: str,
    module: Any,
    own: list[LoraLayer],
    *,
    network: bool,
) -> None:
    """Two matrices per layer, as peft's own layers, by diffusers' loader."""
    state = {}
    for layer in own:
        state[f"{part}.{layer.name}.lora_A.weight"] = layer.down
        state[f"{part}.{layer.name}.lora_B.weight"] = layer.up
    alphas = {f"{part}.{one.name}.alpha": one.alpha for one in own}
    if network:
        options = {"network_alphas": alphas, "adapter_name": adapter}
        module.load_lora_adapter(state, prefix=part, **options)
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


def _put_change(change: LayerChange, part: Any, *, bias_alone: bool) -> None:
    """Any other kind, on the weight itself; tensors of several targets are one parameter."""
    kind, scale, origin = change.kind, change.scale, change.name
    tensors = {name: nn.Parameter(value.float()) for name, value in change.tensors.items()}
    whole = None
    if change.targets[0].rows is not None:
        whole = sum(len(one.rows) for one in change.targets if one.rows is not None)
    for target in change.targets:
        layer = part.get_submodule(target.module)
        layer = getattr(layer, "base_layer", layer)  # of what peft has put on it
        rows = target.rows
        if tensors and not bias_alone:
            one = WeightChange(kind, tensors, scale, rows=rows, outputs=whole, origin=origin)
            put_change(layer, one)
        if change.bias is not None:
            difference = WeightChange(
                "whole layers",
                {"diff": nn.Parameter(change.bias.float())},
                1.0,
                rows=rows,
                outputs=whole,
                origin=origin,
                of_bias=True,
            )
            put_change(layer, difference)


def _check_shape(source: LoraSource, layer: LoraLayer, part: nn.Module) -> None:
    try:
        module = part.get_submodule(layer.name)
    except AttributeError as error:
        raise unknown_layer(source.file.name, f"{layer.part}.{layer.name}") from error
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
    """Copy a LoRA into a collection's `lora/`: one file, `LORA_FILE`, whatever its layout, and the
    mark `BROUGHT` beside it, which says that it was not learnt here.

    peft's two files become one as diffusers would write it of the part `network`; the numbers stay
    as they are.
    """

    def fill(draft: Path) -> None:
        if source.layout == "peft":
            config = {f"{network}.{key}": value for key, value in peft_config(source).items()}
            state = {f"{network}.{name}": one for name, one in _tensors(source, network).items()}
            about = {"format": "pt", METADATA: json.dumps(config, sort_keys=True)}
            save_file(state, draft / LORA_FILE, metadata=about)
        else:
            shutil.copyfile(source.file, draft / LORA_FILE)
        (draft / BROUGHT).write_text(json.dumps({"from": source.file.name}), encoding="utf-8")

    write_folder(directory, fill)


def save_lora(directory: Path, pipeline: Any, adapter: str, family: Family) -> None:
    """Write an adapter in diffusers' own layout, all or nothing; what is scaled takes its alphas
    along. Layers of other kinds than a plain LoRA stand beside, named as they came."""
    layers: dict[str, Any] = {}
    more: dict[str, Tensor] = {}
    for part, module in adapted_parts(pipeline, family).items():
        more |= _saved_changes(module)
        if adapter not in (getattr(module, "peft_config", None) or {}):
            continue
        state = get_peft_model_state_dict(module, adapter_name=adapter)
        layers[f"{part}_lora_layers"] = {name: value.contiguous() for name, value in state.items()}
        if lora_scales(module, adapter):
            layers[f"{part}_lora_adapter_metadata"] = module.peft_config[adapter].to_dict()

    def save(draft: Path) -> None:
        if layers:
            pipeline.save_lora_weights(
                draft.parent, weight_name=draft.name, safe_serialization=True, **layers
            )
        if more:
            about, plain = {"format": "pt"}, {}
            if layers:
                with safe_open(draft, framework="pt") as opened:
                    about = opened.metadata() or about
                plain = load_file(draft)
            save_file(plain | more, draft, metadata=about)

    write_via(directory / LORA_FILE, save)


# a kind's tensor -> how its name ends in a file
ENDINGS = {
    "LoRA": "lora_{}.weight",
    "LoHa": "hada_{}",
    "LoKr": "lokr_{}",
    "whole layers": "{}",
}


def _saved_changes(module: nn.Module) -> dict[str, Tensor]:
    saved = {}
    for change in changes(module):
        own = {name: value.detach() for name, value in change.named_parameters()}
        of_bias = change.of_bias
        for name, value in own.items():
            end = ENDINGS[change.kind].format(name)
            if name == "magnitude":
                end = "dora_scale"
            elif of_bias:
                end = "diff_b"
            saved[f"{change.origin}.{end}"] = value.cpu().contiguous()
        rank = rank_of_tensors(change.kind, own)
        if rank and not of_bias:
            saved[f"{change.origin}.alpha"] = change.scale.detach().cpu() * rank
    return saved


def lora_scales(module: nn.Module, adapter: str) -> dict[str, float]:
    """alpha / rank of every adapted layer where it is not 1; no tensor of the model shows it."""
    scales = {}
    for name, layer in module.named_modules():
        scale = getattr(layer, "scaling", {})
        if isinstance(scale, dict) and scale.get(adapter, 1.0) != 1.0:
            scales[name] = float(scale[adapter])
    return scales

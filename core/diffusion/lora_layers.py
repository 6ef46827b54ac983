"""What a LoRA's file says of each layer of a pipeline, whoever wrote it.

In: the file's tensors by plain name, and the parts of a pipeline. Out: per layer the kind of
adapter, its tensors and its strength; every tensor is used, or a `ModelError` names it. Loads
nothing into the pipeline.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft.utils.other import get_pattern_key
from torch import Tensor, nn

from core.diffusion.families.family import CLIP, CLIP_PROJECTED, QWEN3, T5, Family
from core.diffusion.weight_changes import of_inputs
from core.errors import ModelError

Parts = Mapping[str, Any]  # modules by name: the network first, then the text encoders
Configs = Mapping[str, Mapping[str, Any]]  # part -> what peft's configuration says of it
# how a tensor's name ends, whoever wrote it -> the kind of adapter and the tensor's own name
ENDS = (
    (r"\.(?:lora_A|lora_down|lora\.down|lora_linear_layer\.down)(?:\.weight)?", "LoRA", "down"),
    (r"\.(?:lora_B|lora_up|lora\.up|lora_linear_layer\.up)(?:\.weight)?", "LoRA", "up"),
    (r"_lora\.down\.weight", "LoRA", "down"),
    (r"_lora\.up\.weight", "LoRA", "up"),
    (r"\.lora_mid(?:\.weight)?", "LoRA", "mid"),
    (r"\.hada_(w[12]_[ab]|t[12])", "LoHa", ""),
    (r"\.lokr_(w[12](?:_[ab])?|t[12])", "LoKr", ""),
    (r"\.(?:diff|w_norm)", "whole layers", "diff"),
    (r"\.(?:diff_b|b_norm)", "whole layers", "bias"),
    (r"\.(?:dora_scale|lora_magnitude_vector(?:\.weight)?)", "", "magnitude"),
    (r"\.alpha", "", "alpha"),
)
PEFTS_MAGNITUDE = r"\.lora_magnitude_vector(?:\.weight)?$"
COMPLETE = {
    "LoRA": (("down",), ("up",)),
    "LoHa": (("w1_a",), ("w1_b",), ("w2_a",), ("w2_b",)),
    "LoKr": (("w1", "w1_a"), ("w1", "w1_b"), ("w2", "w2_a"), ("w2", "w2_b")),
    "whole layers": (("diff", "bias"),),
}
# names of attention processors, of 2023
PROCESSORS = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}
COMFY_ENCODERS = {CLIP: "clip_l", CLIP_PROJECTED: "clip_g", T5: "t5xxl", QWEN3: "qwen3_4b"}


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A module of a part; `rows` of the whole output are its own, None where it is the whole."""

    module: str
    rows: Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerChange:
    """What lies on one layer of the file, called `name` there: `tensors` of a `kind` of
    `weight_changes.KINDS` (with a `magnitude` where it is a DoRA), times `scale`; `bias`, what is
    added to the bias. `targets`: the layers here that it became."""

    part: str
    name: str
    kind: str
    tensors: Mapping[str, Tensor]
    scale: float
    targets: tuple[Target, ...]
    bias: Tensor | None = None

    @property
    def plain(self) -> bool:
        """Whether it is two matrices, which peft's own layers hold."""
        return self.kind == "LoRA" and set(self.tensors) == {"down", "up"}

    @property
    def layers(self) -> Iterator[LoraLayer]:
        """Of a plain one, a LoRA per target, as diffusers divides it: each with the same `down`."""
        down, up = self.tensors["down"], self.tensors["up"]
        for target in self.targets:
            yield LoraLayer(
                part=self.part,
                name=target.module,
                down=down,
                up=up if target.rows is None else up[target.rows].contiguous(),
                alpha=self.scale * len(down),
            )


def read_changes(
    file: str, tensors: Mapping[str, Tensor], parts: Parts, family: Family, configs: Configs
) -> list[LayerChange]:
    """Every layer that a file changes, in its own order.

    Raises `ModelError` for a tensor of no known name, for a layer that the model does not have, and
    for one that is incomplete or of two kinds.
    """
    places = _places(parts, family)
    halves: dict[str, dict[str, Tensor]] = {}
    kinds: dict[str, set[str]] = {}
    written: dict[str, str] = {}
    for key, value in tensors.items():
        name, kind, tensor = _divided(file, key)
        if name not in places:
            raise unknown_layer(file, name)
        own = halves.setdefault(name, {})
        if tensor in own:
            raise twice(file, key)
        if re.search(PEFTS_MAGNITUDE, key):
            value = value.reshape(-1)  # [1, out, 1, 1] of a convolution, which is none of inputs
        own[tensor] = value
        written.setdefault(name, key)
        kinds.setdefault(name, set()).update({kind} - {""} if tensor != "bias" else set())
    seen: dict[tuple[str, str], str] = {}
    read = []
    for name, own in halves.items():
        part, targets = places[name]
        for target in targets:
            if seen.setdefault((part, target.module), name) != name:
                raise twice(file, written[name])
        alpha = own.pop("alpha", None)
        kind = _kind(file, name, kinds[name], own)
        bias = own.pop("bias", None)
        shown = f"{part}.{targets[0].module}" if len(targets) == 1 else name
        _require_whole(file, shown, kind, own)
        scale = _scale(kind, own, alpha, configs.get(part, {}), targets[0].module)
        if kind == "LoKr" and not rank_of_tensors(kind, own):
            own["w1"], scale = own["w1"] * scale, 1.0
        change = LayerChange(
            part=part,
            name=name,
            kind=kind,
            tensors=own,
            scale=scale,
            targets=targets,
            bias=bias,
        )
        read.append(change)
    return read


def _divided(file: str, key: str) -> tuple[str, str, str]:
    """A tensor's name -> the layer's name, the kind of adapter and the tensor's own name."""
    for pattern, kind, tensor in ENDS:
        match = re.fullmatch(f"(.+){pattern}", key)
        if match is None:
            continue
        name = match[1]
        if pattern.startswith("_lora"):
            begin, _, processor = name.rpartition(".")
            inner = (
                processor if ".processor" in f".{begin}" else PROCESSORS.get(processor, processor)
            )
            begin = begin.removesuffix(".processor")
            name = f"{begin}.{inner}" + (".0" if inner == "to_out" else "")
        return name, kind, tensor or match[2]
    raise ModelError(
        f"'{file}' holds '{key}', which is not a matrix of a plain LoRA, nor a tensor of a LoHa, "
        "LoKr or DoRA (a bias, or a layer trained as a whole). Train or export it without."
    )


def _kind(file: str, name: str, kinds: set[str], own: Mapping[str, Tensor]) -> str:
    if len(kinds) > 1:
        raise ModelError(
            f"'{file}' changes '{name}' in two ways ({', '.join(sorted(kinds))}). Export one alone."
        )
    if kinds:
        return next(iter(kinds))
    return "whole layers" if set(own) == {"bias"} else "LoRA"  # what is lacking is named next


def _require_whole(file: str, name: str, kind: str, own: Mapping[str, Tensor]) -> None:
    if kind == "whole layers":
        return
    if any(not any(one in own for one in choice) for choice in COMPLETE[kind]):
        there = ", ".join(sorted(own)) or "alpha"
        raise ModelError(f"'{file}' is incomplete: of '{name}' it has only {there}. Copy it again.")
    for one in own:
        if (own[one].ndim < 2 and one != "magnitude") or not len(own[one]):
            shapes = " and ".join(str(tuple(value.shape)) for value in own.values())
            raise ModelError(
                f"'{file}' is damaged: of '{name}' the matrices are {shapes}. Copy or train it "
                "again."
            )


def rank_of_tensors(kind: str, own: Mapping[str, Tensor]) -> int:
    """r of one layer; 0 where nothing is factored."""
    inner = {"LoRA": ("down",), "LoHa": ("w1_b",), "LoKr": ("w2_b", "w1_b")}.get(kind, ())
    return next((len(own[name]) for name in inner if name in own), 0)


def _scale(
    kind: str,
    own: Mapping[str, Tensor],
    alpha: Tensor | None,
    config: Mapping[str, Any],
    module: str,
) -> float:
    """alpha / r; of rsLoRA alpha / sqrt(r). 1 where nobody names an alpha, as diffusers and kohya
    have it, and of a Kronecker product of two whole matrices."""
    rank = rank_of_tensors(kind, own)
    if alpha is not None:
        return float(alpha) / rank if rank else 1.0
    if kind == "whole layers" or not config:
        return 1.0
    pattern = config.get("alpha_pattern") or {}
    usual = config.get("lora_alpha", config.get("alpha"))
    strength = float(pattern.get(get_pattern_key(list(pattern), module), usual))
    if kind != "LoRA":
        ranks = config.get("rank_pattern") or {}
        rank = int(ranks.get(get_pattern_key(list(ranks), module), config.get("r", rank)))
    return strength / (math.sqrt(rank) if config.get("use_rslora") else rank)


Places = dict[str, tuple[str, tuple[Target, ...]]]


def _places(parts: Parts, family: Family) -> Places:
    """Every name that anybody gives a layer -> its part and the layers that it is here."""
    places: Places = {}
    network, *encoders = parts
    originals = family.original_names(parts[network])
    for original, made in originals.items():
        targets = tuple(_targets(parts[network], made.modules, made.swapped))
        _add(places, network, original, targets, (f"{network}.", ""), _flat_prefixes(network))
    for name, _ in parts[network].named_modules():
        here = (Target(module=name),)
        _add(places, network, name, here, (f"{network}.", ""), _flat_prefixes(network))
    for part in encoders:
        number = part.removeprefix("text_encoder").removeprefix("_") or "1"
        encoder = next(one for one in family.encoders if one.part == part)
        shorts = [f"lora_te{number}_", *(["lora_te_"] if number == "1" else [])]
        # kohya's FLUX calls T5 the third encoder, OneTrainer the second
        shorts += ["lora_te3_"] if encoder.kind == T5 and number != "3" else []
        kind = CLIP if encoder.kind == CLIP_PROJECTED and number == "1" else encoder.kind
        dotted = (f"{part}.", f"text_encoders.{COMFY_ENCODERS.get(kind, part)}.transformer.")
        for name, _ in parts[part].named_modules():
            here = (Target(module=name),)
            # transformers 5 has no `text_model` around CLIP's encoder any more
            for spelled in {name, f"text_model.{name}", name.removeprefix("text_model.")}:
                _add(places, part, spelled, here, dotted, shorts)
    return places


def _flat_prefixes(network: str) -> tuple[str, ...]:
    return ("lora_unet_", "lora_transformer_", f"lora_{network}_", "lycoris_")


def _add(
    places: Places,
    part: str,
    name: str,
    targets: tuple[Target, ...],
    dotted: tuple[str, ...],
    flat: tuple[str, ...] | list[str],
) -> None:
    for prefix in dotted:
        places.setdefault(prefix + name, (part, targets))
    for prefix in flat:
        places.setdefault(prefix + name.replace(".", "_"), (part, targets))


def _targets(network: nn.Module, modules: tuple[str, ...], swapped: bool) -> Iterator[Target]:
    """The layers that an original one became, each with its rows."""
    if len(modules) == 1 and not swapped:
        yield Target(module=modules[0])
        return
    start = 0
    for name in modules:
        size = int(network.get_submodule(name).weight.shape[0])  # type: ignore[index]
        rows = torch.arange(start, start + size)
        if swapped:
            rows = rows.roll(size // 2)
        yield Target(module=name, rows=rows)
        start += size


def unknown_layer(file: str, name: str) -> ModelError:
    """The refusal of a LoRA that changes what the base does not have."""
    return ModelError(
        f"'{file}' does not fit the model: it changes '{name}', which the model does not have. "
        "Bring the LoRA of this model, or the model of this LoRA."
    )


def twice(file: str, name: str) -> ModelError:
    """The refusal of a LoRA that says two things of one layer."""
    return ModelError(
        f"'{file}' names the same layer twice, with and without a prefix or by two names "
        f"('{name}'). Export it again."
    )


def require_shape(file: str, change: LayerChange, parts: Parts) -> None:
    """Raises `ModelError` where an adapter that is not plain does not make the layer's shape."""
    modules = [parts[change.part].get_submodule(one.module) for one in change.targets]
    weights = [getattr(module, "weight", None) for module in modules]
    first = weights[0]
    if first is None or not isinstance(first, Tensor):
        raise unknown_layer(file, change.name)
    outputs = sum(len(weight) for weight in weights if weight is not None)
    shape = (outputs, *first.shape[1:])
    magnitude = change.tensors.get("magnitude")
    if magnitude is not None:
        if of_inputs(magnitude, shape) and len(modules) > 1:
            raise ModelError(
                f"'{file}' is a DoRA whose magnitudes count inputs, of a layer that is several "
                f"here ('{change.name}'), which is not supported. Train it with the norm on the "
                "output axis, or without DoRA."
            )
        if magnitude.numel() not in (shape[0], shape[1] if of_inputs(magnitude, shape) else -1):
            raise _misfit(file, change, tuple(magnitude.shape), shape)
    if change.tensors and _made(change) != math.prod(shape):
        own = tuple(next(iter(change.tensors.values())).shape)
        raise _misfit(file, change, own, shape)
    if change.bias is not None and getattr(modules[0], "bias", None) is None:
        raise unknown_layer(file, f"{change.name}.bias")


def _made(change: LayerChange) -> int:
    """How many numbers the change has."""
    own, kind = change.tensors, change.kind
    if kind == "whole layers":
        return own["diff"].numel()
    if kind == "LoRA" and "mid" in own:
        core = own["mid"]
        return len(own["up"]) * own["down"].shape[1] * int(math.prod(core.shape[2:]))
    if kind == "LoRA":
        return len(own["up"]) * int(math.prod(own["down"].shape[1:]))

    def of(number: str) -> int:
        if f"w{number}" in own:
            return own[f"w{number}"].numel()
        a, b, core = own[f"w{number}_a"], own[f"w{number}_b"], own.get(f"t{number}")
        if core is None:
            return len(a) * b.shape[1]
        return a.shape[1] * b.shape[1] * int(math.prod(core.shape[2:]))

    return of("1") * of("2") if kind == "LoKr" else of("1") if of("1") == of("2") else -1


def _misfit(
    file: str, change: LayerChange, own: tuple[int, ...], wanted: tuple[int, ...]
) -> ModelError:
    return ModelError(
        f"'{file}' does not fit the model: its '{change.name}' ({change.kind}, {own}) does not "
        f"make the {wanted} that the model's layer has. Bring the LoRA of this model, or the model "
        "of this LoRA."
    )

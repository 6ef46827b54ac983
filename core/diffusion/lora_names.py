"""Which LoRA a file holds, by the names and shapes of its tensors alone.

In: names and shapes. Out: the layout, the family and each tensor's plain name, or a `ModelError`
that says which family, kind of adapter or addition it is instead, by which tensor, and what to do.
Reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import ModelError

Shapes = Mapping[str, Sequence[int]]
PEFT_PREFIX = "base_model.model."
FLAT_PREFIXES = ("lora_unet_", "lora_te", "lora_transformer_", "lycoris_")  # kohya's and its kin
COMFY_PREFIXES = ("model.diffusion_model.", "diffusion_model.")
# peft's names of what was saved with its adapter's name: `.lora_A.default.weight`
NAMED = re.compile(
    r"(.*\.(?:lora_[AB]|lora_magnitude_vector|hada_\w\w(?:_\w)?|lokr_\w\w(?:_\w)?))"
    r"\.(?!(?:weight|bias)$)([^.]+)(?:\.(weight|bias))?"
)
KINDS = (  # what else changes a model; the first that matches
    (r"\boft_|_oft_|\.oft_|boft_", "OFT"),
    (r"vera_lambda", "VeRA"),
    (r"ia3_l|\.on_input$", "IA3"),
    (r"\.[ab][12]\.weight$", "GLoRA"),
    (r"lora_controlnet|^control_model\.", "ControlNet"),
)
SDXL, SD3, FLUX = "Stable Diffusion XL", "Stable Diffusion 3", "FLUX"
Z_IMAGE = "Z-Image"
TRANSFORMER = "a transformer (FLUX, Stable Diffusion 3 or alike)"
ATTRIBUTABLE = frozenset({SDXL, SD3, FLUX, Z_IMAGE, TRANSFORMER})
FAMILIES = (
    (r"joint_blocks", SD3),
    (r"double_stream_modulation|to_qkv_mlp_proj|single_stream_modulation", "FLUX.2"),
    (r"transformer_blocks[._]\d+[._](img|txt)_(mlp|mod)[._]", "Qwen-Image"),
    (
        r"(noise|context)_refiner[._]|layers[._]\d+[._]attention[._](to_[qkv]|to_out|qkv|out)\b",
        Z_IMAGE,
    ),
    (r"double_blocks|single_blocks|single_transformer_blocks", FLUX),
    (r"lora_te3_|text_encoder_3\b", SD3),
    (r"^(transformer\.|lora_transformer_)", TRANSFORMER),
    (r"lora_te2_|text_encoder_2\b|add_embedding|label_emb", SDXL),
    # a block of SDXL holds up to ten transformers, one of 1.x and 2.x just one
    (r"(attentions|blocks)[._]\d+[._](\d+[._])?transformer_blocks[._][1-9]", SDXL),
    (r"^(prior|decoder)\.|lora_prior_", "Stable Cascade or Kandinsky"),
    (r"motion_modules|temporal_", "AnimateDiff (video)"),
    (
        r"^(lora_unet_|(model\.)?diffusion_model\.)(blocks|layers)[._]\d",
        "another transformer (Wan, Lumina or alike)",
    ),
)
TEXT_READERS = re.compile(
    r"attn2[._](?:processor\.)?to_[kv](?:_lora)?\.(?:lora_A|lora_down|down)\."
)
WIDTHS = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: SDXL}
EMBEDDINGS = re.compile(r"^bundle_emb\.([^.]+)|string_to_param|^emb_params$|^clip_[lg]$")
ONLY = "only LoRAs, LoHas, LoKrs and DoRAs can be attributed"


@dataclass(frozen=True)
class LoraFamily:
    """Of which family a LoRA is, and `sign`, the name that says so; both empty where no name
    does."""

    name: str = ""
    sign: str = ""

    def refusal(self, file: str) -> ModelError:
        """Where the model is of another family."""
        return ModelError(
            f"'{file}' is a LoRA of {self.name} ({self.sign}), and the model is of another family. "
            "Bring a LoRA that was trained on the model of this collection."
        )


def layout_of(file: str, shapes: Shapes) -> str:
    """`kohya`, `peft` or `diffusers`. Raises `ModelError` for whatever is not a plain LoRA of a
    family that can be attributed, by its true cause."""
    _refuse_kinds(file, shapes)
    family = family_of_names(shapes)
    if family.name and family.name not in ATTRIBUTABLE:
        raise family.refusal(file)
    _refuse_additions(file, shapes)
    if any(name.startswith(FLAT_PREFIXES) for name in shapes):
        return "kohya"
    if any(name.startswith(PEFT_PREFIX) for name in shapes):
        return "peft"
    if any(
        re.search(r"lora|hada_|lokr_|\.dora_scale|\.diff(_b)?$|\.[wb]_norm$", name)
        for name in shapes
    ):
        return "diffusers"
    if any(name.startswith(("model.diffusion_model.", "cond_stage_model.")) for name in shapes):
        raise ModelError(
            f"'{file}' is a whole model, not a LoRA ({next(iter(shapes))}). Load it with diffusers "
            "(`from_single_file`), write it with `save_pretrained`, and give that folder as --base."
        )
    raise ModelError(
        f"'{file}' holds no LoRA: none of its {len(shapes)} tensors is one. Bring a LoRA's file."
    )


def family_of_width(width: int) -> str:
    """Whose texts are so wide: the family of what reads them; "another model" if unknown."""
    return WIDTHS.get(width, "another model")


def _refuse_kinds(file: str, shapes: Shapes) -> None:
    for pattern, kind in KINDS:
        name = _first(pattern, shapes)
        if name is not None:
            raise ModelError(
                f"'{file}' is a {kind} (it holds '{name}'), and {ONLY}: they add to a layer's "
                "weight by matrices whose gradients are compared. Use one of them."
            )


def family_of_names(shapes: Shapes) -> LoraFamily:
    """What the names say, the first that matches; Stable Diffusion 1.x and 2.x have no sign."""
    for pattern, family in FAMILIES:
        name = _first(pattern, shapes)
        if name is not None:
            return LoraFamily(family, f"it changes '{name}'")
    for name, shape in shapes.items():
        if TEXT_READERS.search(name) and len(shape) > 1 and shape[1] == 2048:
            return LoraFamily(SDXL, f"'{name}' reads texts of width 2048")
    return LoraFamily()


def _refuse_additions(file: str, shapes: Shapes) -> None:
    """An embedding is a word that the tokenizer does not know: without it the LoRA means less."""
    embeddings = [name for name in shapes if EMBEDDINGS.search(name)]
    if embeddings and len(embeddings) < len(shapes):
        raise ModelError(
            f"'{file}' brings an embedding along ('{embeddings[0]}', as OneTrainer bundles it): a "
            "word of its own, which the model's tokenizer does not know. Export the LoRA again "
            "without bundled embeddings."
        )
    if embeddings:
        raise ModelError(
            f"'{file}' is an embedding (textual inversion, '{embeddings[0]}'), not a LoRA: it "
            "changes no layer that could be attributed. Bring a LoRA."
        )


def _first(pattern: str, shapes: Shapes) -> str | None:
    return next((name for name in shapes if re.search(pattern, name)), None)


def plain_names(file: str, names: Sequence[str], network: str) -> dict[str, str]:
    """Each tensor's name -> the same without peft's prefix and adapter name, and without ComfyUI's
    prefix of the network. Raises `ModelError` where several adapters lie in one file."""
    adapters = sorted({match[2] for name in names if (match := NAMED.fullmatch(name))})
    if len(adapters) > 1:
        raise ModelError(
            f"'{file}' holds several adapters ({', '.join(adapters)}), and one LoRA is attributed. "
            "Save one of them alone."
        )
    plain = {}
    for name in names:
        match = NAMED.fullmatch(name)
        short = ".".join(one for one in (match[1], match[3]) if one) if match else name
        short = short.removeprefix(PEFT_PREFIX)
        for prefix in (*COMFY_PREFIXES, f"{network}."):
            short = short.removeprefix(prefix)
        plain[name] = short
    if len(set(plain.values())) < len(plain):
        raise ModelError(
            f"'{file}' names the same layer twice, with and without a prefix. Export it again."
        )
    return plain

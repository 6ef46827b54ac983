"""How the authors of a family call its network's layers, where diffusers calls them otherwise.

In: a network of diffusers. Out: original name -> the layers here that it became, of a network of
any depth. Trainers (kohya, ai-toolkit, ComfyUI) write LoRAs by either name. Knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Original:
    """One original layer: its output is that of `modules`, one after the other. `swapped`: with
    its two halves (shift and scale) in the other order."""

    modules: tuple[str, ...]
    swapped: bool = False


Originals = Mapping[str, Original]
# {} is a block's number; what the network does not have is left out
IMAGE, TEXT = ("to_q", "to_k", "to_v"), ("add_q_proj", "add_k_proj", "add_v_proj")


def _of_table(network: nn.Module, table: Mapping[str, Sequence[str] | str]) -> dict[str, Original]:
    """A table's names for every block that the network has, at any depth."""
    there = dict(network.named_modules())
    count = max(
        (len(one) for one in network.children() if isinstance(one, nn.ModuleList)), default=0
    )
    names = {}
    for original, ours in table.items():
        modules = (ours,) if isinstance(ours, str) else tuple(ours)
        for number in range(count if "{}" in original else 1):
            chosen = tuple(module.format(number) for module in modules)
            if all(module in there for module in chosen):
                names[original.format(number)] = Original(chosen)
    return names


def _under(prefix: str, ends: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{prefix}.{end}" for end in ends)


DOUBLE, SINGLE = "transformer_blocks.{}", "single_transformer_blocks.{}"
TIMES = "time_text_embed"
FLUX_TABLE: dict[str, Sequence[str] | str] = {
    "double_blocks.{}.img_attn.qkv": _under(f"{DOUBLE}.attn", IMAGE),
    "double_blocks.{}.img_attn.proj": f"{DOUBLE}.attn.to_out.0",
    "double_blocks.{}.img_mlp.0": f"{DOUBLE}.ff.net.0.proj",
    "double_blocks.{}.img_mlp.2": f"{DOUBLE}.ff.net.2",
    "double_blocks.{}.img_mod.lin": f"{DOUBLE}.norm1.linear",
    "double_blocks.{}.txt_attn.qkv": _under(f"{DOUBLE}.attn", TEXT),
    "double_blocks.{}.txt_attn.proj": f"{DOUBLE}.attn.to_add_out",
    "double_blocks.{}.txt_mlp.0": f"{DOUBLE}.ff_context.net.0.proj",
    "double_blocks.{}.txt_mlp.2": f"{DOUBLE}.ff_context.net.2",
    "double_blocks.{}.txt_mod.lin": f"{DOUBLE}.norm1_context.linear",
    "single_blocks.{}.linear1": (*_under(f"{SINGLE}.attn", IMAGE), f"{SINGLE}.proj_mlp"),
    "single_blocks.{}.linear2": f"{SINGLE}.proj_out",
    "single_blocks.{}.modulation.lin": f"{SINGLE}.norm.linear",
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": f"{TIMES}.timestep_embedder.linear_1",
    "time_in.out_layer": f"{TIMES}.timestep_embedder.linear_2",
    "vector_in.in_layer": f"{TIMES}.text_embedder.linear_1",
    "vector_in.out_layer": f"{TIMES}.text_embedder.linear_2",
    "guidance_in.in_layer": f"{TIMES}.guidance_embedder.linear_1",
    "guidance_in.out_layer": f"{TIMES}.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
}
SD3_TABLE: dict[str, Sequence[str] | str] = {
    "joint_blocks.{}.x_block.attn.qkv": _under(f"{DOUBLE}.attn", IMAGE),
    "joint_blocks.{}.x_block.attn.proj": f"{DOUBLE}.attn.to_out.0",
    "joint_blocks.{}.x_block.attn2.qkv": _under(f"{DOUBLE}.attn2", IMAGE),
    "joint_blocks.{}.x_block.attn2.proj": f"{DOUBLE}.attn2.to_out.0",
    "joint_blocks.{}.x_block.mlp.fc1": f"{DOUBLE}.ff.net.0.proj",
    "joint_blocks.{}.x_block.mlp.fc2": f"{DOUBLE}.ff.net.2",
    "joint_blocks.{}.x_block.adaLN_modulation.1": f"{DOUBLE}.norm1.linear",
    "joint_blocks.{}.context_block.attn.qkv": _under(f"{DOUBLE}.attn", TEXT),
    "joint_blocks.{}.context_block.attn.proj": f"{DOUBLE}.attn.to_add_out",
    "joint_blocks.{}.context_block.mlp.fc1": f"{DOUBLE}.ff_context.net.0.proj",
    "joint_blocks.{}.context_block.mlp.fc2": f"{DOUBLE}.ff_context.net.2",
    "joint_blocks.{}.context_block.adaLN_modulation.1": f"{DOUBLE}.norm1_context.linear",
    "x_embedder.proj": "pos_embed.proj",
    "t_embedder.mlp.0": f"{TIMES}.timestep_embedder.linear_1",
    "t_embedder.mlp.2": f"{TIMES}.timestep_embedder.linear_2",
    "y_embedder.mlp.0": f"{TIMES}.text_embedder.linear_1",
    "y_embedder.mlp.2": f"{TIMES}.text_embedder.linear_2",
    "final_layer.linear": "proj_out",
}
# of the blocks of Z-Image, wherever they stand
Z_IMAGE_TABLE: dict[str, Sequence[str] | str] = {
    f"{place}.{{}}.attention.{original}": ours
    for place in ("layers", "noise_refiner", "context_refiner")
    for original, ours in (
        ("qkv", _under(f"{place}.{{}}.attention", IMAGE)),
        ("out", f"{place}.{{}}.attention.to_out.0"),
    )
}
SWAPPED = {"final_layer.adaLN_modulation.1": Original(("norm_out.linear",), swapped=True)}


def of_flux(network: nn.Module) -> dict[str, Original]:
    """Black Forest Labs' names of FLUX.1."""
    return _of_table(network, FLUX_TABLE) | SWAPPED


def of_stable_diffusion_3(network: nn.Module) -> dict[str, Original]:
    """Stability's names of SD 3; the last block's text half ends as the whole network does."""
    names = _of_table(network, SD3_TABLE) | SWAPPED
    last = len(network.get_submodule("transformer_blocks")) - 1  # type: ignore[arg-type]
    end = f"joint_blocks.{last}.context_block.adaLN_modulation.1"
    names[end] = Original(names[end].modules, swapped=True)
    return names


def of_z_image(network: nn.Module) -> dict[str, Original]:
    """Tongyi's names of Z-Image."""
    return _of_table(network, Z_IMAGE_TABLE)


# within a residual block, a sampler and the rest of a UNet
RESIDUAL = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
AROUND = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}


def of_unet(unet: Any) -> dict[str, Original]:
    """CompVis' and Stability's names of a UNet: its blocks counted through, whatever is in them."""
    places: list[tuple[str, str]] = []  # original beginning, ours
    number = 1
    for at, block in enumerate(unet.down_blocks):
        attentions = getattr(block, "attentions", ())
        for layer in range(len(block.resnets)):
            places.append((f"input_blocks.{number}.0", f"down_blocks.{at}.resnets.{layer}"))
            if attentions:
                places.append((f"input_blocks.{number}.1", f"down_blocks.{at}.attentions.{layer}"))
            number += 1
        if block.downsamplers:
            places.append((f"input_blocks.{number}.0.op", f"down_blocks.{at}.downsamplers.0.conv"))
            number += 1
    places += [
        ("middle_block.0", "mid_block.resnets.0"),
        ("middle_block.1", "mid_block.attentions.0"),
        ("middle_block.2", "mid_block.resnets.1"),
    ]
    number = 0
    for at, block in enumerate(unet.up_blocks):
        attentions = getattr(block, "attentions", ())
        for layer in range(len(block.resnets)):
            start = f"output_blocks.{number}"
            places.append((f"{start}.0", f"up_blocks.{at}.resnets.{layer}"))
            if attentions:
                places.append((f"{start}.1", f"up_blocks.{at}.attentions.{layer}"))
            if block.upsamplers and layer + 1 == len(block.resnets):
                place = 2 if attentions else 1
                places.append((f"{start}.{place}.conv", f"up_blocks.{at}.upsamplers.0.conv"))
            number += 1
    inner = {ours: original for original, ours in RESIDUAL.items()}
    names = {original: Original((ours,)) for original, ours in AROUND.items()}
    starts = {ours: original for original, ours in places}
    for module, _ in unet.named_modules():
        within = [one for one in starts if module == one or module.startswith(f"{one}.")]
        for start in within[:1]:
            rest = module[len(start) + 1 :]
            if ".resnets." in start:
                rest = inner.get(rest, rest)
            names[f"{starts[start]}.{rest}".rstrip(".")] = Original((module,))
    return names


def of_nothing(network: nn.Module) -> dict[str, Original]:
    """A family whose authors' names are diffusers'."""
    return {}

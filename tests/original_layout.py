"""A pipeline's weights by the names of the original models, as one-file checkpoints hold them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Tensors = dict[str, Tensor]
Renames = Sequence[tuple[str, str | Callable[[re.Match[str]], str]]]


def renamed(state: Tensors, prefix: str, renames: Renames) -> Tensors:
    named = {}
    for key, value in state.items():
        for pattern, new in renames:
            key = re.sub(pattern, new, key)
        named[prefix + key] = value
    return named


def unet(module: Any) -> Tensors:
    """Of Stable Diffusion's UNets, `model.diffusion_model.`."""
    layers = module.config.layers_per_block

    def block(match: re.Match[str]) -> str:
        at, kind, number, rest = int(match[2]), match[3], int(match[4]), match[5]
        if match[1] == "down":
            if kind == "downsamplers":
                return f"input_blocks.{(layers + 1) * (at + 1)}.0.op{rest.removeprefix('.conv')}"
            place = f"input_blocks.{(layers + 1) * at + number + 1}"
        elif kind == "upsamplers":
            attends = hasattr(module.up_blocks[at], "attentions")
            return f"output_blocks.{(layers + 1) * at + layers}.{2 if attends else 1}{rest}"
        else:
            place = f"output_blocks.{(layers + 1) * at + number}"
        return f"{place}.{0 if kind == 'resnets' else 1}{rest}"

    resnets = (
        (r"(resnets\.\d+)\.norm1", r"\1.in_layers.0"),
        (r"(resnets\.\d+)\.conv1", r"\1.in_layers.2"),
        (r"(resnets\.\d+)\.time_emb_proj", r"\1.emb_layers.1"),
        (r"(resnets\.\d+)\.norm2", r"\1.out_layers.0"),
        (r"(resnets\.\d+)\.conv2", r"\1.out_layers.3"),
        (r"(resnets\.\d+)\.conv_shortcut", r"\1.skip_connection"),
    )
    places: Renames = (
        (r"^time_embedding\.linear_1", "time_embed.0"),
        (r"^time_embedding\.linear_2", "time_embed.2"),
        (r"^add_embedding\.linear_1", "label_emb.0.0"),
        (r"^add_embedding\.linear_2", "label_emb.0.2"),
        (r"^conv_in", "input_blocks.0.0"),
        (r"^conv_norm_out", "out.0"),
        (r"^conv_out", "out.2"),
        (r"^mid_block\.resnets\.0", "middle_block.0"),
        (r"^mid_block\.attentions\.0", "middle_block.1"),
        (r"^mid_block\.resnets\.1", "middle_block.2"),
        (r"^(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)(.*)", block),
    )
    return renamed(module.state_dict(), "model.diffusion_model.", (*resnets, *places))


def vae(module: Any) -> Tensors:
    """Of all autoencoders here, `first_stage_model.`."""
    last = len(module.config.block_out_channels) - 1
    return renamed(
        module.state_dict(),
        "first_stage_model.",
        (
            (r"conv_shortcut", "nin_shortcut"),
            (r"conv_norm_out", "norm_out"),
            (r"mid_block\.resnets\.(\d)", lambda match: f"mid.block_{int(match[1]) + 1}"),
            (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
            (r"down_blocks\.(\d)\.resnets", r"down.\1.block"),
            (
                r"up_blocks\.(\d)\.upsamplers\.0",
                lambda match: f"up.{last - int(match[1])}.upsample",
            ),
            (r"up_blocks\.(\d)\.resnets", lambda match: f"up.{last - int(match[1])}.block"),
        ),
    )


def clip(module: nn.Module, prefix: str) -> Tensors:
    """CLIP's own names, with the wrapper that transformers no longer has."""
    state = {key.removeprefix("text_model."): value for key, value in module.state_dict().items()}
    projection = state.pop("text_projection.weight", None)
    named = {f"{prefix}text_model.{key}": value for key, value in state.items()}
    return named if projection is None else {**named, f"{prefix}text_projection.weight": projection}


def open_clip(module: nn.Module, prefix: str) -> Tensors:
    """OpenCLIP's names: q, k and v in one matrix, the projection turned."""
    state = {key.removeprefix("text_model."): value for key, value in module.state_dict().items()}
    joined: Tensors = {"text_projection": state.pop("text_projection.weight").T.contiguous()}
    for kind in ("weight", "bias"):
        for key in [one for one in state if one.endswith(f"self_attn.q_proj.{kind}")]:
            names = [key.replace("q_proj", side) for side in ("q_proj", "k_proj", "v_proj")]
            layer = key.partition(".self_attn")[0]
            joined[f"{layer}.attn.in_proj_{kind}"] = torch.cat([state.pop(name) for name in names])
    return renamed(
        {**state, **joined},
        prefix,
        (
            (r"^encoder\.layers", "transformer.resblocks"),
            (r"layer_norm1", "ln_1"),
            (r"layer_norm2", "ln_2"),
            (r"mlp\.fc1", "mlp.c_fc"),
            (r"mlp\.fc2", "mlp.c_proj"),
            (r"self_attn\.out_proj", "attn.out_proj"),
            (r"^embeddings\.position_embedding\.weight", "positional_embedding"),
            (r"^embeddings\.token_embedding", "token_embedding"),
            (r"^final_layer_norm", "ln_final"),
        ),
    )


def swapped(value: Tensor) -> Tensor:
    """Scale and shift the other way round."""
    return torch.cat(list(value.chunk(2))[::-1])


def joint_transformer(module: Any) -> Tensors:
    """Of Stable Diffusion 3, `model.diffusion_model.`."""
    state = dict(module.state_dict())
    last = module.config.num_layers - 1
    named: Tensors = {}
    for kind in ("weight", "bias"):
        for at in range(last + 1):
            for block, sides in (
                ("x_block", ("to_q", "to_k", "to_v")),
                ("context_block", ("add_q_proj", "add_k_proj", "add_v_proj")),
            ):
                parts = [state.pop(f"transformer_blocks.{at}.attn.{side}.{kind}") for side in sides]
                named[f"joint_blocks.{at}.{block}.attn.qkv.{kind}"] = torch.cat(parts)
        for key in ("norm_out.linear", f"transformer_blocks.{last}.norm1_context.linear"):
            state[f"{key}.{kind}"] = swapped(state[f"{key}.{kind}"])
    return renamed(
        {**state, **named},
        "model.diffusion_model.",
        (
            (r"^pos_embed\.pos_embed", "pos_embed"),
            (r"^pos_embed\.proj", "x_embedder.proj"),
            (r"^time_text_embed\.timestep_embedder\.linear_1", "t_embedder.mlp.0"),
            (r"^time_text_embed\.timestep_embedder\.linear_2", "t_embedder.mlp.2"),
            (r"^time_text_embed\.text_embedder\.linear_1", "y_embedder.mlp.0"),
            (r"^time_text_embed\.text_embedder\.linear_2", "y_embedder.mlp.2"),
            (r"^norm_out\.linear", "final_layer.adaLN_modulation.1"),
            (r"^proj_out", "final_layer.linear"),
            (r"^transformer_blocks", "joint_blocks"),
            (r"norm1_context\.linear", "context_block.adaLN_modulation.1"),
            (r"norm1\.linear", "x_block.adaLN_modulation.1"),
            (r"attn\.to_add_out", "context_block.attn.proj"),
            (r"attn\.to_out\.0", "x_block.attn.proj"),
            (r"ff_context\.net\.0\.proj", "context_block.mlp.fc1"),
            (r"ff_context\.net\.2", "context_block.mlp.fc2"),
            (r"ff\.net\.0\.proj", "x_block.mlp.fc1"),
            (r"ff\.net\.2", "x_block.mlp.fc2"),
        ),
    )


def flux_transformer(module: Any) -> Tensors:
    """Of FLUX.1, `model.diffusion_model.`; q, k, v (and a single block's MLP) in one matrix."""
    state = dict(module.state_dict())
    named: Tensors = {}
    image, text = ("to_q", "to_k", "to_v"), ("add_q_proj", "add_k_proj", "add_v_proj")

    def join(block: str, sides: Sequence[str], kind: str) -> Tensor:
        return torch.cat([state.pop(f"{block}.{side}.{kind}") for side in sides])

    for kind in ("weight", "bias"):
        for at in range(module.config.num_layers):
            block = f"transformer_blocks.{at}.attn"
            named[f"double_blocks.{at}.img_attn.qkv.{kind}"] = join(block, image, kind)
            named[f"double_blocks.{at}.txt_attn.qkv.{kind}"] = join(block, text, kind)
        for at in range(module.config.num_single_layers):
            sides = [*(f"attn.{side}" for side in image), "proj_mlp"]
            block = f"single_transformer_blocks.{at}"
            named[f"single_blocks.{at}.linear1.{kind}"] = join(block, sides, kind)
        state[f"norm_out.linear.{kind}"] = swapped(state[f"norm_out.linear.{kind}"])
    return renamed(
        {**state, **named},
        "model.diffusion_model.",
        (
            (r"^time_text_embed\.timestep_embedder\.linear_1", "time_in.in_layer"),
            (r"^time_text_embed\.timestep_embedder\.linear_2", "time_in.out_layer"),
            (r"^time_text_embed\.text_embedder\.linear_1", "vector_in.in_layer"),
            (r"^time_text_embed\.text_embedder\.linear_2", "vector_in.out_layer"),
            (r"^time_text_embed\.guidance_embedder\.linear_1", "guidance_in.in_layer"),
            (r"^time_text_embed\.guidance_embedder\.linear_2", "guidance_in.out_layer"),
            (r"^norm_out\.linear", "final_layer.adaLN_modulation.1"),
            (r"^proj_out", "final_layer.linear"),
            (r"^x_embedder", "img_in"),
            (r"^context_embedder", "txt_in"),
            (r"^single_transformer_blocks", "single_blocks"),
            (r"^(single_blocks\.\d+)\.proj_out", r"\1.linear2"),
            (r"^(single_blocks\.\d+)\.norm\.linear", r"\1.modulation.lin"),
            (r"^transformer_blocks", "double_blocks"),
            (r"norm1_context\.linear", "txt_mod.lin"),
            (r"norm1\.linear", "img_mod.lin"),
            (r"attn\.to_add_out", "txt_attn.proj"),
            (r"attn\.to_out\.0", "img_attn.proj"),
            (r"ff_context\.net\.0\.proj", "txt_mlp.0"),
            (r"ff_context\.net\.2", "txt_mlp.2"),
            (r"ff\.net\.0\.proj", "img_mlp.0"),
            (r"ff\.net\.2", "img_mlp.2"),
        ),
    )


def stable_diffusion(pipeline: Any) -> Tensors:
    text = clip(pipeline.text_encoder, "cond_stage_model.transformer.")
    return {**unet(pipeline.unet), **vae(pipeline.vae), **text}


def stable_diffusion_xl(pipeline: Any) -> Tensors:
    one = clip(pipeline.text_encoder, "conditioner.embedders.0.transformer.")
    two = open_clip(pipeline.text_encoder_2, "conditioner.embedders.1.model.")
    return {**unet(pipeline.unet), **vae(pipeline.vae), **one, **two}


def stable_diffusion_3(pipeline: Any) -> Tensors:
    """CLIP-L's projection, which such files leave out, must be the identity."""
    one = clip(pipeline.text_encoder, "text_encoders.clip_l.transformer.")
    del one["text_encoders.clip_l.transformer.text_projection.weight"]
    two = clip(pipeline.text_encoder_2, "text_encoders.clip_g.transformer.")
    prefix = "text_encoders.t5xxl.transformer."
    three = {prefix + key: value for key, value in pipeline.text_encoder_3.state_dict().items()}
    return {**joint_transformer(pipeline.transformer), **vae(pipeline.vae), **one, **two, **three}


def written(tensors: Tensors, dtype: torch.dtype = torch.float32) -> Tensors:
    """As safetensors takes them: no memory shared."""
    return {
        key: (value.to(dtype) if value.is_floating_point() else value).detach().clone().contiguous()
        for key, value in tensors.items()
    }

"""A random pipeline of each family, complete and of a few ten thousand parameters."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model import TINY_WORDS, build_tokenizer, tiny_pipeline
from core.diffusion.training.base_model_check import hush

SIDE, LATENTS, TOKENS = 32, 4, 16
WIDTH, WIDER = 16, 24  # of the first text encoder and of the second, as their widths differ


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, random weights come from `seed`; the libraries keep quiet."""
    hush()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def clip_tokenizer(words: Sequence[str] = TINY_WORDS) -> CLIPTokenizer:
    with TemporaryDirectory() as scratch:
        return build_tokenizer(words, Path(scratch), TOKENS)


def clip(tokenizer: CLIPTokenizer, *, projected: bool, width: int = WIDTH) -> Any:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
        projection_dim=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def t5_tokenizer() -> T5TokenizerFast:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -3.0) for letter in string.ascii_lowercase + "-_"]
    return T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=512)


def t5(tokenizer: T5TokenizerFast, width: int) -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer), d_model=width, d_kv=8, d_ff=16, num_layers=1, num_heads=2
        )
    )


def autoencoder(**options: object) -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 16, 16),
        latent_channels=LATENTS,
        norm_num_groups=8,
        sample_size=SIDE,
        layers_per_block=1,
        mid_block_add_attention=False,
        **options,
    )


def tiny_xl(seed: int = 0, *, prediction_type: str = "epsilon") -> StableDiffusionXLPipeline:
    """As SDXL: two encoders, pooled text, sizes, deeper blocks further down."""
    with seeded(seed):
        tokenizer = clip_tokenizer()
        unet = UNet2DConditionModel(
            sample_size=SIDE // 4,
            in_channels=LATENTS,
            out_channels=LATENTS,
            block_out_channels=(16, 32),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2),
            cross_attention_dim=WIDTH + WIDER,
            attention_head_dim=(2, 4),
            norm_num_groups=8,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + WIDER,
        )
        return StableDiffusionXLPipeline(
            vae=autoencoder(scaling_factor=0.13),
            text_encoder=clip(tokenizer, projected=False),
            text_encoder_2=clip(tokenizer, projected=True, width=WIDER),
            tokenizer=tokenizer,
            tokenizer_2=clip_tokenizer(),
            unet=unet,
            scheduler=EulerDiscreteScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                prediction_type=prediction_type,
            ),
            add_watermarker=False,
        )


def tiny_sd3(seed: int = 0, *, with_t5: bool = True) -> StableDiffusion3Pipeline:
    """As SD 3: three encoders, joint attention, flow matching with a fixed shift."""
    with seeded(seed):
        tokenizer, third = clip_tokenizer(), t5_tokenizer()
        transformer = SD3Transformer2DModel(
            sample_size=SIDE // 4,
            patch_size=2,
            in_channels=LATENTS,
            out_channels=LATENTS,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=WIDTH + WIDER,
            caption_projection_dim=WIDTH,
            pooled_projection_dim=WIDTH + WIDER,
            pos_embed_max_size=8,
        )
        return StableDiffusion3Pipeline(
            transformer=transformer,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=autoencoder(
                scaling_factor=1.5,
                shift_factor=0.06,
                use_quant_conv=False,
                use_post_quant_conv=False,
            ),
            text_encoder=clip(tokenizer, projected=True),
            tokenizer=tokenizer,
            text_encoder_2=clip(tokenizer, projected=True, width=WIDER),
            tokenizer_2=clip_tokenizer(),
            text_encoder_3=t5(third, WIDTH + WIDER) if with_t5 else None,
            tokenizer_3=third if with_t5 else None,
        )


def tiny_flux(seed: int = 0, *, guidance: bool = True) -> FluxPipeline:
    """As FLUX.1 dev, or schnell without `guidance`: double and single blocks, packed latents."""
    with seeded(seed):
        tokenizer, second = clip_tokenizer(), t5_tokenizer()
        transformer = FluxTransformer2DModel(
            patch_size=1,
            in_channels=4 * LATENTS,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            guidance_embeds=guidance,
            axes_dims_rope=(4, 4, 8),
        )
        return FluxPipeline(
            transformer=transformer,
            scheduler=FlowMatchEulerDiscreteScheduler(
                shift=3.0,
                use_dynamic_shifting=guidance,
                base_shift=0.5,
                max_shift=1.15,
                base_image_seq_len=256,
                max_image_seq_len=4096,
            ),
            vae=autoencoder(
                scaling_factor=0.36,
                shift_factor=0.12,
                use_quant_conv=False,
                use_post_quant_conv=False,
            ),
            text_encoder=clip(tokenizer, projected=False),
            tokenizer=tokenizer,
            text_encoder_2=t5(second, WIDTH),
            tokenizer_2=second,
        )


def qwen_tokenizer() -> PreTrainedTokenizerFast:
    """Qwen's in small: bytes without merges, and a chat around the prompt."""
    letters = sorted(ByteLevel.alphabet())
    vocab = {letter: number for number, letter in enumerate(letters)}
    model = Tokenizer(BPE(vocab=vocab, merges=[]))
    model.pre_tokenizer, model.decoder = ByteLevel(add_prefix_space=False), ByteLevelDecoder()
    return PreTrainedTokenizerFast(
        tokenizer_object=model,
        pad_token="<|end|>",
        eos_token="<|end|>",
        chat_template="{% for one in messages %}<{{ one['content'] }}>{% endfor %}",
    )


def tiny_z_image(seed: int = 0) -> ZImagePipeline:
    """As Z-Image: prompts of their own lengths, refiners, one stream of tokens."""
    with seeded(seed):
        tokenizer = qwen_tokenizer()
        transformer = ZImageTransformer2DModel(
            in_channels=LATENTS,
            dim=32,
            n_layers=2,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=WIDTH,
            axes_dims=[4, 6, 6],
            axes_lens=[256, 16, 16],
        )
        with torch.no_grad():
            transformer.x_pad_token.normal_()
            transformer.cap_pad_token.normal_()
        return ZImagePipeline(
            transformer=transformer,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=autoencoder(
                scaling_factor=0.36,
                shift_factor=0.12,
                use_quant_conv=False,
                use_post_quant_conv=False,
            ),
            text_encoder=Qwen3Model(
                Qwen3Config(
                    vocab_size=len(tokenizer),
                    hidden_size=WIDTH,
                    intermediate_size=WIDER,
                    num_hidden_layers=2,
                    num_attention_heads=2,
                    num_key_value_heads=1,
                    head_dim=8,
                    max_position_embeddings=512,
                )
            ),
            tokenizer=tokenizer,
        )


PIPELINES: dict[str, Callable[[int], Any]] = {
    "SD 1.x": tiny_pipeline,
    "SDXL": tiny_xl,
    "SDXL, v": lambda seed: tiny_xl(seed, prediction_type="v_prediction"),
    "SD 3": tiny_sd3,
    "FLUX.1 dev": tiny_flux,
    "FLUX.1 schnell": lambda seed: tiny_flux(seed, guidance=False),
    "Z-Image": tiny_z_image,
}


def random_model(kind: str, seed: int = 0, *, rank: int = 4, layers: str = "attention") -> Any:
    """One of them with a random LoRA whose B is not zero."""
    model = PipelineModel(PIPELINES[kind](seed), name="random")
    model.add_lora(rank, seed, layers=layers)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.attributed_parameters().items():
            if ".lora_B." in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model

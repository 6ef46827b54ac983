"""Stable Diffusion (1.x / 2.x layout on disk) with an optional LoRA, behind the model protocol.

In: a diffusers directory and a LoRA directory. Out: latents, embeddings, noise predictions.
Knows nothing of collections, features or credits; never touches the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from core.diffusion.lora import find_lora, lora_scales, put_lora, save_lora
from core.diffusion.protocol import DiffusionModel
from core.diffusion.schedule import NoiseSchedule
from core.diffusion.tensors import digest_tensors
from core.diffusion.training.base_model_check import hush, require_configured, require_tokenizer
from core.diffusion.training.pretrained import require_supported
from core.errors import ModelError, UsageError

ADAPTER = "collection"
LORA_STARTS = ("kaiming", "gaussian")
LORA_TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
LORA_LAYERS = ("attention", "linear")


class StableDiffusion(DiffusionModel):
    """A `DiffusionModel`: the pipeline's parts, frozen, with the LoRA as the attributed part."""

    def __init__(self, pipeline: Any, *, name: str, device: torch.device | str = "cpu") -> None:
        self.pipeline = pipeline.to(device)
        self.name = name
        self.device = torch.device(device)
        for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
            part.requires_grad_(False).eval()
        self.network: nn.Module = pipeline.unet
        self.schedule = NoiseSchedule.from_config(pipeline.scheduler.config)
        channels = int(pipeline.unet.config.in_channels)
        side = int(pipeline.unet.config.sample_size)
        self.latent_shape = (channels, side, side)
        self.image_size = side * 2 ** (len(pipeline.vae.config.block_out_channels) - 1)
        self.scaling = float(pipeline.vae.config.scaling_factor)
        self._embeddings: dict[str, Tensor] = {}
        self._attributed: dict[str, nn.Parameter] = {}

    @classmethod
    def load(
        cls,
        model_dir: Path,
        lora_dir: Path | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> StableDiffusion:
        """Load from disk only. Raises `ModelError` naming what is missing and the remedy.

        The LoRA may be diffusers', peft's or kohya's; `lora_dir` may name its file.
        """
        require_supported(model_dir)
        require_configured(model_dir, str(model_dir))
        require_tokenizer(model_dir, str(model_dir))
        lora = None if lora_dir is None else find_lora(lora_dir)
        hush()
        try:
            pipeline = StableDiffusionPipeline.from_pretrained(
                model_dir,
                dtype=dtype,
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
                local_files_only=True,
                use_safetensors=True,
            )
            pipeline.set_progress_bar_config(disable=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(
                f"The painting model in {model_dir} cannot be loaded ({type(error).__name__}: "
                f"{str(error).splitlines()[0][:200] if str(error) else 'no detail'}). "
                "Its files are damaged or unfinished: train or copy it again."
            ) from error
        if lora is not None:
            try:
                put_lora(pipeline, lora, ADAPTER)
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                raise ModelError(
                    f"The LoRA '{lora.file.name}' does not fit the model in {model_dir} "
                    f"({type(error).__name__}). It was made for another one: bring the LoRA of "
                    "this model, or the model of this LoRA."
                ) from error
        return cls(pipeline, name=model_dir.parent.name, device=device)

    def add_lora(
        self, rank: int, seed: int, start: str = "kaiming", layers: str = "attention"
    ) -> None:
        """A fresh adapter; A random by `seed`, B zero, scale 1.

        `layers`: every projection of the `attention`, as in the paper, or every `linear` layer of
        the UNet. `start` of A: `kaiming` (peft's own) or `gaussian`, N(0, 1 / rank^2) as in the
        paper. Raises `UsageError` for another one.
        """
        if start not in LORA_STARTS:
            raise UsageError(f"There is no start '{start}'. Choose: {', '.join(LORA_STARTS)}.")
        if layers not in LORA_LAYERS:
            raise UsageError(
                f"There are no LoRA layers '{layers}'. Choose: {', '.join(LORA_LAYERS)}."
            )
        targets = list(LORA_TARGETS)
        if layers == "linear":
            modules = self.network.named_modules()
            targets = [name for name, layer in modules if isinstance(layer, nn.Linear)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.pipeline.unet.add_adapter(
                LoraConfig(
                    r=rank,
                    lora_alpha=rank,
                    target_modules=targets,
                    init_lora_weights="gaussian" if start == "gaussian" else True,
                ),
                adapter_name=ADAPTER,
            )
        self.__dict__.pop("digest", None)
        self.__dict__.pop("_adapted_layers", None)
        self._attributed = {}

    def narrow(self, dtype: torch.dtype) -> None:
        """The UNet's frozen weights in `dtype`, to halve their memory; the LoRA stays in float32.

        For training under autocast alone: what paints or is attributed is loaded again.
        """
        kept = {id(parameter) for parameter in self.attributed_parameters().values()}
        for parameter in self.network.parameters():
            if id(parameter) not in kept:
                parameter.data = parameter.data.to(dtype)
        self.__dict__.pop("digest", None)

    @property
    def lora_rank(self) -> int:
        """The rank of the adapter. Raises `ModelError` without one."""
        ranks = {
            value.shape[0]
            for name, value in self.attributed_parameters().items()
            if "lora_A" in name
        }
        if len(ranks) != 1:
            raise ModelError(f"The model '{self.name}' has no LoRA of one rank: train one.")
        return ranks.pop()

    @property
    def lora_layers(self) -> str:
        """On which layers the adapter lies: `linear` where one is beside the attention."""
        names = {name.partition(".lora_")[0] for name in self.attributed_parameters()}
        return "attention" if all(name.endswith(LORA_TARGETS) for name in names) else "linear"

    @contextmanager
    def without_lora(self) -> Iterator[None]:
        """Inside, the UNet answers and paints as if it had never learnt the collection.

        A LoRA of the text encoder is not taken out.
        """
        adapted = self._adapted_layers
        trained = [(one, one.requires_grad) for one in self.attributed_parameters().values()]
        for layer in adapted:
            layer.enable_adapters(False)
        try:
            yield
        finally:
            for layer in adapted:
                layer.enable_adapters(True)
            for parameter, wanted in trained:  # enabling marks them for training
                parameter.requires_grad_(wanted)

    @cached_property
    def _adapted_layers(self) -> list[BaseTunerLayer]:
        """The UNet's layers with a LoRA; a walk over all its modules costs as much as a layer."""
        return [one for one in self.network.modules() if isinstance(one, BaseTunerLayer)]

    @torch.no_grad()
    def base_predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Tensor | None) -> Tensor:
        """What the UNet would answer had it never learnt the collection."""
        with self.without_lora():
            return self.predict(noisy, timesteps, conditioning)

    def save_lora(self, directory: Path) -> None:
        """Write the adapter in diffusers' own layout, as `pytorch_lora_weights.safetensors`."""
        save_lora(directory, self.pipeline, ADAPTER)

    @cached_property
    def digest(self) -> str:
        """sha256 over UNet with LoRA and its scales, text encoder, autoencoder and schedule."""
        parts = {
            "unet": self.network,
            "text": self.pipeline.text_encoder,
            "vae": self.pipeline.vae,
        }
        tensors = {
            f"{part}.{name}": value
            for part, module in parts.items()
            for name, value in module.state_dict().items()
        }
        extra: dict[str, object] = dict(self.pipeline.scheduler.config)
        scales = {part: lora_scales(parts[part], ADAPTER) for part in ("unet", "text")}
        if any(scales.values()):  # alpha is not a tensor, and yet it changes every number
            extra["lora_scales"] = scales
        return digest_tensors(tensors, extra)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Images `[b, 3, h, w]` -> scaled latents `[b, c, h', w']` (the posterior's mode)."""
        weight = next(self.pipeline.vae.parameters())
        posterior = self.pipeline.vae.encode(images.to(self.device, weight.dtype)).latent_dist
        return posterior.mode() * self.scaling

    @torch.no_grad()
    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images -> mean and standard deviation of their scaled latents, `[b, c, h', w']` each."""
        weight = next(self.pipeline.vae.parameters())
        distribution = self.pipeline.vae.encode(images.to(self.device, weight.dtype)).latent_dist
        return distribution.mean * self.scaling, distribution.std * self.scaling

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents -> images `[b, 3, h, w]` in [-1, 1]."""
        weight = next(self.pipeline.vae.parameters())
        images: Tensor = self.pipeline.vae.decode(
            latents.to(self.device, weight.dtype) / self.scaling
        ).sample
        return images.clamp(-1.0, 1.0)

    @torch.no_grad()
    def condition(self, prompts: Sequence[str]) -> Tensor:
        """Prompts -> text embeddings `[b, s, d]`; each distinct prompt is encoded once."""
        for prompt in set(prompts) - set(self._embeddings):
            self._embeddings[prompt] = self.embed_text([prompt])[0]
        return torch.stack([self._embeddings[prompt] for prompt in prompts])

    def embed_text(self, prompts: Sequence[str]) -> Tensor:
        """The text encoder itself, prompts -> `[b, s, d]`, with gradients where its parameters
        require them."""
        tokenizer = self.pipeline.tokenizer
        tokens = tokenizer(
            list(prompts),
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids.to(self.device)
        embeddings: Tensor = self.pipeline.text_encoder(tokens)[0]
        return embeddings

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Tensor | None) -> Tensor:
        """The UNet's own answer, `[b, c, h', w']`."""
        answer: Tensor = self.network(
            noisy, timesteps, encoder_hidden_states=conditioning, return_dict=False
        )[0]
        return answer

    def attributed_parameters(self) -> dict[str, nn.Parameter]:
        """The matrices of the UNet's Linear layers' LoRA, in the network's order.

        A LoRA of its convolutions or of the text encoder paints along, but is not attributed.
        Raises `ModelError` without a LoRA.
        """
        if self._attributed:  # the walk over a UNet's modules costs as much as a small one's step
            return dict(self._attributed)
        chosen = {
            name: parameter
            for name, parameter in self.network.named_parameters()
            if (".lora_A." in name or ".lora_B." in name) and parameter.ndim == 2
        }
        self._attributed = chosen
        if not chosen:
            raise ModelError(
                f"The model '{self.name}' has no LoRA, so there is nothing to attribute. "
                "Train one with `python -m app train`."
            )
        return dict(chosen)

"""A diffusers pipeline of any known family with an optional LoRA, behind the model protocol.

In: a diffusers directory and a LoRA directory. Out: latents, conditioning, noise predictions. What
differs between families stands in `core.diffusion.families`. Knows nothing of collections, features
or credits; never touches the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import torch
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from torch.nn.utils import parametrize

from core.diffusion.conditioning import Conditioning
from core.diffusion.families import FAMILIES, family_of
from core.diffusion.families.family import upscaling
from core.diffusion.lora import find_lora, lora_scales, put_lora, save_lora
from core.diffusion.protocol import DiffusionModel
from core.diffusion.schedule import Schedule
from core.diffusion.tensors import digest_tensors
from core.diffusion.training.base_model_check import hush, require_configured, require_tokenizers
from core.diffusion.training.weights import left_out, load_apart
from core.diffusion.weight_changes import PARAMETRIZED, changed_layers, without_changes
from core.errors import ModelError, UsageError

ADAPTER = "collection"
LORA_STARTS = ("kaiming", "gaussian")
LORA_LAYERS = ("attention", "linear")


class PipelineModel(DiffusionModel):
    """A `DiffusionModel`: the pipeline's parts, frozen, with the LoRA as the attributed part."""

    def __init__(self, pipeline: Any, *, name: str, device: torch.device | str = "cpu") -> None:
        self.family = FAMILIES[type(pipeline).__name__]
        self.pipeline = pipeline.to(device)
        self.name = name
        self.device = torch.device(device)
        self.parts: dict[str, Any] = {
            part: module
            for part in self.family.classes
            if (module := getattr(pipeline, part)) is not None
        }
        for module in self.parts.values():
            module.requires_grad_(False).eval()
        self.network: nn.Module = self.parts[self.family.network]
        vae = pipeline.vae.config
        self.image_size = self.family.image_size({p: m.config for p, m in self.parts.items()})
        side = self.image_size // upscaling(vae)
        self.latent_shape = (int(vae.latent_channels), side, side)
        self.schedule: Schedule = self.family.schedule(pipeline.scheduler.config, side)
        self.scaling = float(vae.scaling_factor)
        self.shift = float(vae.shift_factor or 0.0)
        self._embeddings: dict[str, Conditioning] = {}
        self._attributed: dict[str, nn.Parameter] = {}

    @classmethod
    def load(
        cls,
        model_dir: Path,
        lora_dir: Path | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> PipelineModel:
        """Load from disk only. Raises `ModelError` naming what is missing and the remedy.

        The LoRA may be diffusers', peft's or kohya's; `lora_dir` may name its file.
        """
        family = family_of(model_dir)
        require_configured(model_dir, str(model_dir), family)
        require_tokenizers(model_dir, str(model_dir), family)
        lora = None if lora_dir is None else find_lora(lora_dir)
        hush()
        try:
            pipeline = getattr(diffusers, family.pipeline).from_pretrained(
                model_dir,
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                **dict.fromkeys(left_out(model_dir, family)),
                **load_apart(model_dir, family, dtype),
                **family.options,
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
                put_lora(pipeline, lora, ADAPTER, family)
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
        the network. `start` of A: `kaiming` (peft's own) or `gaussian`, N(0, 1 / rank^2) as in the
        paper. Raises `UsageError` for another one.
        """
        if start not in LORA_STARTS:
            raise UsageError(f"There is no start '{start}'. Choose: {', '.join(LORA_STARTS)}.")
        if layers not in LORA_LAYERS:
            raise UsageError(
                f"There are no LoRA layers '{layers}'. Choose: {', '.join(LORA_LAYERS)}."
            )
        targets = list(self.family.lora_targets)
        if layers == "linear":
            modules = self.network.named_modules()
            targets = [
                name
                for name, layer in modules
                if isinstance(layer, nn.Linear) and not name.startswith(self.family.unattributed)
            ]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.parts[self.family.network].add_adapter(
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
        """The network's frozen weights in `dtype`, to halve their memory; the LoRA in float32.

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
        names = {
            name.partition(".lora_")[0].partition(PARAMETRIZED)[0]
            for name in self.attributed_parameters()
        }
        attention = all(name.endswith(self.family.lora_targets) for name in names)
        return "attention" if attention else "linear"

    @property
    def lora_extent(self) -> tuple[int, int]:
        """How many layers of the adapter are attributed, and how many paint along."""
        own = {
            name.partition(".lora_")[0].partition(PARAMETRIZED)[0]
            for name in self.attributed_parameters()
        }
        own |= {
            name
            for name, (layer, _) in changed_layers(self.network).items()
            if isinstance(layer, nn.Linear) and not name.startswith(self.family.unattributed)
        }
        adapted = {
            f"{part}.{name}".removesuffix(".base_layer")
            for part, module in self.parts.items()
            for name, layer in module.named_modules()
            if isinstance(layer, BaseTunerLayer) or parametrize.is_parametrized(layer)
        }
        return len(own), len(adapted - {f"{self.family.network}.{name}" for name in own})

    @contextmanager
    def without_lora(self) -> Iterator[None]:
        """Inside, the network answers and paints as if it had never learnt the collection.

        A LoRA of the text encoder is not taken out.
        """
        adapted = self._adapted_layers
        trained = [(one, one.requires_grad) for one in self.attributed_parameters().values()]
        for layer in adapted:
            layer.enable_adapters(False)
        try:
            with without_changes(self.network):
                yield
        finally:
            for layer in adapted:
                layer.enable_adapters(True)
            for parameter, wanted in trained:  # enabling marks them for training
                parameter.requires_grad_(wanted)

    @cached_property
    def _adapted_layers(self) -> list[BaseTunerLayer]:
        """The network's layers with a LoRA; a walk over all modules costs as much as a layer."""
        return [one for one in self.network.modules() if isinstance(one, BaseTunerLayer)]

    @torch.no_grad()
    def base_predict(
        self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning | None
    ) -> Tensor:
        """What the network would answer had it never learnt the collection."""
        with self.without_lora():
            return self.predict(noisy, timesteps, conditioning)

    def save_lora(self, directory: Path) -> None:
        """Write the adapter in diffusers' own layout, as `pytorch_lora_weights.safetensors`."""
        save_lora(directory, self.pipeline, ADAPTER, self.family)

    @cached_property
    def digest(self) -> str:
        """sha256 over the network with LoRA and its scales, text encoders, autoencoder, schedule,
        and what else the family says changes a number."""
        parts = {part.replace("text_encoder", "text"): one for part, one in self.parts.items()}
        tensors = {
            f"{part}.{name}": value
            for part, module in parts.items()
            for name, value in module.state_dict().items()
        }
        extra: dict[str, object] = dict(self.pipeline.scheduler.config)
        extra |= self.family.facts(self.pipeline)
        scales = {part: lora_scales(one, ADAPTER) for part, one in parts.items() if part != "vae"}
        if any(scales.values()):  # alpha is not a tensor, and yet it changes every number
            extra["lora_scales"] = scales
        return digest_tensors(tensors, extra)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Images `[b, 3, h, w]` -> scaled latents `[b, c, h', w']` (the posterior's mode)."""
        weight = next(self.pipeline.vae.parameters())
        posterior = self.pipeline.vae.encode(images.to(self.device, weight.dtype)).latent_dist
        return (posterior.mode() - self.shift) * self.scaling

    @torch.no_grad()
    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images -> mean and standard deviation of their scaled latents, `[b, c, h', w']` each."""
        weight = next(self.pipeline.vae.parameters())
        distribution = self.pipeline.vae.encode(images.to(self.device, weight.dtype)).latent_dist
        mean, spread = distribution.mean - self.shift, distribution.std
        return mean * self.scaling, spread * self.scaling

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents -> images `[b, 3, h, w]` in [-1, 1]."""
        weight = next(self.pipeline.vae.parameters())
        images: Tensor = self.pipeline.vae.decode(
            latents.to(self.device, weight.dtype) / self.scaling + self.shift
        ).sample
        return images.clamp(-1.0, 1.0)

    @torch.no_grad()
    def condition(self, prompts: Sequence[str]) -> Conditioning:
        """Prompts -> what the network reads of them, `[b, ...]`; each distinct one is encoded
        once."""
        for prompt in set(prompts) - set(self._embeddings):
            self._embeddings[prompt] = self.embed_text([prompt]).to(self.device)
        return Conditioning.cat([self._embeddings[prompt] for prompt in prompts])

    @torch.no_grad()
    def kept_prompts(self, prompts: Sequence[str]) -> Conditioning:
        """The same, kept on the processor: the device holds one prompt at a time."""
        away = torch.device("cpu")
        return Conditioning.cat([self.embed_text([prompt]).to(away) for prompt in prompts])

    def park(self) -> None:
        """Text encoders and autoencoder leave the device, which only the network needs from now
        on."""
        self.park_text()
        self.pipeline.vae.to("cpu")
        self._embeddings.clear()

    def park_text(self, prompts: Sequence[str] = ()) -> None:
        """The text encoders leave the device, having encoded `prompts`; others are encoded on the
        processor from now on. Of FLUX.1 they are as large as a graphics card."""
        for prompt in prompts:
            self.condition([prompt])
        for encoder in self.family.encoders:
            if encoder.part in self.parts:
                self.parts[encoder.part].to("cpu")

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """The text encoders themselves, prompts -> `[b, ...]`, with gradients where their
        parameters require them."""
        return self.family.condition(self.pipeline, prompts)

    def predict(
        self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning | None
    ) -> Tensor:
        """The network's own answer, `[b, c, h', w']`."""
        assert conditioning is not None
        times = self.schedule.network_times(timesteps)
        return self.family.predict(self.pipeline, noisy, times, conditioning)

    def attributed_parameters(self) -> dict[str, nn.Parameter]:
        """The matrices of the network's Linear layers' LoRA (LoHa, LoKr, ...), in its own order.

        A LoRA of its convolutions or of a text encoder paints along, but is not attributed.
        Raises `ModelError` without a LoRA.
        """
        if self._attributed:  # the walk over all modules costs as much as a small network's step
            return dict(self._attributed)
        linear = {
            id(value)
            for layer, change in changed_layers(self.network).values()
            if isinstance(layer, nn.Linear)
            for value in change.parameters()
        }
        chosen = {
            name: parameter
            for name, parameter in self.network.named_parameters()
            if (
                ((".lora_A." in name or ".lora_B." in name) and parameter.ndim == 2)
                or id(parameter) in linear
            )
            and not name.startswith(self.family.unattributed)
        }
        self._attributed = chosen
        if not chosen:
            raise ModelError(
                f"The model '{self.name}' has no LoRA, so there is nothing to attribute. "
                "Train one with `python -m app train`."
            )
        return dict(chosen)

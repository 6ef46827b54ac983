"""What one family of painting models is: data and a few functions, one file per family.

In: nothing; a `Family` is a value. Out: what loading, checking, training, painting and tracing need
to know about it. Whatever differs between families stands here; no other file asks which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from core.diffusion.conditioning import Conditioning
from core.diffusion.families.original_names import Originals, of_nothing
from core.diffusion.schedule import Schedule
from core.errors import ModelError

Config = Mapping[str, Any]
Configs = Mapping[str, Config]  # part -> its configuration
PLAIN = "Choose a plain model that paints from text alone."
CLIP, CLIP_PROJECTED, T5 = "CLIPTextModel", "CLIPTextModelWithProjection", "T5EncoderModel"
QWEN3 = "Qwen3Model"


@dataclass(frozen=True, kw_only=True)
class TextEncoder:
    """A text encoder of class `kind`: the parts in which it and its tokenizer lie. `optional`: the
    family paints without it too, less well. `also`: classes that it was part of when it was
    saved, as its configuration may say."""

    part: str = "text_encoder"
    tokenizer: str = "tokenizer"
    kind: str = CLIP
    optional: bool = False
    also: tuple[str, ...] = ()


def no_facts(pipeline: Any) -> dict[str, object]:
    """Nothing beside weights and schedule changes a number."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family, recognised by `pipeline`, the class that model_index.json names.

    network: the part that denoises (`unet`, `transformer`) of class `network_class`. left_out: what
    a checkpoint may hold and nobody uses. lora_targets: the Linear layers that a LoRA takes by
    default, by the ends of their names. unattributed: Linear layers that read all pictures of a
    batch in one row, so that no hook tells them apart: a LoRA of them paints along. lora_families:
    how `lora_names` calls LoRAs for it.

    image_size: the side of what it paints, from its configurations. schedule: from the scheduler's
    configuration and the side of the latents. condition: prompts -> what the network reads of them.
    predict: the network's own answer to a pipeline, noisy latents `[b, c, h', w']`, times `[b]` and
    conditioning, packing and unpacking as it needs. require_fit: raises `ModelError` where the
    configurations are another task's. facts: what changes a number beside weights and schedule, for
    the digest. original_names: how its authors call the network's layers. single_file: part -> how
    names begin, as a pattern, where a file in the original layout holds it. configuration: a
    repository of the hub with the family's.
    """

    name: str
    pipeline: str
    network: str
    network_class: str
    encoders: tuple[TextEncoder, ...]
    image_size: Callable[[Configs], int]
    schedule: Callable[[Config, int], Schedule]
    condition: Callable[[Any, Sequence[str]], Conditioning]
    predict: Callable[[Any, Tensor, Tensor, Conditioning], Tensor]
    require_fit: Callable[[Configs, str], None]
    lora_families: frozenset[str]
    single_file: Mapping[str, str]
    configuration: str
    left_out: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)  # of `from_pretrained`
    lora_targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")
    unattributed: tuple[str, ...] = ()
    facts: Callable[[Any], dict[str, object]] = no_facts
    original_names: Callable[[Any], Originals] = of_nothing

    @property
    def classes(self) -> dict[str, str]:
        """Part -> the class that it must be of: network, autoencoder and text encoders."""
        encoders = {one.part: one.kind for one in self.encoders}
        return {self.network: self.network_class, "vae": "AutoencoderKL", **encoders}

    def is_of(self, part: str, kind: str) -> bool:
        """Whether a part may have been saved as of this class."""
        also = {one.part: one.also for one in self.encoders}
        return kind == self.classes[part] or kind in also.get(part, ())


def upscaling(vae: Config) -> int:
    """How many pixels a latent stands for, along a side."""
    return int(2 ** (len(vae["block_out_channels"]) - 1))


def require_channels(configs: Configs, part: str, inputs: int, outputs: int, name: str) -> None:
    """Raises `ModelError` where the network takes or gives more than latents."""
    latent = configs["vae"].get("latent_channels", 4)
    if inputs != latent:
        purpose = MORE_INPUTS.get(inputs - latent, "not for this autoencoder or for another task")
        raise ModelError(
            f"The {part} of '{name}' is {purpose} ({inputs} input channels, where the "
            f"autoencoder's latents have {latent}). {PLAIN}"
        )
    if outputs != latent:
        raise ModelError(
            f"The {part} of '{name}' answers with {outputs} channels, where the latents have "
            f"{latent}: it predicts more than the noise, which is not supported. {PLAIN}"
        )


# channels that a network takes besides the noisy latent -> what it was made for
MORE_INPUTS = {
    5: "for inpainting: it also takes a mask and the masked picture",
    4: "for editing by instruction: it also takes the picture to edit",
    3: "for upscaling: it also takes the small picture",
    1: "for painting by depth: it also takes a depth map",
}


def require_width(wanted: int, written: int, part: str, name: str) -> None:
    """Raises `ModelError` where the text encoders write other widths than the network reads."""
    if wanted != written:
        raise ModelError(
            f"The parts of '{name}' are of different models: the {part} takes texts of width "
            f"{wanted}, and the text encoder writes {written}. Copy or download the model again."
        )

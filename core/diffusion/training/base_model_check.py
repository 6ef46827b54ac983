"""Whether a Stable Diffusion on the disk is one that can be painted with and attributed.

In: a folder in diffusers' layout, all of its files there. Out: nothing, or a `ModelError` that
names the part, what is wrong with it, and what to do. The libraries load more than they can use:
what they leave out, make up or stumble over later is refused here, before anything is copied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from core.diffusion.schedule import NoiseSchedule
from core.diffusion.tensors import tensor_names
from core.diffusion.training.pretrained import WEIGHTS
from core.errors import ModelError
from core.files import read_json

CLASSES = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "text_encoder": "CLIPTextModel",
}
# channels that the UNet takes besides the noisy latent -> what it was made for
MORE_INPUTS = {
    5: "for inpainting: it also takes a mask and the masked picture",
    4: "for editing by instruction: it also takes the picture to edit",
    3: "for upscaling: it also takes the small picture",
    1: "for painting by depth: it also takes a depth map",
}
# options of the UNet that want an input which nobody gives it here
WANTED_INPUTS = ("class_embed_type", "num_class_embeds", "addition_embed_type", "encoder_hid_dim")
PLAIN = "Choose a plain Stable Diffusion 1.x or 2.x, which paints from text alone."
AGAIN = "Copy or download the model again."
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
LFS = b"version https://git-lfs"


def hush() -> None:
    """Keep the libraries' bars and hints off the terminal: what matters is raised as an error."""
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def require_fit(folder: Path, name: str) -> None:
    """All that can be known of a model without painting: its configuration, its tokenizer, and
    every number of its weights. Reads each part once. Raises `ModelError`."""
    require_configured(folder, name)
    require_tokenizer(folder, name)
    for weights in WEIGHTS:
        _require_safetensors(folder / weights, name)
    for part in CLASSES:
        _require_weights(folder, part, name)


def require_configured(folder: Path, name: str) -> None:
    """Raises `ModelError` where the parts' configurations are not those of a Stable Diffusion 1.x
    or 2.x that paints from text alone, or do not fit each other. Reads no weights."""
    unet, vae, text = (_config(folder, part, name) for part in CLASSES)
    _require_classes(name, {"unet": unet, "vae": vae}, text)
    width, latent = unet.get("cross_attention_dim", 1280), vae.get("latent_channels", 4)
    if unet.get("addition_embed_type") == "text_time":
        raise ModelError(
            f"The UNet of '{name}' is a Stable Diffusion XL's, whatever its index says: only 1.x "
            f"and 2.x can be attributed. {PLAIN}"
        )
    inputs, outputs = unet.get("in_channels", 4), unet.get("out_channels", 4)
    if inputs != latent:
        purpose = MORE_INPUTS.get(inputs - latent, "not for this autoencoder or for another task")
        raise ModelError(
            f"The UNet of '{name}' is {purpose} ({inputs} input channels, where the autoencoder's "
            f"latents have {latent}). {PLAIN}"
        )
    if outputs != latent:
        raise ModelError(
            f"The UNet of '{name}' answers with {outputs} channels, where the latents have "
            f"{latent}: it predicts more than the noise, which is not supported. {PLAIN}"
        )
    for option in WANTED_INPUTS:
        if unet.get(option) is not None:
            raise ModelError(
                f"The UNet of '{name}' wants another input besides the text ({option}: "
                f"{unet[option]}), which nobody gives it here. {PLAIN}"
            )
    if width != text.get("hidden_size", 512):
        raise ModelError(
            f"The parts of '{name}' are of different models: the UNet takes texts of width "
            f"{width}, and the text encoder writes {text.get('hidden_size', 512)}. {AGAIN}"
        )
    NoiseSchedule.from_config(_json(folder / "scheduler" / "scheduler_config.json", name))


def _require_classes(
    name: str, parts: Mapping[str, Mapping[str, Any]], text: Mapping[str, Any]
) -> None:
    classes = {part: [str(config.get("_class_name"))] for part, config in parts.items()}
    classes["text_encoder"] = text.get("architectures") or [CLASSES["text_encoder"]]
    for part, known in classes.items():
        if CLASSES[part] not in known:
            raise ModelError(
                f"The part '{part}' of '{name}' is a {known[0]}, where a {CLASSES[part]} is "
                f"needed. {PLAIN}"
            )


def require_tokenizer(folder: Path, name: str) -> None:
    """Raises `ModelError` where the tokenizer cannot write every prompt in numbers that the text
    encoder knows: files or tokens that are missing, merges cut off, numbers beyond the embedding.

    The library makes up what is missing and says nothing; every prompt would be the same then.
    """
    place = folder / "tokenizer"
    vocabulary, added, merges = _vocabulary(place, name)
    what = f"The tokenizer of '{name}'"
    letters = set(ALPHABET) | {f"{letter}</w>" for letter in ALPHABET}
    if missing := sorted(letters - vocabulary.keys()):
        raise ModelError(
            f"{what} does not know {len(missing)} of {len(letters)} letters and digits "
            f"(the first: {missing[0]}), so prompts could not be told apart. {AGAIN}"
        )
    hush()
    try:
        tokenizer = CLIPTokenizer.from_pretrained(place, local_files_only=True)
    except Exception as error:  # the tokenizers library raises bare ones
        raise ModelError(
            f"{what} cannot be loaded ({' '.join(str(error).split())[:120]}). {AGAIN}"
        ) from error
    special = [tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token]
    for token in special:
        if token not in vocabulary | added:
            raise ModelError(f"{what} lacks the special token {token}. {AGAIN}")
    made = {left + right for left, right in merges}
    unmade = [
        token
        for token in vocabulary
        if len(token.removesuffix("</w>")) > 1 and token not in made and token not in special
    ]
    if unmade:
        raise ModelError(
            f"{what} is cut off: of {len(vocabulary)} tokens, {len(unmade)} come out of no merge "
            f"(the first: {unmade[0]}). {AGAIN}"
        )
    text = _config(folder, "text_encoder", name)
    rows, places = text.get("vocab_size", 49408), text.get("max_position_embeddings", 77)
    highest = max(*vocabulary.values(), *added.values(), *tokenizer.get_vocab().values())
    if highest >= rows:
        raise ModelError(
            f"{what} numbers its tokens up to {highest}, and the text encoder's embedding has "
            f"{rows} rows: they are of different models. {AGAIN}"
        )
    if tokenizer.model_max_length > places:
        raise ModelError(
            f"{what} says no length that the text encoder can read (model_max_length, at most "
            f"{places}): its tokenizer_config.json is missing or another model's. {AGAIN}"
        )


def _vocabulary(
    place: Path, name: str
) -> tuple[dict[str, int], dict[str, int], list[tuple[str, str]]]:
    """Tokens by number, those that were added beside them, and the pairs that are merged, as the
    files say; the library fills in what they lack."""
    what = f"The tokenizer of '{name}'"
    whole, words, pairs = (place / one for one in ("tokenizer.json", "vocab.json", "merges.txt"))
    lacking = [one.name for one in (words, pairs) if not one.is_file()]
    if lacking and not whole.is_file():
        raise ModelError(
            f"{what} is incomplete: it lacks {' and '.join(lacking)} (or tokenizer.json, which "
            f"holds both), so it knows no words. {AGAIN}"
        )
    try:
        if whole.is_file():
            content = json.loads(whole.read_text(encoding="utf-8"))
            numbers, lines = content["model"]["vocab"], content["model"]["merges"]
            added = {one["content"]: one["id"] for one in content.get("added_tokens") or ()}
        else:
            numbers = json.loads(words.read_text(encoding="utf-8"))
            lines = [one for one in pairs.read_text(encoding="utf-8").split("\n") if one.strip()]
            lines = lines[1:] if lines[:1] and lines[0].startswith("#version") else lines
            more = place / "added_tokens.json"
            added = json.loads(more.read_text(encoding="utf-8")) if more.is_file() else {}
        split = [one.split() if isinstance(one, str) else one for one in lines]
        merges = [(str(left), str(right)) for left, right in split]
        known, beside = (
            {str(token): int(number) for token, number in part.items()} for part in (numbers, added)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{what} is damaged: its vocabulary cannot be read. {AGAIN}") from error
    return known, beside, merges


def _require_safetensors(file: Path, name: str) -> None:
    """The header, with the usual reasons why there is none."""
    try:
        tensor_names(file)
        return
    except (SafetensorError, OSError, ValueError) as error:
        with file.open("rb") as opened:
            start = opened.read(len(LFS))
        part = f"'{file.parent.name}/{file.name}' of '{name}'"
        if start == LFS:
            raise ModelError(
                f"{part} is only a pointer to the weights (Git LFS), not the weights. Fetch them "
                "with `git lfs pull` or `hf download`."
            ) from error
        if start[:2] == b"PK" or start[:1] == b"\x80":
            raise ModelError(
                f"{part} is a pickle under another name, and a pickle can run code when it is "
                "read. Load it where you trust it and write it with `save_pretrained`."
            ) from error
        raise ModelError(f"{part} is truncated or damaged. {AGAIN}") from error


def _require_weights(folder: Path, part: str, name: str) -> None:
    """Load one part: whether its weights are those of its configuration, and all of them finite."""
    classes = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    what = f"The part '{part}' of '{name}'"
    hush()
    try:
        module, info = classes[part].from_pretrained(
            folder / part, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{what} cannot be loaded: weights and configuration do not fit ({cause}). {AGAIN}"
        ) from error
    if missing := sorted(info["missing_keys"]):
        raise ModelError(
            f"{what} lacks {len(missing)} tensors of its weights, the first {missing[0]}. {AGAIN}"
        )
    # CLIP's older files hold positions that nobody reads; the UNet's are all parameters
    if part == "unet" and (more := sorted(info["unexpected_keys"])):
        raise ModelError(
            f"{what} holds {len(more)} tensors that its configuration has no place for, the first "
            f"{more[0]}: it is another kind of model. {PLAIN}"
        )
    for key, value in module.state_dict().items():
        if not bool(value.isfinite().all()):
            raise ModelError(
                f"{what} holds numbers that are none (NaN or infinite) in {key}, so nothing could "
                f"be painted. {AGAIN}"
            )


def _config(folder: Path, part: str, name: str) -> dict[str, Any]:
    return _json(folder / part / "config.json", name)


def _json(file: Path, name: str) -> dict[str, Any]:
    what = f"{file.parent.name}/{file.name} of '{name}'"
    return read_json(
        file,
        dict,
        missing=f"{what} is missing. {AGAIN}",
        damaged=f"{what} is damaged. {AGAIN}",
        error=ModelError,
    )

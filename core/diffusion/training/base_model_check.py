"""Whether a model on the disk is one that can be painted with and attributed.

In: a folder in diffusers' layout, all of its files there. Out: nothing, or a `ModelError` that
names the part, what is wrong with it, and what to do. The libraries load more than they can use:
what they leave out, make up or stumble over later is refused here, before anything is copied.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers import AutoTokenizer, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from core.diffusion.families import family_of
from core.diffusion.families.family import PLAIN, QWEN3, T5, Family, TextEncoder, upscaling
from core.diffusion.tensors import tensor_names
from core.diffusion.training.pretrained import present_parts
from core.diffusion.training.weights import (
    STANDS_FOR,
    class_of,
    require_numbers,
    weights_of,
    written_class,
)
from core.errors import ModelError
from core.files import read_json

AGAIN = "Copy or download the model again."
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
TABLES = {T5: "spiece.model", QWEN3: "vocab.json"}  # of tokenizers' pieces, before tokenizer.json
LFS = b"version https://git-lfs"


def hush() -> None:
    """Keep the libraries' bars and hints off the terminal: what matters is raised as an error."""
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def require_fit(folder: Path, name: str) -> None:
    """All that can be known of a model without painting: its configuration, its tokenizers, and
    every number of its weights. Reads each part once. Raises `ModelError`."""
    family = family_of(folder)
    require_configured(folder, name, family)
    require_tokenizers(folder, name, family)
    parts = present_parts(folder, family)
    for part in parts:
        weights = weights_of(folder, part)
        for file in () if weights is None else weights.files:
            _require_safetensors(folder / file, name)
            require_numbers(folder / file, f"'{file}' of '{name}'")
    for part in parts:
        _require_weights(folder, part, family, name)


def require_configured(folder: Path, name: str, family: Family) -> None:
    """Raises `ModelError` where the parts' configurations are not those of the family, do not fit
    each other, or are of a model that wants more than a text. Reads no weights."""
    configs = {part: _config(folder, part, name) for part in present_parts(folder, family)}
    for part, config in configs.items():
        kind = family.classes[part]
        if quantized := config.get("quantization_config"):
            how = quantized.get("quant_method", "?") if isinstance(quantized, dict) else quantized
            raise ModelError(
                f"The part '{part}' of '{name}' is quantized ({how}), and gradients of such "
                "weights would not be exact. Take the same model in float32, float16 or bfloat16."
            )
        known = config.get("architectures") or [str(config.get("_class_name", kind))]
        own = STANDS_FOR.get(known[0]) == kind
        if not own and not any(family.is_of(part, one) for one in known):
            raise ModelError(
                f"The part '{part}' of '{name}' is a {known[0]}, where a {kind} is needed. {PLAIN}"
            )
    family.require_fit(configs, name)
    side = family.image_size(configs) // upscaling(configs["vae"])
    family.schedule(_json(folder / "scheduler" / "scheduler_config.json", name), side)


def require_tokenizers(folder: Path, name: str, family: Family) -> None:
    """Raises `ModelError` where a tokenizer cannot write every prompt in numbers that its text
    encoder knows: files or tokens that are missing, merges cut off, numbers beyond the embedding.

    The library makes up what is missing and says nothing; every prompt would be the same then.
    """
    for encoder in family.encoders:
        if encoder.optional and not (folder / encoder.part).is_dir():
            continue
        if encoder.kind in TABLES:
            _require_pieces(folder, encoder, name)
        else:
            _require_clip(folder, encoder, name)


def _require_pieces(folder: Path, encoder: TextEncoder, name: str) -> None:
    """T5 and Qwen read pieces of words, whose table is one file."""
    what = f"The tokenizer '{encoder.tokenizer}' of '{name}'"
    place = folder / encoder.tokenizer
    if not any((place / one).is_file() for one in ("tokenizer.json", TABLES[encoder.kind])):
        raise ModelError(f"{what} is incomplete: it lacks tokenizer.json, its table. {AGAIN}")
    hush()
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
        first, second = (tokenizer(text).input_ids for text in ("a painting", "some cubes"))
    except Exception as error:  # the tokenizers library raises bare ones
        raise ModelError(
            f"{what} cannot be loaded ({' '.join(str(error).split())[:120]}). {AGAIN}"
        ) from error
    if first == second:
        raise ModelError(f"{what} reads different prompts as the same. {AGAIN}")
    rows = _config(folder, encoder.part, name).get("vocab_size", 32128)
    highest = max(tokenizer.get_vocab().values())
    if highest >= rows:
        raise ModelError(_too_high(what, highest, rows))


def _too_high(what: str, highest: int, rows: int) -> str:
    return (
        f"{what} numbers its tokens up to {highest}, and the text encoder's embedding has {rows} "
        f"rows: they are of different models. {AGAIN}"
    )


def _require_clip(folder: Path, encoder: TextEncoder, name: str) -> None:
    place = folder / encoder.tokenizer
    what = f"The {encoder.tokenizer.replace('_', ' ')} of '{name}'"
    vocabulary, added, merges = _vocabulary(place, what)
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
    text = _config(folder, encoder.part, name)
    rows, places = text.get("vocab_size", 49408), text.get("max_position_embeddings", 77)
    highest = max(*vocabulary.values(), *added.values(), *tokenizer.get_vocab().values())
    if highest >= rows:
        raise ModelError(_too_high(what, highest, rows))
    if tokenizer.model_max_length > places:
        raise ModelError(
            f"{what} says no length that the text encoder can read (model_max_length, at most "
            f"{places}): its tokenizer_config.json is missing or another model's. {AGAIN}"
        )


def _vocabulary(
    place: Path, what: str
) -> tuple[dict[str, int], dict[str, int], list[tuple[str, str]]]:
    """Tokens by number, those that were added beside them, and the pairs that are merged, as the
    files say; the library fills in what they lack."""
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


def _require_weights(folder: Path, part: str, family: Family, name: str) -> None:
    """Load one part: whether its weights are those of its configuration, and all of them finite."""
    weights = weights_of(folder, part)
    variant = None if weights is None else weights.variant or None
    what = f"The part '{part}' of '{name}'"
    hush()
    try:
        module, info = class_of(written_class(folder, part, family.classes[part])).from_pretrained(
            folder / part,
            variant=variant,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
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
    # CLIP's older files hold positions that nobody reads; the network's are all parameters
    if part == family.network and (more := sorted(info["unexpected_keys"])):
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

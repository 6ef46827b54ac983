"""A base that cannot be painted with is refused by its own cause, and a good one never is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from app.services.training import TrainingRequest, train_collection
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model import tiny_pipeline
from core.diffusion.training.base_model_check import require_fit
from core.diffusion.training.pretrained import checkpoint_folder
from core.errors import ModelError

Break = Callable[[Path], object]
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitness") / "plain"
    tiny_pipeline(0).save_pretrained(folder)
    return folder


@pytest.fixture
def base(plain: Path, tmp_path: Path) -> Path:
    shutil.copytree(plain, tmp_path / "base")
    return tmp_path / "base"


def edited(file: str, **values: Any) -> Break:
    """Values of a JSON file set; None takes one away."""

    def edit(folder: Path) -> None:
        content = json.loads((folder / file).read_text()) | values
        kept = {name: value for name, value in content.items() if value is not None}
        (folder / file).write_text(json.dumps(kept))

    return edit


def unet(**values: Any) -> Break:
    """A UNet of another shape, with weights of its own."""

    def replace(folder: Path) -> None:
        config = json.loads((folder / "unet" / "config.json").read_text()) | values
        UNet2DConditionModel.from_config(config).save_pretrained(folder / "unet")

    return replace


def weights(file: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Break:
    def rewrite(folder: Path) -> None:
        tensors = load_file(folder / file)
        change(tensors)
        save_file(tensors, folder / file, metadata={"format": "pt"})

    return rewrite


def poisoned(value: float) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda tensors: next(iter(tensors.values())).view(-1)[:1].fill_(value)


def written(file: str, data: bytes) -> Break:
    return lambda folder: (folder / file).write_bytes(data)


def cut(file: str) -> Break:
    return lambda folder: (folder / file).write_bytes((folder / file).read_bytes()[:-9])


def split(folder: Path) -> tuple[dict[str, int], list[str]]:
    """The tokenizer in its older two files; its vocabulary and merges."""
    place = folder / "tokenizer"
    model = json.loads((place / "tokenizer.json").read_text())["model"]
    (place / "tokenizer.json").unlink()
    merges = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]
    (place / "vocab.json").write_text(json.dumps(model["vocab"]))
    (place / "merges.txt").write_text("\n".join(merges) + "\n")
    return model["vocab"], merges


def tokenizer(
    words: Callable[[dict[str, int]], object] = lambda words: None, merges: slice = slice(None)
) -> Break:
    """The two files, with another vocabulary, or only these lines of the merges."""

    def rewrite(folder: Path) -> None:
        vocabulary, lines = split(folder)
        words(vocabulary)
        (folder / "tokenizer" / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "tokenizer" / "merges.txt").write_text("\n".join(lines[merges]))

    return rewrite


def gone(*files: str) -> Break:
    def remove(folder: Path) -> None:
        for file in files:
            (folder / file).unlink()

    return remove


def both(*breaks: Break) -> Break:
    def each(folder: Path) -> None:
        for one in breaks:
            one(folder)

    return each


WHOLE = "tokenizer/tokenizer.json"
UNFIT_TOKENIZERS: dict[str, tuple[Break, str]] = {
    "config alone": (gone(WHOLE), r"lacks vocab\.json and merges\.txt"),
    "vocabulary alone": (both(split, gone("tokenizer/merges.txt")), r"lacks merges\.txt"),
    "merges alone": (both(split, gone("tokenizer/vocab.json")), r"lacks vocab\.json"),
    "no words": (tokenizer(dict.clear), "does not know 72 of 72 letters"),
    "one letter gone": (tokenizer(lambda words: words.pop("q")), "does not know 1 of 72.*: q"),
    "no merges": (tokenizer(merges=slice(1)), "cut off: .* 16 come out of no merge"),
    "an empty file of merges": (both(split, written("tokenizer/merges.txt", b"")), "cut off"),
    "merges cut off": (tokenizer(merges=slice(-3)), "cut off: .* 3 come out of no merge"),
    "no end": (tokenizer(lambda words: words.pop("<|endoftext|>")), r"special token <\|endof"),
    "no start": (
        tokenizer(lambda words: words.pop("<|startoftext|>")),
        r"special token <\|startof",
    ),
    "a vocabulary that is larger": (
        tokenizer(lambda words: words.update({"é": 532})),
        "up to 532.*has 530 rows",
    ),
    "an added token": (
        both(split, written("tokenizer/added_tokens.json", b'{"<sks>": 532}')),
        "up to 532.*has 530 rows",
    ),
    "a damaged vocabulary": (both(split, cut("tokenizer/vocab.json")), "damaged"),
    "a list of words": (both(split, written("tokenizer/vocab.json", b"[]")), "damaged"),
    "an empty whole": (written(WHOLE, b""), "damaged"),
    "a whole that is cut": (cut(WHOLE), "damaged"),
    "no configuration": (gone("tokenizer/tokenizer_config.json"), "model_max_length, at most 16"),
    "another length": (
        edited("tokenizer/tokenizer_config.json", model_max_length=77),
        "model_max_length, at most 16",
    ),
}
UNFIT: dict[str, tuple[Break, str]] = {
    **UNFIT_TOKENIZERS,
    "inpainting": (unet(in_channels=9), "for inpainting.*9 input channels"),
    "editing": (unet(in_channels=8), "for editing by instruction.*8 input"),
    "upscaling": (unet(in_channels=7), "for upscaling.*7 input"),
    "depth": (unet(in_channels=5), "by depth.*5 input"),
    "other inputs": (unet(in_channels=16), "another task.*16 input"),
    "learnt variance": (unet(out_channels=8), "answers with 8 channels"),
    "another text": (unet(cross_attention_dim=32), "texts of width 32.*writes 16"),
    "class labels": (unet(num_class_embeds=4), "num_class_embeds: 4"),
    "SDXL within": (
        edited("unet/config.json", addition_embed_type="text_time"),
        "Stable Diffusion XL",
    ),
    "called SDXL": (
        edited("model_index.json", _class_name="StableDiffusionXLPipeline"),
        r"lacks text_encoder_2/config\.json",
    ),
    "another pipeline": (
        edited("model_index.json", _class_name="StableDiffusionInpaintPipeline"),
        "is a StableDiffusionInpaintPipeline",
    ),
    "another network": (
        edited("unet/config.json", _class_name="UNet2DModel"),
        "'unet' .* is a UNet2DModel",
    ),
    "another autoencoder": (
        edited("vae/config.json", _class_name="AutoencoderTiny"),
        "'vae' .* is a AutoencoderTiny",
    ),
    "another text encoder": (
        edited("text_encoder/config.json", architectures=["T5EncoderModel"]),
        "is a T5EncoderModel",
    ),
    "another schedule": (
        edited("scheduler/scheduler_config.json", rescale_betas_zero_snr=True),
        "rescale_betas_zero_snr",
    ),
    "NaN": (weights(UNET, poisoned(float("nan"))), "'unet' .*NaN or infinite"),
    "infinite": (
        weights("vae/diffusion_pytorch_model.safetensors", poisoned(float("inf"))),
        "'vae' .*NaN or infinite",
    ),
    "NaN in the text encoder": (
        weights("text_encoder/model.safetensors", poisoned(float("nan"))),
        "'text_encoder' .*NaN",
    ),
    "a tensor less": (weights(UNET, lambda tensors: tensors.popitem()), "lacks 1 tensors"),
    "a tensor more": (
        weights(UNET, lambda tensors: tensors.update({"add_embedding.weight": torch.ones(2)})),
        "no place for, the first add_embedding.weight",
    ),
    "another shape": (
        weights(UNET, lambda tensors: tensors.update({"conv_in.weight": torch.ones(16, 9, 3, 3)})),
        "'unet' .*do not fit",
    ),
    "cut off": (cut(UNET), "unet.*truncated"),
    "empty": (written(UNET, b""), "unet.*truncated"),
    "a pickle renamed": (written(UNET, b"PK\x03\x04 and so on"), "unet.*pickle.*run code"),
    "an older pickle renamed": (written(UNET, b"\x80\x02}q\x00."), "unet.*pickle.*run code"),
    "a pointer": (
        written(UNET, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "unet.*pointer.*git lfs pull",
    ),
    "a pickle": (
        lambda folder: (folder / UNET).rename((folder / UNET).with_suffix(".bin")),
        "lacks unet/.*can run code",
    ),
    "a part less": (gone("vae/config.json"), r"lacks vae/config\.json"),
    "a damaged part": (written("unet/config.json", b"{"), r"unet/config\.json.*damaged"),
    "a list for a part": (written("vae/config.json", b"[1]"), r"vae/config\.json.*damaged"),
}


@pytest.mark.parametrize("cause", UNFIT)
def test_an_unfit_base_is_refused_by_its_cause(base: Path, cause: str) -> None:
    spoil, words = UNFIT[cause]
    spoil(base)
    with pytest.raises(ModelError, match=words) as refusal:
        folder = checkpoint_folder(base)
        assert folder is not None
        require_fit(folder, str(base))
    assert "\n" not in refusal.value.message


@pytest.mark.parametrize("cause", UNFIT_TOKENIZERS)
def test_a_model_with_an_unfit_tokenizer_is_never_loaded(base: Path, cause: str) -> None:
    """One that an earlier version accepted: it would paint the same for every prompt."""
    spoil, words = UNFIT_TOKENIZERS[cause]
    spoil(base)
    with pytest.raises(ModelError, match=words):
        PipelineModel.load(base)


FIT: dict[str, Break] = {
    "as it is": lambda folder: None,
    "a tokenizer of two files": split,
    "both kinds": lambda folder: (
        shutil.copy(folder / WHOLE, folder / "kept.json")
        and split(folder)
        and shutil.copy(folder / "kept.json", folder / WHOLE)
    ),
    "half precision": weights(
        UNET, lambda tensors: tensors.update({k: v.half() for k, v in tensors.items()})
    ),
    "v-prediction": edited("scheduler/scheduler_config.json", prediction_type="v_prediction"),
    "no special tokens named": edited(
        "tokenizer/tokenizer_config.json",
        bos_token=None,
        eos_token=None,
        pad_token=None,
        unk_token=None,
    ),
    "2.x's padding": edited("tokenizer/tokenizer_config.json", pad_token="!"),
    "no architectures": edited("text_encoder/config.json", architectures=None),
    "positions of older CLIPs": weights(
        "text_encoder/model.safetensors",
        lambda tensors: tensors.update({"text_model.embeddings.position_ids": torch.arange(16)}),
    ),
    "names of older CLIPs": weights(
        "text_encoder/model.safetensors",
        lambda tensors: [
            tensors.update({f"text_model.{key}": tensors.pop(key)})
            for key in list(tensors)
            if not key.startswith("text_model.")
        ],
    ),
}


@pytest.mark.parametrize("kind", FIT)
def test_a_fit_base_is_accepted_and_knows_its_words(base: Path, kind: str) -> None:
    FIT[kind](base)
    require_fit(base, str(base))
    model = PipelineModel.load(base)
    one, other = model.condition(["a painting", "cubism"])
    assert not torch.equal(one.text, other.text)


BEFORE_COPYING = ("inpainting", "config alone", "vocabulary alone", "NaN", "a pickle renamed")


@pytest.mark.parametrize("cause", BEFORE_COPYING)
def test_a_refused_base_leaves_nothing_and_a_good_one_is_taken_next(
    ready: Collection, plain: Path, base: Path, tmp_path: Path, cause: str
) -> None:
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("model", "lora", "features"))
    before = sorted(root.rglob("*"))
    spoil, words = UNFIT[cause]
    spoil(base)
    with pytest.raises(ModelError, match=words):
        list(train_collection(root, TrainingRequest(base=base, steps=1, rank=2)))
    assert sorted(root.rglob("*")) == before
    list(train_collection(root, TrainingRequest(base=plain, steps=1, rank=2)))
    assert PipelineModel.load(root / "model", root / "lora").lora_rank == 2


@pytest.mark.parametrize("cause", ["inpainting", "config alone", "SDXL within", "no merges"])
def test_an_unfit_base_that_is_in_the_collection_is_named_with_the_way_out(
    ready: Collection, plain: Path, tmp_path: Path, cause: str
) -> None:
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("lora", "features"))
    spoil, words = UNFIT[cause]
    spoil(root / "model")
    with pytest.raises(ModelError, match=f"{words}.*Move the collection's folder 'model' away"):
        list(train_collection(root, TrainingRequest(base=plain, steps=1, rank=2)))
    shutil.rmtree(root / "model")
    list(train_collection(root, TrainingRequest(base=plain, steps=1, rank=2)))


def test_another_base_than_the_one_that_is_here_is_never_passed_over(
    ready: Collection, plain: Path, tmp_path: Path
) -> None:
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("model", "lora", "features"))
    list(train_collection(root, TrainingRequest(base=plain, steps=1, rank=2)))
    list(train_collection(root, TrainingRequest(base=plain, steps=1, rank=2)))  # goes on
    tiny_pipeline(5).save_pretrained(tmp_path / "other")
    with pytest.raises(ModelError, match="has a base already, another than"):
        list(train_collection(root, TrainingRequest(base=tmp_path / "other", steps=1, rank=2)))


def test_a_lora_that_does_not_fit_the_base_leaves_no_base_behind(
    ready: Collection, plain: Path, tmp_path: Path
) -> None:
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("model", "lora", "features"))
    name = "unet.mid_block.other"
    tensors = {f"{name}.lora_A.weight": torch.ones(2, 4), f"{name}.lora_B.weight": torch.ones(4, 2)}
    save_file(tensors, tmp_path / "other.safetensors")
    request = TrainingRequest(base=plain, lora=tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="does not fit"):
        list(train_collection(root, request))
    assert not (root / "model").exists()

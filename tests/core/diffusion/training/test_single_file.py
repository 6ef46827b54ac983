"""A one-file checkpoint, offline, is the folder that it was made from, or refused by its cause."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from core.diffusion.families import FAMILIES
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model_check import require_fit
from core.diffusion.training.single_file import require_single_file, unpack
from core.errors import ModelError
from tests import original_layout
from tests.original_layout import Tensors, written
from tests.tiny_families import PIPELINES

WRITERS: dict[str, Callable[[Any], Tensors]] = {
    "SD 1.x": original_layout.stable_diffusion,
    "SDXL": original_layout.stable_diffusion_xl,
    "SD 3": original_layout.stable_diffusion_3,
}


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("nothing here may reach for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def pipeline_of(kind: str) -> Any:
    pipeline = PIPELINES[kind](0)
    if kind == "SD 3":
        with torch.no_grad():
            pipeline.text_encoder.text_projection.weight.copy_(torch.eye(16))
    return pipeline


def configuration_of(folder: Path, place: Path) -> Path:
    """The same folder without any weights."""
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("*.safetensors"))
    return place


def state_of(model: PipelineModel) -> Tensors:
    return {
        f"{part}.{name}": value
        for part, module in model.parts.items()
        for name, value in module.state_dict().items()
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("kind", WRITERS)
def test_one_file_is_the_folder_that_it_was_made_from(
    kind: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    pipeline = pipeline_of(kind)
    file = tmp_path / "style.safetensors"
    save_file(written(WRITERS[kind](pipeline), dtype), file)
    pipeline.to(dtype).save_pretrained(tmp_path / "folder")
    configuration = configuration_of(tmp_path / "folder", tmp_path / "configuration")
    unpack(file, configuration, tmp_path / "unpacked")
    require_fit(tmp_path / "unpacked", "unpacked")
    loaded, own = (PipelineModel.load(tmp_path / one) for one in ("unpacked", "folder"))
    assert state_of(loaded).keys() == state_of(own).keys()
    for name, value in state_of(own).items():
        assert torch.equal(state_of(loaded)[name], value), name
    assert loaded.digest == own.digest


def test_parts_that_a_file_does_not_hold_come_from_the_configurations_folder(
    tmp_path: Path,
) -> None:
    pipeline = pipeline_of("SD 3")
    pipeline.save_pretrained(tmp_path / "folder")
    alone = original_layout.joint_transformer(pipeline.transformer)
    save_file(written(alone), tmp_path / "transformer.safetensors")
    unpack(tmp_path / "transformer.safetensors", tmp_path / "folder", tmp_path / "unpacked")
    digests = {PipelineModel.load(tmp_path / one).digest for one in ("unpacked", "folder")}
    assert len(digests) == 1
    configuration = configuration_of(tmp_path / "folder", tmp_path / "configuration")
    with pytest.raises(ModelError, match="does not hold the part 'vae'"):
        unpack(tmp_path / "transformer.safetensors", configuration, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`style.safetensors` of a Stable Diffusion 1.x, its folder and one of SDXL."""
    place = tmp_path_factory.mktemp("made")
    for kind, name in (("SD 1.x", "folder"), ("SDXL", "xl")):
        PIPELINES[kind](0).save_pretrained(place / name)
    pipeline = PIPELINES["SD 1.x"](0)
    save_file(written(original_layout.stable_diffusion(pipeline)), place / "style.safetensors")
    return place


def test_the_family_is_recognised_by_names(made: Path) -> None:
    assert require_single_file(made / "style.safetensors") is FAMILIES["StableDiffusionPipeline"]


def test_another_familys_configuration_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Stable Diffusion XL's.*--base-config") as refusal:
        unpack(made / "style.safetensors", made / "xl", tmp_path / "unpacked")
    assert "hf download" in refusal.value.message
    with pytest.raises(ModelError, match="There is no configuration"):
        unpack(made / "style.safetensors", tmp_path, tmp_path / "unpacked")


def spoilt(made: Path, place: Path, **more: torch.Tensor) -> Path:
    tensors = written(original_layout.stable_diffusion(PIPELINES["SD 1.x"](0)))
    save_file({**tensors, **more}, place / "spoilt.safetensors")
    return place / "spoilt.safetensors"


def test_a_file_of_another_shape_or_with_a_hole_is_refused(made: Path, tmp_path: Path) -> None:
    wrong = {"model.diffusion_model.time_embed.0.weight": torch.zeros(3, 3)}
    with pytest.raises(ModelError, match="do not fit"):
        unpack(spoilt(made, tmp_path, **wrong), made / "folder", tmp_path / "unpacked")
    tensors = written(original_layout.stable_diffusion(PIPELINES["SD 1.x"](0)))
    del tensors["model.diffusion_model.time_embed.0.weight"]
    save_file(tensors, tmp_path / "hole.safetensors")
    with pytest.raises(ModelError, match="is incomplete: it lacks tensors"):
        unpack(tmp_path / "hole.safetensors", made / "folder", tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


def test_what_a_file_says_of_its_prediction_is_heeded(made: Path, tmp_path: Path) -> None:
    file = spoilt(made, tmp_path, v_pred=torch.zeros(0))
    with pytest.raises(ModelError, match=r"predicts v.*prediction_type to v_prediction"):
        unpack(file, made / "folder", tmp_path / "unpacked")
    file = spoilt(made, tmp_path, v_pred=torch.zeros(0), ztsnr=torch.zeros(0))
    with pytest.raises(ModelError, match="ends in pure noise"):
        unpack(file, made / "folder", tmp_path / "unpacked")


OTHERS: dict[str, tuple[Callable[[Path], Path], str]] = {}


def other(words: str) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    def keep(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        OTHERS[make.__name__] = (make, words)
        return make

    return keep


PICKLE = "is a pickle, which can run code.*from_single_file.*save_pretrained"


@other(PICKLE)
def pickle(place: Path) -> Path:
    (place / "style.ckpt").write_bytes(b"PK\x03\x04")
    return place / "style.ckpt"


@other(PICKLE)
def torchs_pickle(place: Path) -> Path:
    (place / "style.pt").write_bytes(b"PK\x03\x04")
    return place / "style.pt"


@other("not a safetensors file whatever its name says")
def renamed_pickle(place: Path) -> Path:
    (place / "style.safetensors").write_bytes(b"PK\x03\x04" + b"x" * 100)
    return place / "style.safetensors"


@other("is a GGUF file: its weights are quantized")
def gguf(place: Path) -> Path:
    (place / "flux.gguf").write_bytes(b"GGUF")
    return place / "flux.gguf"


@other(r"is quantized \('double_blocks.0.img_mod.lin.weight' is F8_E4M3\)")
def eight_bits(place: Path) -> Path:
    tensors = {"double_blocks.0.img_mod.lin.weight": torch.zeros(2, 2).to(torch.float8_e4m3fn)}
    save_file(tensors, place / "flux.safetensors")
    return place / "flux.safetensors"


@other("is a LoRA, not a whole model. Bring it with --lora")
def lora(place: Path) -> Path:
    save_file({"unet.x.lora_A.weight": torch.zeros(2, 2)}, place / "lora.safetensors")
    return place / "lora.safetensors"


@other("no model of a known family")
def something_else(place: Path) -> Path:
    save_file({"weight": torch.zeros(2, 2)}, place / "other.safetensors")
    return place / "other.safetensors"


@other("a file that is no model")
def picture(place: Path) -> Path:
    (place / "a.png").write_bytes(b"\x89PNG")
    return place / "a.png"


@pytest.mark.parametrize("kind", OTHERS)
def test_other_files_are_refused_by_what_they_are(kind: str, tmp_path: Path) -> None:
    make, words = OTHERS[kind]
    with pytest.raises(ModelError, match=words):
        require_single_file(make(tmp_path))


def test_a_text_encoder_with_a_hole_is_named_by_its_tensor(tmp_path: Path) -> None:
    pipeline = pipeline_of("SD 3")
    pipeline.save_pretrained(tmp_path / "folder")
    tensors = written(original_layout.stable_diffusion_3(pipeline))
    del tensors["text_encoders.t5xxl.transformer.encoder.final_layer_norm.weight"]
    save_file(tensors, tmp_path / "hole.safetensors")
    with pytest.raises(ModelError, match=r"lacks 'encoder.final_layer_norm.weight' of .*_3'"):
        unpack(tmp_path / "hole.safetensors", tmp_path / "folder", tmp_path / "unpacked")


def test_a_quantized_folder_is_refused_by_its_method(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "folder", tmp_path / "folder")
    place = tmp_path / "folder" / "unet" / "config.json"
    config = json.loads(place.read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes"}
    place.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"'unet' .* is quantized \(bitsandbytes\)"):
        PipelineModel.load(tmp_path / "folder")

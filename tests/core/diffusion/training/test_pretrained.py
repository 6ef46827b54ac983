"""Checkpoints by name: what is supported, and what is said of what is not here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError

from core.diffusion.families import FAMILIES, family_of
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model import tiny_pipeline
from core.diffusion.training.pretrained import (
    checkpoint_folder,
    copy_checkpoint,
    painted_size,
)
from core.errors import ModelError


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "model"
    tiny_pipeline(0).save_pretrained(folder)
    return folder


def in_the_cache(checkpoint: Path, cache: Path, name: str) -> Path:
    """As the hub's own library keeps what it fetched: blobs aside, links in a snapshot."""
    home = cache / f"models--{name.replace('/', '--')}"
    place = home / "snapshots" / ("0" * 40)
    shutil.copytree(checkpoint, place)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0" * 40)
    return place


def test_a_folder_is_itself(tmp_path: Path, checkpoint: Path) -> None:
    assert checkpoint_folder(tmp_path) is None
    assert checkpoint_folder(checkpoint) == checkpoint
    assert painted_size(checkpoint) == 32


def test_what_the_hubs_cache_holds_needs_no_network(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place = in_the_cache(checkpoint, tmp_path, "somebody/tiny")
    assert checkpoint_folder(Path("somebody/tiny")) == place
    (place / "unet" / "diffusion_pytorch_model.safetensors").unlink()  # a download that stopped
    with pytest.raises(ModelError, match="not on this machine.*several GB.*--download"):
        checkpoint_folder(Path("somebody/tiny"))


def test_a_copy_holds_what_is_used_and_paints_alike(tmp_path: Path, checkpoint: Path) -> None:
    full = tmp_path / "full"
    shutil.copytree(checkpoint, full)
    index = json.loads((full / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (full / "model_index.json").write_text(json.dumps(index))
    extras = (
        "v1-5-pruned.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "safety_checker/model.safetensors",
        "unet/diffusion_pytorch_model.bin",
    )
    for extra in extras:
        (full / extra).parent.mkdir(exist_ok=True)
        (full / extra).write_bytes(b"large")
    copy_checkpoint(full, tmp_path / "model")
    kept = {path.name for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert not kept & {
        "v1-5-pruned.safetensors",
        "diffusion_pytorch_model.fp16.safetensors",
        "diffusion_pytorch_model.bin",
    }
    assert not (tmp_path / "model" / "safety_checker").exists()
    model = PipelineModel.load(tmp_path / "model")
    assert model.digest == PipelineModel.load(checkpoint).digest


def test_what_a_checkpoint_lacks_is_named(tmp_path: Path, checkpoint: Path) -> None:
    shutil.copytree(checkpoint, tmp_path / "model")
    weights = tmp_path / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError, match=r"lacks unet/diff.*only as \.bin.*save_pretrained"):
        checkpoint_folder(tmp_path / "model")
    (tmp_path / "model" / "vae" / "config.json").unlink()
    with pytest.raises(ModelError, match=r"lacks vae/config\.json.*again"):
        checkpoint_folder(tmp_path / "model")


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "about 4.3 GB"),
        ("lambdalabs/miniSD-diffusers", "about 4.3 GB"),
        ("somebody/else", "several GB"),
        ("stabilityai/stable-diffusion-2-1", "about 5.2 GB"),
    ],
)
def test_a_missing_model_says_what_to_download_and_how_large_it_is(
    name: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")  # the environment is not what decides here
    with pytest.raises(ModelError, match=f"{size} .*safetensors.*--download.*hf down"):
        checkpoint_folder(Path(name))


def test_a_folder_that_is_not_there_is_no_name_of_the_hub() -> None:
    with pytest.raises(ModelError, match="no folder '/nowhere/at/all'"):
        checkpoint_folder(Path("/nowhere/at/all"))


@pytest.mark.parametrize("kind", ["StableCascadePriorPipeline", "Flux2Pipeline"])
def test_an_unknown_family_is_refused_by_its_name_with_those_that_work(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": kind}))
    for ask in (family_of, checkpoint_folder):
        with pytest.raises(ModelError, match=f"is a {kind}") as refusal:
            ask(tmp_path)
        for family in FAMILIES.values():
            assert family.name in refusal.value.message


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_family_is_recognised_by_its_index(tmp_path: Path, kind: str) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": kind}))
    assert family_of(tmp_path).pipeline == kind


def test_a_damaged_index_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        family_of(tmp_path)


def test_only_who_asks_for_a_download_gets_one_and_the_process_stays_offline(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []

    def fetched(name: str, file: str = "", **options: object) -> str:
        offline = constants.HF_HUB_OFFLINE or bool(options.get("local_files_only"))
        seen.append((name, offline))
        if offline:
            raise LocalEntryNotFoundError("not here")
        return str(checkpoint / file)

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetched)
    monkeypatch.setattr("huggingface_hub.snapshot_download", fetched)
    offered = [one.relative_to(checkpoint).as_posix() for one in checkpoint.rglob("*.*")]
    monkeypatch.setattr("huggingface_hub.list_repo_files", lambda name: offered)
    with pytest.raises(ModelError, match="--download"):
        checkpoint_folder(Path("somebody/tiny"))
    assert checkpoint_folder(Path("somebody/tiny"), download=True) == checkpoint
    assert seen == [("somebody/tiny", True), ("somebody/tiny", False), ("somebody/tiny", False)]
    assert constants.HF_HUB_OFFLINE is True


def test_nothing_below_the_edge_asks_the_environment_for_permission() -> None:
    root = Path(__file__).resolve().parents[4]
    asking = [
        path.relative_to(root).as_posix()
        for path in sorted((root / "core").rglob("*.py"))
        if "os.environ" in path.read_text(encoding="utf-8")
    ]
    assert asking == [
        "core/attribution/scoring/ray_backend.py",  # which tells Ray to report nothing
        "core/collection/images/decoding_process.py",  # which hands a child what it needs to start
        "core/collection/importing/spreadsheet.py",  # likewise
    ]

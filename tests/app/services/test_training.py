"""`train` and `featurize` from scratch: a collection is trained, featurized, traced; refusals."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app import cli
from app.services.training import TrainingRequest, _plan, chosen_works, train_collection
from core.collection.store import load_collection
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model import tiny_pipeline
from core.errors import ModelError, UsageError
from tests.original_layout import stable_diffusion, written
from tests.small import small_collection

FEW = ["--base-steps", "2", "--decoder-steps", "2", "--steps", "2", "--rank", "2"]


def test_a_collection_is_trained_featurized_and_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path / "home"))
    root = small_collection(tmp_path / "mine").path
    assert cli.main(["train", str(root), "--base", str(root), *FEW]) == 0
    model = PipelineModel.load(root / "model", root / "lora")
    assert {
        value.shape[0]
        for name, value in model.attributed_parameters().items()
        if ".lora_A." in name
    } == {2}
    before = (root / "lora" / "pytorch_lora_weights.safetensors").read_bytes()
    assert cli.main(["train", str(root), "--base", str(root), *FEW]) == 0
    assert (root / "lora" / "pytorch_lora_weights.safetensors").read_bytes() == before

    flags = ["--timesteps", "2", "--dimension", "64", "--storage", "int8", "--references", "3"]
    assert cli.main(["featurize", str(root), *flags]) == 0
    capsys.readouterr()
    question = ["attribute", str(load_collection(root).image_path(load_collection(root).works[2]))]
    for method in ("d-trak", "trak", "raw-pixel-cosine"):
        command = [*question, "--collection", str(root), "--class", "cubism", "--method", method]
        assert cli.main([*command, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["proponents"][0]["work_id"] == load_collection(root).works[2].id


def test_without_a_base_the_remedy_is_named(tmp_path: Path) -> None:
    root = small_collection(tmp_path / "mine").path
    with pytest.raises(ModelError, match="--base"):
        list(train_collection(root, TrainingRequest()))
    with pytest.raises(ModelError, match=r"model_index\.json"):
        list(train_collection(root, TrainingRequest(base=tmp_path)))


def test_a_subset_is_read_by_id_and_unknown_ids_are_refused(tmp_path: Path) -> None:
    collection = small_collection(tmp_path / "mine")
    listed = tmp_path / "half.txt"
    listed.write_text("\n".join(work.id for work in collection.works[:3]) + "\n")
    assert chosen_works(collection, listed) == collection.works[:3]
    listed.write_text("\n")
    with pytest.raises(UsageError, match="names no work"):
        chosen_works(collection, listed)
    with pytest.raises(UsageError, match="no file"):
        chosen_works(collection, tmp_path / "gone.txt")


def test_the_papers_recipe_can_be_learnt(tmp_path: Path) -> None:
    root = small_collection(tmp_path / "mine").path
    few = ["--base-steps", "2", "--decoder-steps", "2", "--epochs", "2", "--accumulate", "3"]
    command = ["train", str(root), "--base", str(root), "--preset", "paper", "--rank", "2", *few]
    assert cli.main(command) == 0
    model = PipelineModel.load(root / "model", root / "lora")
    assert model.lora_rank == 2


def test_a_preset_gives_what_is_not_requested_otherwise() -> None:
    paper, small = _plan(TrainingRequest(preset="paper"), 5000), _plan(TrainingRequest(), 5000)
    assert (paper.rank, paper.recipe.steps, paper.recipe.warmup) == (128, 100 * 79, 790)
    assert (small.rank, small.recipe.steps) == (32, 2000)
    assert _plan(TrainingRequest(epochs=4, batch_size=10), 50).recipe.steps == 20
    assert _plan(TrainingRequest(preset="paper", steps=7), 50).recipe.steps == 7
    with pytest.raises(UsageError, match="small, paper"):
        _plan(TrainingRequest(preset="huge"), 5)


def test_a_ready_lora_is_brought_and_never_written_over(
    ready: Collection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("lora", "features"))
    command = ["train", str(root), "--lora", str(ready.path / "lora")]
    assert cli.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rank"] == 4
    brought = PipelineModel.load(root / "model", root / "lora")
    assert brought.digest == PipelineModel.load(ready.path / "model", ready.path / "lora").digest
    assert cli.main(command) == 1
    assert "has a LoRA already" in capsys.readouterr().err
    assert cli.main(["train", str(root)]) == 1
    assert "was brought, not learnt here" in capsys.readouterr().err


def test_a_name_of_the_hub_that_is_not_here_says_what_to_download(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = small_collection(tmp_path / "mine").path
    assert cli.main(["train", str(root), "--base", "stabilityai/stable-diffusion-2-1"]) == 1
    message = capsys.readouterr().err
    assert "5.2 GB" in message and "--download" in message
    assert not (root / "model").exists()


def test_a_base_of_another_size_is_refused_before_it_is_copied(
    ready: Collection, tmp_path: Path
) -> None:
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("model", "lora", "features"))
    tiny_pipeline(0, size=64).save_pretrained(tmp_path / "large")
    with pytest.raises(ModelError, match="paints 64 pixels.*have 32.*--size 64"):
        list(train_collection(root, TrainingRequest(base=tmp_path / "large")))
    assert not (root / "model").exists()


def test_what_cannot_be_is_said_before_a_base_is_made(tmp_path: Path) -> None:
    root = small_collection(tmp_path / "mine").path
    with pytest.raises(UsageError, match="bfloat16 on a processor"):
        list(train_collection(root, TrainingRequest(base=root, precision="bfloat16")))
    with pytest.raises(ModelError, match="No LoRA in"):
        list(train_collection(root, TrainingRequest(base=root, lora=tmp_path)))
    assert not (root / "model").exists() and not (root / "training").exists()


def test_a_lora_of_another_model_is_refused_and_leaves_nothing(
    ready: Collection, tmp_path: Path
) -> None:
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("lora", "features"))
    save_file(
        {
            "unet.mid_block.other.lora_A.weight": torch.zeros(2, 4),
            "unet.mid_block.other.lora_B.weight": torch.zeros(4, 2),
        },
        tmp_path / "other.safetensors",
    )
    with pytest.raises(ModelError, match="does not fit the model"):
        list(train_collection(root, TrainingRequest(lora=tmp_path / "other.safetensors")))
    assert not (root / "lora").exists()


def test_a_gpus_way_of_training_leaves_a_lora_in_float32(
    ready: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor, if slow, stands in for the GPU: the frozen UNet narrow, a batch in parts."""
    for module in ("loop", "lora"):
        monkeypatch.setattr(
            f"core.diffusion.training.{module}.chosen_precision", lambda *_: "bfloat16"
        )
    root = tmp_path / "own"
    shutil.copytree(ready.path, root, ignore=shutil.ignore_patterns("lora", "features"))
    list(
        train_collection(
            root, TrainingRequest(preset="paper", steps=2, rank=2, batch_size=4, accumulate=2)
        )
    )
    model = PipelineModel.load(root / "model", root / "lora")
    assert {value.dtype for value in model.attributed_parameters().values()} == {torch.float32}
    assert all(bool(value.isfinite().all()) for value in model.attributed_parameters().values())


def test_one_file_is_a_base_with_a_configuration_and_no_other_is_taken_after_it(
    tmp_path: Path,
) -> None:
    root = small_collection(tmp_path / "mine").path
    file, folder = tmp_path / "style.safetensors", tmp_path / "folder"
    tiny_pipeline(0).save_pretrained(folder)
    save_file(written(stable_diffusion(tiny_pipeline(0))), file)
    with pytest.raises(ModelError, match="--base-config"):
        list(train_collection(root, TrainingRequest(base=file, steps=2, rank=2)))
    request = TrainingRequest(base=file, base_config=folder, steps=2, rank=2)
    list(train_collection(root, request))
    assert PipelineModel.load(root / "model").digest == PipelineModel.load(folder).digest
    assert not (root / "training" / "base-file").exists()
    list(train_collection(root, request))  # the same again is nothing to do
    other = tmp_path / "other.safetensors"
    save_file(written(stable_diffusion(tiny_pipeline(1))), other)
    with pytest.raises(ModelError, match="has a base already, another than"):
        list(train_collection(root, replace(request, base=other)))


def test_one_file_that_paints_another_size_is_refused_before_it_is_unpacked(
    tmp_path: Path,
) -> None:
    root = small_collection(tmp_path / "mine").path
    file, folder = tmp_path / "style.safetensors", tmp_path / "folder"
    tiny_pipeline(0, size=64).save_pretrained(folder)
    save_file(written(stable_diffusion(tiny_pipeline(0, size=64))), file)
    with pytest.raises(ModelError, match="paints 64 pixels"):
        list(train_collection(root, TrainingRequest(base=file, base_config=folder)))
    assert not (root / "training" / "base-file").exists()

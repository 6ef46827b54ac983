"""Checkpoints by name: what is supported, and what is said of what is not here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.diffusion.checkpoints import checkpoint_folder, require_supported
from core.errors import ModelError


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert checkpoint_folder(tmp_path) is None
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    assert checkpoint_folder(tmp_path) == tmp_path
    require_supported(tmp_path)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "4.3 GB"),
        ("stabilityai/stable-diffusion-2-1", "5.2 GB"),
    ],
)
def test_a_missing_model_says_what_to_download_and_how_large_it_is(
    name: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=f"about {size}.*safetensors.*HF_HUB_OFFLINE=0.*hf down"):
        checkpoint_folder(Path(name))


def test_a_folder_that_is_not_there_is_no_name_of_the_hub() -> None:
    with pytest.raises(ModelError, match="no folder '/nowhere/at/all'"):
        checkpoint_folder(Path("/nowhere/at/all"))


@pytest.mark.parametrize("kind", ["StableDiffusionXLPipeline", "FluxPipeline"])
def test_other_pipelines_are_refused_by_their_kind(tmp_path: Path, kind: str) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": kind}))
    with pytest.raises(ModelError, match=f"is a {kind}.*1.x and 2.x"):
        require_supported(tmp_path)


def test_a_damaged_index_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        require_supported(tmp_path)

"""A LoRA stays with the base, the classes and the options it learnt; a --base is never ignored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file

from app import cli
from app.services import training
from app.services.training import TrainingRequest, train_collection
from core.collection.store import load_collection, save_collection
from core.diffusion.lora import BROUGHT, LORA_FILE
from core.diffusion.training.base_model import tiny_pipeline
from core.diffusion.training.pretrained import ORIGIN_FILE, is_copy
from core.errors import ModelError
from core.files import checksum
from tests.original_layout import stable_diffusion, written
from tests.small import small_collection
from tests.tiny_families import tiny_sd3

FEW = TrainingRequest(steps=3, rank=2)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A and B of one family, C of another."""
    place = tmp_path_factory.mktemp("bases")
    for name, pipeline in {"A": tiny_pipeline(0), "B": tiny_pipeline(7), "C": tiny_sd3(0)}.items():
        pipeline.save_pretrained(place / name)
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return small_collection(tmp_path / "mine").path


def learn(root: Path, **options: object) -> None:
    list(train_collection(root, replace(FEW, **options)))  # type: ignore[arg-type]


def stop_at_the_first_step(root: Path, base: Path) -> None:
    run = train_collection(root, replace(FEW, base=base))
    for event in run:
        if (event.done, event.total) == (1, 3):
            break
    run.close()  # type: ignore[attr-defined]


def other_classes(root: Path) -> None:
    collection = load_collection(root)
    works = [replace(one, style=one.style.replace("cubism", "fauvism")) for one in collection.works]
    save_collection(replace(collection, works=tuple(works)))


def test_a_lora_is_never_kept_for_a_base_that_it_did_not_learn_on(root: Path, bases: Path) -> None:
    learn(root, base=bases / "A")
    lora = root / "lora" / LORA_FILE
    before = checksum(lora)
    with pytest.raises(ModelError, match="another than.*'model' away, and what was learnt on it"):
        learn(root, base=bases / "B")
    shutil.rmtree(root / "model")
    with pytest.raises(ModelError, match="was learnt with another plan.*the base model. Move"):
        learn(root, base=bases / "B")
    assert not (root / "model").exists() and checksum(lora) == before  # before anything is copied
    learn(root, base=bases / "A")  # the one it learnt on may come again
    assert checksum(lora) == before
    for place in (root / "model", root / "lora", root / "training" / "lora"):
        shutil.rmtree(place)
    learn(root, base=bases / "B")
    assert checksum(lora) != before


@pytest.mark.parametrize("other", ["B", "C"])
def test_an_unfinished_training_does_not_go_on_on_another_base(
    root: Path, bases: Path, other: str
) -> None:
    stop_at_the_first_step(root, bases / "A")
    shutil.rmtree(root / "model")
    with pytest.raises(ModelError, match="unfinished training .* differs: the base model"):
        learn(root, base=bases / other)
    shutil.copytree(bases / other, root / "model")  # by hand
    with pytest.raises(ModelError, match="unfinished training .* differs: the base model"):
        learn(root)


@pytest.mark.parametrize("finished", [True, False])
def test_a_corrected_class_is_another_plan(root: Path, bases: Path, finished: bool) -> None:
    if finished:
        learn(root, base=bases / "A")
    else:
        stop_at_the_first_step(root, bases / "A")
    other_classes(root)
    with pytest.raises(ModelError, match="differs: the works' classes or captions"):
        learn(root)


def test_an_option_that_differs_is_named(root: Path, bases: Path) -> None:
    learn(root, base=bases / "A")
    with pytest.raises(ModelError, match="what differs: steps, rank|what differs: rank, steps"):
        learn(root, steps=4, rank=3)


def test_what_an_earlier_version_learnt_is_taken_as_it_was(root: Path, bases: Path) -> None:
    learn(root, base=bases / "A")
    record = root / "training" / "lora" / "plan.json"
    plan = json.loads(record.read_text())
    older = json.dumps({key: plan[key] for key in ("lora", "works")}, indent=1, sort_keys=True)
    record.write_text(older)
    (root / "model" / ORIGIN_FILE).unlink()
    before = checksum(root / "lora" / LORA_FILE)
    learn(root, base=bases / "A")
    assert record.read_text() == older and checksum(root / "lora" / LORA_FILE) == before
    with pytest.raises(ModelError, match="differs: rank"):
        learn(root, rank=3)


def test_a_brought_lora_is_not_called_learnt_after_a_stopped_training(
    root: Path, bases: Path, tmp_path: Path
) -> None:
    other = small_collection(tmp_path / "other").path
    learn(other, base=bases / "A", rank=3)
    stop_at_the_first_step(root, bases / "A")
    learn(root, lora=other / "lora")
    assert json.loads((root / "lora" / BROUGHT).read_text()) == {"from": LORA_FILE}
    with pytest.raises(ModelError, match="was brought, not learnt here"):
        learn(root)
    shutil.rmtree(root / "lora")  # the remedy: it goes on
    learn(root)
    assert [path.name for path in (root / "lora").iterdir() if path.name == BROUGHT] == []


def test_a_base_that_is_named_later_is_never_ignored(
    root: Path, bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--steps", "3", "--rank", "2"]
    assert cli.main(["train", str(root), "--base", str(bases / "A"), *few]) == 0
    other = small_collection(tmp_path / "teacher").path
    (tmp_path / "empty").mkdir()
    refused = {
        "somebody/other": "nothing here says whether it is 'somebody/other'",
        str(tmp_path / "nowhere"): "There is no folder",
        "nowhere": "There is no folder 'nowhere'",
        str(tmp_path / "empty"): "neither a model in diffusers' layout",
        str(other): "has a base already, another than",
        str(bases / "B"): "has a base already, another than",
    }
    for base, words in refused.items():
        capsys.readouterr()
        assert cli.main(["train", str(root), "--base", base, *few]) == 1, base
        assert words in capsys.readouterr().err
    assert cli.main(["train", str(root), "--base", str(bases / "A"), *few]) == 0


def test_a_name_of_the_hub_is_known_again_without_a_network(
    root: Path, bases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.core.diffusion.training.test_pretrained import in_the_cache

    cache = tmp_path / "cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    in_the_cache(bases / "A", cache, "somebody/tiny")
    in_the_cache(bases / "B", cache, "somebody/else")
    for _ in range(2):
        learn(root, base=Path("somebody/tiny"))
    with pytest.raises(ModelError, match="another than 'somebody/else'"):
        learn(root, base=Path("somebody/else"))
    (root / "model" / ORIGIN_FILE).rename(tmp_path / "origin")
    learn(root, base=Path("somebody/tiny"))  # an older collection: its files are compared
    (tmp_path / "origin").rename(root / "model" / ORIGIN_FILE)
    shutil.rmtree(cache)
    learn(root, base=Path("somebody/tiny"))
    with pytest.raises(ModelError, match="another than 'somebody/else'"):
        learn(root, base=Path("somebody/else"))
    (root / "model" / ORIGIN_FILE).unlink()
    with pytest.raises(ModelError, match="nothing here says whether it is 'somebody/tiny'"):
        learn(root, base=Path("somebody/tiny"))


def test_a_kill_right_after_the_copy_of_one_file_leaves_it_known(
    root: Path, bases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "style.safetensors"
    save_file(written(stable_diffusion(tiny_pipeline(0))), file)
    copied: Callable[..., None] = shutil.rmtree

    def killed(path: Path, *arguments: object, **options: object) -> None:
        if path == root / "training" / training.UNPACKED:
            raise KeyboardInterrupt
        copied(path, *arguments, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        learn(root, base=file, base_config=bases / "A")
    assert (root / "model").is_dir() and not (root / "lora").exists()
    learn(root, base=file, base_config=bases / "A")
    assert not (root / "training" / training.UNPACKED).exists()


def test_an_older_collection_knows_its_file_by_the_checksum_in_its_training(
    root: Path, bases: Path, tmp_path: Path
) -> None:
    shutil.copytree(bases / "A", root / "model")
    file = tmp_path / "style.safetensors"
    save_file(written(stable_diffusion(tiny_pipeline(0))), file)
    with pytest.raises(ModelError, match="nothing here says"):
        learn(root, base=file)
    (root / "training").mkdir()
    (root / "training" / training.BASE_FILE).write_text(checksum(file))
    learn(root, base=file)


def test_a_base_from_nothing_is_known_by_its_works_and_steps(root: Path, tmp_path: Path) -> None:
    request = replace(FEW, base=root, base_steps=2, decoder_steps=2)
    list(train_collection(root, request))
    list(train_collection(root, request))
    with pytest.raises(ModelError, match="differs: the steps.*leave --base out"):
        list(train_collection(root, replace(request, base_steps=3)))
    other = small_collection(tmp_path / "teacher")
    save_collection(replace(other, works=other.works[1:]))
    with pytest.raises(ModelError, match="differs: the works that the base is trained on"):
        list(train_collection(root, replace(request, base=other.path)))
    shutil.rmtree(root / "model")
    with pytest.raises(ModelError, match="differs: the works that the base is trained on"):
        list(train_collection(root, replace(request, base=other.path)))
    assert not (root / "model").exists()


def test_a_hidden_file_beside_a_tokenizer_makes_no_other_base(root: Path, bases: Path) -> None:
    learn(root, base=bases / "A")
    (root / "model" / "tokenizer" / ".DS_Store").write_bytes(b"x")
    learn(root)
    assert is_copy(bases / "A", root / "model")

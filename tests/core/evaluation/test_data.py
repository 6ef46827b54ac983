"""Benchmarks read photographs in every open form, and refuse the rest by name; of a collection they
learn and paint what its model does, captions included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import CollectionError
from core.evaluation import benchmark
from core.evaluation.benchmark import configuration, open_benchmark
from core.evaluation.data import Shape, digits, of_collection, photographs
from core.evaluation.models import LoraPlan
from core.evaluation.presets import PRESETS
from tests.small import captioned_collection, save_small_model, small_collection


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)


def test_digits_are_the_measured_configuration() -> None:
    split = digits(100, 50, 0)
    assert split.works.pixels.shape == (100, 1, 8, 8)
    assert split.works.pixels.min() == -1.0 and split.works.pixels.max() == 1.0
    assert not set(split.works.ids) & set(split.validation.ids)
    assert split.works.artists[:3] != split.validation.artists[:3]


def test_npz_binary_batches_and_folders_hold_the_same_pictures(
    images: np.ndarray, tmp_path: Path
) -> None:
    labels = np.arange(12) % 2
    table, batch, folder = tmp_path / "npz", tmp_path / "bin", tmp_path / "folders"
    for path in (table, batch, folder):
        path.mkdir()
    names = np.array(["car", "horse"])
    np.savez(table / "cifar2_train.npz", images=images, labels=labels, label_names=names)
    records = [
        bytes([label]) + image.transpose(2, 0, 1).tobytes()
        for label, image in zip(labels, images, strict=True)
    ]
    (batch / "data_batch_1.bin").write_bytes(b"".join(records))
    (batch / "batches.meta.txt").write_text("car\nhorse\n")
    for number, (label, image) in enumerate(zip(labels, images, strict=True)):
        (folder / names[label]).mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / names[label] / f"{number:02d}.png")
    splits = [
        photographs(path, ("car", "horse"), 8, 4, Shape(32), 5) for path in (table, batch, folder)
    ]
    for split in splits[1:]:
        assert torch.equal(split.works.pixels, splits[0].works.pixels)
        assert split.works.labels == splits[0].works.labels == ("car", "horse") * 4
    assert not set(splits[0].works.ids) & set(splits[0].validation.ids)


def test_a_class_that_is_not_there_and_too_few(images: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=images, labels=np.zeros(12, int))
    with pytest.raises(CollectionError, match="shows no frog; it holds: 0"):
        photographs(tmp_path, ("frog",), 2, 2, Shape(8), 0)
    with pytest.raises(CollectionError, match="holds 12 pictures of '0', and 20 are needed"):
        photographs(tmp_path / "a.npz", ("0",), 10, 10, Shape(8), 0)
    with pytest.raises(CollectionError, match="There is no"):
        photographs(tmp_path / "nowhere", ("0",), 1, 1, Shape(8), 0)


def test_damaged_tables_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    with pytest.raises(CollectionError, match=r"broken\.npz"):
        photographs(tmp_path / "broken.npz", (), 1, 1, Shape(8), 0)
    (tmp_path / "batch").mkdir()
    (tmp_path / "batch" / "data_batch_1.bin").write_bytes(b"123")
    with pytest.raises(CollectionError, match="is not a CIFAR-10 batch"):
        photographs(tmp_path / "batch", (), 1, 1, Shape(8), 0)


def test_a_collection_gives_equally_many_of_each_artist(tmp_path: Path) -> None:
    collection = small_collection(tmp_path)
    split = of_collection(tmp_path, (), 2, "artist", 3)
    assert len(split.works) == 2 * len(collection.artists)
    assert sorted(split.works.artists) == sorted([a.id for a in collection.artists] * 2)
    assert len(split.validation) == 3
    one = of_collection(tmp_path, collection.styles[:1], 3, "class", 1)
    assert set(one.works.labels) == {collection.styles[0]} and len(one.works) == 3
    with pytest.raises(CollectionError, match="no class fauvism"):
        of_collection(tmp_path, ("fauvism",), 1, "class", 1)


def test_validation_comes_from_the_sources_own_test_split(
    images: np.ndarray, tmp_path: Path
) -> None:
    """CIFAR's batches, npz files and folders of splits; no test picture among the works."""
    batches, tables, folders = tmp_path / "bin", tmp_path / "npz", tmp_path / "folders"
    for path in (batches, tables, folders):
        path.mkdir()
    for name, part in (("train", images[:8]), ("test", images[8:])):
        record = b"".join(b"\0" + image.transpose(2, 0, 1).tobytes() for image in part)
        batch = "data_batch_1.bin" if name == "train" else "test_batch.bin"
        (batches / batch).write_bytes(record)
        np.savez(tables / f"{name}.npz", images=part, labels=np.zeros(len(part), int))
        (folders / name / "0").mkdir(parents=True)
        for number, image in enumerate(part):
            Image.fromarray(image).save(folders / name / "0" / f"{number}.png")
    train = {image.tobytes() for image in images[:8]}
    for source in (batches, tables, folders):
        split = photographs(source, (), 8, 4, Shape(32), 0, apart=True)
        works = [
            (((one + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy().tobytes())
            for one in split.works.pixels
        ]
        assert set(works) == train
        assert not set(split.works.ids) & set(split.validation.ids) and len(split.validation) == 4
    (batches / "test_batch.bin").unlink()
    with pytest.raises(CollectionError, match="no files of the split 'test'"):
        photographs(batches, (), 8, 4, Shape(32), 0, apart=True)


def test_a_crop_is_cut_from_the_middle_before_the_picture_shrinks(tmp_path: Path) -> None:
    pixels = np.zeros((10, 12, 3), np.uint8)
    pixels[3:7, 4:8] = 255
    white = Shape(4, crop=4).of(pixels)
    assert white.shape == (3, 4, 4) and bool((white == 1.0).all())
    assert bool((Shape(4).of(pixels) < 1.0).any())


def test_classes_are_the_same_however_their_words_are_joined(tmp_path: Path) -> None:
    collection = small_collection(tmp_path)
    assert "ukiyo_e" in collection.styles
    split = of_collection(tmp_path, ("ukiyo-e",), 2, "class", 1)
    assert set(split.works.labels) == {"ukiyo_e"}


def test_without_held_out_works_some_that_are_not_learnt_are_asked_about(tmp_path: Path) -> None:
    collection = small_collection(tmp_path)
    (tmp_path / "held_out.csv").unlink()
    split = of_collection(tmp_path, (), 2, "artist", 4)
    assert len(split.validation) == 4 and not set(split.works.ids) & set(split.validation.ids)
    assert set(split.validation.ids) < {work.sha256 for work in collection.works}
    with pytest.raises(CollectionError, match="fewer than 3 of each artist with --works"):
        of_collection(tmp_path, (), 3, "artist", 4)


CAPTIONED = replace(
    PRESETS["workshops"], plan=LoraPlan(2), works=2, validation=3, generated=6, by_artist=0
)


def test_a_captioned_collection_is_learnt_and_painted_by_its_captions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = captioned_collection(tmp_path / "small")
    save_small_model(collection.path)
    bench = open_benchmark(CAPTIONED, tmp_path / "bench", data=collection.path)
    of_file = {work.sha256: work for work in collection.works}
    works = [of_file[one] for one in bench.split.works.ids]
    learnt = tuple(collection.prompt(collection.label(work)) for work in works)
    assert bench.works.prompts == learnt and "a cubism painting" in learnt
    assert len(set(learnt)) == 8 and set(bench.training_set.prompts) == {"", *learnt}
    assert bench.split.works.labels == tuple(work.style for work in works), "halves are by class"
    assert any("boat" in prompt for prompt in bench.validation.prompts)
    painted: list[str] = []

    def spied(model: object, prompts: Sequence[str], *_: object) -> Iterator[SimpleNamespace]:
        painted.extend(prompts)
        yield SimpleNamespace(latents=bench.works.latents[: len(prompts)])

    monkeypatch.setattr(benchmark, "denoise", spied)
    bench.painted(range(6))
    class_of = dict(zip(learnt, bench.split.works.labels, strict=True))
    assert [class_of[prompt] for prompt in painted] == ["cubism", "ukiyo_e"] * 3
    assert len(set(painted)) == 6
    kept = bench.split.works.of([0, 3])
    assert kept.sentences == (learnt[0], learnt[3])


def test_only_a_captioned_collections_folder_names_prompts(tmp_path: Path) -> None:
    """So that the folders of all others, which know none, still open."""
    for name, make in (("plain", small_collection), ("captioned", captioned_collection)):
        root = make(tmp_path / name).path
        split = of_collection(root, (), 2, "artist", 3)
        keys = {key for key in configuration(CAPTIONED, split) if key.startswith("prompts")}
        assert keys == (
            {"prompts of works", "prompts of validation"} if split.works.prompts else set()
        )
        assert bool(split.works.prompts) == (name == "captioned")

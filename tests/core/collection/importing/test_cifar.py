"""CIFAR as npz, as binary batches and as folders; pickles are never opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.collection.importing.cifar import RECORD, is_cifar, photographs_in, read_cifar
from core.collection.importing.importer import Form, import_collection
from core.collection.importing.rows import Candidate, EmbeddedPicture
from core.errors import CollectionError, ImageRefused
from tests.core.collection.painting import paint


def images(n: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def batch(path: Path, pictures: NDArray[np.uint8], labels: list[int]) -> Path:
    planes = pictures.transpose(0, 3, 1, 2).reshape(len(pictures), -1)
    path.write_bytes(np.column_stack([np.array(labels, np.uint8), planes]).tobytes())
    return path


@pytest.mark.parametrize("names", [["cat", "dog"], [b"cat", b"dog"]])
def test_an_npz_gives_every_picture_with_its_class(tmp_path: Path, names: list[Any]) -> None:
    pictures = images(3)
    file = npz(tmp_path / "t.npz", images=pictures, labels=[1, 0, 1], label_names=names)
    photographs = [(label, picture()) for label, picture in photographs_in(file)]
    assert [label for label, _ in photographs] == ["dog", "cat", "dog"]
    assert all(
        np.array_equal(one, expected)
        for (_, one), expected in zip(photographs, pictures, strict=True)
    )


def test_a_binary_batch_is_the_same_pictures(tmp_path: Path) -> None:
    pictures = images(3)
    file = batch(tmp_path / "data_batch_1.bin", pictures, [1, 0, 9])
    assert file.stat().st_size == 3 * RECORD
    (tmp_path / "batches.meta.txt").write_text("cat\ndog\n")
    photographs = [(label, picture()) for label, picture in photographs_in(file)]
    assert [label for label, _ in photographs] == ["dog", "cat", "9"]  # no name for the tenth class
    assert all(
        np.array_equal(one, expected)
        for (_, one), expected in zip(photographs, pictures, strict=True)
    )


def test_parts_are_told_by_the_names_of_files(tmp_path: Path) -> None:
    for name, n in (("data_batch_1", 2), ("data_batch_2", 3), ("test_batch", 1)):
        batch(tmp_path / f"{name}.bin", images(n), [0] * n)
    counts = {part: len(list(photographs_in(tmp_path, part))) for part in ("train", "test", "all")}
    assert counts == {"train": 5, "test": 1, "all": 6}


def test_an_import_takes_the_training_table_and_names_the_others(tmp_path: Path) -> None:
    npz(tmp_path / "x_train.npz", images=images(3), labels=[0, 0, 1])
    npz(tmp_path / "x_val.npz", images=images(2), labels=[0, 0])
    reading = read_cifar(tmp_path)
    assert len(reading.rows) == 3 and "Not read: x_val.npz" in reading.notes[0]
    first = reading.rows[0]
    assert isinstance(first, Candidate) and isinstance(first.picture, EmbeddedPicture)
    assert first.picture.read() == first.picture.read()  # the same bytes, so it is known again


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    source = npz(tmp_path / "t.npz", images=images(4), labels=[0, 1, 0, 1])
    first = import_collection(source, tmp_path / "c", size=32)
    again = import_collection(source, tmp_path / "c", size=32)
    assert (first.imported, again.imported, again.unchanged) == (4, 0, 4)
    assert any("no maker" in note for note in again.notes)


@pytest.mark.parametrize(
    ("arrays", "phrase"),
    [
        ({"labels": [0]}, "an array is missing"),
        ({"images": images(2).astype(float), "labels": [0, 1]}, "float64"),
        ({"images": images(2).transpose(0, 3, 1, 2), "labels": [0, 1]}, r"\[2, 3, 32, 32\]"),
        ({"images": images(2), "labels": [0]}, "2 images, and labels"),
        ({"images": images(2), "labels": [0, 2], "label_names": ["a", "b"]}, "the label 2 is none"),
        ({"images": images(2), "labels": [0, -1], "label_names": ["a", "b"]}, "the label -1"),
        ({"images": images(2), "labels": [0.0, 1.0], "label_names": ["a", "b"]}, r"the label 0\.0"),
        ({"images": np.array([{}, {}]), "labels": [0, 1]}, "no npz"),  # a pickle: not opened
    ],
)
def test_a_table_that_contradicts_itself_is_refused_by_name(
    tmp_path: Path, arrays: dict[str, Any], phrase: str
) -> None:
    file = npz(tmp_path / "t.npz", **arrays)
    with pytest.raises(CollectionError, match=f"'t.npz'.*{phrase}"):
        list(photographs_in(file))


@pytest.mark.parametrize("keep", [0, 10, 300, -200])
def test_a_table_that_is_cut_off_is_refused(tmp_path: Path, keep: int) -> None:
    file = npz(tmp_path / "t.npz", images=images(3), labels=[0, 0, 0])
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(CollectionError, match="damaged, cut off, or no npz"):
        import_collection(file, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_altered_bytes_are_found(tmp_path: Path) -> None:
    file = npz(tmp_path / "t.npz", images=images(3), labels=[0, 0, 0])
    data = bytearray(file.read_bytes())
    data[500:600] = bytes(100)
    file.write_bytes(data)
    with pytest.raises(CollectionError, match="damaged"):
        read_cifar(file)


def test_what_is_no_batch_is_not_read_into_memory(tmp_path: Path) -> None:
    file = tmp_path / "pytorch_model.bin"
    with file.open("wb") as stream:
        stream.truncate(50 * 1024**3)  # a hole: it takes no room on the disk
    with pytest.raises(CollectionError, match="not a CIFAR-10 batch"):
        read_cifar(file)


def test_pickles_are_refused_unopened(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(CollectionError, match="can run code"):
        is_cifar(tmp_path)


def test_folders_of_classes_are_read_for_benchmarks_and_imported_as_styles(tmp_path: Path) -> None:
    paint(tmp_path / "in/cat/1.png", 1)
    paint(tmp_path / "in/dog/2.png", 2)
    assert [label for label, _ in photographs_in(tmp_path / "in")] == ["cat", "dog"]
    (tmp_path / "in/dog/3.png").write_bytes(b"no picture")
    *_, (_, last) = photographs_in(tmp_path / "in")
    with pytest.raises(ImageRefused, match=r"dog/3\.png"):
        last()
    with pytest.raises(CollectionError, match="leave --kind out"):
        import_collection(tmp_path / "in", tmp_path / "c", form=Form("cifar"))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="There is no"):
        list(photographs_in(tmp_path / "missing"))
    npz(tmp_path / "x_train.npz", images=images(1), labels=[0])
    with pytest.raises(CollectionError, match="no files of the split 'test'"):
        list(photographs_in(tmp_path, "test"))

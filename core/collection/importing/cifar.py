"""CIFAR in any open form: an npz table, binary batches, or a folder of class folders.

In: a file or folder. Out: pictures as arrays [h, w, 3] uint8 with their class; for an import, rows.
Python pickles are never opened: they can run code.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.collection.images.open import open_image
from core.collection.importing.rows import UNKNOWN_ARTIST, Candidate, EmbeddedPicture, Reading
from core.errors import CollectionError, ImageRefused

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
RECORD = 1 + 3 * 32 * 32  # CIFAR's binary format: a label byte, then the planes

Photograph = tuple[str, NDArray[np.uint8]]
Waiting = tuple[str, Callable[[], NDArray[np.uint8]]]
TRAIN, TEST = ("train",), ("test", "val")  # what stands in the names of a split's files


def is_cifar(source: Path) -> bool:
    """Whether `source` is, or directly holds, a CIFAR table or batch."""
    if source.is_file():
        return source.suffix in (".npz", ".bin")
    if _pickled(source):
        raise CollectionError(
            f"'{source.name}' holds CIFAR as Python pickles, which can run code; they are not "
            "opened. Take the binary version (data_batch_1.bin ...), an npz, or a folder."
        )
    return any(file.suffix in (".npz", ".bin") for file in source.iterdir()) and not any(
        file.is_dir() and not file.name.startswith(".") for file in source.iterdir()
    )


def photographs_in(source: Path, part: str = "all") -> Iterator[Waiting]:
    """Class, and how to get the picture, one by one; files of a folder are opened only then.

    `part`: `train`, `test` (or validation), by the names of the files or folders, or `all`: one
    npz (that of training if there are several), every batch, every class folder. Raises
    `CollectionError` where there is no such part, or where it is none of the forms.
    """
    if not source.exists():
        raise CollectionError(
            f"There is no '{source}'. Give a CIFAR npz, its binary batches, or a folder of class "
            "folders."
        )
    files = _chosen(source) if part == "all" else _of_part(_tables(source), part)
    if not _tables(source) and source.is_dir():
        folders = [file for file in sorted(source.iterdir()) if file.is_dir()]
        if part != "all":
            folders = [
                inner
                for outer in _of_part(folders, part)
                for inner in sorted(outer.iterdir())
                if inner.is_dir()
            ]
        yield from _folders(folders)
    elif not files:
        raise CollectionError(
            f"'{source.name}' has no files of the split '{part}'. Give the folder that holds both "
            "splits: their names tell train from test or val."
        )
    for file in files:
        for label, image in _npz(file) if file.suffix == ".npz" else _binary(file):
            yield label, lambda image=image: image  # type: ignore[misc]


def _of_part(files: Sequence[Path], part: str) -> list[Path]:
    marks = TEST if part == "test" else TRAIN
    named = [file for file in files if any(mark in file.stem.lower() for mark in marks)]
    if part == "train" and not named:  # CIFAR's own batches: data_batch_1 ... 5, test_batch
        named = [file for file in files if "data_batch" in file.stem]
    return named


def read_cifar(source: Path) -> Reading:
    """A row for every picture of the tables; no photographer is known."""
    rows = []
    files = _chosen(source)
    if not files:
        raise CollectionError(
            f"'{source.name}' is, or holds, no CIFAR npz (images, labels) and no binary batch "
            "(data_batch_1.bin ...). A folder of class folders is a folder of styles: leave --kind "
            "out."
        )
    for file in files:
        pictures = _npz(file) if file.suffix == ".npz" else _binary(file)
        for number, (label, image) in enumerate(pictures, start=1):
            name = f"{label} {number}"
            held = EmbeddedPicture(name, lambda image=image: _bitmap(image))  # type: ignore[misc]
            row = f"{file.name}: {number}"
            rows.append(Candidate(row, held, name, UNKNOWN_ARTIST, label, "", "", ""))
    others = sorted({one.name for one in _tables(source)} - {file.name for file in files})
    notes = (f"Not read: {', '.join(others)}. Import by name what you want of it.",)
    return Reading(rows, notes if others else ())


def _bitmap(image: NDArray[np.uint8]) -> bytes:
    """As a BMP: the same bytes wherever and whenever they are made."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "BMP")
    return buffer.getvalue()


def _tables(source: Path) -> list[Path]:
    files = [source] if source.is_file() else sorted(source.iterdir())
    return [file for file in files if file.suffix in (".npz", ".bin")]


def _chosen(source: Path) -> list[Path]:
    """One npz, that of training if there are several; else all batches."""
    tables = [file for file in _tables(source) if file.suffix == ".npz"]
    training = [file for file in tables if "train" in file.stem]
    return (training or tables)[:1] or [file for file in _tables(source) if file.suffix == ".bin"]


def _pickled(source: Path) -> bool:
    return (source / "batches.meta").is_file() or (source / "data_batch_1").is_file()


_DAMAGED = (  # all that numpy was seen to raise for a file that is cut, altered or something else
    *(OSError, ValueError, EOFError, TypeError, AttributeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)


def _npz(file: Path) -> Iterator[Photograph]:
    try:
        with np.load(file, allow_pickle=False) as table:
            images, labels = table["images"], table["labels"]
            names = table["label_names"] if "label_names" in table.files else None
    except KeyError as error:
        raise _no_table(file, "an array is missing") from error
    except _DAMAGED as error:
        raise _no_table(file, "it is damaged, cut off, or no npz") from error
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)):
        raise _no_table(file, f"its images are {images.dtype} {list(images.shape)}")
    if labels.shape != images.shape[:1]:
        raise _no_table(file, f"it has {len(images)} images, and labels {list(labels.shape)}")
    if names is not None:
        strange = [one for one in labels.tolist() if not _numbers_one_of(one, names)]
        if strange:
            raise _no_table(file, f"the label {strange[0]} is none of {len(names)} label_names")
    for image, label in zip(images, labels, strict=True):
        yield _text(label if names is None else names[label]), image


def _no_table(file: Path, cause: str) -> CollectionError:
    return CollectionError(
        f"'{file.name}' is not a readable table of images and labels: {cause}. It needs the arrays "
        "images [n, h, w, 3] uint8 and labels [n], and may have label_names. Save it again."
    )


def _numbers_one_of(label: object, names: Sequence[object]) -> bool:
    return isinstance(label, int) and 0 <= label < len(names)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _binary(file: Path) -> Iterator[Photograph]:
    meta = file.parent / "batches.meta.txt"
    names = meta.read_text(encoding="utf-8", errors="replace").split() if meta.is_file() else []
    if not file.stat().st_size or file.stat().st_size % RECORD:  # before gigabytes are read
        raise CollectionError(
            f"'{file.name}' is not a CIFAR-10 batch: its length is not a multiple of {RECORD} "
            "bytes. Download it again, or name the file or folder that you mean."
        )
    data = np.fromfile(file, dtype=np.uint8)
    for record in data.reshape(-1, RECORD):
        label = int(record[0])
        name = names[label] if label < len(names) else str(label)
        yield name, record[1:].reshape(3, 32, 32).transpose(1, 2, 0)


def _folders(folders: Sequence[Path]) -> Iterator[Waiting]:
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() in _ENDINGS:
                yield folder.name, partial(_opened, file)


def _opened(file: Path) -> NDArray[np.uint8]:
    try:
        return np.asarray(open_image(file).image)
    except ImageRefused as error:
        raise ImageRefused(
            f"'{file.parent.name}/{file.name}' cannot be read as a picture. Remove it."
        ) from error

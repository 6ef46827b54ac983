"""The pictures of a benchmark: digits, photographs from a file or folder, or a collection's works.

In: a preset and a place, or a source and how many. Out: pixels in [-1, 1] with class, artist and
digest. Knows no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core.collection.importing.cifar import photographs_in
from core.collection.importing.fields import slug
from core.collection.store import load_collection, load_held_out
from core.collection.types import Work, class_prompt
from core.diffusion.tensors import image_to_tensor
from core.errors import CollectionError, UsageError
from core.evaluation.presets import COLLECTION, DIGITS, Preset


@dataclass(frozen=True, eq=False)
class Pictures:
    """`pixels [n, c, h, w]` in [-1, 1]; a class, an artist and a content digest each. `prompts`:
    the sentence of each, where the collection is by caption; without them it is the class's."""

    pixels: Tensor
    labels: tuple[str, ...]
    artists: tuple[str, ...]
    ids: tuple[str, ...]
    prompts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a model with prompts learns each under."""
        return self.prompts or tuple(map(class_prompt, self.labels))

    def of(self, rows: Sequence[int]) -> Pictures:
        """Some of them, in the order of `rows`."""
        kept = (self.labels, self.artists, self.ids, self.prompts)
        return Pictures(
            self.pixels[list(rows)], *(tuple(one[row] for row in rows if one) for one in kept)
        )


@dataclass(frozen=True, eq=False)
class Split:
    """What is learnt, and pictures of the same kind that are not."""

    works: Pictures
    validation: Pictures


def read_split(preset: Preset, data: Path | None) -> Split:
    """Works and validation pictures of a preset."""
    if preset.source == DIGITS:
        return digits(preset.works, preset.validation, preset.data_seed)
    if data is None:
        what = (
            "a collection's folder"
            if preset.source == COLLECTION
            else ("a CIFAR npz, its binary batches, or a folder of class folders")
        )
        raise UsageError(f"The preset '{preset.name}' needs its pictures: give {what} with --data.")
    if preset.source == COLLECTION:
        return of_collection(data, preset.classes, preset.works, preset.each, preset.validation)
    return photographs(
        data,
        preset.classes,
        preset.works,
        preset.validation,
        Shape(preset.size, preset.crop),
        preset.data_seed,
        apart=preset.apart,
    )


def pictures_of(pixels: Tensor, labels: Sequence[str], artists: Sequence[str]) -> Pictures:
    """With digests of their contents."""
    ids = tuple(hashlib.sha256(one.numpy().tobytes()).hexdigest() for one in pixels)
    return Pictures(pixels, tuple(labels), tuple(artists), ids)


def digits(works: int, validation: int, seed: int) -> Split:
    """scikit-learn's 8 x 8 digits, in the order of `default_rng(seed)`; each digit an artist."""
    from sklearn.datasets import load_digits

    dataset = load_digits()
    order = np.random.default_rng(seed).permutation(len(dataset.target))[: works + validation]
    pixels = torch.from_numpy(dataset.images[order] / 8.0 - 1.0).float()[:, None]
    names = [str(digit) for digit in dataset.target[order]]
    # halves are not stratified by digit, as in the measured configuration
    whole = pictures_of(pixels, ["digit"] * len(names), names)
    return _split(whole, works, validation)


@dataclass(frozen=True)
class Shape:
    """The side pictures are brought to, after cutting a square of `crop` from the middle (0: the
    largest there is)."""

    size: int
    crop: int = 0

    def of(self, pixels: NDArray[np.uint8]) -> Tensor:
        """`[3, size, size]` in [-1, 1]."""
        image = Image.fromarray(pixels)
        if self.crop:
            left, top = (image.width - self.crop) // 2, (image.height - self.crop) // 2
            image = image.crop((left, top, left + self.crop, top + self.crop))
        return image_to_tensor(image, self.size)


def photographs(
    source: Path,
    classes: Sequence[str],
    works: int,
    validation: int,
    shape: Shape,
    seed: int,
    *,
    apart: bool = False,
) -> Split:
    """Equally many of each class from CIFAR in any open form: npz, binary batches, or a folder of
    class folders. `apart`: works from the source's training split, validation from its test split;
    otherwise both from one pool. Raises `CollectionError` where it is none of these or holds too
    few."""
    if not apart:
        pool = _photographs(source, "all", classes, works + validation, shape, seed)
        return _split(pool, works, validation)
    learnt = _photographs(source, "train", classes, works, shape, seed)
    others = _photographs(source, "test", classes, validation, shape, seed)
    return Split(learnt.of(range(works)), others.of(range(validation)))


def _photographs(
    source: Path, part: str, classes: Sequence[str], count: int, shape: Shape, seed: int
) -> Pictures:
    by_class: dict[str, list[Callable[[], NDArray[np.uint8]]]] = {}
    for label, picture in photographs_in(source, part):
        by_class.setdefault(label, []).append(picture)
    wanted = list(classes) or sorted(by_class)
    missing = [name for name in wanted if name not in by_class]
    if missing or not wanted:
        raise CollectionError(
            f"'{source.name}' shows no {', '.join(missing) or 'pictures'}; it holds: "
            f"{', '.join(sorted(by_class)) or 'nothing'}. Give a CIFAR npz, its binary batches, or "
            "a folder of class folders with --data."
        )
    each = -(-count // len(wanted))
    few = [name for name in wanted if len(by_class[name]) < each]
    if few:
        raise CollectionError(
            f"'{source.name}' holds {len(by_class[few[0]])} pictures of '{few[0]}', and {each} are "
            "needed. Ask for fewer works with --works."
        )
    rng = np.random.default_rng(seed)
    order = {name: rng.permutation(len(by_class[name]))[:each] for name in wanted}
    # the classes take turns, so that any cut of the list holds all of them
    rows = [(name, by_class[name][order[name][turn]]) for turn in range(each) for name in wanted]
    pixels = torch.stack([shape.of(picture()) for _, picture in rows])
    labels = [name for name, _ in rows]
    return pictures_of(pixels, labels, labels)


def of_collection(
    directory: Path, classes: Sequence[str], works: int, each: str, validation: int
) -> Split:
    """The first `works` of each artist, or of each class; for validation, in turn over the same,
    held-out works, or where the collection has none, works that are not learnt here.

    Raises `CollectionError` for a class that the collection does not have, and where nothing is
    left for validation.
    """
    collection = load_collection(directory)
    by_slug = {slug(style): style for style in collection.styles}
    missing = [name for name in classes if slug(name) not in by_slug]
    if missing:
        raise CollectionError(
            f"The collection '{collection.name}' has no class {', '.join(missing)}; it has "
            f"{', '.join(collection.styles)}. Give another collection with --data."
        )
    wanted = {by_slug[slug(name)] for name in classes} or set(collection.styles)
    kept = _by(each, [work for work in collection.works if work.style in wanted])
    chosen = [work for group in kept for work in group[:works]]
    others = load_held_out(collection) or tuple(work for group in kept for work in group[works:])
    waiting = _by(each, [work for work in others if work.style in wanted])
    if not waiting and validation:
        raise CollectionError(
            f"The collection '{collection.name}' holds no works beside the {len(chosen)} that are "
            f"learnt: ask for fewer than {works} of each {each} with --works, so that some are "
            "left to ask about."
        )
    longest = max((len(group) for group in waiting), default=0)
    turns = [group[at] for at in range(longest) for group in waiting if at < len(group)]

    def read(works: Sequence[Work]) -> Pictures:
        pixels = []
        for work in works:
            with Image.open(collection.image_path(work)) as image:
                pixels.append(image_to_tensor(image, collection.image_size))
        stacked = torch.stack(pixels) if pixels else torch.zeros(0, 3, 1, 1)
        return Pictures(
            stacked,
            tuple(work.style for work in works),
            tuple(work.artist_id for work in works),
            tuple(work.sha256 for work in works),
            tuple(collection.prompt(collection.label(work)) for work in works)
            if collection.by_caption
            else (),
        )

    return Split(read(chosen), read(turns[:validation]))


def _by(each: str, works: Sequence[Work]) -> list[list[Work]]:
    groups: dict[str, list[Work]] = {}
    for work in works:
        groups.setdefault(work.artist_id if each == "artist" else work.style, []).append(work)
    return list(groups.values())


def _split(whole: Pictures, works: int, validation: int) -> Split:
    if len(whole) < works + validation:
        raise UsageError(f"{len(whole)} pictures are too few for {works} and {validation}.")
    return Split(whole.of(range(works)), whole.of(range(works, works + validation)))

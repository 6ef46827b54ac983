"""From pictures to stored features: which key each has, and shard after shard made and written.

In: pictures of a collection and a featurizer. Out: a `FeatureStore` that holds a row for each. What
is there is not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from core.attribution.features.featurizer import Features, Featurizer
from core.attribution.features.spec import FeatureSpec
from core.attribution.features.store import HEADER, FeatureStore, Header, key_of, picture_key
from core.attribution.removal import forget_unowned
from core.collection.types import Collection
from core.diffusion.tensors import image_to_tensor
from core.errors import CollectionError
from core.progress import Progress

SHARD_SIZE, LARGE_SHARD_SIZE = 50, 1000  # works per file
MANY = 20_000  # works from which the larger one is taken

# (number, places) of the shards to make -> progress while others make them
Spreader = Callable[[Sequence[tuple[int, list[int]]]], Iterator[Progress]]
Picture = tuple[str, str, str]  # file relative to the collection, style, sha256


def keys_of(pictures: Sequence[Picture], spec: FeatureSpec) -> list[int]:
    """The keys of their features: content and style, and the turn where noise goes in cycles."""
    period = spec.noise.period if spec.noise.mode == "cycle" else 1
    return [key_of(sha, style, at % period) for at, (_, style, sha) in enumerate(pictures)]


def pictures_of(collection: Collection) -> list[Picture]:
    """The works, as features are made of them."""
    return [(work.file, collection.label(work), work.sha256) for work in collection.works]


def keys_of_works(collection: Collection, spec: FeatureSpec) -> list[int]:
    """The keys of the works' features, in their order."""
    return keys_of(pictures_of(collection), spec)


def fill_store(
    featurizer: Featurizer,
    collection: Collection,
    directory: Path,
    pictures: Sequence[Picture],
    storage: str,
    spread: Spreader | None = None,
) -> Iterator[Progress]:
    size = SHARD_SIZE if len(pictures) <= MANY else LARGE_SHARD_SIZE
    if (directory / HEADER).is_file():  # a store that grows keeps its shards' size
        size = FeatureStore.open(directory).header.shard_size
    header = Header(featurizer.spec, featurizer.model.digest, size, storage)
    store = FeatureStore.begin(directory, header)
    keys = keys_of(pictures, featurizer.spec)
    phase = f"Tracing {directory.parent.name if directory.name == 'references' else directory.name}"
    planned = list(store.plan(keys))
    done = len(pictures) - sum(len(places) for _, places in planned)
    if spread is not None:
        yield from spread(planned)
        planned = []
    for number, places in planned:
        for place in write_shard(featurizer, collection, store, number, places, pictures, keys):
            done += 1
            yield Progress(phase, done, len(pictures), pictures[place][1])
    if extra := set(store.keys()) - set(keys):
        if directory.name == "references":
            store.forget(sorted(extra))
        else:
            forget_unowned(collection, store, extra)


def write_shard(
    featurizer: Featurizer,
    collection: Collection,
    store: FeatureStore,
    number: int,
    places: Sequence[int],
    pictures: Sequence[Picture],
    keys: Sequence[int],
) -> Iterator[int]:
    """Make and write one planned shard; yields each place as its features are there.

    The next pictures are read while the model works on these.
    """
    parts, left = [], list(places)
    with ThreadPoolExecutor(1) as reader:
        opened = {place: reader.submit(load_pixels, collection, pictures[place]) for place in left}
        while left:
            now, left = left[: featurizer.together], left[featurizer.together :]
            pixels = torch.stack([opened.pop(place).result() for place in now])
            batch = [pictures[place] for place in now]
            latents = featurizer.model.encode(pixels)
            prompts = [collection.prompt(label) for _, label, _ in batch]
            made = featurizer.features(latents, prompts, [sha for _, _, sha in batch], now)
            parts.append(made)
            yield from now
    own = [picture_key(pictures[place][2]) for place in places]
    store.write(number, Features.stack(parts), [keys[place] for place in places], own)


def load_pixels(collection: Collection, picture: Picture) -> Tensor:
    """`[3, h, w]` in [-1, 1]."""
    path = collection.path / picture[0]
    try:
        with Image.open(path) as image:
            return image_to_tensor(image, collection.image_size)
    except OSError as error:
        raise CollectionError(
            f"The picture '{picture[0]}' of the collection '{collection.name}' is missing or "
            "damaged. Put it back, or import the collection again."
        ) from error

"""Features, index and null of a collection, built ahead of every query.

In: a collection with a trained model, and a spec. Out: `features/<name>/` in the collection: a
store of the works, a store of the reference pictures, an index per method. Every stage resumes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.attribution.calibration.references import (
    DEFAULT_PLAN,
    FOREIGN,
    GENERATED,
    HELD_OUT,
    Reference,
    ReferencePlan,
    load_references,
    paint_references,
)
from core.attribution.calibration.trust import Familiarity
from core.attribution.features.featurizer import PLAIN, Features, Featurizer, Means
from core.attribution.features.spec import FeatureSpec
from core.attribution.features.store import HEADER, FeatureStore, Header, key_of
from core.attribution.methods import D_TRAK, METHODS, Method
from core.attribution.scoring.incremental_update import can_grow, grown, shrunk
from core.attribution.scoring.index import HEAD as INDEX_HEAD
from core.attribution.scoring.index import (
    Index,
    Vector,
    Works,
    build_index,
    kept_lambda,
    load_index,
    outer_sum,
    save_index,
)
from core.attribution.scoring.kernel import DEFAULT_RULE, LambdaRule
from core.collection.types import Collection, class_prompt
from core.diffusion.protocol import DiffusionModel
from core.diffusion.tensors import image_to_tensor
from core.errors import CollectionError, StoreError, UsageError
from core.files import sweep, write_text
from core.progress import Progress

DEFAULT = "default"  # the features behind D-TRAK, the trust verdict and the ledger
SPECS: dict[str, FeatureSpec] = {
    DEFAULT: FeatureSpec(),
    "average": FeatureSpec(objective="average"),
    "simple": FeatureSpec(objective="simple"),
    "latents": FeatureSpec(objective="latents"),
}
TRUST_FILE = "trust.json"
SHARD_SIZE, LARGE_SHARD_SIZE = 50, 1000  # works per file
MANY = 20_000  # works from which the larger one is taken

# (number, places) of the shards to make -> progress while others make them
Spreader = Callable[[Sequence[tuple[int, list[int]]]], Iterator[Progress]]
Picture = tuple[str, str, str]  # file relative to the collection, style, sha256


def features_directory(collection: Collection, name: str) -> Path:
    """`features/<name>` of the collection."""
    return collection.path / "features" / name


def build_features(
    model: DiffusionModel,
    collection: Collection,
    name: str,
    spec: FeatureSpec,
    *,
    plan: ReferencePlan = DEFAULT_PLAN,
    rule: LambdaRule = DEFAULT_RULE,
    storage: str = "float16",
    kept: Container[str] | None = None,
    spread: Spreader | None = None,
    means: Means = PLAIN,
) -> Iterator[Progress]:
    """All stages in order; what is finished is skipped, so a second call is quick.

    `kept`: the methods whose index is written (None: all); others are built when they are needed.
    `spread`: makes the works' shards elsewhere (`core.attribution.scoring.ray_backend`).
    """
    directory = features_directory(collection, name)
    for folder in (directory, directory / "references", collection.path / "references"):
        sweep(folder)
    featurizer = Featurizer(model, spec, means=means)
    yield from _store(featurizer, collection, directory, pictures_of(collection), storage, spread)
    yield from paint_references(model, collection, plan)
    rows = references_for(name, collection, plan)
    reference_pictures = [_picture(row) for row in rows]
    yield from _store(featurizer, collection, directory / "references", reference_pictures, storage)
    methods = [
        row
        for row in METHODS.values()
        if row.served and row.features == name and (kept is None or row.name in kept)
    ]
    for number, method in enumerate(methods):
        make_index(collection, directory, method, rule, rows, keep=True)
        yield Progress("Building the index", number + 1, len(methods), method.name)
    if name == DEFAULT:
        _save_trust(collection, directory, rows, rule)


def references_for(name: str, collection: Collection, plan: ReferencePlan) -> list[Reference]:
    """All kinds for the default features; for others only what a null needs."""
    rows = load_references(collection, plan)
    return rows if name == DEFAULT else [row for row in rows if row.kind == GENERATED]


def keys_of(pictures: Sequence[Picture], spec: FeatureSpec) -> list[int]:
    """The keys of their features: content and style, and the turn where noise goes in cycles."""
    period = spec.noise.period if spec.noise.mode == "cycle" else 1
    return [key_of(sha, style, at % period) for at, (_, style, sha) in enumerate(pictures)]


def pictures_of(collection: Collection) -> list[Picture]:
    """The works, as features are made of them."""
    return [(work.file, work.style, work.sha256) for work in collection.works]


def keys_of_works(collection: Collection, spec: FeatureSpec) -> list[int]:
    """The keys of the works' features, in their order."""
    return keys_of(pictures_of(collection), spec)


def _picture(row: Reference) -> Picture:
    return row.file, row.style, row.sha256


def traced_references(collection: Collection, directory: Path) -> list[Reference]:
    """The reference pictures of these features, whatever their number was when they were made."""
    store = FeatureStore.open(directory / "references")
    rows = references_for(directory.name, collection, DEFAULT_PLAN)
    have = set(store.keys())
    keys = keys_of([_picture(row) for row in rows], store.header.spec)
    return [row for row, key in zip(rows, keys, strict=True) if key in have]


def _store(
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
    if extra := set(store.keys()) - set(keys):  # of works that left the collection
        if directory.name == "references":
            store.forget(sorted(extra))
        else:
            _forget(store, extra)


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
        opened = {place: reader.submit(_pixels, collection, pictures[place]) for place in left}
        while left:
            now, left = left[: featurizer.together], left[featurizer.together :]
            pixels = torch.stack([opened.pop(place).result() for place in now])
            batch = [pictures[place] for place in now]
            latents = featurizer.model.encode(pixels)
            prompts = [class_prompt(style) for _, style, _ in batch]
            made = featurizer.features(latents, prompts, [sha for _, _, sha in batch], now)
            parts.append(made)
            yield from now
    store.write(number, Features.stack(parts), [keys[place] for place in places])


def _pixels(collection: Collection, picture: Picture) -> Tensor:
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


def index_sources(
    works: FeatureStore, references: Sequence[int], method: Method, rule: LambdaRule
) -> str:
    """sha256 over what an index is made from, but for the works themselves."""
    text = json.dumps([works.header.digest, list(references), method.name, asdict(rule)])
    return hashlib.sha256(text.encode()).hexdigest()


def make_index(
    collection: Collection,
    directory: Path,
    method: Method,
    rule: LambdaRule = DEFAULT_RULE,
    rows: Sequence[Reference] | None = None,
    *,
    keep: bool = False,
) -> Index:
    """The index of one method from finished features, answering for the collection's works.

    Read if it is there; grown if works have joined and it can grow (`incremental_update`);
    else fitted again. `keep` writes what was made; a studio that only serves changes nothing in a
    collection.
    """
    store = FeatureStore.open(directory)
    references = FeatureStore.open(directory / "references")
    keys = keys_of_works(collection, store.header.spec)
    if rows is None:
        rows = traced_references(collection, directory)
    painted = keys_of(
        [_picture(row) for row in rows if row.kind == GENERATED], references.header.spec
    )
    sources = index_sources(store, painted, method, rule)
    folder = directory / "index" / method.name
    index = None
    with suppress(
        StoreError
    ):  # absent, damaged or of other features: it is derived, and made again
        index = load_index(folder, sources)
    if index is not None and set(keys) <= set(index.keys.tolist()):
        # works that left are not answered for; their rows go when features are made again
        if keep and len(index.keys) > len(set(keys)):
            index = None
        else:
            return index.of_works(keys)
    store.require_rows(keys)
    phi = references.load(painted).phi
    made = None if index is None else _grown(index, store, keys, method, phi)
    if made is None:
        left = _departed(store, keys)
        made = build_index(method, _works(store, keys), phi, sources, rule, keys, left)
    if keep and method.kernel != "identity":  # the others are their features, and need no keeping
        save_index(made, folder)
    return made.of_works(keys)


def forget_works(collection: Collection, pictures: Sequence[tuple[str, str]]) -> int:
    """Take the rows of works (sha256, style) out of every feature store and index; rows taken.

    What a kernel knows of them stays, as it does in the model: the sum of their features' outer
    products. So no leverage, and no verdict on trust, changes. An index that is damaged, or would
    be left with nothing, is removed whole: it is derived, and the next `featurize` makes it again.
    A removal that was interrupted is finished by repeating it.
    """
    taken = 0
    for place in sorted((collection.path / "features").glob("*/header.json")):
        directory = place.parent
        taken += _forget(FeatureStore.open(directory), _turns(directory, pictures))
        references = directory / "references"
        if (references / HEADER).is_file():  # else its making was stopped before it began
            keys = sorted(_turns(references, pictures))
            taken += FeatureStore.open(references).forget(keys)
    return taken


def _turns(directory: Path, pictures: Sequence[tuple[str, str]]) -> set[int]:
    noise = FeatureStore.open(directory).header.spec.noise
    turns = range(noise.period if noise.mode == "cycle" else 1)
    return {key_of(sha, style, turn) for sha, style in pictures for turn in turns}


def _forget(store: FeatureStore, keys: set[int]) -> int:
    """Take works out of a store and its indices; the number of rows taken from the store.

    The rows go last: whoever is interrupted, or reads meanwhile, still has what is needed.
    """
    leaving = sorted(keys & set(store.keys()))
    features: dict[int, Tensor | None] = dict.fromkeys(keys)
    if _has_kernel(store) and leaving:
        phi = store.load(leaving).phi
        features |= dict(zip(leaving, phi, strict=True))
        before, known = store.departed()
        fresh = [place for place, key in enumerate(leaving) if key not in set(known)]
        if fresh:
            together = torch.cat([before, phi[fresh]]) if known else phi[fresh]
            kept = outer_sum(together) @ together.double()
            store.keep_departed(kept, [*known, *(leaving[place] for place in fresh)])
    for head in sorted(store.directory.glob(f"index/*/{INDEX_HEAD}")):
        _shrink(head.parent, features)
    return store.forget(leaving)


def _has_kernel(store: FeatureStore) -> bool:
    """Whether a method needs the kernel of these features; else nothing of a work is kept."""
    kernels = {row.kernel for row in METHODS.values() if row.features == store.directory.name}
    return bool(kernels & {"ridge", "leverage"})


def _departed(store: FeatureStore, keys: Sequence[int]) -> Tensor | None:
    """Rows `[d, k]` for what the kernel of these works' features knows beside them: works that
    left, whether their own rows are still there or not. None where nobody left."""
    if not _has_kernel(store):
        return None
    phi, known = store.departed()
    leaving = sorted(set(store.keys()) - set(keys) - set(known))
    if leaving:
        still = store.load(leaving).phi
        phi = torch.cat([phi, still]) if known else still
    return phi if len(phi) else None


def _shrink(folder: Path, features: dict[int, Tensor | None]) -> None:
    keys = set(features)
    try:
        index = load_index(folder)
    except StoreError:  # damaged: what it holds of them must not stay
        shutil.rmtree(folder)
        return
    known = set(index.keys.tolist())
    if known <= keys:
        shutil.rmtree(folder)
    elif keys & known:
        try:
            smaller = shrunk(index, features)
        except UsageError:  # an earlier removal was interrupted: their features are gone already
            shutil.rmtree(folder)
        else:
            save_index(smaller, folder)


def _works(store: FeatureStore, keys: Sequence[int]) -> Works:
    def read(start: int, stop: int) -> Features:
        return store.load(keys[start:stop])

    return Works(len(keys), store.load(keys[:1]).phi.shape[1], read)


def _grown(
    index: Index, store: FeatureStore, keys: Sequence[int], method: Method, references: Tensor
) -> Index | None:
    """The index with the works that joined, where all it knows are still there; else None."""
    fitted = index.keys[: sum(map(len, index.rows))].tolist()
    known, present = set(fitted), set(keys)
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if not known <= present or not can_grow(method, len(fitted), len(new)):
        return None
    works = _works(store, fitted)
    left = index.departed
    kernel = (works if left is None else works.with_rows(left.phi)).kernel()
    return grown(index, kernel, works, _works(store, new), new, references)


def reference_values(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> tuple[Vector, Vector]:
    """(loss, leverage) of the reference pictures `[m, 2]` and of the works `[n, 2]`.

    By the kernel that a query meets: it knows works that left, and keeps its lambda while works
    join.
    """
    store = FeatureStore.open(directory)
    keys = keys_of_works(collection, store.header.spec)
    works, left = _works(store, keys), _departed(store, keys)
    references = FeatureStore.open(directory / "references")
    traced = references.load(keys_of([_picture(row) for row in rows], references.header.spec))
    kernel = (works if left is None else works.with_rows(left)).kernel()
    lambda_ = kernel.lambda_(rule)
    with suppress(StoreError):  # none is kept: it is fitted to these very works when it is needed
        lambda_ = kept_lambda(directory / "index" / D_TRAK)
    leverage = kernel.leverage(traced.phi.double().numpy(), lambda_)
    tables = (block.phi.double().numpy() for block in works.blocks())
    own = np.concatenate([part.self_influence(lambda_) for part in kernel.parts(tables)])
    own = own[: works.count]  # a dual kernel speaks for those that left too
    losses = torch.cat([block.losses for block in works.blocks()]).numpy()
    return (
        np.stack([traced.losses.numpy(), leverage], axis=1),
        np.stack([losses, own], axis=1),
    )


def _save_trust(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> None:
    values, own = reference_values(collection, directory, rows, rule)
    kinds = {
        kind: [i for i, row in enumerate(rows) if row.kind == kind]
        for kind in (GENERATED, HELD_OUT, FOREIGN)
    }
    known = [values[kinds[GENERATED]]]
    # without held-out works the works themselves stand for what the model knows
    known.append(values[kinds[HELD_OUT]] if kinds[HELD_OUT] else own)
    line = Familiarity.fit(known, values[kinds[FOREIGN]])
    right = {
        kind: float(np.mean([line.of(*values[i]) >= 0.5 for i in places])) if places else None
        for kind, places in kinds.items()
    }
    record = {"familiarity": line.plain(), "called_known": right}
    write_text(directory / TRUST_FILE, json.dumps(record, indent=1) + "\n")


def load_trust(directory: Path) -> Familiarity:
    """The line that `build_features` drew. Raises `StoreError` without one."""
    try:
        values = json.loads((directory / TRUST_FILE).read_text(encoding="utf-8"))
        return Familiarity.from_plain(values["familiarity"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The features '{directory.name}' have no readable {TRUST_FILE}. Make them again with "
            "`python -m app featurize`."
        ) from error

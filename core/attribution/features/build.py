"""Features, index and null of a collection, built ahead of every question.

In: a collection with a trained model, and a spec. Out: `features/<name>/` in the collection: a
store of the works, a store of the reference pictures, an index a method, and for the default
features what the verdict and the shares are calibrated by. Every stage resumes.
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

from core.attribution.calibration.artist_null import ArtistNull
from core.attribution.calibration.attributable import Attributable, signals
from core.attribution.calibration.references import (
    BASE,
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
from core.attribution.features.lora_gain import LoraGain, gains
from core.attribution.features.spec import FeatureSpec
from core.attribution.features.store import HEADER, FeatureStore, Header, key_of
from core.attribution.methods import METHODS, Method
from core.attribution.scoring.incremental_update import can_grow, grown, shrunk
from core.attribution.scoring.index import HEAD as INDEX_HEAD
from core.attribution.scoring.index import (
    Index,
    Vector,
    Works,
    build_index,
    load_index,
    save_index,
)
from core.attribution.scoring.influence import Ownership
from core.attribution.scoring.kernel import DEFAULT_RULE, LambdaRule
from core.collection.atomic import sweep, write_text
from core.collection.prompts import class_prompt
from core.collection.types import Collection
from core.diffusion.stable import StableDiffusion
from core.diffusion.tensors import image_to_tensor
from core.errors import CollectionError, StoreError
from core.progress import Progress

DEFAULT = "default"  # the features behind D-TRAK, the trust verdict and the ledger
SPECS: dict[str, FeatureSpec] = {
    DEFAULT: FeatureSpec(),
    "average": FeatureSpec(objective="average"),
    "simple": FeatureSpec(objective="simple"),
    "latents": FeatureSpec(objective="latents"),
}
TRUST_FILE = "trust.json"
ATTRIBUTABLE_FILE = "attributable.json"
NULLS = "nulls"  # a file per method: how much influence artists have by chance
GAINS_FILE = "gains.json"  # key -> losses with the LoRA, without it, and at the least noise
SHARD_SIZE, LARGE_SHARD_SIZE = 50, 1000  # works a file
MANY = 20_000  # works from which the larger one is taken

# (number, places) of the shards to make -> progress while others make them
Spreader = Callable[[Sequence[tuple[int, list[int]]]], Iterator[Progress]]
Picture = tuple[str, str, str]  # file relative to the collection, style, sha256


def features_directory(collection: Collection, name: str) -> Path:
    """`features/<name>` of the collection."""
    return collection.path / "features" / name


def build_features(
    model: StableDiffusion,
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

    `kept`: the methods whose index is written (None: all); others are built when they are asked.
    `spread`: makes the works' shards elsewhere (`core.attribution.scoring.ray_backend`).
    """
    directory = features_directory(collection, name)
    for folder in (directory, directory / "references", collection.path / "references"):
        sweep(folder)
    featurizer = Featurizer(model, spec, means=means)
    yield from _store(featurizer, collection, directory, pictures_of(collection), storage, spread)
    yield from paint_references(model, collection, plan)
    rows = references_for(name, collection, plan)
    asked = [_picture(row) for row in rows]
    yield from _store(featurizer, collection, directory / "references", asked, storage)
    wanted = [
        row for row in METHODS.values()
        if row.served and row.features == name and (kept is None or row.name in kept)
    ]  # fmt: skip
    for number, method in enumerate(wanted):
        index = make_index(collection, directory, method, rule, rows, keep=True)
        make_null(collection, directory, index, keep=True)
        yield Progress("Building the index", number + 1, len(wanted), method.name)
    if name == DEFAULT:
        _save_trust(collection, directory, rows, rule)
        yield from _measure_gains(featurizer, model, collection, directory, rows)
        _save_attributable(collection, directory, rows, rule)


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
        store.forget(sorted(extra))


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
            asked = [pictures[place] for place in now]
            latents = featurizer.model.encode(pixels)
            prompts = [class_prompt(style) for _, style, _ in asked]
            found = featurizer.features(latents, prompts, [sha for _, _, sha in asked], now)
            parts.append(found)
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
    else fitted anew. `keep` writes what was made; a studio that only serves changes nothing in a
    collection.
    """
    store = FeatureStore.open(directory)
    asked = FeatureStore.open(directory / "references")
    keys = keys_of_works(collection, store.header.spec)
    if rows is None:
        rows = traced_references(collection, directory)
    painted = keys_of([_picture(row) for row in rows if row.kind == GENERATED], asked.header.spec)
    sources = index_sources(store, painted, method, rule)
    folder = directory / "index" / method.name
    index = None
    with suppress(StoreError):  # absent, damaged or of other features: it is derived, and made anew
        index = load_index(folder, sources)
    if index is not None and set(keys) <= set(index.keys.tolist()):
        # works that left are not answered for; their rows go when features are made again
        if keep and len(index.keys) > len(set(keys)):
            index = None
        else:
            return index.of_works(keys)
    phi = asked.load(painted).phi
    made = None if index is None else _grown(index, store, keys, method, phi)
    if made is None:
        made = build_index(method, _works(store, keys), phi, sources, rule, keys)
    if keep and method.kernel != "identity":  # the others are their features, and need no keeping
        save_index(made, folder)
    return made.of_works(keys)


def forget_works(collection: Collection, pictures: Sequence[tuple[str, str]]) -> int:
    """Take the rows of works (sha256, style) out of every feature store and index; rows taken.

    An index that has grown, is damaged, or would be left with nothing is removed whole: it is
    derived, and the next `featurize` makes it anew.
    """
    taken = 0
    for place in sorted((collection.path / "features").glob("*/header.json")):
        directory = place.parent
        keys: set[int] = set()
        for folder in (directory, directory / "references"):
            if not (folder / HEADER).is_file():
                continue  # its making was stopped before it began
            store = FeatureStore.open(folder)
            noise = store.header.spec.noise
            turns = range(noise.period if noise.mode == "cycle" else 1)
            keys |= {key_of(sha, style, turn) for sha, style in pictures for turn in turns}
            taken += store.forget(sorted(keys))
        for head in sorted(directory.glob(f"index/*/{INDEX_HEAD}")):
            _shrink(head.parent, keys)
    return taken


def _shrink(folder: Path, keys: set[int]) -> None:
    try:
        index = load_index(folder)
    except StoreError:  # damaged: what it holds of them must not stay
        shutil.rmtree(folder)
        return
    known = set(index.keys.tolist())
    if index.added is not None or known <= keys:
        shutil.rmtree(folder)
    elif keys & known:
        save_index(shrunk(index, keys), folder)


def _works(store: FeatureStore, keys: Sequence[int]) -> Works:
    def read(start: int, stop: int) -> Features:
        return store.load(keys[start:stop])

    return Works(len(keys), store.load(keys[:1]).phi.shape[1], read)


def _grown(
    index: Index, store: FeatureStore, keys: Sequence[int], method: Method, references: Tensor
) -> Index | None:
    """The index with the works that joined, where all it knows are still there; else None."""
    fitted = index.keys[: sum(map(len, index.rows))].tolist()
    known, wanted = set(fitted), set(keys)
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if not known <= wanted or not can_grow(method, len(fitted), len(new)):
        return None
    works = _works(store, fitted)
    return grown(index, works.kernel(), works, _works(store, new), new, references)


def reference_values(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> tuple[Vector, Vector]:
    """(loss, leverage) of the reference pictures `[m, 2]` and of the works `[n, 2]`."""
    store = FeatureStore.open(directory)
    works = _works(store, keys_of_works(collection, store.header.spec))
    asked = FeatureStore.open(directory / "references")
    found = asked.load(keys_of([_picture(row) for row in rows], asked.header.spec))
    kernel = works.kernel()
    lambda_ = kernel.lambda_(rule)
    leverage = kernel.leverage(found.phi.double().numpy(), lambda_)
    tables = (block.phi.double().numpy() for block in works.blocks())
    own = np.concatenate([part.self_influence(lambda_) for part in kernel.parts(tables)])
    losses = torch.cat([block.losses for block in works.blocks()]).numpy()
    return (
        np.stack([found.losses.numpy(), leverage], axis=1),
        np.stack([losses, own], axis=1),
    )


def _save_trust(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> None:
    values, own = reference_values(collection, directory, rows, rule)
    kinds = {kind: [i for i, row in enumerate(rows) if row.kind == kind]
             for kind in (GENERATED, HELD_OUT, FOREIGN)}  # fmt: skip
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


def _measure_gains(
    featurizer: Featurizer,
    model: StableDiffusion,
    collection: Collection,
    directory: Path,
    rows: Sequence[Reference],
) -> Iterator[Progress]:
    """Losses of the reference pictures with the LoRA and without; what is there is not made again.

    Written now and then, so that a stop loses little.
    """
    gain = LoraGain(featurizer, model)
    path = directory / "references" / GAINS_FILE
    about = {"model": model.digest, "spec": featurizer.spec.digest, "timestep": gain.timestep}
    known = {}
    with suppress(OSError, ValueError, KeyError, TypeError):  # derived: made anew if unreadable
        written = json.loads(path.read_text(encoding="utf-8"))
        if written["about"] == about:
            known = written["losses"]
    pictures = [_picture(row) for row in rows]
    keys = [str(key) for key in keys_of(pictures, featurizer.spec)]
    missing = [place for place, key in enumerate(keys) if key not in known]
    for done, place in enumerate(missing, start=1):
        latents = model.encode(_pixels(collection, pictures[place])[None])
        asked = (latents, [class_prompt(rows[place].style)], [rows[place].sha256], [place])
        with_lora, finest = gain.with_lora(*asked)
        losses = (with_lora, gain.of_base(*asked), finest)
        known[keys[place]] = [float(loss) for loss in losses]
        if done % SHARD_SIZE == 0 or done == len(missing):
            text = json.dumps({"about": about, "losses": known}, indent=0)
            write_text(path, text + "\n")
        yield Progress("Measuring what the LoRA changed", done, len(missing))


def reference_signals(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> Vector:
    """`attributable.signals` of the reference pictures, `[m, 3]`. Raises `StoreError` without."""
    store = FeatureStore.open(directory)
    kernel = _works(store, keys_of_works(collection, store.header.spec)).kernel()
    asked = FeatureStore.open(directory / "references")
    keys = keys_of([_picture(row) for row in rows], asked.header.spec)
    found = asked.load(keys)
    lambda_ = kernel.lambda_(rule)
    phi = found.phi.double().numpy()
    length = np.maximum(np.square(phi).sum(axis=1), np.finfo(np.float64).tiny)
    outside = lambda_ * kernel.leverage(phi, lambda_) / length
    try:
        text = (directory / "references" / GAINS_FILE).read_text(encoding="utf-8")
        written = json.loads(text)["losses"]
        losses = torch.tensor([written[str(key)] for key in keys], dtype=torch.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The features '{directory.name}' do not say what the LoRA changed. Run "
            "`python -m app featurize`: only what is missing is made."
        ) from error
    gain = gains(losses[:, 0], losses[:, 1]).numpy()
    return signals(1.0 - outside, gain, losses[:, 2].numpy())


def _save_attributable(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> None:
    values = reference_signals(collection, directory, rows, rule)
    kinds = {kind: values[[row.kind == kind for row in rows]]
             for kind in (GENERATED, HELD_OUT, FOREIGN, BASE)}  # fmt: skip
    known = [kinds[kind] for kind in (GENERATED, HELD_OUT) if len(kinds[kind])]
    line = Attributable.fit(known, [kinds[FOREIGN], kinds[BASE]])
    taken = {kind: float(np.mean(line.probabilities(those) >= line.level)) if len(those) else None
             for kind, those in kinds.items()}  # fmt: skip
    record = {**line.plain(), "taken": taken}
    write_text(directory / ATTRIBUTABLE_FILE, json.dumps(record, indent=1) + "\n")


def load_attributable(directory: Path) -> Attributable | None:
    """The line that `build_features` drew; None in features of before. Raises `StoreError` for a
    damaged one."""
    path = directory / ATTRIBUTABLE_FILE
    if not path.is_file():
        return None
    try:
        return Attributable.from_plain(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The features '{directory.name}' have no readable {ATTRIBUTABLE_FILE}. Make them "
            "again with `python -m app featurize`."
        ) from error


def ownership_of(collection: Collection, directory: Path) -> Ownership:
    """Whose each work is, and which are copies of one work by these features."""
    store = FeatureStore.open(directory)
    phi = store.packed(keys_of_works(collection, store.header.spec))
    return Ownership.of([work.artist_id for work in collection.works], phi)


def make_null(
    collection: Collection,
    directory: Path,
    index: Index,
    ownership: Ownership | None = None,
    *,
    keep: bool = False,
) -> ArtistNull:
    """The null per artist of one method: read if it fits the index and the works, else made."""
    artists = [work.artist_id for work in collection.works]
    about = json.dumps([index.sources, index.keys.tolist(), artists])
    mark = hashlib.sha256(about.encode()).hexdigest()
    path = directory / NULLS / f"{index.method}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):  # derived: made anew if unreadable
        written = json.loads(path.read_text(encoding="utf-8"))
        if written["of"] == mark:
            return ArtistNull.from_plain(written, sorted(set(artists)))
    owned = ownership_of(collection, directory) if ownership is None else ownership
    null = _artist_null(collection, directory, index, owned)
    if keep:
        write_text(path, json.dumps({"of": mark, **null.plain()}) + "\n")
    return null


def _artist_null(
    collection: Collection, directory: Path, index: Index, ownership: Ownership
) -> ArtistNull:
    """Each artist's usual share of the influence on pictures that they did not shape.

    These are held-out works of other artists and pictures painted of classes without a work of
    theirs; where there are none of either, all painted ones, which asks for more.
    """
    asked = FeatureStore.open(directory / "references")
    rows = [row for row in traced_references(collection, directory)
            if row.kind in (GENERATED, HELD_OUT)]  # fmt: skip
    phi = asked.load(keys_of([_picture(row) for row in rows], asked.header.spec)).phi
    influence = [
        ownership.sums(ownership.parts(index.scores(query), index.leverage)) for query in phi
    ]
    classes: dict[str, set[str]] = {artist: set() for artist in ownership.artists}
    for work in collection.works:
        classes[work.artist_id].add(work.style)
    unshaped = np.array(
        [[row.artist_id != artist if row.kind == HELD_OUT else row.style not in classes[artist]
          for artist in ownership.artists] for row in rows]
    )  # fmt: skip
    if not unshaped.any():
        unshaped[:] = True
    return ArtistNull.fit(ownership.artists, np.array(influence), unshaped)


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

"""Features, index and null of a collection, built ahead of every question.

In: a collection with a trained model, and a spec. Out: `features/<name>/` in the collection: a
store of the works, a store of the reference pictures, an index a method. Every stage resumes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from core.attribution.familiarity import Familiarity
from core.attribution.features import Features, Featurizer
from core.attribution.index import Index, build_index, load_index, save_index
from core.attribution.kernel import DEFAULT_RULE, Kernel, LambdaRule
from core.attribution.methods import METHODS, Method
from core.attribution.references import (
    DEFAULT_PLAN,
    FOREIGN,
    GENERATED,
    HELD_OUT,
    Reference,
    ReferencePlan,
    load_references,
    paint_references,
    references_digest,
)
from core.attribution.spec import FeatureSpec
from core.attribution.store import FeatureStore, Header
from core.collection.atomic import write_text
from core.collection.prompts import class_prompt
from core.collection.types import Collection
from core.diffusion.protocol import DiffusionModel
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
) -> Iterator[Progress]:
    """All stages in order; what is finished is skipped, so a second call is quick.

    `kept`: the methods whose index is written (None: all); others are built when they are asked.
    """
    directory = features_directory(collection, name)
    featurizer = Featurizer(model, spec)
    works = [(work.file, work.style, work.sha256) for work in collection.works]
    yield from _store(featurizer, collection, directory, works, collection.digest, storage)
    yield from paint_references(model, collection, plan)
    rows = references_for(name, collection, plan)
    asked = [(row.file, row.style, row.sha256) for row in rows]
    digest = references_digest(rows)
    yield from _store(featurizer, collection, directory / "references", asked, digest, storage)
    wanted = [
        row for row in METHODS.values()
        if row.served and row.features == name and (kept is None or row.name in kept)
    ]  # fmt: skip
    for number, method in enumerate(wanted):
        make_index(collection, directory, method, rule, rows, keep=True)
        yield Progress("Building the index", number + 1, len(wanted), method.name)
    if name == DEFAULT:
        _save_trust(directory, rows, rule)


def references_for(name: str, collection: Collection, plan: ReferencePlan) -> list[Reference]:
    """All kinds for the default features; for others only what a null needs."""
    rows = load_references(collection, plan)
    return rows if name == DEFAULT else [row for row in rows if row.kind == GENERATED]


def _store(
    featurizer: Featurizer,
    collection: Collection,
    directory: Path,
    pictures: Sequence[tuple[str, str, str]],
    digest: str,
    storage: str,
) -> Iterator[Progress]:
    header = Header(
        featurizer.spec, featurizer.model.digest, digest, len(pictures), storage=storage
    )
    store = FeatureStore.begin(directory, header)
    phase = f"Tracing {directory.parent.name if directory.name == 'references' else directory.name}"
    for number in store.missing():
        parts = []
        for place in header.shards[number]:
            file, style, content = pictures[place]
            parts.append(_features(featurizer, collection, file, style, content, place))
            yield Progress(phase, place + 1, len(pictures), style)
        store.write(number, Features.stack(parts))


def _features(
    featurizer: Featurizer, collection: Collection, file: str, style: str, content: str, place: int
) -> Features:
    path = collection.path / file
    try:
        with Image.open(path) as image:
            pixels = image_to_tensor(image, collection.image_size)
    except OSError as error:
        raise CollectionError(
            f"The picture '{file}' of the collection '{collection.name}' is missing or damaged. "
            "Put it back, or import the collection again."
        ) from error
    latents = featurizer.model.encode(pixels[None])
    return featurizer.features(latents, [class_prompt(style)], [content], [place])


def index_sources(
    works: FeatureStore, references: FeatureStore, method: Method, rule: LambdaRule
) -> str:
    """sha256 over what an index is made from."""
    text = json.dumps([works.header.digest, references.header.digest, method.name, asdict(rule)])
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
    """The index of one method from finished features: read if it is there, else built.

    `keep` writes what was built; a studio that only serves changes nothing in a collection.
    """
    works = FeatureStore.open(directory)
    references = FeatureStore.open(directory / "references")
    sources = index_sources(works, references, method, rule)
    folder = directory / "index" / method.name
    try:
        return load_index(folder, sources)
    except StoreError:
        pass  # absent, damaged or of other features: it is derived, and built again below
    if rows is None:
        count = references.header.count
        rows = references_for(directory.name, collection, DEFAULT_PLAN)[:count]
    painted = [place for place, row in enumerate(rows) if row.kind == GENERATED]
    phi = references.load().phi[painted]
    remembered = works.load()
    index = build_index(method, remembered.phi, phi, sources, rule, remembered.losses)
    if keep and method.kernel != "identity":  # the others are their features, and need no keeping
        save_index(index, folder)
    return index


def _save_trust(directory: Path, rows: Sequence[Reference], rule: LambdaRule) -> None:
    works = FeatureStore.open(directory).load()
    asked = FeatureStore.open(directory / "references").load()
    kernel = Kernel.fit(works.phi.double().numpy())
    lambda_ = kernel.lambda_(rule)
    leverage = kernel.leverage(asked.phi.double().numpy(), lambda_)
    values = np.stack([asked.losses.numpy(), leverage], axis=1)
    own = np.stack([works.losses.numpy(), kernel.self_influence(lambda_)], axis=1)
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
    record = {"familiarity": line.plain(), "lambda": lambda_, "called_known": right}
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

"""What verdict and shares are calibrated by, from the reference pictures of finished features.

In: features of works and reference pictures. Out: the line of trust, what is attributable, the
null per artist; kept beside the features, and read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from core.attribution.calibration.artist_null import ArtistNull
from core.attribution.calibration.attributable import Attributable, signals
from core.attribution.calibration.references import (
    BASE,
    FOREIGN,
    GENERATED,
    HELD_OUT,
    Reference,
    picture_of,
    traced_references,
)
from core.attribution.calibration.trust import Familiarity
from core.attribution.features.featurizer import Features, Featurizer
from core.attribution.features.lora_gain import LoraGain, gains
from core.attribution.features.shards import SHARD_SIZE, keys_of, keys_of_works, load_pixels
from core.attribution.features.store import FeatureStore
from core.attribution.methods import D_TRAK
from core.attribution.removal import departed_rows
from core.attribution.scoring.index import Index, Vector, Works, kept_lambda
from core.attribution.scoring.influence import Ownership
from core.attribution.scoring.kernel import Kernel
from core.attribution.scoring.ridge import LambdaRule
from core.attribution.scoring.works_index import works_of
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.errors import StoreError
from core.files import read_json, write_text
from core.progress import Progress

T = TypeVar("T")
TRUST_FILE = "trust.json"
ATTRIBUTABLE_FILE = "attributable.json"
NULLS = "nulls"  # a file per method: how much influence artists have by chance
GAINS_FILE = "gains.json"  # key -> losses with the LoRA, without it, and at the least noise


def reference_values(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> tuple[Vector, Vector]:
    """(loss, leverage) of the reference pictures `[m, 2]` and of the works `[n, 2]`."""
    works, kernel, lambda_ = _kernel_of_queries(collection, directory, rule)
    traced = _traced(directory, rows)
    leverage = kernel.leverage(traced.phi.double().numpy(), lambda_)
    tables = (block.phi.double().numpy() for block in works.blocks())
    own = np.concatenate([part.self_influence(lambda_) for part in kernel.parts(tables)])
    own = own[: works.count]  # a dual kernel speaks for those that left too
    losses = torch.cat([block.losses for block in works.blocks()]).numpy()
    return (
        np.stack([traced.losses.numpy(), leverage], axis=1),
        np.stack([losses, own], axis=1),
    )


def _kernel_of_queries(
    collection: Collection, directory: Path, rule: LambdaRule
) -> tuple[Works, Kernel, float]:
    """The works, and the kernel with the lambda that a query meets: it knows works that left, and
    keeps its lambda while works join."""
    store = FeatureStore.open(directory)
    keys = keys_of_works(collection, store.header.spec)
    works, left = works_of(store, keys), departed_rows(store, keys)
    kernel = (works if left is None else works.with_rows(left)).kernel()
    lambda_ = kernel.lambda_(rule)
    with suppress(StoreError):  # none is kept: it is fitted to these very works when it is needed
        lambda_ = kept_lambda(directory / "index" / D_TRAK)
    return works, kernel, lambda_


def _traced(directory: Path, rows: Sequence[Reference]) -> Features:
    store = FeatureStore.open(directory / "references")
    return store.load(_keys(rows, store))


def _keys(rows: Sequence[Reference], store: FeatureStore) -> list[int]:
    return keys_of([picture_of(row) for row in rows], store.header.spec)


def save_trust(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> None:
    """Fit the line of trust to the reference pictures `rows` and write it to `TRUST_FILE`."""
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
    return _kept(directory, TRUST_FILE, lambda one: Familiarity.from_plain(one["familiarity"]))


def _kept(directory: Path, name: str, parse: Callable[[Any], T]) -> T:
    unreadable = (
        f"The features '{directory.name}' have no readable {name}. Make them again with "
        "`python -m app featurize`."
    )
    return read_json(
        directory / name, parse, missing=unreadable, damaged=unreadable, error=StoreError
    )


def measure_gains(
    featurizer: Featurizer,
    model: PipelineModel,
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
    with suppress(OSError, ValueError, KeyError, TypeError):  # derived: made again if unreadable
        written = json.loads(path.read_text(encoding="utf-8"))
        if written["about"] == about:
            known = written["losses"]
    pictures = [picture_of(row) for row in rows]
    keys = [str(key) for key in keys_of(pictures, featurizer.spec)]
    missing = [place for place, key in enumerate(keys) if key not in known]
    for done, place in enumerate(missing, start=1):
        latents = model.encode(load_pixels(collection, pictures[place])[None])
        picture = (latents, [collection.prompt(rows[place].style)], [rows[place].sha256], [place])
        with_lora, finest = gain.with_lora(*picture)
        losses = (with_lora, gain.of_base(*picture), finest)
        known[keys[place]] = [float(loss) for loss in losses]
        if done % SHARD_SIZE == 0 or done == len(missing):
            text = json.dumps({"about": about, "losses": known}, indent=0)
            write_text(path, text + "\n")
        yield Progress("Measuring what the LoRA changed", done, len(missing))


def reference_signals(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> Vector:
    """`attributable.signals` of the reference pictures, `[m, 3]`. Raises `StoreError` without."""
    _, kernel, lambda_ = _kernel_of_queries(collection, directory, rule)
    keys = _keys(rows, FeatureStore.open(directory / "references"))
    phi = _traced(directory, rows).phi.double().numpy()
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


def save_attributable(
    collection: Collection, directory: Path, rows: Sequence[Reference], rule: LambdaRule
) -> None:
    """Fit what is attributable to the reference pictures `rows`, and write it."""
    values = reference_signals(collection, directory, rows, rule)
    kinds = {
        kind: values[[row.kind == kind for row in rows]]
        for kind in (GENERATED, HELD_OUT, FOREIGN, BASE)
    }
    known = [kinds[kind] for kind in (GENERATED, HELD_OUT) if len(kinds[kind])]
    line = Attributable.fit(known, [kinds[FOREIGN], kinds[BASE]])
    taken = {
        kind: float(np.mean(line.probabilities(those) >= line.level)) if len(those) else None
        for kind, those in kinds.items()
    }
    record = {**line.plain(), "taken": taken}
    write_text(directory / ATTRIBUTABLE_FILE, json.dumps(record, indent=1) + "\n")


def load_attributable(directory: Path) -> Attributable | None:
    """The line that `build_features` drew; None in features of before. Raises `StoreError` for a
    damaged one."""
    if not (directory / ATTRIBUTABLE_FILE).is_file():
        return None
    return _kept(directory, ATTRIBUTABLE_FILE, Attributable.from_plain)


def ownership_of(collection: Collection, directory: Path) -> Ownership:
    """Whose each work is, and which are copies of one work by these features."""
    store = FeatureStore.open(directory)
    phi = store.packed(keys_of_works(collection, store.header.spec))
    return Ownership.of([work.makers for work in collection.works], phi)


def make_null(
    collection: Collection,
    directory: Path,
    index: Index,
    ownership: Ownership | None = None,
    *,
    keep: bool = False,
) -> ArtistNull:
    """The null per artist of one method: read if it fits the index and the works, else made."""
    makers = [work.makers for work in collection.works]
    # a work by one artist stands as their id, as it did when no other was known
    owned_by = [own[0][0] if len(own) == 1 else own for own in makers]
    # under captions a null once took pictures painted for an artist's own for another's
    labels = ["captions"] if collection.by_caption else []
    about = json.dumps([index.sources, index.keys.tolist(), owned_by, *labels])
    mark = hashlib.sha256(about.encode()).hexdigest()
    path = directory / NULLS / f"{index.method}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):  # derived: made again if unreadable
        written = json.loads(path.read_text(encoding="utf-8"))
        if written["of"] == mark:
            return ArtistNull.from_plain(written, sorted({who for own in makers for who, _ in own}))
    owned = ownership_of(collection, directory) if ownership is None else ownership
    null = _artist_null(collection, directory, index, owned)
    if keep:
        write_text(path, json.dumps({"of": mark, **null.plain()}) + "\n")
    return null


def _artist_null(
    collection: Collection, directory: Path, index: Index, ownership: Ownership
) -> ArtistNull:
    """Each artist's usual share of the influence on pictures that they did not shape.

    These are held-out works of other artists and pictures painted under labels without a work of
    theirs; for an artist without any of either, all of these pictures, which asks for more.
    """
    every = traced_references(collection, directory)  # in turns of noise, places count
    places = [at for at, row in enumerate(every) if row.kind in (GENERATED, HELD_OUT)]
    rows = [every[at] for at in places]
    phi = _traced(directory, every).phi[places]
    influence = [
        ownership.sums(ownership.parts(index.scores(query), index.own_leverage)) for query in phi
    ]
    unshaped = _unshaped(rows, _labels(collection, ownership.artists))
    departed = np.array([index.departed_influence(query) for query in phi])
    return ArtistNull.fit(ownership.artists, np.array(influence), unshaped, departed)


def _labels(collection: Collection, artists: Sequence[str]) -> dict[str, set[str]]:
    """Artist -> what their works are learnt under."""
    labels: dict[str, set[str]] = {artist: set() for artist in artists}
    for work in collection.works:
        for artist, _ in work.makers:
            labels[artist].add(collection.label(work))
    return labels


def _unshaped(rows: Sequence[Reference], labels: Mapping[str, set[str]]) -> NDArray[np.bool_]:
    """Which pictures `[m]` which artists had no part in, `[m, a]`; `labels`: those of their works.

    For an artist who had, or may have had, a part in all of them, every picture counts.
    """
    unshaped = np.array(
        [
            [
                artist not in row.made_by if row.kind == HELD_OUT else row.style not in own
                for artist, own in labels.items()
            ]
            for row in rows
        ]
    )
    unshaped[:, ~unshaped.any(axis=0)] = True
    return unshaped

"""A collection that grows and shrinks: what is there stays, what joins is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.attribution.engine import Engine
from core.attribution.features.build import build_features
from core.attribution.features.shards import keys_of_works
from core.attribution.features.spec import DEFAULT, SPECS
from core.attribution.features.store import FeatureStore, features_directory
from core.attribution.methods import method
from core.attribution.scoring.index import Index
from core.attribution.scoring.works_index import make_index
from core.collection.store import load_collection, load_held_out, save_collection
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.errors import StoreError
from tests.small import PLAN


def featurized(collection: Collection) -> Collection:
    model = PipelineModel.load(collection.path / "model", collection.path / "lora")
    for _ in build_features(model, collection, DEFAULT, SPECS[DEFAULT], plan=PLAN):
        pass
    return collection


def with_works(collection: Collection, joins: int = 0, leaves: int = 0) -> Collection:
    """Held-out works join, works leave."""
    works = (*collection.works[leaves:], *load_held_out(collection)[:joins])
    save_collection(replace(collection, works=works))
    return load_collection(collection.path)


@pytest.fixture
def own(ready: Collection, tmp_path: Path) -> Collection:
    shutil.copytree(ready.path, tmp_path / "own")
    return load_collection(tmp_path / "own")


@pytest.fixture
def shards(own: Collection) -> Iterator[dict[str, bytes]]:
    folder = features_directory(own, DEFAULT)
    yield {path.name: path.read_bytes() for path in folder.glob("shard-*.safetensors")}


def index_of(collection: Collection) -> Index:
    return make_index(collection, features_directory(collection, DEFAULT), method("d-trak"))


def test_works_that_join_are_added_and_nothing_else_is_made_again(
    own: Collection, shards: dict[str, bytes]
) -> None:
    place = features_directory(own, DEFAULT)
    rows = (place / "index" / "d-trak" / "rows-00000.safetensors").read_bytes()
    bigger = featurized(with_works(own, joins=1))
    for name, content in shards.items():
        assert (place / name).read_bytes() == content
    assert (place / "index" / "d-trak" / "rows-00000.safetensors").read_bytes() == rows
    assert (place / "index" / "d-trak" / "added.safetensors").is_file()
    index = index_of(bigger)
    assert len(index) == len(bigger.works) == 13
    # the same as fitting all of them at that lambda, within int8
    store = FeatureStore.open(place)
    phi = store.load(keys_of_works(bigger, store.header.spec)).phi
    table = phi.double().numpy()
    exact = np.linalg.solve(table.T @ table + index.lambda_ * np.eye(table.shape[1]), table.T)
    expected = exact.T @ table[12]
    np.testing.assert_allclose(index.scores(phi[12]), expected, atol=0.02 * np.abs(expected).max())


def test_too_many_to_be_added_are_fitted_anew(own: Collection) -> None:
    bigger = featurized(with_works(own, joins=3))
    folder = features_directory(own, DEFAULT) / "index" / "d-trak"
    assert not (folder / "added.safetensors").exists()
    assert len(index_of(bigger)) == 15


def test_a_work_that_left_is_not_answered_for_at_once_and_is_forgotten_with_the_next_featurize(
    own: Collection, shards: dict[str, bytes]
) -> None:
    before = index_of(own)
    smaller = with_works(own, leaves=1)
    index = index_of(smaller)  # nothing was made again yet
    assert len(index) == 11
    np.testing.assert_array_equal(index.self_influence, before.self_influence[1:])
    with Image.open(smaller.image_path(smaller.works[0])) as image:
        attribution = Engine.open(smaller, device="cpu").attribute(
            image, style=smaller.works[0].style
        )
    assert own.works[0].id not in {work.id for work in attribution.works}
    store = FeatureStore.open(features_directory(own, DEFAULT))
    assert len(store.keys()) == 12
    featurized(smaller)
    assert len(store.keys()) == 11
    assert len(index_of(smaller)) == 11


def test_drafts_of_a_killed_run_are_swept(own: Collection) -> None:
    left = [
        own.path / "references" / ".igoqt15e.part",
        features_directory(own, DEFAULT) / ".a_b1c2d3.part",
    ]
    for path in left:
        path.write_bytes(b"half")
    featurized(own)
    assert not any(path.exists() for path in left)


def test_a_work_without_features_is_named_with_the_remedy(own: Collection) -> None:
    with pytest.raises(StoreError, match="1 of 13 pictures.*featurize"):
        Engine.open(with_works(own, joins=1), device="cpu")

"""`remove`: gone from tables, pictures, features and index, and from an open studio at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from app.cli import main
from core.attribution.engine import Engine
from core.attribution.features.shards import keys_of_works
from core.attribution.features.store import FeatureStore, features_directory
from core.attribution.scoring.index import load_index
from core.collection.store import load_collection
from core.collection.types import Collection


@pytest.fixture
def own(ready: Collection, tmp_path: Path) -> Collection:
    shutil.copytree(ready.path, tmp_path / "own")
    return load_collection(tmp_path / "own")


def test_an_open_studio_answers_without_the_work_at_once(
    own: Collection, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Engine.open(own, device="cpu")
    gone, queried = own.works[0], own.works[1]
    with Image.open(own.image_path(queried)) as opened:
        image = opened.convert("RGB")
    before = engine.attribute(image, style=queried.style)
    key = keys_of_works(own, engine.spec)[0]
    assert main(["remove", str(own.path), "--work", gone.id, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {"removed": [gone.id], "features": 4, "works": 11}
    after = engine.attribute(image, style=queried.style)
    assert [work.id for work in after.works] == [work.id for work in before.works[1:]]
    assert after.scores.tolist() == pytest.approx(before.scores[1:].tolist())
    assert gone.id not in {work.id for work in engine.collection.works}
    for name in ("default", "simple", "average", "latents"):
        assert key not in set(FeatureStore.open(features_directory(own, name)).keys())
    index = load_index(features_directory(own, "default") / "index" / "d-trak")
    assert len(index) == 11 and key not in index.keys


def test_a_damaged_index_and_unfinished_features_do_not_keep_a_work(own: Collection) -> None:
    place = features_directory(own, "default") / "index" / "d-trak"
    (place / "rows-00000.safetensors").write_bytes(b"damaged")
    shutil.rmtree(features_directory(own, "simple") / "references")
    assert main(["remove", str(own.path), "--work", own.works[0].id]) == 0
    assert not place.exists()
    for name in ("default", "simple", "average", "latents"):
        assert len(FeatureStore.open(features_directory(own, name)).keys()) == 11


def test_nothing_named_is_wrong_usage(own: Collection) -> None:
    assert main(["remove", str(own.path)]) == 2
    assert main(["remove", str(own.path), "--work", "nobody"]) == 1
    assert len(load_collection(own.path).works) == 12

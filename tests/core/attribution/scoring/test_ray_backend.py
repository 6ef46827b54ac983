"""Several processes through Ray: the same files, the same numbers; a killed one loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.attribution.engine import Engine
from core.attribution.features.build import build_features
from core.attribution.features.spec import SPECS
from core.attribution.features.store import FeatureStore, Header, features_directory
from core.attribution.methods import method
from core.attribution.removal import forget_works
from core.attribution.scoring.ray_backend import RayHolders, connect, featurize_by, spread
from core.attribution.scoring.sharding import LocalHolders, ShardedIndex, split
from core.attribution.scoring.works_index import make_index
from core.collection.store import load_collection, save_collection
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.errors import UsageError
from tests.small import PLAN, picture

pytest.importorskip("ray")
SPEC = replace(SPECS["default"], projection=replace(SPECS["default"].projection, dimension=64))


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    result = connect("local", 2)
    yield result
    result.shutdown()


def engine_scores(collection: Collection, **options: Any) -> np.ndarray:
    engine = Engine.open(collection, device="cpu", **options)
    work = collection.works[2]
    with Image.open(collection.image_path(work)) as image:
        return engine.attribute(image.convert("RGB"), style=work.style).scores


def test_scores_from_workers_are_the_local_ones(ready: Collection, ray: Any) -> None:
    local = engine_scores(ready)
    far = engine_scores(ready, spread=lambda index, kept: spread(ray, index, kept, 2))
    np.testing.assert_allclose(far, local, rtol=1e-5)


def test_workers_give_the_leverage_that_was_before_works_left(
    ready: Collection, ray: Any, tmp_path: Path
) -> None:
    shutil.copytree(ready.path, tmp_path / "own")
    own = load_collection(tmp_path / "own")
    # one engine: the workers of the works before are given up for those after
    engine = Engine.open(own, device="cpu", spread=lambda *at: spread(ray, *at, 2))
    before = engine.attribute(picture(5), style="cubism")
    for left in (3, 5):
        gone = own.works[:left]
        save_collection(replace(own, works=own.works[left:]))
        if left == 5:  # else their rows are still there
            forget_works(own, [(work.sha256, work.style) for work in gone])
        after = engine.attribute(picture(5), style="cubism")
        assert len(after.works) == 12 - left
        assert after.query_leverage == pytest.approx(before.query_leverage, rel=1e-3)
        assert after.trust.verdict == before.trust.verdict


def test_extremes_and_sums_outlive_a_killed_worker(ready: Collection, ray: Any) -> None:
    place = features_directory(ready, "default")
    index = make_index(ready, place, method("d-trak"))
    artists = [work.artist_id for work in ready.works]
    shards = split(index, artists, 2)
    holders = RayHolders.of(ray, place / "index" / "d-trak", shards, 2)
    query = FeatureStore.open(place).load().phi[4]
    expected = ShardedIndex(index.unit, LocalHolders(shards)).answer(query, 5)
    for _ in range(2):
        result = ShardedIndex(index.unit, holders).answer(query, 5)
        assert result.top.tolist() == expected.top.tolist()
        np.testing.assert_allclose(result.top_z, expected.top_z, rtol=1e-5)
        assert result.sums == pytest.approx(expected.sums, rel=1e-5)
        os.kill(ray.get(holders.actors[0].process.remote()), signal.SIGKILL)


def features_of(collection: Collection, name: str) -> dict[str, bytes]:
    folder = features_directory(collection, name)
    return {path.name: path.read_bytes() for path in folder.glob("shard-*.safetensors")}


def test_features_from_workers_are_the_local_ones_though_one_is_killed(
    ready: Collection, ray: Any, tmp_path: Path
) -> None:
    shutil.copytree(ready.path, tmp_path / "own")
    own = load_collection(tmp_path / "own")
    model = PipelineModel.load(own.path / "model", own.path / "lora")
    header = Header(SPEC, model.digest, shard_size=2, storage="float16")
    for name in ("here", "there"):
        FeatureStore.begin(features_directory(own, name), header)
    for _ in build_features(model, own, "here", SPEC, plan=PLAN):
        pass

    killed: list[int] = []

    def make(planned: Any) -> Iterator[Any]:
        for event in featurize_by(ray, own.path, "there", planned, 2):
            if not killed:
                killed.append(_feature_worker())
                os.kill(killed[0], signal.SIGKILL)
            yield event

    for _ in build_features(model, own, "there", SPEC, plan=PLAN, spread=make):
        pass
    assert killed
    assert features_of(own, "there") == features_of(own, "here")
    assert len(features_of(own, "here")) == 6


def _feature_worker() -> int:
    """The process of one worker that makes features, among those that this process started."""
    for place in Path("/proc").glob("[0-9]*"):
        pid = int(place.name)
        with suppress(OSError):  # it may end while it is looked at
            named = b"ray::_FeatureWorker" in (place / "cmdline").read_bytes()
            if named and os.getpid() in _ancestors(pid):
                return pid
    raise AssertionError("no worker is making features")


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        yield pid
        status = Path(f"/proc/{pid}/status").read_text()
        pid = int(status.split("PPid:")[1].split()[0])


def test_what_cannot_work_is_refused(monkeypatch: pytest.MonkeyPatch, ray: Any) -> None:
    with pytest.raises(UsageError, match="0 workers"):
        connect("local", 0)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"\.\[ray\]"):
        connect("local", 2)

"""Features by two Ray workers beside one, a thread each."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.settings import EMBEDDED
from core.attribution.features.shards import keys_of_works
from core.attribution.features.spec import SPECS
from core.attribution.features.store import FeatureStore, Header, features_directory
from core.attribution.scoring.ray_backend import connect, featurize_by
from core.collection.store import load_collection, save_collection
from core.diffusion.pipeline_model import PipelineModel
from tests.benchmarks.conftest import Measure

WORKS = 48
A_SHARD = 2


def bench_cluster(measure: Measure, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    ray = connect("local", 2)
    root = tmp_path / "workshops"
    shutil.copytree(EMBEDDED, root, ignore=shutil.ignore_patterns("features"))
    collection = load_collection(root)
    save_collection(replace(collection, works=collection.works[:WORKS]))
    collection = load_collection(root)
    model = PipelineModel.load(root / "model", root / "lora")
    spec = SPECS["default"]
    rates = []
    for workers in (1, 2):
        name = f"by-{workers}"
        header = Header(spec, model.digest, A_SHARD, "float32")
        store = FeatureStore.begin(features_directory(collection, name), header)
        planned = list(store.plan(keys_of_works(collection, spec)))
        seen = [
            (event.done, time.perf_counter())
            for event in featurize_by(ray, root, name, planned, workers)
        ]
        # from the first finished shards on: starting processes is paid once, however many works
        (first, began), (last, ended) = seen[workers - 1], seen[-1]
        rates.append((last - first) / (ended - began))
    measure(
        "cluster_two_workers",
        rates[1] / rates[0],
        1.7,
        higher_is_better=True,
        detail=f"{rates[0]:.2f} and {rates[1]:.2f} works a second by one and two workers",
    )
    ray.shutdown()

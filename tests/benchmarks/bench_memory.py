"""Memory of featurizing 60,000 works at k = 32,768: within what one needs, not growing with n.

The model is tiny, so that so many works take minutes; what a full-size one needs beside it is
`bench_full_size`'s.
"""

from __future__ import annotations

import hashlib
import resource
from dataclasses import replace
from pathlib import Path

from diffusers import DDPMScheduler

from core.attribution.features.featurizer import Featurizer
from core.attribution.features.shards import keys_of_works, pictures_of, write_shard
from core.attribution.features.spec import FeatureSpec, ProjectionSpec
from core.attribution.features.store import FeatureStore, Header
from core.attribution.features.timesteps import TimestepRule
from core.collection.types import Collection
from core.diffusion.pixel import PixelDDPM, residual_mlp
from tests.benchmarks.conftest import Measure
from tests.small import small_collection

FEW, MANY = 3_000, 60_000
A_SHARD = 1_000
SIDE = 8


def featurized(collection: Collection, place: Path, works: int) -> float:
    """Featurize so many works; the process's peak so far, in GB."""
    spec = FeatureSpec(timesteps=TimestepRule(count=2), projection=ProjectionSpec(dimension=32_768))
    seen = [
        replace(
            collection.works[number % 12],
            id=str(number),
            sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        )
        for number in range(works)
    ]
    whole = replace(collection, works=tuple(seen), image_size=SIDE)
    network = residual_mlp(0, sample_size=SIDE, in_channels=3, width=64)
    featurizer = Featurizer(PixelDDPM(network, DDPMScheduler(), name="small"), spec)
    header = Header(spec, featurizer.model.digest, A_SHARD, "float16")
    store = FeatureStore.begin(place, header)
    keys, pictures = keys_of_works(whole, spec), pictures_of(whole)
    for number, places in list(store.plan(keys)):
        for _ in write_shard(featurizer, whole, store, number, places, pictures, keys):
            pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def bench_memory(measure: Measure, tmp_path: Path) -> None:
    collection = small_collection(tmp_path / "own")
    few = featurized(collection, tmp_path / "few", FEW)
    many = featurized(collection, tmp_path / "many", MANY)
    measure(
        "memory_of_60000",
        many / few,
        1.1,
        higher_is_better=False,
        detail=f"{many:.2f} GB at peak for {MANY:,} works, {few:.2f} GB for {FEW:,}",
    )

"""Several processes, on one machine or many, through Ray: features made, and queries scored.

In: an address and a collection's folder that every machine sees under the same path. Out: the same
shards on the disk and the same numbers as in one process. A worker that dies is started again and
its piece of work with it; what was finished is on the disk and is never made twice. Ray is an
optional extra and is imported here alone.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.attribution.features.featurizer import PLAIN, Featurizer, Means
from core.attribution.features.quantization import Packed
from core.attribution.features.shards import keys_of_works, pictures_of, write_shard
from core.attribution.features.store import FeatureStore
from core.attribution.scoring.index import ROWS, Index, Vector
from core.attribution.scoring.sharding import LocalHolders, Shard, ShardAnswer, split
from core.collection.store import load_collection
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.tensors import read_tensors
from core.errors import UsageError
from core.progress import Progress

LOCAL = "local"
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError(
            "Several machines need Ray, which is not installed: `pip install -e '.[ray]'` in "
            "the project's folder, or leave the address out to work in this process."
        ) from error


def connect(address: str, workers: int) -> Any:
    """Ray, connected until this process ends: `local` starts it here with so many workers, `auto`
    or HOST:PORT joins one that runs.

    Raises `UsageError` where Ray is not installed or nothing answers.
    """
    if workers < 1:
        raise UsageError(f"{workers} workers cannot work: take 1 or more.")
    ray = _ray()
    if ray.is_initialized():
        return ray
    os.environ.update(QUIET)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        options |= {"num_cpus": workers, "include_dashboard": False}
    else:
        options |= {"address": address}
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"No Ray cluster answers at '{address}' ({str(error).splitlines()[0][:120]}). "
            "Start one with `ray start --head`, or give 'local'."
        ) from error
    return ray


def _actors(ray: Any, kind: type, workers: int, device: str, *arguments: Any) -> list[Any]:
    gpu = 1 if device.startswith("cuda") else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpu, max_restarts=-1, max_task_retries=-1)(kind)
    return [remote.remote(*arguments) for _ in range(workers)]


class _FeatureWorker:
    """A process that holds the model and makes shards of features."""

    def __init__(self, root: str, name: str, device: str, means: Means) -> None:
        torch.set_num_threads(1)
        self.collection = load_collection(Path(root))
        place = Path(root)
        model = PipelineModel.load(place / "model", place / "lora", device=device)
        self.store = FeatureStore.open(place / "features" / name)
        self.featurizer = Featurizer(model, self.store.header.spec, means=means)

    def make(self, number: int, places: list[int]) -> int:
        """One shard, unless it is there already; how many works it holds."""
        if not self.store.path(number).is_file():
            keys = keys_of_works(self.collection, self.store.header.spec)
            pictures = pictures_of(self.collection)
            for _ in write_shard(
                self.featurizer, self.collection, self.store, number, places, pictures, keys
            ):
                pass
        return len(places)


def featurize_by(
    ray: Any,
    root: Path,
    name: str,
    planned: Sequence[tuple[int, list[int]]],
    workers: int,
    device: str = "cpu",
    means: Means = PLAIN,
) -> Iterator[Progress]:
    """Make the planned shards of `features/<name>`, whose header is there, by Ray workers.

    `means.budget` is each worker's own.
    """
    pool_of = importlib.import_module("ray.util").ActorPool
    count = min(workers, len(planned))
    makers = _actors(ray, _FeatureWorker, count, device, str(root), name, device, means)
    pool = pool_of(makers)
    total, done = sum(len(places) for _, places in planned), 0
    for count in pool.map_unordered(lambda maker, job: maker.make.remote(*job), list(planned)):
        done += count
        yield Progress(f"Tracing {name}", done, total, f"{len(makers)} workers")


class _ShardWorker:
    """A process that holds some shards and answers for them; it maps their rows from the files."""

    def __init__(self, directory: str, shards: list[tuple[Shard, int]]) -> None:
        torch.set_num_threads(1)
        files: dict[int, Packed] = {}
        own = []
        for shard, count in shards:
            if shard.file not in files:
                path = Path(directory) / ROWS.format(shard.file)
                files[shard.file] = Packed.read(read_tensors(path)[0])
            rows = files[shard.file].part(shard.begin, shard.begin + count)
            own.append(replace(shard, rows=rows))
        self.here = LocalHolders(own)

    def process(self) -> int:
        """The number by which this machine knows it."""
        return os.getpid()

    def scores(self, query: Vector) -> list[Vector]:
        """Of every shard that is held."""
        return self.here.scores(torch.from_numpy(query))

    def answers(self, query: Vector, count: int) -> list[ShardAnswer]:
        """Of every shard that is held."""
        return self.here.answers(torch.from_numpy(query), count)


@dataclass(frozen=True, eq=False)
class RayHolders:
    """`Holders` (see `core.attribution.scoring.sharding`) whose shards lie in Ray workers."""

    ray: Any
    actors: Sequence[Any]

    @classmethod
    def of(cls, ray: Any, directory: Path, shards: Sequence[Shard], workers: int) -> RayHolders:
        """Neighbouring shards of the index in `directory` to the same worker, so that answers come
        back in order. Only where the rows lie travels, not the rows."""
        count = max(1, min(workers, len(shards)))
        bounds = [len(shards) * place // count for place in range(count + 1)]
        remote = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(_ShardWorker)
        nothing = Packed(torch.zeros(0, 0, dtype=torch.int8), torch.zeros(0))
        stubs = [(replace(shard, rows=nothing), len(shard.rows)) for shard in shards]
        own = [stubs[start:stop] for start, stop in pairwise(bounds)]
        actors = [remote.remote(str(directory), part) for part in own]
        ray.get([actor.process.remote() for actor in actors])  # the first query shall not wait
        return cls(ray, actors)

    def scores(self, query: Tensor) -> list[Vector]:
        """All workers at once."""
        vector = query.cpu().numpy()
        parts = self.ray.get([actor.scores.remote(vector) for actor in self.actors])
        return [scores for part in parts for scores in part]

    def answers(self, query: Tensor, count: int) -> list[ShardAnswer]:
        """All workers at once."""
        vector = query.cpu().numpy()
        parts = self.ray.get([actor.answers.remote(vector, count) for actor in self.actors])
        return [answer for part in parts for answer in part]


@dataclass(frozen=True, eq=False)
class RemoteRows:
    """`Rows` (see `core.attribution.features.quantization`) that lie in Ray workers."""

    holders: RayHolders
    count: int

    def __len__(self) -> int:
        return self.count

    def products(self, query: Tensor) -> Tensor:
        """All workers at once; `[n]` float64 on the CPU."""
        return torch.from_numpy(np.concatenate(self.holders.scores(query)))

    def to(self, device: torch.device) -> RemoteRows:
        """They stay where they are."""
        return self


def spread(ray: Any, index: Index, directory: Path, workers: int) -> Index:
    """The same index with its rows, kept in `directory`, in so many Ray workers."""
    count = sum(map(len, index.rows))
    bare = replace(
        index,
        added=None,
        places=None,
        squared=False,
        self_influence=np.zeros(count),
        null_mean=np.zeros(count),
        null_spread=np.ones(count),
    )
    holders = RayHolders.of(ray, directory, split(bare, [""] * count, workers), workers)
    return replace(index, rows=(RemoteRows(holders, count),))

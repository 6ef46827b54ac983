"""`featurize`: features, index and null of a collection, by the choices a person made.

In: a collection's folder and a `FeaturizeRequest`. Out: progress, then what was made. The work is
`core.attribution.features.build`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.services.serialize import FeaturesRecord
from app.services.session import spread_features
from app.settings import Settings
from core.attribution.calibration.references import DEFAULT_PLAN
from core.attribution.engine import choose_device
from core.attribution.features.build import build_features
from core.attribution.features.featurizer import LATENTS, Means
from core.attribution.features.shards import keys_of_works
from core.attribution.features.spec import DEFAULT, SPECS, FeatureSpec, NoiseRule, ProjectionSpec
from core.attribution.features.store import FeatureStore, features_directory
from core.attribution.features.timesteps import TimestepRule
from core.collection.store import load_collection
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.tensors import AUTO
from core.errors import UsageError
from core.progress import Progress

ALL = "all"


@dataclass(frozen=True)
class FeaturizeRequest:
    """The flags of `featurize`; they apply to the features `name`."""

    name: str = ALL
    objective: str = "square"
    timesteps: int = 10
    rule: str = "uniform"
    noise: str = "shared"
    noise_seed: int = 0
    draws: int = 1
    projection: str = "sjlt"
    dimension: int = 4096
    projection_seed: int = 0
    storage: str = "float16"
    references: int = 96
    memory: float | None = None  # GB
    precision: str = AUTO
    normalised: bool = False

    @property
    def means(self) -> Means:
        """What a pass may take. Raises `UsageError` for no memory at all."""
        if self.memory is not None and not self.memory > 0:
            raise UsageError(f"--memory {self.memory} is none: give GB, 8 for example.")
        budget = None if self.memory is None else int(self.memory * 1e9)
        return Means(budget, self.precision)

    @property
    def spec(self) -> FeatureSpec:
        """The spec that the flags describe."""
        return FeatureSpec(
            objective=self.objective,
            timesteps=TimestepRule(self.rule, self.timesteps),
            noise=NoiseRule(self.noise, self.noise_seed, self.draws),
            projection=ProjectionSpec(self.projection, self.dimension, self.projection_seed),
            normalised=self.normalised,
        )


def make_features(
    directory: Path, request: FeaturizeRequest, settings: Settings
) -> Iterator[Progress | FeaturesRecord]:
    """Make `features/<name>`; "all" makes what every method of the studio needs, by these flags."""
    collection = load_collection(directory)
    device = choose_device(settings.device)
    model = PipelineModel.load(directory / "model", directory / "lora", device=device)
    specs = {request.name: request.spec}
    if request.name == ALL:
        specs = {
            name: replace(request.spec, objective=spec.objective)
            for name, spec in SPECS.items()
            if name not in (DEFAULT, LATENTS)
        }
        specs = {DEFAULT: request.spec, **specs, LATENTS: SPECS[LATENTS]}
    plan = replace(DEFAULT_PLAN, generated=request.references)
    for name, spec in specs.items():
        yield from build_features(
            model,
            collection,
            name,
            spec,
            storage=request.storage,
            plan=plan,
            spread=spread_features(settings, directory, name, str(device), request.means),
            means=request.means,
        )
    place = features_directory(collection, next(iter(specs)))
    store = FeatureStore.open(place)
    keys = keys_of_works(collection, store.header.spec)
    dimension = store.load(keys[:1]).phi.shape[1]
    yield FeaturesRecord(
        works=len(keys),
        dimension=dimension,
        spec_digest=store.header.spec.digest,
        path=place,
    )

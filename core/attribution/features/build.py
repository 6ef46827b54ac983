"""Features, index and null of a collection, built ahead of every query.

In: a collection with a trained model, and a spec. Out: `features/<name>/` in the collection: a
store of the works, a store of the reference pictures, an index per method, and for the default
features what the verdict and the shares are calibrated by. Every stage resumes.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from core.attribution.calibration.calibrate import (
    make_null,
    measure_gains,
    save_attributable,
    save_trust,
)
from core.attribution.calibration.references import (
    DEFAULT_PLAN,
    ReferencePlan,
    paint_references,
    picture_of,
    references_for,
)
from core.attribution.features.featurizer import PLAIN, Featurizer, Means
from core.attribution.features.shards import Spreader, fill_store, pictures_of
from core.attribution.features.spec import DEFAULT, FeatureSpec
from core.attribution.features.store import features_directory
from core.attribution.methods import METHODS
from core.attribution.scoring.ridge import DEFAULT_RULE, LambdaRule
from core.attribution.scoring.works_index import make_index
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.files import sweep
from core.progress import Progress


def build_features(
    model: PipelineModel,
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

    `kept`: the methods whose index is written (None: all); others are built when they are needed.
    `spread`: makes the works' shards elsewhere (`core.attribution.scoring.ray_backend`).
    """
    directory = features_directory(collection, name)
    for folder in (directory, directory / "references", collection.path / "references"):
        sweep(folder)
    model.park_text(["", *(collection.prompt(label) for label in collection.labels)])
    featurizer = Featurizer(model, spec, means=means)
    yield from fill_store(
        featurizer, collection, directory, pictures_of(collection), storage, spread
    )
    yield from paint_references(model, collection, plan)
    rows = references_for(name, collection, plan)
    reference_pictures = [picture_of(row) for row in rows]
    yield from fill_store(
        featurizer, collection, directory / "references", reference_pictures, storage
    )
    methods = [
        row
        for row in METHODS.values()
        if row.served and row.features == name and (kept is None or row.name in kept)
    ]
    for number, method in enumerate(methods):
        index = make_index(collection, directory, method, rule, rows, keep=True)
        make_null(collection, directory, index, keep=True)
        yield Progress("Building the index", number + 1, len(methods), method.name)
    if name == DEFAULT:
        save_trust(collection, directory, rows, rule)
        yield from measure_gains(featurizer, model, collection, directory, rows)
        save_attributable(collection, directory, rows, rule)

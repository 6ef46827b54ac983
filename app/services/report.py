"""`evaluate report`: how far a collection's credits can be trusted, as a file.

In: a collection, a benchmark's folder, retrieval checks. Out: `report.json` in the collection,
which the Method page shows. Every figure comes from a run of the real commands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from app.services.collections import chosen_collection
from app.services.painted_pictures import PicturesRecord
from app.services.retrieval import (
    ALL,
    RetrievalCheck,
    RetrievalResult,
    RetrievalResults,
    check_retrieval,
)
from app.services.serialize import Number, Record
from app.settings import Settings
from core.attribution.calibration.calibrate import (
    load_attributable,
    reference_signals,
    reference_values,
)
from core.attribution.calibration.references import (
    BASE,
    FOREIGN,
    GENERATED,
    HELD_OUT,
    traced_references,
)
from core.attribution.features.spec import DEFAULT
from core.attribution.features.store import features_directory
from core.attribution.result import Vector
from core.attribution.scoring.ridge import DEFAULT_RULE
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.errors import StoreError
from core.evaluation.artist_removal import RESULT
from core.evaluation.benchmark import BASE as BASE_MODEL
from core.evaluation.benchmark import base_digest
from core.evaluation.report import (
    Report,
    Roc,
    artist_figures,
    attributable_roc,
    method_figures,
    trust_roc,
)
from core.files import write_text
from core.progress import Progress

REPORT = "report.json"


@dataclass(frozen=True)
class ReportResult:
    """The report, and where it lies."""

    report: Report
    file: Path


class MethodFiguresRecord(Record):
    """One method's LDS in a collection, in percent; null: not measured."""

    method: str = Field(description="Name of the method")
    lds_validation: Number | None = Field(description="Of held-out pictures")
    lds_generation: Number | None = Field(description="Of generated pictures")
    group_lds_validation: Number | None = Field(description="By artist, of held-out pictures")
    group_lds_generation: Number | None = Field(description="By artist, of generated pictures")
    sharpened_lds_validation: Number | None = Field(
        description="Of held-out pictures, scores sharpened"
    )
    sharpened_lds_generation: Number | None = Field(
        description="Of generated pictures, scores sharpened"
    )
    sharpened_group_lds_validation: Number | None = Field(
        description="By artist, of held-out pictures, scores sharpened"
    )
    sharpened_group_lds_generation: Number | None = Field(
        description="By artist, of generated pictures, scores sharpened"
    )
    sd: Number | None = Field(description="The highest standard deviation of these")
    artist_top1: Number | None = Field(description="Works whose artist ranks first, 0 to 1")


class RocRecord(Record):
    """How well the trust verdict tells known pictures from foreign ones."""

    auc: Number = Field(description="Area under the curve")
    known: int = Field(description="Known pictures")
    foreign: int = Field(description="Foreign pictures")
    points: tuple[tuple[Number, Number], ...] = Field(
        description="Foreign called known, known called known"
    )


class ReportRecord(Record):
    """How far a collection's credits can be trusted."""

    collection: str = Field(description="Name of the collection")
    date: str = Field(description="Day of the report")
    methods: tuple[MethodFiguresRecord, ...] = Field(description="Per method that was measured")
    checks: tuple[tuple[str, Number, int], ...] = Field(description="Check, value, queries")
    roc: RocRecord | None = Field(description="Of the trust verdict; null: too few pictures")
    facts: dict[str, Any] = Field(description="Sizes and regimes of the benchmark")
    counterfactual: dict[str, Any] | None = Field(
        description="As `evaluate counterfactual` answers; null: none"
    )
    artists: dict[str, Any] | None = Field(description="As `evaluate artists` answers; null: none")
    pictures: dict[str, Any] | None = Field(
        description="As `evaluate pictures` answers; null: none"
    )


def make_report(
    settings: Settings,
    benchmark: Path | None,
    *,
    removals: Path | None = None,
    artists: Path | None = None,
    retrieval: Path | None = None,
    pictures: Path | None = None,
    limit: int,
    checks: bool,
) -> Iterator[Progress | ReportResult]:
    """Measure what is quick, take the rest from the benchmark's folder, write the report.

    `removals`: the folder of the counterfactual, where it is another one than the benchmark's;
    `artists`: that of `evaluate artists`.
    `retrieval`: what `evaluate retrieval --method all --json` printed, instead of checking again;
    `pictures`: what `evaluate pictures --json` printed. Raises `StoreError` for figures of another
    collection or of another model, and for a figure that is no number.
    """
    collection = chosen_collection(settings)
    digest = "" if retrieval is None and pictures is None else _model_digest(collection)
    checked: tuple[RetrievalResult, ...] = ()
    if retrieval is not None:
        checked = _retrieved(retrieval, collection, digest)
    elif checks:
        for event in check_retrieval(settings, method=ALL, limit=limit, seed=0):
            if isinstance(event, RetrievalResults):
                checked = event.methods
            else:
                yield event
    rows = [
        (f"{one.method}: {row.check}", row.value, row.queries)
        for one in checked
        for row in one.rows
    ]
    for folder in dict.fromkeys((benchmark, removals, artists)):
        if folder is not None:
            _check_origin(folder, collection)
    experiment = _read(benchmark / "main.json") if benchmark is not None else None
    methods = method_figures(experiment) if experiment is not None else ()
    report = Report(
        collection=collection.name,
        date=datetime.now(UTC).date().isoformat(),
        methods=methods,
        checks=tuple(rows),
        roc=_roc(collection),
        facts=_facts(experiment),
        counterfactual=_counterfactual(removals or benchmark),
        artists=None if artists is None else artist_figures(_read(artists / RESULT, "artists")),
        pictures=None if pictures is None else _judged(pictures, collection, digest),
    )
    file = collection.path / REPORT
    try:
        text = json.dumps(asdict(report), indent=1, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise StoreError(
            f"A figure for the report of '{collection.name}' is no number (NaN or infinite). Run "
            "again what it was taken from: the checks, or the benchmark in a new folder."
        ) from error
    write_text(file, text + "\n")
    yield ReportResult(report, file)


def load_report(collection: Collection) -> dict[str, Any] | None:
    """What `make_report` wrote; None where there is none or it cannot be read."""
    try:
        report = json.loads((collection.path / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    own = isinstance(report, dict) and report.get("collection") == collection.name
    return report if own else None


def report_record(kept: Mapping[str, Any]) -> ReportRecord:
    """A kept report as `evaluate report` answers; what an older one did not measure is null."""

    def known(model: type[Record], values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values.get(name) for name in model.model_fields}

    roc = kept.get("roc")
    return ReportRecord.model_validate(
        known(ReportRecord, kept)
        | {
            "methods": [known(MethodFiguresRecord, row) for row in kept.get("methods") or ()],
            "roc": None if roc is None else known(RocRecord, roc),
        }
    )


def _retrieved(file: Path, collection: Collection, digest: str) -> tuple[RetrievalResult, ...]:
    try:
        methods = json.loads(file.read_text(encoding="utf-8"))
        checked = tuple(
            RetrievalResult(
                one["collection"],
                one["method"],
                tuple(RetrievalCheck(**row) for row in one["rows"]),
                one.get("model_digest") or "",
            )
            for one in methods
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"'{file.name}' is not what `python -m app evaluate retrieval --method all --json` "
            "prints. Run it, and keep its output in a file."
        ) from error
    others = {one.collection for one in checked} - {collection.name}
    if others:
        raise StoreError(
            f"'{file.name}' checks the collection '{sorted(others)[0]}', not '{collection.name}'."
        )
    for one in checked:
        _check_model(file, one.model_digest, digest, "checks", "retrieval --method all")
    return checked


def _model_digest(collection: Collection) -> str:
    """Of the collection's model as it is now, whatever its features say."""
    return PipelineModel.load(collection.path / "model", collection.path / "lora").digest


def _check_model(file: Path, digest: str, own: str, verb: str, command: str) -> None:
    """Raises `StoreError` where a file's figures are not of the model `own`."""
    if digest == own:
        return
    which = f"another model ({digest[:12]})" if digest else "a model that it does not name"
    raise StoreError(
        f"'{file.name}' {verb} {which}, and the collection's is {own[:12]}. Run "
        f"`python -m app evaluate {command} --json` again, and keep its output in the file."
    )


def _judged(file: Path, collection: Collection, digest: str) -> dict[str, Any]:
    """What the judge said of what this collection's model paints."""
    try:
        record = PicturesRecord.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"'{file.name}' is not what `python -m app evaluate pictures --json` prints. Run it, "
            "and keep its output in a file."
        ) from error
    if record.collection != collection.name:
        raise StoreError(
            f"'{file.name}' judges the collection '{record.collection}', not '{collection.name}'."
        )
    _check_model(file, record.model_digest, digest, "judges", "pictures")
    return record.plain() | {"sheet": None}  # a path of the machine that judged


def _roc(collection: Collection) -> Roc | None:
    """Of the verdict's own pictures; None for a collection without held-out or foreign ones."""
    directory = features_directory(collection, DEFAULT)
    rows = traced_references(collection, directory)

    def of(values: Vector, *kinds: str) -> list[Vector]:
        parts = [values[[row.kind == kind for row in rows]] for kind in kinds]
        return [part for part in parts if len(part)]

    try:
        if load_attributable(directory) is not None:
            values = reference_signals(collection, directory, rows, DEFAULT_RULE)
            return attributable_roc(of(values, GENERATED, HELD_OUT), of(values, FOREIGN, BASE))
        values, _ = reference_values(collection, directory, rows, DEFAULT_RULE)
        return trust_roc(of(values, GENERATED, HELD_OUT), np.concatenate(of(values, FOREIGN)))
    except StoreError:
        return None


def _read(file: Path, verb: str = "lds --preset workshops") -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return values
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The benchmark '{file.parent.name}' has no finished {file.name}. Run "
            f"`python -m app evaluate {verb} -o DIR` first."
        ) from error


def _check_origin(folder: Path, collection: Collection) -> None:
    """A benchmark of other pictures, or of another base model, says nothing about this collection.
    An older folder does not name its base."""
    config = _read(folder / "config.json")
    works = set(config.get("works", ()))
    if not works <= {work.sha256 for work in collection.works}:
        raise StoreError(
            f"The benchmark '{folder.name}' was made of other works than the collection "
            f"'{collection.name}' holds. Name the folder of its own benchmark."
        )
    base = config.get(BASE_MODEL)
    if base is not None and base != (own := base_digest(collection.path / "model")):
        raise StoreError(
            f"The benchmark '{folder.name}' was made on another base model ({str(base)[:12]}) than "
            f"that of '{collection.name}' ({own[:12]}). Run it again in a new folder, or name the "
            "folder of this model's benchmark."
        )


def _facts(experiment: dict[str, Any] | None) -> dict[str, Any]:
    if experiment is None:
        return {}
    kept = ("works", "works_a_subset", "epochs", "parameters", "validation", "generated")
    facts = {name: experiment["config"][name] for name in kept}
    return facts | {"regimes": experiment["regimes"]}


def _counterfactual(benchmark: Path | None) -> dict[str, Any] | None:
    if benchmark is None:
        return None
    files = sorted(benchmark.glob("counterfactual-*.json"))
    if len(files) > 1:
        raise StoreError(
            f"The folder '{benchmark.name}' holds {len(files)} counterfactuals "
            f"({', '.join(file.name for file in files)}). Keep the one that the report shall name."
        )
    return _read(files[0]) if files else None

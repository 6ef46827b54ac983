"""`evaluate lds`, `artists` and `counterfactual`: experiments in a folder, table and figure.

In: names and folders. Out: progress, then the result. The experiment itself is
`core.evaluation`; here only choices and files meet.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from app.services.collections import chosen_collection
from app.settings import Settings, downloads_allowed
from core.attribution.engine import choose_device
from core.attribution.features.clip import ClipVision
from core.errors import UsageError
from core.evaluation.artist_removal import RESULT, ArtistsFinished, run_artists
from core.evaluation.artist_tables import text_of as artists_text
from core.evaluation.benchmark import Benchmark
from core.evaluation.counterfactual import Removal, Repainted, repainted, run_counterfactual
from core.evaluation.counterfactual import text_of as counterfactual_text
from core.evaluation.experiments import experiment
from core.evaluation.presets import COLLECTION, Preset, preset
from core.evaluation.runner import Finished, run_experiment
from core.evaluation.sources import open_benchmark
from core.evaluation.tables import text_of
from core.files import write_text
from core.progress import Progress

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class BenchmarkRequest:
    """A benchmark: its preset, its folder, its pictures. None keeps the preset's own."""

    preset: str
    output: Path
    data: Path | None = None
    works: int | None = None
    subsets: int | None = None
    epochs: int | None = None
    data_seed: int | None = None
    clip: Path | None = None
    workers: int = 1
    removals: int | None = None


@dataclass(frozen=True)
class LdsResult:
    """The result of `evaluate lds`, and the files that hold it."""

    finished: Finished
    text: str
    table: Path
    figure: Path


@dataclass(frozen=True)
class CounterfactualResult:
    """The result of `evaluate counterfactual`, and the files that hold it."""

    figures: Repainted
    text: str
    boxplot: Path
    sheet: Path


def evaluate_lds(
    settings: Settings, request: BenchmarkRequest, experiment_name: str
) -> Iterator[Progress | LdsResult]:
    """Run, then write `EXPERIMENT.json`, `.txt` and `.png` into the folder."""
    from core.evaluation.plots import draw

    chosen = experiment(experiment_name)
    bench, clip = _opened(settings, request)
    finished = yield from _until(run_experiment(bench, chosen, clip, request.workers), Finished)
    text = text_of(finished)
    table, figure = (request.output / f"{chosen.name}.{ending}" for ending in ("txt", "png"))
    write_text(table, text)
    draw(finished, chosen, figure)
    yield LdsResult(finished, text, table, figure)


@dataclass(frozen=True)
class ArtistsCompared:
    """What the benchmark by artist measured, and the files that hold it."""

    finished: ArtistsFinished
    text: str
    table: Path
    figures: Path


def evaluate_artists(
    settings: Settings,
    request: BenchmarkRequest,
    methods: Sequence[str] | None = None,
    forgetting: int = 0,
) -> Iterator[Progress | ArtistsCompared]:
    """Run, then write `artists.json` and `artists.txt` into the folder."""
    bench, clip = _opened(settings, request)
    events = run_artists(bench, methods, clip, request.workers, forgetting=forgetting)
    finished = yield from _until(events, ArtistsFinished)
    text, figures = artists_text(finished), request.output / RESULT
    table = figures.with_suffix(".txt")
    write_text(table, text)
    yield ArtistsCompared(finished, text, table, figures)


def evaluate_counterfactual(
    settings: Settings, request: BenchmarkRequest, removal: Removal
) -> Iterator[Progress | CounterfactualResult]:
    """Run, then write table, boxplot and contact sheet into the folder."""
    from core.evaluation.plots import draw_counterfactual, draw_sheet

    bench, clip = _opened(settings, request)
    figures = yield from _until(
        run_counterfactual(bench, removal, clip, request.workers), Repainted
    )
    text = counterfactual_text(figures)
    stem = request.output / removal.key
    box, sheet = stem.with_suffix(".png"), stem.with_name(f"{removal.key}-sheet.png")
    write_text(stem.with_suffix(".txt"), text)
    draw_counterfactual(figures, box)
    shown = {"all works": bench.generated_pixels[: removal.images]}
    for name in removal.methods:
        shown[f"without {name}'s"] = repainted(bench, removal, name)
    draw_sheet(shown, sheet)
    yield CounterfactualResult(figures, text, box, sheet)


def _until(events: Iterable[Progress | R], kind: type[R]) -> Generator[Progress, None, R]:
    """Hand the progress on; return the result that the work ends with."""
    for event in events:
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, kind):
            return event
    raise RuntimeError(f"the work ended without a {kind.__name__}")


def _opened(settings: Settings, request: BenchmarkRequest) -> tuple[Benchmark, ClipVision | None]:
    chosen = chosen_preset(request)
    device = choose_device(settings.device)
    if chosen.needs_gpu and device.type == "cpu":
        raise UsageError(
            f"The preset '{chosen.name}' is the paper's at its scale, and this machine has no GPU. "
            "Run it with --device cuda, or choose digits-small, cifar2-small or workshops."
        )
    data = request.data
    if data is None and chosen.source == COLLECTION:
        data = chosen_collection(settings).path
    clip = None
    if request.clip is not None:  # a folder, or a name of the hub where that was asked for
        clip = ClipVision.load(request.clip, device=device, download=downloads_allowed())
    return open_benchmark(chosen, request.output, data=data, device=device), clip


def chosen_preset(request: BenchmarkRequest) -> Preset:
    """The preset, with what the caller wants otherwise."""
    base = preset(request.preset)
    subsets = base.subsets if request.subsets is None else request.subsets
    return replace(
        base,
        works=base.works if request.works is None else request.works,
        subsets=subsets,
        twice=min(base.twice, subsets),
        removals=base.removals if request.removals is None else request.removals,
        epochs=base.epochs if request.epochs is None else request.epochs,
        data_seed=base.data_seed if request.data_seed is None else request.data_seed,
    )

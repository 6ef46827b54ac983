"""`evaluate lds`, `artists` and `counterfactual`: experiments in a folder, table and figure.

In: names and folders. Out: progress, then the figures; and the models of what these verbs answer as
JSON. The experiment itself is `core.evaluation`; here only choices and files meet.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from app.services.collections import chosen_collection
from app.services.serialize import Number, Record
from app.settings import Settings, downloads_allowed
from core.attribution.engine import choose_device
from core.attribution.features.clip import ClipVision
from core.errors import UsageError
from core.evaluation.artist_removal import RESULT, ArtistsFinished, run_artists
from core.evaluation.benchmark import Benchmark, open_benchmark
from core.evaluation.counterfactual import Removal, Repainted, repainted, run_counterfactual
from core.evaluation.counterfactual import text_of as counterfactual_text
from core.evaluation.experiments import experiment
from core.evaluation.presets import COLLECTION, Preset, preset
from core.evaluation.runner import Finished, run_experiment
from core.evaluation.tables import artists_text, text_of
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


class LdsRow(Record):
    """One figure of an experiment, in percent."""

    method: str = Field(description="Name of the method")
    noise: str | None = Field(description="Which noise; null: the method has none")
    timesteps: int | None = Field(description="How many timesteps; null: the method has none")
    split: str = Field(description="Which pictures: `validation` or `generation`")
    lambda_rule: str = Field(description="How the ridge was chosen: default, best, half or none")
    lds: Number = Field(description="Linear datamodeling score")
    sd: Number = Field(description="Its standard deviation over resampled subsets")
    bootstrap_mean: Number = Field(description="Its mean over resampled subsets")
    c: Number | None = Field(description="The best ridge, in mean eigenvalues; null: not peeked")
    placement: str | None = Field(description="Where the timesteps lie")
    draws: int = Field(description="Noises per timestep")
    dimension: int = Field(description="Of the projection; 0: none")
    eta: Number | None = Field(description="Of an interpolated objective")
    checkpoint: int = Field(description="Which of the model's, from 1; 0: the last")
    members: int = Field(description="Models averaged")
    projections: str = Field(description="Of the members: `shared` or `own`")
    outcome: str = Field(description="Objective of the measured losses")
    pool: str = Field(description="Of retrained models")
    arithmetic: str = Field(description="Of the ridge")
    rule: str = Field(description="The default rule's ridge")
    artist_top1: Number | None = Field(description="Works whose artist ranks first, 0 to 1")
    seconds: Number | None = Field(description="Per work's features")


class LdsPair(Record):
    """LDS of d-trak minus another method's, under equal settings."""

    method: str = Field(description="The other method")
    noise: str | None = Field(description="Which noise")
    timesteps: int | None = Field(description="How many timesteps")
    split: str = Field(description="Which pictures")
    lambda_rule: str = Field(description="How the ridge was chosen")
    pool: str = Field(description="Of retrained models")
    difference: Number = Field(description="Percentage points")
    sd: Number = Field(description="Its standard deviation over resampled subsets")


class RegimeRecord(Record):
    """How far a pool's models memorised, and what noise allows."""

    pool: str = Field(description="Of retrained models")
    subsets: int = Field(description="How many subsets")
    seeds: int = Field(description="Trainings per subset")
    loss_in: Number = Field(description="Mean loss of works that were learnt")
    loss_out: Number = Field(description="Mean loss of works that were left out")
    ratio: Number = Field(description="`loss_out` / `loss_in`")
    memorising: bool = Field(description="Whether the ranking of methods can be read")
    ceiling: dict[str, Number | None] = Field(description="Highest possible LDS by split")


class CurvePoint(Record):
    """LDS at one ridge."""

    c: Number = Field(description="The ridge, in mean eigenvalues")
    lds: Number = Field(description="Percent")


class LambdaCurve(Record):
    """LDS over the ridge."""

    method: str = Field(description="Name of the method")
    arithmetic: str = Field(description="Of the ridge")
    noise: str = Field(description="Which noise")
    timesteps: int = Field(description="How many timesteps")
    split: str = Field(description="Which pictures")
    pool: str = Field(description="Of retrained models")
    points: tuple[CurvePoint, ...] = Field(description="Over the grid")


class LambdaLossRecord(Record):
    """How far a rule's ridge falls behind the best one."""

    rule: str = Field(description="The rule")
    rows: int = Field(description="Figures compared")
    mean: Number = Field(description="Percentage points")
    worst: Number = Field(description="Percentage points")
    where: str = Field(description="Settings of the worst")


class BookedLdsRecord(Record):
    """LDS of what is paid by a rule, or of a sharpened score, in percent."""

    method: str = Field(description="Name of the method")
    noise: str | None = Field(description="Which noise")
    timesteps: int | None = Field(description="How many timesteps")
    pool: str = Field(description="Of retrained models")
    split: str = Field(description="Which pictures")
    rule: str = Field(description="The ledger's rule; `summed`: the score itself")
    null: str = Field(description="What a score is compared with")
    shape: str = Field(description="How scores were sharpened")
    lds: Number = Field(description="Linear datamodeling score")
    sd: Number = Field(description="Its standard deviation over resampled subsets")
    over_raw: Number = Field(description="That minus the raw score's")
    over_raw_sd: Number = Field(description="Its standard deviation")


class LdsRecord(Record):
    """An experiment's figures, with what one must know to read them."""

    preset: str = Field(description="Name of the benchmark")
    experiment: str = Field(description="Name of the experiment")
    rows: tuple[LdsRow, ...] = Field(description="Every figure")
    pairs: tuple[LdsPair, ...] = Field(description="d-trak against the others")
    regimes: tuple[RegimeRecord, ...] = Field(description="Per pool of retrained models")
    curves: tuple[LambdaCurve, ...] = Field(description="Per method with a ridge")
    lambda_losses: tuple[LambdaLossRecord, ...] = Field(description="Per rule")
    config: dict[str, Any] = Field(description="Sizes, seeds and recipe")
    seconds: Number = Field(description="How long it took")
    booked: tuple[BookedLdsRecord, ...] = Field(description="What rules pay, beside raw scores")


class IntervalRecord(Record):
    """A figure with its 95 % interval."""

    value: Number = Field(description="The figure")
    low: Number = Field(description="Lower end")
    high: Number = Field(description="Upper end")


class ArtistRowRecord(Record):
    """One method under one booking against the measured effects of removal."""

    method: str = Field(description="Name of the method")
    split: str = Field(description="Which pictures")
    rule: str = Field(description="By which shares are computed")
    null: str = Field(description="What a score is compared with")
    shape: str = Field(description="How scores were sharpened")
    pearson: Number = Field(description="Of shares and effects, mean over pictures")
    spearman: Number = Field(description="Of their ranks")
    top1: Number = Field(description="Pictures whose first artist is the first by effect")
    ndcg3: Number = Field(description="NDCG of the first three artists")
    slope: Number = Field(description="Of the calibration line; 1: a share means its effect")
    attributed: Number | None = Field(description="Mean share that goes to artists")
    credited: Number = Field(description="Pictures that credit anybody")


class ForgettingRecord(Record):
    """How forgetting an artist agrees with retraining without them."""

    target: str = Field(description="What the artist's works are answered like")
    split: str = Field(description="Which pictures")
    artists: tuple[str, ...] = Field(description="Who was forgotten, one at a time")
    pictures: int = Field(description="How many pictures")
    pearson: IntervalRecord = Field(description="Of both changes of loss")
    spearman: IntervalRecord = Field(description="Of their ranks")
    top1: IntervalRecord = Field(description="The same artist decides most")
    ndcg3: IntervalRecord = Field(description="NDCG of the first three artists")
    loss_ratio: Number = Field(description="Mean change by forgetting over that by retraining")


class PictureTruthRecord(Record):
    """Who decided one picture most, against the noise of retraining."""

    split: str = Field(description="Which pictures it is of")
    picture: str = Field(description="Its name")
    artist: str = Field(description="Whose removal changed it most")
    largest: Number = Field(description="That change of loss")
    over_noise: Number = Field(description="In units of the noise of retraining")
    summed: Number = Field(description="All one-artist removals together")
    gain: Number = Field(description="What the model gained over its base")


class ArtistsRecord(Record):
    """Booked shares against the measured effects of removing artists."""

    preset: str = Field(description="Name of the benchmark")
    artists: tuple[str, ...] = Field(description="Who was removed, one at a time")
    rows: tuple[ArtistRowRecord, ...] = Field(description="Every method x rule x null x shape")
    pictures: tuple[PictureTruthRecord, ...] = Field(description="Every picture")
    config: dict[str, Any] = Field(description="Sizes, seeds and recipe")
    seconds: Number = Field(description="How long it took")
    forgetting: tuple[ForgettingRecord, ...] = Field(description="Per target that was tried")


class MovedRecord(Record):
    """How far pictures moved without the works that one method named."""

    method: str = Field(description="Name of the method")
    l2: tuple[Number, ...] = Field(description="Distance per picture")
    l2_median: Number = Field(description="Their median")
    clip: tuple[Number, ...] | None = Field(description="CLIP similarity; null: no CLIP model")
    clip_median: Number | None = Field(description="Their median")
    beaten: int | None = Field(description="Pictures moved further than by random works")
    loss: tuple[Number, ...] = Field(description="Rise of each loss; empty: not measured")


class PairedTestRecord(Record):
    """A paired difference with its interval."""

    difference: IntervalRecord = Field(description="First minus second")
    p: Number = Field(description="Of the paired t-test")
    p_ranks: Number = Field(description="Of Wilcoxon's signed ranks")
    pictures: int = Field(description="How many pictures")


class ComparisonRecord(Record):
    """Two methods by one measure, picture by picture."""

    method: str = Field(description="The first")
    other: str = Field(description="The second")
    measure: str = Field(description="Of distance, loss or CLIP")
    test: PairedTestRecord = Field(description="The paired test")
    other_mean: Number = Field(description="Mean of the second")
    needed: int | None = Field(description="Pictures that a difference of 10 % needs")


class CounterfactualRecord(Record):
    """Pictures painted again without the works that methods named."""

    preset: str = Field(description="Name of the benchmark")
    removed: int = Field(description="Works taken away per picture")
    works: int = Field(description="Works of the benchmark")
    rows: tuple[MovedRecord, ...] = Field(description="Per method")
    space: str = Field(description="Of the distance: `pixels` or `latents`")
    seeds: int = Field(description="Trainings of each model")
    artists: bool = Field(description="Whether whole artists were taken away")
    comparisons: tuple[ComparisonRecord, ...] = Field(description="Paired tests")


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

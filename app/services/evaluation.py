"""`evaluate lds` and `evaluate counterfactual`: experiments in a folder, with table and figure.

In: names and folders. Out: progress, then the figures; and the models of what every `evaluate` verb
answers as JSON. The experiment itself is `core.evaluation`; here only choices and files meet.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from app.services.collections import chosen_collection
from app.services.serialize import File, Number, Record
from app.settings import Settings, downloads_allowed
from core.attribution.engine import choose_device
from core.attribution.features.clip import ClipVision
from core.errors import UsageError
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
class Choice:
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


@dataclass(frozen=True)
class Evaluated:
    """An experiment's figures, and the files that hold them."""

    finished: Finished
    text: str
    table: Path
    figure: Path


@dataclass(frozen=True)
class Compared:
    """What the counterfactual measured, and the files that hold it."""

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


class MovedRecord(Record):
    """How far pictures moved without the works that one method named."""

    method: str = Field(description="Name of the method")
    l2: tuple[Number, ...] = Field(description="Distance per picture")
    l2_median: Number = Field(description="Their median")
    clip: tuple[Number, ...] | None = Field(description="CLIP similarity; null: no CLIP model")
    clip_median: Number | None = Field(description="Their median")
    beaten: int | None = Field(description="Pictures moved further than by random works")


class CounterfactualRecord(Record):
    """Pictures painted again without the works that methods named."""

    preset: str = Field(description="Name of the benchmark")
    removed: int = Field(description="Works taken away per picture")
    works: int = Field(description="Works of the benchmark")
    rows: tuple[MovedRecord, ...] = Field(description="Per method")
    space: str = Field(description="Of the distance: `pixels` or `latents`")


class WithoutArtistRecord(Record):
    """Mean denoising losses before and after an artist's works were left out."""

    artist_id: str = Field(description="Id of the artist")
    way: str = Field(description="`forget` or `retrain`")
    works: int = Field(description="Works left out")
    picture_before: Number = Field(description="Of the picture")
    picture_after: Number = Field(description="Of the picture")
    own_before: Number = Field(description="Of the artist's works")
    own_after: Number = Field(description="Of the artist's works")
    others_before: Number = Field(description="Of other artists' works")
    others_after: Number = Field(description="Of other artists' works")
    moved: Number = Field(description="Distance of the latents, as a share of their length")


class ArtistAblationRecord(Record):
    """The same seed painted without an artist's works."""

    run_id: str = Field(description="Id of the run; empty: none")
    artist: str = Field(description="Name of the artist")
    figures: WithoutArtistRecord = Field(description="What changed")
    file: File = Field(description="The picture without them")


class CheckRecord(Record):
    """One check where the truth is known."""

    check: str = Field(description="What was checked")
    value: Number = Field(description="Part that came out right, 0 to 1")
    queries: int = Field(description="Pictures traced")


class RetrievalRecord(Record):
    """One method's checks."""

    collection: str = Field(description="Name of the collection")
    method: str = Field(description="Name of the method")
    rows: tuple[CheckRecord, ...] = Field(description="Every check")


class MethodFiguresRecord(Record):
    """One method's LDS in a collection, in percent; null: not measured."""

    method: str = Field(description="Name of the method")
    lds_validation: Number | None = Field(description="Of held-out pictures")
    lds_generation: Number | None = Field(description="Of generated pictures")
    group_lds_validation: Number | None = Field(description="By artist, of held-out pictures")
    group_lds_generation: Number | None = Field(description="By artist, of generated pictures")
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


def evaluate_lds(
    settings: Settings, choice: Choice, experiment_name: str
) -> Iterator[Progress | Evaluated]:
    """Run, then write `EXPERIMENT.json`, `.txt` and `.png` into the folder."""
    from core.evaluation.plots import draw

    wanted = experiment(experiment_name)
    bench, clip = _opened(settings, choice)
    finished = yield from _until(run_experiment(bench, wanted, clip, choice.workers), Finished)
    text = text_of(finished)
    table, figure = (choice.output / f"{wanted.name}.{ending}" for ending in ("txt", "png"))
    write_text(table, text)
    draw(finished, wanted, figure)
    yield Evaluated(finished, text, table, figure)


def evaluate_counterfactual(
    settings: Settings, choice: Choice, removal: Removal
) -> Iterator[Progress | Compared]:
    """Run, then write table, boxplot and contact sheet into the folder."""
    from core.evaluation.plots import draw_counterfactual, draw_sheet

    bench, clip = _opened(settings, choice)
    figures = yield from _until(run_counterfactual(bench, removal, clip, choice.workers), Repainted)
    text = counterfactual_text(figures)
    stem = choice.output / removal.key
    box, sheet = stem.with_suffix(".png"), stem.with_name(f"{removal.key}-sheet.png")
    write_text(stem.with_suffix(".txt"), text)
    draw_counterfactual(figures, box)
    shown = {"all works": bench.generated_pixels[: removal.images]}
    for name in removal.methods:
        shown[f"without {name}'s"] = repainted(bench, removal, name)
    draw_sheet(shown, sheet)
    yield Compared(figures, text, box, sheet)


def _until(events: Iterable[Progress | R], kind: type[R]) -> Generator[Progress, None, R]:
    """Hand the progress on; return the result that the work ends with."""
    for event in events:
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, kind):
            return event
    raise RuntimeError(f"the work ended without a {kind.__name__}")


def _opened(settings: Settings, choice: Choice) -> tuple[Benchmark, ClipVision | None]:
    chosen = chosen_preset(choice)
    device = choose_device(settings.device)
    if chosen.needs_gpu and device.type == "cpu":
        raise UsageError(
            f"The preset '{chosen.name}' is the paper's at its scale, and this machine has no GPU. "
            "Run it with --device cuda, or choose digits-small, cifar2-small or workshops."
        )
    data = choice.data
    if data is None and chosen.source == COLLECTION:
        data = chosen_collection(settings).path
    clip = None
    if choice.clip is not None:  # a folder, or a name of the hub where that was asked for
        clip = ClipVision.load(choice.clip, device=device, download=downloads_allowed())
    return open_benchmark(chosen, choice.output, data=data, device=device), clip


def chosen_preset(choice: Choice) -> Preset:
    """The preset, with what the caller wants otherwise."""
    usual = preset(choice.preset)
    subsets = usual.subsets if choice.subsets is None else choice.subsets
    return replace(
        usual,
        works=usual.works if choice.works is None else choice.works,
        subsets=subsets,
        twice=min(usual.twice, subsets),
        epochs=usual.epochs if choice.epochs is None else choice.epochs,
        data_seed=usual.data_seed if choice.data_seed is None else choice.data_seed,
    )

"""The benchmark by artist: do booked shares say what removing each artist does?

In: a benchmark whose preset retrains without each artist, several times. Out: progress, then the
figures of every method x null x sharpening x rule against the measured effects, with intervals over
pictures and artists; and where it is asked for, how forgetting an artist agrees with retraining.
Everything resumes; a stopped run ends with the same figures.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from core.attribution.features.clip import ClipVision
from core.attribution.methods import D_TRAK, METHODS
from core.diffusion.tensors import save_tensors
from core.diffusion.training.ensemble import load_into, parameters_of
from core.diffusion.training.loop import train
from core.errors import UsageError
from core.evaluation.agreement import DRAWS, LEAST, MEASURES, Interval, interval, resampling
from core.evaluation.artist_ablation import (
    FORGETTING,
    NEIGHBOURS,
    TARGETS,
    forgetting_set,
    teacher,
)
from core.evaluation.artist_contest import PIXELS, ArtistRow, Finalist, SplitContest
from core.evaluation.benchmark import ARTIST_POOL, REMOVAL_POOL, SPLITS, Benchmark, tensors_of
from core.evaluation.experiments import SHARED
from core.evaluation.features import clip_vectors
from core.evaluation.models import Losses
from core.evaluation.removal_effects import (
    Floor,
    PictureTruth,
    floor,
    measure_base,
    measured,
    picture_truths,
)
from core.evaluation.runner import describe, prepare, with_workers
from core.evaluation.trials import CLIP, Trial
from core.files import write_text
from core.progress import Progress
from core.work_queue import made, unmade

RESULT = "artists.json"


@dataclass(frozen=True, kw_only=True)
class ForgettingRow:
    """One target in one split: agreement of what forgetting each of some artists does to a
    picture's loss with what retraining without them does."""

    target: str
    split: str
    artists: tuple[str, ...]
    pictures: int
    pearson: Interval
    spearman: Interval
    top1: Interval
    ndcg3: Interval
    loss_ratio: float  # mean change of loss by forgetting over that by retraining


@dataclass(frozen=True, kw_only=True)
class ArtistsFinished:
    """The figures, the finalists, the noise floor."""

    preset: str
    artists: tuple[str, ...]
    rows: tuple[ArtistRow, ...]
    finalists: tuple[Finalist, ...]
    floors: tuple[Floor, ...]
    pictures: tuple[PictureTruth, ...]
    config: Mapping[str, object]
    seconds: float
    forgetting: tuple[ForgettingRow, ...] = ()


def artist_trials(bench: Benchmark, methods: Sequence[str] | None, clip: bool) -> list[Trial]:
    """Every method that asks one model about one picture (or those named), and for the halves."""
    known = [
        name
        for name, row in METHODS.items()
        if row.stack == "final"
        and row.query == "example"
        and row.representation != "outcomes"
        and (clip or row.representation != CLIP)
    ]
    wanted = known if methods is None else list(methods)
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"The method '{name}' is none that asks one model about one picture. "
                f"Choose of: {', '.join(known)}."
            )
    if D_TRAK not in wanted:
        wanted = [D_TRAK, *wanted]  # what all others are compared with
    least = bench.preset.timesteps[0]
    return [Trial(method=name, noise=SHARED, timesteps=least, pool=REMOVAL_POOL) for name in wanted]


def prepare_artists(bench: Benchmark, wanted: tuple[Sequence[Trial], int]) -> Iterator[Progress]:
    """Every model, outcome and vector, as files; what is there is skipped."""
    trials, forgetting = wanted
    halves = [Trial(method=PIXELS, pool=ARTIST_POOL)] if bench.preset.by_artist else []
    yield from prepare(bench, [*trials, *halves])
    yield from measure_base(bench)
    if forgetting:
        yield from forget_artists(bench, forgetting)


def run_artists(
    bench: Benchmark,
    methods: Sequence[str] | None = None,
    clip: ClipVision | None = None,
    workers: int = 1,
    draws: int = DRAWS,
    forgetting: int = 0,
) -> Iterator[Progress | ArtistsFinished]:
    """Prepare with so many processes, then hold every booking against the measured effects;
    intervals are from so many `draws`. `forgetting`: so many artists are forgotten too."""
    if bench.preset.removals < 2:
        raise UsageError(
            f"The preset '{bench.preset.name}' does not retrain without each artist at least "
            "twice. Choose workshops-artists, workshops-artists-large or digits-artists."
        )
    started = time.perf_counter()
    trials = artist_trials(bench, methods, clip is not None)
    yield from with_workers(bench, prepare_artists, (trials, forgetting), workers)
    seen = None if clip is None else clip_vectors(bench, clip)
    rows: list[ArtistRow] = []
    finalists: list[Finalist] = []
    for split in SPLITS:
        contest = SplitContest(bench, split, trials, seen, draws)
        for done, method in enumerate(contest.methods, start=1):
            rows += contest.rows_of(method)
            yield Progress(f"Booking {split}", done, len(contest.methods), method)
        chosen = contest.chosen()
        for done, (name, candidate) in enumerate(chosen.items(), start=1):
            finalists.append(contest.finalist(name, candidate))
            yield Progress(f"Resampling {split}", done, len(chosen), name)
    finished = ArtistsFinished(
        preset=bench.preset.name,
        artists=tuple(sorted(set(bench.split.works.artists))),
        rows=tuple(rows),
        finalists=tuple(finalists),
        floors=tuple(floor(measured(bench, split), split) for split in SPLITS),
        pictures=tuple(truth for split in SPLITS for truth in picture_truths(bench, split)),
        config=describe(bench) | {"removals": bench.preset.removals},
        seconds=time.perf_counter() - started,
        forgetting=tuple(forgetting_rows(bench, forgetting, draws)) if forgetting else (),
    )
    write_text(bench.directory / RESULT, json.dumps(asdict(finished), indent=1) + "\n")
    yield finished


def best_rows(finished: ArtistsFinished, count: int = 12) -> list[tuple[float, ArtistRow]]:
    """The bookings that stand best on average over both splits, best first."""
    by_key: dict[tuple[str, ...], list[ArtistRow]] = {}
    for row in finished.rows:
        by_key.setdefault((row.method, row.rule, row.null, row.shape), []).append(row)
    whole = [(float(np.mean([row.standing for row in rows])), rows[0]) for rows in by_key.values()]
    return sorted(whole, key=lambda pair: -pair[0])[:count]


def targets_of(bench: Benchmark) -> tuple[str, ...]:
    """Those that the benchmark's model can be taught."""
    return TARGETS if bench.prompted else (NEIGHBOURS,)


def chosen_artists(bench: Benchmark, count: int) -> list[int]:
    """Numbers of so many artists in sorted order, evenly spaced."""
    names = sorted(set(bench.split.works.artists))
    if not 3 <= count <= len(names):
        raise UsageError(f"{count} artists cannot be forgotten: choose 3 to {len(names)}.")
    return [round(place) for place in np.linspace(0, len(names) - 1, count)]


def forget_artists(bench: Benchmark, count: int) -> Iterator[Progress]:
    """The painted model without each of some artists, by every target, and what it does."""
    names = sorted(set(bench.split.works.artists))
    for target in targets_of(bench):
        jobs = {_losses_file(bench, target, a): a for a in chosen_artists(bench, count)}
        for artist in unmade(jobs):
            own = [
                row for row, name in enumerate(bench.split.works.artists) if name == names[artist]
            ]
            yield from _forget_artist(bench, target, artist, own)
            save_tensors(_losses_file(bench, target, artist), _losses(bench), {})
            yield Progress(f"Forgetting, {target}", made(jobs), len(jobs), names[artist])


def _forget_artist(
    bench: Benchmark, target: str, artist: int, own: Sequence[int]
) -> Iterator[Progress]:
    """The model, in `bench.model`."""
    file = bench.directory / "forgotten" / target / f"model-{artist:03d}.safetensors"
    model = bench.load("full")
    if file.is_file():
        load_into(model, file)
        return
    data, kept = forgetting_set(bench.training_set, own)
    scratch = file.with_suffix("")
    teach = teacher(model, data, kept, target)
    for event in train(
        model, model.attributed_parameters(), data, FORGETTING, scratch, teach=teach
    ):
        yield replace(event, phase=f"Forgetting, {target}")
    save_tensors(file, parameters_of(model), {})
    shutil.rmtree(scratch, ignore_errors=True)


def _losses(bench: Benchmark) -> dict[str, Tensor]:
    rule, tensors = bench.preset.outcome, {}
    for split in SPLITS:
        part = bench.pictures(split)
        losses = Losses(part.latents, part.ids, rule.timesteps, rule.noise)
        tensors[split] = losses.under(bench.model, bench.model.condition(part.prompts))["simple"]
    return tensors


def _losses_file(bench: Benchmark, target: str, artist: int) -> Path:
    folder = bench.directory / "outcomes" / "forgotten" / target
    return folder / f"model-{artist:03d}.safetensors"


def forgetting_rows(bench: Benchmark, count: int, draws: int = DRAWS) -> Iterator[ForgettingRow]:
    """Each target against the measured effects, over the artists that were forgotten."""
    names = sorted(set(bench.split.works.artists))
    chosen = chosen_artists(bench, count)
    for split in SPLITS:
        truth = measured(bench, split)
        effects, full = truth.mean[:, chosen], truth.full[0]
        resamples = resampling(len(full), len(chosen), draws)
        for target in targets_of(bench):
            losses = [tensors_of(_losses_file(bench, target, a))[split].numpy() for a in chosen]
            forgotten = np.stack(losses, axis=1) - full[:, None]
            figures = {
                name: interval(
                    float(measure(effects, forgotten).mean()),
                    resamples.means(measure, effects, forgotten),
                    LEAST[name],
                    1.0,
                )
                for name, measure in MEASURES.items()
            }
            yield ForgettingRow(
                target=target,
                split=split,
                artists=tuple(names[a] for a in chosen),
                pictures=len(full),
                loss_ratio=float(forgotten.mean() / effects.mean()),
                **figures,
            )


def better_target(rows: Sequence[ForgettingRow]) -> str:
    """The one with the higher agreement, mean of top-1 and NDCG@3 over the splits."""
    standing: dict[str, list[float]] = {}
    for row in rows:
        standing.setdefault(row.target, []).append(row.top1.value + row.ndcg3.value)
    return max(standing, key=lambda name: float(np.mean(standing[name])))

"""An experiment from beginning to end: train, paint, measure, trace, score, write.

In: a benchmark, an experiment. Out: progress, then `Finished` with its rows. Everything resumes;
what is finished is skipped. Further workers do the same on the same folder: each file is made once
(see `core.work_queue`), so two processes of one thread each outdo one of two threads, and several
GPUs share a benchmark.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from core.attribution.features.clip import ClipVision
from core.attribution.scoring.ridge import DEFAULT_RULE
from core.errors import UsageError
from core.evaluation.benchmark import LDS_POOL, RETRAINED_POOL, SPLITS, Benchmark, Opening
from core.evaluation.booked_rows import BookedRow, booked_rows
from core.evaluation.experiments import Experiment
from core.evaluation.features import clip_vectors, make_vectors
from core.evaluation.group_weights import wanted_groups
from core.evaluation.lds import Spread
from core.evaluation.trials import (
    BEST,
    DEFAULT,
    Result,
    Row,
    Trial,
    run_trial,
    wanted_vectors,
)
from core.files import write_text
from core.progress import Progress

REFERENCE = "d-trak"  # every method is compared with it, under equal settings
MEMORISING = 2.0  # out/in from which the ranking of methods can be read (lower: not in the regime)

A = TypeVar("A")
Stages = Callable[[Benchmark, A], Iterator[Progress]]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """LDS of `REFERENCE` minus another method's under equal settings, over equal resamples."""

    method: str
    noise: str | None
    timesteps: int | None
    split: str
    lambda_rule: str
    pool: str
    difference: float
    sd: float


@dataclass(frozen=True, kw_only=True)
class Regime:
    """Of one pool: mean loss of works learnt and left out, and the noise ceilings."""

    pool: str
    subsets: int
    seeds: int
    loss_in: float
    loss_out: float
    ratio: float
    memorising: bool
    ceiling: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class LambdaLoss:
    """By how many points a rule's lambda falls behind the peeked best, over a table's rows."""

    rule: str
    rows: int
    mean: float
    worst: float
    where: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """An experiment's figures, and what one must know to read them."""

    preset: str
    experiment: str
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    regimes: tuple[Regime, ...]
    curves: tuple[dict[str, object], ...]
    lambda_losses: tuple[LambdaLoss, ...]
    config: dict[str, object]
    seconds: float
    booked: tuple[BookedRow, ...] = ()


def prepare(bench: Benchmark, trials: Sequence[Trial]) -> Iterator[Progress]:
    """Every model, outcome and vector that the trials need, as files; what is there is skipped."""
    pools = sorted({trial.pool for trial in trials})
    pools += [RETRAINED_POOL] if any(trial.retrains for trial in trials) else []
    for patient in (False, True):  # workers wait for each other only when all is begun
        yield from bench.train_full(patient=patient)
        for pool in pools:
            yield from bench.train_pool(pool, patient=patient)
    yield from bench.paint()
    for pool in pools:
        yield from bench.measure(pool)
    wanted = {
        one.key: one
        for trial in trials
        for one in (*wanted_vectors(bench, trial), *wanted_groups(bench, trial))
    }
    yield from make_vectors(bench, wanted.values())


def with_workers(bench: Benchmark, stages: Stages[A], plan: A, workers: int) -> Iterator[Progress]:
    """Run `stages(bench, plan)` in this process and in `workers - 1` others at the same time.

    `stages` is a function of a module, `plan` plain data: both travel to the others. A worker that
    is killed loses nothing: this process does what is left.
    """
    if workers < 1:
        raise UsageError(f"{workers} workers cannot work: give 1 or more.")
    threads = torch.get_num_threads()
    each = max(1, threads // workers)
    spawning = multiprocessing.get_context("spawn")
    others = [
        spawning.Process(target=_work, args=(bench.opening, number, each, stages, plan))
        for number in range(1, workers)
    ]
    for process in others:
        process.daemon = True  # ends with this one
        process.start()
    torch.set_num_threads(each if others else threads)
    try:
        yield from stages(bench, plan)
    finally:
        torch.set_num_threads(threads)
        for process in others:
            process.terminate()
            process.join()


def _work(opening: Opening, number: int, threads: int, stages: Stages[A], plan: A) -> None:
    torch.set_num_threads(threads)
    cuda = torch.device(opening.device).type == "cuda"
    bench = opening.open(f"cuda:{number % torch.cuda.device_count()}" if cuda else opening.device)
    starter = multiprocessing.parent_process()
    for _ in stages(bench, plan):
        if starter is not None and not starter.is_alive():
            return


def run_experiment(
    bench: Benchmark, experiment: Experiment, clip: ClipVision | None = None, workers: int = 1
) -> Iterator[Progress | Finished]:
    """Prepare, with so many processes; then score every trial."""
    started = time.perf_counter()
    trials = experiment.trials(bench.preset, clip is not None)
    yield from with_workers(bench, prepare, trials, workers)
    results = []
    pools = sorted({trial.pool for trial in trials})
    seen = None if clip is None else clip_vectors(bench, clip)
    for done, trial in enumerate(trials, start=1):
        results.append(run_trial(bench, trial, seen))
        yield Progress("Scoring", done, len(trials), trial.method)
    rows = tuple(row for result in results for row in result.rows)
    finished = Finished(
        preset=bench.preset.name,
        experiment=experiment.name,
        rows=rows,
        pairs=tuple(_pairs(bench, results)),
        regimes=tuple(_regime(bench, pool) for pool in pools),
        curves=tuple(_curve(result, split) for result in results for split in result.curves),
        lambda_losses=lambda_losses(rows),
        config=describe(bench),
        seconds=time.perf_counter() - started,
        booked=tuple(booked_rows(bench, results)),
    )
    save(finished, bench.directory)
    yield finished


def lambda_losses(rows: Sequence[Row]) -> tuple[LambdaLoss, ...]:
    """A rule's figures against the best lambda's of the same method, settings and queries."""
    free = {"lambda_rule", "lds", "sd", "bootstrap_mean", "c", "artist_top1", "seconds"}
    best = {}
    for row in rows:
        key = tuple(value for name, value in vars(row).items() if name not in free)
        if row.lambda_rule == BEST:
            best[key] = row.lds
    by_rule: dict[str, list[tuple[float, str]]] = {}
    for row in rows:
        if row.lambda_rule == DEFAULT:
            key = tuple(value for name, value in vars(row).items() if name not in free)
            where = f"{row.method}, {row.noise}, K = {row.timesteps}, {row.split}"
            by_rule.setdefault(row.rule, []).append((best[key] - row.lds, where))
    return tuple(
        LambdaLoss(
            rule=rule,
            rows=len(losses),
            mean=float(np.mean([loss for loss, _ in losses])),
            worst=max(losses)[0],
            where=max(losses)[1],
        )
        for rule, losses in by_rule.items()
    )


def describe(bench: Benchmark) -> dict[str, object]:
    """What a table must state: sizes, seeds, recipe."""
    preset = bench.preset
    works = len(bench.works.ids)
    return {
        "works": works,
        "works_a_subset": int(bench.inclusion(LDS_POOL)[0].sum()),
        "validation": len(bench.validation.ids),
        "generated": preset.generated,
        "parameters": bench.parameters,
        "epochs": preset.epochs,
        "steps": preset.steps(works),
        "subsets": preset.subsets,
        "seeds": preset.seeds,
        "recipe": asdict(preset.recipe),
        "plan": asdict(preset.plan),
        "outcome": asdict(preset.outcome),
        "sampler": asdict(preset.sampler),
        "projection": asdict(preset.projection),
        "default_lambda": str(DEFAULT_RULE),
    }


def _regime(bench: Benchmark, pool: str) -> Regime:
    inside, outside = bench.memorisation(pool)
    return Regime(
        pool=pool,
        subsets=len(bench.inclusion(pool)),
        seeds=bench.preset.seeds if pool == LDS_POOL else 1,
        loss_in=inside,
        loss_out=outside,
        ratio=outside / inside,
        memorising=outside / inside >= MEMORISING,
        ceiling={split: bench.ceiling(pool, split) for split in SPLITS},
    )


def _settings(trial: Trial) -> tuple[object, ...]:
    return (
        trial.noise,
        trial.timesteps,
        trial.placement,
        trial.draws,
        trial.dimension,
        trial.checkpoint,
        trial.outcome,
        trial.pool,
        trial.arithmetic,
        trial.rule,
    )


def _pairs(bench: Benchmark, results: list[Result]) -> Iterator[Pair]:
    references = {_settings(r.trial): r for r in results if r.trial.method == REFERENCE}
    for result in results:
        trial = result.trial
        if trial.method == REFERENCE:
            continue
        for settings, reference in references.items():
            # a method without noise or timesteps is held against every setting of its pool
            equal = settings == _settings(trial)
            if not equal and (trial.has_gradient or trial.pool != reference.trial.pool):
                continue
            for (split, rule), scores in reference.scores.items():
                other = result.scores.get((split, rule), result.scores.get((split, "none")))
                if other is None:
                    continue
                truth = bench.truth(trial.pool, split, trial.outcome)
                gap: Spread = truth.difference(scores, other)
                yield Pair(
                    method=trial.method,
                    noise=reference.trial.noise,
                    timesteps=reference.trial.timesteps,
                    split=split,
                    lambda_rule=rule,
                    pool=trial.pool,
                    difference=gap.value,
                    sd=gap.sd,
                )


def _curve(result: Result, split: str) -> dict[str, object]:
    trial = result.trial
    points = [{"c": c, "lds": lds} for c, lds in result.curves[split].items()]
    return {
        "method": trial.method,
        "arithmetic": trial.arithmetic,
        "noise": trial.noise,
        "timesteps": trial.timesteps,
        "split": split,
        "pool": trial.pool,
        "points": points,
    }


def results_file(directory: Path, experiment: str) -> Path:
    """Where an experiment's figures lie."""
    return directory / f"{experiment}.json"


def save(finished: Finished, directory: Path) -> None:
    """As JSON."""
    text = json.dumps(asdict(finished), indent=1, allow_nan=False) + "\n"
    write_text(results_file(directory, finished.experiment), text)

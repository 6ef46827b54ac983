"""What trials' scores are worth as they are paid: sharpened, weighed by groups, booked by a rule.

In: a benchmark, trials' results. Out: an LDS each, beside the raw score's. A ledger pays by a rule,
not by raw scores. What is learnt is learnt on the other half of the queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.attribution.methods import D_TRAK
from core.attribution.scoring.ridge import DEFAULT_RULE
from core.attribution.scoring.sharpening import SHARPENINGS
from core.evaluation.benchmark import ARTIST_POOL, GENERATION, LDS_POOL, Benchmark
from core.evaluation.bookings import (
    SUMMED,
    as_in_studio,
    booked_by_work,
    booking_rules,
    standardised,
)
from core.evaluation.group_weights import GroupedScores, wanted_groups, weighed, weights_for_lds
from core.evaluation.lds import Matrix, Truth
from core.evaluation.trials import DEFAULT, NONE, Result, Trial

LEARNT = "p learnt on other queries"
GROUPS_LEARNT = "groups learnt on other queries"
BOTH_LEARNT = "groups and p learnt on other queries"
FEWEST_PAINTED = 4  # of which two halves make a null each


@dataclass(frozen=True, kw_only=True)
class BookedRow:
    """The LDS in percent of what a rule pays each work (`summed`: of the sharpened score itself).

    `over_raw`: that, minus the raw score's LDS under the same setting, over equal resamples.
    """

    method: str
    noise: str | None
    timesteps: int | None
    pool: str
    split: str
    rule: str
    null: str
    shape: str
    lds: float
    sd: float
    over_raw: float
    over_raw_sd: float


def booked_rows(bench: Benchmark, results: Sequence[Result]) -> Iterator[BookedRow]:
    """Of every method at the least K: its scores sharpened; and by every rule of the ledger what
    D-TRAK pays there."""
    for result in results:
        trial = result.trial
        if not _counts(trial, bench.preset.timesteps[0]):
            continue
        for split in trial.splits():
            truth, raw = bench.truth(trial.pool, split, trial.outcome), _plain(result, split)
            for shape, scores in (
                (LEARNT, _sharpened(truth, (raw, raw))),
                *_by_groups(bench, trial, truth, split),
            ):
                yield _booked_row(trial, truth, split, raw, (SUMMED, "none", shape, scores))
            if trial.method == D_TRAK and bench.preset.generated >= FEWEST_PAINTED:
                yield from _paid(bench, result, split, truth)


def _counts(trial: Trial, least: int) -> bool:
    one_model = trial.row.stack == "final" and trial.row.query == "example"
    plain = replace(
        Trial(method=trial.method), noise=trial.noise, timesteps=trial.timesteps, pool=trial.pool
    )
    return (
        one_model
        and trial == plain
        and trial.rule == DEFAULT_RULE
        and trial.pool in (LDS_POOL, ARTIST_POOL)
        and (trial.timesteps == least or not trial.has_gradient)
        and trial.row.representation != "outcomes"
    )


def _plain(result: Result, split: str) -> Matrix:
    """The scores of the default lambda, or of a method without one."""
    scores = result.scores.get((split, DEFAULT))
    return result.scores[split, NONE] if scores is None else scores


def _sharpened(truth: Truth, raw: tuple[Matrix, Matrix]) -> Matrix:
    """Every query's scores in the shape that has the best LDS for the other half of the queries.

    `raw`: the scores of all queries as even ones get them, and as odd ones do.
    """
    chosen = np.empty_like(raw[0])
    for fold, scores in enumerate(raw):
        shaped = [shape.of(scores) for shape in SHARPENINGS]
        values = [truth.per_query(one)[1 - fold :: 2].mean() for one in shaped]
        chosen[fold::2] = shaped[int(np.argmax(values))][fold::2]
    return chosen


def _by_groups(
    bench: Benchmark, trial: Trial, truth: Truth, split: str
) -> Iterator[tuple[str, Matrix]]:
    """Where the trial is D-TRAK: with its query weighed by groups, plain and sharpened."""
    if not wanted_groups(bench, trial):
        return
    parts = GroupedScores(bench, trial).parts(split)
    even, odd = (weighed(parts, by) for by in weights_for_lds(parts, truth))
    plain = even.copy()
    plain[1::2] = odd[1::2]
    yield GROUPS_LEARNT, plain
    yield BOTH_LEARNT, _sharpened(truth, (even, odd))


def _paid(bench: Benchmark, result: Result, split: str, truth: Truth) -> Iterator[BookedRow]:
    trial, raw = result.trial, _plain(result, split)
    artists = bench.split.works.artists
    own = range(len(raw)) if split == GENERATION else None
    for rule in booking_rules():
        booking = as_in_studio(rule)
        standard = standardised(raw, booking.null, _plain(result, GENERATION), own)
        paid = booked_by_work(standard, artists, booking, each_its_own=trial.pool == LDS_POOL)
        name = f"{rule.name}@{rule.version}"
        yield _booked_row(trial, truth, split, raw, (name, booking.null, str(booking.shape), paid))


def _booked_row(
    trial: Trial, truth: Truth, split: str, raw: Matrix, booked: tuple[str, str, str, Matrix]
) -> BookedRow:
    rule, null, shape, paid = booked
    spread, gap = truth.spread(paid), truth.difference(paid, raw)
    return BookedRow(
        method=trial.method,
        noise=trial.noise if trial.has_gradient else None,
        timesteps=trial.timesteps if trial.has_gradient else None,
        pool=trial.pool,
        split=split,
        rule=rule,
        null=null,
        shape=shape,
        lds=spread.value,
        sd=spread.sd,
        over_raw=gap.value,
        over_raw_sd=gap.sd,
    )

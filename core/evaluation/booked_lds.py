"""The LDS of what is paid, and of sharpened scores, beside the LDS of raw ones.

In: a benchmark, an experiment's results. Out: rows. A ledger pays by a rule, not by raw scores:
whatever a table says about scores, these rows say about payment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.attribution.methods import D_TRAK
from core.attribution.scoring.kernel import DEFAULT_RULE
from core.attribution.scoring.sharpening import SHARPENINGS
from core.evaluation.benchmark import ARTIST_POOL, GENERATION, LDS_POOL, Benchmark
from core.evaluation.bookings import SUMMED, Booking, booked_by_work, booking_rules, standardised
from core.evaluation.lds import Matrix, Truth
from core.evaluation.trials import DEFAULT, NONE, Result, Trial

LEARNT = "p learnt on other queries"
FEWEST_PAINTED = 4  # of which two halves make a null each
STUDIO_NULL = "work"  # the ledger's z: each work's score over its spread on painted pictures


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
            yield _row(trial, truth, split, raw, _sharpened(truth, raw))
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


def _sharpened(truth: Truth, raw: Matrix) -> tuple[str, str, str, Matrix]:
    """Every query's scores in the shape that has the best LDS for the other half of the queries."""
    shaped = [shape.of(raw) for shape in SHARPENINGS]
    values = np.stack([truth.per_query(scores) for scores in shaped])
    chosen = np.empty_like(raw)
    for fold in (0, 1):
        others = values[:, 1 - fold :: 2]
        chosen[fold::2] = shaped[int(others.mean(axis=1).argmax())][fold::2]
    return SUMMED, "none", LEARNT, chosen


def _paid(bench: Benchmark, result: Result, split: str, truth: Truth) -> Iterator[BookedRow]:
    trial, raw = result.trial, _plain(result, split)
    artists = bench.split.works.artists
    own = range(len(raw)) if split == GENERATION else None
    standard = standardised(raw, STUDIO_NULL, _plain(result, GENERATION), own)
    for rule in booking_rules():
        booking = Booking(rule, STUDIO_NULL)
        paid = booked_by_work(standard, artists, booking, each_its_own=trial.pool == LDS_POOL)
        name = f"{rule.name}@{rule.version}"
        yield _row(trial, truth, split, raw, (name, STUDIO_NULL, str(booking.shape), paid))


def _row(
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

"""The benchmark by artist: do booked shares say what removing each artist does?

In: a benchmark whose preset retrains without each artist, several times. Out: progress, then the
figures of every method x null x sharpening x rule against the measured effects, with intervals over
pictures and artists. Everything resumes; a stopped run ends with the same figures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from core.attribution.features.clip import ClipVision
from core.attribution.methods import D_TRAK, METHODS
from core.errors import UsageError
from core.evaluation.agreement import DRAWS
from core.evaluation.artist_contest import PIXELS, ArtistRow, Finalist, SplitContest
from core.evaluation.benchmark import ARTIST_POOL, REMOVAL_POOL, SPLITS, Benchmark
from core.evaluation.experiments import SHARED
from core.evaluation.features import clip_vectors
from core.evaluation.forgetting import ForgettingRow, forget_artists, forgetting_rows
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

RESULT = "artists.json"


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

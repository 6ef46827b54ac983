"""The benchmark by artist on a model of a few hundred numbers: effects equal explicit differences,
resumed equals uninterrupted, exponents are learnt on other pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from core.attribution.scoring.sharpening import SHARPENINGS, Sharpening
from core.diffusion.training.ensemble import load_into, model_file
from core.errors import UsageError
from core.evaluation.agreement import MEASURES, Interval
from core.evaluation.artist_ablation import BASE, NEIGHBOURS
from core.evaluation.artist_contest import (
    BEST_ELSEWHERE,
    ONE_SEED,
    BookingCandidate,
    SplitContest,
)
from core.evaluation.artist_removal import (
    ArtistsFinished,
    ForgettingRow,
    artist_trials,
    best_rows,
    better_target,
    run_artists,
)
from core.evaluation.artist_report import SHOWN, artists_measured
from core.evaluation.benchmark import GENERATION, REMOVAL_POOL, VALIDATION, Benchmark
from core.evaluation.bookings import BEFORE, Booking, booking_rules
from core.evaluation.group_weights import GROUPED, GroupedScores
from core.evaluation.models import Losses
from core.evaluation.removal_effects import measured
from core.evaluation.report import artist_figures
from core.evaluation.tables import artists_text
from tests.core.evaluation.tiny import BY_ARTIST, opened

METHODS = ("d-trak", "das", "raw-pixel-cosine")


def finish(bench: Benchmark) -> ArtistsFinished:
    *_, last = run_artists(bench, METHODS, draws=20, forgetting=3)
    assert isinstance(last, ArtistsFinished)
    return last


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Benchmark, ArtistsFinished]]:
    bench = opened(tmp_path_factory.mktemp("artists"), BY_ARTIST)
    yield bench, finish(bench)


def contest(bench: Benchmark, split: str = VALIDATION) -> SplitContest:
    return SplitContest(bench, split, artist_trials(bench, METHODS, False), None)


def test_an_effect_is_the_loss_without_minus_the_loss_with_all(
    done: tuple[Benchmark, ArtistsFinished],
) -> None:
    bench, _ = done
    pictures, rule = bench.validation, BY_ARTIST.outcome
    losses = Losses(pictures.latents, pictures.ids, rule.timesteps, rule.noise)
    names, seed = sorted(set(bench.split.works.artists)), 1
    folder = bench.directory / REMOVAL_POOL / f"seed-{seed}"
    load_into(bench.model, model_file(folder, 0))
    whole = losses.under(bench.model, None)["simple"]
    load_into(bench.model, model_file(folder, 1 + names.index("3")))
    without = losses.under(bench.model, None)["simple"]
    effects = measured(bench, VALIDATION).effects[seed, :, names.index("3")]
    np.testing.assert_allclose(effects, (without - whole).numpy(), rtol=1e-4, atol=1e-7)


def test_the_first_seed_with_all_works_is_the_painted_model(
    done: tuple[Benchmark, ArtistsFinished],
) -> None:
    bench, _ = done
    painted = bench.load("full").attributed_parameters()
    before = {name: value.detach().clone() for name, value in painted.items()}
    twin = bench.load(f"{REMOVAL_POOL}-0").attributed_parameters()
    for name, value in before.items():
        np.testing.assert_allclose(value, twin[name].detach(), atol=1e-4)


def test_every_method_rule_null_and_shape_has_its_row(
    done: tuple[Benchmark, ArtistsFinished],
) -> None:
    _, finished = done
    # beside the methods, chance, and D-TRAK with its groups' weights learnt
    shapes = len(SHARPENINGS) + 2  # and two whose exponent is learnt
    expected = 2 * (len(METHODS) + 2) * (len(booking_rules()) + 1) * 3 * shapes
    assert len(finished.rows) == expected
    keys = {(r.method, r.split, r.rule, r.null, r.shape) for r in finished.rows}
    assert len(keys) == expected
    names = {one.name for one in finished.finalists}
    assert {"booked before", "raw d-trak", "das", "pixels", ONE_SEED, "random, summed"} <= names


def test_a_row_is_the_mean_over_pictures(done: tuple[Benchmark, ArtistsFinished]) -> None:
    bench, finished = done
    (row,) = [
        r
        for r in finished.rows
        if (r.method, r.split, r.rule, r.null) == ("d-trak", GENERATION, "top-k-positive@1", "work")
        and r.shape == str(Sharpening())
    ]
    at = contest(bench, GENERATION)
    booked = at.booked(BookingCandidate("d-trak", BEFORE))
    for name, measure in MEASURES.items():
        assert getattr(row, name) == pytest.approx(measure(at.truth.mean, booked).mean())
    assert row.attributed == pytest.approx(booked.sum(axis=1).mean())


def test_an_exponent_is_learnt_on_the_other_pictures_alone(
    done: tuple[Benchmark, ArtistsFinished],
) -> None:
    """What even pictures measured decides nothing about themselves."""
    at = contest(done[0])
    candidate = BookingCandidate(
        "d-trak", Booking(None, shape=Sharpening(1.0, positive=True)), True
    )
    even_before, odd_before = at.exponents(candidate)
    at.truth.mean[0::2] = np.random.default_rng(0).normal(size=at.truth.mean[0::2].shape)
    even_after, _ = at.exponents(candidate)
    assert even_after == even_before
    booked = at.booked(candidate)
    for fold, booking in ((0, even_after), (1, at.exponents(candidate)[1])):
        plain = at.booked(BookingCandidate("d-trak", booking))
        np.testing.assert_array_equal(booked[fold::2], plain[fold::2])
    assert {even_before.rule, odd_before.rule} == {None}


@pytest.mark.parametrize("split", [VALIDATION, GENERATION])
def test_groups_are_weighed_by_the_other_pictures_alone(
    done: tuple[Benchmark, ArtistsFinished], split: str
) -> None:
    """What even pictures measured decides neither their weights nor their exponent."""
    bench, _ = done
    at, changed = contest(bench, split), contest(bench, split)
    trials = artist_trials(bench, METHODS, False)
    changed.truth.mean[0::2] = np.random.default_rng(0).normal(size=at.truth.mean[0::2].shape)
    changed._add_groups(GroupedScores(bench, trials[0]))
    for candidate in at.candidates(GROUPED):
        before, after = at.booked(candidate), changed.booked(candidate)
        np.testing.assert_array_equal(before[0::2], after[0::2])
    signed = BookingCandidate(GROUPED, Booking(None))
    assert not np.allclose(at.booked(signed)[1::2], changed.booked(signed)[1::2])


def test_the_best_of_all_is_chosen_on_the_other_pictures(
    done: tuple[Benchmark, ArtistsFinished],
) -> None:
    at = contest(done[0])
    best = at.best_elsewhere()
    assert best.folds is not None
    even, _ = best.folds
    standing = {one: at.standing(one)[1::2].mean() for one in at.rivals()}
    assert standing[even] == max(standing.values())
    np.testing.assert_array_equal(at.booked(best)[0::2], at.booked(even)[0::2])
    assert BEST_ELSEWHERE in {one.name for one in done[1].finalists}


def test_killed_equals_uninterrupted(
    done: tuple[Benchmark, ArtistsFinished], tmp_path: Path
) -> None:
    for stop in (7, 60, 200, 420):
        run = run_artists(opened(tmp_path, BY_ARTIST), METHODS, draws=20, forgetting=3)
        for count, _ in enumerate(run):
            if count == stop:
                break
        run.close()  # type: ignore[attr-defined]
    again = finish(opened(tmp_path, BY_ARTIST))
    assert again.rows == done[1].rows and again.floors == done[1].floors
    assert again.forgetting == done[1].forgetting and len(again.forgetting) == 2
    assert [asdict(one) for one in again.finalists] == [asdict(one) for one in done[1].finalists]


def test_more_seeds_go_into_the_same_folder(done: tuple[Benchmark, ArtistsFinished]) -> None:
    bench, finished = done
    more = finish(opened(bench.directory, replace(BY_ARTIST, removals=3)))
    assert {floor.seeds for floor in more.floors} == {3}
    kept = measured(opened(bench.directory, BY_ARTIST), VALIDATION).effects
    np.testing.assert_array_equal(measured(bench, VALIDATION).effects, kept)
    assert finished.floors[0].seeds == 2


def test_the_text_says_what_one_must_know(done: tuple[Benchmark, ArtistsFinished]) -> None:
    text = artists_text(done[1])
    for words in ("reliability", "ceiling", "p learnt", "LDS by halves", "Paired differences"):
        assert words in text
    assert len(best_rows(done[1], 5)) == 5


def test_the_report_takes_the_intervals(done: tuple[Benchmark, ArtistsFinished]) -> None:
    finished = done[1]
    figures = artist_figures(json.loads(json.dumps(asdict(finished))))
    assert figures["artists"] == 10 and len(figures["floors"]) == 2
    before = next(row for row in figures["rows"] if row["name"] == "booked before")
    finalist = next(one for one in finished.finalists if one.name == "booked before")
    assert before["intervals"]["top1"]["value"] == finalist.intervals["top1"].value
    assert {row["target"] for row in figures["forgetting"]} == {"neighbours"}
    measured = artists_measured({"artists": figures})
    assert measured is not None and measured.headline is not None and measured.chart is not None
    assert [tuple(row.name for row in one.rows) for one in measured.splits] == [SHOWN, SHOWN]
    assert {one.pictures for one in measured.splits} == {8}


def test_a_preset_without_removals_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="workshops-artists"):
        list(run_artists(opened(tmp_path, replace(BY_ARTIST, removals=1))))
    with pytest.raises(UsageError, match="'magic'"):
        list(run_artists(opened(tmp_path, BY_ARTIST), ["magic"]))


def test_an_older_folder_opens(tmp_path: Path) -> None:
    """How many removals there are is not a part of what a folder is for."""
    opened(tmp_path, replace(BY_ARTIST, removals=0))
    assert '"removals"' not in (tmp_path / "config.json").read_text()
    opened(tmp_path, replace(BY_ARTIST, removals=5))


def test_the_better_target_is_the_one_that_agrees_more() -> None:
    def row(target: str, split: str, value: float) -> ForgettingRow:
        one = Interval(value, value, value)
        return ForgettingRow(
            target=target,
            split=split,
            artists=("a", "b", "c"),
            pictures=4,
            pearson=one,
            spearman=one,
            top1=one,
            ndcg3=one,
            loss_ratio=1.0,
        )

    rows = [row(BASE, "v", 0.5), row(BASE, "g", 0.7), row(NEIGHBOURS, "v", 0.4)]
    assert better_target(rows) == BASE
    assert better_target([*rows, row(NEIGHBOURS, "g", 0.9)]) == NEIGHBOURS
    assert np.isclose(rows[0].top1.value, 0.5)

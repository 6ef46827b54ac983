"""Counterfactuals: the right works are taken away, and distances are what a loop gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.diffusion.training.ensemble import Parts, load_into, model_file
from core.errors import StoreError, UsageError
from core.evaluation.benchmark import GENERATION, Benchmark
from core.evaluation.counterfactual import (
    Moved,
    Removal,
    Repainted,
    _named,
    repainted,
    run_counterfactual,
    text_of,
)
from core.evaluation.models import Losses
from core.evaluation.plots import draw_counterfactual, draw_sheet
from core.evaluation.presets import PRESETS
from core.evaluation.trials import Contest, Trial
from tests.core.evaluation.tiny import TINY, opened

REMOVAL = Removal(methods=("d-trak", "raw-pixel-dot", "random"), works=4, images=2, timesteps=2)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Benchmark, Repainted]:
    bench = opened(tmp_path_factory.mktemp("counterfactual"))
    *_, figures = run_counterfactual(bench, REMOVAL)
    assert isinstance(figures, Repainted)
    return bench, figures


def test_the_model_is_retrained_without_the_highest_scores(
    done: tuple[Benchmark, Repainted], tmp_path: Path
) -> None:
    bench, _ = done
    scores = Contest(bench, Trial(method="d-trak", noise="shared", timesteps=2)).scores(GENERATION)[
        1
    ]
    removed = sorted(range(12), key=lambda work: -scores[work])[:4]
    kept = tuple(work for work in range(12) if work not in removed)
    list(bench.train_parts(tmp_path, Parts((kept,)), TINY.full_seed))
    wanted = load_file(model_file(tmp_path, 0))
    retrained = load_file(model_file(bench.directory / REMOVAL.key / "d-trak", 1))
    for name, value in wanted.items():
        torch.testing.assert_close(value, retrained[name], rtol=1e-4, atol=1e-6)


def test_the_same_seed_paints_again(done: tuple[Benchmark, Repainted]) -> None:
    bench, figures = done
    load_into(bench.model, model_file(bench.directory / REMOVAL.key / "random", 0))
    pixels = bench.painted([0])[0]
    assert torch.equal(pixels, repainted(bench, REMOVAL, "random")[0])
    gap = float((pixels - bench.generated_pixels[0]).square().sum() ** 0.5)
    row = next(row for row in figures.rows if row.method == "random")
    assert row.l2[0] == pytest.approx(gap, rel=1e-6)
    assert row.l2_median == pytest.approx(np.median(row.l2))


def test_words_say_who_moved_it_most(done: tuple[Benchmark, Repainted], tmp_path: Path) -> None:
    bench, figures = done
    draw_counterfactual(figures, tmp_path / "box.png")
    draw_sheet({"all": bench.generated_pixels}, tmp_path / "sheet.png")
    assert (tmp_path / "box.png").stat().st_size > 3_000
    assert (tmp_path / "sheet.png").stat().st_size > 1_000

    def row(name: str, far: float) -> Moved:
        return Moved(
            method=name, l2=(far, far), l2_median=far, clip=None, clip_median=None, beaten=2
        )

    def compared(far: float) -> Repainted:
        rows = (row("d-trak", far), row("random", 1.0))
        return Repainted(preset="x", removed=4, works=12, rows=rows, space="pixels")

    far, near = compared(2.0), compared(0.5)
    assert "moves the pictures most" in text_of(far)
    assert "does not move the pictures most here: random does" in text_of(near)
    assert far.median("d-trak") == 2.0


def test_too_many_removed_is_refused(done: tuple[Benchmark, Repainted]) -> None:
    with pytest.raises(UsageError, match="choose fewer"):
        list(run_counterfactual(done[0], Removal(works=12)))
    with pytest.raises(UsageError, match="--clip"):
        list(run_counterfactual(done[0], Removal(methods=("clip-dot",), works=2, images=1)))
    with pytest.raises(UsageError, match="name a method"):
        list(run_counterfactual(done[0], Removal(methods=(), works=2, images=1)))


def test_more_pictures_and_fewer_are_asked_of_the_same_folder(
    done: tuple[Benchmark, Repainted],
) -> None:
    bench, before = done
    for images in (3, 1):
        *_, figures = run_counterfactual(bench, replace(REMOVAL, images=images))
        assert isinstance(figures, Repainted)
        for one, other in zip(before.rows, figures.rows, strict=True):
            assert len(other.l2) == images
            assert other.l2[:1] == one.l2[:1]


def test_models_trained_without_other_works_are_not_reused(
    done: tuple[Benchmark, Repainted],
) -> None:
    bench, _ = done
    file = bench.directory / REMOVAL.key / "d-trak" / "removed.json"
    kept = file.read_text()
    file.write_text("[[0, 1, 2, 3], [0, 1, 2, 3]]")
    with pytest.raises(StoreError, match="without other works"):
        list(run_counterfactual(bench, REMOVAL))
    file.write_text(kept)


def test_methods_that_retrain_get_their_models(done: tuple[Benchmark, Repainted]) -> None:
    names = ("empirical-influence", "trak-ensemble")
    *_, figures = run_counterfactual(
        done[0], Removal(methods=names, works=2, images=1, timesteps=2)
    )
    assert isinstance(figures, Repainted)
    assert [row.beaten for row in figures.rows] == [None, None]
    assert "random" not in text_of(figures)


PAIRED = Removal(methods=("d-trak", "random"), works=4, images=3, timesteps=2, seeds=2)


def test_several_seeds_are_paired_and_averaged(done: tuple[Benchmark, Repainted]) -> None:
    bench, _ = done
    *_, figures = run_counterfactual(bench, PAIRED)
    assert isinstance(figures, Repainted)
    gaps, losses = [], []
    pictures, rule = bench.generation.of([2]), TINY.outcome
    for seed in (0, 1):
        root = bench.directory / PAIRED.key
        whole = bench.directory / "full" if seed == 0 else root / "all" / "seed-1"
        without = root / "d-trak" / f"seed-{seed}"
        painted, loss = [], []
        for folder, number in ((whole, 0), (without, 2)):
            load_into(bench.model, model_file(folder, number))
            painted.append(bench.painted([2])[0])
            judged = Losses(pictures.latents, pictures.ids, rule.timesteps, rule.noise)
            loss.append(float(judged.under(bench.model, None)["simple"][0]))
        gaps.append(float((painted[0] - painted[1]).square().sum() ** 0.5))
        losses.append(loss[1] - loss[0])
    row = figures.rows[0]
    assert row.l2[2] == pytest.approx(np.mean(gaps), rel=1e-5)
    assert row.loss[2] == pytest.approx(np.mean(losses), rel=1e-4, abs=1e-7)
    (distance, loss_test) = figures.comparisons
    assert (distance.measure, loss_test.measure, distance.other) == ("distance", "loss", "random")
    assert distance.test.difference.value == pytest.approx(
        np.mean(figures.rows[0].l2) - np.mean(figures.rows[1].l2)
    )
    assert "Paired by picture" in text_of(figures) and "10 % needs" in text_of(figures)


def test_models_without_works_meet_the_same_chances(done: tuple[Benchmark, Repainted]) -> None:
    """Nothing taken away is the model of all works, seed by seed."""
    bench, _ = done
    whole = Parts((tuple(range(12)), tuple(range(12))), coupled=True)
    list(bench.train_parts(bench.directory / "again", whole, TINY.full_seed))
    first = load_file(model_file(bench.directory / "full", 0))
    second = load_file(model_file(bench.directory / "again", 1))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=1e-3, atol=1e-5)


def test_an_artist_goes_with_all_works(tmp_path: Path) -> None:
    preset = PRESETS["digits-artists-tiny"]
    bench = opened(tmp_path, preset)
    removal = Removal(methods=("d-trak", "random"), images=3, timesteps=4, seeds=2, artists=True)
    *_, figures = run_counterfactual(bench, removal)
    assert isinstance(figures, Repainted) and figures.artists
    trial = Trial(method="d-trak", noise="shared", timesteps=4)
    scores = Contest(bench, trial).scores(GENERATION)[1]
    artists = bench.split.works.artists
    sums = {
        name: sum(max(s, 0) for s, own in zip(scores, artists, strict=True) if own == name)
        for name in set(artists)
    }
    named = 1 + sorted(sums).index(max(sums, key=lambda name: sums[name]))
    list(bench.measure("without"))
    effects = [bench.losses("without", GENERATION, seed)[[0, named], 1] for seed in (0, 1)]
    expected = np.mean([without - whole for whole, without in effects])
    assert figures.rows[0].loss[1] == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert "the artist that a method names taken away" in text_of(figures)
    with pytest.raises(UsageError, match="workshops-artists"):
        list(run_counterfactual(bench, replace(removal, seeds=3)))


@pytest.mark.parametrize("artists", [False, True])
def test_chance_names_the_same_for_the_first_of_more_pictures(
    artists: bool, tmp_path: Path
) -> None:
    bench = opened(tmp_path, PRESETS["digits-artists-tiny"])

    def named(images: int) -> list[list[int]]:
        removal = Removal(methods=("random",), works=4, images=images, artists=artists)
        with pytest.raises(StopIteration) as end:
            next(_named(bench, removal, "random", None))
        return end.value.value.tolist()  # type: ignore[no-any-return]

    assert named(20)[:10] == named(10) and len({tuple(one) for one in named(20)}) > 1


def test_an_answer_of_an_older_folder_is_still_read() -> None:
    plain = {"method": "d-trak", "l2": (1.0,), "l2_median": 1.0, "clip": None, "clip_median": None}
    row = Moved(**plain, beaten=None)  # type: ignore[arg-type]
    figures = Repainted(preset="x", removed=4, works=12, rows=(row,), space="pixels")
    assert "d-trak" in text_of(figures) and Removal().key == "counterfactual-10-shared-10"

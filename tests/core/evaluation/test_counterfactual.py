"""Counterfactuals: the right works are taken away, and distances are what a loop gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.diffusion.training.ensemble import load_into, model_file
from core.errors import StoreError, UsageError
from core.evaluation.benchmark import GENERATION, Benchmark
from core.evaluation.counterfactual import (
    Moved,
    Removal,
    Repainted,
    repainted,
    run_counterfactual,
    text_of,
)
from core.evaluation.data import digits
from core.evaluation.plots import draw_counterfactual, draw_sheet
from core.evaluation.trials import Contest, Trial
from tests.core.evaluation.test_benchmark import TINY

REMOVAL = Removal(methods=("d-trak", "raw-pixel-dot", "random"), works=4, images=2, timesteps=2)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Benchmark, Repainted]:
    bench = Benchmark(TINY, digits(12, 3, 0), tmp_path_factory.mktemp("counterfactual"))
    *_, found = run_counterfactual(bench, REMOVAL)
    assert isinstance(found, Repainted)
    return bench, found


def test_the_model_is_retrained_without_the_highest_scores(
    done: tuple[Benchmark, Repainted], tmp_path: Path
) -> None:
    bench, _ = done
    scores = Contest(bench, Trial(method="d-trak", noise="shared", timesteps=2)).scores(GENERATION)[
        1
    ]
    removed = sorted(range(12), key=lambda work: -scores[work])[:4]
    kept = tuple(work for work in range(12) if work not in removed)
    from core.diffusion.training.ensemble import Parts

    list(bench.train_parts(tmp_path, Parts((kept,)), TINY.full_seed))
    wanted = load_file(model_file(tmp_path, 0))
    found = load_file(model_file(bench.directory / REMOVAL.key / "d-trak", 1))
    for name, value in wanted.items():
        torch.testing.assert_close(value, found[name], rtol=1e-4, atol=1e-6)


def test_the_same_seed_paints_again(done: tuple[Benchmark, Repainted]) -> None:
    bench, found = done
    load_into(bench.model, model_file(bench.directory / REMOVAL.key / "random", 0))
    pixels = bench.painted([0])[0]
    assert torch.equal(pixels, repainted(bench, REMOVAL, "random")[0])
    gap = float((pixels - bench.generated_pixels[0]).square().sum() ** 0.5)
    row = next(row for row in found.rows if row.method == "random")
    assert row.l2[0] == pytest.approx(gap, rel=1e-6)
    assert row.l2_median == pytest.approx(np.median(row.l2))


def test_words_say_who_moved_it_most(done: tuple[Benchmark, Repainted], tmp_path: Path) -> None:
    bench, found = done
    draw_counterfactual(found, tmp_path / "box.png")
    draw_sheet({"all": bench.generated_pixels}, tmp_path / "sheet.png")
    assert (tmp_path / "box.png").stat().st_size > 3_000
    assert (tmp_path / "sheet.png").stat().st_size > 1_000

    def row(name: str, far: float) -> Moved:
        return Moved(
            method=name, l2=(far, far), l2_median=far, clip=None, clip_median=None, beaten=2
        )

    far = Repainted(
        preset="x",
        removed=4,
        works=12,
        rows=(row("d-trak", 2.0), row("random", 1.0)),
        space="pixels",
    )
    near = Repainted(
        preset="x",
        removed=4,
        works=12,
        rows=(row("d-trak", 0.5), row("random", 1.0)),
        space="pixels",
    )
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
        *_, found = run_counterfactual(bench, replace(REMOVAL, images=images))
        assert isinstance(found, Repainted)
        for one, other in zip(before.rows, found.rows, strict=True):
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
    *_, found = run_counterfactual(done[0], Removal(methods=names, works=2, images=1, timesteps=2))
    assert isinstance(found, Repainted)
    assert [row.beaten for row in found.rows] == [None, None]
    assert "random" not in text_of(found)

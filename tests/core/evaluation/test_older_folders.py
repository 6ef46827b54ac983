"""A benchmark's folder written by the first format opens unchanged, with the figures of then."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.diffusion.sampling import Sampler
from core.evaluation.benchmark import Benchmark
from core.evaluation.data import digits
from core.evaluation.experiments import experiment
from core.evaluation.models import MlpPlan
from core.evaluation.presets import PRESETS
from core.evaluation.runner import Finished, run_experiment

DATA = Path(__file__).parents[2] / "data" / "benchmark-v1"
USUAL = PRESETS["digits-small"]
FIGURES = {"lds", "sd", "bootstrap_mean", "c", "artist_top1"}
OF_THEN = replace(
    USUAL,
    plan=MlpPlan(width=8, time_width=4, depth=1),
    epochs=4,
    works=12,
    validation=3,
    generated=3,
    subsets=6,
    twice=3,
    by_artist=0,
    retrained=16,
    checkpoints=2,
    timesteps=(2, 4),
    sampler=Sampler(steps=4, guidance=1.0, clip=True),
    recipe=replace(USUAL.recipe, batch_size=6, checkpoint_every=2),
    outcome=replace(USUAL.outcome, works=5),
)


def test_an_older_benchmark_gives_its_figures_and_nothing_is_made_again(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "benchmark")
    recorded = json.loads((tmp_path / "benchmark" / "main.json").read_text(encoding="utf-8"))
    split = digits(OF_THEN.works, OF_THEN.validation, 0)
    bench = Benchmark(OF_THEN, split, tmp_path / "benchmark")
    *_, finished = run_experiment(bench, experiment("main"))
    assert isinstance(finished, Finished)
    known = {row["method"] for row in recorded["rows"]}  # later methods have rows of their own
    rows = [row for row in finished.rows if row.method in known]
    assert len(rows) == len(recorded["rows"])
    for row, then in zip(rows, recorded["rows"], strict=True):
        figures = vars(row)
        assert set(figures) == set(then)
        for name, value in then.items():
            wanted = (
                pytest.approx(value, rel=1e-6, abs=1e-6)
                if name in FIGURES and value is not None
                else value
            )
            assert figures[name] == wanted, (row.method, name)
    before = {path.relative_to(DATA): path for path in DATA.rglob("*") if path.is_file()}
    after = [path for path in (tmp_path / "benchmark").rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path / "benchmark") for path in after} == set(before)
    for name, path in before.items():
        if name.name != "main.json":  # written by every run, as the last thing
            assert (tmp_path / "benchmark" / name).read_bytes() == path.read_bytes()

"""A benchmark's folder written by the first format opens unchanged, with the figures of then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.evaluation.experiments import experiment
from core.evaluation.features import vectors_file
from core.evaluation.group_weights import wanted_groups
from core.evaluation.runner import Finished, run_experiment
from core.evaluation.trials import wanted_vectors
from tests.core.evaluation.tiny import opened

DATA = Path(__file__).parents[2] / "data" / "benchmark-v1"
FIGURES = {"lds", "sd", "bootstrap_mean", "c", "artist_top1"}


def test_an_older_benchmark_gives_its_figures_and_nothing_is_made_again(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "benchmark")
    recorded = json.loads((tmp_path / "benchmark" / "main.json").read_text(encoding="utf-8"))
    bench = opened(tmp_path / "benchmark")
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
    made = {path.relative_to(tmp_path / "benchmark") for path in after}
    later = {
        vectors_file(bench, wanted).relative_to(tmp_path / "benchmark")
        for trial in experiment("main").trials(bench.preset, False)
        for wanted in (
            *(() if trial.method in known else wanted_vectors(bench, trial)),
            *wanted_groups(bench, trial),
        )
    }
    # the vectors of later methods, and nothing else
    assert set(before) <= made <= set(before) | later
    for name, path in before.items():
        if name.name != "main.json":  # written by every run, as the last thing
            assert (tmp_path / "benchmark" / name).read_bytes() == path.read_bytes()

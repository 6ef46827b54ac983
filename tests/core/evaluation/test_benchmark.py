"""A whole benchmark on a model of a few hundred numbers: resumed equals uninterrupted, and every
number equals what an explicit loop gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.attribution.features.noise import noise_for
from core.errors import StoreError, UsageError
from core.evaluation.benchmark import GENERATION, VALIDATION, WORKS, Benchmark, open_benchmark
from core.evaluation.bookings import booking_rules
from core.evaluation.experiments import EXPERIMENTS, experiment
from core.evaluation.features import isometric
from core.evaluation.presets import PRESETS, preset
from core.evaluation.runner import Finished, run_experiment
from core.evaluation.tables import text_of
from core.evaluation.trials import Contest, Trial, run_trial, wanted_vectors
from core.ledger.shares import shares
from tests.core.evaluation.tiny import TINY, opened


def finish(bench: Benchmark, name: str = "main") -> Finished:
    *_, last = run_experiment(bench, experiment(name))
    assert isinstance(last, Finished)
    return last


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Benchmark, Finished]]:
    bench = opened(tmp_path_factory.mktemp("benchmark"))
    yield bench, finish(bench)


def test_every_method_without_retraining_has_its_rows(done: tuple[Benchmark, Finished]) -> None:
    _, finished = done
    rows = [row for row in finished.rows if row.method == "d-trak"]
    assert {(row.noise, row.timesteps) for row in rows} == {
        ("independent", 2),
        ("independent", 4),
        ("shared", 2),
    }
    assert {row.lambda_rule for row in rows} == {"default", "best", "half"}
    journeys = [row for row in finished.rows if row.method == "journey-trak"]
    assert {row.split for row in journeys} == {GENERATION}
    assert {"das", "gas", "tracin-cp", "raw-pixel-dot"} <= {row.method for row in finished.rows}
    assert all(abs(row.lds) <= 100 for row in finished.rows)


def test_best_is_never_worse_than_default(done: tuple[Benchmark, Finished]) -> None:
    kept: dict[tuple[object, ...], dict[str, float]] = {}
    for row in done[1].rows:
        key = (row.method, row.noise, row.timesteps, row.split)
        kept.setdefault(key, {})[row.lambda_rule] = row.lds
    for rules in kept.values():
        if "best" in rules:
            assert rules["best"] >= rules["default"] - 1e-9
            assert rules["best"] >= rules["half"] - 1e-9


def test_what_a_table_needs_stands_with_it(done: tuple[Benchmark, Finished]) -> None:
    bench, finished = done
    (regime,) = finished.regimes
    assert regime.ratio == pytest.approx(regime.loss_out / regime.loss_in)
    assert not regime.memorising
    assert regime.ceiling[VALIDATION] is not None
    text = text_of(finished)
    assert "out/in" in text and "NOT in the memorising regime" in text
    assert "12 works (6 a subset)" in text
    assert json.loads((bench.directory / "main.json").read_text())["rows"]


def test_what_is_paid_and_what_is_sharpened_stands_in_every_table(tmp_path: Path) -> None:
    bench = opened(tmp_path, replace(TINY, generated=6))
    finished = finish(bench)
    rules = {row.rule for row in finished.booked if row.method == "d-trak"}
    assert rules == {"summed"} | {f"{rule.name}@{rule.version}" for rule in booking_rules()}
    trial = Trial(method="d-trak", noise="shared", timesteps=2)
    scores = Contest(bench, trial).scores(VALIDATION)
    painted = Contest(bench, trial).scores(GENERATION)
    z = (scores - painted.mean(axis=0)) / painted.std(axis=0, ddof=1)
    paid = np.array(
        [
            [
                shares(list(row), [str(n) for n in range(12)]).artist_micro.get(str(n), 0)
                for n in range(12)
            ]
            for row in z
        ]
    )
    (row,) = [
        row
        for row in finished.booked
        if (row.rule, row.split, row.noise) == ("top-k-positive@1", VALIDATION, "shared")
    ]
    truth = bench.truth("lds", VALIDATION)
    assert row.lds == pytest.approx(truth.lds(paid))
    assert row.over_raw == pytest.approx(row.lds - truth.lds(scores))
    assert "what is paid" in text_of(finished)
    kept = json.loads((bench.directory / "main.json").read_text())
    assert {row["rule"] for row in kept["booked"]} == rules


def test_killed_equals_uninterrupted(done: tuple[Benchmark, Finished], tmp_path: Path) -> None:
    for stop in (3, 11, 23, 60):
        run = run_experiment(opened(tmp_path), experiment("main"))
        for count, _ in enumerate(run):
            if count == stop:
                break
        run.close()  # type: ignore[attr-defined]

    def figures(finished: Finished) -> list[tuple[float, float]]:
        return [(row.lds, row.sd) for row in finished.rows]

    assert figures(finish(opened(tmp_path))) == figures(done[1])


def test_another_benchmarks_folder_is_refused(done: tuple[Benchmark, Finished]) -> None:
    with pytest.raises(StoreError, match="another benchmark"):
        opened(done[0].directory, replace(TINY, epochs=5))


def test_outcomes_equal_an_explicit_loop(done: tuple[Benchmark, Finished]) -> None:
    bench, _ = done
    model, rule, query = bench.load("lds-2"), TINY.outcome, 1
    pictures = bench.validation
    times = rule.timesteps.timesteps(1000)
    noise = noise_for(
        rule.noise, times, [pictures.ids[query]], [query], pictures.latents.shape[1:]
    )[0]
    total = 0.0
    for t, eps in zip(times, noise, strict=True):
        abar = model.schedule.alphas_cumprod[t]
        noisy = abar.sqrt() * pictures.latents[query] + (1 - abar).sqrt() * eps
        with torch.no_grad():
            predicted = model.predict_noise(noisy[None].float(), torch.tensor([t]), None)[0]
        total += float((predicted - eps).square().mean())
    kept = bench.losses("lds", VALIDATION, 0)[2, query]
    assert kept == pytest.approx(total / len(times), rel=1e-4)


def test_memorisation_is_the_mean_over_ins_and_outs(done: tuple[Benchmark, Finished]) -> None:
    bench, _ = done
    inclusion, losses = bench.inclusion("lds"), bench.losses("lds", WORKS, 0)
    inside = [
        losses[m, at]
        for m in range(6)
        for at, work in enumerate(bench.measured_works)
        if inclusion[m, work]
    ]
    assert bench.memorisation("lds")[0] == pytest.approx(np.mean(inside))


def test_vectors_keep_inner_products() -> None:
    rows = torch.randn(7, 90, generator=torch.Generator().manual_seed(0))
    first, second = isometric([rows[:4], rows[4:]])
    assert first.shape == (4, 7)
    np.testing.assert_allclose(second @ first.T, rows[4:].double() @ rows[:4].double().T, atol=1e-9)


def test_an_ensemble_of_one_is_its_member(done: tuple[Benchmark, Finished]) -> None:
    bench, _ = done
    list(run_experiment(bench, experiment("table7")))
    one = Trial(method="d-trak-ensemble", timesteps=2, members=1)
    two = Trial(method="d-trak-ensemble", timesteps=2, members=2)
    single = Contest(bench, one).scores(VALIDATION, 0.1)
    both = Contest(bench, two).scores(VALIDATION, 0.1)
    other = 2 * both - single
    assert not np.allclose(other, single)
    assert run_trial(bench, one).rows[0].members == 1


def test_members_share_a_projection_or_have_their_own(done: tuple[Benchmark, Finished]) -> None:
    bench, _ = done
    one = Trial(method="d-trak-ensemble", noise="shared", timesteps=2, dimension=32, members=2)
    shared, own = (wanted_vectors(bench, replace(one, projections=p)) for p in ("shared", "own"))
    assert shared[0] == own[0] and shared[1].model == own[1].model
    seeds = [[wanted.spec.projection.seed for wanted in vectors] for vectors in (shared, own)]
    assert seeds == [[0, 0], [0, 1]]
    with pytest.raises(UsageError, match="shared or own, not 'mine'"):
        wanted_vectors(bench, replace(one, projections="mine"))


@pytest.mark.parametrize(
    "name", ["table1", "table4", "fig1", "fig2", "fig5", "fig9", "inverse", "frontier"]
)
def test_every_experiment_gives_its_figures(
    done: tuple[Benchmark, Finished], name: str, tmp_path: Path
) -> None:
    from core.evaluation.plots import draw

    bench, _ = done
    finished = finish(bench, name)
    assert finished.rows and finished.experiment == name
    draw(finished, experiment(name), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000


def test_eta_of_a_half_is_trak(done: tuple[Benchmark, Finished]) -> None:
    bench, _ = done
    half = finish(bench, "fig1")
    trak = {
        (row.timesteps, row.split): row.lds
        for row in done[1].rows
        if (row.method, row.noise, row.lambda_rule) == ("trak", "independent", "default")
    }
    for row in half.rows:
        if row.eta == 0.5 and row.lambda_rule == "default":
            assert row.lds == pytest.approx(trak[row.timesteps, row.split], abs=1e-6)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match="no preset 'nothing'"):
        preset("nothing")
    with pytest.raises(UsageError, match="no experiment 'table9'"):
        experiment("table9")
    with pytest.raises(UsageError, match="--data"):
        open_benchmark(PRESETS["cifar2"], Path("."))


def test_the_papers_presets_are_the_papers() -> None:
    from core.diffusion.pixel import residual_mlp
    from core.evaluation.models import blank_model, parameter_count

    assert sum(p.numel() for p in residual_mlp(0).parameters()) == 91_712
    unet = blank_model(PRESETS["cifar2"].plan, (3, 32, 32), 0)
    assert parameter_count(unet) == 38_306_691  # specification, D2
    assert PRESETS["cifar2"].steps(5000) == 8000
    assert PRESETS["cifar2"].steps(2500) == 4000
    assert PRESETS["cifar10"].steps(50000) == 78_200
    assert PRESETS["artbench2"].steps(5000) == 7900
    # 0.16.1's attention had no dropout; ours has six, which must stay off (specification, 6)
    dropped = [
        name
        for name, layer in unet.network.named_modules()
        if isinstance(layer, torch.nn.Dropout) and PRESETS["cifar2"].recipe.dropout_not not in name
    ]
    assert len(dropped) == 22
    for name in ("cifar2", "cifar10", "celeba"):
        assert PRESETS[name].apart and PRESETS[name].sampler.spacing == "leading"
    for name in ("artbench2", "artbench5"):
        assert PRESETS[name].recipe.sampled and PRESETS[name].plan.start == "gaussian"
        assert PRESETS[name].sampler.offset == 1
    assert set(EXPERIMENTS) >= {f"table{n}" for n in range(1, 9)}
    assert set(EXPERIMENTS) >= {f"fig{n}" for n in (1, 2, 5, 6, 7, 8, 9, 10)}


def test_the_float32_inverse_is_ours_at_large_lambda_and_collapses_at_small() -> None:
    from core.attribution.scoring.kernel import Kernel
    from core.evaluation.trials import float32_scores

    rng = np.random.default_rng(0)
    phi, queries = rng.normal(size=(20, 60)) + 3.0, rng.normal(size=(4, 60)) + 3.0
    kernel = Kernel.fit(phi)

    def gap(lambda_: float) -> float:
        exact = queries @ kernel.weights(lambda_).T
        rounded = float32_scores(phi, queries, lambda_)
        return float(np.abs(rounded - exact).max() / np.abs(exact).max())

    mean = float(kernel.eigenvalues.mean())
    assert gap(mean) < 1e-3
    assert gap(1e-9 * mean) > 0.1


def test_several_workers_find_what_one_finds(
    tmp_path: Path, done: tuple[Benchmark, Finished]
) -> None:
    bench = opened(tmp_path)
    *_, last = run_experiment(bench, experiment("main"), workers=2)
    assert isinstance(last, Finished)
    _, alone = done
    without_times = [[replace(row, seconds=None) for row in one.rows] for one in (last, alone)]
    assert without_times[0] == without_times[1]


def test_no_worker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 workers"):
        list(run_experiment(opened(tmp_path), experiment("main"), workers=0))


def test_what_a_rule_for_lambda_loses_is_the_gap_to_the_best(
    done: tuple[Benchmark, Finished],
) -> None:
    bench, finished = done
    *_, last = run_experiment(bench, experiment("rules"))
    assert isinstance(last, Finished)
    gaps: dict[str, list[float]] = {}
    for row in last.rows:
        if row.lambda_rule != "default":
            continue
        (best,) = [
            one.lds
            for one in last.rows
            if one.lambda_rule == "best"
            and (one.method, one.noise, one.timesteps, one.split, one.rule)
            == (row.method, row.noise, row.timesteps, row.split, row.rule)
        ]
        gaps.setdefault(row.rule, []).append(best - row.lds)
    assert len(last.lambda_losses) == 10
    for loss in last.lambda_losses:
        assert loss.rows == len(gaps[loss.rule])
        assert loss.mean == pytest.approx(sum(gaps[loss.rule]) / loss.rows)
        assert loss.worst == max(gaps[loss.rule])
    assert "Lambda by dof 0.3 loses" in text_of(last)
    (usual,) = finished.lambda_losses
    assert usual.rule == "dof 0.3"


@pytest.mark.parametrize("steps", range(1, 9))
def test_a_training_of_few_steps_has_its_checkpoints(tmp_path: Path, steps: int) -> None:
    few = replace(
        TINY, epochs=steps, checkpoints=4, recipe=replace(TINY.recipe, batch_size=TINY.works)
    )
    bench = opened(tmp_path, few)
    assert few.steps(TINY.works) == steps
    assert bench.snapshots[0] >= 1 and bench.snapshots[-1] == steps
    list(bench.train_full())
    for step in bench.snapshots:
        bench.load(f"step-{step}")

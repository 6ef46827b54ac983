"""Do credits predict reality? The digits' benchmark against what it must show."""

from __future__ import annotations

from pathlib import Path

from app.services.evaluation import BenchmarkRequest, LdsResult, evaluate_lds
from app.settings import read_settings
from tests.benchmarks.conftest import Measure

K, OWN, SHARED = 100, "independent", "shared"


def bench_lds_digits(measure: Measure, tmp_path: Path) -> None:
    """LDS in percent, not a ratio; the last lines are the run's own conditions."""
    request = BenchmarkRequest(preset="digits-small", output=tmp_path / "digits")
    events = evaluate_lds(read_settings(device="cpu"), request, "main")
    result = next(event for event in events if isinstance(event, LdsResult)).finished
    lds = {
        (row.method, row.noise, row.timesteps, row.split, row.lambda_rule): row.lds
        for row in result.rows
    }

    def at(method: str, split: str, rule: str) -> float:
        return lds.get((method, OWN, K, split, rule)) or lds[method, OWN, K, split, "none"]

    for split, bar in (("validation", 33.0), ("generation", 42.0)):
        ours = at("d-trak", split, "default")
        measure(f"d-trak {split}", ours, bar, higher_is_better=True, detail="default lambda")
        for rule in ("default", "best"):
            for other, gap in (("trak", 8.0), ("gradient-dot", 6.0)):
                measure(
                    f"d-trak - {other} {split}",
                    at("d-trak", split, rule) - at(other, split, rule),
                    gap,
                    higher_is_better=True,
                    detail=f"{rule} lambda",
                )
        sd = next(
            row.sd
            for row in result.rows
            if (row.method, row.noise, row.timesteps, row.split, row.lambda_rule)
            == ("d-trak", OWN, K, split, "default")
        )
        measure(
            f"d-trak shared K=10 {split}",
            lds["d-trak", SHARED, 10, split, "default"],
            ours - sd,
            higher_is_better=True,
            detail="bar: its own K = 100 less one sd",
        )
    (regime,) = result.regimes
    measure("out/in", regime.ratio, 2.0, higher_is_better=True, detail=f"{regime.subsets} subsets")
    (loss,) = result.lambda_losses
    measure("lambda by rule", loss.mean, 3.0, higher_is_better=False, detail=loss.where)
    measure("seconds", result.seconds, 300.0, higher_is_better=False, detail="two cores")

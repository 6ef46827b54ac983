"""Attribution where the truth is known, on the embedded collection: the bars of the product."""

from __future__ import annotations

import pytest

from app.checking import Checked, check_retrieval
from app.settings import EMBEDDED, read_settings
from core.attribution.build import SPECS
from core.attribution.methods import METHODS
from tests.benchmarks.conftest import Measure

BARS = {
    "self-retrieval": 0.95,
    "style precision@10": 0.90,
    "artist top-1": 0.50,
    "artist top-3": 0.0,
}


@pytest.mark.parametrize(
    "method", [name for name, row in METHODS.items() if row.served and row.features in SPECS]
)
def bench_truth(method: str, measure: Measure) -> None:
    """The bars are D-TRAK's; the other methods are reported as they are."""
    settings = read_settings(collection=EMBEDDED)
    events = check_retrieval(settings, method=method, limit=60, seed=0)
    found = next(event for event in events if isinstance(event, Checked))
    for row in found.rows:
        bar = BARS[row.check] if method == "d-trak" else 0.0
        measure(
            f"{method}: {row.check}", row.value, bar, higher_is_better=True,
            detail=f"{row.queries} queries",
        )  # fmt: skip

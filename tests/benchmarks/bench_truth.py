"""Attribution where the truth is known, on the embedded collection: the bars of the product."""

from __future__ import annotations

from app.services.retrieval import ALL, RetrievalResults, check_retrieval
from app.settings import EMBEDDED, read_settings
from tests.benchmarks.conftest import Measure

BARS = {
    "self-retrieval": 0.95,
    "style precision@10": 0.90,
    "artist top-1": 0.50,
    "artist top-3": 0.0,
}


def bench_truth(measure: Measure) -> None:
    """The bars are D-TRAK's; the other methods are reported as they are."""
    settings = read_settings(collection=EMBEDDED)
    events = check_retrieval(settings, method=ALL, limit=60, seed=0)
    results = next(event for event in events if isinstance(event, RetrievalResults))
    for one in results.methods:
        for row in one.rows:
            bar = BARS.get(row.check, 0.0) if one.method == "d-trak" else 0.0
            measure(
                f"{one.method}: {row.check}",
                row.value,
                bar,
                higher_is_better=True,
                detail=f"{row.queries} queries",
            )

"""What a stranger's crafted picture costs whoever paints at the same time.

One upload per kind is opened again and again, as one visitor could, while pictures are painted in
turn with and without it; the ratio is of the painting's seconds.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from core.attribution.engine import Engine
from core.collection.images.open import open_image
from core.errors import ImageRefused
from tests.benchmarks.conftest import Measure
from tests.core.collection.images import crafted

KINDS: dict[str, Callable[[], bytes]] = {
    "gif": lambda: crafted.gif_comment(1_250_000),
    "jpeg": lambda: crafted.jpeg_passes(100, 2000),
    "bmp": lambda: crafted.bmp_runs(3400, 3400),
    "webp": lambda: crafted.webp_chunks(1_000_000),
}
ROUNDS = 4


def painted(engine: Engine, seed: int) -> float:
    """Seconds of one picture."""
    began = time.perf_counter()
    for _ in engine.paint(engine.collection.styles[0], seed=seed, steps=20, guidance=2.0):
        pass
    return time.perf_counter() - began


@contextlib.contextmanager
def uploads_of(data: bytes) -> Iterator[None]:
    """The same file, opened one time after the other until the block ends."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            with contextlib.suppress(ImageRefused):
                open_image(data, cancelled=over.is_set)
            time.sleep(0.25)  # an upload takes its time on the way

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("kind", KINDS)
def bench_painting_beside_a_crafted_picture(kind: str, measure: Measure, engine: Engine) -> None:
    data = KINDS[kind]()
    painted(engine, 0)
    alone, beside = [], []
    for number in range(ROUNDS):
        alone.append(painted(engine, number))
        with uploads_of(data):
            beside.append(painted(engine, number))
    ratio = statistics.median(beside) / statistics.median(alone)
    detail = f"{statistics.median(alone):.2f} s alone, {statistics.median(beside):.2f} s beside it"
    measure(f"painting_beside_{kind}", ratio, 1.2, higher_is_better=False, detail=detail)

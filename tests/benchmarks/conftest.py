"""Measures, side by side in one run: printed as `name ratio bar ok|short`, kept as JSON lines."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.settings import EMBEDDED, read_settings
from core.attribution.engine import Engine
from core.collection.store import load_collection
from core.collection.types import Collection

Measure = Callable[..., None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make bench ONLY=credits ARGS="--paintings FOLDER"`."""
    parser.addoption("--paintings", help="a folder of real paintings (JPEG) to measure with")
    parser.addoption("--pictures", default="24", help="how many pictures of each made kind")
    parser.addoption("--entries", default="100000", help="how many entries the large ledger has")
    parser.addoption("--artists", default="10000", help="how many artists it credits")


@pytest.fixture
def measure(capsys: pytest.CaptureFixture[str]) -> Measure:
    """Report one figure against its bar; a figure that falls short is reported, not hidden."""

    def report(name: str, value: float, bar: float, *, higher_is_better: bool, detail: str) -> None:
        fit = value >= bar if higher_is_better else value <= bar
        line = {
            "name": name,
            "ratio": value,
            "bar": bar,
            "higher_is_better": higher_is_better,
            "detail": detail,
        }
        log = read_settings().home / "bench.jsonl"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        with capsys.disabled():
            print(f"\n{name} {value:.3f} {bar:g} {'ok' if fit else 'short'}  ({detail})")

    return report


@pytest.fixture(scope="session")
def embedded() -> Collection:
    """The collection that ships."""
    return load_collection(EMBEDDED)


@pytest.fixture(scope="session")
def engine(embedded: Collection) -> Engine:
    """Its engine."""
    return Engine.open(embedded)


def side_by_side(jobs: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The median seconds of each job, taken in turn so that a busy moment hits all alike."""
    for job in jobs:
        job()
    seconds: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for place, job in enumerate(jobs):
            began = time.perf_counter()
            job()
            seconds[place].append(time.perf_counter() - began)
    return [statistics.median(row) for row in seconds]


def home_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CREDITLINE_HOME that a benchmark may fill."""
    return tmp_path_factory.mktemp("bench-home")

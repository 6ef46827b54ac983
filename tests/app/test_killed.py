"""`evaluate lds`, killed at any moment and started again, ends with the same figures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

COMMAND = (
    sys.executable,
    "-m",
    "app",
    "evaluate",
    "lds",
    "--preset",
    "digits-small",
    "--works",
    "12",
    "--subsets",
    "4",
    "--epochs",
    "24",
    "--experiment",
    "table1",
)


def started(folder: Path, workers: int = 1) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = (*COMMAND, "-o", str(folder), "--workers", str(workers))
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def figures(folder: Path) -> Any:
    finished = json.loads((folder / "table1.json").read_text())
    for row in finished["rows"]:
        row.pop("seconds")
    return {name: finished[name] for name in ("rows", "pairs", "regimes", "curves")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert started(folder).wait(200) == 0
    return figures(folder)


@pytest.mark.parametrize(
    ("workers", "when"), [(1, "full/*.safetensors"), (2, "lds/seed-0/*"), (2, "vectors/*")]
)
def test_killed_with_its_workers_and_started_again(
    undisturbed: Any, tmp_path: Path, workers: int, when: str
) -> None:
    process = started(tmp_path, workers)
    limit = time.monotonic() + 100
    while not list(tmp_path.glob(when)):
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)
    assert not (tmp_path / "table1.json").exists()
    assert started(tmp_path).wait(200) == 0
    assert figures(tmp_path) == undisturbed
    assert not list(tmp_path.rglob("*.lock")) and not list(tmp_path.rglob("*.part"))

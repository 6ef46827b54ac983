"""`train` and `featurize`, killed at random moments, end with the same files.

Each start of a process takes seconds, so the suite kills once; KILLS=20 kills as
often as the issue of trust asks for.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.collection.types import Collection

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("KILLS", "1"))
VERBS = {
    "train": ("--steps", "300", "--rank", "4"),
    "featurize": ("--references", "6", "--dimension", "256"),
}


def started(verb: str, folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        (sys.executable, "-m", "app", verb, ".", *VERBS[verb]),
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def fresh(ready: Collection, place: Path, verb: str) -> Path:
    """The collection before the verb was called."""
    shutil.copytree(ready.path, place)
    for made in ("features", "references") if verb == "featurize" else ("lora", "features"):
        shutil.rmtree(place / made, ignore_errors=True)
    return place


def made(folder: Path) -> dict[str, str]:
    """Every file that the verb leaves, but for what it needs to go on."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "training" not in path.relative_to(folder).parts
    }


@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_random_moments(ready: Collection, tmp_path: Path, verb: str) -> None:
    whole = fresh(ready, tmp_path / "whole" / "own", verb)
    began = time.monotonic()
    assert started(verb, whole).wait(200) == 0
    took = time.monotonic() - began
    rng, died, runs = random.Random(7), 0, 0
    while died < KILLS:  # one that came to its end alive is followed by a new one
        runs += 1
        killed = fresh(ready, tmp_path / f"killed-{runs}" / "own", verb)
        ended = False
        while not ended:
            process = started(verb, killed)
            try:
                patience = rng.uniform(0.3, 1.0) * took if died < KILLS else 200
                assert process.wait(patience) == 0
                ended = True
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)
                died += 1
        assert made(killed) == made(whole)
        left = [path.name for path in killed.rglob("*") if path.suffix in (".part", ".lock")]
        assert not left

"""`import`, killed at random moments and started again, ends with the same bytes.

A kill comes after a number of pictures that a seeded generator chooses, so that it falls into the
work and not into the start of the process, whatever the speed of the machine.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.small import picture

ROOT = Path(__file__).resolve().parents[2]
PICTURES, ALL, KILLS = 80, 100, 2


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures large enough that storing one takes a few milliseconds; two of them the same."""
    root = tmp_path_factory.mktemp("source")
    for folder, seeds in (("first", range(PICTURES)), ("later", range(PICTURES - 1, ALL))):
        for seed in seeds:
            path = (
                root / folder / ("cubism", "ukiyo-e")[seed % 2] / f"artist-{seed % 5}_no-{seed}.png"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(seed, 300).save(path, compress_level=1)
    return root


def started(source: Path, target: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (
            sys.executable,
            "-m",
            "app",
            "import",
            source,
            "--to",
            target,
            "--size",
            "96",
            "--name",
            "The collection",
        ),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def files(folder: Path) -> dict[str, bytes]:
    """Everything in it, hidden files too: no half of a file and no lock may stay."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def stored(target: Path) -> int:
    return len(list(target.glob("images/*.jpg")))


def killed(process: subprocess.Popen[bytes], when: Callable[[], bool]) -> bool:
    """Kill as soon as `when` holds; whether it was still alive."""
    limit = time.monotonic() + 60
    while not when() and process.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.001)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
    return alive


def finished(source: Path, target: Path) -> dict[str, bytes]:
    assert started(source, target).wait(60) == 0
    return files(target)


def test_killed_again_and_again_it_ends_as_if_it_had_never_been(
    source: Path, tmp_path: Path
) -> None:
    whole = finished(source / "first", tmp_path / "whole")
    assert len([name for name in whole if name.startswith("images/")]) == PICTURES
    rng = random.Random(11)
    moments = sorted(rng.sample(range(1, PICTURES - 5), KILLS))
    target = tmp_path / "killed"
    for moment in moments:
        process = started(source / "first", target)
        assert killed(process, lambda moment=moment: stored(target) >= moment)
        assert not (target / "collection.toml").exists()  # never half a collection
    # between the tables, if the machine is slow enough to be met there
    killed(started(source / "first", target), (target / "imported.csv").exists)
    assert finished(source / "first", target) == whole
    assert finished(source / "first", target) == whole  # and again: nothing changes


def test_killed_while_works_are_added_the_collection_stays_what_it_was(
    source: Path, tmp_path: Path
) -> None:
    whole, target = tmp_path / "whole", tmp_path / "killed"
    for place in (whole, target):
        before = finished(source / "first", place)
    grown = finished(source / "later", whole)
    moment = PICTURES + random.Random(5).randrange(1, ALL - PICTURES - 5)
    assert killed(started(source / "later", target), lambda: stored(target) >= moment)
    tables = [name for name in before if "/" not in name]
    assert {name: files(target)[name] for name in tables} == {n: before[n] for n in tables}
    assert finished(source / "later", target) == grown

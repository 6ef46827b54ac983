"""Work shared by several processes: all of it done, none of it twice, none lost with a process."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from core.work_queue import made, unmade

JOBS = 40


def jobs_in(folder: Path) -> dict[Path, int]:
    return {folder / f"job-{number}.txt": number for number in range(JOBS)}


def work(folder: Path, name: str) -> None:
    for number in unmade(jobs_in(folder)):
        with (folder / "diary").open("a") as diary:
            diary.write(f"{number} {name}\n")
        time.sleep(0.002)
        (folder / f"job-{number}.txt").write_text(name)


def die_at_the_third(folder: Path) -> None:
    for count, number in enumerate(unmade(jobs_in(folder))):
        if count == 2:
            os._exit(9)
        (folder / f"job-{number}.txt").write_text("first")


def test_all_is_done_and_nothing_twice(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    others = [spawning.Process(target=work, args=(tmp_path, str(n))) for n in range(2)]
    for process in others:
        process.start()
    work(tmp_path, "here")
    for process in others:
        process.join(60)
    assert made(jobs_in(tmp_path)) == JOBS
    done = [int(line.split()[0]) for line in (tmp_path / "diary").read_text().splitlines()]
    assert sorted(done) == list(range(JOBS))


def test_a_killed_process_loses_nothing_but_its_own_job(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    process = spawning.Process(target=die_at_the_third, args=(tmp_path,))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert made(jobs_in(tmp_path)) == 2
    work(tmp_path, "second")
    assert made(jobs_in(tmp_path)) == JOBS
    assert not list(tmp_path.glob(".*.lock"))


def test_finished_jobs_are_skipped(tmp_path: Path) -> None:
    for file in jobs_in(tmp_path):
        file.write_text("")
    assert list(unmade(jobs_in(tmp_path))) == []


def test_a_claim_is_waited_for_until_its_file_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a"
    jobs = unmade({file: 1, tmp_path / "b": 2})
    with FileLock(tmp_path / ".a.lock"):
        assert next(jobs) == 2
        (tmp_path / "b").write_text("")
        file.write_text("")  # made by whoever holds the claim
        assert list(jobs) == []


def test_a_job_that_leaves_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"without its file a\.txt"):
        list(unmade({tmp_path / "a.txt": 1}))


def test_the_impatient_leave_to_others_what_they_make(tmp_path: Path) -> None:
    jobs = {tmp_path / "a": 1, tmp_path / "b": 2}
    with FileLock(tmp_path / ".a.lock"):
        mine = unmade(jobs, patient=False)
        assert next(mine) == 2
        (tmp_path / "b").write_text("")
        assert list(mine) == []

"""What was promised is kept: in turn, across restarts, within limits, or it is said why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.services.job_files import JobFiles, KeptJob
from app.services.job_times import JobTimes
from app.services.jobs import (
    CANCELLED,
    FAILED,
    FINISHED,
    INTERRUPTED,
    RUNNING,
    UNRECORDED,
    JobLimits,
    JobProgress,
    Jobs,
    digest_of,
)
from app.services.runs import GenerateRequest, UploadRequest
from app.services.session import Studio, open_studio
from app.settings import read_settings
from core.collection.types import Collection
from core.errors import BusyError, LedgerError, StoreError, UsageError
from core.ledger.ledger import Ledger
from tests.faults import raising
from tests.small import picture

Make = Callable[..., Jobs]


@pytest.fixture(scope="module")
def shared(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Opened once; every test has a home of its own."""
    home = tmp_path_factory.mktemp("shared")
    return open_studio(read_settings(home=home, collection=ready.path, device="cpu"))


@pytest.fixture
def studio(shared: Studio, tmp_path: Path) -> Studio:
    settings = shared.settings.model_copy(update={"home": tmp_path / "home"})
    return replace(shared, settings=settings)


@pytest.fixture
def make(studio: Studio) -> Iterator[Make]:
    made: list[Jobs] = []

    def new(**given: Any) -> Jobs:
        made.append(Jobs(studio, **{"at_once": 1} | given))
        return made[-1]

    yield new
    for jobs in made:
        jobs.stop()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is recorded before this is set."""
    release, real = threading.Event(), Ledger.record

    def waiting(self: Ledger, *arguments: Any, **named: Any) -> Any:
        release.wait(60)
        return real(self, *arguments, **named)

    monkeypatch.setattr(Ledger, "record", waiting)
    yield release
    release.set()


def recipe(seed: int, **more: Any) -> GenerateRequest:
    return GenerateRequest("cubism", seed, **more)


def ended(jobs: Jobs, job: JobProgress) -> JobProgress:
    return until(jobs, job, lambda one: one.ended)


def until(jobs: Jobs, job: JobProgress, holds: Callable[[JobProgress], bool]) -> JobProgress:
    for _ in range(6000):
        progress = jobs.progress(job.id)
        assert progress is not None
        if holds(progress):
            return progress
        time.sleep(0.01)
    raise AssertionError("the job did not get there")


def test_a_job_has_the_id_of_its_run(make: Make, studio: Studio) -> None:
    jobs = make()
    job = jobs.submit(recipe(3), owner="anna")
    done = ended(jobs, job)
    assert done.state == FINISHED and done.view is not None
    assert studio.ledger.run(job.id) == done.view
    assert not list(studio.settings.jobs.rglob("*.json"))


def test_turns_go_round_whoever_brings_how_much(make: Make, held: threading.Event) -> None:
    jobs = make(limits=JobLimits(per_owner=6))
    first = jobs.submit(recipe(100), owner="greedy")
    until(jobs, first, lambda one: one.state == RUNNING)
    many = [jobs.submit(recipe(seed), owner="greedy") for seed in range(4)]
    others = [jobs.submit(recipe(10 + n), owner=f"visitor {n}") for n in range(3)]
    places = {job.id: jobs.progress(job.id) for job in [*many, *others]}
    order = sorted(places, key=lambda one: places[one].position)  # type: ignore[union-attr]
    expected = [many[0], *others, *many[1:]]
    assert order == [job.id for job in expected]
    held.set()
    numbers = [ended(jobs, job).view.number for job in expected]  # type: ignore[union-attr]
    assert numbers == sorted(numbers)


def test_who_waits_knows_place_and_time_and_both_shrink(make: Make, held: threading.Event) -> None:
    jobs = make()
    held.set()
    ended(jobs, jobs.submit(recipe(1, steps=8), owner="anna"))
    held.clear()
    running = jobs.submit(recipe(2, steps=8), owner="anna")
    until(jobs, running, lambda one: one.state == RUNNING)
    queue = [jobs.submit(recipe(3 + n, steps=8), owner=f"{n}") for n in range(3)]
    seen = [jobs.progress(job.id) for job in queue]
    assert [one.position for one in seen if one] == [1, 2, 3]
    times = [one.seconds_left for one in seen if one and one.seconds_left is not None]
    assert len(times) == 3 and times == sorted(times) and times[0] > 0
    held.set()
    assert {ended(jobs, job).state for job in queue} == {FINISHED}


def test_one_too_many_is_refused_in_words(make: Make, held: threading.Event) -> None:
    jobs = make(limits=JobLimits(per_owner=2, per_address=3, altogether=4))
    for seed in range(2):
        jobs.submit(recipe(seed), owner="anna", address="192.0.2.1")
    with pytest.raises(BusyError, match="several pictures under way"):
        jobs.submit(recipe(3), owner="anna", address="192.0.2.2")
    jobs.submit(recipe(4), owner="bo", address="192.0.2.1")
    with pytest.raises(BusyError, match="from your network"):
        jobs.submit(recipe(5), owner="cy", address="192.0.2.1")
    jobs.submit(recipe(6), owner="cy", address="192.0.2.2")
    with pytest.raises(BusyError, match="waiting here just now"):
        jobs.submit(recipe(7), owner="di", address="192.0.2.3")
    held.set()


@pytest.mark.parametrize(
    "request_",
    [GenerateRequest("none", 3), recipe(-1), recipe(3, steps=1000), recipe(3, method="x")],
)
def test_what_cannot_be_painted_is_refused_before_it_is_promised(
    make: Make, studio: Studio, request_: GenerateRequest
) -> None:
    with pytest.raises(UsageError):
        make().submit(request_, owner="anna")
    assert not list(studio.settings.jobs.rglob("*.json"))


def test_a_disk_that_does_not_take_it_promises_nothing(
    make: Make, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.job_files.write_text", raising(OSError(28, "No space left")))
    jobs = make()
    with pytest.raises(StoreError, match="cannot be kept.*No space left"):
        jobs.submit(recipe(3), owner="anna")


def test_a_job_that_fails_says_why_and_the_next_goes_on(make: Make, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no picture")
    jobs = make()
    bad = jobs.submit(UploadRequest(tmp_path / "no.png", "no.png"), owner="anna")
    good = jobs.submit(recipe(3), owner="anna")
    assert ended(jobs, bad).state == FAILED
    assert "not a recognised image" in ended(jobs, bad).words
    assert ended(jobs, good).state == FINISHED


def test_what_the_ledger_does_not_take_is_recorded_later(
    make: Make, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = make()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "record", raising(LedgerError("The disk is full.")))
        job = jobs.submit(recipe(3), owner="anna")
        left = ended(jobs, job)
        assert left.state == UNRECORDED and left.words == "The disk is full."
        with pytest.raises(LedgerError):
            jobs.record_again(job.id)
    view = jobs.record_again(job.id)
    assert view is not None and view.record.id == job.id
    assert jobs.record_again(job.id) is None
    assert ended(jobs, job).state == FINISHED


def test_a_waiting_job_that_is_cancelled_never_begins(make: Make, held: threading.Event) -> None:
    jobs = make()
    jobs.submit(recipe(1), owner="anna")
    job = jobs.submit(recipe(2), owner="anna")
    assert jobs.cancel(job.id).state == CANCELLED  # type: ignore[union-attr]
    held.set()
    assert ended(jobs, job).view is None
    assert jobs.cancel("nowhere") is None


# --- restarts ----------------------------------------------------------------------------------


def test_what_was_promised_before_a_restart_goes_on_under_the_same_id(
    make: Make, studio: Studio, tmp_path: Path
) -> None:
    picture(9, 50).save(tmp_path / "mine.png")
    jobs = make()
    promised = [jobs.submit(recipe(seed, steps=90), owner="anna") for seed in range(2)]
    promised.append(jobs.submit(UploadRequest(tmp_path / "mine.png", "mine.png"), owner="bo"))
    until(jobs, promised[0], lambda one: one.steps is not None)
    jobs.stop()
    assert [jobs.progress(job.id).state for job in promised] == [INTERRUPTED] * 3  # type: ignore[union-attr]
    assert "goes on when it is started again" in jobs.progress(promised[0].id).words  # type: ignore[union-attr]
    (tmp_path / "mine.png").unlink()  # the studio has kept a copy of its own
    again = make()
    assert again.resume() == 3
    assert again.is_of(promised[0].id, "anna") and not again.is_of(promised[2].id, "anna")
    for job in promised:
        done = ended(again, job)
        assert done.state == FINISHED and done.view is not None and done.view.record.id == job.id
    assert not list(studio.settings.jobs.rglob("*.json"))


def test_the_jobs_of_a_server_that_lives_are_left_to_it(make: Make, held: threading.Event) -> None:
    jobs = make()
    job = jobs.submit(recipe(3), owner="anna")
    other = make()
    assert other.resume() == 0 and other.progress(job.id) is None
    held.set()
    assert ended(jobs, job).state == FINISHED


def test_what_was_recorded_before_the_end_is_not_painted_twice(
    make: Make, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was killed after the ledger was written, before its file was removed."""
    jobs = make()
    monkeypatch.setattr(JobFiles, "remove", lambda self, job: None)
    job = jobs.submit(recipe(3), owner="anna")
    number = ended(jobs, job).view.number  # type: ignore[union-attr]
    monkeypatch.undo()
    jobs.stop()
    again = make()
    assert again.resume() == 0
    assert again.progress(job.id).view.number == number  # type: ignore[union-attr]


def left_behind(studio: Studio, kept: KeptJob) -> None:
    files = JobFiles(studio.settings.jobs)
    files.write(kept)
    files.close()


@pytest.mark.parametrize(
    ("begun", "words"), [(0, None), (1, None), (2, "stopped twice while this was under way")]
)
def test_what_may_have_ended_the_studio_twice_is_not_tried_again(
    make: Make, studio: Studio, begun: int, words: str | None
) -> None:
    kept = KeptJob(
        id="a" * 12, request=recipe(3, run_id="a" * 12), owner="", created_at="now", begun=begun
    )
    left_behind(studio, kept)
    jobs = make()
    assert jobs.resume() == (1 if words is None else 0)
    progress = jobs.progress(kept.id)
    assert progress is not None
    if words is not None:
        assert progress.state == INTERRUPTED and words in progress.words
        jobs.stop()
        assert words in make_again(make, kept.id).words  # and says so after the next restart too


def make_again(make: Make, job: str) -> JobProgress:
    jobs = make()
    jobs.resume()
    progress = jobs.progress(job)
    assert progress is not None
    return progress


def test_a_picture_that_is_gone_after_a_restart_is_said_to_be_gone(
    make: Make, studio: Studio, tmp_path: Path
) -> None:
    request = UploadRequest(tmp_path / "gone.png", "gone.png", run_id="b" * 12)
    left_behind(studio, KeptJob(id="b" * 12, request=request, owner="", created_at="now"))
    jobs = make()
    assert jobs.resume() == 0
    assert "bring it again" in jobs.progress("b" * 12).words  # type: ignore[union-attr]


def test_a_file_that_is_no_job_does_not_keep_the_studio_from_opening(
    make: Make, studio: Studio
) -> None:
    folder = studio.settings.jobs / "dead"
    folder.mkdir(parents=True)
    (folder / "x.json").write_text('{"id": 3}')
    (folder / "y.upload").write_bytes(b"y")
    assert make().resume() == 0
    assert not folder.exists()


# --- times -------------------------------------------------------------------------------------


def test_times_are_learnt_and_scaled_by_steps() -> None:
    clock = [0.0]
    times = JobTimes(lambda: clock[0])
    work, longer = ("generation", 10), ("generation", 30)
    assert times.of(work) is None and times.left("a", work) is None
    times.begin("a")
    clock[0] = 1.0
    times.step("a", 9.0)
    assert times.of(work) == 10.0  # as the one under way looks
    assert times.left("a", work) == 9.0
    clock[0] = 8.0
    times.end("a", work, finished=True)
    assert times.of(work) == 8.0 and times.of(longer) == 24.0
    times.begin("b")
    clock[0] = 11.0
    assert times.left("b", work) == 5.0
    clock[0] = 30.0
    assert times.left("b", work) == 0.0
    times.end("b", work, finished=False)
    assert times.of(work) == 8.0  # what was cancelled teaches nothing
    assert times.of(("upload", None)) is None


def test_an_owner_is_kept_as_a_digest() -> None:
    assert digest_of("visitor abc") != digest_of("visitor abd")
    assert "abc" not in digest_of("visitor abc")

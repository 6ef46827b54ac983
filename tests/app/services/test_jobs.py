"""What was promised is kept: in turn, across restarts, within limits, or it is said why not."""

from __future__ import annotations

import shutil
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
    CANCELLED_WORDS,
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
from core.attribution.engine import Engine
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

    def new(of: Studio = studio, **given: Any) -> Jobs:
        made.append(Jobs(of, **{"at_once": 1} | given))
        return made[-1]

    yield new
    for jobs in made:
        jobs.stop()


@pytest.fixture
def recording() -> threading.Event:
    """Set when something `held` is being recorded, which no stop cuts short."""
    return threading.Event()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, recording: threading.Event) -> Iterator[threading.Event]:
    """Nothing is recorded before this is set."""
    release, real = threading.Event(), Ledger.record

    def waiting(self: Ledger, *arguments: Any, **named: Any) -> Any:
        recording.set()
        release.wait(60)
        return real(self, *arguments, **named)

    monkeypatch.setattr(Ledger, "record", waiting)
    yield release
    release.set()


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is traced before this is set: what is held can still be cancelled."""
    release, real = threading.Event(), Engine.attribute

    def waiting(self: Engine, *arguments: Any, **named: Any) -> Any:
        release.wait(60)
        return real(self, *arguments, **named)

    monkeypatch.setattr(Engine, "attribute", waiting)
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


def is_traced(job: JobProgress) -> bool:
    return job.works is not None


def as_killed(studio: Studio, home: Path) -> Studio:
    """The studio as whoever starts it finds it, were it killed at this moment."""
    settings = studio.settings.model_copy(update={"home": home})
    shutil.copytree(studio.settings.jobs, settings.jobs)
    return replace(studio, settings=settings)


def until_no_worker_is_left() -> None:
    for thread in threading.enumerate():
        if thread.name == "job":
            thread.join(60)
            assert not thread.is_alive()


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


@pytest.mark.parametrize("how", ["ended in time", "outlasted", "killed"])
def test_a_running_job_that_is_cancelled_is_not_painted_after_a_restart(
    make: Make, studio: Studio, tracing: threading.Event, tmp_path: Path, how: str
) -> None:
    """It was told that nothing was recorded, before its thread noticed."""
    jobs = make()
    job = jobs.submit(recipe(31), owner="anna")
    until(jobs, job, is_traced)
    assert jobs.cancel(job.id).state == CANCELLED  # type: ignore[union-attr]
    assert jobs.progress(job.id).state == CANCELLED  # type: ignore[union-attr]
    found = studio
    if how == "killed":
        found = as_killed(studio, tmp_path / "killed")
    elif how == "outlasted":
        jobs.stop(0.01)
    else:
        threading.Timer(0.2, tracing.set).start()
        jobs.stop(60)
    assert jobs.progress(job.id).state == CANCELLED  # type: ignore[union-attr]
    again = make(found)
    assert again.resume() == 0
    progress = again.progress(job.id)
    assert progress is not None
    assert (progress.state, progress.words) == (CANCELLED, CANCELLED_WORDS)
    tracing.set()
    jobs.close()
    until_no_worker_is_left()
    assert jobs.progress(job.id).state == CANCELLED  # type: ignore[union-attr]
    assert studio.ledger.run(job.id) is None


def test_of_a_cancelled_upload_no_picture_is_kept_after_a_kill(
    make: Make, studio: Studio, tracing: threading.Event, tmp_path: Path
) -> None:
    picture(9, 50).save(tmp_path / "mine.png")
    jobs = make()
    job = jobs.submit(UploadRequest(tmp_path / "mine.png", "mine.png", book=True), owner="anna")
    until(jobs, job, is_traced)
    jobs.cancel(job.id)
    found = as_killed(studio, tmp_path / "killed")
    again = make(found)
    assert again.resume() == 0
    assert again.progress(job.id).state == CANCELLED  # type: ignore[union-attr]
    assert not list(found.settings.jobs.rglob("*.upload"))


def test_a_cancel_after_the_booking_shows_the_run_even_after_a_kill(
    make: Make, studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    booked, release, real = threading.Event(), threading.Event(), Ledger.record

    def slow(self: Ledger, *arguments: Any, **named: Any) -> Any:
        view = real(self, *arguments, **named)
        booked.set()
        release.wait(60)
        return view

    monkeypatch.setattr(Ledger, "record", slow)
    jobs = make()
    job = jobs.submit(recipe(32), owner="anna")
    assert booked.wait(60)
    answers: list[JobProgress | None] = []
    late = threading.Thread(target=lambda: answers.append(jobs.cancel(job.id)))
    late.start()
    late.join(0.2)
    assert late.is_alive()  # it waits for what is being recorded
    again = make(as_killed(studio, tmp_path / "killed"))
    release.set()
    late.join(60)
    assert again.resume() == 0
    for progress in (answers[0], again.progress(job.id)):
        assert progress is not None and progress.view is not None
        assert progress.state == FINISHED and progress.view.record.id == job.id


def test_what_is_cancelled_where_the_disk_takes_no_words_is_not_painted_either(
    make: Make,
    studio: Studio,
    held: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    jobs = make()
    first = jobs.submit(recipe(33), owner="anna")
    job = jobs.submit(recipe(34), owner="anna")
    until(jobs, first, is_traced)
    with monkeypatch.context() as patched:
        patched.setattr("app.services.job_files.write_text", raising(OSError(28, "No space left")))
        assert jobs.cancel(job.id).state == CANCELLED  # type: ignore[union-attr]
    again = make(as_killed(studio, tmp_path / "killed"))
    assert again.resume() == 1
    assert again.progress(first.id) is not None and again.progress(job.id) is None
    held.set()


def test_a_cancel_after_the_studio_was_left_to_the_next_server_promises_nothing(
    make: Make, tracing: threading.Event
) -> None:
    jobs = make()
    job = jobs.submit(recipe(35), owner="anna")
    until(jobs, job, is_traced)
    jobs.stop(0.01)
    late = jobs.cancel(job.id)
    assert late is not None and late.state == INTERRUPTED and "goes on" in late.words
    assert make().resume() == 1
    tracing.set()


# --- kept until it can be recorded -------------------------------------------------------------


def test_what_could_not_be_recorded_is_kept_however_many_come_after_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.jobs.ENDED_KEPT", 2)
    jobs = make()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "record", raising(LedgerError("The disk is full.")))
        job = jobs.submit(recipe(36), owner="anna")
        assert ended(jobs, job).state == UNRECORDED
    later = [jobs.submit(recipe(seed, steps=2), owner="bo") for seed in range(3)]
    ended(jobs, later[-1])
    assert jobs.progress(later[0].id) is None  # the bound holds for what is over
    view = jobs.record_again(job.id)
    assert view is not None and view.record.id == job.id


def test_what_goes_on_after_a_stop_is_kept_whatever_ends_meanwhile(
    make: Make,
    held: threading.Event,
    recording: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.services.jobs.ENDED_KEPT", 1)
    jobs = make(at_once=2)
    first = jobs.submit(recipe(37, steps=100), owner="anna")
    until(jobs, first, lambda one: one.state == RUNNING)
    other = jobs.submit(recipe(38, steps=1), owner="bo")
    assert recording.wait(60)
    threading.Timer(1.0, held.set).start()
    jobs.stop(60)
    assert jobs.progress(other.id).state == FINISHED  # type: ignore[union-attr]
    again = make()
    assert again.resume() == 1
    assert ended(again, first).state == FINISHED


@pytest.mark.parametrize("brought", [False, True])
def test_a_full_disk_at_every_restart_is_no_stop_while_it_was_under_way(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, brought: bool
) -> None:
    picture(9, 51).save(tmp_path / "mine.png")
    upload = UploadRequest(tmp_path / "mine.png", "mine.png", book=True)
    jobs = make()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "record", raising(LedgerError("The disk is full.")))
        job = jobs.submit(upload if brought else recipe(39, steps=2), owner="anna")
        for _ in range(3):
            assert ended(jobs, job).state == UNRECORDED
            jobs.stop()
            jobs = make()
            assert jobs.resume() == 1
        assert ended(jobs, job).state == UNRECORDED
    view = jobs.record_again(job.id)
    assert view is not None and view.record.id == job.id
    jobs.stop()
    assert make().resume() == 0


def test_what_is_still_unrecorded_is_recorded_by_the_next_start(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = make()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "record", raising(LedgerError("The disk is full.")))
        job = jobs.submit(recipe(40, steps=2), owner="anna")
        for _ in range(2):
            assert ended(jobs, job).state == UNRECORDED
            jobs.stop()
            jobs = make()
            jobs.resume()
        assert ended(jobs, job).state == UNRECORDED
        jobs.stop()
    again = make()
    assert again.resume() == 1
    done = ended(again, job)
    assert done.state == FINISHED and done.view is not None and done.view.record.id == job.id


def test_a_picture_for_which_there_was_no_room_to_begin_is_tried_again(
    make: Make, held: threading.Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture(9, 52).save(tmp_path / "mine.png")
    jobs = make()
    first = jobs.submit(recipe(41), owner="anna")
    until(jobs, first, is_traced)
    job = jobs.submit(UploadRequest(tmp_path / "mine.png", "mine.png"), owner="anna")
    with monkeypatch.context() as patched:
        patched.setattr("app.services.job_files.write_text", raising(OSError(28, "No space left")))
        held.set()
        assert ended(jobs, job).state == FAILED
    jobs.stop()
    again = make()
    assert again.resume() == 1
    assert ended(again, job).state == FINISHED


def test_a_retry_of_what_the_server_before_has_booked_meanwhile_shows_that(
    make: Make, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stopped while it recorded, and the next one had begun to paint the same."""
    jobs = make()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "record", raising(LedgerError("Another run is recorded.")))
        job = jobs.submit(recipe(42), owner="anna")
        left = ended(jobs, job).unrecorded
    assert left is not None
    theirs = replace(left.record, seconds={"paint": 1.0})
    known = left.collection
    studio.ledger.record(theirs, left.shares, left.key, known.artist_names, unpaid=known.unpaid)
    entries = studio.ledger.size()
    view = jobs.record_again(job.id)
    assert view is not None and view.record.seconds == theirs.seconds
    assert jobs.progress(job.id).state == FINISHED  # type: ignore[union-attr]
    assert studio.ledger.size() == entries


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


@pytest.mark.parametrize("booking", [False, True])
def test_what_ends_after_the_patience_of_a_stop_is_one_job_with_one_entry(
    make: Make,
    studio: Studio,
    tracing: threading.Event,
    held: threading.Event,
    recording: threading.Event,
    booking: bool,
) -> None:
    """Of what is being recorded the run is there after the stop; the rest is painted again."""
    entries = studio.ledger.size()
    jobs = make()
    job = jobs.submit(recipe(43 + booking, steps=2), owner="anna")
    until(jobs, job, is_traced)
    second = jobs.submit(recipe(45 + booking, steps=2), owner="bo")
    if booking:
        tracing.set()
        assert recording.wait(60)
    jobs.stop(0.01)
    tracing.set()
    held.set()
    until_no_worker_is_left()
    assert len([path for path in studio.settings.jobs.iterdir() if path.is_dir()]) == 1
    again = make(at_once=2)
    assert again.resume() == (1 if booking else 2)
    for one in (job, second):
        assert ended(again, one).state == FINISHED
    third = again.submit(recipe(47 + booking, steps=2), owner="anna")
    assert ended(again, third).state == FINISHED
    assert studio.ledger.size() == entries + 3
    assert not list(studio.settings.jobs.rglob("*.json"))


def test_a_job_that_an_earlier_version_left_twice_is_done_once(make: Make, studio: Studio) -> None:
    kept = KeptJob(
        id="c" * 12, request=recipe(49, run_id="c" * 12), owner="", created_at="now", begun=1
    )
    for _ in range(2):
        left_behind(studio, kept)
    jobs = make(at_once=2)
    assert jobs.resume() == 1
    later = jobs.submit(recipe(50), owner="anna")
    for key in (kept.id, later.id):
        assert ended(jobs, replace(later, id=key)).state == FINISHED


def test_no_job_ends_the_thread_that_does_the_others(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = make()
    with monkeypatch.context() as patched:
        patched.setattr(JobTimes, "end", raising(KeyError("unforeseen")))
        first = ended(jobs, jobs.submit(recipe(51), owner="anna"))
        assert first.state == FINISHED and first.view is not None
    assert ended(jobs, jobs.submit(recipe(52), owner="anna")).state == FINISHED


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


def test_what_is_left_to_the_next_server_is_not_touched_any_more(
    studio: Studio, tmp_path: Path
) -> None:
    picture(9, 53).save(tmp_path / "mine.png")
    kept = KeptJob(id="d" * 12, request=recipe(53), owner="", created_at="now")
    files = JobFiles(studio.settings.jobs)
    files.write(kept)
    files.close()
    left = {path: path.read_bytes() for path in studio.settings.jobs.rglob("*.json")}
    files.write(replace(kept, begun=1))
    files.write(replace(kept, id="e" * 12))
    files.remove(kept.id)
    with pytest.raises(StoreError, match="the studio is being stopped"):
        files.keep_upload("f" * 12, tmp_path / "mine.png")
    assert {path: path.read_bytes() for path in studio.settings.jobs.rglob("*.json")} == left
    assert not list(studio.settings.jobs.rglob("*.upload"))


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

"""Works leave while several threads ask: every answer is of one collection."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from threading import Event, Semaphore, Thread, current_thread

import numpy as np
import pytest

from core.attribution import snapshot as snapshots
from core.attribution.calibration.calibrate import load_attributable
from core.attribution.engine import Engine
from core.attribution.features.build import build_features
from core.attribution.features.spec import DEFAULT, SPECS
from core.attribution.features.store import features_directory
from core.attribution.removal import forget_works
from core.attribution.result import Attribution
from core.collection.removal import remove_works
from core.collection.store import load_collection, load_held_out, save_collection
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.sampling import Painted
from core.errors import StoreError
from tests.small import PLAN, picture

LEAVING = 8


@pytest.fixture
def own(ready: Collection, tmp_path: Path) -> Collection:
    shutil.copytree(ready.path, tmp_path / "own")
    return load_collection(tmp_path / "own")


def leave_one(collection: Collection) -> Collection:
    gone = remove_works(collection, [collection.works[0].id], "asked")
    forget_works(collection, [(one.sha256, one.style) for one in gone])
    return load_collection(collection.path)


def serial(ready: Collection, place: Path) -> dict[tuple[str, ...], Attribution]:
    """The answer of a fresh engine to each version of the collection, by its works."""
    shutil.copytree(ready.path, place)
    collection, answers = load_collection(place), {}
    for turn in range(LEAVING + 1):
        if turn:
            collection = leave_one(collection)
        answer = Engine.open(collection, device="cpu").attribute(picture(5), style="cubism")
        answers[tuple(work.id for work in answer.works)] = answer
    return answers


def test_every_answer_is_of_one_collection(
    ready: Collection, own: Collection, tmp_path: Path
) -> None:
    expected = serial(ready, tmp_path / "serial")
    engine, ended, answered = Engine.open(own, device="cpu"), Event(), Semaphore(0)

    def ask(method: str) -> list[Attribution]:
        answers = []
        while not ended.is_set():
            answers.append(engine.attribute(picture(5), style="cubism", method_name=method))
            answered.release()
        return answers

    def look() -> set[tuple[object, ...]]:
        seen = set()
        while not ended.is_set():
            facts = (engine.spec, engine.lambda_, engine.added, engine.methods_available)
            seen.add(facts)
            assert len(engine.collection.works) >= 12 - LEAVING
        return seen

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(ask, name) for name in ("d-trak", "trak")]
        looked = [pool.submit(look) for _ in range(2)]
        try:
            collection = own
            for _ in range(LEAVING):
                collection = leave_one(collection)
                answered.acquire(timeout=5)  # a slow machine answers between two leavings too
        finally:
            ended.set()
        answers, others = (job.result() for job in futures)
        facts = set().union(*(job.result() for job in looked))
    assert len(facts) == 1
    versions = {len(answer.works) for answer in answers}
    assert len(versions) > 1
    for answer in (*answers, *others):
        then = expected[tuple(work.id for work in answer.works)]
        assert answer.collection.works == answer.works
        assert answer.works == then.works
        assert len(answer.scores) == len(answer.z) == len(answer.works)
        assert answer.query_leverage == pytest.approx(then.query_leverage, rel=1e-3)
        assert answer.trust.verdict == then.trust.verdict
    for answer in answers:
        then = expected[tuple(work.id for work in answer.works)]
        allowed = 1e-4 * np.abs(then.scores).max()
        np.testing.assert_allclose(answer.scores, then.scores, atol=allowed)
        np.testing.assert_allclose(answer.self_influence, then.self_influence, rtol=1e-6)


def test_an_index_opened_for_works_that_left_is_not_taken_for_the_later_ones(
    own: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread is slow to open; meanwhile works leave, and others ask."""
    engine = Engine.open(own, device="cpu")
    slow, go, usual = Event(), Event(), snapshots.make_index

    def make(*arguments: object) -> object:
        index = usual(*arguments)  # type: ignore[arg-type]
        if current_thread().name == "slow":
            slow.set()
            go.wait(30)
        else:
            slow.wait(0.5)
        return index

    monkeypatch.setattr(snapshots, "make_index", make)

    def ask() -> Attribution:
        return engine.attribute(picture(5), style="cubism")

    def look() -> None:
        while not (slow.is_set() or go.is_set()):
            assert engine.lambda_ > 0

    collection = leave_one(own)
    looking = Thread(target=look, name="slow")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask)
        looking.start()
        wait([first], 3)
        collection = leave_one(collection)
        second = pool.submit(ask)
        wait([second], 3)
        go.set()
        looking.join()
        assert len(first.result().scores) == len(first.result().works)
        assert len(second.result().scores) == len(second.result().works) == 10
    answer = ask()
    expected = Engine.open(collection, device="cpu").attribute(picture(5), style="cubism")
    assert answer.works == expected.works and len(expected.works) == 10
    np.testing.assert_array_equal(answer.scores, expected.scores)


def test_painting_goes_on_while_works_leave(own: Collection) -> None:
    engine = Engine.open(own, device="cpu")
    alone = [*engine.paint("cubism", seed=3, steps=6, guidance=1.5)]
    leaving = Thread(target=lambda: leave_one(leave_one(own)))
    leaving.start()
    together = [*engine.paint("cubism", seed=3, steps=6, guidance=1.5)]
    leaving.join()
    assert isinstance(alone[-1], Painted) and isinstance(together[-1], Painted)
    assert together[-1].image.tobytes() == alone[-1].image.tobytes()


def test_files_that_change_while_they_are_opened_are_opened_again(
    own: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head is swapped in the middle of an opening, as a removal by another process does."""
    expected = Engine.open(own, device="cpu").attribute(picture(5), style="cubism")
    kept = features_directory(own, DEFAULT) / "index" / "d-trak" / "rows-00000.safetensors"
    content, looks, usual = kept.read_bytes(), [], snapshots.make_index

    def meanwhile(*arguments: object) -> object:
        looks.append(kept.stat().st_ino)
        if len(looks) == 1:
            kept.unlink()
            kept.write_bytes(content[:-9])
            try:
                return usual(*arguments)  # type: ignore[arg-type]
            finally:
                kept.unlink()
                kept.write_bytes(content)
        return usual(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshots, "make_index", meanwhile)
    answer = Engine.open(own, device="cpu").attribute(picture(5), style="cubism")
    assert len(looks) == 2
    np.testing.assert_array_equal(answer.scores, expected.scores)


def test_what_stays_damaged_is_said_at_once(
    own: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def damaged(*arguments: object) -> object:
        looks.append(arguments)
        raise StoreError("damaged")

    monkeypatch.setattr(snapshots, "make_index", damaged)
    with pytest.raises(StoreError, match="damaged"):
        Engine.open(own, device="cpu")
    assert len(looks) == 1


def test_an_open_engine_owes_by_the_line_of_the_works_that_joined(own: Collection) -> None:
    engine = Engine.open(own, device="cpu")
    before = engine._newest().attributable
    directory = features_directory(own, DEFAULT)
    works = (*own.works, *load_held_out(own)[:2])
    save_collection(replace(own, works=works))
    with pytest.raises(StoreError, match="unfinished"):
        engine.attribute(picture(5), style="cubism")
    own = load_collection(own.path)
    model = PipelineModel.load(own.path / "model", own.path / "lora")
    for _ in build_features(model, own, DEFAULT, SPECS[DEFAULT], plan=PLAN):
        pass
    answer = engine.attribute(picture(5), style="cubism")
    expected = load_attributable(directory)
    line = engine._newest().attributable
    assert len(answer.works) == len(works)
    assert before is not None and line is not None and expected is not None
    assert line.plain() == expected.plain() != before.plain()

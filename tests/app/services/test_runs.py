"""Generate, trace, credit: kept before traced, traced before booked, nothing half-booked."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.cli.workshops import make_example
from app.services.artists import opt_outs_file, opted_out_here
from app.services.disputes import open_dispute, resolve_dispute
from app.services.run_record import shares_of
from app.services.runs import (
    GenerateRequest,
    Painting,
    RunFinished,
    Tracing,
    Unrecorded,
    Untraced,
    UploadRequest,
    book_again,
    generate_and_attribute,
    trace_upload,
)
from app.services.session import Studio, example_run, open_studio
from app.settings import read_settings
from app.web.server import _verify_everything
from core.attribution.features.store import features_directory
from core.attribution.result import Attribution
from core.collection.artists.opt_outs import OptOuts, Wish, save_opt_outs
from core.collection.types import Collection
from core.errors import ImageRefused, LedgerError, StoreError, UsageError
from core.files import write_bytes
from core.ledger.ledger import Ledger
from core.ledger.records import ARTIST
from core.ledger.rule_comparison import shares_under
from core.ledger.shares import (
    ARTIST_FIRST,
    BOOKED_RULE,
    DEFAULT_RULE,
    HYBRID,
    WHOLE,
    shares,
)
from core.provenance.picture import facts_of
from tests.core.ledger.quickly import tamper
from tests.faults import raising
from tests.small import picture


@pytest.fixture
def studio(ready: Collection, tmp_path: Path) -> Iterator[Studio]:
    settings = read_settings(home=tmp_path / "home", collection=ready.path, device="cpu")
    opened = open_studio(settings)
    yield opened
    opened.ledger.close()


@pytest.fixture
def pooled(ready: Collection, tmp_path: Path) -> Iterator[Studio]:
    """By its rule everybody is credited with something."""
    settings = read_settings(
        home=tmp_path / "home", collection=ready.path, device="cpu", rule="royalty-pool"
    )
    opened = open_studio(settings)
    yield opened
    opened.ledger.close()


def finished(events: Iterator[object]) -> RunFinished:
    answers = [event for event in events if isinstance(event, RunFinished)]
    assert len(answers) == 1
    return answers[0]


def generated(studio: Studio, seed: int = 3, **more: object) -> RunFinished:
    request = GenerateRequest("cubism", seed, **more)  # type: ignore[arg-type]
    return finished(generate_and_attribute(studio, request))


def upload(tmp_path: Path, name: str = "mine.png", seed: int = 9) -> Path:
    path = tmp_path / name
    picture(seed, 50).save(path)
    return path


def test_a_generation_tells_its_progress_and_ends_booked(studio: Studio) -> None:
    events = list(generate_and_attribute(studio, GenerateRequest("cubism", 3, steps=4)))
    kinds = [type(event) for event in events]
    assert kinds == [Painting] * 4 + [Tracing, RunFinished]
    first = events[0]
    assert isinstance(first, Painting)
    assert first.preview is not None
    assert (first.done, first.total) == (1, 4)
    end = finished(iter(events))
    assert end.view is not None
    assert end.view.entry == 1
    totals = studio.ledger.totals()
    assert totals.total_micro == WHOLE
    assert {row.artist_id: row.micro for row in totals.artists} == dict(end.shares.artist_micro)
    assert studio.ledger.verify().ok


def test_the_shares_can_be_drawn_again_from_what_is_recorded(studio: Studio) -> None:
    for seed in range(4):
        end = generated(studio, seed)
        assert end.view is not None
        kept = end.view.record
        again = shares_under(kept, BOOKED_RULE)
        assert again is not None
        assert again == end.shares
        assert dict(again.artist_micro) == dict(kept.artist_micro)
        assert again.unattributed_micro == kept.unattributed_micro
        assert kept.remainder == {
            "base": again.base_micro,
            "weak": again.weak_micro,
            "withheld": again.withheld_micro,
        }
        attribution = end.attribution
        artists = [work.artist_id for work in attribution.works]
        for rule in (DEFAULT_RULE, ARTIST_FIRST, HYBRID):  # every other rule too, from the record
            assert shares_under(kept, rule) == shares(attribution.z.tolist(), artists, rule)
        rows = kept.side("proponent")
        assert [row.rank for row in rows] == sorted({row.rank for row in rows})


def test_what_ranks_a_gallery_is_what_is_paid(studio: Studio) -> None:
    """Part, rank and credit are one quantity: parts fall with the rank and sum to what is owed."""
    end = generated(studio)
    attribution, kept = end.attribution, end.record
    assert kept.evidence is not None
    parts = [row.part for row in kept.side("proponent")]
    assert parts == sorted(parts, reverse=True)  # type: ignore[type-var]
    every = attribution.proponents(len(attribution.works))
    assert sum(row.part or 0.0 for row in every) == pytest.approx(attribution.attributable)
    total = sum(part.influence for part in kept.evidence.artists)
    for part in kept.evidence.artists:
        own = sum(row.part or 0.0 for row in every if row.work.artist_id == part.artist_id)
        assert own == pytest.approx((attribution.attributable or 0.0) * part.influence / total)


def test_features_of_before_keep_the_verdict_and_the_rule_of_before(
    ready: Collection, tmp_path: Path
) -> None:
    place = tmp_path / "c"
    shutil.copytree(ready.path, place)
    (place / "features" / "default" / "attributable.json").unlink()
    studio = open_studio(read_settings(home=tmp_path / "h", collection=place, device="cpu"))
    end = generated(studio)
    assert (end.record.evidence, end.record.remainder) == (None, None)
    assert end.record.rule == DEFAULT_RULE.id
    attribution = end.attribution
    artists = [work.artist_id for work in attribution.works]
    assert end.shares == shares(attribution.z.tolist(), artists)
    assert end.record.familiarity > 0
    assert end.view is not None
    assert end.view.entry == 1
    studio.ledger.close()


def test_the_picture_is_kept_with_its_facts(studio: Studio) -> None:
    end = generated(studio)
    with Image.open(studio.outputs / end.record.image_file) as kept:
        facts = facts_of(kept)
        assert kept.tobytes() == end.image.tobytes()
    assert facts is not None
    assert (facts["seed"], facts["class"], facts["run"]) == (3, "cubism", end.record.id)


def test_the_same_recipe_gives_the_same_picture_and_is_paid_once(studio: Studio) -> None:
    one, two = generated(studio), generated(studio)
    assert one.record.image_sha256 == two.record.image_sha256
    assert one.view is not None
    assert two.view is not None
    assert (one.view.number, two.view.number) == (1, 2)
    assert one.view.entry == two.view.entry == 1
    assert generated(studio, 4).view.entry == 2  # type: ignore[union-attr]


def test_a_cancelled_run_records_nothing(studio: Studio) -> None:
    events = generate_and_attribute(studio, GenerateRequest("cubism", 3, steps=6))
    assert isinstance(next(events), Painting)
    events.close()  # type: ignore[attr-defined]
    assert studio.ledger.runs().total == 0
    assert not studio.outputs.exists() or not list(studio.outputs.iterdir())


@pytest.mark.parametrize("book", [True, False])
@pytest.mark.parametrize("left_after", range(5))
def test_a_run_left_at_any_event_leaves_no_file_but_a_recorded_one(
    studio: Studio, left_after: int, book: bool
) -> None:
    events = generate_and_attribute(studio, GenerateRequest("cubism", 3, steps=3, book=book))
    for _ in range(left_after + 1):
        next(events)
    events.close()  # type: ignore[attr-defined]
    kept = {path.name for path in studio.outputs.glob("*")}
    assert kept == {view.record.image_file for view in studio.ledger.runs().items}
    assert bool(kept) == (left_after == 4)  # three steps, tracing, finished


def test_an_interrupted_trace_leaves_no_file(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(studio.engine), "attribute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(generate_and_attribute(studio, GenerateRequest("cubism", 3)))
    assert not list(studio.outputs.glob("*"))


@pytest.mark.parametrize("left_after", range(2))
def test_a_traced_upload_left_at_any_event_leaves_no_file_but_a_recorded_one(
    studio: Studio, tmp_path: Path, left_after: int
) -> None:
    events = trace_upload(studio, UploadRequest(upload(tmp_path), "mine.png"))
    for _ in range(left_after + 1):
        next(events)
    events.close()  # type: ignore[attr-defined]
    kept = {path.name for path in studio.outputs.glob("*")}
    assert kept == {view.record.image_file for view in studio.ledger.runs().items}


def test_names_are_made_once_for_a_collection(studio: Studio) -> None:
    assert studio.artist_names is studio.artist_names
    assert studio.artist_names == {one.id: one.name for one in studio.collection.artists}


def test_an_upload_is_kept_but_credits_nobody_unless_asked(studio: Studio, tmp_path: Path) -> None:
    path = upload(tmp_path)
    end = finished(trace_upload(studio, UploadRequest(path, "mine.png")))
    assert end.view is not None
    assert end.view.entry is None
    assert end.record.title == "mine.png"
    assert studio.ledger.totals().entries == 0
    booked = finished(trace_upload(studio, UploadRequest(path, "mine.png", book=True)))
    assert booked.view is not None
    assert booked.view.entry == 1


def test_an_upload_that_is_not_kept_leaves_no_trace(studio: Studio, tmp_path: Path) -> None:
    end = finished(trace_upload(studio, UploadRequest(upload(tmp_path), "mine.png", keep=False)))
    assert end.view is None
    assert studio.ledger.runs().total == 0
    assert not studio.outputs.exists()


def test_a_bad_upload_is_refused_and_nothing_is_kept(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "note.jpg"
    path.write_text("no picture")
    with pytest.raises(ImageRefused):
        list(trace_upload(studio, UploadRequest(path, "note.jpg")))
    assert studio.ledger.runs().total == 0


def test_when_the_ledger_fails_the_picture_is_kept_and_booking_can_be_retried(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", raising(LedgerError("The ledger is in use.")))
        *_, last = generate_and_attribute(studio, GenerateRequest("cubism", 3))
    assert isinstance(last, Unrecorded)
    assert (studio.outputs / last.record.image_file).is_file()
    assert studio.ledger.runs().total == 0
    assert book_again(studio, last).entry == 1
    assert book_again(studio, last).entry == 1
    assert studio.ledger.totals().entries == 1


def test_a_retry_gives_nothing_to_who_opted_out_since_it_was_traced(
    pooled: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", raising(LedgerError("The ledger is in use.")))
        *_, last = generate_and_attribute(pooled, GenerateRequest("cubism", 3))
    assert isinstance(last, Unrecorded)
    by_table, by_letter, *others = last.shares.artist_micro
    pooled.ledger.know_artists(pooled.artist_names)
    pooled.ledger.set_artist_status(by_letter, "opted-out", reason="Asked", actor="ann")
    wish = Wish(name=pooled.artist_names[by_table])
    save_opt_outs(opt_outs_file(pooled.settings), OptOuts((wish,)))
    view = book_again(pooled, last)
    balances = pooled.ledger.balances()
    for who in (by_table, by_letter):
        assert balances.get((who, ARTIST), 0) == 0
        assert who not in view.record.artist_micro
    assert {who: balances[who, ARTIST] for who in others} == {
        who: last.shares.artist_micro[who] for who in others
    }
    assert view.entry_micro == view.record.artist_micro
    withheld = last.shares.artist_micro[by_table] + last.shares.artist_micro[by_letter]
    assert view.record.remainder is not None
    assert view.record.remainder["withheld"] == last.shares.withheld_micro + withheld
    pooled.ledger.set_artist_status(others[0], "opted-out", reason="Asked", actor="ann")
    assert book_again(pooled, last) == view
    assert pooled.ledger.verify().ok


def test_a_retry_of_a_run_without_evidence_gives_nothing_to_who_opted_out_either(
    ready: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "c"
    shutil.copytree(ready.path, place)
    (place / "features" / "default" / "attributable.json").unlink()
    studio = open_studio(read_settings(home=tmp_path / "h", collection=place, device="cpu"))
    measured = type(studio.engine).attribute

    def above_chance(*given: Any, **named: Any) -> Attribution:
        attribution = measured(*given, **named)
        return replace(attribution, z=attribution.z + 4)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", raising(LedgerError("The ledger is in use.")))
        patch.setattr(type(studio.engine), "attribute", above_chance)
        *_, last = generate_and_attribute(studio, GenerateRequest("cubism", 3))
    assert isinstance(last, Unrecorded)
    assert last.record.evidence is None
    who = next(iter(last.shares.artist_micro))
    studio.ledger.know_artists(studio.artist_names)
    studio.ledger.set_artist_status(who, "opted-out", reason="Asked", actor="ann")
    view = book_again(studio, last)
    assert view.entry == 1
    assert studio.ledger.balances().get((who, ARTIST), 0) == 0
    assert view.record.unattributed_micro == (
        last.shares.unattributed_micro + last.shares.artist_micro[who]
    )
    studio.ledger.close()


def influences_in(path: Path) -> str:
    with closing(sqlite3.connect(path)) as raw:
        return repr(raw.execute("SELECT artist, makers FROM influence").fetchall())


@pytest.mark.parametrize("brought", [False, True])
def test_where_the_ledger_does_not_say_who_opted_out_nothing_is_booked_until_it_does(
    pooled: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brought: bool
) -> None:
    pooled.ledger.know_artists(pooled.artist_names)
    who = pooled.collection.works[0].artist_id
    pooled.ledger.set_artist_status(who, "opted-out", reason="Asked", actor="ann", masked=True)
    with monkeypatch.context() as patch:
        for unread in ("opted_out", "masked"):
            patch.setattr(Ledger, unread, raising(LedgerError("The ledger is in use.")))
        if brought:
            request = UploadRequest(upload(tmp_path), "mine.png", book=True)
            *_, last = trace_upload(pooled, request)
        else:
            *_, last = generate_and_attribute(pooled, GenerateRequest("cubism", 3))
        assert isinstance(last, Unrecorded)
        assert last.error.message == "The ledger is in use."
        assert (pooled.outputs / last.record.image_file).is_file()
        with pytest.raises(LedgerError, match="in use"):
            book_again(pooled, last)
    assert pooled.ledger.runs().total == 0
    view = book_again(pooled, last)
    assert view.entry == 1
    assert pooled.ledger.balances().get((who, ARTIST), 0) == 0
    assert view.record.artist_micro and who not in view.record.artist_micro
    assert pooled.artist_names[who] not in influences_in(pooled.ledger.path)


def test_what_is_not_to_be_kept_ends_in_words_where_the_ledger_cannot_be_read(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "opted_out", raising(LedgerError("The ledger is in use.")))
    with pytest.raises(LedgerError, match="in use"):
        list(trace_upload(studio, UploadRequest(upload(tmp_path), "mine.png", keep=False)))


def test_a_dispute_pays_nobody_whose_wish_only_this_home_keeps(pooled: Studio) -> None:
    end = generated(pooled)
    first, second = list(end.shares.artist_micro)[:2]
    wish = Wish(name=pooled.artist_names[second])
    save_opt_outs(opt_outs_file(pooled.settings), OptOuts((wish,)))
    before = pooled.ledger.balances()
    open_dispute(pooled.ledger, "1", first, reason="Not theirs.", actor="bob")
    with pytest.raises(UsageError, match=f"'{second}' has opted out .* Leave it in escrow"):
        resolve_dispute(
            pooled.ledger,
            "1",
            "upheld",
            second,
            reason="It is.",
            actor="ann",
            opted_out=opted_out_here(pooled.settings, pooled.collection),
        )
    assert pooled.ledger.balances()[second, ARTIST] == before[second, ARTIST]


def test_when_it_cannot_be_traced_the_picture_is_kept_and_nothing_recorded(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = raising(StoreError("The features are for another model."))
    monkeypatch.setattr(type(studio.engine), "attribute", broken)
    events = generate_and_attribute(studio, GenerateRequest("cubism", 3))
    last = next(event for event in events if isinstance(event, Untraced))
    events.close()  # type: ignore[attr-defined]
    assert (studio.outputs / last.file).is_file()
    assert studio.ledger.runs().total == 0


def test_who_opted_out_gets_nothing_new(studio: Studio) -> None:
    attribution = generated(studio, book=False).attribution
    who = studio.collection.works[0].artist_id
    clear = replace(
        attribution, attributable=0.9, artists={**attribution.artists, who: (1e9, 0.0001)}
    )
    before = shares_of(studio, clear)
    assert who in before.artist_micro
    studio.ledger.set_artist_status(who, "opted-out", reason="Asked", actor="ann")
    after = shares_of(studio, clear)
    assert who not in after.artist_micro
    assert after.withheld_micro == before.artist_micro[who]
    assert after.unattributed_micro == before.unattributed_micro + after.withheld_micro


@pytest.mark.parametrize(
    "request_",
    [
        GenerateRequest("fauvism", 1),
        GenerateRequest("cubism", -1),
        GenerateRequest("cubism", 2**31),
        GenerateRequest("cubism", 1, steps=0),
        GenerateRequest("cubism", 1, steps=1001),
        GenerateRequest("cubism", 1, guidance=-1),
        GenerateRequest("cubism", 1, guidance=float("nan")),
        GenerateRequest("cubism", 1, method="magic"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_painted(
    studio: Studio, request_: GenerateRequest
) -> None:
    with pytest.raises(UsageError):
        next(generate_and_attribute(studio, request_))


def test_the_example_is_recorded_once_and_booked_never(ready: Collection, tmp_path: Path) -> None:
    place = tmp_path / "c"
    shutil.copytree(ready.path, place)
    make_example(place, tmp_path / "scratch")
    values = json.loads((place / "example.json").read_text())
    assert values["kind"] == "example"
    studio = open_studio(read_settings(home=tmp_path / "h", collection=place, device="cpu"))
    assert example_run(studio) == example_run(studio) == "example"
    assert studio.ledger.runs().total == 1
    assert studio.ledger.totals().entries == 0
    view = studio.ledger.run("example")
    assert view is not None
    assert view.record.influences
    assert (studio.outputs / view.record.image_file).is_file()


def test_two_servers_that_meet_the_example_at_once_both_show_it(
    ready: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "c"
    shutil.copytree(ready.path, place)
    make_example(place, tmp_path / "scratch")
    settings = read_settings(home=tmp_path / "h", collection=place, device="cpu")
    studios = [open_studio(settings), open_studio(settings)]
    both = threading.Barrier(2, timeout=30)

    def write_together(path: Path, data: bytes) -> None:
        both.wait()  # both have seen that it is not recorded yet
        write_bytes(path, data)

    monkeypatch.setattr("app.services.session.write_bytes", write_together)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(example_run, studios)) == ["example", "example"]
    assert studios[0].ledger.runs().total == 1
    assert studios[1].ledger.verify().ok


def test_a_start_verifies_what_is_new_and_the_server_the_rest(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    generated(studio, 3)
    assert studio.ledger.verify().ok
    generated(studio, 4)
    tamper(studio.ledger.path, "UPDATE ledger_posting SET micro = micro + 1 WHERE rowid = 2")
    again = open_studio(studio.settings)
    assert not again.ledger.wholly_verified
    assert generated(again, 5).view is not None
    _verify_everything(again.ledger)
    assert "entry 1" in capsys.readouterr().err
    *_, last = generate_and_attribute(again, GenerateRequest("cubism", 6))
    assert isinstance(last, Unrecorded)
    assert "changed (entry 1" in last.error.message


def test_a_stale_index_is_never_used(ready: Collection, tmp_path: Path) -> None:
    place = tmp_path / "c"
    shutil.copytree(ready.path, place)
    index = features_directory(ready, "default") / "index" / "d-trak" / "index.safetensors"
    target = place / index.relative_to(ready.path)
    target.write_bytes(
        (features_directory(ready, "simple") / "index" / "trak" / "index.safetensors").read_bytes()
    )
    studio = open_studio(read_settings(home=tmp_path / "h", collection=place, device="cpu"))
    fresh = open_studio(read_settings(home=tmp_path / "g", collection=ready.path, device="cpu"))
    one, two = generated(studio), generated(fresh)
    assert one.shares == two.shares

"""The question of one artist: answered once, kept with the run, open to nobody's path."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.services import artist_ablation as leaving_out
from app.services.artist_ablation import (
    ArtistAblationResult,
    answer_picture,
    kept_answers,
    leave_out,
)
from app.services.runs import (
    GenerateRequest,
    RunFinished,
    UploadRequest,
    generate_and_attribute,
    trace_upload,
)
from app.services.session import Studio, open_studio
from app.settings import read_settings
from app.web.formatting import render
from core.collection.store import load_collection
from core.collection.types import Collection
from core.errors import UsageError
from core.evaluation import artist_ablation as without_artist
from core.evaluation.agreement import Interval
from core.evaluation.artist_ablation import FORGET, FORGETTING, REDIRECT, WithoutArtist
from core.evaluation.artist_report import ForgettingAgreement
from core.evaluation.report import artist_figures
from tests.core.evaluation.measured_artists import artists_json
from tests.small import picture


@pytest.fixture
def studio(ready: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    short = replace(FORGETTING, steps=3, batch_size=4)
    monkeypatch.setattr(without_artist, "FORGETTING", short)
    settings = read_settings(home=tmp_path / "home", collection=ready.path, device="cpu")
    opened = open_studio(settings)
    yield opened
    opened.ledger.close()


@pytest.fixture
def run_id(studio: Studio) -> str:
    events = list(generate_and_attribute(studio, GenerateRequest("cubism", 3)))
    assert isinstance(events[-1], RunFinished)
    return events[-1].record.id


def left_out(studio: Studio, run_id: str, artist: str) -> tuple[list[object], ArtistAblationResult]:
    *before, last = leave_out(studio, run_id, artist)
    assert isinstance(last, ArtistAblationResult)
    return before, last


def test_the_answer_is_kept_with_its_run(studio: Studio, run_id: str) -> None:
    before, result = left_out(studio, run_id, "artist-0")
    assert len(before) >= 3
    assert result.artist == "Atelier 0" and result.file.is_file()
    again, same = left_out(studio, run_id, "artist-0")
    assert again == [] and same == result
    assert kept_answers(studio, run_id) == [result]
    assert answer_picture(studio, run_id, "artist-0", FORGET) == result.file
    assert result.agreement is None  # nobody has measured this collection


def test_a_second_picture_needs_no_second_forgetting(studio: Studio, run_id: str) -> None:
    left_out(studio, run_id, "artist-0")
    events = list(generate_and_attribute(studio, GenerateRequest("cubism", 4)))
    assert isinstance(events[-1], RunFinished)
    before, _ = left_out(studio, events[-1].record.id, "artist-0")
    assert len(before) == 1


def test_only_painted_runs_known_artists_and_the_open_model(
    studio: Studio, run_id: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no such artist"):
        list(leave_out(studio, run_id, "../../etc"))
    with pytest.raises(UsageError, match="Only a painted run"):
        list(leave_out(studio, "nothing", "artist-0"))
    path = tmp_path / "mine.png"
    picture(9, 50).save(path)
    *_, last = trace_upload(studio, UploadRequest(path, path.name))
    assert isinstance(last, RunFinished)
    with pytest.raises(UsageError, match="Only a painted run"):
        list(leave_out(studio, last.record.id, "artist-0"))
    assert answer_picture(studio, run_id, "../x", FORGET) is None
    assert answer_picture(studio, run_id, "artist-0", "../x") is None


def test_half_a_file_is_asked_again(studio: Studio, run_id: str) -> None:
    _, result = left_out(studio, run_id, "artist-0")
    result.file.with_suffix(".json").write_text("{")
    assert kept_answers(studio, run_id) == []
    assert len(left_out(studio, run_id, "artist-0")[0]) == 1


def figures_without(artist_id: str) -> WithoutArtist:
    """The picture is known 10 % worse without them, and their own works 30 %."""
    return WithoutArtist(
        artist_id=artist_id,
        way=FORGET,
        works=5,
        picture_before=0.1,
        picture_after=0.11,
        own_before=0.1,
        own_after=0.13,
        others_before=0.2,
        others_after=0.202,
        moved=0.25,
    )


def test_words_say_what_changed_and_escape_names() -> None:
    figures = figures_without("a")
    answer = ArtistAblationResult("r1", "<b>Ada</b>", figures, Path("x.png"))
    sentence = answer.words
    assert "10.0 % higher" in sentence and "+30.0 %" in sentence and "differs by 25 %" in sentence
    same = replace(answer, figures=replace(figures, picture_after=0.1005))
    assert "about as well as before" in same.words
    html = render("artist_ablation.answers", answers=[answer])
    assert "<b>Ada" not in html and "/media/runs/r1/without/a.png?way=forget" in html


def test_artists_are_found_by_name(ready: Collection) -> None:
    assert leaving_out.named_artist(ready, "atelier 2").id == "artist-2"
    with pytest.raises(UsageError, match="no artist 'Nobody'"):
        leaving_out.named_artist(ready, "Nobody")


def measured_by_artist(ready: Collection, place: Path, figures: object) -> Collection:
    shutil.copytree(ready.path, place)
    report = {"collection": ready.name, "artists": figures}
    (place / "report.json").write_text(json.dumps(report))
    return load_collection(place)


def test_each_way_of_forgetting_has_the_agreement_of_its_own_target(
    ready: Collection, tmp_path: Path
) -> None:
    measured = measured_by_artist(ready, tmp_path / "all", artist_figures(artists_json()))
    agreements = leaving_out.measured_agreements(measured)
    assert agreements.keys() == {FORGET, REDIRECT}
    assert agreements[FORGET] == ForgettingAgreement("base", 8, Interval(0.44, 0.34, 0.54))
    assert agreements[REDIRECT].right_first.value == 0.77
    unmeasured = measured_by_artist(ready, tmp_path / "none", None)
    assert leaving_out.measured_agreements(unmeasured) == {}
    assert leaving_out.measured_agreements(ready) == {}


def test_a_kept_answer_says_how_far_forgetting_agrees_with_retraining(
    studio: Studio, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, result = left_out(studio, run_id, "artist-0")
    unmeasured = render("artist_ablation.answers", answers=[result])
    assert "has not been measured for this collection" in unmeasured
    report = {"artists": artist_figures(artists_json())}
    monkeypatch.setattr(leaving_out, "load_report", lambda collection: report)
    (kept,) = kept_answers(studio, run_id)
    _, again = left_out(studio, run_id, "artist-0")
    assert kept == again == replace(result, agreement=kept.agreement)
    words = " ".join(render("artist_ablation.answers", answers=[kept]).split())
    assert (
        "Measured on 8 artists: forgetting names the same artist as retraining in 44 % of pictures "
        "(34 % to 54 %)." in words
    )
    assert "has not been measured" not in words
    retrained = replace(kept, figures=replace(kept.figures, way="retrain"), agreement=None)
    words = render("artist_ablation.answers", answers=[retrained])
    assert "measured" not in words and "agrees" not in words

"""Works by several makers, by nobody known, and by who opted out: from the picture to the books."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.cli import main
from app.services.artists import opt_in, opt_out, opt_outs_file
from app.services.runs import GenerateRequest, RunFinished, generate_and_attribute
from app.services.session import Studio, open_studio
from app.settings import read_settings
from app.web.pages.run import SHOWN, credit, finished
from app.web.server import make_application
from core.collection.artists.opt_outs import Wish, read_opt_outs
from core.collection.store import load_collection, save_collection
from core.collection.types import NOBODY, Collection, Contributor
from core.errors import LedgerError, UsageError
from core.ledger.records import ESCROW

JOINT = (Contributor("artist-0"), Contributor("artist-1", "attributed to", 2))


@pytest.fixture
def several(ready: Collection, tmp_path: Path) -> Collection:
    """The small collection: one work by two, and one artist whom nobody knows."""
    shutil.copytree(ready.path, tmp_path / "own")
    own = load_collection(tmp_path / "own")
    first, *rest = own.works
    artists = [replace(one, kind=NOBODY) if one.id == "artist-3" else one for one in own.artists]
    works = (replace(first, artist_id="artist-0", contributors=JOINT), *rest)
    save_collection(replace(own, works=works, artists=tuple(artists)))
    return load_collection(tmp_path / "own")


@pytest.fixture
def studio(several: Collection, tmp_path: Path) -> Iterator[Studio]:
    settings = read_settings(
        home=tmp_path / "home", collection=several.path, device="cpu", rule="royalty-pool"
    )
    opened = open_studio(settings)
    yield opened
    opened.ledger.close()


def painted(studio: Studio, seed: int) -> RunFinished:
    events = generate_and_attribute(studio, GenerateRequest("cubism", seed, steps=2))
    return next(event for event in events if isinstance(event, RunFinished))


def test_makers_share_the_influence_of_their_work(studio: Studio) -> None:
    end = painted(studio, 1)
    attribution = end.attribution
    assert attribution is not None and attribution.parts is not None
    expected: dict[str, float] = {}
    for work, part in zip(attribution.works, attribution.parts, strict=True):
        whole = sum(weight for _, weight in work.makers)
        for who, weight in work.makers:
            portion = float(Fraction(weight, whole))
            expected[who] = expected.get(who, 0.0) + portion * float(part)
    for who, (influence, _) in attribution.artists.items():
        assert influence == pytest.approx(expected[who])


def test_what_is_owed_to_nobody_known_is_kept_and_no_statement_pays_it(studio: Studio) -> None:
    end = painted(studio, 1)
    assert end.view is not None and end.view.entry is not None
    entry = studio.ledger.entry(end.view.entry)
    assert entry is not None
    kept = {line.artist_id: line.micro for line in entry.postings if line.account == ESCROW}
    assert kept == {"artist-3": end.shares.artist_micro["artist-3"]}
    totals = studio.ledger.totals()
    assert "artist-3" not in {row.artist_id for row in totals.artists}
    assert totals.unknown_micro == kept["artist-3"]
    assert studio.ledger.artist_statement("artist-3").micro == 0
    assert studio.ledger.verify().ok


def test_a_run_names_all_makers_of_a_work(studio: Studio) -> None:
    end = painted(studio, 1)
    assert end.view is not None
    joint = [row for row in end.view.record.influences if row.makers]
    assert joint and {row.artist for row in joint} == {"Atelier 0 and attributed to Atelier 1"}
    assert joint[0].makers == (("artist-0", "Atelier 0", 1), ("artist-1", "Atelier 1", 2))
    application = make_application(studio.settings)
    with TestClient(application, base_url="http://127.0.0.1:7860") as client:
        answer = json.loads(client.get(f"/runs/{end.view.record.id}.json").text)
    row = next(one for one in answer["influences"] if one["makers"])
    assert row["makers"][1] == {"artist_id": "artist-1", "artist": "Atelier 1", "weight": 2}


def test_who_opts_out_gets_nothing_new_and_the_page_says_which_entry_stands(
    studio: Studio, several: Collection
) -> None:
    first = painted(studio, 1)
    assert first.view is not None and "artist-0" in first.shares.artist_micro
    result = opt_out(
        studio.settings, several, studio.ledger, [Wish(name="Atelier 0", source="x")], actor="ann"
    )
    assert [one.id for one in result.artists] == ["artist-0"]
    again = painted(studio, 1)
    assert again.view is not None and again.view.entry == first.view.entry
    assert "artist-0" not in again.shares.artist_micro
    assert again.shares.withheld_micro >= first.shares.artist_micro["artist-0"]
    page = credit(again.view, studio.artist_names, studio.ledger.opted_out())
    assert "that entry stands" in page and "Atelier 0 has opted out since" in page
    assert "that entry stands" not in credit(first.view, studio.artist_names)
    other = painted(studio, 2)
    assert "artist-0" not in other.shares.artist_micro
    assert studio.ledger.verify().ok


def test_what_was_taken_back_is_not_credited_again_and_no_page_says_that_it_stands(
    studio: Studio, several: Collection
) -> None:
    first = painted(studio, 1)
    assert first.view is not None and first.view.entry == 1
    studio.ledger.reverse(1, reason="by mistake", actor="ann")
    with pytest.raises(LedgerError, match="final: that picture is not credited again"):
        studio.ledger.reverse(2, reason="by mistake", actor="ann")
    same = painted(studio, 1).view
    opt_out(studio.settings, several, studio.ledger, [Wish(name="Atelier 0")], actor="ann")
    other = painted(studio, 1).view
    assert same is not None and other is not None
    assert studio.ledger.size() == 2 and not any(studio.ledger.balances().values())
    opted_out = studio.ledger.opted_out()
    for view in (same, other):
        page = credit(view, studio.artist_names, opted_out)
        assert "that entry was taken back" in page and "stands" not in page
    assert "Atelier 0 has opted out since" in credit(other, studio.artist_names, opted_out)
    status = finished(studio, other, None)[SHOWN.index("status")]
    assert "was taken back: nothing was booked" in status and "already credited" not in status
    assert studio.ledger.verify().ok


def test_a_wish_holds_though_the_ledger_never_met_the_artist(
    studio: Studio, tmp_path: Path
) -> None:
    file = opt_outs_file(studio.settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        "name,identifiers,also_written,work,source,date\natelier 0,,,,registry,2026-01-01\n",
        encoding="utf-8",
    )
    end = painted(studio, 3)
    assert "artist-0" not in end.shares.artist_micro and end.shares.withheld_micro > 0


def test_a_wish_is_taken_back_by_name_and_only_once(studio: Studio, several: Collection) -> None:
    ledger = studio.ledger
    opt_out(studio.settings, several, ledger, [Wish(name="Atelier 0")], actor="ann")
    kept = read_opt_outs(opt_outs_file(studio.settings)).wishes
    assert [one.name for one in kept] == ["Atelier 0"]
    opt_in(studio.settings, several, ledger, "Atelier 0", actor="ann", reason="changed mind")
    assert ledger.opted_out() == frozenset()
    assert read_opt_outs(opt_outs_file(studio.settings)).wishes == ()
    with pytest.raises(UsageError, match="Nobody of the name 'Atelier 0' has opted out"):
        opt_in(studio.settings, several, ledger, "Atelier 0", actor="ann", reason="again")
    assert "artist-0" in painted(studio, 4).shares.artist_micro


def test_a_status_does_not_contradict_a_wish_that_stands(
    studio: Studio, several: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Active in words and uncredited in fact would be a lie: the wish is taken back first."""
    monkeypatch.setenv("CREDITLINE_HOME", str(studio.settings.home))
    opt_out(studio.settings, several, studio.ledger, [Wish(name="Atelier 0")], actor="ann")
    command = ["ledger", "artist", "artist-0", "--status", "active", "--reason", "asked"]
    assert main(command) == 2
    assert studio.ledger.opted_out() == {"artist-0"}
    opt_in(studio.settings, several, studio.ledger, "Atelier 0", actor="ann", reason="asked")
    assert main(command) == 0

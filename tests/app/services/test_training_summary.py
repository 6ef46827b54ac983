"""The summary of training content: counted from the tables, and open where only a keeper knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.services.training_summary import TrainingSummary, summary_markdown
from core.collection.artists.opt_outs import OptOuts, Wish
from core.collection.importing.reservations import KeptReservation, save_reservations
from core.collection.store import load_collection
from tests.small import small_collection


def test_it_counts_what_the_tables_say_and_leaves_the_rest_open(tmp_path: Path) -> None:
    small_collection(tmp_path / "small")
    made = load_collection(tmp_path / "small")
    first, second, *others = made.works
    works = (
        replace(first, source="https://a.example/x?id=1", licence="CC0-1.0", year="1901"),
        replace(second, source="Ann's own pictures", licence="", year=""),
        *(replace(work, source="", licence="CC0-1.0", year="1950") for work in others),
    )
    collection = replace(made, works=works, title="Works <of> *many*")
    row = KeptReservation(
        sha256="a" * 64,
        work_id="",
        signal="plus:DataMining",
        says="notAllowed",
        detail="",
        date="2026-05-03",
        permission="",
    )
    taken = replace(row, sha256="b" * 64, work_id=first.id, permission="a letter")
    save_reservations(made.path, [row, replace(row, signal="tdm:reservation"), taken])
    summary = TrainingSummary.of(collection, OptOuts((Wish(name="Ann Ek"),)))
    assert summary.works == len(works)
    assert sum(one.works for one in summary.classes) == len(works)
    assert sum(one.works for one in summary.sources.licences) == len(works)
    assert {one.name: one.works for one in summary.sources.places} == {
        "a.example": 1,
        "named otherwise": 1,
        "not stated": len(others),
    }
    assert summary.years == (1901, 1950)
    done = summary.processing
    assert (done.refused_for_reservation, done.taken_by_permission, done.wishes) == (1, 1, 1)
    assert (summary.provider, summary.sources.licensed, done.illegal_content) == (None,) * 3
    text = summary_markdown(summary)
    assert text.count("*to be written*") == 6  # the lead names the mark too
    assert "Works \\<of\\> \\*many\\*" in text
    assert "Ann's own" not in text
    assert all(title in text for title in ("## 1. General", "## 2. Sources", "## 3. Processing"))

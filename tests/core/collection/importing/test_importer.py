"""Every row of a source is accounted for, and importing again changes nothing."""

from __future__ import annotations

import csv
import io
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.collection.images.open import to_square
from core.collection.importing import importer as importers
from core.collection.importing.importer import (
    Duplicate,
    Form,
    ImportReport,
    NothingImported,
    Refusal,
    Selection,
    import_collection,
    iter_import,
)
from core.collection.store import load_collection, save_collection
from core.collection.types import Artist, Collection, Work
from core.errors import CollectionError, UsageError
from core.progress import Progress
from tests.core.collection.images.crafted import gif_comment

HEADER = ("file", "title", "artist", "style", "year", "source_repo", "license_note")


def paint(path: Path, seed: int, size: tuple[int, int] = (40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, (3, 4, 3), dtype=np.uint8)
    Image.fromarray(values).resize(size, Image.Resampling.BICUBIC).save(path, "PNG")


def manifest(
    folder: Path,
    rows: Sequence[Sequence[str]],
    *,
    header: Sequence[str] = HEADER,
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows([header, *rows])
    path = folder / "metadata.csv"
    path.write_bytes(buffer.getvalue().encode(encoding))
    return path


def a_row(file: str, title: str = "T", artist: str = "Anna Ek", style: str = "Op Art") -> list[str]:
    return [file, title, artist, style, "1900", "a museum", "CC0"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two artists, four pictures, one of them twice; Cyrillic and awkward titles."""
    folder = tmp_path / "source"
    for n in range(4):
        paint(folder / f"p/{n}.png", n)
    paint(folder / "p/again.png", 0)
    rows = [
        a_row("p/0.png", "Бой гладиаторов"),
        a_row("p/1.png", 'She said "no",\ntwice'),
        a_row("p/2.png", "", "Eugène Boudin", "Impressionism"),
        a_row("p/again.png", "The same again"),
        a_row("p/3.png", "=1+1", "Eugène Boudin", "Op Art"),
    ]
    manifest(folder, rows)
    return folder


def table(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_titles_artists_styles_years_and_licences_are_kept(source: Path, tmp_path: Path) -> None:
    report = import_collection(source, tmp_path / "c", size=24, name="My Paintings")
    collection = load_collection(tmp_path / "c")
    assert collection == report.collection
    assert (collection.name, collection.title, collection.image_size) == (
        *("my-paintings", "My Paintings"),
        24,
    )
    assert [work.title for work in collection.works] == [
        *("Бой гладиаторов", 'She said "no", twice', "Untitled", "=1+1")
    ]
    assert [artist.name for artist in collection.artists] == ["Anna Ek", "Eugène Boudin"]
    assert [work.artist_id for work in collection.works] == ["anna-ek"] * 2 + ["eugene-boudin"] * 2
    assert collection.styles == ("Impressionism", "Op Art")
    for work in collection.works:
        assert (work.year, work.source, work.licence) == ("1900", "a museum", "CC0")


def test_pictures_are_stored_square_by_the_documented_rule(source: Path, tmp_path: Path) -> None:
    report = import_collection(source, tmp_path / "c", size=24, encoding="png")
    with Image.open(source / "p/1.png") as original:
        expected = to_square(original, 24)
    with Image.open(report.collection.image_path(report.collection.works[1])) as stored:
        assert stored.format == "PNG" and stored.convert("RGB").tobytes() == expected.tobytes()
    report = import_collection(source, tmp_path / "j", size=24)
    with Image.open(report.collection.image_path(report.collection.works[1])) as stored:
        assert stored.format == "JPEG"
        difference = np.asarray(stored).astype(int) - np.asarray(expected).astype(int)
        assert np.abs(difference).mean() < 3


def test_importing_again_changes_nothing(source: Path, tmp_path: Path) -> None:
    first = import_collection(source, tmp_path / "c")
    before = table(tmp_path / "c")
    second = import_collection(source, tmp_path / "c")
    assert (first.imported, first.unchanged) == (4, 0)
    assert (second.imported, second.updated, second.unchanged) == (0, 0, 4)
    assert first.duplicates == second.duplicates
    assert table(tmp_path / "c") == before


def test_two_machines_get_the_same_collection(source: Path, tmp_path: Path) -> None:
    one = import_collection(source, tmp_path / "one", name="X")
    other = import_collection(source, tmp_path / "other", name="X")
    assert table(tmp_path / "one") == table(tmp_path / "other")
    assert one.collection.digest == other.collection.digest


def test_a_picture_is_taken_once_however_often_it_is_listed(source: Path, tmp_path: Path) -> None:
    report = import_collection(source, tmp_path / "c")
    first = report.collection.works[0].id
    assert report.duplicates == (Duplicate("4: p/again.png", first),)
    # the same pixels in other bytes are the same picture too
    with Image.open(source / "p/0.png") as image:
        image.save(source / "p/0.bmp", "BMP")
    manifest(source, [a_row("p/0.png"), a_row("p/0.bmp")])
    for _ in range(2):
        report = import_collection(source, tmp_path / "d")
        assert (report.works, len(report.duplicates)) == (1, 1)


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    paint(folder / "ok.png", 1)
    paint(tmp_path / "outside.png", 2)
    (folder / "page.jpg").write_text("<html>404</html>")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    rows = [
        a_row("ok.png"),
        a_row("page.jpg"),
        a_row("missing.png"),
        a_row("../outside.png"),
        a_row(str(tmp_path / "outside.png")),
        a_row("link.png"),
        a_row("https://example.org/a.png"),
        a_row(""),
        a_row("ok.png", style=""),
        [*a_row("ok.png"), "one cell too many"],
        ["ok.png"],
        a_row("ok.png"),
    ]
    manifest(folder, rows)
    report = import_collection(folder, tmp_path / "c")
    assert report.rows == len(rows)
    assert (report.imported, len(report.duplicates)) == (1, 1)
    reasons = {refusal.row.split(":")[0]: refusal.reason for refusal in report.refused}
    words = ("web page", "no such file", "outside", "outside", "outside", "web address")
    for number, word in enumerate((*words, "no file", "no style", "more cells", "no style"), 2):
        assert word in reasons.pop(str(number))
    assert not reasons
    assert not any(str(tmp_path) in refusal.reason for refusal in report.refused)


def test_a_corrected_manifest_updates_words_but_not_pictures(source: Path, tmp_path: Path) -> None:
    before = import_collection(source, tmp_path / "c").collection
    text = (source / "metadata.csv").read_text(encoding="utf-8")
    changed = text.replace("Бой гладиаторов", "Pollice verso")
    (source / "metadata.csv").write_text(changed, encoding="utf-8")
    report = import_collection(source, tmp_path / "c")
    assert (report.updated, report.unchanged, report.imported) == (1, 3, 0)
    after = load_collection(tmp_path / "c")
    assert after.works[0] == replace(before.works[0], title="Pollice verso")
    assert after.works[1:] == before.works[1:] and after.digest == before.digest


def test_a_curator_s_own_corrections_and_statuses_survive(source: Path, tmp_path: Path) -> None:
    made = import_collection(source, tmp_path / "c").collection
    edited = replace(
        made,
        works=(replace(made.works[0], title="By hand"), *made.works[1:]),
        artists=(replace(made.artists[0], status="opted-out"), *made.artists[1:]),
    )
    save_collection(edited)
    assert import_collection(source, tmp_path / "c").unchanged == 4
    assert load_collection(tmp_path / "c") == edited


def test_a_work_that_a_curator_gave_to_another_stays_theirs(source: Path, tmp_path: Path) -> None:
    made = import_collection(source, tmp_path / "c").collection
    first = replace(made.works[0], artist_id="eugene-boudin")
    second = replace(made.works[1], artist_id="eugene-boudin")
    edited = replace(made, works=(first, second, *made.works[2:]), artists=made.artists[1:])
    save_collection(edited)  # Anna Ek is no artist here any more
    report = import_collection(source, tmp_path / "c")
    assert (report.unchanged, report.collection) == (4, edited)
    assert not any("one artist" in note for note in report.notes)


def test_new_works_follow_the_old_ones(source: Path, tmp_path: Path) -> None:
    before = import_collection(source, tmp_path / "c").collection
    paint(source / "p/new.png", 9)
    manifest(source, [a_row("p/new.png", artist="Third One"), a_row("p/0.png")])
    report = import_collection(source, tmp_path / "c")
    assert report.collection.works[:4] != () and len(report.collection.works) == 5
    assert [w.id for w in report.collection.works[:4]] == [w.id for w in before.works]
    assert report.collection.artists[-1].name == "Third One"


@pytest.mark.parametrize("damage", ["removed", "damaged"])
def test_a_lost_or_damaged_picture_is_restored(source: Path, tmp_path: Path, damage: str) -> None:
    made = import_collection(source, tmp_path / "c").collection
    before = table(tmp_path / "c")
    path = made.image_path(made.works[1])
    path.unlink() if damage == "removed" else path.write_bytes(b"half a pict")
    report = import_collection(source, tmp_path / "c")
    assert (report.updated, report.unchanged) == (1, 3)
    assert table(tmp_path / "c") == before


def test_an_interrupted_import_is_finished_by_the_next(source: Path, tmp_path: Path) -> None:
    whole = import_collection(source, tmp_path / "whole", name="X")
    events = iter_import(source, tmp_path / "c", name="X")
    for _ in range(3):
        next(events)
    events.close()
    assert not (tmp_path / "c/collection.toml").exists()
    again = import_collection(source, tmp_path / "c", name="X")
    assert table(tmp_path / "c") == table(tmp_path / "whole")
    assert again.imported == whole.imported


def test_a_crash_between_the_tables_doubles_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = import_collection(source, tmp_path / "whole", name="X")

    def crash(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(importers, "save_collection", crash)
        with pytest.raises(KeyboardInterrupt):
            import_collection(source, tmp_path / "c", name="X")
    again = import_collection(source, tmp_path / "c", name="X")
    assert table(tmp_path / "c") == table(tmp_path / "whole")
    assert again.duplicates == whole.duplicates


def test_progress_counts_every_row_and_the_report_comes_last(source: Path, tmp_path: Path) -> None:
    events = list(iter_import(source, tmp_path / "c"))
    steps = [event for event in events if isinstance(event, Progress)]
    assert [step.done for step in steps] == [0, 1, 2, 3, 4, 5]
    assert {step.total for step in steps} == {5}
    assert isinstance(events[-1], ImportReport) and len(events) == len(steps) + 1


def test_a_selection_takes_some_and_counts_the_rest(source: Path, tmp_path: Path) -> None:
    few = import_collection(source, tmp_path / "a", selection=Selection(limit_per_artist=1))
    assert [work.artist_id for work in few.collection.works] == ["anna-ek", "eugene-boudin"]
    assert (few.imported, few.skipped, few.rows) == (2, 3, 5)
    some = import_collection(source, tmp_path / "b", selection=Selection(styles=("op_art",)))
    assert some.collection.styles == ("Op Art",) and (some.imported, some.skipped) == (3, 1)
    two = import_collection(source, tmp_path / "c", selection=Selection(limit=2))
    assert (two.imported, two.skipped) == (2, 3)


def test_two_spellings_of_one_name_are_one_artist_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    for n in range(3):
        paint(folder / f"{n}.png", n)
    names = ("Čiurlionis", "Ciurlionis", "")
    manifest(folder, [a_row(f"{n}.png", artist=name) for n, name in enumerate(names)])
    report = import_collection(folder, tmp_path / "c")
    assert [artist.name for artist in report.collection.artists] == ["Čiurlionis", "Unknown maker"]
    assert any("Ciurlionis; Čiurlionis" in note for note in report.notes)
    assert any("no maker" in note for note in report.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_as_spreadsheets_write_them(tmp_path: Path, encoding: str, delimiter: str) -> None:
    folder = tmp_path / "s"
    paint(folder / "a/0.png", 0)
    header = ("File", "TITLE", "Artist", "Style", "Year", "Source", "Licence")
    row = a_row("a\\0.png", "Ein Titel; mit, allem")
    path = manifest(folder, [row], header=header, encoding=encoding, delimiter=delimiter)
    work = import_collection(path, tmp_path / "c").collection.works[0]
    assert (work.title, work.source, work.licence) == ("Ein Titel; mit, allem", "a museum", "CC0")


@pytest.mark.parametrize(
    ("data", "phrase"),
    [
        (b"", "is empty"),
        (b"file,title,style\na.png,T,S\n", "lacks the column artist"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("file,artist,style\na.png,Иван Репин,S\n".encode("cp1251"), "neither UTF-8 nor Western"),
        (b'file,artist,style\n"a.png,Anna,S\n', "Line 2 opens a quoted cell that is never closed"),
        (b"file|artist|style\na.png|Anna|S\n", "divided by '.'"),
        (b"\x89PNG\r\n\x1a\n\0\0", "UTF-8"),
        (b"PK\x03\x04\0\0", "spreadsheet"),
    ],
)
def test_a_broken_table_is_refused_in_words(tmp_path: Path, data: bytes, phrase: str) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(CollectionError, match=phrase):
        import_collection(tmp_path / "t.csv", tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_folders_of_styles(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    paint(folder / "ukiyo-e/utagawa-kunisada-ii_view-of-edo-1857.png", 0)
    paint(folder / "Art_Nouveau/Gustav Klimt/The Kiss.png", 1)
    paint(folder / "cubism/img001.png", 2)
    paint(folder / "loose.png", 3)
    paint(folder / ".hidden/x.png", 4)
    (folder / "cubism/Thumbs.db").write_bytes(b"x")
    (folder / "cubism/notes.txt").write_text("not a picture")
    report = import_collection(folder, tmp_path / "c")
    shown = {
        (w.style, report.collection.artist(w.artist_id).name, w.title, w.year)
        for w in report.collection.works
    }
    assert shown == {
        ("ukiyo-e", "Utagawa Kunisada II", "View of edo", "1857"),
        ("Art Nouveau", "Gustav Klimt", "The Kiss", ""),
        ("cubism", "Unknown maker", "Untitled", ""),
    }
    assert {refusal.row for refusal in report.refused} == {"loose.png"}
    assert report.rows == 4
    assert any("passed over: 1 (.txt" in note for note in report.notes)
    assert import_collection(folder, tmp_path / "c").unchanged == 3


def test_a_manifest_is_not_mistaken_for_folders_unless_asked(source: Path, tmp_path: Path) -> None:
    report = import_collection(source, tmp_path / "c", form=Form("folder"))
    assert report.collection.styles == ("p",)
    with pytest.raises(CollectionError, match="holds no manifest"):
        import_collection(source / "p", tmp_path / "d", form=Form("csv"))


def test_targets_that_cannot_be_used_are_left_alone(source: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.doc").write_text("x")
    (tmp_path / "file").write_text("x")
    for target, phrase in (
        (full, "thesis.doc"),
        (tmp_path / "file", "is a file"),
        (source, "share"),
    ):
        with pytest.raises(CollectionError, match=phrase):
            import_collection(source, target)
    assert [path.name for path in full.iterdir()] == ["thesis.doc"]
    import_collection(source, tmp_path / "c", size=24)
    with pytest.raises(CollectionError, match="24 pixels, not 32"):
        import_collection(source, tmp_path / "c", size=32)
    with pytest.raises(CollectionError, match="Choose 8 to 1024"):
        import_collection(source, tmp_path / "e", size=0)
    with pytest.raises(CollectionError, match="There is no"):
        import_collection(tmp_path / "missing", tmp_path / "e")


def test_nothing_is_made_where_nothing_could_be_taken(tmp_path: Path) -> None:
    (tmp_path / "s/style").mkdir(parents=True)
    (tmp_path / "s/style/a.jpg").write_text("<html>")
    with pytest.raises(CollectionError, match=r"of 1 row none could be taken.*web page"):
        import_collection(tmp_path / "s", tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_crafted_picture_costs_its_own_row_and_no_other(tmp_path: Path) -> None:
    for seed in range(2):
        paint(tmp_path / f"in/style/a-b_work-{seed}.png", seed)
    (tmp_path / "in/style/a-b_work-1a.gif").write_bytes(gif_comment(1_000_000))
    report = import_collection(tmp_path / "in", tmp_path / "c", size=32)
    assert report.imported == 2
    assert ["blocks of comment" in one.reason for one in report.refused] == [True]


def test_an_import_that_is_closed_leaves_nothing_at_work(tmp_path: Path) -> None:
    for seed in range(4):
        paint(tmp_path / f"in/style/a-b_work-{seed}.png", seed)
    events = iter_import(tmp_path / "in", tmp_path / "c", size=32)
    for _ in range(3):
        next(events)
    events.close()
    assert "decoding" not in {thread.name for thread in threading.enumerate()}
    assert not (tmp_path / "c" / "works.csv").exists()


def test_a_style_is_one_however_it_is_spelt_and_that_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    for n in range(4):
        paint(folder / f"{n}.png", n)
    styles = ("Post-Impressionism", "post_impressionism", "POST IMPRESSIONISM", "Baroque")
    manifest(folder, [a_row(f"{n}.png", style=style) for n, style in enumerate(styles)])
    report = import_collection(folder, tmp_path / "c")
    assert report.collection.styles == ("Baroque", "Post-Impressionism")
    assert any(note.startswith("Taken as one style: ") for note in report.notes)
    before = table(tmp_path / "c")
    assert import_collection(folder, tmp_path / "c").unchanged == 4
    assert table(tmp_path / "c") == before
    paint(tmp_path / "more/baroque/a_b.png", 9)  # a later source that spells it otherwise
    more = import_collection(tmp_path / "more", tmp_path / "c")
    assert (more.imported, more.collection.styles) == (1, ("Baroque", "Post-Impressionism"))


def test_one_source_after_another_as_a_table_and_as_folders(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    for n in range(3):
        paint(folder / f"op-art/anna-ek_work-{n}.png", n)
    manifest(folder, [a_row(f"op-art/anna-ek_work-{n}.png") for n in range(2)])
    first = import_collection(folder, tmp_path / "c")
    assert first.imported == 2 and any("work-2.png" in note for note in first.notes)
    second = import_collection(folder, tmp_path / "c", form=Form("folder"))
    assert (second.imported, second.updated, second.works) == (1, 2, 3)
    assert second.refused == () and any("'metadata.csv'" in note for note in second.notes)
    assert second.collection.styles == ("Op Art",)


def test_a_source_that_knows_less_takes_nothing_away(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    for n in range(2):
        paint(folder / f"op-art/{n}.png", n)
    manifest(folder, [a_row(f"op-art/{n}.png", f"Title {n}") for n in range(2)])
    before = import_collection(folder, tmp_path / "c").collection
    rows = [["op-art/0.png", "", "", "Op Art", "", "", ""], a_row("op-art/1.png", artist="Bo Ask")]
    manifest(folder, rows)
    report = import_collection(folder, tmp_path / "c")
    after = report.collection
    assert (report.updated, report.works) == (2, 2)
    assert after.works[0] == before.works[0]  # nobody loses a credit to 'Unknown artist'
    assert (after.works[1].artist_id, after.works[1].title) == ("bo-ask", "T")
    assert not any("no maker" in note for note in report.notes)
    assert "unknown-artist" not in {artist.id for artist in after.artists}
    assert import_collection(folder, tmp_path / "c").unchanged == 2


ROW_KINDS = ("new", "again", "missing", "damaged", "nameless", "styleless", "address", "short")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(ROW_KINDS), min_size=1, max_size=9), st.integers(1, 9))
def test_every_row_is_accounted_for_and_importing_again_changes_nothing(
    kinds: list[str], limit: int
) -> None:
    """rows = works + twice + refused + left out; the second time all works are unchanged."""
    with tempfile.TemporaryDirectory() as place:
        folder, target = Path(place) / "in", Path(place) / "c"
        paint(folder / "first.png", 99, (24, 24))
        (folder / "bad.png").write_bytes(b"<html>")
        rows = [a_row("first.png")]
        for n, kind in enumerate(kinds):
            if kind == "new":
                paint(folder / f"{n}.png", n, (24, 24))
            file = {
                "new": f"{n}.png",
                "again": "first.png",
                "damaged": "bad.png",
                "nameless": "",
                "address": "https://x.org/a.png",
                "styleless": "first.png",
                "short": "first.png",
            }.get(kind, "missing.png")
            row = a_row(file, style="" if kind == "styleless" else "Op Art")
            rows.append(row[:2] if kind == "short" else row)
        manifest(folder, rows)
        chosen = Selection(limit=limit)
        first = import_collection(folder, target, size=16, selection=chosen)
        new, again = kinds.count("new"), kinds.count("again")
        assert first.rows == len(rows) == len(kinds) + 1
        assert first.works == first.imported == min(1 + new, limit)
        if limit > 1 + new:  # else rows after the last one taken are left out unseen
            assert (first.twice, first.skipped) == (again, 0)
        before = table(target)
        second = import_collection(folder, target, size=16, selection=chosen)
        assert (second.unchanged, second.imported, second.updated) == (first.works, 0, 0)
        assert (second.refused, second.skipped, second.rows) == (
            *(first.refused, first.skipped),
            first.rows,
        )
        assert table(target) == before


EMPTY = Collection(Path("c"), "c", "C", "", 32, (), ())
NOTHING = ImportReport(EMPTY, 0, 0, 0, 0, (), ())


def work(n: int, year: str, licence: str = "CC0") -> Work:
    return Work(f"w{n}", f"images/{n}.jpg", "T", "a", "s", year, licence, "", "0")


def test_rows_are_counted_once_each_and_look_alikes_are_no_rows() -> None:
    report = replace(
        NOTHING,
        imported=5,
        updated=4,
        unchanged=3,
        skipped=2,
        refused=(Refusal("1", "x"),),
        duplicates=(Duplicate("2", "w"), Duplicate("3", "w", "look", 4), Duplicate("4", "w")),
    )
    assert (report.rows, report.twice) == (5 + 4 + 3 + 2 + 1 + 2, 2)


def test_years_and_licences_are_summed_up() -> None:
    works = (work(1, "c. 1650–55"), work(2, "unknown"), work(3, "1890s", ""), work(4, ""))
    report = replace(
        NOTHING, collection=replace(EMPTY, works=works, artists=(Artist("a", "a", "A"),))
    )
    assert (report.works, report.artists) == (4, 1)
    assert report.years == (1650, 1899) and report.unlicensed == 1
    assert NOTHING.years is None


@pytest.mark.parametrize(
    ("report", "phrase"),
    [
        (replace(NOTHING, refused=(Refusal("1", "It is damaged."),)), "of 1 row none.*damaged"),
        (replace(NOTHING, refused=(Refusal("1", "Bad."),) * 3), "of 3 rows none.*Bad"),
        (replace(NOTHING, skipped=4), "chosen styles and limits left out all 4 rows"),
        (replace(NOTHING, skipped=2, refused=(Refusal("1", "Bad."),)), "2 were left out by"),
    ],
)
def test_where_nothing_could_be_taken_the_reason_is_said(report: ImportReport, phrase: str) -> None:
    error = NothingImported(report)
    assert error.report is report
    with pytest.raises(NothingImported, match=f"Nothing was imported: .*{phrase}"):
        raise error


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_that_takes_nothing_is_asked_wrongly(limit: int) -> None:
    for limits in ({"limit": limit}, {"limit_per_artist": limit}):
        with pytest.raises(UsageError, match=f"limit of {limit} would take nothing"):
            Selection(**limits)

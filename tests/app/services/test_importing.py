"""Importing from the browser: only on the studio's own machine, only into its own home, and a
preview that writes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from app.services.importing import ImportRequest, destination, imported, previewed, source_of
from app.settings import Settings, read_settings
from app.web.pages import importing as view
from core.collection.importing.importer import ImportReport, NothingImported
from core.collection.store import load_collection
from core.errors import UsageError
from tests.core.collection.importing.test_reservations import PROHIBITED, jpeg
from tests.small import picture


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(home=tmp_path / "home", device="cpu")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    for style in ("cubism", "ukiyo e"):
        (root / style).mkdir(parents=True)
        for number in range(2):
            name = f"anna-berg_study-{number}.png"
            picture(len(style) * 10 + number).save(root / style / name)
    (root / "cubism" / "broken_one.png").write_bytes(b"no picture")
    return root


def everything(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def last(events: object) -> ImportReport:
    *_, report = events  # type: ignore[misc]
    assert isinstance(report, ImportReport)
    return report


def test_a_preview_says_what_would_happen_and_writes_nothing(
    settings: Settings, source: Path, tmp_path: Path
) -> None:
    before = everything(tmp_path)
    report = last(previewed(settings, ImportRequest(str(source), "My pictures", 32)))
    assert everything(tmp_path) == before
    assert (report.works, report.artists, len(report.refused), report.written) == (4, 1, 1, False)
    html = view.preview(report)
    assert "Nothing is written yet. 4 works would be added" in html
    assert "broken_one.png" in html and "Anna Berg" in html


def test_importing_lands_in_the_studios_home_and_says_what_comes_next(
    settings: Settings, source: Path
) -> None:
    request = ImportRequest(str(source), "My pictures", 32)
    report = last(imported(settings, request))
    assert destination(settings, request) == settings.collections / "my-pictures"
    made = load_collection(settings.collections / "my-pictures")
    assert (made.title, made.image_size, len(made.works)) == ("My pictures", 32, 4)
    html = view.result(report)
    assert "4 works added" in html and "--collection my-pictures" in html
    again = last(imported(settings, request))
    assert (again.imported, again.unchanged) == (0, 4)
    assert "4 unchanged" in view.result(again)


def test_a_file_that_says_no_is_taken_by_permission_alone_which_is_kept(
    settings: Settings, source: Path
) -> None:
    (source / "cubism" / "anna-berg_no.jpg").write_bytes(jpeg(PROHIBITED, seed=99))
    said = ImportRequest(str(source), "My pictures", 32)
    without = last(previewed(settings, said))
    assert without.works == 4 and any("form" in one.reason for one in without.refused)
    report = last(imported(settings, replace(said, permission=" letter of\n3 May ")))
    assert report.works == 5
    assert any("by permission: letter of 3 May" in one.reason for one in report.remarks)


@pytest.mark.parametrize("title", ["../../outside", "/etc", "..", "a/b", "C:\\x"])
def test_no_title_leads_out_of_the_home(settings: Settings, source: Path, title: str) -> None:
    place = destination(settings, ImportRequest(str(source), title)).resolve()
    assert place.parent == settings.collections.resolve()


@pytest.mark.parametrize("text", ["", "   ", "pictures", "../pictures", "~nobody-of-that-name/x"])
def test_only_a_whole_path_is_taken(text: str) -> None:
    with pytest.raises(UsageError, match="whole path"):
        source_of(ImportRequest(text))


def test_a_source_without_pictures_says_so_row_by_row(settings: Settings, tmp_path: Path) -> None:
    table = tmp_path / "metadata.csv"
    table.write_text("file,title,artist,style\nnowhere.png,<b>One</b>,Anna,cubism\n")
    with pytest.raises(NothingImported) as caught:
        last(imported(settings, ImportRequest(str(table))))
    html = view.refused(caught.value.message, caught.value.report)
    assert "nowhere.png" in html and "<b>One" not in html


def test_what_a_source_says_is_text_on_the_page(settings: Settings, tmp_path: Path) -> None:
    root = tmp_path / "evil"
    root.mkdir()
    Image.new("RGB", (40, 40), (200, 30, 30)).save(root / "a.png")
    evil = "<img src=x onerror=alert(1)>"
    row = f"a.png,{evil},{evil},s,{evil}"
    (root / "metadata.csv").write_text(f"file,title,artist,style,year\n{row}\n")
    html = view.preview(last(previewed(settings, ImportRequest(str(root)))))
    assert "<img" not in html and "&lt;img" in html

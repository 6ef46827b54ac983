"""What a path says of its picture: style, artist, title, year."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.containers import Folder
from core.collection.importing.folders import fields_of_path, has_wikiart_form, read_folders
from core.collection.importing.rows import Candidate, Refusal
from core.errors import CollectionError


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Realism/ivan-shishkin_hut-1878.jpg", ("Realism", "Ivan Shishkin", "Hut", "1878")),
        ("Realism/a-b_view-1885-1.jpg", ("Realism", "A B", "View 1", "1885")),
        ("Realism/a-b_untitled-1885(2).jpg", ("Realism", "A B", "Untitled 2", "1885")),
        ("Art_Nouveau/x-z_the-12-months.jpg", ("Art Nouveau", "X Z", "The 12 months", "")),
        ("cubism/Anna Ek/The Kiss (1908).jpg", ("cubism", "Anna Ek", "The Kiss", "1908")),
        ("cubism/IMG001.jpg", ("cubism", "", "", "")),
        ("cubism/1907.jpg", ("cubism", "", "1907", "")),  # a year alone is a title
        ("cubism/Boudin_quay.jpg", ("cubism", "Boudin", "Quay", "")),
        ("loose.jpg", ("", "", "Loose", "")),
    ],
)
def test_a_path_tells(path: str, expected: tuple[str, str, str, str]) -> None:
    result = fields_of_path(PurePosixPath(path))
    assert (result.style, result.artist, result.title, result.year) == expected


@pytest.mark.parametrize(
    ("path", "tells"),
    [
        ("Realism/a_b.jpg", True),
        ("a_b.jpg", False),
        ("x/Realism/a_b.jpg", False),
        ("R/a.jpg", False),
    ],
)
def test_wikiart_s_form_is_recognised(path: str, tells: bool) -> None:
    assert has_wikiart_form(path) is tells


def rows(root: Path, *names: str) -> list[Candidate | Refusal]:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return list(read_folders(Folder(root)).rows)


@pytest.mark.parametrize(
    "outer", ["", "train/", "ArtBench-10/", "wikiart/images/", "my dataset/test/"]
)
def test_folders_around_the_styles_are_no_styles(tmp_path: Path, outer: str) -> None:
    result = rows(tmp_path, f"{outer}cubism/a_b.jpg", f"{outer}baroque/c_d.jpg")
    assert {one.style for one in result if isinstance(one, Candidate)} == {"cubism", "baroque"}


def test_train_and_test_are_taken_together_and_that_is_said(tmp_path: Path) -> None:
    result = rows(tmp_path, "train/cubism/a-b_b.jpg", "test/cubism/c-d_d.jpg")
    assert {one.style for one in result if isinstance(one, Candidate)} == {"cubism"}
    assert read_folders(Folder(tmp_path)).notes == ("The parts test, train were taken together.",)


def test_styles_that_hold_artists_are_not_taken_for_wrappers(tmp_path: Path) -> None:
    result = rows(tmp_path, "cubism/Anna Ek/One.jpg", "baroque/Bo Ask/Two.jpg")
    assert [(one.style, one.artist) for one in result if isinstance(one, Candidate)] == [
        ("baroque", "Bo Ask"),
        ("cubism", "Anna Ek"),
    ]


def test_loose_files_links_and_hidden_ones_are_accounted_for(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.jpg").write_bytes(b"x")
    rows(root, "cubism/a-b_b.jpg", "loose.jpg", "cubism/.hidden.jpg")
    (root / "cubism/out.jpg").symlink_to(elsewhere / "x.jpg")
    (root / "cubism/in").symlink_to(root / "cubism")
    reading = read_folders(Folder(root))
    reasons = {one.row: one.reason for one in reading.rows if isinstance(one, Refusal)}
    assert set(reasons) == {"loose.jpg", "cubism/out.jpg", "cubism/in"}
    assert "no style's folder" in reasons["loose.jpg"] and "outside" in reasons["cubism/out.jpg"]
    assert "link to a folder" in reasons["cubism/in"]
    assert reading.notes == ("Hidden files were left out: 1 (the first: 'cubism/.hidden.jpg').",)


def test_a_folder_of_hidden_files_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"no pictures.*Hidden files were left out: 1"):
        rows(tmp_path, ".cache/a.jpg")


NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20)


@given(st.lists(NAME.filter(lambda one: one not in (".", "..")), min_size=1, max_size=4))
def test_any_path_tells_something_and_never_fails(parts: list[str]) -> None:
    result = fields_of_path(PurePosixPath(*parts))
    assert result.year == "" or result.year.isdecimal()
    assert "\n" not in result.title and "\n" not in result.artist


def styles_and_titles(root: Path) -> set[tuple[str, str]]:
    reading = read_folders(Folder(root))
    return {(one.style, one.title) for one in reading.rows if isinstance(one, Candidate)}


@pytest.mark.parametrize("split", ["train", "test", "validation", "data/train", "images/val"])
def test_labels_lie_in_a_split_and_what_is_beside_them_is_one_note(
    tmp_path: Path, split: str
) -> None:
    result = rows(
        tmp_path, "README.md", "LICENSE", f"{split}/cubism/0.jpg", f"{split}/baroque/1.jpg"
    )
    assert [one.style for one in result if isinstance(one, Candidate)] == ["baroque", "cubism"]
    assert not [one for one in result if isinstance(one, Refusal)]
    notes = [one for one in read_folders(Folder(tmp_path)).notes if "passed over" in one]
    assert len(notes) == 1 and "passed over: 2 (" in notes[0] and "'LICENSE'" in notes[0]


def test_a_split_alone_is_no_style(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "train/sea.jpg")
    assert isinstance(row, Refusal) and "--map 'style=" in row.reason
    (row,) = read_folders(Folder(tmp_path), {"style": "Cubism", "artist": "Anna Ek"}).rows
    assert isinstance(row, Candidate)
    assert (row.style, row.artist, row.title) == ("Cubism", "Anna Ek", "Sea")


@pytest.mark.parametrize(
    ("folder", "style"),
    [
        ("10_sks watercolour", "watercolour"),
        ("5_oil", "oil"),
        ("100_ohwx ink drawing", "ink drawing"),
        ("1_art_nouveau", "art nouveau"),
        ("20_Ukiyo-e", "Ukiyo-e"),
        ("3_sks", "sks"),
        ("img/10_sks pastel", "pastel"),
    ],
)
def test_kohya_s_folders_lose_their_number_and_that_is_said(
    tmp_path: Path, folder: str, style: str
) -> None:
    rows(tmp_path, f"{folder}/DSC_1.jpg", f"{folder}/DSC_1.npz")
    assert styles_and_titles(tmp_path) == {(style, "Untitled")}
    assert any("number of repeats" in note for note in read_folders(Folder(tmp_path)).notes)


def test_folders_that_are_not_all_numbered_keep_their_names(tmp_path: Path) -> None:
    rows(tmp_path, "10_oil/a.jpg", "19th century/b.jpg")
    assert {style for style, _ in styles_and_titles(tmp_path)} == {"10 oil", "19th century"}


@pytest.mark.parametrize("ending", [".txt", ".caption"])
@pytest.mark.parametrize(
    ("caption", "title"),
    [
        ("sks ink, a harbour at dawn", "A harbour at dawn"),
        ("sks ink", "Untitled"),
        ("a harbour\nsecond line", "A harbour"),
        ("\ufeffa harbour", "A harbour"),
        ("ink: a harbour", "A harbour"),
        ("", "Untitled"),
        ("\n\n", "Untitled"),
    ],
)
def test_a_caption_is_the_title_of_a_picture_without_one(
    tmp_path: Path, ending: str, caption: str, title: str
) -> None:
    rows(tmp_path, "4_sks ink/IMG_1.jpg", "4_sks ink/Anna Ek_Sea.jpg")
    for stem in ("IMG_1", "Anna Ek_Sea"):
        (tmp_path / f"4_sks ink/{stem}{ending}").write_text(caption, encoding="utf-8")
    assert styles_and_titles(tmp_path) == {("ink", title), ("ink", "Sea")}


def test_a_caption_that_leads_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    rows(root, "oil/IMG_1.jpg")
    (tmp_path / "secret.txt").write_text("a secret")
    (root / "oil/IMG_1.txt").symlink_to(tmp_path / "secret.txt")
    assert styles_and_titles(root) == {("oil", "Untitled")}


def test_how_many_files_name_no_artist_is_said(tmp_path: Path) -> None:
    rows(tmp_path, "oil/IMG_1.jpg", "oil/Anna Ek_Sea.jpg", "oil/scan_0001.jpg")
    notes = read_folders(Folder(tmp_path)).notes
    assert any("names no artist: 2 of 3" in note for note in notes)


def test_a_folder_between_style_and_file_is_an_artist_s_only_if_it_is_named_so(
    tmp_path: Path,
) -> None:
    result = rows(
        tmp_path, "oil/Anna Ek/IMG_1.jpg", "oil/batch 2/Bo Ask_Sea.jpg", "oil/scans/IMG_2.jpg"
    )
    assert [one.artist for one in result if isinstance(one, Candidate)] == [
        "Anna Ek",
        "Bo Ask",
        "Unknown artist",
    ]


def test_a_loose_file_beside_the_splits_is_refused_and_does_not_change_them(tmp_path: Path) -> None:
    result = rows(tmp_path, "cover.jpg", "train/cubism/sea.jpg", "test/cubism/sky.jpg")
    assert [one.style for one in result if isinstance(one, Candidate)] == ["cubism", "cubism"]
    (refused,) = (one for one in result if isinstance(one, Refusal))
    assert refused.row == "cover.jpg" and "no style's folder" in refused.reason


def test_a_caption_that_cannot_be_read_is_named_and_the_picture_taken(tmp_path: Path) -> None:
    rows(tmp_path, "oil/IMG_1.jpg", "oil/IMG_2.jpg", "oil/IMG_3.jpg", "oil/IMG_4.jpg")
    (tmp_path / "oil/IMG_1.txt").write_bytes("гавань на рассвете".encode("cp1251"))
    (tmp_path / "oil/IMG_2.txt").write_bytes(b"a harbour " * 10_000)
    (tmp_path / "oil/IMG_3.txt").write_text("a harbour", encoding="utf-16")
    (tmp_path / "oil/IMG_4.txt").write_text("ü" * 999 + " 港", encoding="utf-8")
    reading = read_folders(Folder(tmp_path))
    captions = [one.caption for one in reading.rows if isinstance(one, Candidate)]
    assert captions == ["", "", "a harbour", "ü" * 999]
    assert any(
        "could not be read and were left out: 2 (the first: 'oil/IMG_1.txt')" in note
        for note in reading.notes
    )
    assert any("passed over: 2 (.txt" in note for note in reading.notes)

"""A collection comes back from disk as it went, and what is wrong with one is said in words."""

from __future__ import annotations

import csv
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import files
from core.collection.store import (
    find_collections,
    is_inside,
    load_collection,
    load_held_out,
    save_collection,
    save_held_out,
)
from core.collection.types import Artist, Collection, Work
from core.errors import CollectionError

ODD_TITLES = (
    'She said "no", twice',
    "two\nlines",
    "Windows\r\nlines",
    "old\rMac",
    "a,b;c\td",
    "=HYPERLINK(1)",
    "",
    " spaced ",
    "Бой гладиаторов",
    "名所江戸百景",
    "e\u0301",
    "'''",
    "\\n \\u0041 \\",
    "\x7f\x00\x1b",
    "\ufefftitle",
    "🎨",
    "\u2028",
)
TEXT = st.text(st.characters(codec="utf-8")) | st.sampled_from(ODD_TITLES)


def a_collection(root: Path, titles: tuple[str, ...] = ("One", "Two")) -> Collection:
    works = tuple(
        Work(f"w{n}", f"images/w{n}.jpg", title, "anna", "Op Art", "1900", "CC0", "here", "0" * 64)
        for n, title in enumerate(titles)
    )
    artist = Artist("anna", "anna", "Anna", (("wikidata", "Q1"), ("ulan", "5, 6")))
    return Collection(root, "tiny", "Tiny", "Two works", 32, works, (artist,))


def put_pictures(collection: Collection) -> None:
    (collection.path / "images").mkdir(parents=True, exist_ok=True)
    for work in collection.works:
        collection.image_path(work).write_bytes(b"x")


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    titles=st.lists(TEXT, max_size=4),
    words=st.tuples(TEXT, TEXT, TEXT, TEXT),
    pairs=st.lists(st.tuples(TEXT, TEXT), max_size=2),
    guidance=st.floats(0, 50),
    steps=st.integers(1, 1000),
)
def test_what_is_saved_is_what_is_loaded(
    tmp_path: Path,
    titles: list[str],
    words: tuple[str, str, str, str],
    pairs: list[tuple[str, str]],
    guidance: float,
    steps: int,
) -> None:
    name, title, description, artist_name = words
    base = a_collection(tmp_path, tuple(titles))
    collection = replace(
        base,
        name=name,
        title=title,
        description=description,
        default_steps=steps,
        default_guidance=guidance,
        artists=(replace(base.artists[0], name=artist_name, identifiers=tuple(pairs)),),
        works=tuple(replace(work, style=title, year=description) for work in base.works),
    )
    save_collection(collection)
    assert load_collection(tmp_path, check_files=False) == collection


def test_the_files_are_plain_toml_and_csv_to_other_readers(tmp_path: Path) -> None:
    save_collection(a_collection(tmp_path, ODD_TITLES))
    settings_ = tomllib.loads((tmp_path / "collection.toml").read_text(encoding="utf-8"))
    assert settings_ == {
        "format": 1,
        "name": "tiny",
        "title": "Tiny",
        "description": "Two works",
        "image_size": 32,
        "default_steps": 20,
        "default_guidance": 2.0,
    }
    with (tmp_path / "works.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["title"] for row in csv.DictReader(stream)] == list(ODD_TITLES)


def test_columns_may_stand_in_any_order_and_others_are_ignored(tmp_path: Path) -> None:
    collection = a_collection(tmp_path)
    save_collection(collection)
    with (tmp_path / "works.csv").open(encoding="utf-8", newline="") as stream:
        rows = [list(reversed([*row, "extra"])) for row in csv.reader(stream)]
    with (tmp_path / "works.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(rows)
    assert load_collection(tmp_path, check_files=False) == collection


def test_held_out_works_are_kept_apart(tmp_path: Path) -> None:
    collection = a_collection(tmp_path)
    save_collection(collection)
    put_pictures(collection)
    assert load_held_out(collection) == ()
    kept = (replace(collection.works[0], id="h", file="held_out/h.jpg"),)
    save_held_out(collection, kept)
    with pytest.raises(CollectionError, match="lacks 1 of 1 picture"):
        load_held_out(collection)
    (tmp_path / "held_out").mkdir()
    (tmp_path / "held_out/h.jpg").write_bytes(b"x")
    assert load_held_out(collection) == kept
    assert load_collection(tmp_path).works == collection.works


@pytest.mark.parametrize("name", ["collection.toml", "works.csv", "artists.csv", "images/w1.jpg"])
def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path, name: str) -> None:
    collection = a_collection(tmp_path)
    save_collection(collection)
    put_pictures(collection)
    assert load_collection(tmp_path) == collection
    (tmp_path / name).unlink()
    with pytest.raises(CollectionError) as caught:
        load_collection(tmp_path)
    assert name in caught.value.message and "import" in caught.value.message.lower()
    assert str(tmp_path.parent) not in caught.value.message


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("collection.toml", "format = 1", "format = 2", "format 2"),
        ("collection.toml", "format = 1", "format ==", "not valid TOML"),
        ("collection.toml", "image_size = 32", "", "lacks the key 'image_size'"),
        ("collection.toml", "image_size = 32", 'image_size = "big"', "wrong kind"),
        ("collection.toml", "image_size = 32", "image_size = 0", "image_size outside"),
        ("works.csv", "id,file", "id,fill", "lacks the column file"),
        ("works.csv", "w1,", "w0,", "one work id twice"),
        ("works.csv", "images/w1.jpg", "../w1.jpg", "outside its folder"),
        ("works.csv", "images/w1.jpg", "/etc/passwd", "outside its folder"),
        ("works.csv", "anna", "nobody", "unlisted artist"),
        ("artists.csv", "anna,", "../anna,", "'../anna', which is no slug"),
        ("works.csv", "Two,", "Two,,", "record 3: 10 cells"),
        ("works.csv", "Two,", '"Two,', "readable CSV"),
        ("artists.csv", "[[", "[", "not a list of pairs"),
    ],
)
def test_a_contradiction_is_refused_by_name(
    tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    save_collection(a_collection(tmp_path))
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CollectionError, match=said):
        load_collection(tmp_path, check_files=False)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    save_collection(a_collection(tmp_path))
    (tmp_path / "works.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(CollectionError, match="UTF-8"):
        load_collection(tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "works.csv"
    files.write_text(target, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CollectionError, match="no space left"):
        files.write_text(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_half_characters_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="lone surrogate"):
        files.write_text(tmp_path / "x.csv", "\ud800")
    assert list(tmp_path.iterdir()) == []


def test_collections_are_found_once_each(tmp_path: Path) -> None:
    for name in ("b", "a"):
        save_collection(a_collection(tmp_path / name))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    roots = [tmp_path / "b", tmp_path, tmp_path / "missing", tmp_path / "file.txt"]
    assert find_collections(roots) == [tmp_path / "b", tmp_path / "a"]


@pytest.mark.parametrize("file", ["images/a.jpg", "a", "images/a:b.jpg", "images/..jpg"])
def test_paths_inside(file: str) -> None:
    assert is_inside(file)


@pytest.mark.parametrize(
    "file", ["", ".", "..", "../a", "a/../../b", "/a", "C:/a", "C:a", "a\\..\\b", "a\0"]
)
def test_paths_outside(file: str) -> None:
    assert not is_inside(file)


def test_look_ups_and_digest(tmp_path: Path) -> None:
    collection = a_collection(tmp_path)
    assert collection.styles == ("Op Art",)
    assert collection.work("w1").title == "Two"
    assert collection.artist("anna").name == "Anna"
    assert collection.image_path(collection.works[0]) == tmp_path / "images/w0.jpg"
    for look_up in (collection.work, collection.artist):
        with pytest.raises(CollectionError, match="holds no"):
            look_up("nobody")
    first, second = collection.works
    same = (
        replace(collection, path=tmp_path / "elsewhere"),
        replace(collection, works=(replace(first, title="Renamed"), second)),
    )
    other = (
        replace(collection, works=(second, first)),
        replace(collection, works=(replace(first, sha256="1" * 64), second)),
        replace(collection, works=(replace(first, style="Baroque"), second)),
        replace(collection, works=(first,)),
        replace(collection, artists=()),
    )
    assert {each.digest for each in same} == {collection.digest}
    assert len({each.digest for each in (collection, *other)}) == 1 + len(other)

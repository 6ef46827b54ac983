"""The page Names: an answer is to the question that was shown, and no page knows a path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from app.services.session import Studio, open_studio
from app.settings import read_settings
from app.web.language import ENGLISH
from app.web.pages.names import FIRST, NamesPage
from core.collection.artists.decisions import decide, read_decisions
from core.collection.artists.review import proposals
from core.collection.importing.importer import import_collection
from core.collection.store import load_collection
from core.collection.types import Collection
from tests.core.collection.importing.test_crediting import by, table

NOBODY = "Nobody in particular"


@pytest.fixture
def studio(ready: Collection, tmp_path: Path) -> Iterator[Studio]:
    home = tmp_path / "home"
    names = by("Komar, Melamid", "Zorn, Quist", "Anna Berg")
    import_collection(table(tmp_path / "s", *names), home / "collections" / "two", size=32)
    opened = open_studio(read_settings(home=home, collection=ready.path, device="cpu"))
    yield opened
    opened.ledger.close()


@pytest.fixture
def page(studio: Studio) -> NamesPage:
    with gr.Blocks():
        return NamesPage(studio)


def test_an_answer_to_a_question_that_another_keeper_answered_is_to_no_other(
    studio: Studio, page: NamesPage
) -> None:
    root = studio.settings.collections / "two"
    first, second = proposals(load_collection(root))
    assert NOBODY in {one.words for one in second.choices}
    position = page._page(ENGLISH, "two", FIRST)[-1]
    assert position == (0, first.key)
    decide(load_collection(root), "makers", first.subject, "Komar | Melamid", by="bea")
    answer = page._decide(ENGLISH, "two", position, NOBODY, "ann")
    assert "That was decided meanwhile." in answer[0] and "Zorn, Quist" in answer[0]
    assert len(read_decisions(root).rows) == 1
    assert [one.key for one in proposals(load_collection(root))] == [second.key]
    page._decide(ENGLISH, "two", answer[-1], NOBODY, "ann")
    assert proposals(load_collection(root)) == ()


def test_no_page_knows_where_a_collection_lies(studio: Studio, ready: Collection) -> None:
    with gr.Blocks() as blocks:
        page = NamesPage(studio)
        page.load(blocks)
    known = json.dumps(blocks.get_config_file(), default=str)
    for path in (studio.settings.home, ready.path):
        assert str(path) not in known
    assert "two" in dict(page._choices())


def test_two_collections_of_one_name_can_both_be_chosen(studio: Studio, page: NamesPage) -> None:
    names = by("Carl Dorn")
    twin = studio.settings.collections / studio.collection.path.name
    import_collection(table(twin.parent.parent / "t", *names, first=9), twin, size=32)
    names_of = [name for name, _ in page._choices()]
    assert len(set(names_of)) == len(names_of)
    assert f"{twin.name} (2)" in names_of
    assert page._opened(f"{twin.name} (2)").path != page._opened(twin.name).path

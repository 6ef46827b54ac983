"""Files over HTTP: by id alone; small pictures are made once and never of a foreign file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from app.services.thumbnails import SIDE
from core.collection.types import Collection
from tests.app.web.conftest import Visit, visit


@pytest.fixture
def visitor(ready: Collection, tmp_path: Path) -> Visit:
    one: Visit = visit(ready, tmp_path / "home")
    one.open()
    return one


def test_a_works_thumbnail_is_the_work_itself_where_that_is_small(
    visitor: Visit, ready: Collection
) -> None:
    work = ready.works[0]
    answer = visitor.client.get(f"/media/thumbnails/works/{work.id}")
    assert answer.status_code == 200 and "private" in answer.headers["cache-control"]
    assert answer.content == ready.image_path(work).read_bytes()


def test_a_large_work_is_sent_small(visitor: Visit, ready: Collection, tmp_path: Path) -> None:
    place = ready.image_path(ready.works[1])
    before = place.read_bytes()
    try:
        with Image.open(io.BytesIO(before)) as image:
            image.resize((900, 900)).save(place)
        answer = visitor.client.get(f"/media/thumbnails/works/{ready.works[1].id}")
        whole = visitor.client.get(f"/media/works/{ready.works[1].id}")
        assert answer.headers["content-type"] == "image/webp"
        with Image.open(io.BytesIO(answer.content)) as small:
            assert small.size == (SIDE, SIDE)
        assert len(whole.content) > len(answer.content)
    finally:
        place.write_bytes(before)


@pytest.mark.parametrize("kind", ["works", "runs"])
@pytest.mark.parametrize("name", ["nobody", "..%2f..%2fworks.csv", "%2fetc%2fpasswd", "%00"])
def test_there_is_no_thumbnail_of_what_is_not_there(visitor: Visit, kind: str, name: str) -> None:
    answer = visitor.client.get(f"/media/thumbnails/{kind}/{name}")
    assert answer.status_code == 404
    assert (
        b"root:" not in answer.content and b"image" not in answer.headers["content-type"].encode()
    )


def test_the_tab_shows_a_mark(visitor: Visit) -> None:
    with Image.open(io.BytesIO(visitor.client.get("/favicon.ico").content)) as image:
        assert image.size == (64, 64)

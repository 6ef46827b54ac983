"""The whole application in process, behind its gate, and a browser's way of talking to it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount
from starlette.testclient import TestClient

from app.settings import Settings, read_settings
from app.web.access import Access
from app.web.server import make_application
from app.web.uploads import Budgets
from core.collection.types import Collection
from tests.small import picture

HOME = "http://127.0.0.1:7860"


@dataclass
class Visit:
    """One visitor's browser; `client` keeps its cookies."""

    client: TestClient
    application: Any
    access: Access
    settings: Settings

    @property
    def blocks(self) -> Any:
        """Gradio's own description of every event."""
        return self.gradio.get_blocks()

    @property
    def gradio(self) -> Any:
        """Gradio's application, where it is mounted."""
        mounts = (route for route in self.application.routes if isinstance(route, Mount))
        return next(route.app for route in mounts if hasattr(route.app, "get_blocks"))

    @property
    def uploaded(self) -> list[Path]:
        """Every file that lies in the upload folder."""
        return [path for path in self.settings.temporary.rglob("*") if path.is_file()]

    def open(self) -> None:
        assert self.client.get("/", headers={"accept": "text/html"}).status_code == 200

    def become_keeper(self) -> None:
        """Open the printed address: the key makes this browser the keeper's."""
        assert self.client.get(f"/?key={self.access.new_key()}").status_code == 303

    def sign_in(self, name: str, password: str) -> None:
        answer = self.client.post("/sign-in", data={"name": name, "password": password})
        assert answer.status_code == 303, answer.text

    def upload(self, data: bytes | None = None, **headers: str) -> Any:
        files = {"files": ("a.png", data or png(), "image/png")}
        return self.client.post("/gradio_api/upload", files=files, headers=headers)

    def post(self, number: int, data: list[Any], session: str = "s", **headers: str) -> Any:
        queued = self.blocks.fns[number].queue
        route = "/gradio_api/queue/join" if queued else "/gradio_api/run/predict"
        body = {"fn_index": number, "session_hash": session, "data": data}
        return self.client.post(route, json=body, headers=headers)


def png(seed: int = 3) -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, "PNG")
    return buffer.getvalue()


def visit(ready: Collection, home: Path, budgets: Budgets | None = None, **given: Any) -> Any:
    settings = read_settings(home=home, collection=ready.path, device="cpu", **given)
    access = Access(settings)
    application = make_application(settings, access, budgets)
    return Visit(
        TestClient(application, base_url=HOME, follow_redirects=False),
        application,
        access,
        settings,
    )


@pytest.fixture(scope="module")
def visitor(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Whoever has opened the printed address: on a machine of one's own everything is offered."""
    made = visit(ready, tmp_path_factory.mktemp("gate"))
    with made.client:
        made.open()
        made.become_keeper()
        yield made


@pytest.fixture
def stranger(visitor: Visit) -> TestClient:
    """Another browser at the same studio, which has opened the first page too."""
    client = TestClient(visitor.application, base_url=HOME, follow_redirects=False)
    client.get("/", headers={"accept": "text/html"})
    return client

"""What keeps the studio from starting is one sentence with its remedy."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from app.settings import read_settings
from app.web.server import make_application, serve
from core.errors import UsageError


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("nobody.invalid", "cannot be used.*--host"),
        ("192.0.2.1", "cannot be used.*--host"),
        ("2001:db8::1", "cannot be used.*--host"),
        ("a..b", "(not the name|cannot be used).*--host"),
        (".", "(not the name|cannot be used).*--host"),
        ("ü ü..x", "not the name.*--host"),
        ("a\0b", "not the name.*--host"),
        ("x" * 64 + ".org", "(not the name|cannot be used).*--host"),
        ("http://localhost", "cannot be used.*--host"),
        ("256.0.0.1", "cannot be used.*--host"),
    ],
)
def test_a_host_that_cannot_be_listened_on_is_named(tmp_path: Path, host: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        serve(read_settings(home=tmp_path, host=host, port=0, open=False))


def test_a_port_in_use_is_named_with_another_way(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port} cannot be used.*--port 0"):
            serve(read_settings(home=tmp_path, port=port, open=False))


@pytest.mark.parametrize("failing", ["a file lies there", "read-only"])
def test_a_home_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    if failing == "read-only":

        def refused(path: Path, **options: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", refused)
    else:
        (tmp_path / "tmp").touch()
    with pytest.raises(UsageError, match="tmp cannot be made .*Set CREDITLINE_HOME"):
        make_application(read_settings(home=tmp_path))

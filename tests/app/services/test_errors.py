"""What goes wrong at the edge becomes words for a person; the story is kept in the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services import errors
from app.services.errors import guarded, keep_report, words_of
from core.errors import ImageRefused


def test_an_unforeseen_error_becomes_words_with_a_reference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path))

    def broken() -> Iterator[str]:
        yield "one"
        raise ZeroDivisionError("secret /path")

    shown = list(guarded(broken(), lambda words: words))
    assert shown[0] == "one"
    assert "secret" not in shown[1]
    reference = shown[1].rstrip(".").split()[-1]
    assert f"ref {reference}" in (tmp_path / "logs" / "errors.log").read_text()
    assert words_of(ImageRefused("Too large.")) == "Too large."
    assert "memory" in words_of(RuntimeError("CUDA out of memory"))


def test_the_log_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever somebody finds to fail on purpose, and however often."""
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path))
    monkeypatch.setattr(errors, "LARGEST_LOG", 2000)
    for number in range(200):
        newest = keep_report(ValueError(f"failed {number} times"))
    logs = sorted((tmp_path / "logs").iterdir())
    assert [log.name for log in logs] == ["errors.log", "errors.log.1"]
    assert f"ref {newest}" in logs[0].read_text()
    assert sum(log.stat().st_size for log in logs) < 2 * 2000 + 1000
